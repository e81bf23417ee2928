//! Newtypes for every identifier: two kinds of id are never mixed up by accident.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:x}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:x})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <$inner>::from_str_radix(text, 16).map($name)
            }
        }
    };
}

id! {
    /// One account. Random, 63 bits (fits SQL's signed 64-bit integer); hashes to a bucket.
    AccountId(u64)
}
id! {
    /// One character. Random, 62 bits.
    CharacterId(u64)
}
id! {
    /// One item, for its whole life, wherever it goes. Random, 128 bits.
    ItemId(u128)
}
id! {
    /// One operation of a client, a player or an operator; doing it twice returns the first outcome.
    OperationId(u128)
}
id! {
    /// One live connection of a player, issued by its edge; unique in the cluster, never used again.
    SessionId(u64)
}
id! {
    /// One move of a player from zone to zone; every step of a handover is idempotent by it.
    TransferId(u128)
}
id! {
    /// A zone of the map: see `placement` for how tiles map to zones.
    ZoneId(u32)
}
id! {
    /// The version of an ownership. A higher epoch fences off every lower one.
    Epoch(u64)
}
id! {
    /// One run of a process: a restarted process has the same name and a higher incarnation, of at most 63 bits.
    Incarnation(u64)
}
id! {
    /// A lot of the auction house. Random, 63 bits.
    LotId(u64)
}
id! {
    /// A parcel on its way. Random, 63 bits.
    ParcelId(u64)
}
id! {
    /// An item that lies on the ground: one stay of it, not the item. Random, 63 bits.
    GroundId(u64)
}
id! {
    /// Something that operators take back, or all of it: see [`AmendmentId::ALL`]. 63 bits.
    AmendmentId(u64)
}
id! {
    /// A guild; the number that clients show.
    GuildId(u16)
}
id! {
    /// One party, from its first two members to its end. Random.
    PartyId(u64)
}
id! {
    /// One trade between two players, from its first offer to its end.
    TradeId(u128)
}
id! {
    /// Anything that stands in the world. Never leaves the cluster: clients see short ids lent by the edge.
    EntityId(u64)
}

impl Default for GuildId {
    /// No guild.
    fn default() -> Self {
        Self(0)
    }
}

impl GuildId {
    /// No guild has this number: its record says which number was given to a guild last.
    pub const COUNTER: Self = Self(u16::MAX);

    /// The next number after one, not below the first of a channel: `channel * 4096 + counter`, the counter from 1.
    /// `None` when there is none left.
    pub fn after(last: Self, channel: u8) -> Option<Self> {
        let first = (u16::from(channel & 0xF) << 12) + 1;
        let next = last.0.checked_add(1)?.max(first);
        let next = if next & 0xFFF == 0 { next + 1 } else { next };
        Some(Self(next)).filter(|next| *next != Self::COUNTER)
    }

    /// What stands for an account where the guild's bucket is asked for; no account has such a number.
    pub fn home(self) -> AccountId {
        AccountId(u64::from(self.0))
    }
}

impl AmendmentId {
    /// All that operators ever take back.
    pub const ALL: Self = Self(1);

    /// What stands for an account where the bucket of these records is asked for; no account has that number.
    pub fn home() -> AccountId {
        AccountId(0)
    }
}

impl EntityId {
    const PLAYER: u64 = 1 << 63;

    /// The entity of a character: the same on every node, before and after a handover.
    pub fn of_character(character: CharacterId) -> Self {
        Self(Self::PLAYER | character.0)
    }

    /// A creature that came into the world in a zone: `epoch` is the one under which that was played then, `number` counts what
    /// came into it since. It keeps this name wherever it is played later.
    pub fn of_creature(zone: ZoneId, epoch: Epoch, number: u64) -> Self {
        let (epoch, number) = (epoch.0 & 0xfff, number & 0xfff_ffff);
        Self((u64::from(zone.0 & 0x7f_ffff) << 40) | (epoch << 28) | number)
    }

    /// True for players, false for monsters and merchants.
    pub fn is_player(self) -> bool {
        self.0 & Self::PLAYER != 0
    }

    /// The character behind a player's entity.
    pub fn character(self) -> Option<CharacterId> {
        self.is_player().then_some(CharacterId(self.0 & !Self::PLAYER))
    }
}
