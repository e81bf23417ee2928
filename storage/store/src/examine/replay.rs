//! Where the ledger leads, bucket by bucket, and whether that is what is there.

use super::base::Way;
use super::{
    Base, Differences, ItemRow, PurseRow, Shelf, about_item, about_line, about_purse, crossings, find,
    holder, place,
};
use crate::ledger::{CASH, ELSEWHERE, Line, Spot, Subject};
use model::calls::database::Checked;
use model::calls::ledger::{Finding, Wrong};
use std::collections::{BTreeMap, BTreeSet};

/// What an item is, by the entries of a bucket so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life<'a> {
    /// It lives here.
    Here(i64, &'a [u8], Spot),
    /// It went to another bucket.
    Away,
    /// It has ended: nothing follows.
    Ended,
}

/// Bucket, kind of place, owner.
pub(super) type Purse = (i64, i64, i64);

/// Gold or cash of these buckets.
#[derive(Default)]
struct Sum {
    held: i64,
    minted: i64,
    burned: i64,
    /// What came from other buckets less what went there.
    arrived: i64,
}

impl Sum {
    /// What is to be there.
    fn left(&self) -> i64 {
        self.minted.saturating_sub(self.burned).saturating_add(self.arrived)
    }
}

/// Where the ledger leads.
#[derive(Default)]
pub(super) struct Replayed<'a> {
    pub(super) items: BTreeMap<(i64, u128), Life<'a>>,
    pub(super) purses: BTreeMap<Purse, i64>,
    gold: Sum,
    cash: Sum,
}

impl<'a> Replayed<'a> {
    pub(super) fn of(shelf: &'a Shelf, report: &mut Checked) -> Self {
        let mut replayed = Self::from_base(&shelf.base, report);
        for line in &shelf.lines {
            let follows = match &line.subject {
                Subject::Item { item, kind, before, after } => {
                    replayed.live((line.bucket, *item), *kind, before.as_ref(), after.as_ref())
                }
                Subject::Gold { amount, from, to } => replayed.pay(line.bucket, *amount, *from, *to),
            };
            if !follows {
                let what = "does not follow from the entries before it".to_owned();
                find(report, about_line(line, what));
            }
            replayed.cross(line, report);
        }
        replayed
    }

    /// Where the entries that are past the retention led.
    fn from_base(base: &'a Base, report: &mut Checked) -> Self {
        let mut replayed = Self::default();
        for item in &base.items {
            replayed.items.insert((item.bucket, item.id), Life::Here(item.kind, &item.effects, item.spot));
        }
        for purse in &base.purses {
            replayed.purses.insert((purse.bucket, purse.kind, purse.owner), purse.balance);
        }
        for row in &base.sums {
            let sum = if row.is_cash { &mut replayed.cash } else { &mut replayed.gold };
            let total = match row.way {
                Way::Minted => &mut sum.minted,
                Way::Burned => &mut sum.burned,
                Way::Arrived => &mut sum.arrived,
            };
            *total = total.saturating_add(row.amount);
        }
        for horizon in &base.horizons {
            for (class, digest) in &horizon.crossings {
                crossings::add(&mut report.crossings, *class, *digest);
            }
        }
        replayed
    }

    /// Items that are in a bucket by the entries, and those that they tell of and that are not.
    pub(super) fn items(&self, bucket: i64) -> (Vec<ItemRow>, Vec<u128>) {
        let (mut here, mut gone) = (Vec::new(), Vec::new());
        for ((_, id), life) in self.items.range((bucket, 0)..=(bucket, u128::MAX)) {
            match life {
                Life::Here(kind, effects, spot) => {
                    let (kind, effects, spot) = (*kind, effects.to_vec(), *spot);
                    here.push(ItemRow { id: *id, bucket, kind, effects, spot });
                }
                Life::Away | Life::Ended => gone.push(*id),
            }
        }
        (here, gone)
    }

    /// What purses of a bucket hold by the entries.
    pub(super) fn purses(&self, bucket: i64) -> Vec<PurseRow> {
        let all = self.purses.range((bucket, i64::MIN, i64::MIN)..=(bucket, i64::MAX, i64::MAX));
        let row = |((_, kind, owner), balance): (&Purse, &i64)| PurseRow {
            kind: *kind,
            owner: *owner,
            bucket,
            balance: *balance,
        };
        all.map(row).collect()
    }

    fn cross(&self, line: &Line, report: &mut Checked) {
        match crossings::side(line) {
            Ok(Some(side)) => crossings::digest(&side, &mut report.crossings),
            Ok(None) => {}
            Err(failure) => find(report, about_line(line, failure.to_string())),
        }
    }

