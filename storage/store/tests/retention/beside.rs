//! Removing months beside an examination.

use super::{Database, OLD_DAYS, clean, gifts};
use model::calls::database::CheckBuckets;
use std::time::{Duration, Instant};
use store::testing::postgres_wanted;
use store::{Dsn, Postgres, PostgresOptions, Store};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A month that is folded and removed between two questions of an examination: it sees all as of the first one, and who
/// removes the month waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_removed_while_it_is_examined_is_no_false_alarm() {
    if !postgres_wanted() {
        return;
    }
    let database = Database::postgres();
    let Database::Postgres(server) = &database else { return };
    let kept = database.open().await;
    let store = kept.store();
    gifts(&store, 4).await;
    database.make_old_months();
    database.age(OLD_DAYS, "true");
    clean(&store).await;
    let shards = ["m", "s"].iter().map(|name| Dsn::parse(&server.dsn(name)).unwrap()).collect();
    let patient = PostgresOptions { transaction_timeout: PATIENCE, ..PostgresOptions::new(shards) };
    let examiner = Postgres::open(patient).await.unwrap();
    // asked for after the first question and before the ledger, and touched by nobody who folds or removes
    let mut held = Vec::new();
    for shard in ["m", "s"] {
        let (client, connection) =
            tokio_postgres::connect(&server.dsn(shard), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN; LOCK TABLE records IN ACCESS EXCLUSIVE MODE").await.unwrap();
        held.push(client);
    }
    let examining = tokio::spawn(async move {
        examiner.check_buckets(CheckBuckets { first: 0, last: placement::BUCKETS - 1 }).await
    });
    let waiting = |table: &str| {
        format!(
            "SELECT count(*) FROM pg_locks JOIN pg_database AS own ON own.oid = database \
             WHERE datname = current_database() AND relation = '{table}'::regclass AND NOT granted"
        )
    };
    until("the examination waits", || database.count(&waiting("records")) == 2).await;
    let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'ledger'::regclass";
    let before = database.count(months);
    let trimming = tokio::spawn({
        let kept = kept.clone();
        async move { kept.trim().await }
    });
    until("a month is gone or waits for the examination", || {
        database.count(months) < before || database.count(&waiting("ledger")) > 0
    })
    .await;
    let folded = "SELECT count(*) FROM ledger_horizons";
    assert!(database.count(folded) > 0);
    for client in held {
        client.batch_execute("COMMIT").await.unwrap();
    }
    let checked = examining.await.unwrap().unwrap();
    assert_eq!(checked.findings, []);
    assert!(checked.crossings.is_empty() && checked.entries > 0, "{checked:?}");
    let (folded, _) = trimming.await.unwrap();
    let (rest, stays) = kept.trim().await;
    assert!(folded + rest > 0 && stays.is_empty(), "{stays:?}");
    assert_eq!(database.count("SELECT count(*) FROM ledger"), 0);
    assert!(database.count(months) < before);
    clean(&store).await;
}

/// Waits until something is so in the databases.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::task::yield_now().await;
    }
}
