//! What to do about what is wrong in a bucket, planned from the same shelf that was examined.
//!
//! Nothing is destroyed. What the ledger says wins where it can be, since each change of the game wrote its entry with
//! the row; an item that the ledger does not know is adopted, one that is missing is put back, and of gold the row
//! counts, with an entry that explains the difference. Entries are only added. What may be in another bucket is put
//! back, adopted or ended only when it is known what that one has.

use super::around::{Around, Elsewhere};
use super::replay::{Life, Replayed};
use super::{ItemRow, Owners, Shelf, holder, place};
use crate::amend::REPAIR;
use crate::derive;
use crate::ledger::{CASH, OPENING, Spot, Subject, Written, WrittenSide};
use model::calls::database::{Checked, RepairBucket};
use model::calls::ledger::Crossed;
use model::calls::repair::MissingSide;
use model::id::{AccountId, ItemId, OperationId};
use model::item::GOLD_MAX;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Slots of a bank that every client has.
const BANK_SLOTS: i64 = 120;

/// One row to write.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// An item that was not there.
    Insert(ItemRow),
    /// An item that is there, under its id.
    Update(ItemRow),
    /// An item that is elsewhere.
    Delete(u128),
    /// An item gets another id.
    Rename(u128, u128),
    /// The gold in the bank of an account.
    Bank(i64, i64),
    /// What a purse holds: kind, owner, balance.
    Purse(i64, i64, i64),
    /// A record ends: kind, number.
    EndRecord(i64, i64),
    /// A record lies in another bucket: kind, number, bucket.
    RecordBucket(i64, i64, i64),
    /// A character's things changed: copies of it are stale.
    Stale(i64),
    /// An operation of which entries are there has lost its own row, or its row cannot be read.
    Operation(u128),
    /// An entry; of another operation than the repair, where that is what it lacks.
    Line(Option<u128>, Written),
}

/// One repair.
#[derive(Clone, Debug)]
pub(crate) struct Fix {
    pub(crate) told: String,
    pub(crate) writes: Vec<Write>,
}

/// What to do; of an item that `around` does not know nothing is said that another bucket could contradict.
pub(crate) fn plan(shelf: &Shelf, order: &RepairBucket, around: &Around) -> Vec<Fix> {
    let Replayed { items, purses, .. } = Replayed::of(shelf, &mut Checked::default());
    let bucket = i64::from(order.bucket);
    let mut mender = Mender {
        shelf,
        order,
        around,
        lives: items
            .into_iter()
            .filter(|((of, _), _)| *of == bucket)
            .map(|((_, id), life)| (id, life))
            .collect(),
        sums: purses.into_iter().map(|((_, kind, owner), sum)| ((kind, owner), sum)).collect(),
        owners: Owners::of(shelf),
        taken: shelf.items.iter().map(|item| (item.spot, item.id)).collect(),
        banks: shelf.accounts.iter().map(|owner| (owner.id, owner.gold)).collect(),
        fixes: Vec::new(),
    };
    mender.misplaced_records();
    if !order.rows_only {
        mender.operations();
        mender.missing_items();
        mender.items();
        mender.gold();
        mender.empty_ground();
    }
    mender.fixes
}

/// Kind and owner.
type Key = (i64, i64);

struct Mender<'a> {
    shelf: &'a Shelf,
    order: &'a RepairBucket,
    around: &'a Around,
    lives: BTreeMap<u128, Life<'a>>,
    sums: BTreeMap<Key, i64>,
    owners: Owners,
    taken: HashMap<Spot, u128>,
    banks: BTreeMap<i64, i64>,
    fixes: Vec<Fix>,
}

fn six(effects: &[u8]) -> [u8; 6] {
    effects.try_into().unwrap_or_default()
}

impl<'a> Mender<'a> {
    fn fix(&mut self, told: String, writes: Vec<Write>) {
        self.fixes.push(Fix { told, writes });
    }

    fn bucket(&self) -> i64 {
        self.order.bucket.into()
    }

    fn is_held(&self, spot: Spot) -> bool {
        self.owners.bucket(spot.kind, spot.owner) == Some(self.bucket())
    }