    /// True when an entry is what can happen to an item that lives as the entries before say.
    fn live(
        &mut self,
        key: (i64, u128),
        kind: i64,
        before: Option<&'a (Vec<u8>, Spot)>,
        after: Option<&'a (Vec<u8>, Spot)>,
    ) -> bool {
        let next = match after {
            Some((_, spot)) if spot.kind == ELSEWHERE => Life::Away,
            Some((effects, spot)) => Life::Here(kind, effects, *spot),
            None => Life::Ended,
        };
        let last = self.items.insert(key, next);
        match before {
            // born: an id lives once
            None => last.is_none() && next != Life::Away,
            Some((_, spot)) if spot.kind == ELSEWHERE => {
                matches!(last, None | Some(Life::Away)) && matches!(next, Life::Here(..))
            }
            Some((effects, spot)) => last == Some(Life::Here(kind, effects, *spot)),
        }
    }

    /// True when both balances are what the entries before lead to.
    fn pay(&mut self, bucket: i64, amount: i64, from: Option<(Spot, i64)>, to: Option<(Spot, i64)>) -> bool {
        let kind = |side: Option<(Spot, i64)>| side.map(|(spot, _)| spot.kind);
        let (from_kind, to_kind) = (kind(from), kind(to));
        let is_cash = from_kind == Some(CASH) || to_kind == Some(CASH);
        let is_gold = [from_kind, to_kind].iter().flatten().any(|kind| !matches!(*kind, CASH | ELSEWHERE));
        // one of the two is here, and cash never meets gold
        let mut follows = amount > 0 && is_cash != is_gold;
        let sum = if is_cash { &mut self.cash } else { &mut self.gold };
        match from {
            Some((spot, _)) if spot.kind == ELSEWHERE => sum.arrived = sum.arrived.saturating_add(amount),
            Some((spot, balance)) => {
                let purse = self.purses.entry((bucket, spot.kind, spot.owner)).or_default();
                *purse = purse.saturating_sub(amount);
                follows &= *purse == balance;
            }
            None => sum.minted = sum.minted.saturating_add(amount),
        }
        match to {
            Some((spot, _)) if spot.kind == ELSEWHERE => sum.arrived = sum.arrived.saturating_sub(amount),
            Some((spot, balance)) => {
                let purse = self.purses.entry((bucket, spot.kind, spot.owner)).or_default();
                *purse = purse.saturating_add(amount);
                follows &= *purse == balance;
            }
            None => sum.burned = sum.burned.saturating_add(amount),
        }
        follows
    }

    pub(super) fn compare_items(&self, shelf: &Shelf, report: &mut Checked) {
        let mut there = self.items.clone();
        for item in &shelf.items {
            let what = match there.remove(&(item.bucket, item.id)) {
                Some(Life::Here(kind, effects, spot))
                    if kind == item.kind && effects == item.effects && spot == item.spot =>
                {
                    continue;
                }
                Some(Life::Here(kind, _, spot)) if kind == item.kind && spot == item.spot => {
                    "its effects are not those of the ledger".to_owned()
                }
                Some(Life::Here(kind, _, spot)) => format!(
                    "is kind {} at {}; by the ledger kind {kind} at {}",
                    item.kind,
                    place(item.spot),
                    place(spot)
                ),
                Some(Life::Away) => {
                    format!("is at {}; by the ledger it went to another bucket", place(item.spot))
                }
                Some(Life::Ended) | None => {
                    format!("is at {}; by the ledger it does not live", place(item.spot))
                }
            };
            find(report, about_item(item.id, Wrong::Item, what));
        }
        for ((_, item), life) in there {
            let Life::Here(_, _, spot) = life else { continue };
            let what = format!("is not there; by the ledger it is at {}", place(spot));
            find(report, about_item(item, Wrong::Item, what));
        }
    }

