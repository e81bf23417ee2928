//! The running check on shards: see [`crate::conservation`].
//!
//! It has connections and a breaker of its own: the watch may fail or be slow, and nobody else is held up.

use super::Postgres;
use super::check::one_moment;
use super::database::Step;
use super::fault::Fault;
use super::shard::Shard;
use crate::conservation::sql::POSTGRES;
use crate::conservation::{Range, Seen, Site, Sums, Wanted};
use crate::examine::{Judged, judge};
use crate::rows::Fields;
use async_trait::async_trait;
use deadpool_postgres::{Client, Transaction};
use model::calls::database::{CheckBuckets, Failure};
use std::sync::Arc;
use std::time::Instant;
use tokio_postgres::types::ToSql;

/// Numbers below the newest entry that may still be missing at the first look.
const LATE: i64 = 100_000;

#[async_trait]
impl Site for Postgres {
    fn shards(&self) -> Vec<u16> {
        self.atlas().serving().map(|shard| shard.index()).collect()
    }

    async fn look(&self, shard: u16, wanted: &Wanted) -> Result<Seen, Failure> {
        self.watched(shard)?.run_beside(&Look(wanted)).await
    }

    async fn judge(&self, shard: u16, bucket: u16) -> Result<Judged, Failure> {
        let request = CheckBuckets { first: bucket, last: bucket };
        let (shelf, _) = self.watched(shard)?.run_beside(&request).await?;
        Ok(judge(&shelf))
    }
}

impl Postgres {
    fn watched(&self, shard: u16) -> Result<Arc<Shard>, Failure> {
        let unknown = || Failure::Unavailable(format!("there is no shard {shard}"));
        self.atlas().shards.get(usize::from(shard)).cloned().ok_or_else(unknown)
    }
}

/// One look, at one moment.
struct Look<'a>(&'a Wanted);

impl Step for Look<'_> {
    type Outcome = Seen;

    async fn run(&self, client: &mut Client) -> Result<Seen, Fault> {
        let began = Instant::now();
        let transaction = one_moment(client).await?;
        // the best way depends on how much of a table is asked for
        let plans = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; \
                     SET LOCAL max_parallel_workers_per_gather = 0";
        transaction.batch_execute(plans).await?;
        let mut seen = now(&transaction).await?;
        let ranges = match &self.0.gaps {
            Some(ranges) => ranges.clone(),
            None => {
                let row = ask(&transaction, "SELECT COALESCE(max(entry), 0) FROM ledger", &[]).await?;
                let newest = row.first().map(|row| row.int(0)).transpose()?.unwrap_or_default();
                seen.start = newest.saturating_sub(LATE).max(0);
                vec![Range { low: seen.start + 1, high: i64::MAX }]
            }
        };
        let low: Vec<i64> = ranges.iter().map(|range| range.low).collect();
        let high: Vec<i64> = ranges.iter().map(|range| range.high).collect();
        let gaps: [&(dyn ToSql + Sync); 2] = [&low, &high];
        for row in ask(&transaction, TAKEN, &gaps).await? {
            seen.taken.push((row.int(0)?, row.int(1)?));
        }
        // at the first look there is no book that it could be written into
        if self.0.gaps.is_some() && !seen.taken.is_empty() {
            seen.news = sums(&transaction, &POSTGRES.news, &gaps).await?;
            if self.0.touched {
                for row in ask(&transaction, &POSTGRES.touched, &gaps).await? {
                    seen.touched.push(row.number(0)?);
                }
            }
        }
        if let Some((first, last)) = self.0.rows {
            let since = Instant::now();
            seen.rows = sums(&transaction, &POSTGRES.rows, &[&(first as i16), &(last as i16)]).await?;
            seen.rows_took = since.elapsed();
        }
        if let Some((first, last)) = self.0.base {
            let since = Instant::now();
            seen.base = sums(&transaction, &POSTGRES.base, &[&(first as i16), &(last as i16)]).await?;
            seen.base_took = since.elapsed();
        }
        transaction.commit().await?;
        seen.took = began.elapsed();
        Ok(seen)
    }
}

/// Numbers in the gaps that are taken, as ranges.
const TAKEN: &str = "SELECT min(entry), max(entry) FROM \
    (SELECT entry, entry - row_number() OVER (ORDER BY entry) AS island \
     FROM unnest($1::bigint[], $2::bigint[]) AS gap (low, high) \
     JOIN ledger ON ledger.entry BETWEEN gap.low AND gap.high) AS seen GROUP BY island";

/// The moment that is looked at, and what is at home then.
async fn now(transaction: &Transaction<'_>) -> Result<Seen, Fault> {
    let sql = "SELECT pg_snapshot_xmin(at)::text::bigint, pg_snapshot_xmax(at)::text::bigint, \
               ARRAY(SELECT bucket FROM bucket_homes WHERE state <= 2) FROM pg_current_snapshot() AS at";
    let statement = transaction.prepare_cached(sql).await?;
    let row = transaction.query_one(&statement, &[]).await?;
    let homes: Vec<i16> = row.try_get(2)?;
    let homes = homes.into_iter().map(|bucket| bucket as u16).collect();
    Ok(Seen { clock: (row.int(0)?, row.int(1)?), homes, ..Seen::default() })
}

async fn ask(
    transaction: &Transaction<'_>,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<tokio_postgres::Row>, Fault> {
    let statement = transaction.prepare_cached(sql).await?;
    Ok(transaction.query(&statement, values).await?)
}

async fn sums(
    transaction: &Transaction<'_>,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Vec<(u16, Sums)>, Fault> {
    let rows = ask(transaction, sql, values).await?;
    Ok(rows.iter().map(Sums::read).collect::<Result<_, _>>()?)
}
