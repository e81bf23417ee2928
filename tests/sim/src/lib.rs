//! The storage protocols on simulated time and network, with faults that follow from a seed.
//!
//! Shards, decisions, coordinators and players are hosts of one simulation. The rules of transfers, the two-phase
//! protocol and its recoverer are the code that runs in production (`store`); the databases are in memory, and die
//! with what they have not made durable. It never reads a clock or entropy: the same seed gives the same bytes.
//!
//! | module | holds |
//! |---|---|
//! | [`run`] | one run: build, break, heal, judge |
//! | [`faults`] | who dies and who is cut off, when |
//! | [`player`] | who wants transfers, and does not give up |
//! | [`coordinator`], [`shard`], [`decider`] | the hosts |
//! | [`storm`] | the same wishes on a real store, and `fsck` |
//! | [`planted`] | bugs that both must find |
//! | [`oracle`] | what must hold after every run |
//! | [`net`] | calls over the simulated network |

pub mod coordinator;
pub mod decider;
pub mod faults;
pub mod net;
pub mod oracle;
pub mod planted;
pub mod player;
pub mod run;
pub mod shard;
pub mod storm;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value of a lock. One thread runs everything: nobody waits, and a panic ends the run anyway.
pub fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
