//! A log line that strangers cannot flood.

use std::sync::{Mutex, PoisonError};
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
    pub(crate) fn allow(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0.is_some_and(|last| now.duration_since(last) < self.every) {
            state.1 += 1;
            return None;
        }
        let held_back = state.1;
        *state = (Some(now), 0);
        Some(held_back)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_each_interval_gets_through_and_says_how_many_did_not() {
        let rated = Rated::new(Duration::from_secs(10));
        let start = Instant::now();
        let at = |seconds| rated.allow(start + Duration::from_secs(seconds));
        assert_eq!([0, 1, 9, 10, 19, 40].map(at), [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
