//! One end of a move: a connection of its own to a shard, and what is done to the fence there.

use super::super::homes::state::{ARRIVING, GONE, HERE, LEAVING};
use super::super::open::Connected;
use super::super::options::Dsn;
use super::tables::Table;
use super::{LOCKED_MAX_MS, Trouble};
use std::time::Duration;
use tokio_postgres::{Client, Transaction};

/// How texts of values look, so that digests of both sides can be compared, and bounds of everything. A mover may
/// change what nobody else may.
const SESSION: &str = "SET statement_timeout = '120s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '120s'; SET bytea_output = hex; SET datestyle = 'ISO, YMD'; \
     SET timezone = 'UTC'; SET extra_float_digits = 1; SET wydbr.mover = 'on'";
/// Rows deleted by one transaction.
const BATCH: i64 = 2_000;
/// Tries to switch a trigger on or off, and the pause between them.
const TRIES: usize = 200;
const PAUSE: Duration = Duration::from_millis(50);

/// A process's right to a move: see the epochs in [`super`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) number: i64,
    pub(super) epoch: i64,
}

/// One end of a move.
pub(super) struct Side {
    connected: Connected,
    pub(super) tables: Vec<Table>,
}

impl Side {
    pub(super) async fn connect(dsn: &Dsn, within: Duration) -> Result<Self, Trouble> {
        let connected = Connected::to(dsn, within).await?;
        connected.client().batch_execute(SESSION).await?;
        let tables = Table::all(connected.client()).await?;
        Ok(Self { connected, tables })
    }

    pub(super) fn client(&self) -> &Client {
        self.connected.client()
    }

    pub(super) fn client_mut(&mut self) -> &mut Client {
        self.connected.client_mut()
    }

    /// Refuses what a former mover still does; fails while it is in the middle of something.
    pub(super) async fn take_over(&self, ticket: Ticket) -> Result<(), Trouble> {
        let sql = "UPDATE bucket_homes SET epoch = $2 WHERE move = $1 AND epoch < $2";
        self.client().execute(sql, &[&ticket.number, &ticket.epoch]).await?;
        Ok(())
    }

