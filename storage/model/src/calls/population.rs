//! Calls of DBSrv about the creatures of zones, see [`crate::population`].

use crate::population::{AgedPopulation, Population};
use serde::{Deserialize, Serialize};

/// Most zones of the content that one [`ReadPopulations`] asks for.
pub const SCOPES_MAX: usize = 1_024;

/// See [`for_each_operation`](crate::for_each_operation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeepPopulation {
    /// The zone of the content that the zone is, or is a part of.
    pub scope: u64,
    /// Its creatures; a population that is kept of a later epoch stays.
    pub population: Population,
}

/// See [`for_each_operation`](crate::for_each_operation).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadPopulations {
    /// Zones of the content, with all their parts; at most [`SCOPES_MAX`].
    pub scopes: Vec<u64>,
}

/// The answer to [`ReadPopulations`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HeldPopulations {
    /// What is kept of them; one that cannot be read is left out.
    pub found: Vec<AgedPopulation>,
    /// Zones that did not fit into the answer: they are asked for again.
    pub unread: Vec<u64>,
}
