//! The ledger by time: months are made ahead, and what is past the retention is folded and removed, month by month.
//!
//! Any number of processes may do it; on each shard one works at a time. It needs the ledger to itself only for a
//! moment, to make or to remove a month, and gives up when it does not get it: the next round comes soon.

mod fold;
mod remove;

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::shard::Shard;
use super::values::now_ms;
use crate::retention::{STEPS, Trimmed, retention_ms};
use crate::rows::Fields;
use deadpool_postgres::{Client, Transaction};
use fold::Fold;
use model::calls::database::Failure;
use remove::{Forget, RemoveMonth, RemoveStrays, Removed};
use std::time::Duration;

/// Whoever works on the ledger of a shard holds this lock of it until the end of the transaction.
const TRIMMING: i64 = 0x7779_6462_7203;
/// Waits for those who are in the way only for a moment, so that nobody queues behind it.
const IMPATIENT: &str = "SET LOCAL lock_timeout = '100ms'";
/// Makes the months up to so long ahead.
const MAKE: &str =
    concat!("SELECT make_ledger_partitions(", now_ms!(), ", ", now_ms!(), " + 92::bigint * 86400000)");
/// Tries of what needs the ledger to itself, and the pause between them.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

impl Postgres {
    /// One round over the ledgers of all shards: makes months ahead and, with a retention, removes what is older.
    /// Bounded, and harmless at any time and in any number of processes.
    pub async fn trim_ledger(&self, retention: Option<Duration>) -> Trimmed {
        let mut all = Trimmed::default();
        for shard in self.atlas().serving() {
            let mut trimmed = Trimmed::default();
            if let Err(failure) = trim(shard, retention, &mut trimmed).await {
                trimmed.kept.push(failure.to_string());
            }
            let index = shard.index();
            trimmed.kept.iter_mut().for_each(|why| *why = format!("shard {index}: {why}"));
            all.add(trimmed);
        }
        all
    }
}

async fn trim(shard: &Shard, retention: Option<Duration>, trimmed: &mut Trimmed) -> Result<(), Failure> {
    trimmed.made = patiently(shard, &MakeAhead).await?;
    trimmed.oldest_ms = shard.run(&Oldest).await?;
    let Some(retention) = retention else { return Ok(()) };
    let cut_ms = shard.run(&Cut(retention_ms(retention))).await?;
    let mut after = Some(-1);
    for _ in 0..STEPS {
        let Some(bucket) = after else { break };
        // another process is at it
        let fold = Fold { after: bucket, cut_ms };
        let Some(step) = patiently(shard, &fold).await? else { return Ok(()) };
        trimmed.folded += step.folded;
        trimmed.kept.extend(step.kept);
        after = step.next;
    }
    trimmed.more = after.is_some();
    for _ in 0..STEPS {
        match patiently(shard, &RemoveMonth { cut_ms }).await? {
            Removed::Month(name) => {
                tracing::info!(shard = shard.index(), name, "removed a month of the ledger");
                trimmed.partitions += 1;
            }
            Removed::Moving(name) => {
                trimmed.kept.push(format!("{name} stays until no buckets move"));
                break;
            }
            Removed::Nothing => break,
        }
    }
    for _ in 0..STEPS {
        let removed = shard.run(&RemoveStrays).await?;
        trimmed.entries += removed;
        if removed < remove::STRAYS as u64 {
            break;
        }
    }
    let mut after = Some(-1);
    for _ in 0..STEPS {
        let Some(bucket) = after else { break };
        let (next, forgotten) = shard.run(&Forget { after: bucket }).await?;
        trimmed.operations += forgotten;
        after = next;
    }
    trimmed.more |= after.is_some();
    trimmed.oldest_ms = shard.run(&Oldest).await?;
    Ok(())
}

/// Does what needs the ledger to itself, again while somebody is in the way.
async fn patiently<S: Step>(shard: &Shard, step: &S) -> Result<S::Outcome, Failure> {
    for _ in 1..TRIES {
        match shard.run(step).await {
            Err(Failure::Unavailable(why)) => tracing::debug!(shard = shard.index(), why, "again"),
            done => return done,
        }
        tokio::time::sleep(PAUSE).await;
    }
    shard.run(step).await
}

/// False when another process works on this ledger.
async fn alone(transaction: &Transaction<'_>) -> Result<bool, Fault> {
    let row = transaction.query_one("SELECT pg_try_advisory_xact_lock($1)", &[&TRIMMING]).await?;
    Ok(row.try_get(0)?)
}

/// Makes months ahead on a shard that is being prepared; what is not made now is made by the next round.
pub(super) async fn make_ahead(client: &tokio_postgres::Client) {
    let made = client.batch_execute(&format!("BEGIN; {IMPATIENT}; {MAKE}; COMMIT")).await;
    if let Err(error) = made {
        tracing::warn!(%error, "months of the ledger are not made ahead yet");
        let _ = client.batch_execute("ROLLBACK").await;
    }
}

struct MakeAhead;

impl Step for MakeAhead {
    type Outcome = u64;

    async fn run(&self, client: &mut Client) -> Result<u64, Fault> {
        let transaction = client.transaction().await?;
        if !alone(&transaction).await? {
            return Ok(0);
        }
        transaction.batch_execute(IMPATIENT).await?;
        let made: i32 = transaction.query_one(MAKE, &[]).await?.try_get(0)?;
        transaction.commit().await?;
        Ok(made.unsigned_abs().into())
    }
}

/// The beginning of the month in which that many milliseconds ago lies, by the clock of the shard.
struct Cut(i64);

impl Step for Cut {
    type Outcome = i64;

    async fn run(&self, client: &mut Client) -> Result<i64, Fault> {
        let sql = "SELECT (extract(epoch FROM date_trunc('month', \
                   (clock_timestamp() - $1::bigint * interval '1 millisecond') AT TIME ZONE 'UTC')) * 1000)::bigint";
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_one(&statement, &[&self.0]).await?.int(0)?)
    }
}

/// The age of the oldest entry: of those in the oldest month that has any, and of those without a month.
struct Oldest;

impl Step for Oldest {
    type Outcome = Option<i64>;

    async fn run(&self, client: &mut Client) -> Result<Option<i64>, Fault> {
        let mut oldest = None;
        for (month, _) in remove::months(client).await? {
            oldest = first_of(client, &month).await?;
            if oldest.is_some() {
                break;
            }
        }
        Ok(oldest.max(first_of(client, "ledger_default").await?))
    }
}

async fn first_of(client: &Client, partition: &str) -> Result<Option<i64>, Fault> {
    let sql = format!(
        "SELECT {} - min(oldest.at_ms) FROM bucket_homes AS home CROSS JOIN LATERAL \
         (SELECT at_ms FROM \"{partition}\" WHERE bucket = home.bucket ORDER BY at_ms LIMIT 1) AS oldest \
         WHERE home.state <= 2",
        now_ms!()
    );
    let row = client.query_one(&sql, &[]).await?;
    Ok(row.maybe(0, Fields::int)?)
}
