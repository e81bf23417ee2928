//! What zones cost, as the placement counts it.
//!
//! ```text
//! nodes measure --> controller smooths --> KeepCosts: measured --> when nodes come or go, or by a rebalance: counted
//! ```

use crate::membership::ProcessName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Percent of the tick budget of a game thread, by the name of the zone; a zone that is not in it costs next to nothing.
pub type Costs = BTreeMap<String, u32>;

/// What the ring weighs zones by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// As measured lately. Nothing moves because of it.
    pub measured: Costs,
    /// As the slot table was planned by.
    pub counts: Counts,
}

/// What zones are counted as until nodes come or go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// By name; who is not in it costs next to nothing.
    pub zones: BTreeMap<String, Counted>,
    /// The nodes that were given zones when it was counted; none when it is to be counted anew.
    pub nodes: BTreeSet<ProcessName>,
}

/// A zone as it is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Percent of the tick budget of a game thread.
    pub cost: u32,
    /// The node that it was placed on by a wish then: it takes room there, whoever the ring proposes for its district.
    pub placed: Option<ProcessName>,
}

/// See [`crate::for_each_operation`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepCosts {
    /// All that are measured.
    pub measured: Costs,
    /// True to have zones counted anew by them.
    pub recount: bool,
}