    fn line(&self, operation: Option<u128>, mut written: Written) -> Write {
        (written.bucket, written.reason) = (self.order.bucket as i16, REPAIR.to_owned());
        Write::Line(operation, written)
    }

    fn item_line(&self, item: &ItemRow, from: Option<WrittenSide>, to: Option<WrittenSide>) -> Write {
        let (bucket, reason, amount) = (0, String::new(), None);
        let item = Some((item.id, item.kind as i32));
        self.line(None, Written { bucket, reason, item, amount, from, to })
    }

    fn misplaced_records(&mut self) {
        for record in &self.shelf.records {
            let own = i64::from(placement::bucket_of(AccountId(record.home as u64)));
            if own != record.bucket {
                let told = format!("{} goes to its own bucket {own}", holder(record.kind, record.id));
                self.fix(told, vec![Write::RecordBucket(record.kind, record.id, own)]);
            }
        }
    }

    /// Entries stay; that their operation cannot be shown any more is accepted in the name of the operator.
    fn operations(&mut self) {
        let mut known = BTreeSet::new();
        for row in &self.shelf.operations {
            match row.was_done() {
                Ok(true) => {
                    known.insert(row.id);
                }
                Ok(false) => {}
                Err(_) => {
                    known.insert(row.id);
                    let told = format!("operation {:032x}, whose row cannot be read, is accepted", row.id);
                    self.fix(told, vec![Write::Operation(row.id)]);
                }
            }
        }
        for line in &self.shelf.lines {
            let Some(operation) = line.operation.filter(|_| line.reason != OPENING) else { continue };
            if known.insert(operation) {
                let told =
                    format!("operation {operation:032x}, of which only entries are there, is accepted");
                self.fix(told, vec![Write::Operation(operation)]);
            }
        }
    }

    /// Items whose departure or arrival is not entered here.
    fn missing_items(&mut self) {
        for MissingSide { side, there } in &self.order.missing {
            let Crossed::Item(ItemId(item), _, _) = side.what else { continue };
            let operation = Some(side.operation.0);
            let elsewhere = Spot::elsewhere(*there);
            let row = self.shelf.items.iter().find(|row| row.id == item);
            match (side.is_departure, self.lives.get(&item).copied(), row) {
                (true, Some(Life::Here(kind, effects, spot)), row)
                    if row.is_none() || self.is_doubled(item) =>
                {
                    let effects = six(effects);
                    let (from, to) =
                        (WrittenSide::item(spot, effects), WrittenSide::item(elsewhere, effects));
                    let written = self.item_written(item, kind, from, to);
                    let line = self.line(operation, written);
                    self.lives.insert(item, Life::Away);
                    self.fix(
                        format!("item {item:032x}: its departure to bucket {} is entered", side.to),
                        vec![line],
                    );
                }
                (false, None | Some(Life::Away), Some(row)) => {
                    let Crossed::Item(_, _, before) = side.what else { continue };
                    let before = before.map(|effect| [effect.code, effect.value]).concat();
                    let from = WrittenSide::item(elsewhere, six(&before));
                    let to = WrittenSide::item(row.spot, six(&row.effects));
                    let written = self.item_written(item, row.kind, from, to);
                    let line = self.line(operation, written);
                    self.lives.insert(item, Life::Here(row.kind, &row.effects, row.spot));
                    self.fix(
                        format!("item {item:032x}: its arrival from bucket {} is entered", side.from),
                        vec![line],
                    );
                }
                _ => {}
            }
        }
    }

    /// True when it is in two databases, and the ledger has it in another bucket too.
    fn is_doubled(&self, item: u128) -> bool {
        self.order.twice.contains(&ItemId(item)) && self.around.of(item).is_some_and(|known| known.lives)
    }

    /// True when an entry about it is missing here.
    fn is_unmatched(&self, item: u128) -> bool {
        let is_it = |what: Crossed| matches!(what, Crossed::Item(ItemId(of), ..) if of == item);
        self.order.missing.iter().any(|missing| is_it(missing.side.what))
    }

    fn item_written(&self, item: u128, kind: i64, from: WrittenSide, to: WrittenSide) -> Written {
        let (bucket, reason, amount) = (0, String::new(), None);
        let item = Some((item, kind as i32));
        Written { bucket, reason, item, amount, from: Some(from), to: Some(to) }
    }

