//! Real time as ticks: the only clock of the node's zones.

use std::time::{Duration, Instant};
use world::Tick;

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
