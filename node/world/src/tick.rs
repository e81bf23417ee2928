//! Time as the world counts it.

use std::fmt;

/// A point in time: 20 ticks are a second. Ticks count from a start that all zones of a node share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub u64);

impl Tick {
    /// Milliseconds of a tick.
    pub const MS: u64 = 50;
    /// Ticks of a second.
    pub const PER_SECOND: u64 = 1000 / Self::MS;

    /// Milliseconds since the start.
    pub const fn ms(self) -> u64 {
        self.0 * Self::MS
    }

    /// The first tick that is not before a number of milliseconds.
    pub const fn at_or_after(ms: u64) -> Self {
        Self(ms.div_ceil(Self::MS))
    }

    /// This many ticks later.
    pub const fn plus(self, ticks: u64) -> Self {
        Self(self.0 + ticks)
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
