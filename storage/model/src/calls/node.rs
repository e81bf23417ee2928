//! The stream between an edge and a game node (TMSrv): one per pair, both directions, in order.
//!
//! ```text
//! edge                                node
//!  | Attach(session, character, zone)  |   load (fenced) -> stand in the zone
//!  |---------------------------------->|
//!  |      Events[Entered, Appeared..]  |
//!  |<----------------------------------|
//!  | Command(session, ..)*             |
//!  |---------------------------------->|   step -> Events*
//!  |      Handover(session, zone)      |   saved and released; the edge attaches to the zone's owner
//!  |<----------------------------------|
//!  | Detach(session)                   |   saved and released
//!  |---------------------------------->|
//!  |      Detached(session)            |
//!  |<----------------------------------|
//! ```

use crate::command::Command;
use crate::event::{Addressed, Notice};
use crate::id::{AccountId, CharacterId, Epoch, SessionId, TransferId, ZoneId};
use crate::membership::ProcessName;
use crate::place::Tile;
use serde::{Deserialize, Serialize};

/// First message of an edge on a new stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Which edge.
    pub edge: ProcessName,
}

/// Why the edge attaches a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttachReason {
    /// The player entered the world from the selection screen.
    Login,
    /// Another zone handed the player over.
    Handover(TransferId),
    /// The node that had the player is gone.
    Resume,
}

/// Puts a session's character into a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    /// The session.
    pub session: SessionId,
    /// Its account.
    pub account: AccountId,
    /// The character to load.
    pub character: CharacterId,
    /// The zone that the edge believes holds the character's tile.
    pub zone: ZoneId,
    /// The epoch under which the edge believes that the node owns the zone.
    pub zone_epoch: Epoch,
    /// Why.
    pub reason: AttachReason,
}

/// From the edge to the node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToNode {
    /// Must be first.
    Hello(Hello),
    /// Put a character into the world.
    Attach(Attach),
    /// A player's request.
    Command {
        /// Whose.
        session: SessionId,
        /// What.
        command: Command,
    },
    /// Take a character out: save, release, answer [`ToEdge::Detached`].
    Detach {
        /// Whose.
        session: SessionId,
    },
}

/// Why an attach failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttachRefusal {
    /// The node does not own the zone under that epoch (any more); look at the map again.
    NotOwner,
    /// The character stands in another zone than the edge thought; attach there.
    OtherZone(ZoneId),
    /// The node has no room.
    Overloaded,
    /// There is no such character on that account.
    NoSuchCharacter,
    /// The store did not answer; try again.
    StoreUnavailable,
}

/// Why a player was taken out without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DropReason {
    /// Another owner loaded the character: this copy was fenced off.
    Fenced,
    /// The node gave its zone away or is stopping; attach again at the owner of the zone.
    ZoneGone,
}

/// From the node to the edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToEdge {
    /// What happened in one tick, for sessions of this edge, in order.
    Events(Vec<Addressed>),
    /// The attach failed; the session is not in this node.
    AttachRefused {
        /// Whose.
        session: SessionId,
        /// Why.
        refusal: AttachRefusal,
    },
    /// The player left this zone for another one; it is saved and released, attach it there.
    Handover {
        /// Whose.
        session: SessionId,
        /// Names this move.
        transfer: TransferId,
        /// The zone it goes to.
        zone: ZoneId,
        /// The tile it will stand on.
        tile: Tile,
    },
    /// The asked-for detach is done: saved and released.
    Detached {
        /// Whose.
        session: SessionId,
    },
    /// The session was taken out for another reason.
    Dropped {
        /// Whose.
        session: SessionId,
        /// Why.
        reason: DropReason,
    },
    /// A line for every player of the edge.
    NoticeAll(Notice),
}
