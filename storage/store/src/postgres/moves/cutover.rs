//! The moment in which a chunk of buckets changes its home. Writers wait from the lock to the new map.

use super::super::homes::state::{ARRIVING, GONE, HERE, LEAVING};
use super::apply::{Changes, Log, same};
use super::batch::{Batch, ask, ask_within, list};
use super::chunk::expect_all;
use super::run::Moving;
use super::side::{Ticket, close, still_arriving};
use super::tables::Table;
use super::{LOCKED_MAX_MS, Trouble};
use futures::future::try_join;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Begins the names of the transactions that are prepared here.
const GID: &str = "wydbr:move";

/// What the names of all prepared transactions of a move begin with.
pub(super) fn gid_prefix(cluster: u128, number: i64) -> String {
    format!("{GID}:{cluster:032x}:{number}:")
}

/// The name of one; it ends with the first bucket, by which its fate is known.
fn gid(cluster: u128, ticket: Ticket, buckets: &[i16]) -> String {
    let Ticket { number, epoch } = ticket;
    format!("{}{epoch}:{}", gid_prefix(cluster, number), buckets.first().copied().unwrap_or_default())
}

impl Moving<'_> {
    pub(super) async fn cut_over(&mut self, buckets: &[i16]) -> Result<(), Trouble> {
        let since = Instant::now();
        let limit = Duration::from_millis(LOCKED_MAX_MS.into());
        let late = || Trouble::Database("the cut-over took too long".into());
        let done =
            tokio::time::timeout(limit, self.change_home(buckets)).await.unwrap_or_else(|_| Err(late()));
        self.paused(since);
        if matches!(done, Err(Trouble::Busy)) {
            // nothing was decided: everybody goes on here, and it is tried again
            try_join(ask(self.source.client(), "ROLLBACK"), ask(self.target.client(), "ROLLBACK")).await?;
        }
        done
    }

    async fn change_home(&mut self, buckets: &[i16]) -> Result<(), Trouble> {
        let (tables, ticket) = (self.source.tables.clone(), self.ticket);
        let (source, target) = (self.source.client(), self.target.client());
        let gid = gid(self.store.cluster, ticket, buckets);
        let mut batch = close(buckets);
        let log = batch.add(&Log::sql(buckets));
        let log = Log::of(&ask_within(source, batch).await?[log], &tables)?;
        let changes = log.read_rows(source, &tables, buckets).await?;

        let (left, landed) = try_join(
            leave(source, &tables, ticket, buckets),
            land(target, &tables, ticket, buckets, &changes),
        )
        .await?;
        for (table, (left, landed)) in waiting(&tables).zip(left.into_iter().zip(landed)) {
            same(table, (left, 0), (landed, 0))?;
        }
        // the name is made of digits, letters and colons
        ask(target, &format!("PREPARE TRANSACTION '{gid}'")).await?;
        self.store.probe.reach("prepared").await;
        ask(source, "COMMIT").await?;
        self.store.probe.reach("gone").await;
        let end = format!("COMMIT PREPARED '{gid}'");
        try_join(ask(target, &end), self.write_map(buckets)).await.map(drop)
    }

    /// From now on everybody is told the new home. Doing it again does nothing.
    pub(super) async fn write_map(&self, buckets: &[i16]) -> Result<(), Trouble> {
        let (buckets, from, to) = (list(buckets), self.order.from, self.order.to);
        let sql = format!(
            "WITH moved AS (UPDATE buckets SET shard = {to} WHERE bucket = ANY ({buckets}) AND shard = {from} RETURNING 1) \
             UPDATE cluster SET map_version = map_version + 1 WHERE EXISTS (SELECT 1 FROM moved)"
        );
        ask(self.metadata, &sql).await.map(drop)
    }
}

fn waiting(tables: &[Table]) -> impl DoubleEndedIterator<Item = &Table> {
    tables.iter().filter(|table| table.waits())
}

/// On the source: what leaves is deleted, those that refer to others first, and the buckets are gone with the end
/// of the transaction; how many rows of each table.
async fn leave(
    source: &Client,
    tables: &[Table],
    ticket: Ticket,
    buckets: &[i16],
) -> Result<Vec<usize>, Trouble> {
    let (Ticket { number, epoch }, all) = (ticket, list(buckets));
    let mut batch = Batch::default();
    let mut places: Vec<usize> =
        waiting(tables).rev().map(|table| batch.add(&table.leave(buckets))).collect();
    places.reverse();
    batch.add(&format!("DELETE FROM bucket_changes WHERE moving = ANY ({all})"));
    let gone = batch.add(&format!(
        "UPDATE bucket_homes SET state = {GONE} WHERE bucket = ANY ({all}) AND state = {LEAVING} \
         AND move = {number} AND epoch = {epoch}"
    ));
    let answers = batch.ask(source).await?;
    expect_all(&answers[gone], buckets)?;
    Ok(places.into_iter().map(|place| answers[place].count as usize).collect())
}

/// On the target: the last changes are done, and what waited is put into its tables, those that others refer to
/// first; how many rows of each table.
async fn land(
    target: &Client,
    tables: &[Table],
    ticket: Ticket,
    buckets: &[i16],
    changes: &Changes,
) -> Result<Vec<usize>, Trouble> {
    let mut batch = Batch::default();
    batch.add("BEGIN");
    batch.add(&format!("SET LOCAL idle_in_transaction_session_timeout = {LOCKED_MAX_MS}"));
    let still = batch.add(&still_arriving(ticket, buckets));
    let applied = changes.apply(&mut batch, tables);
    let places: Vec<usize> = waiting(tables).map(|table| batch.add(&table.settle(buckets))).collect();
    batch.add(&format!(
        "UPDATE bucket_homes SET state = {HERE}, move = NULL, epoch = 0 WHERE bucket = ANY ({}) AND state = {ARRIVING}",
        list(buckets)
    ));
    let answers = batch.ask(target).await?;
    expect_all(&answers[still], buckets)?;
    changes.check(&answers, &applied, tables)?;
    Ok(places.into_iter().map(|place| answers[place].count as usize).collect())
}
