//! TSSSrv stopped, Redis flushed, Redis killed: in each state of a trade, and with shops open.

use crate::stage::Stage;
use crate::trades::{Two, both_check, open, two};
use model::calls::market::{CancelTrade, OfferTrade, ReadTrade, Reply, Request, TradeEnd, TradeNews};
use std::sync::Arc;
use support::{RedisCluster, RedisSentinels, RedisServer, until};
use tsssrv::MemoryValues;

/// Both nodes connect again after a restart.
async fn reconnect(two: &mut Two) {
    two.nodes = [two.stage.node("tmsrv-1").await, two.stage.node("tmsrv-2").await];
    for (node, player) in two.nodes.iter().zip([&two.ana, &two.bo]) {
        node.ask(Request::ReadStall { owner: player.party.fence.character }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_between_check_and_outcome_goes_on_where_it_was() {
    let Some(redis) = RedisServer::start_or_skip() else { return };
    let mut two = two(Stage::on(&redis).await).await;
    let trade = open(&two).await;
    two.stage.store.is_away(true);
    both_check(&two).await;
    two.stage.stop().await;
    two.stage.store.is_away(false);
    two.stage.start().await;
    assert_eq!(two.stage.gold(&two.ana).await, 1_000, "nothing was done yet");
    reconnect(&mut two).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
    assert_eq!(na.reads(trade, ana, bo).await, Reply::Settling(trade));
    assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)));
    assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
    assert_eq!((stage.gold(ana).await, stage.gold(bo).await), (900, 600));
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_invited_and_asks_after_a_new_stream_is_invited_still() {
    let Two { nodes: [na, nb], ana, bo, stage: _stage } = two(Stage::in_memory().await).await;
    let trade = na.offers(ana.to(&bo, ana.gives(&[0], 100))).await.trade;
    let Reply::Trade(view) = nb.reads(trade, &bo, &ana).await else { panic!("the invitation is gone") };
    assert_eq!((view.trade, view.version, view.checked, view.settling), (trade, 0, false, false));
    assert_eq!(view.partner.map(|half| half.party), Some(ana.party));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decided_swap_that_nobody_settles_is_settled_by_whoever_asks_next() {
    for cancels in [false, true] {
        let mut two = two(Stage::in_memory().await).await;
        let trade = open(&two).await;
        two.stage.store.is_away(true);
        both_check(&two).await;
        two.stage.stop().await;
        two.stage.store.is_away(false);
        two.stage.start().await;
        reconnect(&mut two).await;
        let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
        let reply = match cancels {
            true => na.cancels(ana).await,
            false => na.ask(Request::OfferTrade(ana.checks(bo, ana.gives(&[0], 100), 1))).await,
        };
        assert_eq!(reply, Reply::Settling(trade));
        assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)));
        assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
        assert_eq!((stage.gold(ana).await, stage.gold(bo).await), (900, 600));
        stage.is_sound().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_after_an_end_that_was_not_heard_is_answered_with_that_end() {
    let two = two(Stage::in_memory().await).await;
    let trade = open(&two).await;
    both_check(&two).await;
    let Two { nodes: [na, _], ana, bo, .. } = &two;
    until("the end is written", async || na.reads(trade, ana, bo).await != Reply::Settling(trade)).await;
    let cancel = CancelTrade { character: ana.party.fence.character, trade: Some(trade) };
    let reply = na.ask(Request::CancelTrade(cancel)).await;
    assert!(
        matches!(&reply, Reply::TradeOver(_, TradeNews::Done(done)) if done.gold == Some(900)),
        "{reply:?}"
    );
    let known = ReadTrade { trade, me: ana.party.fence, partner: Some(bo.party.fence) };
    let offer = OfferTrade { known: Some(known), ..ana.checks(bo, ana.gives(&[0], 100), 1) };
    assert_eq!(na.ask(Request::OfferTrade(offer)).await, reply, "an offer to it begins no new trade");
}

/// Everything live is gone and the market starts again; both ask what came of their trade.
async fn all_is_lost(two: &mut Two) {
    two.stage.stop().await;
    two.stage.values = Arc::new(MemoryValues::new(1_000, 1 << 24));
    two.stage.store.is_away(false);
    two.stage.start().await;
    reconnect(two).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_that_is_live_lost_the_store_tells_what_was_done() {
    let mut two = two(Stage::in_memory().await).await;
    let trade = open(&two).await;
    // done, but nobody hears of it before the end
    two.stage.store.lose_answers(i64::MAX);
    both_check(&two).await;
    until("it is done", async || two.stage.gold(&two.ana).await == 900).await;
    two.stage.store.lose_answers(0);
    all_is_lost(&mut two).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &two;
    assert_eq!(na.reads(trade, ana, bo).await, Reply::DoneUnseen);
    assert_eq!(nb.reads(trade, bo, ana).await, Reply::DoneUnseen);
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_all_that_is_live_lost_what_was_not_done_never_will_be() {
    let mut two = two(Stage::in_memory().await).await;
    let trade = open(&two).await;
    two.stage.store.is_away(true);
    both_check(&two).await;
    all_is_lost(&mut two).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &two;
    let lost = Reply::TradeOver(trade, TradeNews::Closed(TradeEnd::Lost));
    assert_eq!(na.reads(trade, ana, bo).await, lost);
    assert_eq!(nb.reads(trade, bo, ana).await, lost);
    let alone = ReadTrade { trade, me: ana.party.fence, partner: None };
    assert_eq!(na.ask(Request::ReadTrade(alone)).await, lost);
    assert_eq!((stage.gold(ana).await, stage.gold(bo).await), (1_000, 500));
    let view = na.offers(ana.to(bo, ana.gives(&[0], 100))).await;
    assert_ne!(view.trade, trade);
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_in_each_state_loses_no_more_than_the_offers() {
    let Some(redis) = RedisServer::start_or_skip() else { return };
    for state in 0..4 {
        let mut two = two(Stage::on(&redis).await).await;
        let Two { nodes: [na, nb], ana, bo, stage } = &two;
        let mut trade = na.offers(ana.to(bo, ana.gives(&[0], 100))).await.trade;
        if state >= 1 {
            trade = open(&two).await;
        }
        if state >= 2 {
            na.offers(ana.checks(bo, ana.gives(&[0], 100), 1)).await;
        }
        if state == 3 {
            stage.store.is_away(true);
            nb.offers(bo.checks(ana, bo.gives(&[1], 0), 1)).await;
        }
        redis.flush();
        stage.store.is_away(false);
        let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
        na.hears_lost().await;
        if state == 3 {
            // it was decided before: the swap is done, whatever Redis forgot
            assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
            let over = na.reads(trade, ana, bo).await;
            assert!(matches!(over, Reply::TradeOver(_, TradeNews::Done(_)) | Reply::Settling(_)), "{over:?}");
            assert_eq!(stage.gold(ana).await, 900);
        } else {
            let lost = Reply::TradeOver(trade, TradeNews::Closed(TradeEnd::Lost));
            assert_eq!(na.reads(trade, ana, bo).await, lost, "state {state}");
            assert_eq!(nb.cancels(bo).await, Reply::Closed);
            let view = nb.offers(bo.to(ana, bo.gives(&[1], 0))).await;
            assert_ne!(view.trade, trade, "both are free");
            assert_eq!(stage.gold(ana).await, 1_000);
        }
        stage.is_sound().await;
        two.stage.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_decided_swap_is_done_and_the_rest_is_answered_later() {
    let Some(mut redis) = RedisServer::start_or_skip() else { return };
    let mut two = two(Stage::on(&redis).await).await;
    open(&two).await;
    two.stage.store.is_away(true);
    both_check(&two).await;
    redis.stop();
    two.stage.store.is_away(false);
    let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
    assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)));
    assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
    assert_eq!(na.ask(Request::OfferTrade(ana.to(bo, ana.gives(&[1], 0)))).await, Reply::Unavailable);
    assert_eq!(na.cancels(ana).await, Reply::Unavailable);
    redis.run();
    until("Redis is used again", async || na.cancels(ana).await == Reply::Closed).await;
    na.offers(ana.to(bo, ana.gives(&[1], 0))).await;
    assert_eq!(stage.gold(ana).await, 900);
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_of_redis_loses_no_more_than_the_offers_and_trades_go_on() {
    let Some(mut set) = RedisSentinels::start_or_skip() else { return };
    let mut two = two(Stage::at(&set.url()).await).await;
    let trade = open(&two).await;
    set.first().stop();
    let lost = Reply::TradeOver(trade, TradeNews::Closed(TradeEnd::Lost));
    let Two { nodes: [na, nb], ana, bo, .. } = &two;
    until("a new master is asked", async || na.reads(trade, ana, bo).await == lost).await;
    assert_eq!(nb.reads(trade, bo, ana).await, lost, "both are told the same");
    assert_eq!(nb.cancels(bo).await, Reply::Closed);
    assert_ne!(open(&two).await, trade);
    both_check(&two).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
    assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)));
    assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
    assert_eq!(stage.gold(ana).await, 900);
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trade_is_done_in_a_cluster() {
    let Some(cluster) = RedisCluster::start_or_skip() else { return };
    let mut two = two(Stage::at(&cluster.url()).await).await;
    open(&two).await;
    both_check(&two).await;
    let Two { nodes: [na, nb], ana, bo, stage } = &mut two;
    assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)));
    assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
    assert_eq!(stage.gold(ana).await, 900);
    stage.is_sound().await;
}
