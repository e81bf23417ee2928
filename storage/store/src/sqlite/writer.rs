//! The one thread that writes: group commit.
//!
//! ```text
//!  run() --bounded queue--> thread:  BEGIN IMMEDIATE
//!                                      SAVEPOINT a; operation a; RELEASE      (a failure undoes only a)
//!                                      SAVEPOINT b; operation b; RELEASE      (whatever waits now)
//!                                    COMMIT            one sync for all of them
//!  run() <---outcomes, only now----
//! ```

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
type Job = Box<dyn FnOnce(Option<&Connection>) -> Deliver + Send>;
type Deliver = Box<dyn FnOnce(Result<(), Failure>)>;

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

    /// Does one operation atomically; returns after it is durable.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = match connection {
                Some(connection) => in_savepoint(connection, work).map_err(|fault| fault.0),
                None => Err(Failure::Unavailable("the SQLite file is busy".into())),
            };
            Box::new(move |committed| {
                let _ = reply.send(committed.and(outcome));
            })
        });
        let stopped = || Failure::Unavailable("the writer of the SQLite file has stopped".into());
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        match tokio::time::timeout(ROOM_WAIT, queue.send(job)).await {
            Ok(Ok(())) => answer.await.map_err(|_| stopped())?,
            Ok(Err(_)) => Err(stopped()),
            Err(_) => Err(Failure::Unavailable("too many operations wait for the SQLite file".into())),
        }
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
    while let Some(job) = jobs.blocking_recv() {
        let mut delivers = Vec::new();
        let committed = commit_group(connection, job, &mut jobs, &mut delivers);
        if let Err(failure) = &committed {
            tracing::error!(%failure, operations = delivers.len(), "a transaction of the SQLite file failed");
        }
        for deliver in delivers {
            deliver(committed.clone());
        }
    }
}

fn commit_group(
    connection: &Connection,
    first: Job,
    jobs: &mut mpsc::Receiver<Job>,
    delivers: &mut Vec<Deliver>,
) -> Result<(), Failure> {
    let begun = connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| Fault::from(error).0);
    if let Err(failure) = begun {
        delivers.push(first(None));
        return Err(failure);
    }
    delivers.push(first(Some(connection)));
    while delivers.len() < GROUP && !connection.is_autocommit() {
        match jobs.try_recv() {
            Ok(job) => delivers.push(job(Some(connection))),
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
