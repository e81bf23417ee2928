//! The steps of one chunk of buckets before the cut-over: mark, copy, follow, verify.

use super::Trouble;
use super::apply::{Changes, digest};
use super::run::Moving;
use super::side::still_arriving;
use super::tables::Table;
use futures::{SinkExt, TryStreamExt, pin_mut};
use std::time::{Duration, Instant};
use tokio_postgres::{IsolationLevel, Transaction};

/// Changes that are few enough to be done while writers wait.
const FEW: usize = 64;
/// Rounds of following before writers must wait anyway.
const ROUNDS: usize = 50;
/// Tries to find a moment in which nobody is in the buckets, and the pause after each.
const TRIES: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);

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
        let Self { source, target, ticket, .. } = self;
        let tables = source.tables.clone();
        let builder = source.client_mut().build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let from = builder.read_only(true).start().await?;
        let to = target.client_mut().transaction().await?;
        still_arriving(&to, *ticket, buckets).await?;
        let rows = from.query("SELECT seq FROM bucket_changes WHERE moving = ANY ($1)", &[&buckets]).await?;
        let known: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let mut copied = 0;
        for table in &tables {
            copied += copy_table(&from, &to, table, buckets).await?;
        }
        to.commit().await?;
        from.commit().await?;
        self.rows_copied += copied;
        self.forget(&known).await
    }

    /// Does on the target what changed since the last time; how many changes that were. With `verify` it makes sure
    /// that both sides then hold the same, row by row.
    pub(super) async fn follow(&mut self, buckets: &[i16], verify: bool) -> Result<usize, Trouble> {
        let Self { source, target, ticket, .. } = self;
        let tables = source.tables.clone();
        let builder = source.client_mut().build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let from = builder.read_only(true).start().await?;
        let changes = Changes::read(&from, &tables, buckets).await?;
        let to = target.client_mut().transaction().await?;
        still_arriving(&to, *ticket, buckets).await?;
        changes.apply(&to, &tables).await?;
        if verify {
            for table in &tables {
                let there = digest(&from, table, &table.own(), buckets).await?;
                let here = digest(&to, table, &table.landing(), buckets).await?;
                if there != here {
                    return Err(Trouble::Differs {
                        table: table.name.clone(),
                        source_rows: format!("{} rows, {}", there.0, there.1),
                        target_rows: format!("{} rows, {}", here.0, here.1),
                    });
                }
            }
        }
        to.commit().await?;
        from.commit().await?;
        self.forget(&changes.entries).await?;
        Ok(changes.entries.len())
    }

    /// What these entries of the log tell of is done.
    async fn forget(&self, entries: &[i64]) -> Result<(), Trouble> {
        if !entries.is_empty() {
            let sql = "DELETE FROM bucket_changes WHERE seq = ANY ($1)";
            self.source.client().execute(sql, &[&entries]).await?;
        }
        Ok(())
    }
}

async fn copy_table(
    from: &Transaction<'_>,
    to: &Transaction<'_>,
    table: &Table,
    buckets: &[i16],
) -> Result<u64, Trouble> {
    let rows = from.copy_out(&table.copy_out(buckets)).await?;
    let sink = to.copy_in(&table.copy_in()).await?;
    pin_mut!(rows, sink);
    while let Some(piece) = rows.try_next().await? {
        sink.feed(piece).await?;
    }
    Ok(sink.finish().await?)
}
