//! Calls of DBSrv: every operation of the store, one row each in [`for_each_operation`].
//!
//! The row gives the method of `trait Store`, its request type and its outcome. The trait, the wire enums,
//! the remote client and DBSrv's dispatcher are generated from the rows, so an operation is added by one
//! row here, one type below, and its SQL.
//!
//! A refusal is part of the outcome; a [`Failure`] says that the store could not say anything.

use crate::account::Account;
use crate::character::{Character, SoftMark, SoftState};
use crate::id::{AccountId, CharacterId, Epoch, Incarnation, OperationId};
use crate::membership::{ClusterView, Member, NamedZone, ProcessName, Slot};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use crate::calls::bank::Cargo;
pub use crate::calls::cluster::{ClusterReport, MakeWish, ReadCluster, WishGranted, WishRefusal};
pub use crate::calls::ledger::{
    Belonging, CheckBuckets, CheckDatabases, CheckItems, CheckNames, Checked, CheckedItems, CheckedNames,
    Crossings, FindCharacter, Finding, FoundCharacter, GuildLedger, ItemHistory, ListBelonging,
    ListCrossings, ListEntries, ListedEntries, Locate, Located, PlayerLedger,
};
pub use crate::calls::population::{HeldPopulations, KeepPopulation, ReadPopulations};
pub use crate::calls::progress::{ChangeProgress, ProgressThen, ReadProgress, StaleProgress};
pub use crate::calls::records::{GetRecord, HeldRecord, ListRecords, LoadGuildBank, ReadCash};
pub use crate::calls::repair::{RepairBucket, RepairNames, RepairStrays, Repaired};
pub use crate::calls::shards::{ChangeShards, ReadShards, ShardsChanged, ShardsRefusal, ShardsReport};
pub use crate::calls::weights::{Counts, KeepCosts};
pub use crate::ledger::Entry;
pub use crate::transfer::{Transfer, TransferRefusal, Transferred};

/// The store could not do it, or could not say whether it did. Safe to repeat: operations are idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Failure {
    /// The database, a shard or DBSrv does not answer.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// What is stored cannot be read, or breaks an invariant.
    #[error("the store holds something that cannot be right: {0}")]
    Corrupt(String),
}

/// What DBSrv says on its stream: who is a member, who owns what, or what the operator wishes may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterChanged;

