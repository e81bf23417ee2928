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
//!
//! An edge that gives its connections to its successor parks their sessions; the player stays in the world:
//!
//! ```text
//! old edge            node            new edge
//!  | Park(session)     |                 |   after all commands of the session
//!  |------------------>|                 |
//!  |  Parked(session)  |                 |   after all that it was told; what comes later waits at the node
//!  |<------------------|                 |
//!  |                   |  Adopt(session) |
//!  |                   |<----------------|
//!  |                   |  Events..       |   what waited, in order
//!  |                   |---------------->|
//! ```

use crate::command::Command;
use crate::event::{Addressed, Notice};
use crate::id::{AccountId, CharacterId, Epoch, Incarnation, SessionId, TransferId, ZoneId};
use crate::membership::ProcessName;
use crate::moves::Walk;
use crate::place::Tile;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

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
    /// How long ago its last zone let it go, in milliseconds; 0 when it comes from none.
    pub away_ms: u32,
    /// What is left of the walk on which it crossed a border: it goes on with that.
    pub walk: Option<Walk>,
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
    /// The edge does not reach another node, again and again as long as that is so. Who hears it looks for itself.
    Unreachable {
        /// Which.
        node: ProcessName,
        /// Which run of it.
        run: Incarnation,
    },
    /// Take a character out: save, release, answer [`ToEdge::Detached`].
    Detach {
        /// Whose.
        session: SessionId,
    },
    /// Tell this session nothing more on this stream, answer [`ToEdge::Parked`], and keep what there is to tell for
    /// whoever adopts it.
    Park {
        /// Whose.
        session: SessionId,
    },
    /// Tell a parked session on this stream from here on, what was kept first.
    Adopt {
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
    /// Nobody new is let in; ask again every second or two to keep the place.
    Queued {
        /// Its place in the queue, from 1.
        place: u32,
    },
}

/// Why a player was taken out without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DropReason {
    /// Another owner loaded the character: this copy was fenced off.
    Fenced,
    /// The node gave its zone away or is stopping; attach again at the owner of the zone.
    ZoneGone,
    /// The store has more of the character than the node was told; saved and released, to be loaded anew.
    Outdated,
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
        /// True when it walks there: what its client shows stays in view.
        on_foot: bool,
        /// How long it has waited for that so far, in milliseconds.
        held_ms: u32,
        /// Commands of this attach that were obeyed: the later ones are for the next zone.
        obeyed: u32,
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
        /// Commands of this attach that were obeyed, when the node knows: the later ones are for who has the player next.
        obeyed: Option<u32>,
    },
    /// A line for every player of the edge.
    NoticeAll(Notice),
    /// Nothing more is told of a session on this stream, as it asked.
    Parked {
        /// Whose.
        session: SessionId,
    },
}

/// Commands that an edge remembers: more than a client sends within a handover.
const SENT_MAX: usize = 64;

/// What an edge asked the node that has a player: the last of it, should the node not come to it any more. The node counts what it obeys, see
/// [`ToEdge::Handover`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent<C = Command> {
    count: u32,
    last: VecDeque<C>,
}

impl<C> Default for Sent<C> {
    fn default() -> Self {
        Self { count: 0, last: VecDeque::new() }
    }
}

impl<C> Sent<C> {
    /// One more was sent.
    pub fn note(&mut self, command: C) {
        if self.last.len() == SENT_MAX {
            self.last.pop_front();
        }
        self.count = self.count.wrapping_add(1);
        self.last.push_back(command);
    }

    /// What was sent after the first `obeyed`; nothing is remembered then.
    pub fn take_after(&mut self, obeyed: u32) -> VecDeque<C> {
        let open = self.count.wrapping_sub(obeyed) as usize;
        let mut last = std::mem::take(self).last;
        let done = last.len().saturating_sub(open);
        last.drain(..done);
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_after_the_last_that_was_obeyed_is_for_the_next_zone() {
        let mut sent = Sent::default();
        (1..=100).for_each(|number| sent.note(number));
        assert_eq!(sent.clone().take_after(97), [98, 99, 100]);
        assert_eq!(sent.clone().take_after(100), []);
        assert_eq!(sent.clone().take_after(0).len(), SENT_MAX, "older ones are forgotten");
        sent.take_after(100);
        assert_eq!(sent, Sent::default());
    }
}
