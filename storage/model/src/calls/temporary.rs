//! Calls of TSSSrv: values that expire, and the market.

use crate::calls::market;
use serde::{Deserialize, Serialize};

/// Longest key in bytes.
pub const KEY_MAX: usize = 128;
/// Longest value in bytes.
pub const VALUE_MAX: usize = 64 * 1024;
/// Longest life in milliseconds: one day.
pub const LIFE_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// A call to TSSSrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Store a value, replacing one that is there.
    Put {
        /// Key, 1..=128 bytes.
        key: String,
        /// Value, at most 64 KiB.
        value: Vec<u8>,
        /// Milliseconds until it is gone, 1..=one day.
        life_ms: u64,
    },
    /// Store a value only if there is none under the key.
    PutIfAbsent {
        /// Key.
        key: String,
        /// Value.
        value: Vec<u8>,
        /// Milliseconds until it is gone.
        life_ms: u64,
    },
    /// Read a value.
    Get {
        /// Key.
        key: String,
    },
    /// Read and remove a value in one step: of many that take, one gets it.
    Take {
        /// Key.
        key: String,
    },
    /// Something of the market: answered by [`Reply::Market`].
    Market(Box<market::Request>),
}

/// The answer of TSSSrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Stored.
    Stored,
    /// There was a value already (to [`Request::PutIfAbsent`]).
    Occupied,
    /// The value, if there is one.
    Value(Option<Vec<u8>>),
    /// The request breaks a limit: which.
    Refused(String),
    /// The store behind did not answer; try again.
    Unavailable,
    /// To [`Request::Market`].
    Market(Box<market::Reply>),
}
