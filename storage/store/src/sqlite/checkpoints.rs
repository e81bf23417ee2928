//! The thread that brings the write-ahead log into the file, so that the writer never waits for it.
//!
//! It syncs the log as well, which makes durable what was committed without a sync. While it copies, the log grows; when the
//! log is too long for that, the writer is held back for the short time that the last pages take.

use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is committed without a sync is synced within this time and what a sync takes.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// Pages of 4 KiB after which the log begins anew.
const LOG_PAGES: i64 = 16_384;

/// Runs until it is dropped.
pub(super) struct Checkpoints {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread, on a connection of its own.
    pub(super) fn start(path: &Path) -> rusqlite::Result<Self> {
        let connection = super::connect(path)?;
        let (stop, stopped) = channel();
        let run = move || serve(&connection, &stopped, EVERY, LOG_PAGES);
        let thread = std::thread::Builder::new().name("sqlite-checkpoints".into()).spawn(run);
        let thread = thread.map_err(|_| rusqlite::Error::InvalidQuery)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the checkpoints of the SQLite file panicked");
        }
    }
}

fn serve(connection: &Connection, stopped: &Receiver<()>, every: Duration, log_pages: i64) {
    while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
        if let Err(error) = checkpoint(connection, log_pages) {
            tracing::warn!(%error, "a checkpoint of the SQLite file failed, tried again");
        }
    }
}

/// Copies what no reader and no writer is in the way of; pages in the log before.
fn checkpoint(connection: &Connection, log_pages: i64) -> rusqlite::Result<i64> {
    let pages = run(connection, "PASSIVE")?;
    if pages >= log_pages {
        run(connection, "RESTART")?;
    }
    Ok(pages)
}

fn run(connection: &Connection, mode: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn the_log_does_not_grow_for_ever_while_somebody_writes_all_the_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        super::super::create_private(&path).unwrap();
        let writer = super::super::connect(&path).unwrap();
        writer.pragma_update(None, "synchronous", "NORMAL").unwrap();
        writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        writer.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, text BLOB)").unwrap();
        let other = super::super::connect(&path).unwrap();
        let stop = AtomicBool::new(false);
        let lengths: Vec<i64> = std::thread::scope(|scope| {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    writer.execute("INSERT INTO t (text) VALUES (zeroblob(20000))", []).unwrap();
                }
            });
            let lengths = (0..300).map(|_| checkpoint(&other, 400).unwrap()).collect();
            stop.store(true, Ordering::Relaxed);
            lengths
        });
        // how long it gets is a matter of the disk: all that is written while one checkpoint runs
        println!("{:?} pages at most", lengths.iter().max());
        let grown = lengths.windows(2).filter(|pair| pair[1] > pair[0]).count();
        assert!(grown < 100, "without a limit it is longer each time; it was {grown} times: {lengths:?}");
        assert_eq!(run(&other, "TRUNCATE").unwrap(), 0);
    }
}
