//! Questions about the ledger, and the pieces of `fsck`.

use crate::guild::Place;
use crate::id::{AccountId, CharacterId, GuildId, ItemId, OperationId};
use crate::item::{Effect, Item, ItemKind};
use crate::ledger::{Entry, GoldAccount, ItemPlace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most entries of one answer.
pub const ENTRIES_MAX: u32 = 5_000;
/// The reason of what stands for entries that are past the retention.
pub const RETENTION: &str = "retention";
/// The most findings of one answer; further ones are counted.
pub const FINDINGS_MAX: usize = 1_000;

/// The life of one item, oldest entry first. Where entries are past the retention it begins with what they led to, an
/// entry numbered 0 with the reason [`RETENTION`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemHistory {
    /// Which; wherever it is.
    pub item: ItemId,
    /// The newest so many entries, at most [`ENTRIES_MAX`].
    pub limit: u32,
}

/// What a character got and gave, newest entry first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlayerLedger {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// Only entries with a lower number; `None` begins with the newest.
    pub before: Option<u64>,
    /// At most so many, and at most [`ENTRIES_MAX`].
    pub limit: u32,
}

/// What went into the bank of a guild and out of it, newest entry first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildLedger {
    /// Whose.
    pub guild: GuildId,
    /// Only entries with a lower number; `None` begins with the newest.
    pub before: Option<u64>,
    /// At most so many, and at most [`ENTRIES_MAX`].
    pub limit: u32,
}

/// Whole entries by what they are about, for who plans a reversal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListEntries {
    /// Which.
    pub of: EntriesOf,
    /// Only those of that moment and after it, in milliseconds since 1970 by the databases' clocks.
    pub since_ms: i64,
    /// At most so many of each shard, and at most [`ENTRIES_MAX`].
    pub limit: u32,
}

/// What entries are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntriesOf {
    /// All that these operations did, at most [`OPERATIONS_MAX`].
    Operations(Vec<OperationId>),
    /// All that a character, a bank, a record or a guild got and gave, items and gold; of `Cash` the cash.
    Holder(GoldAccount),
    /// Everything of the cluster.
    All,
}

/// The most operations of one question.
pub const OPERATIONS_MAX: usize = 128;

/// An answer to [`ListEntries`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedEntries {
    /// By time, then by shard and number.
    pub entries: Vec<Entry>,
    /// True when there are more than asked for: the answer is of no use to who needs all.
    pub more: bool,
}

/// Where items lie and whose characters are, by their rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locate {
    /// Items, at most [`LOCATE_MAX`].
    pub items: Vec<ItemId>,
    /// Characters, at most [`LOCATE_MAX`].
    pub characters: Vec<CharacterId>,
}

/// The most items and the most characters of one question.
pub const LOCATE_MAX: usize = 1_000;

/// An answer to [`Locate`]; who is not there is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// Items that somebody has.
    pub items: Vec<LocatedItem>,
    /// Characters.
    pub characters: Vec<FoundCharacter>,
}

/// An item as its row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocatedItem {
    /// What it is.
    pub item: Item,
    /// By whose bucket it is found.
    pub home: AccountId,
    /// Where it lies.
    pub place: ItemPlace,
}

/// A character by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindCharacter {
    /// Folded name: [`crate::CharacterName::key`].
    pub key: String,
}

/// Who has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCharacter {
    /// Its account.
    pub account: AccountId,
    /// Its id.
    pub character: CharacterId,
    /// Its name as given.
    pub name: String,
}

/// Examines everything of some buckets at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckBuckets {
    /// The first bucket.
    pub first: u16,
    /// The last one, included.
    pub last: u16,
}

/// Examines a page of the names of the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckNames {
    /// Goes on after this name.
    pub after: Option<NameMark>,
    /// Names of this page.
    pub limit: u32,
}

/// A name as a place in the list of all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameMark {
    /// Of accounts or of characters, as stored.
    pub kind: i16,
    /// Folded.
    pub key: String,
}

/// Looks for items that are on several shards, a page of all items of the cluster at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckItems {
    /// Goes on after this item.
    pub after: Option<ItemId>,
    /// Items of this page and shard.
    pub limit: u32,
}

/// Sides of what went from bucket to bucket, by the ids of their operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCrossings {
    /// The first operation.
    pub first: OperationId,
    /// The last one, included.
    pub last: OperationId,
    /// True to be told, as of the same moment, the sum of what entries past the retention said about the class of the
    /// first operation.
    pub with_folded: bool,
}

/// The most sides of one answer, of each shard.
pub const CROSSINGS_MAX: u32 = 2_000;

