//! The running check: what is planted by SQL is an alarm within a second, and nothing that the store does is one.

#![allow(clippy::unwrap_used)]

mod conservation {
    pub mod guard;
    pub mod trades;
}
#[allow(dead_code)]
#[path = "moves/play.rs"]
mod play;
#[allow(dead_code)]
#[path = "moves/rig.rs"]
mod rig;

use conservation::guard::{Database, Guard};
use conservation::trades::Trades;
use model::calls::database::ChangeShards;
use model::{AccountId, Character};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::conservation::{Options, Site};
use store::testing::{PgServer, postgres_wanted, stage};
use store::{Dsn, Postgres, PostgresOptions, Store};

/// How often the guards look.
const EVERY: Duration = Duration::from_millis(250);

fn often() -> Options {
    Options::new(EVERY)
}

/// Heroes of different accounts.
async fn heroes(store: &Arc<dyn Store>, count: usize) -> Vec<Character> {
    let mut heroes = Vec::new();
    for _ in 0..count {
        heroes.push(stage::living(store).await);
    }
    heroes
}

async fn what_is_planted_is_an_alarm_within_a_second(database: &Database) {
    let (store, site) = database.open().await;
    let heroes = heroes(&store, 9).await;
    let guard = Guard::stands(site, often());
    guard.has_all_books().await;
    let item = |hero: usize| heroes[hero].equip[6].unwrap().id.0;
    let sword = heroes[0].equip[0].unwrap();
    let double = rand::random::<u128>() >> 1;
    let (row, id, cash) = (|hero: usize| database.id(item(hero)), database.id(double), heroes[6].account.0);
    let bucket = placement::bucket_of(heroes[6].account);
    let plants = [
        (
            "an item is there twice",
            format!(
                "INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
                 SELECT {id}, bucket, kind, effects, 2, place_owner, 40 FROM items WHERE id = {}",
                database.id(sword.id.0)
            ),
        ),
        ("an item is gone", format!("DELETE FROM items WHERE id = {}", row(1))),
        ("a purse is fuller", format!("UPDATE characters SET gold = gold + 7 WHERE id = {}", heroes[2].id.0)),
        (
            "an item is better",
            format!("UPDATE items SET effects = {} WHERE id = {}", database.bytes("2b092b092b09"), row(3)),
        ),
        ("an item moved without an entry", format!("UPDATE items SET place_slot = 9 WHERE id = {}", row(4))),
        ("an entry is gone", format!("DELETE FROM ledger WHERE item = {}", row(5))),
        (
            "cash comes from nowhere",
            format!("INSERT INTO purses (kind, owner, bucket, balance) VALUES (9, {cash}, {bucket}, 50)"),
        ),
        (
            "a bank is fuller",
            format!("UPDATE accounts SET cargo_gold = 5 WHERE id = {}", heroes[7].account.0),
        ),
    ];
    let mut times = Vec::new();
    for (hero, (what, sql)) in plants.iter().enumerate() {
        database.sql_of(&heroes[hero], sql);
        let since = Instant::now();
        stage::until(what, async || guard.accounts().contains(&heroes[hero].account)).await;
        times.push(since.elapsed());
        eprintln!("{what}: an alarm after {} ms", since.elapsed().as_millis());
    }
    times.sort();
    assert!(times[times.len() / 2] < Duration::from_secs(1), "{times:?}");
    let concerned: BTreeSet<AccountId> = heroes[..plants.len()].iter().map(|hero| hero.account).collect();
    assert_eq!(guard.accounts(), concerned, "nobody else");
    let differences = guard.differences();
    assert_eq!((differences.gold, differences.cash), (12, 50));
    let kind = |hero: usize| i64::from(heroes[hero].equip[6].unwrap().kind.0);
    // one is gone and one has no entry, and both are of one kind
    assert_eq!(differences.kinds.get(&i64::from(sword.kind.0)), Some(&1));
    assert_eq!((kind(1), differences.kinds.len()), (kind(5), 1), "{differences:?}");
    for hero in [1, 3, 4, 5] {
        assert!(guard.alarms().iter().any(|finding| finding.item.map(|item| item.0) == Some(item(hero))));
    }
    assert!(guard.alarms().iter().any(|finding| finding.item.map(|item| item.0) == Some(double)));

    let repaired = format!("UPDATE characters SET gold = gold - 7 WHERE id = {}", heroes[2].id.0);
    database.sql_of(&heroes[2], &repaired);
    stage::until("what is repaired is wrong no more", async || guard.differences().gold == 5).await;
    assert!(!guard.accounts().contains(&heroes[2].account));
    assert_eq!(guard.ends().await.cleared, 0, "nothing was suspected that was in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_is_watched() {
    what_is_planted_is_an_alarm_within_a_second(&Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shards_are_watched() {
    if postgres_wanted() {
        what_is_planted_is_an_alarm_within_a_second(&Database::postgres()).await;
    }
}

/// An entry without what it tells of is found at once, also where all rows are compared only now and then.
async fn what_was_touched_is_looked_at_at_once(database: &Database) {
    let (store, site) = database.open().await;
    let heroes = heroes(&store, 4).await;
    let guard = Guard::stands(site, Options { share: 0.001, rows_least: 1, ..often() });
    guard.has_all_books().await;
    let (item, purse) = (database.id(heroes[0].equip[6].unwrap().id.0), heroes[1].id.0);
    let bucket = placement::bucket_of(heroes[1].account);
    let moved = format!(
        "INSERT INTO ledger (at_ms, bucket, actor_kind, actor_name, reason, item, kind, effects_before, effects_after, \
         from_kind, from_owner, from_slot, to_kind, to_owner, to_slot) SELECT 1, bucket, 3, 'x', 'opening', id, kind, \
         effects, effects, place_kind, place_owner, place_slot, 2, place_owner, 41 FROM items WHERE id = {item}"
    );
    let paid = format!(
        "INSERT INTO ledger (at_ms, bucket, actor_kind, actor_name, reason, amount, to_kind, to_owner, to_balance) \
         VALUES (1, {bucket}, 3, 'x', 'opening', 50, 2, {purse}, 1050)"
    );
    for (hero, sql) in [moved, paid].iter().enumerate() {
        database.sql_of(&heroes[hero], sql);
        let since = Instant::now();
        stage::until("it is found", async || guard.accounts().contains(&heroes[hero].account)).await;
        eprintln!("an entry without its row: an alarm after {} ms", since.elapsed().as_millis());
    }
    assert_eq!(guard.accounts().len(), 2);
    guard.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_store_is_watched_where_it_changes() {
    what_was_touched_is_looked_at_at_once(&Database::sqlite()).await;
    if postgres_wanted() {
        what_was_touched_is_looked_at_at_once(&Database::postgres()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_on_sqlite_is_no_alarm() {
    let database = Database::sqlite();
    let (store, site) = database.open().await;
    let guard = Guard::stands(site, often());
    let trades = Trades::begin(vec![store], 8).await;
    trades.go_on(600).await;
    trades.end().await;
    guard.saw_nothing().await;
}

/// Players trade over two shards, coordinators die at their steps, buckets move, a database is killed, and guards begin
/// and end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_on_shards_is_no_alarm() {
    if !postgres_wanted() {
        return;
    }
    let mut server = PgServer::start();
    let rig = rig::Rig::new(&server, &["m", "a", "b"], 2);
    let (store, mover) = (rig.open().await, rig.open().await);
    let site: Arc<dyn Site> = store.clone();
    let guard = Guard::stands(site, often());
    let dying: Arc<dyn Store> = Arc::new(rig.opened().await.watched_by(Arc::new(conservation::trades::Dies)));
    let trades = Trades::begin(vec![store.clone(), dying], 8).await;
    let players = play::Play::begin(std::slice::from_ref(&store), 4).await;
    let recovering = tokio::spawn({
        let store = store.clone();
        async move {
            loop {
                let rules = store::two_phase::Rules { in_doubt_ms: 100, ..Default::default() };
                store.recover_by(rules).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    let moving = tokio::spawn(async move { mover.carry_moves_for_ever().await });
    trades.go_on(50).await;
    for round in 0..2_u16 {
        let (from, to) = (round, 1 - round);
        let buckets = rig::owned(&store, from, 300).await;
        rig::order(&store, ChangeShards::Move { buckets, to }).await;
        // one that begins in the middle of it
        let other: Arc<dyn Site> = rig.open().await;
        let late = Guard::stands(other, often());
        trades.go_on(40).await;
        if round == 1 {
            tokio::task::block_in_place(|| {
                server.kill();
                server.resume();
            });
        }
        rig::settled(&store).await;
        late.saw_nothing().await;
    }
    trades.end().await;
    moving.abort();
    players.end_and_check().await;
    recovering.abort();
    guard.saw_nothing().await;
}

/// Numbers for the decision record; by hand:
/// `cargo test -p store --test conservation -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute and measures"]
async fn what_the_watch_costs() {
    let server = PgServer::start();
    let dsn = server.create_database("wyd");
    let open = async || {
        let shards = vec![Dsn::parse(&dsn).unwrap()];
        Arc::new(Postgres::open(PostgresOptions::new(shards)).await.unwrap())
    };
    let store = open().await;
    let trades = Trades::begin(vec![store.clone()], 32).await;
    trades.go_on(2_000).await;
    for round in 0..4 {
        for is_watched in [false, true] {
            let site: Arc<dyn Site> = open().await;
            let guard = is_watched.then(|| Guard::stands(site, Options::new(Duration::from_millis(300))));
            if let Some(guard) = &guard {
                guard.has_all_books().await;
            }
            let (since, before) = (Instant::now(), trades.done());
            tokio::time::sleep(Duration::from_secs(4)).await;
            let rate = (trades.done() - before) as f64 / since.elapsed().as_secs_f64();
            eprintln!("round {round}, watched {is_watched}: {rate:.0} transfers/s");
            if let Some(guard) = guard {
                eprintln!("  {}", guard.ends().await.told());
            }
        }
    }
    trades.end().await;
    for million in [0.1, 1.0] {
        let count = (million * 1e6) as u64;
        server.psql(
            "wyd",
            &format!(
                "INSERT INTO items SELECT gen_random_uuid(), (random() * 4095)::int, (random() * 500)::int, \
                 '\\x000000000000', 2, {count} + n, n % 60 FROM generate_series(1, {count}) AS n; \
                 INSERT INTO ledger (at_ms, bucket, actor_kind, actor_name, reason, item, kind, effects_after, to_kind, \
                 to_owner, to_slot) SELECT 1, bucket, 3, 'x', 'opening', id, kind, effects, place_kind, place_owner, \
                 place_slot FROM items AS i WHERE NOT EXISTS (SELECT 1 FROM ledger AS l WHERE l.item = i.id); ANALYZE"
            ),
        );
        let site: Arc<dyn Site> = open().await;
        let (since, guard) = (Instant::now(), Guard::stands(site, Options::new(Duration::from_millis(300))));
        while !guard.all_have_books() {
            assert!(since.elapsed() < Duration::from_secs(600), "it never comes round");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        eprintln!("{million} million items more: all books after {} ms", since.elapsed().as_millis());
        tokio::time::sleep(Duration::from_secs(20)).await;
        eprintln!("  {}", guard.ends().await.told());
    }
}
