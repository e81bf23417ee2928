//! What is counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Something happened to a stream between relay and edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// So many bytes of a player became so many on their way out.
    Sent {
        /// As the player's stream has them.
        whole: u64,
        /// As the QUIC stream has them.
        packed: u64,
    },
    /// The same, coming in.
    Received {
        /// As the player's stream has them.
        whole: u64,
        /// As the QUIC stream has them.
        packed: u64,
    },
    /// A stream begins, or ends, to wait for another connection.
    Waiting(bool),
    /// It goes on on another connection.
    Resumed,
    /// The other connection did not come in time.
    Expired,
    /// Somebody wanted to resume with a ticket that nobody has.
    Refused,
}

/// Is told everything; must not wait.
pub type Watcher = Arc<dyn Fn(Note) + Send + Sync>;

/// Bytes of one player.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    up: AtomicU64,
    up_packed: AtomicU64,
    down: AtomicU64,
    down_packed: AtomicU64,
    resumed: AtomicU64,
}

/// Bytes of one player so far, and how often its stream was resumed.
#[derive(Debug)]
pub(crate) struct Counts {
    up: u64,
    up_packed: u64,
    down: u64,
    down_packed: u64,
    resumed: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { up, up_packed, down, down_packed, resumed } = self;
        write!(
            formatter,
            "{up} bytes up as {up_packed}, {down} bytes down as {down_packed}, resumed {resumed} times"
        )
    }
}

impl Traffic {
    /// Counts at the relay, where what is sent goes up.
    pub(crate) fn count(&self, note: Note) {
        let add = |to: &AtomicU64, count| to.fetch_add(count, Ordering::Relaxed);
        match note {
            Note::Sent { whole, packed } => {
                add(&self.up, whole);
                add(&self.up_packed, packed);
            }
            Note::Received { whole, packed } => {
                add(&self.down, whole);
                add(&self.down_packed, packed);
            }
            Note::Resumed => {
                add(&self.resumed, 1);
            }
            Note::Waiting(_) | Note::Expired | Note::Refused => {}
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            up: of(&self.up),
            up_packed: of(&self.up_packed),
            down: of(&self.down),
            down_packed: of(&self.down_packed),
            resumed: of(&self.resumed),
        }
    }
}
