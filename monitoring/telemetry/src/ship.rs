//! Sends the spool to LogSrv: earlier runs of the process first, then this one, each on a stream of its own. Where there are several
//! LogSrvs the next one takes over when one does not answer; the lines that were on their way may be on both then.
//!
//! ```text
//! -> Source            <- Stored (what LogSrv has already)
//! -> Records           <- Stored      again and again; one batch at a time
//! ```

use crate::spool::{Progress, Spool};
use link::{Credentials, Stream, Target};
use model::calls::log::{FromLog, Record, ToLog};
use prometheus::IntCounter;
use rand::Rng;
use std::io;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// Between batches, so that LogSrv writes to its disk a few times a second and not for each line.
const PAUSE: Duration = Duration::from_millis(50);
const ANSWER: Duration = Duration::from_secs(30);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_LONGEST: Duration = Duration::from_secs(2);

/// The shipping task of a process.
pub(crate) struct Shipper {
    pub(crate) spool: Spool,
    pub(crate) credentials: Credentials,
    /// At least one.
    pub(crate) targets: Vec<Target>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) shipped: IntCounter,
}

#[derive(Debug, Error)]
enum Interrupted {
    #[error(transparent)]
    Open(#[from] link::OpenError),
    #[error("LogSrv closed the stream")]
    Closed,
    #[error("LogSrv does not answer")]
    Silent,
    #[error("the spool cannot be read: {0}")]
    Spool(#[from] io::Error),
}

/// Where in a spool the next record is.
#[derive(Clone, Copy, Default)]
struct Cursor {
    segment: u64,
    offset: u64,
}

impl Shipper {
    /// Runs until everything that will ever be written is stored, or until LogSrv is away when the process
    /// stops: then the next run ships the rest.
    pub(crate) async fn run(mut self) {
        let mut backoff = BACKOFF_FIRST;
        let mut complained = false;
        let mut own = Cursor::default();
        loop {
            let before = self.shipped.get();
            // one cursor for all of them: what one has stored no other one is sent
            let Err(error) = self.session(&mut own).await else { return };
            if self.progress.borrow().finished {
                return;
            }
            if self.shipped.get() > before {
                (backoff, complained) = (BACKOFF_FIRST, false);
            }
            if !complained {
                tracing::warn!("logs are kept on disk: {error}");
                complained = true;
            }
            self.targets.rotate_left(1);
            let jitter = rand::rng().random_range(0.5..=1.0);
            tokio::select! {
                () = sleep(backoff.mul_f64(jitter)) => {}
                _ = self.progress.wait_for(|progress| progress.finished) => {}
            }
            backoff = (backoff * 2).min(BACKOFF_LONGEST);
        }
    }

    async fn session(&mut self, own: &mut Cursor) -> Result<(), Interrupted> {
        let mut runs: Vec<u64> = self.spool.segments()?.into_iter().map(|s| s.incarnation).collect();
        runs.dedup();
        runs.retain(|run| *run != self.spool.incarnation.0);
        for run in runs {
            let spool = self.spool.of_run(run);
            let Some(first) = first_segment(&spool)? else { continue };
            // An earlier run: everything is written, wherever it ends.
            let ended = Progress { segment: u64::MAX, records: 0, finished: true };
            let mut cursor = Cursor { segment: first, offset: 0 };
            self.ship(&spool, &mut cursor, watch::channel(ended).1).await?;
        }
        let (spool, progress) = (self.spool.clone(), self.progress.clone());
        self.ship(&spool, own, progress).await
    }

    /// Ships one spool from the cursor to its end.
    async fn ship(
        &self,
        spool: &Spool,
        cursor: &mut Cursor,
        mut progress: watch::Receiver<Progress>,
    ) -> Result<(), Interrupted> {
        let mut stream: Stream<FromLog, ToLog> =
            link::open_stream(&self.credentials, &self.targets[0]).await?;
        let source = ToLog::Source { process: spool.process.clone(), incarnation: spool.incarnation };
        stream.send(&source).await.map_err(|_| Interrupted::Closed)?;
        let mut stored = answer(&mut stream).await?;
        loop {
            // Looked at before reading: what is complete now is complete in what is read next.
            let now = *progress.borrow_and_update();
            let (mut records, offset) = self.read(spool, *cursor).await?;
            let moved = offset > cursor.offset;
            records.retain(|record| record.sequence > stored);
            if !records.is_empty() {
                stored = self.send(&mut stream, records).await?;
            }
            cursor.offset = offset;
            if moved {
                continue;
            }
            let next = spool.after(cursor.segment)?;
            if let Some(next) = next.filter(|_| now.segment > cursor.segment) {
                spool.delete(cursor.segment);
                *cursor = Cursor { segment: next, offset: 0 };
            } else if now.finished {
                spool.delete(cursor.segment);
                return Ok(());
            } else {
                tokio::select! {
                    _ = progress.changed() => {}
                    _ = stream.recv() => return Err(Interrupted::Closed),
                }
                sleep(PAUSE).await;
            }
        }
    }

    async fn send(
        &self,
        stream: &mut Stream<FromLog, ToLog>,
        records: Vec<Record>,
    ) -> Result<u64, Interrupted> {
        let (count, last) = (records.len() as u64, records.last().map_or(0, |record| record.sequence));
        stream.send(&ToLog::Records(records)).await.map_err(|_| Interrupted::Closed)?;
        let mut stored = 0;
        while stored < last {
            stored = answer(stream).await?;
        }
        self.shipped.inc_by(count);
        Ok(stored)
    }

    async fn read(&self, spool: &Spool, cursor: Cursor) -> Result<(Vec<Record>, u64), Interrupted> {
        let spool = spool.clone();
        let reading = tokio::task::spawn_blocking(move || spool.read(cursor.segment, cursor.offset));
        Ok(reading.await.map_err(io::Error::other)??)
    }
}

fn first_segment(spool: &Spool) -> io::Result<Option<u64>> {
    Ok(spool.segments()?.into_iter().find(|s| s.incarnation == spool.incarnation.0).map(|s| s.number))
}

async fn answer(stream: &mut Stream<FromLog, ToLog>) -> Result<u64, Interrupted> {
    match timeout(ANSWER, stream.recv()).await {
        Ok(Some(FromLog::Stored { sequence })) => Ok(sequence),
        Ok(Some(FromLog::Line { .. }) | None) => Err(Interrupted::Closed),
        Err(_) => Err(Interrupted::Silent),
    }
}