    /// Each purse is what its entries sum up to; then all gold is what was minted less what was burned, and what
    /// came from other buckets.
    pub(super) fn compare_gold(mut self, shelf: &Shelf, report: &mut Checked) {
        let banks = shelf.accounts.iter().map(|owner| (3, owner));
        for (kind, owner) in banks.chain(shelf.characters.iter().map(|owner| (2, owner))) {
            let finding = |what: String| owner.finding(Wrong::Gold, format!("{} has {what}", owner.name));
            self.compare((owner.bucket, kind, owner.id), owner.gold, finding, report);
        }
        for row in &shelf.purses {
            let key = (row.kind, row.owner);
            let name = holder(row.kind, row.owner);
            let finding = |what: String| about_purse(key, Wrong::Gold, format!("{name} has {what}"));
            self.compare((row.bucket, row.kind, row.owner), row.balance, finding, report);
        }
        for ((_, kind, owner), sum) in &self.purses {
            if *sum != 0 {
                let what = format!("{} is not there; by the ledger it has {sum} gold", holder(*kind, *owner));
                find(report, about_purse((*kind, *owner), Wrong::Gold, what));
            }
        }
        for (name, sum) in [("gold", &self.gold), ("cash", &self.cash)] {
            let left = sum.left();
            if sum.held != left {
                let what = format!("{} {name} is there; minted less burned is {left}", sum.held);
                find(report, Finding::new(Wrong::Gold, what));
            }
        }
        let add = |total: &mut i64, part: i64| *total = total.saturating_add(part);
        add(&mut report.gold_held, self.gold.held);
        add(&mut report.gold_minted, self.gold.minted);
        add(&mut report.gold_burned, self.gold.burned);
        add(&mut report.cash_held, self.cash.held);
        add(&mut report.cash_minted, self.cash.minted);
        add(&mut report.cash_burned, self.cash.burned);
    }

    fn compare(
        &mut self,
        purse: Purse,
        balance: i64,
        finding: impl Fn(String) -> Finding,
        report: &mut Checked,
    ) {
        let total = if purse.1 == CASH { &mut self.cash } else { &mut self.gold };
        total.held = total.held.saturating_add(balance);
        let sum = self.purses.remove(&purse).unwrap_or_default();
        if sum != balance {
            find(report, finding(format!("{balance} gold; by the ledger {sum}")));
        }
    }
}

/// For the running watch.
impl Replayed<'_> {
    /// Kind of place and owner of each item and purse that is not as the ledger says.
    pub(super) fn holders_of_unlike(&self, shelf: &Shelf) -> BTreeSet<(i64, i64)> {
        let mut holders = BTreeSet::new();
        let mut there: BTreeMap<(i64, u128), Spot> = BTreeMap::new();
        for item in &shelf.items {
            there.insert((item.bucket, item.id), item.spot);
            let lives = Life::Here(item.kind, &item.effects, item.spot);
            if self.items.get(&(item.bucket, item.id)) != Some(&lives) {
                holders.insert((item.spot.kind, item.spot.owner));
            }
        }
        for (key, life) in &self.items {
            if let Life::Here(_, _, spot) = life
                && there.get(key) != Some(spot)
            {
                holders.insert((spot.kind, spot.owner));
            }
        }
        let held = balances(shelf);
        for purse in held.keys().chain(self.purses.keys()) {
            let balance = |of: &BTreeMap<Purse, i64>| of.get(purse).copied().unwrap_or_default();
            if balance(&held) != balance(&self.purses) {
                holders.insert((purse.1, purse.2));
            }
        }
        holders
    }

    /// Kind of place and owner of an item, as it is and as it should be.
    pub(super) fn holders_of(&self, shelf: &Shelf, id: u128) -> Vec<(i64, i64)> {
        let rows = shelf.items.iter().filter(|item| item.id == id).map(|item| item.spot);
        let lives = self.items.iter().filter_map(|((_, item), life)| match life {
            Life::Here(_, _, spot) if *item == id => Some(*spot),
            _ => None,
        });
        rows.chain(lives).map(|spot| (spot.kind, spot.owner)).collect()
    }

    /// What is there less what the ledger leads to.
    pub(super) fn differences(&self, shelf: &Shelf) -> Differences {
        let mut kinds: BTreeMap<i64, i64> = BTreeMap::new();
        for item in &shelf.items {
            *kinds.entry(item.kind).or_default() += 1;
        }
        for life in self.items.values() {
            if let Life::Here(kind, ..) = life {
                *kinds.entry(*kind).or_default() -= 1;
            }
        }
        kinds.retain(|_, count| *count != 0);
        let (mut gold, mut cash) = (-self.gold.left(), -self.cash.left());
        for ((_, kind, _), balance) in balances(shelf) {
            let sum = if kind == CASH { &mut cash } else { &mut gold };
            *sum = sum.saturating_add(balance);
        }
        Differences { gold, cash, kinds }
    }
}

/// What purses hold.
fn balances(shelf: &Shelf) -> BTreeMap<Purse, i64> {
    let banks = shelf.accounts.iter().map(|row| ((row.bucket, 3, row.id), row.gold));
    let carried = shelf.characters.iter().map(|row| ((row.bucket, 2, row.id), row.gold));
    let others = shelf.purses.iter().map(|row| ((row.bucket, row.kind, row.owner), row.balance));
    banks.chain(carried).chain(others).collect()
}
