//! Real time as ticks: the only clock of the node's zones.

use std::time::{Duration, Instant, SystemTime};
use world::Tick;

/// The time of day in milliseconds since 1970; only for what is stored.
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Ticks since the node started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// The tick that runs now.
    pub(crate) fn now(&self) -> Tick {
        Tick(self.start.elapsed().as_millis() as u64 / Tick::MS)
    }

    /// When a tick begins.
    pub(crate) fn begins(&self, tick: Tick) -> Instant {
        self.start + Duration::from_millis(tick.ms())
    }
}
