//! Slots of the three containers that a client numbers.

use std::fmt;

/// Where items lie that a player can see in its own windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Container {
    /// Worn.
    Equip,
    /// Carried.
    Carry,
    /// In the bank.
    Cargo,
}

impl Container {
    /// All of them, by number.
    pub const ALL: [Container; 3] = [Container::Equip, Container::Carry, Container::Cargo];

    /// Its number on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// By its number on the wire.
    pub fn of(number: i64) -> Option<Container> {
        usize::try_from(number).ok().and_then(|number| Container::ALL.get(number).copied())
    }
}

/// One slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// Of which container.
    pub container: Container,
    /// Which.
    pub index: u8,
}

impl Slot {
    /// A slot of what is worn.
    pub const fn equip(index: u8) -> Slot {
        Slot { container: Container::Equip, index }
    }

    /// A slot of the inventory.
    pub const fn carry(index: u8) -> Slot {
        Slot { container: Container::Carry, index }
    }

    /// A slot of the bank.
    pub const fn cargo(index: u8) -> Slot {
        Slot { container: Container::Cargo, index }
    }

    /// By the numbers of a packet.
    pub fn of(container: i64, index: i64) -> Option<Slot> {
        Some(Slot { container: Container::of(container)?, index: u8::try_from(index).ok()? })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.container, self.index)
    }
}
