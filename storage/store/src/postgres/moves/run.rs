//! Who moves: one process at a time, and what it does with a move from its beginning to its end.

use super::super::Postgres;
use super::super::open::Connected;
use super::Trouble;
use super::batch::{Batch, ask, list};
use super::side::{Side, Ticket};
use crate::rows::Fields;
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Whoever moves holds this lock of the metadata database; it ends with the process.
const MOVING: i64 = 0x7779_6462_7202;
/// How often the map is looked at, and how often whether there is something to move.
const LOOK_AT_MAP: Duration = Duration::from_millis(250);
const LOOK_FOR_MOVES: Duration = Duration::from_millis(500);
/// Buckets of one chunk, and rows in them that writers may have to wait for.
const CHUNK_BUCKETS: usize = 64;
const CHUNK_ROWS: u64 = 2_000;
/// Differences in a row after which a move is given up.
const DIFFERENCES: u32 = 3;

/// What is to be moved.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) from: u16,
    pub(super) to: u16,
    pub(super) buckets: Vec<i16>,
    state: String,
}

/// A move in the hands of this process.
pub(super) struct Moving<'a> {
    pub(super) store: &'a Postgres,
    pub(super) metadata: &'a Client,
    pub(super) ticket: Ticket,
    pub(super) order: Order,
    pub(super) source: Side,
    pub(super) target: Side,
    pub(super) rows_copied: u64,
    /// The longest that writers of the present chunk were held up.
    pause: Duration,
}

impl Postgres {
    /// Follows the stored map, for ever.
    pub async fn follow_map_for_ever(&self) {
        loop {
            if let Err(failure) = self.follow_map().await {
                tracing::debug!(%failure, "the map of buckets is not read");
            }
            tokio::time::sleep(LOOK_AT_MAP).await;
        }
    }

    /// Carries out the moves that operators order, for ever; of many processes that do so one works at a time.
    /// Dropping it at any moment is as harmless as a crash.
    pub async fn carry_moves_for_ever(&self) {
        loop {
            if let Err(trouble) = self.carry_moves().await {
                tracing::warn!(%trouble, "no buckets are moved until the next look");
            }
            tokio::time::sleep(LOOK_FOR_MOVES).await;
        }
    }

    async fn carry_moves(&self) -> Result<(), Trouble> {
        if !self.metadata.run(&AnyMoves).await? {
            return Ok(());
        }
        let dsn = self.options.metadata.as_ref().unwrap_or(&self.options.shards[0]);
        let connected = Connected::to(dsn, self.options.connect_timeout).await?;
        let metadata = connected.client();
        metadata.batch_execute("SET lock_timeout = '5s'; SET statement_timeout = '10s'").await?;
        let mine = metadata.query_one("SELECT pg_try_advisory_lock($1)", &[&MOVING]).await?;
        if !mine.try_get::<_, bool>(0)? {
            return Ok(());
        }
        while let Some(number) = next_move(metadata).await? {
            self.carry(metadata, number).await?;
        }
        Ok(())
    }

    /// Does one move until it ends or a database fails.
    async fn carry(&self, metadata: &Client, number: i64) -> Result<(), Trouble> {
        let mut differences = 0;
        loop {
            let (ticket, order) = take(metadata, number).await?;
            let carried = self.try_carry(metadata, ticket, order.clone()).await;
            let Err(trouble) = carried else { return Ok(()) };
            tracing::warn!(number, %trouble, "a move is interrupted");
            note(metadata, ticket, &trouble).await?;
            match trouble {
                Trouble::Differs { .. } => differences += 1,
                Trouble::Impossible(_) => differences = DIFFERENCES,
                Trouble::NotOurs => {}
                Trouble::Busy | Trouble::Database(_) => return Err(trouble),
            }
            if differences >= DIFFERENCES {
                return self.give_up(metadata, number, &trouble).await;
            }
        }
    }

    /// Undoes what was not decided, and leaves the rest to the operator.
    async fn give_up(&self, metadata: &Client, number: i64, why: &Trouble) -> Result<(), Trouble> {
        let (ticket, order) = take(metadata, number).await?;
        match self.hands_on(metadata, ticket, order).await {
            Ok(mut moving) => {
                moving.recover().await?;
                moving.source.log_changes(false).await?;
            }
            // then it never began
            Err(Trouble::Impossible(_)) => {}
            Err(trouble) => return Err(trouble),
        }
        note(metadata, ticket, why).await?;
        end(metadata, ticket, "failed").await
    }

