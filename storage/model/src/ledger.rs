//! The ledger in words: who did what to which item or gold, and why.
//!
//! Gold is double entry: each movement has two sides, and the world's own accounts, `mint:<reason>` and
//! `burn:<reason>`, are one of them when gold comes into being or ends.

use crate::id::{AccountId, CharacterId, ItemId, OperationId};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemPlace {
    /// Worn.
    Equip(CharacterId, u8),
    /// Carried.
    Carry(CharacterId, u8),
    /// In the bank.
    Cargo(AccountId, u8),
}

impl fmt::Display for ItemPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equip(character, slot) => write!(f, "equip {slot} of character {character}"),
            Self::Carry(character, slot) => write!(f, "carry {slot} of character {character}"),
            Self::Cargo(account, slot) => write!(f, "cargo {slot} of account {account}"),
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GoldAccount {
    /// The world makes it, for that reason.
    Mint(String),
    /// The world takes it, for that reason.
    Burn(String),
    /// Carried by a character.
    Character(CharacterId),
    /// In the bank of an account.
    Cargo(AccountId),
}

impl fmt::Display for GoldAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mint(reason) => write!(f, "mint:{reason}"),
            Self::Burn(reason) => write!(f, "burn:{reason}"),
            Self::Character(character) => write!(f, "character:{character}"),
            Self::Cargo(account) => write!(f, "cargo:{account}"),
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
