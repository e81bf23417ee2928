//! The store on PostgreSQL: 1..n shards that hold the accounts, and a metadata database that holds what is
//! about all of them.
//!
//! An account with everything that belongs to it lives on one shard, found by the stored bucket map, so
//! that nearly everything is one local transaction. Buckets [`moves`] between shards while all this goes on; each
//! shard knows which are at home there ([`homes`]). What spans databases, the unique names, goes by the
//! protocol in [`names`]. A dead shard makes its own accounts unavailable and nothing else.

mod accounts;
mod around;
mod atlas;
mod belonging;
mod changes;
mod characters;
mod check;
mod check_items;
mod conservation;
mod database;
mod decisions;
mod fault;
mod homes;
mod instances;
mod ledger;
mod membership;
mod moves;
mod names;
mod open;
mod operations;
mod options;
mod populations;
mod preparation;
mod progress;
mod records;
mod recovery;
mod repair;
mod retention;
mod saves;
mod shard;
mod transfers;
mod values;
mod weights;
mod wishes;

pub use options::{Dsn, PostgresOptions};

use crate::Store;
use crate::two_phase::Steps;
use async_trait::async_trait;
use atlas::Atlas;
use database::Database;
use model::calls::database::{
    Belonging, Cargo, ChangeAccount, ChangeGold, ChangeGoldRefusal, ChangeProgress, ChangeShards,
    CheckBuckets, CheckDatabases, CheckItems, CheckNames, Checked, CheckedItems, CheckedNames, ClusterReport,
    CreateAccount, CreateCharacter, CreateCharacterRefusal, Crossings, DeleteCharacter, Entry, Failure,
    FindAccount, FindCharacter, Finding, FoundCharacter, GetAccount, GetRecord, GuildLedger, HeldPopulations,
    HeldRecord, HoldController, ItemHistory, JoinMember, KeepCosts, KeepPopulation, LeaveMember,
    ListBelonging, ListCharacters, ListCrossings, ListEntries, ListRecords, ListedEntries, LoadCargo,
    LoadCharacter, LoadGuildBank, LoadedCharacter, Locate, Located, MakeWish, NameTaken, NewerRun,
    NoSuchCharacter, PlayerLedger, ProgressThen, ReadCash, ReadCluster, ReadClusterView, ReadPopulations,
    ReadProgress, ReadShards, RenewMember, RepairBucket, RepairNames, RepairStrays, Repaired, SaveCharacters,
    SaveOutcome, ShardsChanged, ShardsRefusal, ShardsReport, SlotsChanged, StaleProgress, Transfer,
    TransferRefusal, Transferred, WishGranted, WishRefusal, WriteSlots,
};
use model::membership::{ClusterView, SlotTable};
use model::{Account, Character};
use parking_lot::Mutex;
use std::sync::Arc;

/// The store on PostgreSQL.
pub struct Postgres {
    metadata: Database,
    cluster: u128,
    /// The map as last read, and its shards.
    atlas: Mutex<Arc<Atlas>>,
    /// Held while the map is read.
    refreshing: tokio::sync::Mutex<()>,
    options: PostgresOptions,
    reservation_ms: i64,
    /// Watches what happens on several shards.
    steps: Arc<dyn Steps>,
    /// The slot table as last read: it is asked for several times a second and hardly ever changes.
    table: Mutex<Arc<SlotTable>>,
    probe: moves::Probe,
}

impl Postgres {
    /// Somebody watches the steps of its two-phase commits, and may let it die at one: for tests.
    #[must_use]
    pub fn watched_by(mut self, steps: Arc<dyn Steps>) -> Self {
        self.steps = steps;
        self
    }
}

/// Every operation is a method of its own file; this table says where it goes.
macro_rules! operations {
    ($($method:ident($request:ident) -> $outcome:ty = $inner:ident;)*) => {
        #[async_trait]
        impl Store for Postgres {
            $(async fn $method(&self, request: $request) -> Result<$outcome, Failure> {
                self.$inner(&request).await
            })*
        }
    };
}

operations! {
    create_account(CreateAccount) -> Result<(), NameTaken> = register;
    find_account(FindAccount) -> Option<Account> = account_by_name;
    get_account(GetAccount) -> Option<Account> = account_by_id;
    change_account(ChangeAccount) -> bool = alter_account;
    load_cargo(LoadCargo) -> Option<Cargo> = cargo;
    create_character(CreateCharacter) -> Result<(), CreateCharacterRefusal> = bear;
    delete_character(DeleteCharacter) -> Result<(), NoSuchCharacter> = bury;
    list_characters(ListCharacters) -> Vec<Character> = characters_of;
    load_character(LoadCharacter) -> Result<LoadedCharacter, NoSuchCharacter> = take;
    save_characters(SaveCharacters) -> Vec<SaveOutcome> = save;
    change_gold(ChangeGold) -> Result<i64, ChangeGoldRefusal> = alter_gold;
    join_member(JoinMember) -> Result<(), NewerRun> = join;
    renew_member(RenewMember) -> bool = renew;
    leave_member(LeaveMember) -> () = leave;
    cluster_view(ReadClusterView) -> ClusterView = view;
    hold_controller(HoldController) -> bool = control;
    write_slots(WriteSlots) -> Result<u64, SlotsChanged> = replace_slots;
    find_character(FindCharacter) -> Option<FoundCharacter> = character_by_name;
    item_history(ItemHistory) -> Vec<Entry> = life_of;
    player_ledger(PlayerLedger) -> Vec<Entry> = entries_of;
    guild_ledger(GuildLedger) -> Vec<Entry> = entries_of_guild;
    list_entries(ListEntries) -> ListedEntries = entries_by;
    locate(Locate) -> Located = whereabouts;
    check_buckets(CheckBuckets) -> Checked = examine_buckets;
    check_names(CheckNames) -> CheckedNames = examine_names;
    check_items(CheckItems) -> CheckedItems = examine_items;
    list_crossings(ListCrossings) -> Crossings = crossings_of;
    list_belonging(ListBelonging) -> Vec<Belonging> = belonging_after;
    check_databases(CheckDatabases) -> Vec<Finding> = left_behind;
    transfer(Transfer) -> Result<Transferred, TransferRefusal> = do_transfer;
    list_records(ListRecords) -> Vec<HeldRecord> = do_list_records;
    get_record(GetRecord) -> Option<HeldRecord> = do_get_record;
    load_guild_bank(LoadGuildBank) -> Cargo = do_load_guild_bank;
    read_cash(ReadCash) -> i64 = do_read_cash;
    repair_bucket(RepairBucket) -> Repaired = mend_bucket;
    repair_strays(RepairStrays) -> Repaired = mend_strays;
    repair_names(RepairNames) -> Repaired = mend_names;
    read_shards(ReadShards) -> ShardsReport = report_shards;
    change_progress(ChangeProgress) -> Result<(), StaleProgress> = alter_progress;
    read_progress(ReadProgress) -> ProgressThen = progress_then;
    change_shards(ChangeShards) -> Result<ShardsChanged, ShardsRefusal> = order;
    read_cluster(ReadCluster) -> ClusterReport = report_cluster;
    make_wish(MakeWish) -> Result<WishGranted, WishRefusal> = wish;
    keep_population(KeepPopulation) -> bool = keep_creatures;
    read_populations(ReadPopulations) -> HeldPopulations = kept_creatures;
    keep_costs(KeepCosts) -> () = keep;
}
