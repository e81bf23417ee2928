//! Trades that are refused: nothing is changed, both are told and free again.

use crate::stage::{Player, Stage, item};
use crate::trades::{Two, both_check, open, two};
use model::Epoch;
use model::calls::market::{MarketRefusal, OfferTrade, Reply, Request, TradeEnd, TradeNews};
use model::item::GOLD_MAX;
use model::trade::FirmOffer;

/// What both hear at the end of a trade that the store refuses.
async fn refused(two: &mut Two, why: MarketRefusal) {
    let Two { nodes: [na, nb], ana, bo, .. } = two;
    let closed = TradeNews::Closed(TradeEnd::Refused(why));
    assert_eq!(na.hears_end(ana).await, closed);
    assert_eq!(nb.hears_end(bo).await, closed);
}

/// Both can begin a new trade, and nobody has got or lost anything by the old one.
async fn both_are_free(two: &Two, gold: [i64; 2]) {
    let Two { nodes: [na, nb], ana, bo, stage } = two;
    assert_eq!([stage.gold(ana).await, stage.gold(bo).await], gold);
    let view = nb.offers(bo.to(ana, bo.gives(&[1], 1))).await;
    assert_eq!((view.version, &view.partner), (1, &None));
    assert_eq!(na.cancels(ana).await, Reply::Closed);
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_is_gone_after_the_check() {
    let mut two = two(Stage::in_memory().await).await;
    open(&two).await;
    two.stage.throws_away(&two.bo, 1).await;
    both_check(&two).await;
    refused(&mut two, MarketRefusal::ItemGone).await;
    both_are_free(&two, [1_000, 500]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_that_is_another_one() {
    let mut two = two(Stage::in_memory().await).await;
    two.ana.carry[0] = Some(item(400));
    open(&two).await;
    both_check(&two).await;
    refused(&mut two, MarketRefusal::ItemGone).await;
    both_are_free(&two, [1_000, 500]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_not_free() {
    let mut two = two(Stage::in_memory().await).await;
    let full = FirmOffer { free_slots: vec![2], items: Vec::new(), gold: 5 };
    let Two { nodes: [na, nb], ana, bo, .. } = &two;
    na.offers(ana.to(bo, full.clone())).await;
    nb.offers(bo.to(ana, bo.gives(&[1], 0))).await;
    na.offers(ana.checks(bo, full, 1)).await;
    assert!(nb.offers(bo.checks(ana, bo.gives(&[1], 0), 1)).await.settling);
    refused(&mut two, MarketRefusal::NoRoom).await;
    both_are_free(&two, [1_000, 500]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_room_is_told_at_the_check_and_the_trade_goes_on() {
    let two = two(Stage::in_memory().await).await;
    let Two { nodes: [na, nb], ana, bo, .. } = &two;
    let full = FirmOffer { free_slots: Vec::new(), items: Vec::new(), gold: 5 };
    na.offers(ana.to(bo, full.clone())).await;
    nb.offers(bo.to(ana, bo.gives(&[0, 1], 0))).await;
    let no = na.ask(Request::OfferTrade(ana.checks(bo, full, 1))).await;
    assert_eq!(no, Reply::Refused(MarketRefusal::NoRoom));
    let view = na.offers(ana.checks(bo, ana.gives(&[], 5), 1)).await;
    assert!(view.checked, "with room it counts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_gold_than_there_is_and_more_than_may_be_held() {
    let mut poor = two(Stage::in_memory().await).await;
    let Two { nodes: [na, nb], ana, bo, .. } = &poor;
    na.offers(ana.to(bo, ana.gives(&[], 1_001))).await;
    nb.offers(bo.to(ana, bo.gives(&[1], 0))).await;
    na.offers(ana.checks(bo, ana.gives(&[], 1_001), 1)).await;
    nb.offers(bo.checks(ana, bo.gives(&[1], 0), 1)).await;
    refused(&mut poor, MarketRefusal::NotEnough).await;
    both_are_free(&poor, [1_000, 500]).await;

    let mut rich = two(Stage::in_memory().await).await;
    rich.bo = rich.stage.player("tmsrv-2", GOLD_MAX - 50, 2).await;
    open(&rich).await;
    both_check(&rich).await;
    refused(&mut rich, MarketRefusal::TooMuch).await;
    both_are_free(&rich, [1_000, GOLD_MAX - 50]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_character_that_another_node_has_loaded_and_an_account_that_is_frozen() {
    let mut stale = two(Stage::in_memory().await).await;
    open(&stale).await;
    let fence = stale.bo.party.fence;
    let loaded = stale.stage.load(fence.account, fence.character, "tmsrv-9").await;
    both_check(&stale).await;
    refused(&mut stale, MarketRefusal::Stale).await;
    stale.bo.party.fence = loaded;
    both_are_free(&stale, [1_000, 500]).await;

    for frozen in 0..2 {
        let mut two = two(Stage::in_memory().await).await;
        open(&two).await;
        let who = if frozen == 0 { &two.ana } else { &two.bo };
        two.stage.freezes(who, Some("a finding")).await;
        both_check(&two).await;
        refused(&mut two, MarketRefusal::Frozen).await;
        both_are_free(&two, [1_000, 500]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_character_that_comes_back_under_another_epoch_begins_anew() {
    let mut two = two(Stage::in_memory().await).await;
    let old = open(&two).await;
    let fence = two.ana.party.fence;
    two.ana.party.fence = two.stage.load(fence.account, fence.character, "tmsrv-1").await;
    let Two { nodes: [na, nb], ana, bo, .. } = &mut two;
    let view = na.offers(ana.to(bo, ana.gives(&[0], 100))).await;
    assert_ne!(view.trade, old);
    assert_eq!(nb.hears_end(bo).await, TradeNews::Closed(TradeEnd::Cancelled));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_that_break_the_rules_change_nothing() {
    let two = two(Stage::in_memory().await).await;
    let Two { nodes: [na, _], ana, bo, .. } = &two;
    let offer = |change: &dyn Fn(&mut OfferTrade)| {
        let mut offer = ana.to(bo, ana.gives(&[0, 1], 10));
        change(&mut offer);
        Request::OfferTrade(offer)
    };
    let bound = offer(&|offer| offer.offer.items[0].1 = 60);
    assert_eq!(na.ask(bound).await, Reply::Refused(MarketRefusal::ItemBound));
    let bound = offer(&|offer| offer.offer.free_slots.push(63));
    assert_eq!(na.ask(bound).await, Reply::Refused(MarketRefusal::ItemBound));
    let bad: [&dyn Fn(&mut OfferTrade); 9] = [
        &|offer| offer.offer.gold = -1,
        &|offer| offer.offer.gold = GOLD_MAX + 1,
        &|offer| offer.offer.items[1].0 = 0,
        &|offer| offer.offer.items[1].0 = 15,
        &|offer| offer.offer.items[1].1 = 0,
        &|offer| offer.offer.items[1].2 = offer.offer.items[0].2,
        &|offer| offer.offer.free_slots.push(0),
        &|offer| offer.partner = offer.me.fence.character,
        &|offer| offer.me.fence.epoch = Epoch(0),
    ];
    for (number, change) in bad.iter().enumerate() {
        let reply = na.ask(offer(*change)).await;
        assert!(matches!(reply, Reply::Refused(MarketRefusal::BadRequest(_))), "{number}: {reply:?}");
    }
    assert_eq!(na.cancels(ana).await, Reply::Closed);
    let first: &Player = ana;
    assert_eq!(na.offers(first.to(bo, first.gives(&[], 0))).await.version, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_for_nothing_is_done_without_the_store() {
    let mut two = two(Stage::in_memory().await).await;
    let Two { nodes: [na, nb], ana, bo, .. } = &mut two;
    na.offers(ana.to(bo, ana.gives(&[], 0))).await;
    nb.offers(bo.to(ana, bo.gives(&[], 0))).await;
    na.offers(ana.checks(bo, ana.gives(&[], 0), 1)).await;
    assert!(nb.offers(bo.checks(ana, bo.gives(&[], 0), 1)).await.settling);
    let TradeNews::Done(done) = na.hears_end(ana).await else { panic!("done") };
    assert_eq!((done.given.len(), done.received.len(), done.gold), (0, 0, None));
}
