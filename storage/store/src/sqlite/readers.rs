//! Read-only connections: reads see the last commit and never wait for the writer.

use super::Fault;
use model::calls::database::Failure;
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Connections, and so reads at the same time.
const READERS: usize = 4;
/// How long a caller waits for one of them.
const TURN_WAIT: Duration = Duration::from_secs(3);

/// The reading side of the file.
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    /// Opens the connections.
    pub(super) fn new(path: &Path) -> rusqlite::Result<Self> {
        let idle = (0..READERS).map(|_| open(path)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            path: path.to_owned(),
            idle: Arc::new(Mutex::new(idle)),
            turns: Arc::new(Semaphore::new(READERS)),
        })
    }

    /// Reads at one moment: everything that `work` sees belongs to the same commit.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Failure> {
        let unavailable = |why: &str| Failure::Unavailable(why.to_owned());
        let turn = tokio::time::timeout(TURN_WAIT, self.turns.clone().acquire_owned())
            .await
            .map_err(|_| unavailable("too many reads wait for the SQLite file"))?
            .map_err(|_| unavailable("the SQLite file is closed"))?;
        let (idle, path) = (self.idle.clone(), self.path.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let taken = idle.lock().pop();
            let connection = taken.map_or_else(|| open(&path), Ok).map_err(Fault::from)?;
            let outcome = snapshot(&connection, work);
            idle.lock().push(connection);
            drop(turn);
            outcome
        });
        match reading.await {
            Ok(outcome) => outcome.map_err(|fault| fault.0),
            Err(error) => Err(Failure::Corrupt(format!("a read of the SQLite file panicked: {error}"))),
        }
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = super::connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let outcome = work(&transaction)?;
    transaction.commit()?;
    Ok(outcome)
}