    async fn hands_on<'a>(
        &'a self,
        metadata: &'a Client,
        ticket: Ticket,
        order: Order,
    ) -> Result<Moving<'a>, Trouble> {
        let atlas = self.atlas();
        let dsn = |index: u16| {
            let shard = atlas.shards.get(usize::from(index));
            shard
                .map(|shard| shard.dsn())
                .ok_or_else(|| Trouble::Database(format!("shard {index} is not known yet")))
        };
        let within = self.options.connect_timeout;
        let source = Side::connect(dsn(order.from)?, within).await?;
        let target = Side::connect(dsn(order.to)?, within).await?;
        if source.tables != target.tables {
            let what = "the tables of both shards are not the same; start the same version on all".to_owned();
            return Err(Trouble::Impossible(what));
        }
        Ok(Moving {
            store: self,
            metadata,
            ticket,
            order,
            source,
            target,
            rows_copied: 0,
            pause: Duration::ZERO,
        })
    }

    async fn try_carry(&self, metadata: &Client, ticket: Ticket, order: Order) -> Result<(), Trouble> {
        self.follow_map().await?;
        self.probe.reach("start").await;
        let mut moving = self.hands_on(metadata, ticket, order).await?;
        moving.recover().await?;
        match moving.order.state.as_str() {
            "going" => moving.go().await,
            "stopping" => moving.end("stopped").await,
            "backing" => moving.turn_back().await,
            _ => Ok(()),
        }
    }
}

impl Moving<'_> {
    async fn go(&mut self) -> Result<(), Trouble> {
        let left = self.left().await?;
        if !left.is_empty() {
            self.target.make_partitions(&self.source.partitions().await?).await?;
            self.target.make_landings().await?;
            self.source.log_changes(true).await?;
        }
        let mut left = left.as_slice();
        while !left.is_empty() {
            let (chunk, rest) = left.split_at(self.next_chunk(left).await?);
            self.pause = Duration::ZERO;
            self.chunk(chunk).await?;
            left = rest;
        }
        self.end("done").await
    }

    /// Buckets that have not moved yet.
    async fn left(&self) -> Result<Vec<i16>, Trouble> {
        let sql = "SELECT bucket FROM buckets WHERE bucket = ANY ($1) AND shard = $2 ORDER BY bucket";
        let from = self.order.from as i16;
        let rows = self.metadata.query(sql, &[&self.order.buckets, &from]).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }

    /// As many of the next buckets as writers can wait for.
    async fn next_chunk(&self, left: &[i16]) -> Result<usize, Trouble> {
        let next = &left[..left.len().min(CHUNK_BUCKETS)];
        let mut batch = Batch::default();
        for table in self.source.tables.iter().filter(|table| table.waits()) {
            let (own, next) = (table.own(), list(next));
            batch.add(&format!(
                "SELECT bucket, count(*) FROM {own} WHERE bucket = ANY ({next}) GROUP BY bucket"
            ));
        }
        let mut rows = vec![0; next.len()];
        for answer in batch.ask(self.source.client()).await? {
            for (bucket, count) in answer.numbers::<i16>(0)?.into_iter().zip(answer.numbers::<u64>(1)?) {
                if let Some(place) = next.iter().position(|other| *other == bucket) {
                    rows[place] += count;
                }
            }
        }
        let mut sum = 0;
        let fit = rows.iter().take_while(|rows| {
            sum += **rows;
            sum <= CHUNK_ROWS
        });
        Ok(fit.count().max(1))
    }

    /// Says what begins now; fails when this process or the move is to stop.
    pub(super) async fn begin(&self, step: &'static str) -> Result<(), Trouble> {
        let Ticket { number, epoch } = self.ticket;
        let sql = format!(
            "UPDATE moves SET step = '{step}', error = NULL WHERE move = {number} AND epoch = {epoch} RETURNING state"
        );
        let answer = ask(self.metadata, &sql).await?;
        self.store.probe.reach(step).await;
        // what is decided is brought to its end
        if answer.column(0).next() == Some("going") || step == "clean" {
            Ok(())
        } else {
            Err(Trouble::NotOurs)
        }
    }

    /// Writers were held up since then.
    pub(super) fn paused(&mut self, since: Instant) {
        self.pause = self.pause.max(since.elapsed());
    }

    /// Writes down how long writers of this chunk were held up.
    pub(super) async fn note_pause(&mut self) -> Result<(), Trouble> {
        let sql = "UPDATE moves SET pauses_ms = pauses_ms || $2::real, rows_copied = rows_copied + $3 WHERE move = $1";
        let (pause, rows) = (self.pause.as_secs_f32() * 1_000.0, self.rows_copied as i64);
        self.metadata.execute(sql, &[&self.ticket.number, &pause, &rows]).await?;
        self.rows_copied = 0;
        Ok(())
    }

    async fn end(&mut self, state: &str) -> Result<(), Trouble> {
        self.source.log_changes(false).await?;
        end(self.metadata, self.ticket, state).await
    }

    /// What has moved goes back by a move of its own.
    async fn turn_back(&mut self) -> Result<(), Trouble> {
        let sql = "WITH back AS (UPDATE moves SET state = 'back' WHERE move = $1 AND epoch = $2 RETURNING 1) \
                   INSERT INTO moves (from_shard, to_shard, buckets, state, started_ms) \
                   SELECT $4, $3, moved.buckets, 'going', (extract(epoch from clock_timestamp()) * 1000)::bigint \
                   FROM (SELECT array_agg(bucket ORDER BY bucket) AS buckets FROM buckets \
                         WHERE bucket = ANY ($5) AND shard = $4) AS moved \
                   WHERE moved.buckets IS NOT NULL AND EXISTS (SELECT 1 FROM back)";
        let (from, to) = (self.order.from as i16, self.order.to as i16);
        let Ticket { number, epoch } = self.ticket;
        self.source.log_changes(false).await?;
        self.metadata.execute(sql, &[&number, &epoch, &from, &to, &self.order.buckets]).await?;
        self.end("back").await
    }
}

