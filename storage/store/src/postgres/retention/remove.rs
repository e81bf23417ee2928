//! Removes what is past the horizon of its bucket.
//!
//! Entries that are copied to another shard must stay until that is over, for both sides are compared: nothing is removed
//! while buckets come or go, and none begins to before the removal is done.

use super::{IMPATIENT, alone};
use crate::postgres::database::Step;
use crate::postgres::fault::Fault;
use crate::postgres::homes::enter;
use crate::retention::{FORGOTTEN, FORGOTTEN_BUCKETS, FORGOTTEN_ROWS, OUTCOMES_LONGER_MS};
use deadpool_postgres::{Client, Transaction};

/// Entries without a month that are removed at once.
pub(super) const STRAYS: i64 = 2_000;

/// What became of the oldest month.
pub(super) enum Removed {
    /// It is gone.
    Month(String),
    /// It stays while buckets move.
    Moving(String),
    /// There is none that may go, or another process is at it.
    Nothing,
}

/// Months by their end, in milliseconds, the oldest first.
pub(super) async fn months(client: &Client) -> Result<Vec<(String, i64)>, Fault> {
    let sql = r"SELECT part.relname::text,
                substring(pg_get_expr(part.relpartbound, part.oid) FROM 'TO \(''(-?\d+)''\)')::bigint AS until_ms
                FROM pg_inherits AS link JOIN pg_class AS part ON part.oid = link.inhrelid
                WHERE link.inhparent = 'ledger'::regclass
                AND pg_get_expr(part.relpartbound, part.oid) <> 'DEFAULT' ORDER BY until_ms";
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, tokio_postgres::Error>>()?)
}

/// Keeps moves from beginning until the end of the transaction; false when one is on.
async fn nothing_moves(transaction: &Transaction<'_>) -> Result<bool, Fault> {
    transaction.batch_execute(IMPATIENT).await?;
    transaction.batch_execute("LOCK TABLE bucket_homes IN SHARE MODE").await?;
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM bucket_homes WHERE state IN (2, 4))";
    Ok(transaction.query_one(sql, &[]).await?.try_get(0)?)
}

/// Removes the oldest month, if all buckets at home here have left it behind.
pub(super) struct RemoveMonth {
    pub(super) cut_ms: i64,
}

impl Step for RemoveMonth {
    type Outcome = Removed;

    async fn run(&self, client: &mut Client) -> Result<Removed, Fault> {
        let oldest = months(client).await?.into_iter().next();
        let Some((month, until_ms)) = oldest.filter(|(_, until_ms)| *until_ms <= self.cut_ms) else {
            return Ok(Removed::Nothing);
        };
        let transaction = client.transaction().await?;
        if !alone(&transaction).await? {
            return Ok(Removed::Nothing);
        }
        if !nothing_moves(&transaction).await? {
            return Ok(Removed::Moving(month));
        }
        let sql = "SELECT 1 FROM bucket_homes AS home LEFT JOIN ledger_horizons AS horizon USING (bucket) \
                   WHERE home.state = 1 AND (horizon.until_ms IS NULL OR horizon.until_ms < $1) LIMIT 1";
        if transaction.query_opt(sql, &[&until_ms]).await?.is_some() {
            return Ok(Removed::Nothing);
        }
        // another process may have removed it since it was listed
        transaction.batch_execute(&format!("DROP TABLE IF EXISTS \"{month}\"")).await?;
        transaction.commit().await?;
        Ok(Removed::Month(month))
    }
}

/// Removes some entries that lie in no month and are past the horizon; how many.
pub(super) struct RemoveStrays;

impl Step for RemoveStrays {
    type Outcome = u64;

