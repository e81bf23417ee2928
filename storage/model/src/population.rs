//! The creatures of a zone and the turns of its generators, as they go from one owner of the zone to the next.
//!
//! ```text
//!  who plays the zone                      who plays it next
//!   moved, drained, cut, joined ---------> asks it, and goes on where it was
//!   every few minutes -----> the store
//!   x dies                     ----------> reads that one: creatures stand where they stood then
//! ```
//! It is a matter of looks and of respawn times, so it may be some minutes old. What is worth something is in the store at once.

use crate::event::Walk;
use crate::id::{EntityId, Epoch, ZoneId};
use crate::moves::MoveMark;
use crate::place::{Rect, Tile};
use serde::{Deserialize, Serialize};

/// What a zone goes on with elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Population {
    /// Hash of the content by whose numbers it speaks: it is of no use for another one.
    pub content: u64,
    /// Which zone.
    pub zone: ZoneId,
    /// Under which epoch it was played.
    pub epoch: Epoch,
    /// Its rectangle: all of its creatures that stand in it are named.
    pub area: Rect,
    /// For how long it has slept, in milliseconds: since then nobody was there, and its time stood still.
    pub asleep_ms: u64,
    /// Its generators.
    pub generators: Vec<GeneratorState>,
    /// Its creatures, leaders before those who follow them.
    pub creatures: Vec<CreatureState>,
}

/// Where a generator is with its turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratorState {
    /// Index among the generators of the content.
    pub generator: u32,
    /// Turns of 12 s that it has seen.
    pub turns: u64,
    /// It acts every so many turns; `None` when it is never on the timer.
    pub period: Option<u64>,
}

/// A creature where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreatureState {
    /// The same before and after: whoever sees it sees it still.
    pub entity: EntityId,
    /// Index among the creatures of the content.
    pub kind: u32,
    /// Index of its generator among those of the content.
    pub generator: u32,
    /// Where.
    pub tile: Tile,
    /// The movement that was told of it last.
    pub mark: MoveMark,
    /// What is left of the walk that it is on.
    pub walk: Option<Walk>,
    /// Where it goes, and how long it waits there.
    pub points: Vec<(Tile, u16)>,
    /// The point that it stands on or goes to.
    pub at: u32,
    /// It goes through its points from the last one to the first.
    pub backwards: bool,
    /// What is left of its wait.
    pub wait: i32,
    /// It is at its point.
    pub there: bool,
    /// Walks in a row that brought it nowhere.
    pub vain: u8,
    /// Whom it follows.
    pub leader: Option<EntityId>,
    /// How often it was handed over to another zone: of two of the same name the one with more counts.
    pub hops: u32,
}

/// A creature that is in another zone than its generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// Which.
    pub entity: EntityId,
    /// Index of its generator among those of the content.
    pub generator: u32,
    /// How often it was handed over.
    pub hops: u32,
}

/// A population and how old it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgedPopulation {
    /// Since it was taken, in milliseconds.
    pub age_ms: u64,
    /// It.
    pub population: Population,
}