/// The oldest move that has not ended.
async fn next_move(metadata: &Client) -> Result<Option<i64>, Trouble> {
    let sql = "SELECT min(move) FROM moves WHERE state IN ('going', 'stopping', 'backing')";
    Ok(metadata.query_one(sql, &[]).await?.try_get(0)?)
}

/// Takes a move on: from here on whoever had it before has it no more.
async fn take(metadata: &Client, number: i64) -> Result<(Ticket, Order), Trouble> {
    let sql = "UPDATE moves SET epoch = epoch + 1, mover = $2 WHERE move = $1 \
               RETURNING epoch, from_shard, to_shard, buckets, state";
    let mover = format!("pid {}", std::process::id());
    let row = metadata.query_one(sql, &[&number, &mover]).await?;
    let order =
        Order { from: row.number(1)?, to: row.number(2)?, buckets: row.try_get(3)?, state: row.text(4)? };
    Ok((Ticket { number, epoch: row.int(0)? }, order))
}

async fn end(metadata: &Client, ticket: Ticket, state: &str) -> Result<(), Trouble> {
    let sql = "UPDATE moves SET state = $3, step = 'ended', \
               ended_ms = (extract(epoch from clock_timestamp()) * 1000)::bigint WHERE move = $1 AND epoch = $2";
    metadata.execute(sql, &[&ticket.number, &ticket.epoch, &state]).await?;
    tracing::info!(number = ticket.number, state, "a move ended");
    Ok(())
}

async fn note(metadata: &Client, ticket: Ticket, trouble: &Trouble) -> Result<(), Trouble> {
    let sql = "UPDATE moves SET error = $3 WHERE move = $1 AND epoch = $2";
    metadata.execute(sql, &[&ticket.number, &ticket.epoch, &trouble.to_string()]).await?;
    Ok(())
}

struct AnyMoves;

impl super::super::database::Step for AnyMoves {
    type Outcome = bool;

    async fn run(&self, client: &mut deadpool_postgres::Client) -> Result<bool, super::super::fault::Fault> {
        let sql = "SELECT EXISTS (SELECT 1 FROM moves WHERE state IN ('going', 'stopping', 'backing'))";
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query_one(&statement, &[]).await?.try_get(0)?)
    }
}