    /// A free place in the bank of whoever had an item last.
    fn bank_of(&mut self, item: u128) -> Option<Spot> {
        let account = self.shelf.lines.iter().rev().find_map(|line| match &line.subject {
            Subject::Item { item: of, before, after, .. } if *of == item => {
                let spots = after.iter().chain(before).map(|(_, spot)| *spot);
                spots.filter_map(|spot| self.account_of(spot)).next()
            }
            _ => None,
        })?;
        let mut slots = (0..BANK_SLOTS).map(|slot| Spot { kind: 3, owner: account, slot });
        slots.find(|spot| !self.taken.contains_key(spot))
    }

    /// The account that a place belongs to, if it is here.
    fn account_of(&self, spot: Spot) -> Option<i64> {
        let account = match spot.kind {
            1 | 2 => {
                let character = self.shelf.characters.iter().find(|owner| owner.id == spot.owner)?;
                character.account?
            }
            3 => spot.owner,
            _ => return None,
        };
        self.banks.contains_key(&account).then_some(account)
    }

    fn stale(spots: &[Spot]) -> Vec<Write> {
        let of = |spot: &Spot| matches!(spot.kind, 1 | 2).then_some(spot.owner);
        let owners: BTreeSet<i64> = spots.iter().filter_map(of).collect();
        owners.into_iter().map(Write::Stale).collect()
    }

    /// The ledger's place if its owner is there and nobody else lies there, else the own one, else the bank of who had
    /// it last.
    fn best(&mut self, id: u128, wanted: Option<Spot>, own: Option<Spot>) -> Option<Spot> {
        let is_good =
            |spot: &Spot| self.is_held(*spot) && self.taken.get(spot).is_none_or(|other| *other == id);
        let found = wanted.into_iter().chain(own).find(is_good);
        let spot = found.or_else(|| self.bank_of(id))?;
        if let Some(own) = own {
            self.taken.remove(&own);
        }
        self.taken.insert(spot, id);
        Some(spot)
    }

