//! `fsck` on everything of some buckets, read at one moment: whether the rows follow from the ledger.
//!
//! Pure: the databases only fill a [`Shelf`]. An account with all that belongs to it lies in one bucket, and what
//! goes to another bucket leaves an entry in both, so a bucket can be judged by itself; whether all that left
//! arrived is seen over all buckets ([`crossings`]). Entries that are past the retention are known by what they led to
//! ([`base`]).

pub(crate) mod around;
pub(crate) mod base;
pub(crate) mod crossings;
mod judge;
pub(crate) mod repair;
mod replay;

pub(crate) use judge::judge;
pub use judge::{Differences, Judged};

use crate::codec;
use crate::ledger::{CASH, ELSEWHERE, Line, OPENING, Spot, Subject, ledger_columns, within_retention};
use crate::rows::{Fields, progress_columns};
use crate::transfer::{KIND, PART_KIND};
use base::{Horizon, SumRow};
use model::calls::database::{
    ChangeGoldRefusal, Checked, CreateCharacterRefusal, Failure, Finding, NameTaken, NoSuchCharacter,
    StaleProgress, TransferRefusal, Transferred,
};
use model::calls::ledger::{FINDINGS_MAX, Wrong};
use model::id::{AccountId, CharacterId, ItemId, OperationId};
use replay::Replayed;
use std::collections::{HashMap, HashSet};

/// Operations of this kind are repairs.
pub(crate) const REPAIR_KIND: &str = "repair";

/// Statements that fill a shelf: the first bucket and the last one.
pub(crate) const ACCOUNTS: &str =
    "SELECT id, bucket, name, name_key, cargo_gold FROM accounts WHERE bucket BETWEEN $1 AND $2";
pub(crate) const CHARACTERS: &str =
    "SELECT id, bucket, name, name_key, gold, account FROM characters WHERE bucket BETWEEN $1 AND $2";
/// Characters that are not as the newest row of their history says, or have none.
pub(crate) const STRANGERS: &str = concat!(
    "SELECT id FROM characters WHERE bucket BETWEEN $1 AND $2 AND NOT EXISTS (SELECT ",
    progress_columns!(),
    " FROM character_states WHERE character = characters.id AND since_ms = (SELECT max(newest.since_ms) \
     FROM character_states AS newest WHERE newest.character = characters.id) INTERSECT SELECT ",
    progress_columns!(),
    " FROM characters AS own WHERE own.id = characters.id)"
);
pub(crate) const ITEMS: &str = "SELECT id, bucket, kind, effects, place_kind, place_owner, place_slot \
     FROM items WHERE bucket BETWEEN $1 AND $2 ORDER BY id";
pub(crate) const OPERATIONS: &str =
    "SELECT operation, bucket, kind, outcome FROM operations WHERE bucket BETWEEN $1 AND $2";
pub(crate) const PURSES: &str =
    "SELECT kind, owner, bucket, balance FROM purses WHERE bucket BETWEEN $1 AND $2";
pub(crate) const RECORDS: &str = "SELECT kind, id, bucket, home FROM records WHERE bucket BETWEEN $1 AND $2";
pub(crate) const LINES: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM ledger WHERE bucket BETWEEN $1 AND $2 AND ",
    within_retention!(),
    " ORDER BY entry"
);

/// An account or a character.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) id: i64,
    pub(crate) bucket: i64,
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) gold: i64,
    /// Of a character.
    pub(crate) account: Option<i64>,
}

impl Owner {
    /// From [`ACCOUNTS`].
    pub(crate) fn account(row: &impl Fields) -> Result<Self, Failure> {
        let (id, bucket, name, key) = (row.int(0)?, row.int(1)?, row.text(2)?, row.text(3)?);
        Ok(Self { id, bucket, name, key, gold: row.int(4)?, account: None })
    }

    /// From [`CHARACTERS`].
    pub(crate) fn character(row: &impl Fields) -> Result<Self, Failure> {
        Ok(Self { account: Some(row.int(5)?), ..Self::account(row)? })
    }

    /// A finding about it.
    pub(crate) fn finding(&self, wrong: Wrong, what: String) -> Finding {
        match self.account {
            None => about_account(self.id, wrong, what),
            Some(account) => {
                let character = Some(CharacterId(self.id as u64));
                Finding { character, ..about_account(account, wrong, what) }
            }
        }
    }
}

