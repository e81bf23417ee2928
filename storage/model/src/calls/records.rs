//! Questions about what transfers left: records with their items, banks of guilds, cash.

use crate::id::{AccountId, GuildId};
use crate::item::Item;
use crate::transfer::{Record, RecordKey, RecordKind};
use serde::{Deserialize, Serialize};

/// The most records of one answer.
pub const RECORDS_MAX: u32 = 1_000;

/// Records of a kind by ascending number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRecords {
    /// Which kind.
    pub kind: RecordKind,
    /// Only those of this scope, see [`RecordKey`].
    pub scope: Option<u64>,
    /// Only those at home with this account: one shard is asked. `None` asks all, and fails if one is away.
    pub home: Option<AccountId>,
    /// Only those with a higher number; 0 begins.
    pub after: u64,
    /// At most so many, and at most [`RECORDS_MAX`].
    pub limit: u32,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRecord {
    /// Which.
    pub key: RecordKey,
    /// By whose bucket it is found; `None` asks all shards.
    pub home: Option<AccountId>,
}

/// A record with what lies in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRecord {
    /// What it says.
    pub record: Record,
    /// Its items by slot.
    pub items: Vec<(u8, Item)>,
    /// Its gold.
    pub gold: i64,
}

/// What a guild keeps in its bank: as [`crate::calls::bank::Cargo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadGuildBank {
    /// Whose.
    pub guild: GuildId,
}

/// The cash balance of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadCash {
    /// Whose.
    pub account: AccountId,
}
