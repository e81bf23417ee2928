//! The one thread that writes, and the one that syncs: group commits in a pipeline.
//!
//! ```text
//!  run() --bounded queue--> writer:  BEGIN IMMEDIATE
//!                                      SAVEPOINT a; operation a; RELEASE      (a failure undoes only a)
//!                                      SAVEPOINT b; operation b; RELEASE      (whatever waits now)
//!                                    COMMIT            in the log, not on the disk yet
//!                                       |  |
//!  run() <---what says only who has whom+  |
//!                                          v
//!                                 syncer:  one sync for all groups that were committed before it began
//!  run() <---all else, only now------------+
//! ```
//!
//! The writer goes on while the disk works. What says only who has whom ([`Passing`]) waits neither for a sync (it survives the death
//! of every process, and with the machine those whom it is about die as well) nor behind many other operations. See
//! docs/adr/0032 and 0038.

use super::Fault;
use model::calls::database::Failure;
use rusqlite::Connection;
use std::collections::VecDeque;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Operations that may wait; further callers wait for room.
const QUEUE: usize = 1024;
/// Operations of one transaction.
const GROUP: usize = 256;
/// Of those that are synced: while they are done the others wait.
const SHORT_GROUP: usize = 16;
/// How long a caller waits for room before it is told that the store is not available.
const ROOM_WAIT: Duration = Duration::from_secs(3);

/// Runs inside the transaction, or not at all when there is none; gives what to tell the caller once the
/// commit succeeded or failed.
type Work = Box<dyn FnOnce(Option<&Connection>) -> Deliver + Send>;
type Deliver = Box<dyn FnOnce(Result<(), Failure>) + Send>;

struct Job {
    work: Work,
    /// It is acknowledged when it is on the disk.
    durable: bool,
}

/// Brings all that was committed before the call onto the disk.
pub(super) type Sync = Box<dyn FnMut() -> io::Result<()> + Send>;

/// The writing side of the file.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    /// Starts the threads on a connection that does not sync when it commits.
    pub(super) fn start(connection: Connection, sync: Sync) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (to_sync, groups) = std::sync::mpsc::channel();
        let syncer = std::thread::Builder::new();
        let syncer = syncer.name("sqlite-syncer".into()).spawn(move || acknowledge(&groups, sync))?;
        let writer = std::thread::Builder::new();
        let writer = writer.name("sqlite-writer".into()).spawn(move || serve(&connection, jobs, &to_sync))?;
        Ok(Self { queue: Some(queue), threads: vec![writer, syncer] })
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
    durable: bool,
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
    match tokio::time::timeout(ROOM_WAIT, queue.send(Job { work, durable })).await {
        Ok(Ok(())) => answer.await.map_err(|_| stopped())?,
        Ok(Err(_)) => Err(stopped()),
        Err(_) => Err(Failure::Unavailable("too many operations wait for the SQLite file".into())),
    }
}

impl Drop for Writer {
    /// Lets the threads finish what waits and close the file.
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the writer of the SQLite file panicked");
            }
        }
    }
}

fn serve(connection: &Connection, mut jobs: mpsc::Receiver<Job>, to_sync: &std::sync::mpsc::Sender<Group>) {
    let mut waiting = Waiting::default();
    loop {
        if waiting.is_empty() {
            let Some(job) = jobs.blocking_recv() else { return };
            waiting.add(job);
        }
        while waiting.len() < QUEUE
            && let Ok(job) = jobs.try_recv()
        {
            waiting.add(job);
        }
        if let Some(group) = commit(connection, &mut waiting.passing, GROUP) {
            group.deliver(&Ok(()));
        }
        // callers wait for what lies here, so there is no more of it than of them
        if let Some(group) = commit(connection, &mut waiting.durable, SHORT_GROUP)
            && let Err(lost) = to_sync.send(group)
        {
            lost.0.deliver(&Err(not_synced("its thread has ended")));
        }
    }
}

/// What the writer has taken from the queue.
#[derive(Default)]
struct Waiting {
    passing: VecDeque<Work>,
    durable: VecDeque<Work>,
}

impl Waiting {
    fn add(&mut self, job: Job) {
        let queue = if job.durable { &mut self.durable } else { &mut self.passing };
        queue.push_back(job.work);
    }

