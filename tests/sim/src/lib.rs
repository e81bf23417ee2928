//! The storage protocols on simulated time and network, with faults that follow from a seed.
//!
//! Shards, decisions, coordinators and players are hosts of one simulation. The rules of transfers, the two-phase
//! protocol and its recoverer are the code that runs in production (`store`); the databases are in memory, and die
//! with what they have not made durable. It never reads a clock or entropy: the same seed gives the same bytes.
//!
//! There are three scenarios. In that of the *storage* players send transfers to the coordinators themselves. In that of
//! the *market* the production code of TSSSrv (trades, shops, auctions) and BISrv (the bank) stands between nodes and
//! coordinators, beside a Redis that forgets; nodes die with what they knew. In that of the *cluster* edges, nodes, DBSrv and the
//! controller lose and find each other; [`control`] says what of it is production code and what is a model.
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
//! | [`market`] | the scenario of the market: its hosts, its players, its judge |
//! | [`control`] | the scenario of the cluster |
//! | [`trace`] | what happened, as a hash |

pub mod control;
pub mod coordinator;
pub mod decider;
pub mod faults;
pub mod market;
pub mod net;
pub mod oracle;
pub mod planted;
pub mod player;
pub mod run;
pub mod shard;
pub mod storm;
pub mod trace;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value of a lock. One thread runs everything: nobody waits, and a panic ends the run anyway.
pub fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
