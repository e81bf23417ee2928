//! Bytes that links moved, before and after compression.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of all links of a process; frames only, without heartbeats and handshakes.
#[derive(Debug, Default)]
pub struct Traffic {
    sent: Direction,
    received: Direction,
}

/// One direction, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Direction {
    whole: AtomicU64,
    packed: AtomicU64,
}

/// What was moved in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Bytes of frames as the program knows them.
    pub whole: u64,
    /// Bytes of the same frames as they were on the network, inside of TLS.
    pub packed: u64,
}

impl Traffic {
    /// What was written.
    pub fn sent(&self) -> Moved {
        self.sent.read()
    }

    /// What was read.
    pub fn received(&self) -> Moved {
        self.received.read()
    }

    pub(crate) fn count_sent(&self, whole: usize, packed: usize) {
        self.sent.count(whole, packed);
    }

    pub(crate) fn count_received(&self, whole: usize, packed: usize) {
        self.received.count(whole, packed);
    }
}

impl Direction {
    fn count(&self, whole: usize, packed: usize) {
        self.whole.fetch_add(whole as u64, Ordering::Relaxed);
        self.packed.fetch_add(packed as u64, Ordering::Relaxed);
    }

    fn read(&self) -> Moved {
        Moved { whole: self.whole.load(Ordering::Relaxed), packed: self.packed.load(Ordering::Relaxed) }
    }
}