/// An item as its row says.
#[derive(Clone, Debug)]
pub(crate) struct ItemRow {
    pub(crate) id: u128,
    pub(crate) bucket: i64,
    pub(crate) kind: i64,
    pub(crate) effects: Vec<u8>,
    pub(crate) spot: Spot,
}

impl ItemRow {
    /// From [`ITEMS`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        let spot = Spot { kind: row.int(4)?, owner: row.int(5)?, slot: row.int(6)? };
        Ok(Self { id: row.id128(0)?, bucket: row.int(1)?, kind: row.int(2)?, effects: row.bytes(3)?, spot })
    }
}

/// Gold that neither a character nor a bank has, or cash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PurseRow {
    pub(crate) kind: i64,
    pub(crate) owner: i64,
    pub(crate) bucket: i64,
    pub(crate) balance: i64,
}

impl PurseRow {
    /// From [`PURSES`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        Ok(Self { kind: row.int(0)?, owner: row.int(1)?, bucket: row.int(2)?, balance: row.int(3)? })
    }
}

/// A lot, a parcel or something on the ground.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordRow {
    kind: i64,
    id: i64,
    bucket: i64,
    home: i64,
}

impl RecordRow {
    /// From [`RECORDS`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        Ok(Self { kind: row.int(0)?, id: row.int(1)?, bucket: row.int(2)?, home: row.int(3)? })
    }
}

/// A stored operation.
#[derive(Clone, Debug)]
pub(crate) struct OperationRow {
    id: u128,
    bucket: i64,
    kind: String,
    outcome: Vec<u8>,
}

impl OperationRow {
    /// From [`OPERATIONS`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        Ok(Self { id: row.id128(0)?, bucket: row.int(1)?, kind: row.text(2)?, outcome: row.bytes(3)? })
    }

    /// True when it did something, false when it was refused.
    fn was_done(&self) -> Result<bool, Failure> {
        let outcome = &self.outcome;
        match self.kind.as_str() {
            "create_account" => Ok(codec::decode_outcome::<Result<(), NameTaken>>(outcome)?.is_ok()),
            "create_character" => {
                Ok(codec::decode_outcome::<Result<(), CreateCharacterRefusal>>(outcome)?.is_ok())
            }
            "delete_character" => Ok(codec::decode_outcome::<Result<(), NoSuchCharacter>>(outcome)?.is_ok()),
            "change_gold" => Ok(codec::decode_outcome::<Result<i64, ChangeGoldRefusal>>(outcome)?.is_ok()),
            "change_progress" => Ok(codec::decode_outcome::<Result<(), StaleProgress>>(outcome)?.is_ok()),
            KIND => Ok(codec::decode_outcome::<Result<Transferred, TransferRefusal>>(outcome)?.is_ok()),
            // what was repaired, in sentences; it also stands for an operation whose own row is lost
            REPAIR_KIND => codec::decode_outcome::<Vec<String>>(outcome).map(|_| true),
            // it is written only when it is done
            PART_KIND => codec::decode_outcome::<AccountId>(outcome).map(|_| true),
            other => Err(Failure::Corrupt(format!("there is no operation {other:?}"))),
        }
    }
}

/// What entries past the retention led to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Base {
    pub(crate) horizons: Vec<Horizon>,
    pub(crate) items: Vec<ItemRow>,
    pub(crate) purses: Vec<PurseRow>,
    pub(crate) sums: Vec<SumRow>,
}

/// Everything of some buckets on one shard.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) accounts: Vec<Owner>,
    pub(crate) characters: Vec<Owner>,
    /// From [`STRANGERS`].
    pub(crate) strangers: Vec<i64>,
    pub(crate) items: Vec<ItemRow>,
    pub(crate) purses: Vec<PurseRow>,
    pub(crate) records: Vec<RecordRow>,
    pub(crate) operations: Vec<OperationRow>,
    pub(crate) base: Base,
    /// By their numbers.
    pub(crate) lines: Vec<Line>,
}

