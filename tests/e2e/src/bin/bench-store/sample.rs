//! How long operations took.

use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// Operations and the time in which they were done.
#[derive(Default)]
pub struct Sample {
    /// Microseconds of each.
    pub micros: Vec<u32>,
    /// All together.
    pub lasted: Duration,
}

impl Sample {
    /// With those of a further round.
    pub fn add(&mut self, other: Self) {
        self.micros.extend(other.micros);
        self.lasted += other.lasted;
    }

    /// Operations of a second.
    pub fn per_second(&self) -> f64 {
        self.micros.len() as f64 / self.lasted.as_secs_f64().max(0.001)
    }

    /// How long all but that part of them took at most.
    pub fn milliseconds(&self, quantile: f64) -> f64 {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let at = (sorted.len() as f64 * quantile) as usize;
        sorted.get(at.min(sorted.len().saturating_sub(1))).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
    }

    /// As JSON.
    pub fn shown(&self) -> Value {
        json!({
            "operations": self.micros.len(),
            "tps": self.per_second(),
            "p50_ms": self.milliseconds(0.5),
            "p99_ms": self.milliseconds(0.99),
        })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p99) = (self.milliseconds(0.5), self.milliseconds(0.99));
        write!(f, "{:.0} a second, p50 {p50:.1} ms, p99 {p99:.1} ms", self.per_second())
    }
}
