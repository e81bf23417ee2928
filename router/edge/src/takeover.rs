//! An edge of a new binary takes over from the one that runs: sockets and sessions, and nobody is disconnected.
//!
//! Each edge listens on a Unix socket, `DATA/run/NAME.takeover`. An edge that starts and finds another one of its name
//! there succeeds it:
//!
//! ```text
//! successor                              edge that runs
//!    | Begin(version)                       |
//!    |------------------------------------->|
//!    |   Welcome(clock) + listening sockets |   plays on
//!    |<-------------------------------------|
//!    |   (opens its streams to the nodes)   |
//!    | Take                                 |
//!    |------------------------------------->|   accepts nobody, reads nothing, parks its players at their nodes
//!    |   Connection(state) + socket  *      |   (a player of a relay: no socket, its stream is in the state)
//!    |<-------------------------------------|
//!    |   Commit                             |
//!    |<-------------------------------------|
//!    |   (goes on with all of them, joins, reports them to NRSrv)
//!    | Done                                 |
//!    |------------------------------------->|   what NRSrv told it meanwhile: Push *; sends the relays to the successor; ends
//! ```
//!
//! | who dies | until `Commit` | after it |
//! |---|---|---|
//! | the successor | the other one goes on with everybody | the same, until `Done` |
//! | the edge that runs | its players are lost, as always | the successor has them |
//!
//! Up to `Commit` the edge that runs waits for a few seconds and goes on by itself when the successor reads no more; from `Commit` on it
//! waits for `Done` or for the successor's end, however long it takes.
//!
//! Who is in the middle of a login, or enters or leaves the world, is waited for a few seconds.

mod channel;
mod give;
mod take;

pub(crate) use give::offer;
pub(crate) use take::{Predecessor, find, tokio_listener};

use crate::connection::{Admission, MovedConnection};
use crate::transport::Line;
use model::calls::registry::ToEdge;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{mpsc, watch};

/// Changes with what two edges say to each other, the state of a session among it.
const VERSION: u16 = 3;
/// How long one waits for what the other has to say at once.
const ANSWER: Duration = Duration::from_secs(10);
/// How long the successor may take to open its streams.
const READINESS: Duration = Duration::from_secs(60);

/// Why an edge cannot succeed the one that runs.
#[derive(Debug, Error)]
pub enum TakeoverError {
    /// They do not understand each other.
    #[error(
        "the edge that runs speaks takeover version {found}, expected {expected}: stop it before this one starts"
    )]
    Version {
        /// Of the one that runs.
        found: u16,
        /// Of this one.
        expected: u16,
    },
    /// The other one went away or said what nobody understands.
    #[error("the edge that runs could not be succeeded: {0}")]
    Io(#[from] io::Error),
    /// It took too long.
    #[error("the edge that runs could not be succeeded: {0} took too long")]
    TooLong(&'static str),
}

/// From the successor.
#[derive(Debug, Serialize, Deserialize)]
enum FromSuccessor {
    Begin { version: u16 },
    Take,
    Done,
}

/// From the edge that runs.
#[derive(Serialize, Deserialize)]
enum FromPredecessor<C> {
    Refused { version: u16 },
    Welcome { now_ms: u64 },
    Connection(C),
    Commit { connections: usize },
    Push(ToEdge),
}

/// A connection that nobody serves at the moment.
pub(crate) struct Left {
    pub(crate) connection: MovedConnection,
    pub(crate) line: Line,
    pub(crate) admission: Admission,
}

/// What the tasks of an edge share for the case that it is succeeded.
pub(crate) struct Takeover {
    /// True while all connections are to be left to the successor.
    moving: watch::Sender<bool>,
    /// It has a successor: it says good-bye to nobody.
    succeeded: AtomicBool,
    left: mpsc::UnboundedSender<Left>,
    leaving: Mutex<Option<mpsc::UnboundedReceiver<Left>>>,
    /// What NRSrv pushed for sessions that are not here any more.
    late: Mutex<Vec<ToEdge>>,
}

impl Default for Takeover {
    fn default() -> Self {
        // as many as there are connections
        let (left, leaving) = mpsc::unbounded_channel();
        Self {
            moving: watch::Sender::new(false),
            succeeded: AtomicBool::new(false),
            left,
            leaving: Mutex::new(Some(leaving)),
            late: Mutex::default(),
        }
    }
}

impl Takeover {
    /// Whether connections are to be left, and every change of it.
    pub(crate) fn watch(&self) -> watch::Receiver<bool> {
        self.moving.subscribe()
    }

    /// True when the successor has everybody.
    pub(crate) fn is_succeeded(&self) -> bool {
        self.succeeded.load(Ordering::SeqCst)
    }

    /// Leaves a connection to the successor.
    pub(crate) fn leave(&self, left: Left) {
        if self.left.send(left).is_err() {
            tracing::error!("a connection is lost: nobody gives it to the successor");
        }
    }

    /// Keeps a push for the successor, when there is one.
    pub(crate) fn keep(&self, push: ToEdge) -> Option<ToEdge> {
        if *self.moving.borrow() {
            self.late.lock().push(push);
            return None;
        }
        Some(push)
    }
}

/// Where the edge of a name is asked to be succeeded.
fn path(data: &Path, name: &str) -> PathBuf {
    data.join("run").join(format!("{name}.takeover"))
}