/// Says what is wrong.
pub(crate) fn examine(shelf: &Shelf) -> Checked {
    let mut report = Checked {
        accounts: shelf.accounts.len() as u64,
        characters: shelf.characters.len() as u64,
        items: shelf.items.len() as u64,
        records: shelf.records.len() as u64,
        operations: shelf.operations.len() as u64,
        entries: shelf.lines.len() as u64,
        base: (shelf.base.items.len() + shelf.base.purses.len()) as u64,
        ..Checked::default()
    };
    examine_owners(shelf, &mut report);
    examine_places(shelf, &mut report);
    examine_records(shelf, &mut report);
    examine_operations(shelf, &mut report);
    let replayed = Replayed::of(shelf, &mut report);
    replayed.compare_items(shelf, &mut report);
    replayed.compare_gold(shelf, &mut report);
    report
}

/// Adds a finding; more than an answer holds are only counted.
pub(crate) fn find(report: &mut Checked, finding: Finding) {
    if report.findings.len() < FINDINGS_MAX {
        report.findings.push(finding);
    } else {
        report.findings_left_out += 1;
    }
}

fn about_account(account: i64, wrong: Wrong, what: String) -> Finding {
    Finding { account: Some(AccountId(account as u64)), ..Finding::new(wrong, what) }
}

fn about_item(item: u128, wrong: Wrong, what: String) -> Finding {
    Finding { item: Some(ItemId(item)), ..Finding::new(wrong, what) }
}

fn about_line(line: &Line, what: String) -> Finding {
    let finding = match &line.subject {
        Subject::Item { item, .. } => about_item(*item, Wrong::Ledger, what),
        Subject::Gold { from, to, .. } => match from.or(*to) {
            Some((spot, _)) => about_purse((spot.kind, spot.owner), Wrong::Ledger, what),
            None => Finding::new(Wrong::Ledger, what),
        },
    };
    let operation = line.operation.map(OperationId);
    Finding { entry: Some(line.entry as u64), operation, ..finding }
}

fn examine_owners(shelf: &Shelf, report: &mut Checked) {
    let accounts: HashMap<i64, i64> = shelf.accounts.iter().map(|row| (row.id, row.bucket)).collect();
    for owner in shelf.accounts.iter().chain(&shelf.characters) {
        let account = owner.account.unwrap_or(owner.id);
        let bucket = i64::from(placement::bucket_of(AccountId(account as u64)));
        if owner.bucket != bucket {
            let what = format!("{} lies in bucket {}, not {bucket}", owner.name, owner.bucket);
            find(report, owner.finding(Wrong::Row, what));
        }
        if owner.key != owner.name.to_ascii_lowercase() {
            let what = format!("{} is stored under the name {}", owner.name, owner.key);
            find(report, owner.finding(Wrong::Row, what));
        }
        if owner.account.is_some() && !accounts.contains_key(&account) {
            let what = format!("the account of {} is not there", owner.name);
            find(report, owner.finding(Wrong::Orphan, what));
        }
    }
    for owner in shelf.characters.iter().filter(|owner| shelf.strangers.contains(&owner.id)) {
        let what =
            format!("the level, attributes, skills or guild of {} are not as its history says", owner.name);
        find(report, owner.finding(Wrong::Row, what));
    }
}

/// Who may hold something, and in which bucket it lies then.
struct Owners {
    accounts: HashMap<i64, i64>,
    characters: HashMap<i64, i64>,
    records: HashMap<(i64, i64), i64>,
}

impl Owners {
    fn of(shelf: &Shelf) -> Self {
        let buckets = |owners: &[Owner]| owners.iter().map(|owner| (owner.id, owner.bucket)).collect();
        Self {
            accounts: buckets(&shelf.accounts),
            characters: buckets(&shelf.characters),
            records: shelf.records.iter().map(|row| ((row.kind, row.id), row.bucket)).collect(),
        }
    }

    /// The bucket of what a place belongs to; `None` when that is not there.
    fn bucket(&self, kind: i64, owner: i64) -> Option<i64> {
        match kind {
            1 | 2 => self.characters.get(&owner).copied(),
            3 | CASH => self.accounts.get(&owner).copied(),
            4..=6 => self.records.get(&(kind, owner)).copied(),
            // a guild needs no row of its own
            7 => Some(placement::bucket_of(AccountId(owner as u64)).into()),
            _ => None,
        }
    }
}

