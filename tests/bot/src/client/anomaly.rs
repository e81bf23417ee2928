//! What a client can find wrong by itself.

use crate::protocol::place::Tile;
use crate::protocol::slot::Slot;
use std::fmt;
use std::sync::Arc;

/// Something that a correct server never lets a client see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// A packet that this client version has no handler for.
    UnknownOpcode {
        /// Which.
        opcode: u16,
    },
    /// A packet of another size than this client version reads.
    WrongSize {
        /// Which.
        opcode: u16,
        /// As sent.
        found: usize,
        /// As read.
        expected: u16,
    },
    /// An entity was created that was in view already.
    Doubled {
        /// Its id.
        id: u16,
        /// Its name.
        name: Arc<str>,
    },
    /// An id was given to somebody else while it was in use.
    IdReused {
        /// The id.
        id: u16,
        /// Who had it.
        before: Arc<str>,
        /// Who has it now.
        now: Arc<str>,
    },
    /// One player is in view under two ids.
    TwoIds {
        /// Who.
        name: Arc<str>,
        /// First id.
        first: u16,
        /// Second id.
        second: u16,
    },
    /// The own character was shown under an id that is not its own, or the own id under another name.
    OwnDoubled {
        /// The id shown.
        id: u16,
        /// The name shown.
        name: Arc<str>,
        /// Where.
        tile: Tile,
    },
    /// The own character was taken out of its own view.
    OwnRemoved,
    /// Something was heard of an id that was never created.
    UnknownId {
        /// The id.
        id: u16,
        /// What it did.
        what: &'static str,
    },
    /// An entity is far out of view and was not removed.
    Stale {
        /// Its id.
        id: u16,
        /// Its name.
        name: Arc<str>,
        /// How far away.
        distance: u16,
    },
    /// An entity stands outside the map.
    OffMap {
        /// Its id.
        id: u16,
        /// Where.
        tile: Tile,
    },
    /// The char list would switch the client to key-queue mode.
    KeyQueue,
    /// Gold below nothing or above what anybody may have.
    ImpossibleGold {
        /// As told.
        gold: i32,
    },
    /// A slot that this client does not have.
    NoSuchSlot {
        /// Which.
        slot: Slot,
    },
    /// Something was done with what lies in a slot, and nothing lies there.
    NothingThere {
        /// Which.
        slot: Slot,
        /// What was done.
        what: &'static str,
    },
    /// An item came into a slot that shows another one.
    SlotTaken {
        /// Which.
        slot: Slot,
    },
    /// The id of an item on the ground was given to another one while it was in use.
    GroundReused {
        /// The id.
        id: u16,
    },
    /// A packet about a container, a slot or an item that cannot be.
    Nonsense {
        /// Which packet.
        opcode: u16,
    },
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Anomaly::UnknownOpcode { opcode } => {
                write!(f, "packet {opcode:#05x} has no handler in this client")
            }
            Anomaly::WrongSize { opcode, found, expected } => {
                write!(f, "packet {opcode:#05x} has {found} bytes, the client reads {expected}")
            }
            Anomaly::Doubled { id, name } => write!(f, "doubled: {name} (id {id}) created while in view"),
            Anomaly::IdReused { id, before, now } => {
                write!(f, "doubled: id {id} of {before} given to {now} without a removal")
            }
            Anomaly::TwoIds { name, first, second } => {
                write!(f, "doubled: {name} in view under the ids {first} and {second}")
            }
            Anomaly::OwnDoubled { id, name, tile } => {
                write!(f, "doubled: own character or id shown as {name} (id {id}) at {tile}")
            }
            Anomaly::OwnRemoved => write!(f, "own character removed from its own view"),
            Anomaly::UnknownId { id, what } => write!(f, "{what} of id {id} that was never created"),
            Anomaly::Stale { id, name, distance } => {
                write!(f, "stale: {name} (id {id}) is {distance} tiles away and was not removed")
            }
            Anomaly::OffMap { id, tile } => write!(f, "id {id} stands off the map at {tile}"),
            Anomaly::ImpossibleGold { gold } => write!(f, "told of {gold} gold"),
            Anomaly::NoSuchSlot { slot } => write!(f, "told of slot {slot}, which this client does not have"),
            Anomaly::NothingThere { slot, what } => write!(f, "{what}, but nothing lies in {slot}"),
            Anomaly::SlotTaken { slot } => write!(f, "an item came into {slot}, where another one lies"),
            Anomaly::GroundReused { id } => {
                write!(f, "doubled: ground item {id} became another one without a removal")
            }
            Anomaly::Nonsense { opcode } => write!(f, "packet {opcode:#05x} names what cannot be"),
            Anomaly::KeyQueue => write!(f, "the character list carries a key queue"),
        }
    }
}
