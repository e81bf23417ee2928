//! `fsck` on everything of some buckets, read at one moment: whether the rows follow from the ledger.
//!
//! Pure: the databases only fill a [`Shelf`]. An account with all that belongs to it lies in one bucket, so a
//! bucket can be judged by itself.

use crate::codec;
use crate::ledger::{Line, OPENING, Spot, Subject, ledger_columns};
use crate::rows::Fields;
use model::calls::database::{
    ChangeGoldRefusal, Checked, CreateCharacterRefusal, Failure, Finding, NameTaken, NoSuchCharacter,
};
use model::calls::ledger::{FINDINGS_MAX, Wrong};
use model::id::{AccountId, CharacterId, ItemId, OperationId};
use std::collections::{BTreeMap, HashMap};

/// Statements that fill a shelf: the first bucket and the last one.
pub(crate) const ACCOUNTS: &str =
    "SELECT id, bucket, name, name_key, cargo_gold FROM accounts WHERE bucket BETWEEN $1 AND $2";
pub(crate) const CHARACTERS: &str =
    "SELECT id, bucket, name, name_key, gold, account FROM characters WHERE bucket BETWEEN $1 AND $2";
pub(crate) const ITEMS: &str = "SELECT id, bucket, kind, effects, place_kind, place_owner, place_slot \
     FROM items WHERE bucket BETWEEN $1 AND $2 ORDER BY id";
pub(crate) const OPERATIONS: &str =
    "SELECT operation, bucket, kind, outcome FROM operations WHERE bucket BETWEEN $1 AND $2";
pub(crate) const LINES: &str =
    concat!("SELECT ", ledger_columns!(), " FROM ledger WHERE bucket BETWEEN $1 AND $2 ORDER BY entry");

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
    id: u128,
    bucket: i64,
    kind: i64,
    effects: Vec<u8>,
    spot: Spot,
}

impl ItemRow {
    /// From [`ITEMS`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        let spot = Spot { kind: row.int(4)?, owner: row.int(5)?, slot: row.int(6)? };
        Ok(Self { id: row.id128(0)?, bucket: row.int(1)?, kind: row.int(2)?, effects: row.bytes(3)?, spot })
    }
}

/// A stored operation.
#[derive(Clone, Debug)]
pub(crate) struct OperationRow {
    id: u128,
    kind: String,
    outcome: Vec<u8>,
}

impl OperationRow {
    /// From [`OPERATIONS`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        Ok(Self { id: row.id128(0)?, kind: row.text(2)?, outcome: row.bytes(3)? })
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
            other => Err(Failure::Corrupt(format!("there is no operation {other:?}"))),
        }
    }
}

/// Everything of some buckets on one shard.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) accounts: Vec<Owner>,
    pub(crate) characters: Vec<Owner>,
    pub(crate) items: Vec<ItemRow>,
    pub(crate) operations: Vec<OperationRow>,
    /// By their numbers.
    pub(crate) lines: Vec<Line>,
}

/// Says what is wrong.
pub(crate) fn examine(shelf: &Shelf) -> Checked {
    let mut report = Checked {
        accounts: shelf.accounts.len() as u64,
        characters: shelf.characters.len() as u64,
        items: shelf.items.len() as u64,
        operations: shelf.operations.len() as u64,
        entries: shelf.lines.len() as u64,
        ..Checked::default()
    };
    examine_owners(shelf, &mut report);
    examine_places(shelf, &mut report);
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
}

fn examine_places(shelf: &Shelf, report: &mut Checked) {
    let buckets = |owners: &[Owner]| -> HashMap<i64, i64> {
        owners.iter().map(|owner| (owner.id, owner.bucket)).collect()
    };
    let (accounts, characters) = (buckets(&shelf.accounts), buckets(&shelf.characters));
    let mut taken: HashMap<Spot, u128> = HashMap::new();
    for item in &shelf.items {
        if let Some(other) = taken.insert(item.spot, item.id) {
            let what = format!("lies at {}, as item {other:032x} does", place(item.spot));
            find(report, about_item(item.id, Wrong::Place, what));
        }
        let owner = match item.spot.kind {
            1 | 2 => characters.get(&item.spot.owner),
            3 => accounts.get(&item.spot.owner),
            _ => {
                let what = format!("lies at {}, which is no place", place(item.spot));
                find(report, about_item(item.id, Wrong::Place, what));
                continue;
            }
        };
        if owner != Some(&item.bucket) {
            let what = format!("lies at {}, whose owner is not in bucket {}", place(item.spot), item.bucket);
            find(report, about_item(item.id, Wrong::Orphan, what));
        }
    }
}

fn examine_operations(shelf: &Shelf, report: &mut Checked) {
    let mut done: HashMap<u128, bool> = HashMap::new();
    for row in &shelf.operations {
        let was_done = row.was_done();
        if let Err(failure) = &was_done {
            let operation = Some(OperationId(row.id));
            let finding = Finding::new(Wrong::Operation, failure.to_string());
            find(report, Finding { operation, ..finding });
        }
        // one finding for what cannot be read, not one more for each of its entries
        done.insert(row.id, was_done.unwrap_or(true));
    }
    for line in &shelf.lines {
        let explained = match line.operation {
            Some(operation) => done.get(&operation) == Some(&true),
            None => line.reason == OPENING,
        };
        if !explained {
            let what = format!("entry of an operation that was not done, reason {:?}", line.reason);
            find(report, Finding { wrong: Wrong::Operation, ..about_line(line, what) });
        }
    }
}

