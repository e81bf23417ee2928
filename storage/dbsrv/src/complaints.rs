//! At most so many complaints a second: when a database dies, every operation of every player fails.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Complaints of one second.
const MOST: u32 = 10;
const SECOND: Duration = Duration::from_secs(1);

/// Counts what was not said.
#[derive(Debug)]
pub(crate) struct Complaints(Mutex<State>);

#[derive(Debug)]
struct State {
    since: Instant,
    said: u32,
    held_back: u64,
}

impl Default for Complaints {
    fn default() -> Self {
        Self(Mutex::new(State { since: Instant::now(), said: 0, held_back: 0 }))
    }
}

impl Complaints {
    /// Some when it may be said now: with how many were held back before it.
    pub(crate) fn allow(&self) -> Option<u64> {
        self.allow_at(Instant::now())
    }

    fn allow_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        if now.saturating_duration_since(state.since) >= SECOND {
            state.since = now;
            state.said = 0;
        }
        if state.said == MOST {
            state.held_back += 1;
            return None;
        }
        state.said += 1;
        Some(std::mem::take(&mut state.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_complaints_is_counted_and_not_said() {
        let complaints = Complaints::default();
        let now = Instant::now();
        for _ in 0..MOST {
            assert_eq!(complaints.allow_at(now), Some(0));
        }
        for _ in 0..1_000 {
            assert_eq!(complaints.allow_at(now), None);
        }
        assert_eq!(complaints.allow_at(now + SECOND), Some(1_000));
        assert_eq!(complaints.allow_at(now + SECOND), Some(0));
    }
}
