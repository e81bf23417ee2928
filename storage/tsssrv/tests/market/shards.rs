//! The same on PostgreSQL with two shards: swaps and bids between them, and what a void finds there.

use crate::auction::{House, house_on};
use crate::stage::{Player, Stage};
use crate::trades::{Two, both_check, open, two};
use model::calls::market::{Reply, TradeEnd, TradeNews};
use std::sync::Arc;
use store::testing::{PgServer, postgres_wanted};
use store::{Dsn, Postgres, PostgresOptions};
use support::until;
use tsssrv::MemoryValues;

async fn stage_on(server: &PgServer) -> Stage {
    let dsn = |name: &str| Dsn::parse(&server.create_database(name)).unwrap();
    let options = PostgresOptions::new(vec![dsn("shard0"), dsn("shard1")]);
    let store = Arc::new(Postgres::open(options).await.unwrap());
    Stage::over(store, Arc::new(MemoryValues::new(10_000, 1 << 26)), tempfile::tempdir().unwrap()).await
}

/// A player whose account lies on that shard.
async fn player_on(shard: usize, server: &PgServer, stage: &Stage, like: &Player, gold: i64) -> Player {
    for _ in 0..200 {
        let player = stage.player(like.party.node.as_str(), gold, 3).await;
        let account = player.party.fence.account.0;
        let sql = format!("SELECT count(*) FROM accounts WHERE id = {account}");
        if server.psql(&format!("shard{shard}"), &sql) == "1" {
            return player;
        }
    }
    panic!("200 players are all on the other shard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trades_between_shards_are_done_or_void() {
    if !postgres_wanted() {
        return;
    }
    let server = PgServer::start();
    let mut stage = stage_on(&server).await;
    for round in 0..6 {
        let mut two = two(stage).await;
        two.ana = player_on(round % 2, &server, &two.stage, &two.ana, 1_000).await;
        two.bo = player_on(1 - round % 2, &server, &two.stage, &two.bo, 500).await;
        let trade = open(&two).await;
        let loses = round % 3;
        match loses {
            1 => two.stage.store.lose_answers(i64::MAX),
            2 => two.stage.store.is_away(true),
            _ => {}
        }
        both_check(&two).await;
        if loses < 2 {
            until("it is done", async || two.stage.gold(&two.ana).await == 900).await;
        }
        if loses > 0 {
            two.stage.stop().await;
            two.stage.values = Arc::new(MemoryValues::new(10_000, 1 << 26));
            two.stage.store.lose_answers(0);
            two.stage.store.is_away(false);
            two.stage.start().await;
            two.nodes = [two.stage.node("tmsrv-1").await, two.stage.node("tmsrv-2").await];
        }
        let Two { nodes: [na, nb], ana, bo, .. } = &mut two;
        match loses {
            0 => {
                assert!(matches!(na.hears_end(ana).await, TradeNews::Done(_)));
                assert!(matches!(nb.hears_end(bo).await, TradeNews::Done(_)));
            }
            1 => assert_eq!(nb.reads(trade, bo, ana).await, Reply::DoneUnseen),
            _ => {
                let lost = Reply::TradeOver(trade, TradeNews::Closed(TradeEnd::Lost));
                assert_eq!(
                    (na.reads(trade, ana, bo).await, nb.reads(trade, bo, ana).await),
                    (lost.clone(), lost)
                );
                assert_eq!(two.stage.gold(&two.ana).await, 1_000);
            }
        }
        stage = two.stage;
    }
    stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auction_between_shards() {
    if !postgres_wanted() {
        return;
    }
    let server = PgServer::start();
    let house: House = house_on(stage_on(&server).await).await;
    let lot = house.lists(0, 1_000, None).await.lot;
    for number in 0..8 {
        let bidder = house.stage.player("tmsrv-1", 5_000, 0).await;
        let gold = 1_000 + 200 * number;
        assert_eq!(house.bids(&bidder, lot, gold).await, Reply::LotChanged { gold: Some(5_000 - gold) });
    }
    house.stage.wait_hours(25);
    until("the seller is paid", async || house.banked(&house.seller).await.1 == 2_280).await;
    until("all is handed over", async || house.lots_left().await == 0).await;
    house.stage.is_sound().await;
}
