//! What an operator can set: the table of `config/BISrv.conf`.

use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, within};

/// Everything of BISrv; read at every use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How long one request may ask the store, all tries together. Callers wait 3,000 ms for an answer.
    pub store_deadline_ms: u64,
    /// Requests that may wait for the store at the same time; more are answered with "unavailable" at once.
    pub requests_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { store_deadline_ms: 2_500, requests_max: 1_024 }
    }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        within("store_deadline_ms", self.store_deadline_ms, 10..=60_000, "10 to 60000")?;
        within("requests_max", self.requests_max as u64, 1..=1_000_000, "1 to 1000000")
    }
}
