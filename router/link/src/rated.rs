//! A log line that strangers cannot flood.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Lets one event per interval through and counts the others.
pub(crate) struct Rated {
    every: Duration,
    state: Mutex<(Option<Instant>, u64)>,
}

impl Rated {
    /// One event per `every`.
    pub(crate) const fn new(every: Duration) -> Self {
        Self { every, state: Mutex::new((None, 0)) }
    }

    /// `Some(how many were held back)` when this one may be logged.
    pub(crate) fn allow(&self) -> Option<u64> {
        let mut state = self.state.lock();
        let now = Instant::now();
        if state.0.is_some_and(|last| now.duration_since(last) < self.every) {
            state.1 += 1;
            return None;
        }
        let held_back = state.1;
        *state = (Some(now), 0);
        Some(held_back)
    }
}
