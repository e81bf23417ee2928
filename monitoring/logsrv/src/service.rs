//! The streams of sources and watchers.

use crate::filter::{last_stored, matches};
use crate::journal::{Journal, Limits, is_safe};
use crate::run::Settings;
use async_trait::async_trait;
use link::{Peer, Service, Stream};
use model::Incarnation;
use model::calls::log::{FromLog, Record, TailFilter, ToLog};
use model::membership::ProcessName;
use parking_lot::Mutex;
use settings::Live;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use telemetry::{IntCounter, IntGauge, Metrics};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// Lines that a watcher may be behind.
const BEHIND_MAX: usize = 8192;
const WATCHERS_MAX: i64 = 64;
const PROCESSES_MAX: usize = 4096;
/// A stream says what it is within this.
const FIRST: Duration = Duration::from_secs(10);
/// A watcher that takes no line for so long is dropped.
const STUCK: Duration = Duration::from_secs(5);

/// A stored record on its way to the watchers.
struct Said {
    process: ProcessName,
    incarnation: Incarnation,
    record: Record,
}

/// What LogSrv serves.
pub(crate) struct Logs {
    journals: Arc<Journals>,
    settings: Live<Settings>,
    said: broadcast::Sender<Arc<Said>>,
    meters: Meters,
}

/// The journals of all processes.
struct Journals {
    directory: PathBuf,
    open: Mutex<HashMap<ProcessName, Arc<Mutex<Journal>>>>,
}

struct Meters {
    lines: IntCounter,
    bytes: IntCounter,
    sources: IntGauge,
    watchers: IntGauge,
    dropped_watchers: IntCounter,
}

impl Journals {
    /// The journal of a process, opened at its first use. Blocks.
    fn of(&self, process: &ProcessName) -> io::Result<Arc<Mutex<Journal>>> {
        let mut journals = self.open.lock();
        if let Some(journal) = journals.get(process) {
            return Ok(Arc::clone(journal));
        }
        if journals.len() >= PROCESSES_MAX {
            return Err(io::Error::other("too many processes"));
        }
        let journal = Arc::new(Mutex::new(Journal::open(&self.directory, process)?));
        journals.insert(process.clone(), Arc::clone(&journal));
        Ok(journal)
    }
}

impl Logs {
    pub(crate) fn new(directory: PathBuf, settings: Live<Settings>, metrics: &Metrics) -> Arc<Self> {
        let meters = Meters {
            lines: metrics.counter("stored_lines", "Log lines stored."),
            bytes: metrics.counter("stored_bytes", "Bytes of log lines stored."),
            sources: metrics.gauge("sources_count", "Processes that send their logs now."),
            watchers: metrics.gauge("watchers_count", "Watchers of the live tail now."),
            dropped_watchers: metrics.counter("dropped_watchers", "Watchers dropped because they were slow."),
        };
        let said = broadcast::Sender::new(BEHIND_MAX);
        let journals = Arc::new(Journals { directory, open: Mutex::default() });
        Arc::new(Self { journals, settings, said, meters })
    }

    /// Stores the records of one run until its stream ends.
    async fn source(
        &self,
        process: ProcessName,
        run: Incarnation,
        stream: &mut Stream<ToLog, FromLog>,
    ) -> io::Result<()> {
        let (journals, name) = (Arc::clone(&self.journals), process.clone());
        let opening = spawn_blocking(move || {
            let journal = journals.of(&name)?;
            let stored = journal.lock().stored(run);
            io::Result::Ok((journal, stored))
        });
        let (journal, mut sequence) = opening.await.map_err(io::Error::other)??;
        loop {
            if stream.send(&FromLog::Stored { sequence }).await.is_err() {
                return Ok(());
            }
            let Some(ToLog::Records(records)) = stream.recv().await else { return Ok(()) };
            let settings = self.settings.get();
            let limits = Limits { rotate_bytes: settings.rotate_bytes.max(4096), keep: settings.keep.max(1) };
            let journal = Arc::clone(&journal);
            let storing = spawn_blocking(move || {
                let mut journal = journal.lock();
                let appended = journal.append(run, records, limits);
                appended.map(|appended| (appended, journal.stored(run)))
            });
            let ((fresh, bytes), stored) = storing.await.map_err(io::Error::other)??;
            sequence = stored;
            self.meters.lines.inc_by(fresh.len() as u64);
            self.meters.bytes.inc_by(bytes);
            for record in fresh {
                // No watchers is no error.
                let _ = self.said.send(Arc::new(Said { process: process.clone(), incarnation: run, record }));
            }
        }
    }

