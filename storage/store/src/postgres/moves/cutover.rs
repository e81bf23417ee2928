//! The moment in which a chunk of buckets changes its home. Writers wait from the lock to the new map.

use super::super::homes::state::{ARRIVING, GONE, HERE, LEAVING};
use super::apply::Changes;
use super::run::Moving;
use super::side::{Ticket, close, still_arriving};
use super::tables::Table;
use super::{LOCKED_MAX_MS, Trouble};
use futures::future::try_join;
use std::time::{Duration, Instant};
use tokio_postgres::Transaction;

/// Begins the names of the transactions that are prepared here.
const GID: &str = "wydbr-move";

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
        let done = tokio::time::timeout(limit, self.change_home(buckets)).await.unwrap_or_else(|_| Err(late()));
        self.paused(since);
        done
    }

    async fn change_home(&mut self, buckets: &[i16]) -> Result<(), Trouble> {
        let Self { store, source, target, ticket, .. } = self;
        let tables = source.tables.clone();
        let gid = gid(store.cluster, *ticket, buckets);
        let leaving = source.client_mut().transaction().await?;
        close(&leaving, buckets).await?;
        let changes = Changes::read(&leaving, &tables, buckets).await?;

        let landing = target.client_mut().transaction().await?;
        let bound = format!("SET LOCAL idle_in_transaction_session_timeout = {LOCKED_MAX_MS}");
        landing.batch_execute(&bound).await?;
        still_arriving(&landing, *ticket, buckets).await?;
        changes.apply(&landing, &tables).await?;
        let (left, landed) =
            try_join(leave(&leaving, &tables, buckets), land(&landing, &tables, buckets)).await?;
        for (table, (left, landed)) in waiting(&tables).zip(left.into_iter().rev().zip(landed)) {
            if left != landed {
                return Err(Trouble::Differs {
                    table: table.name.clone(),
                    source_rows: format!("{left} rows in the end"),
                    target_rows: format!("{landed} rows"),
                });
            }
        }
        let sql = "UPDATE bucket_homes SET state = $2, move = NULL, epoch = 0 WHERE bucket = ANY ($1) AND state = $3";
        landing.execute(sql, &[&buckets, &HERE, &ARRIVING]).await?;
        // the name is made of digits, letters and colons
        landing.batch_execute(&format!("PREPARE TRANSACTION '{gid}'")).await?;
        landing.commit().await?;
        store.probe.reach("prepared").await;

        leaving.execute("DELETE FROM bucket_changes WHERE moving = ANY ($1)", &[&buckets]).await?;
        let sql = "UPDATE bucket_homes SET state = $2 WHERE bucket = ANY ($1) AND state = $3 AND move = $4 AND epoch = $5";
        let gone =
            leaving.execute(sql, &[&buckets, &GONE, &LEAVING, &ticket.number, &ticket.epoch]).await?;
        if gone != buckets.len() as u64 {
            return Err(Trouble::NotOurs);
        }
        leaving.commit().await?;
        store.probe.reach("gone").await;

        let end = format!("COMMIT PREPARED '{gid}'");
        let here = async { Ok(self.target.client().batch_execute(&end).await?) };
        try_join(here, self.write_map(buckets)).await.map(drop)
    }

    /// From now on everybody is told the new home. Doing it again does nothing.
    pub(super) async fn write_map(&self, buckets: &[i16]) -> Result<(), Trouble> {
        let sql = "WITH moved AS (UPDATE buckets SET shard = $3 WHERE bucket = ANY ($1) AND shard = $2 RETURNING 1) \
                   UPDATE cluster SET map_version = map_version + 1 WHERE EXISTS (SELECT 1 FROM moved)";
        let (from, to) = (self.order.from as i16, self.order.to as i16);
        self.metadata.execute(sql, &[&buckets, &from, &to]).await?;
        Ok(())
    }
}

fn waiting(tables: &[Table]) -> impl DoubleEndedIterator<Item = &Table> {
    tables.iter().filter(|table| table.waits())
}

/// Deletes what leaves, those that refer to others first; how many rows of each table, in that order.
async fn leave(transaction: &Transaction<'_>, tables: &[Table], buckets: &[i16]) -> Result<Vec<u64>, Trouble> {
    let deletes = waiting(tables).rev().map(async |table| {
        let sql = format!("DELETE FROM {} WHERE bucket = ANY ($1)", table.own());
        transaction.execute(&sql, &[&buckets]).await
    });
    in_order(deletes).await
}

/// Puts what waited into its tables, those that others refer to first; how many rows of each table.
async fn land(transaction: &Transaction<'_>, tables: &[Table], buckets: &[i16]) -> Result<Vec<u64>, Trouble> {
    let inserts = waiting(tables).map(async |table| transaction.execute(&table.settle(), &[&buckets]).await);
    in_order(inserts).await
}

/// One after the other; how many rows each touched.
async fn in_order<F>(statements: impl Iterator<Item = F>) -> Result<Vec<u64>, Trouble>
where
    F: Future<Output = Result<u64, tokio_postgres::Error>>,
{
    let mut counts = Vec::new();
    for statement in statements {
        counts.push(statement.await?);
    }
    Ok(counts)
}