    async fn run(&self, client: &mut Client) -> Result<u64, Fault> {
        let sql = "SELECT stray.entry, stray.at_ms FROM ledger_horizons AS horizon CROSS JOIN LATERAL (\
                   SELECT entry, at_ms FROM ledger_default WHERE bucket = horizon.bucket \
                   AND at_ms < horizon.until_ms LIMIT $1) AS stray LIMIT $1";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&STRAYS]).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let entries: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let times: Vec<i64> = rows.iter().map(|row| row.try_get(1)).collect::<Result<_, _>>()?;
        let transaction = client.transaction().await?;
        if !alone(&transaction).await? || !nothing_moves(&transaction).await? {
            return Ok(0);
        }
        let sql = "DELETE FROM ledger_default AS stray USING unnest($1::bigint[], $2::bigint[]) AS given (entry, at_ms) \
                   WHERE stray.entry = given.entry AND stray.at_ms = given.at_ms \
                   AND EXISTS (SELECT 1 FROM ledger_horizons AS horizon \
                   WHERE horizon.bucket = stray.bucket AND stray.at_ms < horizon.until_ms)";
        let removed = transaction.execute(sql, &[&entries, &times]).await?;
        transaction.commit().await?;
        Ok(removed)
    }
}

/// Forgets some outcomes of buckets after one; where to go on, and how many.
pub(super) struct Forget {
    pub(super) after: i16,
}

impl Step for Forget {
    type Outcome = (Option<i16>, u64);
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let sql = "SELECT home.bucket, horizon.until_ms FROM bucket_homes AS home \
                   JOIN ledger_horizons AS horizon USING (bucket) \
                   WHERE home.state <= 2 AND home.bucket > $1 ORDER BY home.bucket LIMIT $2";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&self.after, &FORGOTTEN_BUCKETS]).await?;
        let buckets: Vec<i16> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let Some(last) = buckets.last().copied() else { return Ok((None, 0)) };
        let horizons: Vec<i64> = rows.iter().map(|row| row.try_get(1)).collect::<Result<_, _>>()?;
        let until: Vec<i64> = horizons.iter().map(|until_ms| until_ms - OUTCOMES_LONGER_MS).collect();
        let transaction = client.transaction().await?;
        if !alone(&transaction).await? {
            return Ok((None, 0));
        }
        let sql = "WITH old AS (SELECT found.operation, found.bucket \
                   FROM unnest($1::smallint[], $2::bigint[]) AS given (of_bucket, until) CROSS JOIN LATERAL (\
                   SELECT operation, bucket FROM operations WHERE bucket = given.of_bucket AND at_ms < given.until \
                   AND kind = ANY ($3) ORDER BY at_ms LIMIT $4) AS found LIMIT $4) \
                   DELETE FROM operations USING old \
                   WHERE operations.operation = old.operation AND operations.bucket = old.bucket";
        let statement = transaction.prepare_cached(sql).await?;
        let kinds: Vec<&str> = FORGOTTEN.to_vec();
        let forget = async {
            Ok(transaction.execute(&statement, &[&buckets, &until, &kinds, &FORGOTTEN_ROWS]).await?)
        };
        let mut forgotten = enter(&transaction, &buckets, forget).await?;
        // the newest that is past the retention counts within it
        let sql = "WITH old AS (SELECT found.character, found.since_ms \
                   FROM unnest($1::smallint[], $2::bigint[]) AS given (of_bucket, until) CROSS JOIN LATERAL (\
                   SELECT character, since_ms FROM character_states AS state WHERE bucket = given.of_bucket \
                   AND since_ms < given.until AND EXISTS (SELECT 1 FROM character_states AS newer \
                   WHERE newer.character = state.character AND newer.since_ms > state.since_ms \
                   AND newer.since_ms <= given.until) LIMIT $3) AS found LIMIT $3) \
                   DELETE FROM character_states AS state USING old \
                   WHERE state.character = old.character AND state.since_ms = old.since_ms";
        let statement = transaction.prepare_cached(sql).await?;
        forgotten += transaction.execute(&statement, &[&buckets, &horizons, &FORGOTTEN_ROWS]).await?;
        transaction.commit().await?;
        if forgotten >= FORGOTTEN_ROWS as u64 {
            return Ok((Some(self.after), forgotten));
        }
        Ok((Some(last).filter(|_| buckets.len() as i64 == FORGOTTEN_BUCKETS), forgotten))
    }
}
