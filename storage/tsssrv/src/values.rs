//! Values that expire: one trait, two implementations, one conformance suite (`tests/conformance.rs`).

mod memory;
mod redis;

pub use memory::MemoryValues;
pub use redis::RedisValues;

use async_trait::async_trait;
use std::time::Duration;

/// The storage behind did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("temporary storage does not answer: {0}")]
pub struct Unanswered(pub String);

/// Why a value was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutFailure {
    /// There is no room; nothing was changed.
    #[error("temporary storage is full: {used} of {limit} {unit}")]
    Full {
        /// How much there is.
        used: usize,
        /// How much there may be.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// See [`Unanswered`].
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

/// One value of a step that changes several at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// Which.
    pub key: String,
    /// What is expected there; `None`: nothing.
    pub expected: Option<Vec<u8>>,
    /// What is to be there, and how long; `None`: nothing.
    pub value: Option<(Vec<u8>, Duration)>,
}

/// Storage for values that expire. Limits of keys, values and lives are the caller's business.
#[async_trait]
pub trait Values: Send + Sync + 'static {
    /// Stores a value, replacing one that is there.
    async fn put(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<(), PutFailure>;
    /// Stores a value if there is none; false when there is one.
    async fn put_if_absent(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<bool, PutFailure>;
    /// Reads a value.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered>;
    /// Reads and removes a value: of many that take, one gets it.
    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered>;
    /// Changes all of these values if each is as expected, and none otherwise: false. No key is named twice.
    async fn swap(&self, swaps: &[Swap]) -> Result<bool, PutFailure>;
    /// Removes what has expired, where that does not happen by itself.
    fn sweep(&self) {}
    /// Values and their bytes, where that is known.
    fn size(&self) -> Option<(usize, usize)> {
        None
    }
    /// Whether the storage answers.
    async fn probe(&self) -> bool;
}
