//! What edges and nodes of the simulation say to each other: the stream of `model::calls::node` with the production messages about who
//! has a player, and small ones in the place of the world's events.

use model::calls::node::{Attach, AttachRefusal, DropReason};
use model::calls::sibling;
use model::id::{Epoch, SessionId, TransferId, ZoneId};
use model::membership::ProcessName;
use model::{Incarnation, Tile};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Heartbeats of a link, as in production.
pub const HEARTBEAT: Duration = Duration::from_millis(200);
/// A link that is silent for so long is closed, as in production.
pub const SILENCE: Duration = Duration::from_secs(3);
/// Messages that may wait on a stream.
pub const QUEUE: usize = 1_024;

/// What a player wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Soft state changes: it is written behind.
    Gesture,
    /// It goes there, maybe into another zone.
    Walk(Tile),
    /// It gets a piece of gold: hard state, in the store before it is shown.
    Earn,
}

/// A command of a player, with its number among all of that player.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// From 1.
    pub number: u64,
    /// What.
    pub what: What,
}

/// From an edge to a node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToNode {
    /// First on each stream.
    Hello(ProcessName),
    /// A sign of life.
    Alive,
    /// See the production message.
    Attach(Attach),
    /// See the production message.
    Command {
        /// Whose.
        session: SessionId,
        /// What.
        wanted: Wanted,
    },
    /// See the production message.
    Detach {
        /// Whose.
        session: SessionId,
    },
    /// The edge does not reach a run of another node.
    Unreachable {
        /// Which.
        node: ProcessName,
        /// Which run of it.
        run: Incarnation,
    },
    /// A sibling asks, on a stream of its own; the answer is a [`sibling::Reply`].
    Sibling(sibling::Request),
}

/// From a node to an edge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToEdge {
    /// A sign of life.
    Alive,
    /// Something about a session.
    Of(SessionId, Told),
}

/// What a session is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Told {
    /// What happens to its player, by the owner of that epoch of the character. A player does not see the epoch; the judge does.
    Event(Epoch, Event),
    /// The attach failed.
    Refused(AttachRefusal),
    /// It is saved and released, attach it there.
    Handover {
        /// Names this move.
        transfer: TransferId,
        /// Where to.
        zone: ZoneId,
        /// Commands of this attach that were obeyed.
        obeyed: u32,
    },
    /// As asked.
    Detached,
    /// It was taken out for another reason.
    Dropped(DropReason, Option<u32>),
}

/// What happens to a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// It stands in a zone.
    Entered {
        /// Where.
        tile: Tile,
        /// What it carries.
        gold: i64,
        /// Gestures that are counted.
        gestures: i32,
    },
    /// A command was obeyed; gestures that are counted then.
    Obeyed(u64, i32),
    /// It is there now.
    Stands(Tile),
    /// It carries that much, by that command.
    Gold(u64, i64),
}
