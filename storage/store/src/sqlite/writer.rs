//! The one thread that writes: group commit.
//!
//! ```text
//!  run() --bounded queue--> thread:  BEGIN IMMEDIATE
//!                                      SAVEPOINT a; operation a; RELEASE      (a failure undoes only a)
//!                                      SAVEPOINT b; operation b; RELEASE      (whatever waits now)
//!                                    COMMIT            one sync for all of them
//!  run() <---outcomes, only now----
//! ```
//!
//! What says only who has whom ([`Passing`]) is not worth a sync of its own: it survives the death of every process, and with
//! the machine those whom it is about die as well. See docs/adr/0032.

use super::Fault;
use model::calls::database::Failure;
use rusqlite::Connection;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Operations that may wait; further callers wait for room.
const QUEUE: usize = 1024;
/// Operations of one transaction.
const GROUP: usize = 256;
/// How long a caller waits for room before it is told that the store is not available.
const ROOM_WAIT: Duration = Duration::from_secs(3);

/// Runs inside the transaction, or not at all when there is none; gives what to tell the caller once the
/// commit succeeded or failed.
type Work = Box<dyn FnOnce(Option<&Connection>) -> Deliver + Send>;
type Deliver = Box<dyn FnOnce(Result<(), Failure>)>;

struct Job {
    work: Work,
    sync: bool,
}

/// The writing side of the file.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on a connection.
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || serve(&connection, jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// The same writer for what need not be synced. It must go before the writer does.
    pub(super) fn passing(&self) -> Passing {
        Passing(self.queue.clone())
    }

    /// Does one operation atomically; returns after it is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        run(self.queue.as_ref(), true, work).await
    }
}

/// For operations that need not outlive the machine: they are synced with the next one that must, or by the next checkpoint.
pub(super) struct Passing(Option<mpsc::Sender<Job>>);

impl Passing {
    /// Does one operation atomically; returns after it is committed.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        run(self.0.as_ref(), false, work).await
    }
}

async fn run<T: Send + 'static>(
    queue: Option<&mpsc::Sender<Job>>,
    sync: bool,
    work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Failure> {
    let (reply, answer) = oneshot::channel();
    let work: Work = Box::new(move |connection| {
        let outcome = match connection {
            Some(connection) => in_savepoint(connection, work).map_err(|fault| fault.0),
            None => Err(Failure::Unavailable("the SQLite file is busy".into())),
        };
        Box::new(move |committed| {
            let _ = reply.send(committed.and(outcome));
        })
    });
    let stopped = || Failure::Unavailable("the writer of the SQLite file has stopped".into());
    let queue = queue.ok_or_else(stopped)?;
    match tokio::time::timeout(ROOM_WAIT, queue.send(Job { work, sync })).await {
        Ok(Ok(())) => answer.await.map_err(|_| stopped())?,
        Ok(Err(_)) => Err(stopped()),
        Err(_) => Err(Failure::Unavailable("too many operations wait for the SQLite file".into())),
    }
}

impl Drop for Writer {
    /// Lets the thread finish what waits and close the file.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the SQLite file panicked");
        }
    }
}

fn serve(connection: &Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut group = Group { connection, next: None, syncs: true };
    while let Some(job) = group.next.take().or_else(|| jobs.blocking_recv()) {
        let mut delivers = Vec::new();
        let committed = group.commit(job, &mut jobs, &mut delivers);
        if let Err(failure) = &committed {
            tracing::error!(%failure, operations = delivers.len(), "a transaction of the SQLite file failed");
        }
        for deliver in delivers {
            deliver(committed.clone());
        }
    }
}

/// Commits one group after the other.
struct Group<'a> {
    connection: &'a Connection,
    /// What was taken from the queue and needs a sync that the group before did not have.
    next: Option<Job>,
    /// Whether the connection syncs at a commit.
    syncs: bool,
}

impl Group<'_> {
    fn commit(
        &mut self,
        first: Job,
        jobs: &mut mpsc::Receiver<Job>,
        delivers: &mut Vec<Deliver>,
    ) -> Result<(), Failure> {
        let connection = self.connection;
        let sync = first.sync;
        let begun = self.choose(sync).and_then(|()| connection.execute_batch("BEGIN IMMEDIATE"));
        if let Err(error) = begun {
            delivers.push((first.work)(None));
            return Err(Fault::from(error).0);
        }
        delivers.push((first.work)(Some(connection)));
        while delivers.len() < GROUP && !connection.is_autocommit() {
            match jobs.try_recv() {
                Ok(job) if job.sync && !sync => {
                    self.next = Some(job);
                    break;
                }
                Ok(job) => delivers.push((job.work)(Some(connection))),
                Err(_) => break,
            }
        }
        if connection.is_autocommit() {
            return Err(Failure::Unavailable(
                "the transaction was rolled back: disk full or input/output error".into(),
            ));
        }
        connection.execute_batch("COMMIT").map_err(|error| {
            let _ = connection.execute_batch("ROLLBACK");
            Fault::from(error).0
        })
    }

    /// A commit that syncs makes durable all that was committed before.
    fn choose(&mut self, sync: bool) -> rusqlite::Result<()> {
        if self.syncs != sync {
            self.connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "NORMAL" })?;
            self.syncs = sync;
        }
        Ok(())
    }
}

/// A failure undoes what this operation did and leaves the others of the group alone.
fn in_savepoint<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    connection.execute_batch("SAVEPOINT operation")?;
    let outcome = work(connection);
    if outcome.is_ok() {
        connection.execute_batch("RELEASE operation")?;
    } else if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK TO operation; RELEASE operation")?;
    }
    outcome
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NORMAL: i64 = 1;
    const FULL: i64 = 2;

    /// How much the connection syncs, as an operation finds it.
    fn level(connection: &Connection) -> Result<i64, Fault> {
        Ok(connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn what_need_not_be_synced_is_not_and_waits_for_nobody_who_must() {
        let dir = tempfile::tempdir().unwrap();
        let connection = {
            let path = dir.path().join("store.db");
            super::super::create_private(&path).unwrap();
            super::super::connect(&path).unwrap()
        };
        let writer = Writer::start(connection).unwrap();
        let passing = writer.passing();
        assert_eq!(writer.run(level).await, Ok(FULL));
        assert_eq!(passing.run(level).await, Ok(NORMAL));
        assert_eq!(writer.run(level).await, Ok(FULL), "and what must be is synced after it");
        // together: who must be synced never joins a commit that does not sync
        let (queued, all_queued) = std::sync::mpsc::channel();
        let waits = move |connection: &Connection| {
            all_queued.recv_timeout(Duration::from_secs(20)).expect("the others queue up");
            level(connection)
        };
        let (first, second, third, ()) =
            tokio::join!(passing.run(waits), writer.run(level), passing.run(level), async {
                queued.send(()).expect("the first one waits"); // this is polled when all three lie in the queue
            });
        assert_eq!((first, second), (Ok(NORMAL), Ok(FULL)));
        assert_eq!(third, Ok(FULL), "it joins the sync of the one before");
        drop(passing);
    }
}