/// Calls `$apply!` with one row per operation: `method(Request) -> Outcome`.
#[macro_export]
macro_rules! for_each_operation {
    ($apply:ident) => {
        $apply! {
            /// Creates an account; its name is unique whatever its case.
            create_account(CreateAccount) -> Result<(), NameTaken>;
            /// The account of a name, whatever its case.
            find_account(FindAccount) -> Option<Account>;
            /// The account of an id.
            get_account(GetAccount) -> Option<Account>;
            /// Changes what an account row says; false when there is no such account.
            change_account(ChangeAccount) -> bool;
            /// Creates a character with its items; the name is unique over all shards.
            create_character(CreateCharacter) -> Result<(), CreateCharacterRefusal>;
            /// Deletes a character and its items; frees its name.
            delete_character(DeleteCharacter) -> Result<(), NoSuchCharacter>;
            /// All characters of an account, by slot.
            list_characters(ListCharacters) -> Vec<Character>;
            /// Takes ownership of a character, raises its epoch and returns it: one statement.
            load_character(LoadCharacter) -> Result<LoadedCharacter, NoSuchCharacter>;
            /// Writes soft state behind; each entry changes nothing when its epoch is stale.
            save_characters(SaveCharacters) -> Vec<SaveOutcome>;
            /// Adds to or takes from the gold that a character carries.
            change_gold(ChangeGold) -> Result<i64, ChangeGoldRefusal>;
            /// What an account keeps in the bank; `None` when there is no such account.
            load_cargo(LoadCargo) -> Option<Cargo>;
            /// Moves, makes, changes and ends items and gold, on whatever shards their owners live.
            transfer(Transfer) -> Result<Transferred, TransferRefusal>;
            /// Records of a kind, with the items and the gold in them.
            list_records(ListRecords) -> Vec<HeldRecord>;
            /// One record.
            get_record(GetRecord) -> Option<HeldRecord>;
            /// What a guild keeps in its bank; empty when it never kept anything.
            load_guild_bank(LoadGuildBank) -> Cargo;
            /// The cash balance of an account; 0 when it never had any.
            read_cash(ReadCash) -> i64;
            /// Enters a process into the list of members, replacing an older run of the same name, or one whose lease has ended.
            join_member(JoinMember) -> Result<(), NewerRun>;
            /// Prolongs a lease; false when this run is no member any more and must join again.
            renew_member(RenewMember) -> bool;
            /// Takes a process out of the list of members.
            leave_member(LeaveMember) -> ();
            /// Live members and the slot table.
            cluster_view(ReadClusterView) -> ClusterView;
            /// Takes or prolongs the controller's lease; true when the caller holds it now.
            hold_controller(HoldController) -> bool;
            /// Replaces the slot table if nobody wrote since `expected_version`; the new version.
            write_slots(WriteSlots) -> Result<u64, SlotsChanged>;
            /// Who has a character name.
            find_character(FindCharacter) -> Option<FoundCharacter>;
            /// The life of one item.
            item_history(ItemHistory) -> Vec<Entry>;
            /// What a character got and gave.
            player_ledger(PlayerLedger) -> Vec<Entry>;
            /// What went into the bank of a guild and out of it.
            guild_ledger(GuildLedger) -> Vec<Entry>;
            /// Entries of operations, of a holder, or all since a moment.
            list_entries(ListEntries) -> ListedEntries;
            /// Where items lie, and whose characters are.
            locate(Locate) -> Located;
            /// Examines everything of some buckets at one moment.
            check_buckets(CheckBuckets) -> Checked;
            /// Examines a page of the names of the whole cluster.
            check_names(CheckNames) -> CheckedNames;
            /// Examines a page of all items of the cluster.
            check_items(CheckItems) -> CheckedItems;
            /// What went from bucket to bucket.
            list_crossings(ListCrossings) -> Crossings;
            /// A page of the characters that are in guilds.
            list_belonging(ListBelonging) -> Vec<Belonging>;
            /// Looks for what transactions left behind.
            check_databases(CheckDatabases) -> Vec<Finding>;
            /// Repairs one bucket, while nobody else is in it.
            repair_bucket(RepairBucket) -> Repaired;
            /// Ends rows of items that are not at home where they lie.
            repair_strays(RepairStrays) -> Repaired;
            /// Frees a page of names without rows.
            repair_names(RepairNames) -> Repaired;
            /// Shards, the map of buckets, and moves between shards.
            read_shards(ReadShards) -> ShardsReport;
            /// Orders a change of the shards.
            change_shards(ChangeShards) -> Result<ShardsChanged, ShardsRefusal>;
            /// Sets what a character has become, and keeps what it was.
            change_progress(ChangeProgress) -> Result<(), StaleProgress>;
            /// What a character had become at a time.
            read_progress(ReadProgress) -> ProgressThen;
            /// Members with their leases, the controller, the slot table and the operator's wishes.
            read_cluster(ReadCluster) -> ClusterReport;
            /// Enters a wish of the operator, judged by what holds at that moment.
            make_wish(MakeWish) -> Result<WishGranted, WishRefusal>;
            /// Keeps the creatures of a zone; false when those of a later epoch are kept.
            keep_population(KeepPopulation) -> bool;
            /// The creatures that are kept of zones.
            read_populations(ReadPopulations) -> HeldPopulations;
            /// Keeps what zones cost, in the place of what was kept before.
            keep_costs(KeepCosts) -> ();
        }
    };
}

/// The name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the name is taken")]
pub struct NameTaken;

/// There is no such character on that account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("there is no such character on that account")]
pub struct NoSuchCharacter;

/// A newer run of the process has a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("a newer run of it, {found}, has a lease")]
pub struct NewerRun {
    /// Which.
    pub found: Incarnation,
}

/// Somebody else wrote the slot table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the slot table has version {found} now")]
pub struct SlotsChanged {
    /// The version that is stored.
    pub found: u64,
}

/// Why a character was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CreateCharacterRefusal {
    /// Somebody has the name.
    #[error("the name is taken")]
    NameTaken,
    /// The slot holds a character.
    #[error("the slot holds a character already")]
    SlotTaken,
    /// There is no such account.
    #[error("there is no such account")]
    NoSuchAccount,
}

