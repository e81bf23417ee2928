//! The steps of one chunk of buckets before the cut-over: mark, copy, follow, verify.

use super::Trouble;
use super::apply::{Log, same, whole_sum};
use super::batch::{Answer, Batch, ask};
use super::run::Moving;
use super::side::still_arriving;
use super::tables::Table;
use futures::{SinkExt, TryStreamExt, pin_mut};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Changes that are few enough to be done while writers wait.
const FEW: usize = 64;
/// Rounds of following before writers must wait anyway.
const ROUNDS: usize = 50;
/// Tries to find a moment in which nobody is in the buckets, and the pause after each.
const TRIES: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// Begins a transaction that sees one moment.
const ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl Moving<'_> {
    /// Moves one chunk, all the way.
    pub(super) async fn chunk(&mut self, buckets: &[i16]) -> Result<(), Trouble> {
        self.begin("mark").await?;
        self.target.expect(self.ticket, buckets).await?;
        self.mark(buckets).await?;
        self.begin("copy").await?;
        self.copy(buckets).await?;
        self.begin("follow").await?;
        for _ in 0..ROUNDS {
            if self.follow(buckets, false).await? <= FEW {
                break;
            }
        }
        self.begin("verify").await?;
        self.follow(buckets, true).await?;
        self.begin("close").await?;
        let mut tries = 0;
        loop {
            match self.cut_over(buckets).await {
                Err(Trouble::Busy) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                    self.follow(buckets, false).await?;
                }
                done => break done?,
            }
        }
        self.begin("clean").await?;
        self.clean_source(buckets).await?;
        self.note_pause().await
    }

    async fn mark(&mut self, buckets: &[i16]) -> Result<(), Trouble> {
        for _ in 0..TRIES {
            let since = Instant::now();
            let marked = self.source.mark(self.ticket, buckets).await;
            self.paused(since);
            match marked {
                Err(Trouble::Busy) => tokio::time::sleep(PAUSE).await,
                marked => return marked,
            }
        }
        Err(Trouble::Busy)
    }

    /// Copies all rows as of one moment. What the log tells of before that moment is in it.
    async fn copy(&mut self, buckets: &[i16]) -> Result<(), Trouble> {
        let (tables, ticket) = (self.source.tables.clone(), self.ticket);
        let mut batch = Batch::default();
        batch.add(ONE_MOMENT);
        let log = batch.add(&Log::sql(buckets));
        let counts: Vec<usize> = tables.iter().map(|table| batch.add(&table.count_of(buckets))).collect();
        let answers = batch.ask(self.source.client()).await?;
        let known = answers[log].numbers(0)?;
        let mut begin = Batch::default();
        begin.add("BEGIN");
        let still = begin.add(&still_arriving(ticket, buckets));
        expect_all(&begin.ask(self.target.client()).await?[still], buckets)?;
        for (table, count) in tables.iter().zip(counts) {
            if answers[count].column(0).next() != Some("0") {
                self.rows_copied +=
                    copy_table(self.source.client(), self.target.client(), table, buckets).await?;
            }
        }
        ask(self.target.client(), "COMMIT").await?;
        ask(self.source.client(), "COMMIT").await?;
        self.forget(&known).await
    }

    /// Does on the target what changed since the last time; how many changes that were. With `verify` it makes sure
    /// that both sides then hold the same, row by row.
    pub(super) async fn follow(&mut self, buckets: &[i16], verify: bool) -> Result<usize, Trouble> {
        let (tables, ticket) = (self.source.tables.clone(), self.ticket);
        let mut batch = Batch::default();
        batch.add(ONE_MOMENT);
        let log = batch.add(&Log::sql(buckets));
        let there: Vec<usize> = if verify {
            tables.iter().map(|table| batch.add(&table.digest_of(&table.own(), buckets))).collect()
        } else {
            Vec::new()
        };
        let answers = batch.ask(self.source.client()).await?;
        let log = Log::of(&answers[log], &tables)?;
        let changes = log.read_rows(self.source.client(), &tables, buckets).await?;
        ask(self.source.client(), "COMMIT").await?;
        if changes.log.entries.is_empty() && !verify {
            return Ok(0);
        }

        let mut batch = Batch::default();
        batch.add("BEGIN");
        let still = batch.add(&still_arriving(ticket, buckets));
        let places = changes.apply(&mut batch, &tables);
        let here: Vec<usize> = there
            .iter()
            .zip(&tables)
            .map(|(_, table)| batch.add(&table.digest_of(&table.landing(), buckets)))
            .collect();
        let told = batch.ask(self.target.client()).await?;
        expect_all(&told[still], buckets)?;
        changes.check(&told, &places, &tables)?;
        for (table, (there, here)) in tables.iter().zip(there.iter().zip(&here)) {
            same(table, whole_sum(&answers[*there])?, whole_sum(&told[*here])?)?;
        }
        ask(self.target.client(), "COMMIT").await?;
        self.forget(&changes.log.entries).await?;
        Ok(changes.log.entries.len())
    }

    /// What these entries of the log tell of is done.
    async fn forget(&self, entries: &[i64]) -> Result<(), Trouble> {
        if !entries.is_empty() {
            let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
            let sql =
                format!("DELETE FROM bucket_changes WHERE seq = ANY ('{{{}}}'::bigint[])", entries.join(","));
            ask(self.source.client(), &sql).await?;
        }
        Ok(())
    }
}

/// All buckets must still be in this mover's hands.
pub(super) fn expect_all(answer: &Answer, buckets: &[i16]) -> Result<(), Trouble> {
    if answer.count == buckets.len() as u64 { Ok(()) } else { Err(Trouble::NotOurs) }
}

async fn copy_table(from: &Client, to: &Client, table: &Table, buckets: &[i16]) -> Result<u64, Trouble> {
    let rows = from.copy_out(&table.copy_out(buckets)).await?;
    let sink = to.copy_in(&table.copy_in()).await?;
    pin_mut!(rows, sink);
    while let Some(piece) = rows.try_next().await? {
        sink.feed(piece).await?;
    }
    Ok(sink.finish().await?)
}