/// What an item is, by the entries so far; `None` after its death.
type Life<'a> = Option<(i64, &'a [u8], Spot)>;
/// Kind of place and owner.
type Purse = (i64, i64);

/// Where the ledger leads.
#[derive(Default)]
struct Replayed<'a> {
    items: BTreeMap<u128, Life<'a>>,
    purses: BTreeMap<Purse, i64>,
}

impl<'a> Replayed<'a> {
    fn of(shelf: &'a Shelf, report: &mut Checked) -> Self {
        let mut replayed = Self::default();
        for line in &shelf.lines {
            let follows = match &line.subject {
                Subject::Item { item, kind, before, after } => {
                    let state = |side: &'a Option<(Vec<u8>, Spot)>| -> Life<'a> {
                        side.as_ref().map(|(effects, spot)| (*kind, effects.as_slice(), *spot))
                    };
                    let (expected, next) = (state(before), state(after));
                    let unborn = !replayed.items.contains_key(item);
                    let last = replayed.items.insert(*item, next).flatten();
                    // an id lives once: nothing follows a death
                    last == expected && (unborn || last.is_some())
                }
                Subject::Gold { amount, from, to } => replayed.pay(*amount, *from, *to, report),
            };
            if !follows {
                let what = "does not follow from the entries before it".to_owned();
                find(report, about_line(line, what));
            }
        }
        replayed
    }

    /// True when both balances are what the entries before lead to.
    fn pay(
        &mut self,
        amount: i64,
        from: Option<(Spot, i64)>,
        to: Option<(Spot, i64)>,
        report: &mut Checked,
    ) -> bool {
        let mut follows = amount > 0;
        match from {
            Some((spot, balance)) => {
                let purse = self.purses.entry((spot.kind, spot.owner)).or_default();
                *purse = purse.saturating_sub(amount);
                follows &= *purse == balance;
            }
            None => report.gold_minted = report.gold_minted.saturating_add(amount),
        }
        match to {
            Some((spot, balance)) => {
                let purse = self.purses.entry((spot.kind, spot.owner)).or_default();
                *purse = purse.saturating_add(amount);
                follows &= *purse == balance;
            }
            None => report.gold_burned = report.gold_burned.saturating_add(amount),
        }
        follows
    }

    fn compare_items(&self, shelf: &Shelf, report: &mut Checked) {
        let mut there = self.items.clone();
        for item in &shelf.items {
            let what = match there.remove(&item.id).flatten() {
                Some((kind, effects, spot))
                    if kind == item.kind && effects == item.effects && spot == item.spot =>
                {
                    continue;
                }
                Some((kind, _, spot)) if kind == item.kind && spot == item.spot => {
                    "its effects are not those of the ledger".to_owned()
                }
                Some((kind, _, spot)) => format!(
                    "is kind {} at {}; by the ledger kind {kind} at {}",
                    item.kind,
                    place(item.spot),
                    place(spot)
                ),
                None => format!("is at {}; by the ledger it does not live", place(item.spot)),
            };
            find(report, about_item(item.id, Wrong::Item, what));
        }
        for (item, life) in there {
            let Some((_, _, spot)) = life else { continue };
            let what = format!("is not there; by the ledger it is at {}", place(spot));
            find(report, about_item(item, Wrong::Item, what));
        }
    }

    /// Each purse is what its entries sum up to; then all gold is what was minted less what was burned.
    fn compare_gold(mut self, shelf: &Shelf, report: &mut Checked) {
        let banks = shelf.accounts.iter().map(|owner| (3, owner));
        for (kind, owner) in banks.chain(shelf.characters.iter().map(|owner| (2, owner))) {
            report.gold_held = report.gold_held.saturating_add(owner.gold);
            let sum = self.purses.remove(&(kind, owner.id)).unwrap_or_default();
            if sum != owner.gold {
                let what = format!("{} has {} gold; by the ledger {sum}", owner.name, owner.gold);
                find(report, owner.finding(Wrong::Gold, what));
            }
        }
        for (purse, sum) in self.purses {
            if sum != 0 {
                let what = format!("is not there; by the ledger it has {sum} gold");
                find(report, about_purse(purse, Wrong::Gold, what));
            }
        }
        let left = report.gold_minted.saturating_sub(report.gold_burned);
        if report.gold_held != left {
            let what = format!("{} gold is there; minted less burned is {left}", report.gold_held);
            find(report, Finding::new(Wrong::Gold, what));
        }
    }
}

fn about_purse((kind, owner): Purse, wrong: Wrong, what: String) -> Finding {
    match kind {
        3 => about_account(owner, wrong, what),
        _ => Finding { character: Some(CharacterId(owner as u64)), ..Finding::new(wrong, what) },
    }
}

/// A place in words, whatever is stored.
fn place(spot: Spot) -> String {
    let (slot, owner) = (spot.slot, spot.owner);
    match spot.kind {
        1 => format!("equip {slot} of character {owner:x}"),
        2 => format!("carry {slot} of character {owner:x}"),
        3 => format!("cargo {slot} of account {owner:x}"),
        other => format!("kind {other}, slot {slot} of {owner:x}"),
    }
}