    /// Shows stored and coming lines until the watcher leaves or falls behind.
    async fn watcher(&self, peer: &Peer, filter: TailFilter, mut stream: Stream<ToLog, FromLog>) {
        let mut coming = self.said.subscribe(); // before the files are read: no line is missed
        let (directory, wanted) = (self.journals.directory.clone(), filter.clone());
        let old = match spawn_blocking(move || last_stored(&directory, &wanted)).await {
            Ok(Ok(old)) => old,
            Ok(Err(error)) => return tracing::error!("stored lines cannot be read: {error}"),
            Err(error) => return tracing::error!("stored lines cannot be read: {error}"),
        };
        let mut shown: HashMap<(ProcessName, Incarnation), u64> = HashMap::new();
        for (process, incarnation, record) in old {
            let last = shown.entry((process.clone(), incarnation)).or_default();
            *last = record.sequence.max(*last);
            if !self.show(peer, &stream, process, record).await {
                return;
            }
        }
        loop {
            let said = tokio::select! {
                _ = stream.recv() => return, // it left; watchers say nothing after their filter
                said = coming.recv() => said,
            };
            match said {
                Ok(said) if !matches(&filter, &said.process, &said.record) => {}
                Ok(said) => {
                    let last = shown.get(&(said.process.clone(), said.incarnation));
                    let known = last.is_some_and(|last| said.record.sequence <= *last);
                    if !known && !self.show(peer, &stream, said.process.clone(), said.record.clone()).await {
                        return;
                    }
                }
                Err(RecvError::Lagged(lines)) => {
                    self.meters.dropped_watchers.inc();
                    return tracing::warn!(watcher = %peer.name, lines, "slow watcher dropped");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn show(
        &self,
        peer: &Peer,
        stream: &Stream<ToLog, FromLog>,
        process: ProcessName,
        record: Record,
    ) -> bool {
        match timeout(STUCK, stream.send(&FromLog::Line { process, record })).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                self.meters.dropped_watchers.inc();
                tracing::warn!(watcher = %peer.name, "stuck watcher dropped");
                false
            }
        }
    }
}

/// Counts something that is there now.
struct Present<'a>(&'a IntGauge);

impl<'a> Present<'a> {
    fn new(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[async_trait]
impl Service for Logs {
    type Request = ();
    type Reply = ();
    type In = ToLog;
    type Out = FromLog;

    async fn call(&self, _peer: &Peer, _request: ()) {}

    async fn stream(&self, peer: Peer, mut stream: Stream<ToLog, FromLog>) {
        match timeout(FIRST, stream.recv()).await {
            Ok(Some(ToLog::Source { process, incarnation })) => {
                if process != peer.name || !is_safe(process.as_str()) {
                    return tracing::warn!(peer = %peer.name, "source refused: it sends under another name");
                }
                let _present = Present::new(&self.meters.sources);
                if let Err(error) = self.source(process, incarnation, &mut stream).await {
                    tracing::error!(source = %peer.name, "log lines cannot be stored: {error}");
                }
            }
            Ok(Some(ToLog::Tail(filter))) => {
                if self.meters.watchers.get() >= WATCHERS_MAX {
                    return tracing::warn!(peer = %peer.name, "watcher refused: too many");
                }
                let _present = Present::new(&self.meters.watchers);
                self.watcher(&peer, filter, stream).await;
            }
            Ok(Some(ToLog::Records(_)) | None) | Err(_) => {}
        }
    }
}