    /// Buckets of a move in a state.
    pub(super) async fn buckets(&self, ticket: Ticket, state: i16) -> Result<Vec<i16>, Trouble> {
        let sql = "SELECT bucket FROM bucket_homes WHERE move = $1 AND state = $2 ORDER BY bucket";
        let rows = self.client().query(sql, &[&ticket.number, &state]).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// Expects buckets: none -> arriving.
    pub(super) async fn expect(&self, ticket: Ticket, buckets: &[i16]) -> Result<(), Trouble> {
        let sql = "SELECT bucket, state FROM bucket_homes WHERE bucket = ANY ($1)";
        let mut left_over = Vec::new();
        for row in self.client().query(sql, &[&buckets]).await? {
            let (bucket, state): (i16, i16) = (row.try_get(0)?, row.try_get(1)?);
            if state != GONE {
                return Err(Trouble::Impossible(format!("bucket {bucket} is on both shards (state {state})")));
            }
            left_over.push(bucket);
        }
        self.clean(&left_over, GONE).await?;
        let sql = "INSERT INTO bucket_homes (bucket, state, move, epoch) \
                   SELECT bucket, $2, $3, $4 FROM unnest($1::smallint[]) AS bucket";
        self.client().execute(sql, &[&buckets, &ARRIVING, &ticket.number, &ticket.epoch]).await?;
        Ok(())
    }

    /// here -> leaving: from the end of this on, every change is logged.
    pub(super) async fn mark(&mut self, ticket: Ticket, buckets: &[i16]) -> Result<(), Trouble> {
        let transaction = self.client_mut().transaction().await?;
        close(&transaction, buckets).await?;
        let sql = "UPDATE bucket_homes SET state = $2, move = $3, epoch = $4 WHERE bucket = ANY ($1) AND state = $5";
        let marked =
            transaction.execute(sql, &[&buckets, &LEAVING, &ticket.number, &ticket.epoch, &HERE]).await?;
        if marked != buckets.len() as u64 {
            return Err(Trouble::Impossible(format!(
                "{} buckets are at home, not all {}",
                marked,
                buckets.len()
            )));
        }
        transaction.execute("DELETE FROM bucket_changes WHERE moving = ANY ($1)", &[&buckets]).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// leaving -> here: the move did not happen.
    pub(super) async fn keep(&self, ticket: Ticket) -> Result<(), Trouble> {
        let sql =
            "UPDATE bucket_homes SET state = $3, move = NULL, epoch = 0 WHERE move = $1 AND epoch = $2 AND state = $4";
        self.client().execute(sql, &[&ticket.number, &ticket.epoch, &HERE, &LEAVING]).await?;
        self.client().execute("DELETE FROM bucket_changes", &[]).await?;
        Ok(())
    }

    /// Deletes rows of buckets that are not at home, and forgets the buckets.
    pub(super) async fn clean(&self, buckets: &[i16], state: i16) -> Result<(), Trouble> {
        if buckets.is_empty() {
            return Ok(());
        }
        for table in self.tables.iter().rev() {
            if state == ARRIVING && table.waits() {
                self.delete_all(buckets, state, table, &table.landing()).await?;
            } else {
                self.delete_all(buckets, state, table, &table.own()).await?;
            }
        }
        let sql = "DELETE FROM bucket_homes WHERE bucket = ANY ($1) AND state = $2";
        self.client().execute(sql, &[&buckets, &state]).await?;
        Ok(())
    }

    async fn delete_all(&self, buckets: &[i16], state: i16, table: &Table, relation: &str) -> Result<(), Trouble> {
        let exists = self.client().query_one("SELECT to_regclass($1) IS NOT NULL", &[&relation]).await?;
        if !exists.try_get::<_, bool>(0)? {
            return Ok(());
        }
        let delete = self.client().prepare(&table.delete_some(relation)).await?;
        loop {
            self.client().batch_execute("BEGIN").await?;
            let deleted = async {
                // the bucket may be at home again by the work of another mover
                let sql = "SELECT 1 FROM bucket_homes WHERE bucket = ANY ($1) AND state = $2 FOR SHARE";
                if self.client().query(sql, &[&buckets, &state]).await?.len() != buckets.len() {
                    return Err(Trouble::NotOurs);
                }
                Ok(self.client().execute(&delete, &[&buckets, &BATCH]).await?)
            };
            let deleted = deleted.await;
            self.client().batch_execute(if deleted.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
            if deleted? < BATCH as u64 {
                return Ok(());
            }
        }
    }

    /// Makes the tables in which rows wait.
    pub(super) async fn make_landings(&self) -> Result<(), Trouble> {
        for table in self.tables.iter().filter(|table| table.waits()) {
            self.client().batch_execute(&table.make_landing()).await?;
        }
        Ok(())
    }

    /// Switches the logging of changes on or off. Needs each table to itself for a moment, and waits for it only
    /// that long, so that nobody queues behind it.
    pub(super) async fn log_changes(&self, on: bool) -> Result<(), Trouble> {
        for table in &self.tables {
            let sql = "SELECT tgenabled <> 'D' FROM pg_trigger \
                       WHERE tgrelid = to_regclass($1) AND tgname = 'bucket_change'";
            let found: Option<bool> =
                self.client().query_opt(sql, &[&table.own()]).await?.map(|row| row.try_get(0)).transpose()?;
            let change = match (found, on) {
                (None, true) => table.make_trigger(),
                (Some(is_on), on) if is_on != on => {
                    let verb = if on { "ENABLE" } else { "DISABLE" };
                    format!("ALTER TABLE {} {verb} TRIGGER bucket_change", table.own())
                }
                _ => continue,
            };
            self.patiently(&change).await?;
        }
        Ok(())
    }

    async fn patiently(&self, change: &str) -> Result<(), Trouble> {
        for _ in 0..TRIES {
            let changed = self
                .client()
                .batch_execute(&format!("BEGIN; SET LOCAL lock_timeout = '60ms'; {change}; COMMIT"))
                .await
                .map_err(Trouble::from);
            if changed.is_err() {
                self.client().batch_execute("ROLLBACK").await?;
            }
            match changed {
                Err(Trouble::Busy) => tokio::time::sleep(PAUSE).await,
                changed => return changed,
            }
        }
        Err(Trouble::Busy)
    }
}

/// Keeps everybody out of buckets until the end of the transaction; waits for those who are in only for a moment.
pub(super) async fn close(transaction: &Transaction<'_>, buckets: &[i16]) -> Result<(), Trouble> {
    let bounds = format!(
        "SET LOCAL lock_timeout = '100ms'; SET LOCAL idle_in_transaction_session_timeout = {LOCKED_MAX_MS}; \
         SET LOCAL statement_timeout = {LOCKED_MAX_MS}"
    );
    transaction.batch_execute(&bounds).await?;
    transaction.execute("SELECT close_buckets($1)", &[&buckets]).await?;
    Ok(())
}

/// Makes sure that buckets still arrive here by this mover's work, and stay so until the end of the transaction.
pub(super) async fn still_arriving(
    transaction: &Transaction<'_>,
    ticket: Ticket,
    buckets: &[i16],
) -> Result<(), Trouble> {
    let sql = "SELECT 1 FROM bucket_homes WHERE bucket = ANY ($1) AND state = $2 AND move = $3 AND epoch = $4 FOR SHARE";
    let found = transaction.query(sql, &[&buckets, &ARRIVING, &ticket.number, &ticket.epoch]).await?;
    if found.len() == buckets.len() { Ok(()) } else { Err(Trouble::NotOurs) }
}
