//! Items: rows with an id of their own, eight bytes on the wire.

use crate::id::ItemId;
use serde::{Deserialize, Serialize};

/// Equipment slots of a character; clients before 7.69 know the first 16.
pub const EQUIP_SLOTS: usize = 18;
/// Inventory slots of a character.
pub const CARRY_SLOTS: usize = 64;
/// Bank slots of an account; how many are usable depends on the client's version.
pub const CARGO_SLOTS: usize = 128;
/// The most gold that a character or a bank holds.
pub const GOLD_MAX: i64 = 2_000_000_000;

/// Number of an item in the item list, 1..6499.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemKind(pub u16);

/// One of an item's three effects: a code of the item list and its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Effect {
    /// `EF_...` code, 0 when unused.
    pub code: u8,
    /// Value of the effect.
    pub value: u8,
}

/// One item as it lies in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its id for life.
    pub id: ItemId,
    /// What it is.
    pub kind: ItemKind,
    /// Refinement and options.
    pub effects: [Effect; 3],
}

/// An item that does not exist yet: what a starter kit or a shop gives, before it gets an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSpec {
    /// What it will be.
    pub kind: ItemKind,
    /// Refinement and options.
    pub effects: [Effect; 3],
}

impl ItemSpec {
    /// The item that this becomes with an id.
    pub fn with_id(self, id: ItemId) -> Item {
        Item { id, kind: self.kind, effects: self.effects }
    }
}

/// The three containers that clients number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Container {
    /// What a character wears.
    Equip = 0,
    /// What it carries.
    Carry = 1,
    /// The bank of its account.
    Cargo = 2,
}

impl Container {
    /// From the number on the wire.
    pub fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Equip),
            1 => Some(Self::Carry),
            2 => Some(Self::Cargo),
            _ => None,
        }
    }

    /// How many slots it has in the largest client.
    pub fn slots(self) -> usize {
        match self {
            Self::Equip => EQUIP_SLOTS,
            Self::Carry => CARRY_SLOTS,
            Self::Cargo => CARGO_SLOTS,
        }
    }
}

/// A slot that a player can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Slot {
    /// Of which container.
    pub container: Container,
    /// Which, below [`Container::slots`].
    pub index: u8,
}

impl Slot {
    /// A slot if there is such a one.
    pub fn new(container: Container, index: i64) -> Option<Self> {
        let index = u8::try_from(index).ok().filter(|index| usize::from(*index) < container.slots())?;
        Some(Self { container, index })
    }
}

impl Item {
    /// What it is, without its id: what players and prices are about.
    pub fn spec(&self) -> ItemSpec {
        ItemSpec { kind: self.kind, effects: self.effects }
    }
}