fn examine_places(shelf: &Shelf, report: &mut Checked) {
    let owners = Owners::of(shelf);
    let mut taken: HashMap<Spot, u128> = HashMap::new();
    for item in &shelf.items {
        if let Some(other) = taken.insert(item.spot, item.id) {
            let what = format!("lies at {}, as item {other:032x} does", place(item.spot));
            find(report, about_item(item.id, Wrong::Place, what));
        }
        if !(1..=7).contains(&item.spot.kind) {
            let what = format!("lies at {}, which is no place", place(item.spot));
            find(report, about_item(item.id, Wrong::Place, what));
        } else if owners.bucket(item.spot.kind, item.spot.owner) != Some(item.bucket) {
            let what = format!("lies at {}, whose owner is not in bucket {}", place(item.spot), item.bucket);
            find(report, about_item(item.id, Wrong::Orphan, what));
        }
    }
    for purse in &shelf.purses {
        if owners.bucket(purse.kind, purse.owner) != Some(purse.bucket) {
            let name = holder(purse.kind, purse.owner);
            let what = format!("{} gold of {name}, which is not in bucket {}", purse.balance, purse.bucket);
            find(report, about_purse((purse.kind, purse.owner), Wrong::Orphan, what));
        }
    }
}

fn examine_records(shelf: &Shelf, report: &mut Checked) {
    let spot = |item: &ItemRow| (item.spot.kind, item.spot.owner);
    let held: HashSet<(i64, i64)> = shelf.items.iter().map(spot).collect();
    for record in &shelf.records {
        let name = holder(record.kind, record.id);
        if i64::from(placement::bucket_of(AccountId(record.home as u64))) != record.bucket {
            let what = format!("{name} lies in bucket {}, which is not its own", record.bucket);
            find(report, about_account(record.home, Wrong::Row, what));
        }
        if record.kind == 6 && !held.contains(&(record.kind, record.id)) {
            find(report, about_account(record.home, Wrong::Record, format!("nothing lies on {name}")));
        }
    }
}

fn examine_operations(shelf: &Shelf, report: &mut Checked) {
    let mut done: HashMap<(u128, i64), bool> = HashMap::new();
    for row in &shelf.operations {
        let was_done = row.was_done();
        if let Err(failure) = &was_done {
            let operation = Some(OperationId(row.id));
            let finding = Finding::new(Wrong::Operation, failure.to_string());
            find(report, Finding { operation, ..finding });
        }
        // one finding for what cannot be read, not one more for each of its entries
        done.insert((row.id, row.bucket), was_done.unwrap_or(true));
    }
    for line in &shelf.lines {
        let explained = match line.operation {
            Some(operation) => done.get(&(operation, line.bucket)) == Some(&true),
            None => line.reason == OPENING,
        };
        if !explained {
            let what = format!("entry of an operation that was not done, reason {:?}", line.reason);
            find(report, Finding { wrong: Wrong::Operation, ..about_line(line, what) });
        }
    }
}

fn about_purse((kind, owner): (i64, i64), wrong: Wrong, what: String) -> Finding {
    match kind {
        2 => Finding { character: Some(CharacterId(owner as u64)), ..Finding::new(wrong, what) },
        3 | CASH => about_account(owner, wrong, what),
        _ => Finding::new(wrong, what),
    }
}

/// A place in words, whatever is stored.
fn place(spot: Spot) -> String {
    match spot.kind {
        1 => format!("equip {} of character {:x}", spot.slot, spot.owner),
        kind => format!("{} of {}", spot.slot, holder(kind, spot.owner)),
    }
}

/// Who holds items or gold, in words.
pub(crate) fn holder(kind: i64, owner: i64) -> String {
    let name = match kind {
        1 => "equipment of character",
        2 => "inventory of character",
        3 => "cargo of account",
        4 => "lot",
        5 => "parcel",
        6 => "ground",
        7 => "bank of guild",
        ELSEWHERE => "the bucket of account",
        CASH => "cash of account",
        10 => "amendment",
        11 => "guild",
        12 => "name of a guild",
        13 => "membership of character",
        14 => "friends of character",
        other => return format!("kind {other} of {owner:x}"),
    };
    format!("{name} {owner:x}")
}
