//! The store in one SQLite file: the default, so that the first command works on a bare machine.
//!
//! All writes go through one thread that commits whatever is waiting in one transaction
//! ([`writer`]); reads run beside it on a few read-only connections ([`readers`]). Acknowledged means
//! durable: the write-ahead log is synced, by a thread of its own, before any outcome is given. Only leases, and who has which character with its soft
//! state, are synced with the next checkpoint, a second later.

mod accounts;
mod characters;
mod check;
mod checkpoints;
mod conservation;
mod instances;
mod ledger;
mod membership;
#[cfg(any(test, feature = "testing"))]
mod memory;
mod operations;
mod populations;
mod progress;
mod readers;
mod records;
mod repair;
mod retention;
mod shards;
mod transfers;
mod weights;
mod wishes;
mod writer;

use crate::Store;
use crate::error::{OpenError, migration_error};
use crate::rows::Fields;
use async_trait::async_trait;
use checkpoints::Checkpoints;
#[cfg(any(test, feature = "testing"))]
pub use memory::InMemory;
use model::Account;
use model::Character;
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
use model::membership::ClusterView;
use readers::Readers;
use refinery::error::Kind;
use rusqlite::{Connection, OpenFlags, Row, types::ValueRef};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::Duration;
use writer::{Passing, Writer};

#[allow(missing_docs)]
mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// How long a statement waits for another process that has the file.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Tries of opening a file that another program opens too, and the pause between them.
const OPEN_TRIES: usize = 50;
const OPEN_PAUSE: Duration = Duration::from_millis(20);

/// Milliseconds since 1970 by the database's clock.
macro_rules! now_ms {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}
use now_ms;

/// The store in one file.
pub struct Sqlite {
    passing: Passing, // goes before the writer
    writer: Writer,
    readers: Readers,
    _checkpoints: Checkpoints,
}

impl Sqlite {
    /// Opens the file, makes it when it is not there, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        create_private(path).map_err(|error| file_error(path, &error))?;
        let mut connection = connect(path).map_err(|error| file_error(path, &error))?;
        migrate(&mut connection, path)?;
        let readers = Readers::new(path).map_err(|error| file_error(path, &error))?;
        let checkpoints = Checkpoints::start(path).map_err(|error| file_error(path, &error))?;
        // the writer waits neither for checkpoints nor for the disk: another thread syncs what it has committed
        for (setting, value) in [("wal_autocheckpoint", "0"), ("synchronous", "NORMAL")] {
            let set = connection.pragma_update(None, setting, value);
            set.map_err(|error| file_error(path, &error))?;
        }
        let log = open_log(path).map_err(|error| file_error(path, &error))?;
        let sync = Box::new(move || log.sync_data());
        let writer = Writer::start(connection, sync).map_err(|error| file_error(path, &error))?;
        Ok(Self { passing: writer.passing(), writer, readers, _checkpoints: checkpoints })
    }
}

/// Brings the schema up to date. When another program does the same at the same moment one of the two fails;
/// it looks again and finds it done.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let runner = embedded::migrations::runner();
    let newest = runner.get_migrations().iter().map(|migration| migration.version()).max().unwrap_or(0);
    let in_the_way = |error: &refinery::Error| matches!(error.kind(), Kind::Connection(..));
    again(in_the_way, || runner.run(connection))
        .map(drop)
        .map_err(|error| migration_error(&path.display().to_string(), newest.into(), &error))
}

/// Tries for a while to do what another program may stand in the way of.
fn again<T, E>(in_the_way: impl Fn(&E) -> bool, mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let mut tries = 0;
    loop {
        match attempt() {
            Err(error) if tries < OPEN_TRIES && in_the_way(&error) => std::thread::sleep(OPEN_PAUSE),
            done => return done,
        }
        tries += 1;
    }
}

/// The file holds password hashes: nobody but its owner reads it.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// The write-ahead log. It stays the same file for as long as a connection is open; that it is there at all is on the disk as well.
fn open_log(path: &Path) -> std::io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let log = OpenOptions::new().read(true).write(true).open(Path::new(&name))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(log)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // switching to the write-ahead log does not wait for others by itself
    let busy = |error: &rusqlite::Error| error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy);
    again(busy, || connect_once(path))
}

fn connect_once(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(128);
    conservation::add_hash(&connection)?;
    Ok(connection)
}

fn file_error(path: &Path, reason: &dyn std::fmt::Display) -> OpenError {
    OpenError::File { path: path.display().to_string(), reason: reason.to_string() }
}

/// A [`Failure`] that SQLite's own errors turn into.
#[derive(Debug)]
struct Fault(Failure);

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let text = error.to_string();
        Self(match error.sqlite_error_code() {
            Some(
                Code::ConstraintViolation | Code::DatabaseCorrupt | Code::NotADatabase | Code::TypeMismatch,
            )
            | None => Failure::Corrupt(text),
            Some(_) => Failure::Unavailable(text),
        })
    }
}

