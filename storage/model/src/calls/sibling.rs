//! Calls between game nodes (TMSrv): each keeps the journal of another one, its buddy, in memory.
//!
//! ```text
//! node                                     buddy (the next node by name)
//!  | Keep(states that changed)               |
//!  |---------------------------------------->|   the newest of each character by epoch and number
//!  x dies
//!            whoever loads a character  -- Recall(character) -->  buddy
//! ```
//! The store decides who owns a character; the journal only says where it stood last.

use crate::character::{SoftMark, SoftState};
use crate::id::{CharacterId, EntityId, Epoch, Incarnation, ZoneId};
use crate::membership::ProcessName;
use crate::population::{AgedPopulation, CreatureState, Guest};
use crate::sight::Sight;
use serde::{Deserialize, Serialize};

/// Most states of one [`Request::Keep`].
pub const KEEP_MAX: usize = 256;

/// Most sights of one [`Request::Sights`].
pub const SIGHTS_MAX: usize = 512;

/// Most zones of one [`Request::Populations`].
pub const SCOPES_MAX: usize = 4_096;

/// Most guests of one [`Request::Guests`].
pub const GUESTS_MAX: usize = 4_096;

/// A call to another node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Keeps the states that are newer than those it has; at most [`KEEP_MAX`]. [`Reply::Kept`]
    Keep(Vec<Journalled>),
    /// The newest state that it has of a character. [`Reply::Recalled`]
    Recall(CharacterId),
    /// Asks a node for a sign of life that an edge does not reach, and tells it so: it may be the one that gives zones away.
    /// [`Reply::Alive`]
    Ping {
        /// Which edge.
        unreached_by: ProcessName,
    },
    /// What zones of one node tell zones of another one. [`Reply::Seen`]
    Sights {
        /// Which node tells.
        from: ProcessName,
        /// Which run of it.
        run: Incarnation,
        /// Number of the batch in this run: one that comes after a later one is left out.
        number: u64,
        /// At most [`SIGHTS_MAX`], in their order.
        sights: Vec<Sight>,
    },
    /// What its zones cost. [`Reply::Costs`]
    Costs,
    /// What it knows of the creatures of zones, since it plays them or did so until a moment ago. [`Reply::Populations`]
    Populations {
        /// Zones of the content, with all their parts; at most [`SCOPES_MAX`].
        scopes: Vec<u64>,
    },
    /// A creature walks over a border; asked again it comes once. [`Reply::Came`], or [`Reply::Refused`] where the zone is not played,
    /// or the other one was played under a later epoch since.
    Come {
        /// Out of which zone.
        from: ZoneId,
        /// Under which epoch that is played where it comes from.
        from_epoch: Epoch,
        /// Into which zone.
        to: ZoneId,
        /// It.
        creature: Box<CreatureState>,
    },
    /// Creatures of a zone's generators that are in a zone of the node that tells. [`Reply::Outdated`], or [`Reply::Refused`] where that
    /// zone is not played, or the other one was played under a later epoch since.
    Guests {
        /// Where they are.
        from: ZoneId,
        /// Under which epoch that is played there.
        from_epoch: Epoch,
        /// The zone of their generators.
        home: ZoneId,
        /// They; at most [`GUESTS_MAX`].
        guests: Vec<Guest>,
    },
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// What is kept is newest; what was not is older than what was there.
    Kept,
    /// `None`: it has nothing of that character.
    Recalled(Option<Journalled>),
    /// The zones that are played there have it.
    Seen {
        /// Zones that are not: they must be told everything later.
        unknown: Vec<ZoneId>,
        /// True while it has as many players as it may: nobody should walk over to it.
        full: bool,
    },
    /// It is there.
    Alive,
    /// Too many at once, or there is no room for more.
    Refused,
    /// What the zones of the node cost.
    Costs {
        /// Game threads: a zone is on the thread of its number modulo these.
        threads: u32,
        /// In percent of the tick budget of a thread, without those that cost next to nothing.
        zones: Vec<(ZoneId, u32)>,
    },
    /// What became of a creature.
    Came {
        /// False when the node has too much to do.
        taken: bool,
    },
    /// Those that are elsewhere after more hops: these have to go.
    Outdated(Vec<EntityId>),
    /// What is known there, as far as it fits.
    Populations(Vec<AgedPopulation>),
}

/// A soft state as its owner had it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journalled {
    /// Whose.
    pub character: CharacterId,
    /// Under which epoch and number the owner had it.
    pub mark: SoftMark,
    /// What it is.
    pub soft: SoftState,
}
