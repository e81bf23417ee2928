//! Typed calls and streams between the processes, one file for each server that answers them.
//!
//! A call is a request enum and a reply enum; `link` frames them, and knows nothing of what they mean.

pub mod bank;
pub mod cluster;
pub mod database;
pub mod ledger;
pub mod log;
pub mod market;
pub mod node;
pub mod population;
pub mod progress;
pub mod records;
pub mod registry;
pub mod repair;
pub mod shards;
pub mod sibling;
pub mod temporary;
pub mod weights;

/// Deadline of an ordinary call, in milliseconds.
pub const CALL_DEADLINE_MS: u64 = 3_000;
