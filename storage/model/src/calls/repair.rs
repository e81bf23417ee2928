//! Repairs of what `fsck` finds. Nothing is destroyed by them, and each is done by an operator, once.

use crate::calls::ledger::{Crossing, NameMark};
use crate::id::{AccountId, ItemId, OperationId};
use serde::{Deserialize, Serialize};

/// Repairs one bucket: examines it once more, while nobody else is in it, and does what it then finds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairBucket {
    /// Doing it twice returns the first outcome.
    pub operation: OperationId,
    /// Who does it, for the ledger.
    pub operator: String,
    /// Which.
    pub bucket: u16,
    /// True to put rows into their own buckets and nothing else: what belongs to them is looked at after that.
    pub rows_only: bool,
    /// True to say what would be done, and do nothing.
    pub dry_run: bool,
    /// Entries that this bucket lacks although another one has the other side of them.
    pub missing: Vec<MissingSide>,
    /// Items that are in two databases: the row here counts only if the ledger here says so.
    pub twice: Vec<ItemId>,
}

/// One side of what went from bucket to bucket: the one that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingSide {
    /// The entry that should be there.
    pub side: Crossing,
    /// An account of the other bucket; any of it when the one that it was is not known.
    pub there: AccountId,
}

/// Ends rows of items on shards where their bucket is not at home, and puts records there into their own bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairStrays {
    /// Items that were found in two databases.
    pub items: Vec<ItemId>,
    /// True to say what would be done, and do nothing.
    pub dry_run: bool,
}

/// Frees names whose rows are not there, a page of all names at a time; also ends what transactions of dead
/// coordinators left, by the rule of the recoverer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairNames {
    /// Goes on after this name.
    pub after: Option<NameMark>,
    /// Names of this page.
    pub limit: u32,
    /// True to say what would be done, and do nothing.
    pub dry_run: bool,
}

/// What was repaired, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repaired {
    /// In sentences.
    pub fixes: Vec<String>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<NameMark>,
}
