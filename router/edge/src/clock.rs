//! The millisecond clock that clients synchronise with.

use std::time::{Duration, Instant};

/// Clients behave badly with a clock near zero.
const START_MS: u64 = 60_000;

/// A monotonic millisecond counter; every packet to a client carries it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// Starts at 60,000 ms.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Goes on from where another process is.
    pub fn going_on(now_ms: u64) -> Self {
        let since_start = Duration::from_millis(now_ms.saturating_sub(START_MS));
        Self { started: Instant::now().checked_sub(since_start).unwrap_or_else(Instant::now) }
    }

    /// Milliseconds now, never going back.
    pub fn now_ms(&self) -> u64 {
        START_MS + u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX - START_MS)
    }
}

/// The clock as it stands in a packet: it wraps every 49 days, as the client's does.
pub fn tick(now_ms: u64) -> u32 {
    (now_ms & u64::from(u32::MAX)) as u32
}
