//! The ledger in words: who did what to which item or gold, and why.
//!
//! Gold is double entry: each movement has two sides, and the world's own accounts, `mint:<reason>` and
//! `burn:<reason>`, are one of them when gold comes into being or ends.

use crate::id::{AccountId, CharacterId, GroundId, GuildId, ItemId, LotId, OperationId, ParcelId};
use crate::item::{Effect, ItemKind};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// The player of an account.
    Player(AccountId),
    /// An operator, by name.
    Operator(String),
    /// A part of the system, by name.
    System(String),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Player(account) => write!(f, "player {account}"),
            Self::Operator(name) => write!(f, "operator {name}"),
            Self::System(name) => write!(f, "system {name}"),
        }
    }
}

/// Where an item lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ItemPlace {
    /// Worn.
    Equip(CharacterId, u8),
    /// Carried.
    Carry(CharacterId, u8),
    /// In the bank.
    Cargo(AccountId, u8),
    /// In escrow: a lot of the auction house.
    Lot(LotId, u8),
    /// In a parcel.
    Parcel(ParcelId, u8),
    /// On the ground.
    Ground(GroundId),
    /// In the bank of a guild.
    Guild(GuildId, u8),
    /// At home in another bucket, whose part of the ledger goes on with it. Only the store writes it.
    Elsewhere(AccountId),
}

impl fmt::Display for ItemPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equip(character, slot) => write!(f, "equip {slot} of character {character}"),
            Self::Carry(character, slot) => write!(f, "carry {slot} of character {character}"),
            Self::Cargo(account, slot) => write!(f, "cargo {slot} of account {account}"),
            Self::Lot(lot, slot) => write!(f, "slot {slot} of lot {lot}"),
            Self::Parcel(parcel, slot) => write!(f, "slot {slot} of parcel {parcel}"),
            Self::Ground(ground) => write!(f, "ground {ground}"),
            Self::Guild(guild, slot) => write!(f, "bank slot {slot} of guild {}", guild.0),
            Self::Elsewhere(home) => write!(f, "the bucket of account {home}"),
        }
    }
}

/// An item at one moment of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemState {
    /// Refinement and options.
    pub effects: [Effect; 3],
    /// Where it lay.
    pub place: ItemPlace,
}

/// Where gold is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GoldAccount {
    /// The world makes it, for that reason.
    Mint(String),
    /// The world takes it, for that reason.
    Burn(String),
    /// Carried by a character.
    Character(CharacterId),
    /// In the bank of an account.
    Cargo(AccountId),
    /// In escrow: bid for a lot.
    Lot(LotId),
    /// In a parcel.
    Parcel(ParcelId),
    /// In the bank of a guild.
    Guild(GuildId),
    /// Not gold: what an account has bought for money. It has its own mint and burn, and never meets gold.
    Cash(AccountId),
    /// At home in another bucket, whose part of the ledger goes on with it. Only the store writes it.
    Elsewhere(AccountId),
}

impl fmt::Display for GoldAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mint(reason) => write!(f, "mint:{reason}"),
            Self::Burn(reason) => write!(f, "burn:{reason}"),
            Self::Character(character) => write!(f, "character:{character}"),
            Self::Cargo(account) => write!(f, "cargo:{account}"),
            Self::Lot(lot) => write!(f, "lot:{lot}"),
            Self::Parcel(parcel) => write!(f, "parcel:{parcel}"),
            Self::Guild(guild) => write!(f, "guild:{}", guild.0),
            Self::Cash(account) => write!(f, "cash:{account}"),
            Self::Elsewhere(home) => write!(f, "elsewhere:{home}"),
        }
    }
}

/// One side of a movement of gold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldSide {
    /// Which account.
    pub account: GoldAccount,
    /// What it held after; `None` for the world's own.
    pub balance: Option<i64>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// An item was born, moved, changed, or died.
    Item {
        /// Which.
        item: ItemId,
        /// What it is.
        kind: ItemKind,
        /// `None` at its birth.
        before: Option<ItemState>,
        /// `None` at its death.
        after: Option<ItemState>,
    },
    /// Gold went from one account to another.
    Gold {
        /// How much; always above zero.
        amount: i64,
        /// Where it came from.
        from: GoldSide,
        /// Where it went.
        to: GoldSide,
    },
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// On which shard it stands.
    pub shard: u16,
    /// Its number there: later entries of the same item or purse have higher ones.
    pub entry: u64,
    /// When, in milliseconds since 1970 by the database's clock.
    pub at_ms: i64,
    /// The operation that did it; `None` for the opening of the ledger.
    pub operation: Option<OperationId>,
    /// Who.
    pub actor: Actor,
    /// Why, a short word.
    pub reason: String,
    /// What.
    pub change: Change,
}
