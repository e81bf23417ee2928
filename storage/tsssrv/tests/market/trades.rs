//! Trades that go well, are cancelled, and are checked by both at the same moment.

use crate::stage::{Node, Player, Stage};
use model::calls::market::{MarketRefusal, Reply, Request, TradeDone, TradeEnd, TradeNews};
use support::RedisServer;

/// A stage with a node for each of two players.
pub struct Two {
    pub stage: Stage,
    pub nodes: [Node; 2],
    pub ana: Player,
    pub bo: Player,
}

pub async fn two(stage: Stage) -> Two {
    let nodes = [stage.node("tmsrv-1").await, stage.node("tmsrv-2").await];
    let (ana, bo) = (stage.player("tmsrv-1", 1_000, 3).await, stage.player("tmsrv-2", 500, 2).await);
    // both streams are known to the market when a call of the same node was answered
    for (node, player) in nodes.iter().zip([&ana, &bo]) {
        node.cancels(player).await;
    }
    Two { stage, nodes, ana, bo }
}

/// Both offers stand: Ana's item of slot 0 and 100 gold against Bo's item of slot 1.
pub async fn open(two: &Two) -> model::TradeId {
    let Two { nodes: [na, nb], ana, bo, .. } = two;
    na.offers(ana.to(bo, ana.gives(&[0], 100))).await;
    nb.offers(bo.to(ana, bo.gives(&[1], 0))).await.trade
}

/// Both agree; the second one is answered that it settles.
pub async fn both_check(two: &Two) {
    let Two { nodes: [na, nb], ana, bo, .. } = two;
    let view = na.offers(ana.checks(bo, ana.gives(&[0], 100), 1)).await;
    assert!(view.checked && !view.settling, "{view:?}");
    let view = nb.offers(bo.checks(ana, bo.gives(&[1], 0), 1)).await;
    assert!(view.checked && view.settling, "{view:?}");
}