    fn items(&mut self) {
        let shelf = self.shelf;
        let mut there = BTreeSet::new();
        for row in &shelf.items {
            there.insert(row.id);
            match self.lives.get(&row.id).copied() {
                Some(Life::Here(kind, effects, spot)) => {
                    let is_right = kind == row.kind && effects == row.effects && spot == row.spot;
                    if !is_right || !self.is_held(row.spot) {
                        self.set_right(row, (kind, effects, spot));
                    }
                }
                life => self.without_entry(row, life),
            }
        }
        let lost = self.lives.iter().filter(|(id, _)| !there.contains(*id));
        let lost: Vec<(u128, Life<'a>)> = lost.map(|(id, life)| (*id, *life)).collect();
        for (id, life) in lost {
            let Life::Here(kind, effects, spot) = life else { continue };
            // it may be in another bucket, and would be doubled
            if self.is_unmatched(id) || self.around.of(id) != Some(Elsewhere::default()) {
                continue;
            }
            let Some(to) = self.best(id, Some(spot), None) else { continue };
            let row = ItemRow { id, bucket: self.bucket(), kind, effects: effects.to_vec(), spot: to };
            let (from, into) = (WrittenSide::item(spot, six(effects)), WrittenSide::item(to, six(effects)));
            let told = format!("item {id:032x}: put back at {}", place(to));
            let line = self.item_line(&row, Some(from), Some(into));
            let mut writes = vec![Write::Insert(row), line];
            writes.extend(Self::stale(&[to]));
            self.fix(told, writes);
        }
    }

    /// A row that the ledger of this bucket does not have here. When no other bucket has it either, nothing is known of
    /// where it went, and it may be the only one.
    fn without_entry(&mut self, row: &ItemRow, life: Option<Life<'a>>) {
        match (self.around.of(row.id), life) {
            (Some(Elsewhere { lives: true, .. }), _) => {
                self.end(row, "the ledger has it in another bucket");
            }
            (Some(Elsewhere { has_row: false, .. }), Some(Life::Ended)) => self.adopt(row, true),
            (Some(Elsewhere { has_row: false, .. }), None) => self.adopt(row, false),
            _ => {}
        }
    }

    fn set_right(&mut self, row: &ItemRow, (kind, effects, spot): (i64, &'a [u8], Spot)) {
        let Some(to) = self.best(row.id, Some(spot), Some(row.spot)) else { return };
        let new = ItemRow { kind, effects: effects.to_vec(), spot: to, ..row.clone() };
        let (from, into) = (WrittenSide::item(spot, six(effects)), WrittenSide::item(to, six(effects)));
        let line = self.item_line(&new, Some(from), Some(into));
        let told = format!("item {:032x}: is kind {kind} at {} again, as the ledger says", row.id, place(to));
        let told = if to == spot { told } else { format!("item {:032x}: goes to {}", row.id, place(to)) };
        let mut writes = vec![Write::Update(new), line];
        writes.extend(Self::stale(&[row.spot, to]));
        self.fix(told, writes);
    }

    fn end(&mut self, row: &ItemRow, why: &str) {
        self.taken.remove(&row.spot);
        let told = format!("item {:032x}: its row at {} ends, {why}", row.id, place(row.spot));
        let mut writes = vec![Write::Delete(row.id)];
        writes.extend(Self::stale(&[row.spot]));
        self.fix(told, writes);
    }

    /// An id lives once: what the ledger saw end lives on under another one.
    fn adopt(&mut self, row: &ItemRow, renamed: bool) {
        let Some(to) = self.best(row.id, None, Some(row.spot)) else { return };
        let mut new = ItemRow { spot: to, ..row.clone() };
        let mut writes = Vec::new();
        if renamed {
            new.id = derive::reborn(ItemId(row.id), self.order.operation).0;
            writes.push(Write::Rename(row.id, new.id));
        }
        let line = self.item_line(&new, None, Some(WrittenSide::item(to, six(&row.effects))));
        let told = format!("item {:032x} at {}: its birth is entered", new.id, place(to));
        writes.extend([Write::Update(new), line]);
        writes.extend(Self::stale(&[row.spot, to]));
        self.fix(told, writes);
    }

    fn gold(&mut self) {
        let mut balances: BTreeMap<Key, i64> = BTreeMap::new();
        balances.extend(self.shelf.accounts.iter().map(|owner| ((3, owner.id), owner.gold)));
        balances.extend(self.shelf.characters.iter().map(|owner| ((2, owner.id), owner.gold)));
        balances.extend(self.shelf.purses.iter().map(|row| ((row.kind, row.owner), row.balance)));
        self.missing_gold(&balances);
        // a purse that the ledger fills and that is not there is put back
        let sums: Vec<(Key, i64)> = self.sums.iter().map(|(key, sum)| (*key, *sum)).collect();
        for (key, sum) in sums {
            let is_purse = matches!(key.0, 4 | 5 | 7 | CASH);
            if is_purse
                && sum > 0
                && !balances.contains_key(&key)
                && self.is_held(Spot { kind: key.0, owner: key.1, slot: 0 })
            {
                let told = format!("{}: its {sum} gold is put back", holder(key.0, key.1));
                self.fix(told, vec![Write::Purse(key.0, key.1, sum)]);
                balances.insert(key, sum);
            }
        }
        for (key, balance) in &balances {
            self.explain(*key, *balance);
        }
        for (key, balance) in balances {
            if matches!(key.0, 4 | 5) && !self.is_held(Spot { kind: key.0, owner: key.1, slot: 0 }) {
                self.homeless(key, balance);
            }
        }
    }

    fn gold_line(
        &mut self,
        operation: Option<u128>,
        key: Key,
        amount: i64,
        other: Option<AccountId>,
    ) -> Write {
        let sum = self.sums.entry(key).or_default();
        *sum = sum.saturating_add(amount);
        let purse = WrittenSide::gold((key.0 as i16, key.1), *sum);
        let other = other.map(WrittenSide::elsewhere);
        let (from, to) = if amount < 0 { (Some(purse), other) } else { (other, Some(purse)) };
        let (bucket, reason, item) = (0, String::new(), None);
        self.line(
            operation,
            Written { bucket, reason, item, amount: Some(amount.saturating_abs()), from, to },
        )
    }

    /// Gold whose departure or arrival is not entered here: the purse that differs by that much.
    fn missing_gold(&mut self, balances: &BTreeMap<Key, i64>) {
        for MissingSide { side, there } in &self.order.missing {
            let (amount, is_cash) = match side.what {
                Crossed::Gold(amount) => (amount, false),
                Crossed::Cash(amount) => (amount, true),
                Crossed::Item(..) => continue,
            };
            let change = if side.is_departure { -amount } else { amount };
            let difference =
                |(key, balance): &(&Key, &i64)| **balance - self.sums.get(key).copied().unwrap_or_default();
            let fits = |one: &(&Key, &i64)| (one.0.0 == CASH) == is_cash;
            let exact = balances.iter().filter(fits).find(|one| difference(one) == change);
            let larger = || {
                let enough = |one: &(&Key, &i64)| difference(one) / change >= 1;
                balances.iter().filter(fits).find(enough)
            };
            let Some(key) = exact.or_else(larger).map(|(key, _)| *key) else { continue };
            let line = self.gold_line(Some(side.operation.0), key, change, Some(*there));
            let way = if side.is_departure { "departure" } else { "arrival" };
            self.fix(format!("{}: the {way} of {amount} gold is entered", holder(key.0, key.1)), vec![line]);
        }
    }

    /// The row counts.
    fn explain(&mut self, key: Key, balance: i64) {
        let difference = balance - self.sums.get(&key).copied().unwrap_or_default();
        if difference != 0 {
            let line = self.gold_line(None, key, difference, None);
            let told =
                format!("{}: {difference} gold more than the ledger knew is entered", holder(key.0, key.1));
            self.fix(told, vec![line]);
        }
    }

    /// Gold of a lot or a parcel that is not there goes to the bank of who paid it in.
    fn homeless(&mut self, key: Key, balance: i64) {
        let payer = self.shelf.lines.iter().rev().find_map(|line| match &line.subject {
            Subject::Gold { from: Some((from, _)), to: Some((to, _)), .. } if (to.kind, to.owner) == key => {
                self.account_of(*from)
            }
            _ => None,
        });
        let Some(account) = payer else { return };
        let bank = self.banks.get(&account).copied().unwrap_or_default();
        if balance <= 0 || bank + balance > GOLD_MAX {
            return;
        }
        self.banks.insert(account, bank + balance);
        let mut side = |key: Key, change: i64| {
            let sum = self.sums.entry(key).or_default();
            *sum = sum.saturating_add(change);
            WrittenSide::gold((key.0 as i16, key.1), *sum)
        };
        let (from, to) = (side(key, -balance), side((3, account), balance));
        let (bucket, reason, item) = (0, String::new(), None);
        let written = Written { bucket, reason, item, amount: Some(balance), from: Some(from), to: Some(to) };
        let line = self.line(None, written);
        let told =
            format!("{}: its {balance} gold goes to the bank of account {account:x}", holder(key.0, key.1));
        self.fix(told, vec![Write::Purse(key.0, key.1, 0), Write::Bank(account, bank + balance), line]);
    }

    /// A record of the ground with nothing on it ends.
    fn empty_ground(&mut self) {
        for record in self.shelf.records.iter().filter(|record| record.kind == 6) {
            let spot = Spot { kind: 6, owner: record.id, slot: 0 };
            if !self.taken.contains_key(&spot) && record.bucket == self.bucket() {
                let told = format!("{}: nothing lies there, its record ends", holder(6, record.id));
                self.fix(told, vec![Write::EndRecord(6, record.id)]);
            }
        }
    }
}

/// Some account of a bucket, whether or not there is one.
pub(crate) fn account_in(bucket: u16) -> AccountId {
    let mut account = AccountId(0);
    while placement::bucket_of(account) != bucket {
        account.0 += 1;
    }
    account
}

/// The operation by which a bucket is repaired.
pub(crate) fn operation(seed: u128, bucket: u16, pass: u32) -> OperationId {
    derive::operation("repair", &[&seed.to_le_bytes(), &bucket.to_le_bytes(), &pass.to_le_bytes()])
}
