//! The conformance suite on a real PostgreSQL with two shards, and what is special about many databases:
//! names across them, shards that die, lists that contradict the map.

#![allow(clippy::unwrap_used)]

use model::calls::database::{
    CreateCharacter, CreateCharacterRefusal, DeleteCharacter, Failure, FindAccount, GetAccount,
    ReadClusterView, SaveOutcome,
};
use model::{Account, OperationId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::testing::{PgServer, conformance, postgres_wanted, stage};
use store::two_phase::Attempt;
use store::{Dsn, OpenError, Postgres, PostgresOptions, Store};

/// Leaves the test out when the operator asked for it.
macro_rules! or_skip {
    () => {
        if !postgres_wanted() {
            return;
        }
    };
}

async fn try_open(dsns: &[&str]) -> Result<Postgres, OpenError> {
    let shards = dsns.iter().map(|dsn| Dsn::parse(dsn).unwrap()).collect();
    Postgres::open(PostgresOptions::new(shards)).await
}

async fn open(dsns: &[&str]) -> Arc<dyn Store> {
    Arc::new(try_open(dsns).await.unwrap())
}

async fn refused(dsns: &[&str]) -> String {
    let error = try_open(dsns).await.err().unwrap();
    assert!(matches!(error, OpenError::Shards { .. }), "{error}");
    error.to_string()
}

/// New accounts until there is one on each of two databases, in their order.
async fn one_on_each(store: &Arc<dyn Store>, is_on: impl Fn(usize, &Account) -> bool) -> [Account; 2] {
    let mut found = [None, None];
    for _ in 0..200 {
        let account = stage::registered(store).await;
        let shard = usize::from(!is_on(0, &account));
        found[shard].get_or_insert(account);
        if let [Some(first), Some(second)] = &found {
            return [first.clone(), second.clone()];
        }
    }
    panic!("200 accounts are all on one shard");
}

fn is_stored(server: &PgServer, database: &str, account: &Account) -> bool {
    let sql = format!("SELECT count(*) FROM accounts WHERE id = {}", account.id.0);
    server.psql(database, &sql) == "1"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_shard_keeps_every_promise() {
    or_skip!();
    let server = PgServer::start();
    conformance(open(&[&server.create_database("wyd")]).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_shards_keep_every_promise() {
    or_skip!();
    let server = PgServer::start();
    let dsns = [server.create_database("shard0"), server.create_database("shard1")];
    let dsns = [dsns[0].as_str(), dsns[1].as_str()];
    let store = open(&dsns).await;
    conformance(store.clone()).await;
    conformance(store.clone()).await;
    for database in ["shard0", "shard1"] {
        let accounts: u32 = server.psql(database, "SELECT count(*) FROM accounts").parse().unwrap();
        assert!(accounts > 20, "{database} has {accounts} of the accounts");
    }
    let unsettled = server.psql("shard0", "SELECT count(*) FROM names WHERE state <> 2");
    assert_eq!(unsettled, "0", "no name is left between states");

    let hero = stage::living(&store).await;
    let epoch = stage::load(&store, &hero, "tmsrv-1").await.epoch;
    stage::save(&store, vec![stage::save_at(&hero, epoch, 77)]).await;
    drop(store);
    let store = open(&dsns).await;
    let after = stage::load(&store, &hero, "tmsrv-1").await;
    assert!(after.epoch > epoch);
    assert_eq!(after.character.soft.tile.x, 77);
    assert_eq!((after.character.equip, after.character.carry), (hero.equip, hero.carry));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_shard_hurts_nobody_but_its_own_accounts() {
    or_skip!();
    let (first, mut second) = (PgServer::start(), PgServer::start());
    let dsns = [first.create_database("wyd"), second.create_database("wyd")];
    let dsns = [dsns[0].as_str(), dsns[1].as_str()];
    let store = open(&dsns).await;
    let [safe, hit] = one_on_each(&store, |_, account| is_stored(&first, "wyd", account)).await;
    let mut heroes = Vec::new();
    for account in [&safe, &hit] {
        let hero = stage::character(account.id, 0, &stage::name());
        stage::create(&store, &hero).await;
        let epoch = stage::load(&store, &hero, "tmsrv-1").await.epoch;
        heroes.push((hero, epoch));
    }
    let saves = |x| heroes.iter().map(|(hero, epoch)| stage::save_at(hero, *epoch, x)).collect::<Vec<_>>();

    second.kill();
    assert_eq!(stage::save(&store, saves(7)).await, [SaveOutcome::Saved, SaveOutcome::Unavailable]);
    let started = Instant::now();
    for _ in 0..50 {
        let gone = store.get_account(GetAccount { account: hit.id }).await;
        assert!(matches!(gone, Err(Failure::Unavailable(_))), "{gone:?}");
        assert_eq!(stage::stored(&store, safe.id).await.as_ref(), Some(&safe));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "nobody waits for the dead: {:?}", started.elapsed());
    drop(store);
    let store = open(&dsns).await;
    assert_eq!(stage::stored(&store, safe.id).await.as_ref(), Some(&safe), "also after a restart without it");
    assert!(store.get_account(GetAccount { account: hit.id }).await.is_err());

    second.resume();
    stage::until("the shard is back", async || {
        store.get_account(GetAccount { account: hit.id }).await == Ok(Some(hit.clone()))
    })
    .await;
    assert_eq!(stage::save(&store, saves(9)).await, [SaveOutcome::Saved; 2]);
    second.kill();
    second.resume();
    stage::until("an open store finds the shard again", async || {
        store.get_account(GetAccount { account: hit.id }).await == Ok(Some(hit.clone()))
    })
    .await;
}

/// What it takes to prepare a shard is longer than anybody waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_was_down_is_prepared_once_however_long_that_takes() {
    or_skip!();
    let (first, mut second) = (PgServer::start(), PgServer::start());
    let dsns = [first.create_database("wyd"), second.create_database("wyd")];
    let dsns = [dsns[0].as_str(), dsns[1].as_str()];
    let store = open(&dsns).await;
    let [safe, hit] = one_on_each(&store, |_, account| is_stored(&first, "wyd", account)).await;
    drop(store);
    // the first statement of every migration is one of these
    second.psql(
        "wyd",
        "CREATE FUNCTION dawdle() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(4); END'; \
         CREATE EVENT TRIGGER dawdle ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION dawdle()",
    );
    second.kill();
    let store = open(&dsns).await;
    second.resume();
    let asking = tokio::spawn({
        let (store, account) = (store.clone(), hit.id);
        stage::at_once(20, move |_| {
            let store = store.clone();
            async move {
                let deadline = Instant::now() + Duration::from_secs(60);
                let mut refused = 0;
                loop {
                    match store.get_account(GetAccount { account }).await {
                        Err(Failure::Unavailable(_)) if Instant::now() < deadline => refused += 1,
                        answer => return (answer, refused),
                    }
                }
            }
        })
    });
    let preparing = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'wyd' AND application_name = ''";
    let mut most = 0;
    while !asking.is_finished() {
        assert_eq!(stage::stored(&store, safe.id).await.as_ref(), Some(&safe));
        most = most.max(second.psql("postgres", preparing).parse::<u32>().unwrap());
    }
    assert_eq!(most, 1, "connections that prepare it");
    for (answer, refused) in asking.await.unwrap() {
        assert_eq!(answer, Ok(Some(hit.clone())));
        assert!(
            (1..=10).contains(&refused),
            "nobody waits for all of it, and nobody asks without a pause: {refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_hangs_hurts_nobody_but_its_own_accounts() {
    or_skip!();
    let (first, second) = (PgServer::start(), PgServer::start());
    let dsns = [first.create_database("wyd"), second.create_database("wyd")];
    let store = open(&[&dsns[0], &dsns[1]]).await;
    let [safe, hit] = one_on_each(&store, |_, account| is_stored(&first, "wyd", account)).await;
    second.freeze();
    let waiting = tokio::spawn({
        let (store, account) = (store.clone(), hit.id);
        stage::at_once(100, move |_| {
            let store = store.clone();
            async move { store.get_account(GetAccount { account }).await }
        })
    });
    let started = Instant::now();
    let mut slowest = Duration::ZERO;
    while !waiting.is_finished() {
        let asked = Instant::now();
        assert_eq!(stage::stored(&store, safe.id).await.as_ref(), Some(&safe));
        slowest = slowest.max(asked.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "the accounts of the other shard waited {slowest:?}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(waiting.await.unwrap().iter().all(|answer| matches!(answer, Err(Failure::Unavailable(_)))));
    second.thaw();
    stage::until("the shard goes on", async || {
        store.get_account(GetAccount { account: hit.id }).await == Ok(Some(hit.clone()))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_of_shards_that_contradicts_the_map_is_refused() {
    or_skip!();
    let server = PgServer::start();
    let make = |name| server.create_database(name);
    let (a, b, c, other) = (make("a"), make("b"), make("c"), make("other"));
    // two processes make the cluster at the same moment
    let pair = [a.as_str(), b.as_str()];
    let (first, second) = tokio::join!(try_open(&pair), try_open(&pair));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.buckets_by_shard(), second.buckets_by_shard());
    assert_eq!(first.buckets_by_shard().iter().sum::<usize>(), 4096);

    let fewer = refused(&[&a]).await;
    assert!(fewer.contains("found 1 addresses") && fewer.contains("expected 2 shards"), "{fewer}");
    refused(&[&a, &b, &c]).await;
    let replaced = refused(&[&a, &c]).await;
    assert!(replaced.contains("/c holds no shard"), "{replaced}");
    try_open(&[&other]).await.unwrap();
    let foreign = refused(&[&a, &other]).await;
    assert!(foreign.contains("/other is shard 0 of cluster"), "{foreign}");

    let metadata = |shards: &[&str]| {
        let mut options = PostgresOptions::new(shards.iter().map(|dsn| Dsn::parse(dsn).unwrap()).collect());
        options.metadata = Some(Dsn::parse(&a).unwrap());
        options
    };
    let swapped = Postgres::open(metadata(&[&b, &a])).await.err().unwrap().to_string();
    assert!(swapped.contains("/b is shard 1") && swapped.contains("expected shard 0"), "{swapped}");
    Postgres::open(metadata(&[&a, &b])).await.unwrap();
    try_open(&pair).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_opened_says_why_and_keeps_the_password() {
    or_skip!();
    let mut server = PgServer::start();
    let dsn = server.create_database("wyd");
    drop(open(&[&dsn]).await);
    for (table, newest) in [("wydbr_shard_migrations", 10), ("wydbr_metadata_migrations", 8)] {
        let newer =
            format!("INSERT INTO {table} VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')");
        server.psql("wyd", &newer);
        let error = try_open(&[&dsn]).await.err().unwrap();
        assert!(matches!(error, OpenError::Schema { expected, .. } if expected == newest), "{error}");
        assert!(error.to_string().contains("V999__from_the_future"), "{error}");
        server.psql("wyd", &format!("DELETE FROM {table} WHERE version = 999"));
    }
    drop(open(&[&dsn]).await);
    let with_password = dsn.replace("postgres@", "postgres:s3cret@");
    let missing = with_password.replace("/wyd", "/nothing");
    let error = try_open(&[&missing]).await.err().unwrap().to_string();
    assert!(error.contains("\"nothing\" does not exist") && !error.contains("s3cret"), "{error}");
    server.kill();
    let error = try_open(&[&with_password]).await.err().unwrap();
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("s3cret"), "{error}");
}

/// What is prepared keeps its locks over any restart, and a migration of its table waits for them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_prepared_is_ended_before_the_schema_changes() {
    or_skip!();
    let server = PgServer::start();
    let dsns = [server.create_database("m"), server.create_database("s")];
    drop(open(&[&dsns[0], &dsns[1]]).await);
    let cluster = u128::from_str_radix(&server.psql("m", "SELECT cluster FROM cluster").replace('-', ""), 16);
    let attempt = Attempt { cluster: cluster.unwrap(), operation: OperationId(7), number: 1 };
    let prepared = "SELECT count(*) FROM pg_prepared_xacts";
    server.psql(
        "s",
        &format!(
            "BEGIN; LOCK TABLE records IN ROW EXCLUSIVE MODE; PREPARE TRANSACTION '{}'; \
             DELETE FROM wydbr_shard_migrations WHERE version = 10",
            attempt.gid(1)
        ),
    );
    assert_eq!(server.psql("s", prepared), "1");
    let pair = [dsns[0].as_str(), dsns[1].as_str()];
    let opened = try_open(&pair);
    let store = tokio::time::timeout(Duration::from_secs(30), opened).await.expect("in time").unwrap();
    assert_eq!(server.psql("s", prepared), "0");
    let applied = "SELECT count(*) FROM wydbr_shard_migrations WHERE version = 10";
    assert_eq!(server.psql("s", applied), "1");
    store.cluster_view(ReadClusterView).await.unwrap();
}

/// The operation that a name row waits for, as psql takes it.
fn uuid(operation: model::OperationId) -> String {
    format!("{:032x}", operation.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_the_steps_of_a_name_is_repaired() {
    or_skip!();
    let server = PgServer::start();
    let dsns = [server.create_database("m"), server.create_database("s")];
    let store = open(&[&dsns[0], &dsns[1]]).await;
    let [ana, bob] = one_on_each(&store, |_, account| is_stored(&server, "m", account)).await;
    let try_create = async |account: &Account, slot, name: &str, operation| {
        let character = stage::character(account.id, slot, name);
        store.create_character(CreateCharacter { operation, character }).await.unwrap()
    };
    let state = |name: &str| {
        server
            .psql("m", &format!("SELECT state FROM names WHERE kind = 2 AND key = '{}'", name.to_lowercase()))
    };
    let reserve = |name: &str, operation, until: &str| {
        let (account, key) = (bob.id.0, name.to_lowercase());
        let operation = uuid(operation);
        server.psql(
            "m",
            &format!("INSERT INTO names VALUES (2, '{key}', {account}, 77, 1, '{operation}', {until})"),
        );
    };

    // crash after step 1 of a creation: the name is kept for a while, then free, and the late step 2 fails
    let (name, crashed) = (stage::name(), stage::operation());
    reserve(&name, crashed, "99999999999999");
    let taken = Err(CreateCharacterRefusal::NameTaken);
    assert_eq!(try_create(&ana, 0, &name, stage::operation()).await, taken);
    server.psql("m", "UPDATE names SET until_ms = 0 WHERE id = 77");
    assert_eq!(try_create(&ana, 0, &name, stage::operation()).await, Ok(()));
    assert_eq!(
        try_create(&bob, 0, &name, crashed).await,
        taken,
        "the crashed operation is repeated too late"
    );
    assert_eq!(stage::listed(&store, bob.id).await, []);

    // crash after step 1, and the operation is repeated in time: it goes on
    let (name, crashed) = (stage::name(), stage::operation());
    let hero = stage::character(bob.id, 0, &name);
    reserve(&name, crashed, "0");
    server.psql("m", &format!("UPDATE names SET id = {} WHERE operation = '{}'", hero.id.0, uuid(crashed)));
    let request = CreateCharacter { operation: crashed, character: hero };
    assert_eq!(store.create_character(request).await, Ok(Ok(())));
    assert_eq!(state(&name), "2");

    // crash after step 2: the name is held by whom the shard says, and an account is found meanwhile
    let key = name.to_lowercase();
    server.psql("m", &format!("UPDATE names SET state = 1, until_ms = 0 WHERE key = '{key}'"));
    assert_eq!(try_create(&ana, 1, &name, stage::operation()).await, taken);
    assert_eq!(state(&name), "2");
    server.psql("m", &format!("UPDATE names SET state = 1, until_ms = 0 WHERE key = '{}'", ana.name.key()));
    assert_eq!(store.find_account(FindAccount { key: ana.name.key() }).await, Ok(Some(ana.clone())));

    // crash after step 1 of a deletion: the character lives and keeps its name
    let crashed = stage::operation();
    let freeing = format!("UPDATE names SET state = 3, operation = '{}', until_ms = 0", uuid(crashed));
    server.psql("m", &format!("{freeing} WHERE key = '{key}'"));
    assert_eq!(try_create(&ana, 1, &name, stage::operation()).await, taken);
    assert_eq!(state(&name), "2");
    let deletion = |operation| DeleteCharacter { operation, account: bob.id, slot: 0, key: key.clone() };
    assert!(store.delete_character(deletion(crashed)).await.unwrap().is_err(), "it was concluded as refused");
    assert_eq!(stage::listed(&store, bob.id).await.len(), 1);

    // another deletion does not wait for the crashed one, and a crash after its step 2 frees the name
    let (stuck, again) = (stage::operation(), stage::operation());
    let freeing =
        format!("UPDATE names SET state = 3, operation = '{}', until_ms = 99999999999999", uuid(stuck));
    server.psql("m", &format!("{freeing} WHERE key = '{key}'"));
    let row = server.psql("m", &format!("SELECT id FROM names WHERE key = '{key}'"));
    assert!(store.delete_character(deletion(again)).await.unwrap().is_ok());
    assert_eq!(state(&name), "");
    let (account, again) = (bob.id.0, uuid(again));
    server.psql("m", &format!("INSERT INTO names VALUES (2, '{key}', {account}, {row}, 3, '{again}', 0)"));
    assert_eq!(try_create(&ana, 1, &name, stage::operation()).await, Ok(()));
    assert_eq!(state(&name), "2");
}