impl Fields for Row<'_> {
    fn int(&self, index: usize) -> Result<i64, Failure> {
        self.get(index).map_err(|error| Failure::Corrupt(error.to_string()))
    }

    fn maybe_text(&self, index: usize) -> Result<Option<String>, Failure> {
        self.get(index).map_err(|error| Failure::Corrupt(error.to_string()))
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, Failure> {
        self.get(index).map_err(|error| Failure::Corrupt(error.to_string()))
    }

    fn id128(&self, index: usize) -> Result<u128, Failure> {
        match self.get_ref(index) {
            Ok(ValueRef::Blob(bytes)) if bytes.len() == 16 => {
                Ok(bytes.iter().fold(0, |id, byte| (id << 8) | u128::from(*byte)))
            }
            _ => Err(Failure::Corrupt(format!("column {index} is no 128-bit id"))),
        }
    }

    fn is_null(&self, index: usize) -> Result<bool, Failure> {
        let value = self.get_ref(index).map_err(|error| Failure::Corrupt(error.to_string()))?;
        Ok(matches!(value, ValueRef::Null))
    }
}

/// All rows of a query.
fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// The first row of a query.
fn first<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    let found = rows.next()?.map(&read).transpose()?;
    Ok(found)
}

/// Runs a statement; the number of rows that it changed.
fn change(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<usize, Fault> {
    Ok(connection.prepare_cached(sql)?.execute(parameters)?)
}

/// Every operation is one function over a connection; this table says which, and on which side it runs.
macro_rules! operations {
    ($($side:ident $method:ident($request:ident) -> $outcome:ty = $function:path;)*) => {
        #[async_trait]
        impl Store for Sqlite {
            $(async fn $method(&self, request: $request) -> Result<$outcome, Failure> {
                self.$side.run(move |connection| $function(connection, &request)).await
            })*
        }
    };
}

operations! {
    writer create_account(CreateAccount) -> Result<(), NameTaken> = accounts::create;
    readers find_account(FindAccount) -> Option<Account> = accounts::find;
    readers get_account(GetAccount) -> Option<Account> = accounts::get;
    writer change_account(ChangeAccount) -> bool = accounts::change_row;
    readers load_cargo(LoadCargo) -> Option<Cargo> = accounts::cargo;
    writer create_character(CreateCharacter) -> Result<(), CreateCharacterRefusal> = characters::create;
    writer delete_character(DeleteCharacter) -> Result<(), NoSuchCharacter> = characters::delete;
    readers list_characters(ListCharacters) -> Vec<Character> = characters::list;
    passing load_character(LoadCharacter) -> Result<LoadedCharacter, NoSuchCharacter> = characters::load;
    passing save_characters(SaveCharacters) -> Vec<SaveOutcome> = characters::save;
    writer change_gold(ChangeGold) -> Result<i64, ChangeGoldRefusal> = characters::change_gold;
    writer join_member(JoinMember) -> Result<(), NewerRun> = membership::join;
    passing renew_member(RenewMember) -> bool = membership::renew;
    writer leave_member(LeaveMember) -> () = membership::leave;
    readers cluster_view(ReadClusterView) -> ClusterView = membership::view;
    passing hold_controller(HoldController) -> bool = membership::hold_controller;
    writer write_slots(WriteSlots) -> Result<u64, SlotsChanged> = membership::write_slots;
    readers find_character(FindCharacter) -> Option<FoundCharacter> = characters::find;
    readers item_history(ItemHistory) -> Vec<Entry> = ledger::of_item;
    readers player_ledger(PlayerLedger) -> Vec<Entry> = ledger::of_character;
    readers guild_ledger(GuildLedger) -> Vec<Entry> = ledger::of_guild;
    readers list_entries(ListEntries) -> ListedEntries = ledger::list;
    readers locate(Locate) -> Located = ledger::locate;
    readers check_buckets(CheckBuckets) -> Checked = check::buckets;
    readers check_names(CheckNames) -> CheckedNames = check::names;
    readers check_items(CheckItems) -> CheckedItems = check::items;
    readers list_crossings(ListCrossings) -> Crossings = check::crossings;
    readers list_belonging(ListBelonging) -> Vec<Belonging> = check::belonging;
    readers check_databases(CheckDatabases) -> Vec<Finding> = check::databases;
    writer transfer(Transfer) -> Result<Transferred, TransferRefusal> = transfers::transfer;
    readers list_records(ListRecords) -> Vec<HeldRecord> = records::list;
    readers get_record(GetRecord) -> Option<HeldRecord> = records::get;
    readers load_guild_bank(LoadGuildBank) -> Cargo = records::guild_bank;
    readers read_cash(ReadCash) -> i64 = records::cash;
    writer repair_bucket(RepairBucket) -> Repaired = repair::bucket;
    readers repair_strays(RepairStrays) -> Repaired = repair::strays;
    readers repair_names(RepairNames) -> Repaired = repair::names;
    readers read_shards(ReadShards) -> ShardsReport = shards::read;
    writer change_progress(ChangeProgress) -> Result<(), StaleProgress> = progress::change_it;
    readers read_progress(ReadProgress) -> ProgressThen = progress::then;
    readers change_shards(ChangeShards) -> Result<ShardsChanged, ShardsRefusal> = shards::change;
    readers read_cluster(ReadCluster) -> ClusterReport = wishes::report;
    writer make_wish(MakeWish) -> Result<WishGranted, WishRefusal> = wishes::make;
    passing keep_population(KeepPopulation) -> bool = populations::keep;
    readers read_populations(ReadPopulations) -> HeldPopulations = populations::read;
    passing keep_costs(KeepCosts) -> () = weights::keep;
}