/// What goes from bucket to bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Crossed {
    /// An item, as it is on its way.
    Item(ItemId, ItemKind, [Effect; 3]),
    /// So much gold.
    Gold(i64),
    /// So much cash.
    Cash(i64),
}

/// One side of something that went from bucket to bucket: an entry of the ledger in one of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// Which operation did it.
    pub operation: OperationId,
    /// What went.
    pub what: Crossed,
    /// From which bucket.
    pub from: u16,
    /// To which.
    pub to: u16,
    /// True for the entry in the bucket that it left, false for that where it arrived.
    pub is_departure: bool,
    /// When, by the clock of its database.
    pub at_ms: i64,
}

/// An answer to [`ListCrossings`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossings {
    /// The sides, in any order.
    pub sides: Vec<Crossing>,
    /// True when there are more than fit: ask for fewer operations.
    pub more: bool,
    /// Digests of departures less those of arrivals of which the entries are past the retention.
    pub folded: i128,
    /// Until when entries of some bucket are past the retention; `None` when none are.
    pub folded_until_ms: Option<i64>,
}

/// Looks for what transactions left behind in the databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDatabases;

/// Characters that are in a guild by their own row, by ascending id: a page over all shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListBelonging {
    /// Only those with a higher id; 0 begins.
    pub after: CharacterId,
    /// At most so many, and at most [`ENTRIES_MAX`].
    pub limit: u32,
}

/// A character and its guild, as its row says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Belonging {
    /// Which.
    pub character: CharacterId,
    /// Whose.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Guild and rank.
    pub place: Place,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrong {
    /// A row lies in a bucket or on a shard that is not its own, or has a name that is not its own.
    Row,
    /// An item shares its place, or lies in none that there is.
    Place,
    /// An item's owner is not there.
    Orphan,
    /// An item is not as the ledger says, or lives in one of the two only.
    Item,
    /// Gold or cash is not what the entries sum up to.
    Gold,
    /// An item is in two databases at once.
    Twice,
    /// Something left a bucket and arrived in none, or arrived without having left.
    Crossing,
    /// A record makes no sense.
    Record,
    /// An entry of the ledger does not follow from those before it.
    Ledger,
    /// A stored operation makes no sense, or an entry names one that was not done.
    Operation,
    /// A name without its row, or a row without its name.
    Name,
    /// A prepared transaction that nobody ended.
    Prepared,
    /// Somebody is a friend of, or was asked by, somebody whose own record does not say so.
    Friends,
    /// The records of a guild do not agree with each other, or with the rows of its members.
    Guild,
}

/// One thing that is wrong, with the ids that it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub wrong: Wrong,
    /// The item.
    pub item: Option<ItemId>,
    /// The character.
    pub character: Option<CharacterId>,
    /// The account.
    pub account: Option<AccountId>,
    /// The operation.
    pub operation: Option<OperationId>,
    /// The entry of the ledger.
    pub entry: Option<u64>,
    /// The guild.
    pub guild: Option<GuildId>,
    /// In a sentence.
    pub what: String,
}

impl Finding {
    /// A finding without ids.
    pub fn new(wrong: Wrong, what: String) -> Self {
        Self {
            wrong,
            item: None,
            character: None,
            account: None,
            operation: None,
            entry: None,
            guild: None,
            what,
        }
    }
}

/// What was looked at, and what was wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// What is wrong, at most [`FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// Further findings that are not listed.
    pub findings_left_out: u64,
    /// Accounts looked at.
    pub accounts: u64,
    /// Characters.
    pub characters: u64,
    /// Items.
    pub items: u64,
    /// Stored operations.
    pub operations: u64,
    /// Entries of the ledger.
    pub entries: u64,
    /// Items and purses known from entries that are past the retention.
    pub base: u64,
    /// Lots, parcels and what lies on the ground.
    pub records: u64,
    /// Gold that characters, banks, lots and so on hold.
    pub gold_held: i64,
    /// Gold that came from the world.
    pub gold_minted: i64,
    /// Gold that went to the world.
    pub gold_burned: i64,
    /// Cash that accounts hold.
    pub cash_held: i64,
    /// Cash that was bought or given.
    pub cash_minted: i64,
    /// Cash that was spent.
    pub cash_burned: i64,
    /// Digests of what left these buckets less those of what arrived, by the first byte of the operation: over
    /// all buckets at one moment each sum is zero. What is zero is not named.
    pub crossings: BTreeMap<u8, i128>,
}

/// What became of a page of items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedItems {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<ItemId>,
}

/// What became of a page of names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedNames {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Names looked at.
    pub names: u64,
    /// Where the next page begins; `None` after the last.
    pub next: Option<NameMark>,
}
