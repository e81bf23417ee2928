//! Buckets move between live shards.
//!
//! A move takes its buckets in small chunks, and each chunk through the same steps:
//!
//! ```text
//!          source                               target                              metadata
//!   mark   wait for writers; here -> leaving    none -> arriving
//!   copy   rows, as of one moment      ------>  beside the tables (the ledger: into it)
//!   follow changed keys, their rows    ------>  the same, until few are left
//!   verify digests of every table          =    digests
//!   close  nobody writes; last changes ------>  into the tables; arriving -> here; PREPARED
//!   gone   leaving -> gone, rows deleted    the moment of truth
//!   here                                        COMMIT PREPARED                     map: source -> target
//!   clean  the ledger, in batches
//! ```
//! * **The commit of `gone` on the source decides.** Before it everything can be undone (and is, when the mover
//!   died); after it everything goes forward, and nothing can refuse, since the target is prepared.
//! * Whoever takes a move on gets a higher epoch and writes it beside the buckets on both shards, after which nothing
//!   of a former mover can happen any more: all it does names its epoch.
//! * Rows that arrive lie in tables of their own until the last step, and leave the source in the transaction that
//!   decides. So an item that is traded away from a moving bucket to the target finds no copy of itself there. Only
//!   the ledger, which is large and has no keys in common, is copied at once and deleted later; its readers look at
//!   what is at home.
//! * Entries of the ledger get new numbers on the target, in the same order for each item and each purse.
//! * A mover that hangs holds nobody up: the source ends its transaction after [`LOCKED_MAX_MS`].

mod apply;
mod batch;
mod chunk;
mod cutover;
mod orders;
mod recover;
mod report;
mod run;
mod side;
mod tables;

use super::fault::Fault;
use super::open::described;
use tokio_postgres::error::SqlState;

/// How long a transaction that keeps writers out may stand still.
const LOCKED_MAX_MS: u32 = 2_000;

/// Why a move does not go on now.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// A database failed or said no; it is tried again from the last safe point.
    #[error("{0}")]
    Database(String),
    /// Somebody was in the buckets for too long.
    #[error("writers kept some buckets busy")]
    Busy,
    /// Another process goes on with this move, or the operator stopped it.
    #[error("the move is not ours any more")]
    NotOurs,
    /// Both sides do not hold the same.
    #[error("table {table} differs: {source_rows} on the source, {target_rows} on the target")]
    Differs {
        /// Which table.
        table: String,
        /// Rows and digest.
        source_rows: String,
        /// Rows and digest.
        target_rows: String,
    },
    /// This can never go well.
    #[error("{0}")]
    Impossible(String),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED) => Self::Busy,
            _ => Self::Database(described(&error)),
        }
    }
}

impl From<model::calls::database::Failure> for Trouble {
    fn from(failure: model::calls::database::Failure) -> Self {
        Self::Database(failure.to_string())
    }
}

impl From<crate::OpenError> for Trouble {
    fn from(error: crate::OpenError) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Database(format!("{fault:?}"))
    }
}

/// What tests do at the steps of a move; nothing in a program.
#[derive(Default)]
pub(super) struct Probe {
    #[cfg(any(test, feature = "testing"))]
    at: parking_lot::Mutex<Option<Hook>>,
}

/// Called with the name of each step when it begins.
#[cfg(any(test, feature = "testing"))]
pub type Hook = std::sync::Arc<dyn Fn(&'static str) -> futures::future::BoxFuture<'static, ()> + Send + Sync>;

impl Probe {
    async fn reach(&self, step: &'static str) {
        #[cfg(any(test, feature = "testing"))]
        {
            let hook = self.at.lock().clone();
            if let Some(hook) = hook {
                hook(step).await;
            }
        }
        let _ = step;
    }
}

#[cfg(any(test, feature = "testing"))]
impl super::Postgres {
    /// Steps of a move at which a [`Hook`] is called, in their order.
    pub const MOVE_STEPS: [&'static str; 9] =
        ["start", "mark", "copy", "follow", "verify", "close", "prepared", "gone", "clean"];

    /// Calls `hook` at each step of the moves that this store makes.
    pub fn at_move_steps(&self, hook: Hook) {
        *self.probe.at.lock() = Some(hook);
    }
}

#[cfg(any(test, feature = "testing"))]
impl super::Postgres {
    /// Forgets what is known of the map: believes that nothing has moved since the cluster was made over so many
    /// shards, as a process does that slept.
    pub fn believe_first_map(&self, shards: usize) {
        let names: Vec<(String, u32)> = (0..shards).map(|index| (format!("shard-{index}"), 1)).collect();
        let map = placement::BucketMap::propose(&names);
        let shards = self.atlas().shards.clone();
        *self.atlas.lock() = std::sync::Arc::new(super::atlas::Atlas { map, shards });
    }
}
