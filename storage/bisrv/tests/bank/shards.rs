//! The same on PostgreSQL with two shards: parcels to players of the other one, who are away, and the log of a guild.

use crate::guild::{LEADER, MEMBER, deposit};
use crate::parcels::{delivered, listed, parcel, sent};
use crate::stage::{GOLD, Player, SWORD, Stage, found, item, operation};
use model::calls::bank::{GuildAct, GuildOrder, GuildThing, Reply, Request, ReturnParcel, SendParcel};
use model::{AccountId, GuildId};
use std::sync::Arc;
use store::testing::{PgServer, postgres_wanted};
use store::{Dsn, Postgres, PostgresOptions, Store};

async fn stage_on(server: &PgServer) -> Stage {
    let dsn = |name: &str| Dsn::parse(&server.create_database(name)).unwrap();
    let options = PostgresOptions::new(vec![dsn("shard0"), dsn("shard1")]);
    let store: Arc<dyn Store> = Arc::new(Postgres::open(options).await.unwrap());
    Stage::over(store, bisrv::Settings::default(), tempfile::tempdir().unwrap()).await
}

fn is_on(server: &PgServer, shard: usize, account: AccountId) -> bool {
    let sql = format!("SELECT count(*) FROM accounts WHERE id = {}", account.0);
    server.psql(&format!("shard{shard}"), &sql) == "1"
}

/// A player whose account lies on that shard.
async fn player_on(shard: usize, server: &PgServer, stage: &Stage, name: &str) -> Player {
    for number in 0..100 {
        let player = stage.player(&format!("{name}{number}"), &[item(SWORD)]).await;
        if is_on(server, shard, player.fence.account) {
            return player;
        }
    }
    panic!("100 players are all on the other shard");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_reaches_who_is_away_on_another_shard_and_comes_back() {
    if !postgres_wanted() {
        return;
    }
    let server = PgServer::start();
    let stage = stage_on(&server).await;
    let (ana, ben) =
        (player_on(0, &server, &stage, "Anna").await, player_on(1, &server, &stage, "Benn").await);
    let sword = ana.character.carry[0].unwrap();
    let asked = parcel(&ana, &ben, &[0], 70);
    stage.store.lose_answers(3);
    let reply = stage
        .insist(|again| {
            let mut asked: SendParcel = asked.clone();
            asked.order.again = again;
            Request::SendParcel(asked)
        })
        .await;
    stage.store.lose_answers(0);
    let Reply::Sent { parcel: first, carried } = reply else { panic!("{reply:?}") };
    assert_eq!(carried, Some(GOLD - 170));
    assert_eq!(listed(&stage, &ben).await.len(), 1);
    let (operation, account) = (operation(), ben.fence.account);
    let back = ReturnParcel { operation, again: false, account, parcel: first };
    assert_eq!(stage.ask(Request::ReturnParcel(back)).await, Reply::Returned);
    let (parcels, _, cargo) = delivered(&stage, ana.fence.account).await;
    assert_eq!((parcels.len(), found(&cargo.items), cargo.gold), (1, vec![(0, sword)], 70));
    sent(&stage, parcel(&ana, &ben, &[], 30)).await;
    let (parcels, _, cargo) = delivered(&stage, account).await;
    assert_eq!((parcels.len(), cargo.gold), (1, 30), "at its next login");
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_names_members_of_every_shard() {
    if !postgres_wanted() {
        return;
    }
    let server = PgServer::start();
    let stage = stage_on(&server).await;
    let members = [player_on(0, &server, &stage, "Anna").await, player_on(1, &server, &stage, "Benn").await];
    for guild in [GuildId(7), GuildId(8), GuildId(9)] {
        for of in &members {
            for (rank, act) in [
                (MEMBER, GuildAct::DepositGold { amount: 9 }),
                (LEADER, GuildAct::WithdrawGold { amount: 4 }),
            ] {
                stage.stands(of, guild, rank).await;
                let asked = GuildOrder { order: of.order(), guild, rank, act };
                let reply = stage.ask(Request::Guild(asked)).await;
                assert!(matches!(reply, Reply::Guild(_)), "{reply:?}");
            }
        }
        let Reply::GuildLog(entries) = stage.ask(Request::GuildLog { guild, page: 0 }).await else {
            panic!("no log")
        };
        let told: Vec<_> = entries.iter().map(|entry| (entry.who.as_str(), entry.took, entry.what)).collect();
        let [ana, ben] = &members;
        let expected = [ben, ben, ana, ana].map(|of| of.character.name.as_str());
        let moves = [(true, 4), (false, 9), (true, 4), (false, 9)];
        let expected: Vec<_> = expected
            .into_iter()
            .zip(moves)
            .map(|(who, (took, amount))| (who, took, GuildThing::Gold(amount)))
            .collect();
        assert_eq!(told, expected);
    }
    let [ana, _] = &members;
    stage.stands(ana, GuildId(7), MEMBER).await;
    let asked = GuildOrder { order: ana.order(), guild: GuildId(7), rank: MEMBER, act: deposit(ana, 0) };
    assert!(matches!(stage.ask(Request::Guild(asked)).await, Reply::Guild(_)));
    stage.books_are_right().await;
}
