//! One end of a move: a connection of its own to a shard, and what is done to the fence there.

use super::super::homes::state::{ARRIVING, GONE, HERE, LEAVING};
use super::super::open::Connected;
use super::super::options::Dsn;
use super::batch::{Batch, ask, ask_within, list, text};
use super::tables::{Table, quoted};
use super::{LOCKED_MAX_MS, Trouble};
use std::time::Duration;
use tokio_postgres::Client;

/// How texts of values look, so that digests of both sides can be compared, and bounds of everything. A mover may
/// change what nobody else may.
const SESSION: &str = "SET statement_timeout = '120s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '120s'; SET bytea_output = hex; SET datestyle = 'ISO, YMD'; \
     SET timezone = 'UTC'; SET extra_float_digits = 1; SET wydbr.mover = 'on'";
/// Rows deleted by one transaction.
const BATCH: u64 = 2_000;
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
                return Err(Trouble::Impossible(format!(
                    "bucket {bucket} is on both shards (state {state})"
                )));
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
    pub(super) async fn mark(&self, ticket: Ticket, buckets: &[i16]) -> Result<(), Trouble> {
        let mut batch = close(buckets);
        let (Ticket { number, epoch }, all) = (ticket, list(buckets));
        let marked = batch.add(&format!(
            "UPDATE bucket_homes SET state = {LEAVING}, move = {number}, epoch = {epoch} \
             WHERE bucket = ANY ({all}) AND state = {HERE}"
        ));
        batch.add(&format!("DELETE FROM bucket_changes WHERE moving = ANY ({all})"));
        let marked = ask_within(self.client(), batch).await?[marked].count;
        if marked != buckets.len() as u64 {
            let of = buckets.len();
            return Err(Trouble::Impossible(format!("{marked} of {of} buckets are at home on their shard")));
        }
        ask(self.client(), "COMMIT").await.map(drop)
    }

    /// leaving -> here: the move did not happen.
    pub(super) async fn keep(&self, ticket: Ticket) -> Result<(), Trouble> {
        let sql = "UPDATE bucket_homes SET state = $3, move = NULL, epoch = 0 WHERE move = $1 AND epoch = $2 AND state = $4";
        self.client().execute(sql, &[&ticket.number, &ticket.epoch, &HERE, &LEAVING]).await?;
        self.client().execute("DELETE FROM bucket_changes", &[]).await?;
        Ok(())
    }

    /// Deletes rows of buckets that are not at home, and forgets the buckets.
    pub(super) async fn clean(&self, buckets: &[i16], state: i16) -> Result<(), Trouble> {
        if buckets.is_empty() {
            return Ok(());
        }
        let all = list(buckets);
        let relations = self.relations_of(state).await?;
        loop {
            let mut batch = Batch::default();
            batch.add("BEGIN");
            // the buckets may be at home again by the work of another mover
            let still = batch.add(&format!(
                "SELECT 1 FROM bucket_homes WHERE bucket = ANY ({all}) AND state = {state} FOR SHARE"
            ));
            let deletes: Vec<usize> = relations
                .iter()
                .map(|(table, relation)| batch.add(&table.delete_some(relation, buckets, BATCH)))
                .collect();
            let answers = batch.ask(self.client()).await?;
            if answers[still].count != buckets.len() as u64 {
                return Err(Trouble::NotOurs);
            }
            let more = deletes.iter().any(|delete| answers[*delete].count >= BATCH);
            let mut batch = Batch::default();
            if !more {
                batch
                    .add(&format!("DELETE FROM bucket_homes WHERE bucket = ANY ({all}) AND state = {state}"));
            }
            batch.add("COMMIT");
            batch.ask(self.client()).await?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Where rows of buckets in a state lie, those that refer to others first.
    async fn relations_of(&self, state: i16) -> Result<Vec<(&Table, String)>, Trouble> {
        let mut batch = Batch::default();
        let lies = |table: &Table| if state == ARRIVING { table.landing() } else { table.own() };
        for table in &self.tables {
            batch.add(&format!("SELECT to_regclass({})", text(&lies(table))));
        }
        let answers = batch.ask(self.client()).await?;
        // where rows wait is made by the first move
        let there = self.tables.iter().zip(answers).filter(|(_, answer)| answer.column(0).next().is_some());
        let mut relations: Vec<(&Table, String)> = there.map(|(table, _)| (table, lies(table))).collect();
        relations.reverse();
        Ok(relations)
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

    /// Partitions of all tables: the table, the partition, and what it takes.
    pub(super) async fn partitions(&self) -> Result<Vec<[String; 3]>, Trouble> {
        let sql = "SELECT whole.relname::text, part.relname::text, pg_get_expr(part.relpartbound, part.oid) \
            FROM pg_inherits AS link JOIN pg_class AS part ON part.oid = link.inhrelid \
            JOIN pg_class AS whole ON whole.oid = link.inhparent AND whole.relkind = 'p' \
            WHERE whole.relnamespace = current_schema()::regnamespace ORDER BY part.relname::text";
        let rows = self.client().query(sql, &[]).await?;
        let read = |row: &tokio_postgres::Row| Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?]);
        rows.iter().map(read).collect()
    }

    /// Makes partitions that the other side has, so that rows do not all arrive in the default ones. One that cannot
    /// be made now is left out: the default ones take everything.
    pub(super) async fn make_partitions(&self, wanted: &[[String; 3]]) -> Result<(), Trouble> {
        let there = self.partitions().await?;
        for [whole, part, bound] in wanted.iter().filter(|part| !there.contains(*part)) {
            let (part, whole) = (quoted(part), quoted(whole));
            let make = format!("CREATE TABLE IF NOT EXISTS {part} PARTITION OF {whole} {bound}");
            if let Err(trouble) = self.patiently(&make).await {
                tracing::warn!(part, %trouble, "a partition is not made on the target");
            }
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

/// Begins a transaction that keeps everybody out of buckets until its end; waits for those who are in only for a
/// moment.
pub(super) fn close(buckets: &[i16]) -> Batch {
    let mut batch = Batch::default();
    batch.add("BEGIN");
    batch.add("SET LOCAL lock_timeout = '100ms'");
    batch.add(&format!("SET LOCAL idle_in_transaction_session_timeout = {LOCKED_MAX_MS}"));
    batch.add(&format!("SET LOCAL statement_timeout = {LOCKED_MAX_MS}"));
    batch.add(&format!("SELECT close_buckets({})", list(buckets)));
    batch
}

/// Makes sure that buckets still arrive here by this mover's work, and stay so until the end of the transaction; the
/// answer must have a row for each.
pub(super) fn still_arriving(ticket: Ticket, buckets: &[i16]) -> String {
    let (Ticket { number, epoch }, buckets) = (ticket, list(buckets));
    format!(
        "SELECT 1 FROM bucket_homes WHERE bucket = ANY ({buckets}) AND state = {ARRIVING} AND move = {number} \
         AND epoch = {epoch} FOR SHARE"
    )
}