    fn len(&self) -> usize {
        self.passing.len() + self.durable.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Operations whose transaction is over.
struct Group {
    delivers: Vec<Deliver>,
    committed: Result<(), Failure>,
}

impl Group {
    fn deliver(self, synced: &Result<(), Failure>) {
        let outcome = self.committed.and_then(|()| synced.clone());
        for deliver in self.delivers {
            deliver(outcome.clone());
        }
    }
}

/// Does the first of those that wait in one transaction; `None` when nobody waits.
fn commit(connection: &Connection, waiting: &mut VecDeque<Work>, most: usize) -> Option<Group> {
    let first = waiting.pop_front()?;
    let mut delivers = Vec::new();
    let committed = commit_with(connection, first, waiting, most, &mut delivers);
    if let Err(failure) = &committed {
        tracing::error!(%failure, operations = delivers.len(), "a transaction of the SQLite file failed");
    }
    Some(Group { delivers, committed })
}

fn commit_with(
    connection: &Connection,
    first: Work,
    waiting: &mut VecDeque<Work>,
    most: usize,
    delivers: &mut Vec<Deliver>,
) -> Result<(), Failure> {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        delivers.push(first(None));
        return Err(Fault::from(error).0);
    }
    delivers.push(first(Some(connection)));
    while delivers.len() < most && !connection.is_autocommit() {
        let Some(next) = waiting.pop_front() else { break };
        delivers.push(next(Some(connection)));
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

/// Syncs and says so, one group after the other or many at once.
fn acknowledge(groups: &std::sync::mpsc::Receiver<Group>, mut sync: Sync) {
    let mut synced = Ok(());
    while let Ok(first) = groups.recv() {
        let all: Vec<Group> = std::iter::once(first).chain(groups.try_iter()).collect();
        // after a sync that failed nobody knows what is on the disk, and a later one that succeeds does not say it
        if synced.is_ok() {
            synced = sync().map_err(|error| {
                tracing::error!(%error, "the SQLite file cannot be synced: nothing is acknowledged until a new start");
                not_synced(&error.to_string())
            });
        }
        for group in all {
            group.deliver(&synced);
        }
    }
}

fn not_synced(why: &str) -> Failure {
    Failure::Unavailable(format!("the SQLite file is not synced: {why}"))
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::{Receiver, channel};
    use tempfile::TempDir;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A writer on a file of its own.
    fn writer(sync: Sync) -> (TempDir, Writer) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        super::super::create_private(&path).unwrap();
        let connection = super::super::connect(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY)").unwrap();
        (dir, Writer::start(connection, sync).unwrap())
    }

    fn add(connection: &Connection) -> Result<i64, Fault> {
        connection.execute("INSERT INTO t DEFAULT VALUES", [])?;
        Ok(connection.last_insert_rowid())
    }

    fn count(connection: &Connection) -> Result<i64, Fault> {
        Ok(connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)
    }

    /// A sync that waits until it is let go, once for each; says when it begins.
    fn held() -> (Sync, Receiver<()>, std::sync::mpsc::Sender<io::Result<()>>) {
        let (begins, begun) = channel();
        let (let_go, ends) = channel();
        let sync = move || {
            begins.send(()).unwrap();
            ends.recv_timeout(PATIENCE).expect("the test lets it go")
        };
        (Box::new(sync), begun, let_go)
    }

    #[tokio::test]
    async fn what_need_not_be_synced_waits_for_no_sync_and_all_else_is_told_after_one() {
        let (sync, begun, let_go) = held();
        let (_dir, writer) = writer(sync);
        let (passing, writer) = (writer.passing(), Arc::new(writer));
        let spawn = |writer: &Arc<Writer>| {
            let writer = Arc::clone(writer);
            tokio::spawn(async move { writer.run(add).await })
        };
        let first = spawn(&writer);
        let wait = tokio::task::spawn_blocking(move || {
            begun.recv_timeout(PATIENCE).expect("a sync for the first");
            begun
        });
        let begun = wait.await.unwrap();
        // the disk is at work: the first is committed, others see it, and its caller does not know yet
        assert_eq!(passing.run(count).await, Ok(1));
        assert!(!first.is_finished());
        // what is committed meanwhile is not told by that sync
        let others = [spawn(&writer), spawn(&writer)];
        while passing.run(count).await != Ok(3) {
            tokio::task::yield_now().await;
        }
        let_go.send(Ok(())).unwrap();
        assert_eq!(first.await.unwrap(), Ok(1));
        let wait = tokio::task::spawn_blocking(move || {
            begun.recv_timeout(PATIENCE).expect("a sync for the others");
            begun
        });
        let begun = wait.await.unwrap();
        assert!(others.iter().all(|other| !other.is_finished()));
        let_go.send(Ok(())).unwrap();
        for other in others {
            other.await.unwrap().unwrap();
        }
        assert!(begun.try_recv().is_err(), "one sync for both of them");
        drop(passing);
    }

    #[tokio::test]
    async fn after_a_sync_that_failed_nothing_is_acknowledged_any_more() {
        let fails = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&fails);
        let (_dir, writer) = writer(Box::new(move || match asked.swap(false, Ordering::SeqCst) {
            true => Err(io::Error::other("the disk is gone")),
            false => Ok(()),
        }));
        let passing = writer.passing();
        assert_eq!(writer.run(add).await, Ok(1));
        fails.store(true, Ordering::SeqCst);
        for _ in 0..2 {
            let lost = writer.run(add).await.unwrap_err();
            assert!(lost.to_string().contains("the disk is gone"), "{lost}");
        }
        assert_eq!(passing.run(count).await, Ok(3), "nobody knows whether the machine would remember them");
        drop(passing);
    }

    #[tokio::test]
    async fn what_need_not_be_synced_does_not_wait_behind_many_others() {
        let (_dir, writer) = writer(Box::new(|| Ok(())));
        let (passing, writer) = (writer.passing(), Arc::new(writer));
        let (all_queued, go) = channel::<()>();
        let waits = move |connection: &Connection| {
            go.recv_timeout(PATIENCE).expect("the others queue up");
            add(connection)
        };
        let many = SHORT_GROUP * 8;
        let mut before = Vec::new();
        let first = tokio::spawn({
            let writer = Arc::clone(&writer);
            async move { writer.run(waits).await }
        });
        for _ in 0..many {
            let writer = Arc::clone(&writer);
            before.push(tokio::spawn(async move { writer.run(add).await }));
            tokio::task::yield_now().await;
        }
        let (seen, ()) = tokio::join!(passing.run(count), async { all_queued.send(()).unwrap() });
        let seen = seen.unwrap();
        assert!(seen <= SHORT_GROUP as i64, "{seen} of {many} were done before it");
        first.await.unwrap().unwrap();
        for one in before {
            one.await.unwrap().unwrap();
        }
        drop(passing);
    }
}
