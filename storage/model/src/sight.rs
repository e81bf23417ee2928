//! What a zone tells its neighbours of those who stand near their border: there they are ghosts.
//!
//! ```text
//!  zone A, who is real          zone B, a neighbour
//!   Appeared ------------------> a ghost comes into view
//!   Moved, Told ---------------> it moves; who sees it perceives what those around the real one do
//!   Gone ----------------------> it goes
//!   Crossed(to B) -------------> B takes it for real within a moment, or it goes
//!   Lies, Lifted --------------> an item on the ground comes into view and goes
//!         <--------------------- Taken: somebody in B has picked it up
//! ```

use crate::event::{Appearance, Arrival, Departure, Event};
use crate::id::{AccountId, EntityId, Epoch, GroundId, ZoneId};
use crate::item::Item;
use crate::moves::MoveMark;
use crate::place::Tile;
use serde::{Deserialize, Serialize};

/// Tiles beyond what a player sees from which on a neighbour is told of somebody.
pub const SIGHT_AHEAD: u16 = 8;

/// How an entity changes its tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Manner {
    /// By a step, or within the tolerance of walks: those who see it before and after are not told.
    Step,
    /// At once, by rule: it is placed for everybody who still sees it and for itself.
    Placed,
    /// At once, by magic: the same, and it comes and goes with a glow.
    Teleport,
}

/// One thing that a neighbour is told, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Sighting {
    /// Somebody is near the border now.
    Appeared {
        /// What is seen.
        look: Box<Appearance>,
        /// How it came.
        arrival: Arrival,
        /// Its kind among the creatures of the content; `None` for players.
        creature: Option<u32>,
    },
    /// It stands on another tile.
    Moved {
        /// Who.
        entity: EntityId,
        /// Where.
        tile: Tile,
        /// How it came there.
        manner: Manner,
        /// The movement that it is in.
        mark: MoveMark,
    },
    /// What those around it perceive.
    Told {
        /// Who.
        entity: EntityId,
        /// What.
        event: Event,
    },
    /// It is not near the border any more.
    Gone {
        /// Who.
        entity: EntityId,
        /// How it went.
        departure: Departure,
    },
    /// An item lies on the ground near the border.
    Lies {
        /// It.
        item: GroundSight,
        /// True when it fell just now.
        fell: bool,
    },
    /// An item does not lie there any more.
    Lifted {
        /// Which.
        ground: GroundId,
    },
    /// The other way: somebody in the neighbour has taken an item of this zone, and has it.
    Taken {
        /// Which.
        ground: GroundId,
    },
    /// It is handed over to another zone, which tells of it from then on.
    Crossed {
        /// Who.
        entity: EntityId,
        /// Where to.
        to: ZoneId,
    },
}

/// An item on the ground: all that is needed to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroundSight {
    /// This stay on the ground.
    pub id: GroundId,
    /// Who dropped it: where its row is found.
    pub home: AccountId,
    /// What it is.
    pub item: Item,
    /// Where it lies.
    pub tile: Tile,
    /// Orientation 0..3.
    pub rotate: u8,
    /// Version of its record.
    pub version: u64,
}

/// What one zone tells another one of a tick.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sight {
    /// Who tells.
    pub from: ZoneId,
    /// Under which epoch its node owns it.
    pub from_epoch: Epoch,
    /// Who is told.
    pub to: ZoneId,
    /// True when it is everybody: who is not named is not near the border.
    pub whole: bool,
    /// What.
    pub sightings: Vec<Sighting>,
}