async fn swaps_both_ways(stage: Stage) {
    let mut two = two(stage).await;
    let Two { nodes: [na, nb], ana, bo, .. } = &mut two;
    let view = na.offers(ana.to(bo, ana.gives(&[0], 100))).await;
    assert_eq!((view.version, view.checked, &view.partner), (1, false, &None));
    let (trade, TradeNews::Offered(half)) = nb.hears_of(bo).await else { panic!("an invitation") };
    assert_eq!((trade, &half.party, half.offer.gold), (view.trade, &ana.party, 100));
    let view = nb.offers(bo.to(ana, bo.gives(&[1], 0))).await;
    assert_eq!(view.partner.as_ref().map(|half| half.version), Some(1));
    let (_, TradeNews::Offered(half)) = na.hears_of(ana).await else { panic!("an offer") };
    assert_eq!(half.offer.shown(), bo.gives(&[1], 0).shown());
    both_check(&two).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
    let (gave, got) = (ana.carry[0].unwrap(), bo.carry[1].unwrap());
    let done = na.hears_end(ana).await;
    let expected = TradeDone { given: vec![0], received: vec![(0, got)], gold: Some(900) };
    assert_eq!(done, TradeNews::Done(expected.clone()));
    let other = TradeDone { given: vec![1], received: vec![(1, gave)], gold: Some(600) };
    assert_eq!(nb.hears_end(bo).await, TradeNews::Done(other));
    let (a, b) = (stage.stored(ana).await, stage.stored(bo).await);
    assert_eq!((a.carry[0], a.hard.gold), (Some(got), 900));
    assert_eq!((b.carry[1], b.hard.gold), (Some(gave), 600));
    assert_eq!(na.reads(trade, ana, bo).await, Reply::TradeOver(trade, TradeNews::Done(expected)));
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_swaps_both_ways_and_is_remembered() {
    swaps_both_ways(Stage::in_memory().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_swaps_both_ways_in_redis() {
    let Some(redis) = RedisServer::start_or_skip() else { return };
    swaps_both_ways(Stage::on(&redis).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_offer_clears_both_checks_and_a_check_on_an_old_one_does_not_count() {
    let mut two = two(Stage::in_memory().await).await;
    open(&two).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
    assert!(na.offers(ana.checks(bo, ana.gives(&[0], 100), 1)).await.checked);
    let view = nb.offers(bo.to(ana, bo.gives(&[1], 7))).await;
    assert_eq!((view.version, view.partner.unwrap().checked), (2, false), "Ana's check is cleared");
    let view = nb.offers(bo.checks(ana, bo.gives(&[1], 7), 1)).await;
    assert!(view.checked && !view.settling);
    let view = na.offers(ana.checks(bo, ana.gives(&[0], 100), 1)).await;
    assert!(!view.checked && !view.settling, "Ana saw version 1 only");
    let view = na.offers(ana.checks(bo, ana.gives(&[0], 100), 2)).await;
    assert!(view.settling);
    assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
    assert_eq!((stage.gold(ana).await, stage.gold(bo).await), (907, 593));
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_counts_before_both_have_offered() {
    let two = two(Stage::in_memory().await).await;
    let Two { nodes: [na, _], ana, bo, stage } = &two;
    let view = na.offers(ana.checks(bo, ana.gives(&[0], 100), 0)).await;
    assert!(!view.checked && !view.settling);
    let view = na.offers(ana.checks(bo, ana.gives(&[0], 100), 1)).await;
    assert!(!view.checked && !view.settling);
    assert_eq!(stage.gold(ana).await, 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_bag_takes_what_takes_the_place_of_what_it_gives() {
    let two = two(Stage::in_memory().await).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &two;
    let full = |player: &Player, slot: u8| {
        let mut offer = player.gives(&[slot], 0);
        offer.free_slots.clear();
        offer
    };
    na.offers(ana.to(bo, full(ana, 2))).await;
    nb.offers(bo.to(ana, full(bo, 0))).await;
    na.offers(ana.checks(bo, full(ana, 2), 1)).await;
    assert!(nb.offers(bo.checks(ana, full(bo, 0), 1)).await.settling);
    support::until("it is done", async || stage.stored(ana).await.carry[2] == bo.carry[0]).await;
    assert_eq!(stage.stored(bo).await.carry[0], ana.carry[2]);
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_side_can_cancel_in_each_state() {
    for state in 0..4 {
        for canceller in 0..2 {
            let mut two = two(Stage::in_memory().await).await;
            let Two { nodes: [na, nb], ana, bo, .. } = &two;
            na.offers(ana.to(bo, ana.gives(&[0], 100))).await;
            if state >= 1 {
                nb.offers(bo.to(ana, bo.gives(&[1], 0))).await;
            }
            if state >= 2 {
                na.offers(ana.checks(bo, ana.gives(&[0], 100), 1)).await;
            }
            if state == 3 {
                two.stage.store.is_away(true);
                nb.offers(bo.checks(ana, bo.gives(&[1], 0), 1)).await;
            }
            let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
            let reply = if canceller == 0 { na.cancels(ana).await } else { nb.cancels(bo).await };
            if state == 3 {
                assert!(matches!(reply, Reply::Settling(_)), "too late");
                stage.store.is_away(false);
                assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)));
                assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
                continue;
            }
            assert_eq!(reply, Reply::Closed, "state {state}");
            let closed = TradeNews::Closed(TradeEnd::Cancelled);
            assert_eq!((na.hears_end(ana).await, nb.hears_end(bo).await), (closed.clone(), closed));
            assert_eq!(stage.gold(ana).await, 1_000);
            let again = na.offers(ana.to(bo, ana.gives(&[0], 5))).await;
            assert_eq!(again.version, 1, "both are free for a new one");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_invite_each_other_at_the_same_moment_and_meet_in_one_trade() {
    for _ in 0..20 {
        let two = two(Stage::in_memory().await).await;
        let Two { nodes: [na, nb], ana, bo, .. } = &two;
        let offers = (ana.to(bo, ana.gives(&[0], 1)), bo.to(ana, bo.gives(&[0], 2)));
        let (a, b) = tokio::join!(na.offers(offers.0), nb.offers(offers.1));
        assert_eq!(a.trade, b.trade);
        let view = na.offers(ana.checks(bo, ana.gives(&[0], 1), 1)).await;
        assert!(view.checked, "{view:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_a_trade_is_busy_and_who_is_only_invited_may_turn_away() {
    let mut two = two(Stage::in_memory().await).await;
    let cy = two.stage.player("tmsrv-1", 0, 1).await;
    let Two { nodes: [na, nb], ana, bo, .. } = &mut two;
    na.offers(ana.to(bo, ana.gives(&[0], 0))).await;
    nb.offers(bo.to(&cy, bo.gives(&[0], 0))).await;
    assert_eq!(na.hears_end(ana).await, TradeNews::Closed(TradeEnd::Cancelled), "Bo turned to Cy");
    na.offers(cy.to(bo, cy.gives(&[0], 0))).await;
    let busy = nb.ask(Request::OfferTrade(bo.to(ana, bo.gives(&[0], 0)))).await;
    assert_eq!(busy, Reply::Refused(MarketRefusal::StillBusy));
    let busy = na.ask(Request::OfferTrade(ana.to(bo, ana.gives(&[0], 0)))).await;
    assert_eq!(busy, Reply::Refused(MarketRefusal::PartnerBusy));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_is_not_answered_gives_way_to_the_next_one() {
    let mut two = two(Stage::in_memory().await).await;
    let cy = two.stage.player("tmsrv-1", 0, 1).await;
    let Two { nodes: [na, nb], ana, bo, .. } = &mut two;
    na.offers(ana.to(bo, ana.gives(&[0], 0))).await;
    let next = na.offers(cy.to(bo, cy.gives(&[0], 0))).await;
    assert_eq!(na.hears_end(ana).await, TradeNews::Closed(TradeEnd::Cancelled));
    assert_eq!(nb.hears_end(bo).await, TradeNews::Closed(TradeEnd::Cancelled));
    let (trade, TradeNews::Offered(half)) = nb.hears_of(bo).await else { panic!("an invitation") };
    assert_eq!((trade, &half.party), (next.trade, &cy.party));
    assert!(nb.offers(bo.to(&cy, bo.gives(&[0], 0))).await.partner.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_of_a_node_that_died_holds_nobody_who_was_loaded_again() {
    let mut two = two(Stage::in_memory().await).await;
    let cy = two.stage.player("tmsrv-1", 0, 1).await;
    open(&two).await;
    let Two { nodes: [na, _], ana, bo, stage } = &mut two;
    let busy = na.ask(Request::OfferTrade(cy.to(bo, cy.gives(&[0], 0)))).await;
    assert_eq!(busy, Reply::Refused(MarketRefusal::PartnerBusy));
    let fence = bo.party.fence;
    bo.party.fence = stage.load(fence.account, fence.character, "tmsrv-2").await;
    let view = na.offers(cy.to(bo, cy.gives(&[0], 0))).await;
    assert_eq!(view.version, 1);
    assert_eq!(na.hears_end(ana).await, TradeNews::Closed(TradeEnd::Cancelled));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_check_at_the_same_moment_and_exactly_one_transfer_is_done() {
    for round in 0..40 {
        let mut two = two(Stage::in_memory().await).await;
        open(&two).await;
        let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
        let checks = (ana.checks(bo, ana.gives(&[0], 100), 1), bo.checks(ana, bo.gives(&[1], 0), 1));
        let (a, b) = tokio::join!(na.offers(checks.0), nb.offers(checks.1));
        assert_eq!(
            [a.settling, b.settling].iter().filter(|one| **one).count(),
            1,
            "round {round}: {a:?} {b:?}"
        );
        assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)), "round {round}");
        assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)), "round {round}");
        assert_eq!((stage.gold(ana).await, stage.gold(bo).await), (900, 600), "round {round}");
        stage.is_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_and_a_change_at_the_same_moment_never_swap_what_was_not_seen() {
    for round in 0..40 {
        let mut two = two(Stage::in_memory().await).await;
        open(&two).await;
        let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
        assert!(na.offers(ana.checks(bo, ana.gives(&[0], 100), 1)).await.checked);
        // Bo agrees while Ana takes 90 gold off the table
        let check = Request::OfferTrade(bo.checks(ana, bo.gives(&[1], 0), 1));
        let change = Request::OfferTrade(ana.to(bo, ana.gives(&[0], 10)));
        let (check, change) = tokio::join!(nb.ask(check), na.ask(change));
        match (&check, &change) {
            (Reply::Trade(view), late) if view.settling => {
                let is_late = match late {
                    Reply::Settling(_) => true,
                    // the swap was over before: it is the first offer of a new trade
                    Reply::Trade(new) => new.trade != view.trade,
                    _ => false,
                };
                assert!(is_late, "round {round}: {late:?}");
                assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)));
                assert_eq!(stage.gold(bo).await, 600, "round {round}");
            }
            (Reply::Trade(view), Reply::Trade(_)) => {
                assert!(!view.settling);
                assert_eq!(stage.gold(bo).await, 500, "round {round}");
            }
            other => panic!("round {round}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_away_hears_nothing_and_asks() {
    let mut two = two(Stage::in_memory().await).await;
    let trade = open(&two).await;
    both_check(&two).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
    assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
    *na = stage.node("tmsrv-1").await;
    let Reply::TradeOver(_, TradeNews::Done(done)) = na.reads(trade, ana, bo).await else { panic!("done") };
    assert_eq!(done.gold, Some(900));
    let stranger = stage.player("tmsrv-1", 0, 0).await;
    assert!(matches!(na.reads(trade, &stranger, bo).await, Reply::Refused(MarketRefusal::BadRequest(_))));
}