/// Why gold was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ChangeGoldRefusal {
    /// The caller does not own the character any more.
    #[error("another owner has the character")]
    Stale,
    /// Less than nothing would be left; nothing was changed.
    #[error("not enough gold")]
    NotEnough,
    /// More than a character may carry; nothing was changed.
    #[error("more gold than a character may carry")]
    TooMuch,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateAccount {
    /// Doing it twice returns the first outcome.
    pub operation: OperationId,
    /// The whole row; the caller made the id.
    pub account: Account,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindAccount {
    /// Folded name: [`crate::AccountName::key`].
    pub key: String,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetAccount {
    /// Which.
    pub account: AccountId,
}

/// One change of an account row; setting a value twice is the same as once. `Debug` hides the hashes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountChange {
    /// A new password hash.
    Password(String),
    /// A new PIN hash, or none.
    Pin(Option<String>),
    /// A reason, or `None` to unblock.
    Blocked(Option<String>),
    /// A reason why the player may move no item and no gold, or `None` to thaw.
    Frozen(Option<String>),
}

impl fmt::Debug for AccountChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(_) => f.write_str("Password(..)"),
            Self::Pin(hash) => f.write_str(if hash.is_some() { "Pin(..)" } else { "Pin(None)" }),
            Self::Blocked(reason) => f.debug_tuple("Blocked").field(reason).finish(),
            Self::Frozen(reason) => f.debug_tuple("Frozen").field(reason).finish(),
        }
    }
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeAccount {
    /// Which.
    pub account: AccountId,
    /// What.
    pub change: AccountChange,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateCharacter {
    /// Doing it twice returns the first outcome.
    pub operation: OperationId,
    /// The whole character; the caller made the ids.
    pub character: Character,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteCharacter {
    /// Doing it twice returns the first outcome.
    pub operation: OperationId,
    /// Whose.
    pub account: AccountId,
    /// Which slot.
    pub slot: u8,
    /// Folded name that must be in that slot.
    pub key: String,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCharacters {
    /// Whose.
    pub account: AccountId,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadCharacter {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// The node that takes it.
    pub owner: ProcessName,
}

/// A character and the epoch under which its new owner may write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadedCharacter {
    /// The character.
    pub character: Character,
    /// Every write must name it. Its soft states are counted anew, from 1.
    pub epoch: Epoch,
    /// Under which epoch and number the soft state was written.
    pub soft_from: SoftMark,
    /// The last owner that did not give the character up with a state of its own: it may have had a newer one.
    pub former_owner: Option<ProcessName>,
}

/// One write of soft state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaveCharacter {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// As loaded.
    pub epoch: Epoch,
    /// Which of the states of this owner it is, counted from 1 as they were taken from the world. One that is not newer
    /// than what is stored is not written, 0 never is; the ownership is given up all the same.
    pub number: u64,
    /// The state.
    pub soft: SoftState,
    /// True to give up ownership with this write.
    pub release: bool,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaveCharacters {
    /// Any number, of any accounts; written per shard in one transaction.
    pub saves: Vec<SaveCharacter>,
}

/// What came of one write, in the order of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaveOutcome {
    /// Written, or a newer state of the same owner is.
    Saved,
    /// Another owner has loaded it since, or it is deleted; nothing was changed.
    Stale,
    /// Its shard did not answer; try again.
    Unavailable,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeGold {
    /// Doing it twice returns the first outcome.
    pub operation: OperationId,
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// As loaded.
    pub epoch: Epoch,
    /// What to add; negative takes.
    pub delta: i64,
    /// Why, a short word for the ledger: `portal`.
    pub reason: String,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadCargo {
    /// Whose.
    pub account: AccountId,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinMember {
    /// Who.
    pub member: Member,
    /// Milliseconds until the lease ends unless renewed.
    pub lease_ms: u64,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewMember {
    /// Who.
    pub name: ProcessName,
    /// Which run.
    pub incarnation: Incarnation,
    /// Milliseconds until the lease ends unless renewed.
    pub lease_ms: u64,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveMember {
    /// Who.
    pub name: ProcessName,
    /// Which run; another run of the name stays.
    pub incarnation: Incarnation,
}

/// See [`for_each_operation`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadClusterView;

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldController {
    /// Who.
    pub name: ProcessName,
    /// Which run.
    pub incarnation: Incarnation,
    /// Milliseconds until the lease ends unless renewed.
    pub lease_ms: u64,
}

/// See [`for_each_operation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteSlots {
    /// The version that the writer read.
    pub expected_version: u64,
    /// Named zones of the content.
    pub named_zones: Vec<NamedZone>,
    /// The whole new table.
    pub slots: Vec<Slot>,
    /// What zones were counted as for it, when that is new.
    pub counts: Option<Counts>,
}

macro_rules! wire_enums {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        /// A call to DBSrv.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Request {
            $($(#[$doc])* $request($request),)*
        }

        impl Request {
            /// Name of the operation, for metrics and logs.
            pub fn operation(&self) -> &'static str {
                match self { $(Self::$request(_) => stringify!($method),)* }
            }
        }

        /// The answer of DBSrv: the variant of the request, with its outcome.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Reply {
            $($(#[$doc])* $request(Result<$outcome, Failure>),)*
        }
    };
}

for_each_operation!(wire_enums);
