//! What other buckets have of items that are not in a bucket as its ledger says. An item is in one place, so before one is
//! put back, ends or is adopted there, it must be known where else it is.

use super::replay::{Life, Replayed};
use super::{Base, ItemRow, Shelf};
use crate::ledger::{Line, ledger_columns, within_retention};
use model::calls::database::{Checked, RepairBucket};
use std::collections::{BTreeMap, BTreeSet};

/// Entries of items, whose ids follow: `= $1`. Read before [`BASE_OF`], for what is folded in between is in both then.
pub(crate) const LINES_OF: &str =
    concat!("SELECT ", ledger_columns!(), " FROM ledger WHERE ", within_retention!(), " AND item ");
/// What entries past the retention led to, in the same way.
pub(crate) const BASE_OF: &str = "SELECT item, bucket, kind, effects, place_kind, place_owner, place_slot \
     FROM ledger_base_items AS base WHERE item ";

/// What is known of one item outside of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// A row of it is there.
    pub(crate) has_row: bool,
    /// The ledger of another bucket has it there.
    pub(crate) lives: bool,
}

/// What is known outside of a bucket of the items that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Around {
    bucket: i64,
    items: BTreeMap<u128, Elsewhere>,
}

impl Around {
    /// Of items in question nothing is known yet.
    pub(crate) fn new(bucket: u16, items: &[u128]) -> Self {
        let items = items.iter().map(|item| (*item, Elsewhere::default())).collect();
        Self { bucket: bucket.into(), items }
    }

    /// Takes in that an item has a row outside.
    pub(crate) fn row(&mut self, item: u128) {
        if let Some(known) = self.items.get_mut(&item) {
            known.has_row = true;
        }
    }

    /// Takes in all that the ledgers of some buckets say of some items.
    pub(crate) fn ledger(&mut self, base: Vec<ItemRow>, lines: Vec<Line>) {
        let shelf = Shelf { base: Base { items: base, ..Base::default() }, lines, ..Shelf::default() };
        for ((bucket, item), life) in Replayed::of(&shelf, &mut Checked::default()).items {
            if let (Life::Here(..), Some(known)) = (life, self.items.get_mut(&item))
                && bucket != self.bucket
            {
                known.lives = true;
            }
        }
    }

    /// What is known of an item; `None` when it was not asked for.
    pub(crate) fn of(&self, item: u128) -> Option<Elsewhere> {
        self.items.get(&item).copied()
    }
}

/// Items of the bucket that must be asked for: those that are there against the ledger, or are not there against it, and
/// those in two databases.
pub(crate) fn in_question(shelf: &Shelf, order: &RepairBucket) -> Vec<u128> {
    if order.rows_only {
        return Vec::new();
    }
    let bucket = i64::from(order.bucket);
    let replayed = Replayed::of(shelf, &mut Checked::default());
    let by_ledger = replayed.items.iter().filter(|((of, _), life)| {
        let is_here = matches!(life, Life::Here(..));
        *of == bucket && is_here
    });
    let by_ledger: BTreeSet<u128> = by_ledger.map(|((_, item), _)| *item).collect();
    let by_rows: BTreeSet<u128> = shelf.items.iter().map(|row| row.id).collect();
    let twice = order.twice.iter().map(|item| item.0);
    by_ledger
        .symmetric_difference(&by_rows)
        .copied()
        .chain(twice)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Owner;
    use super::super::repair::{Write, account_in, plan};
    use super::*;
    use crate::ledger::{ELSEWHERE, Spot, Subject};
    use model::id::OperationId;
    use model::ledger::Actor;

    const BUCKET: u16 = 7;
    const ITEM: u128 = 1;
    const EFFECTS: [u8; 6] = [43, 9, 0, 0, 0, 0];

    /// A bank with an item in it, or one that went to another bucket.
    fn shelf(has_row: bool, went: bool) -> Shelf {
        let (bucket, id) = (i64::from(BUCKET), account_in(BUCKET).0 as i64);
        let bank = Spot { kind: 3, owner: id, slot: 0 };
        let there = Spot { kind: ELSEWHERE, owner: account_in(8).0 as i64, slot: 0 };
        let line = |entry, before, after| {
            let state = |spot: Option<Spot>| spot.map(|spot| (EFFECTS.to_vec(), spot));
            let (before, after) = (state(before), state(after));
            Line {
                entry,
                bucket,
                at_ms: entry,
                operation: Some(entry as u128),
                actor: Actor::System("test".to_owned()),
                reason: "test".to_owned(),
                subject: Subject::Item { item: ITEM, kind: 400, before, after },
            }
        };
        let mut lines = vec![line(1, None, Some(bank))];
        lines.extend(went.then(|| line(2, Some(bank), Some(there))));
        let row = ItemRow { id: ITEM, bucket, kind: 400, effects: EFFECTS.to_vec(), spot: bank };
        let (name, key) = ("Ana".to_owned(), "ana".to_owned());
        let owner = Owner { id, bucket, name, key, gold: 0, account: None };
        let items = has_row.then_some(row).into_iter().collect();
        Shelf { accounts: vec![owner], items, lines, ..Shelf::default() }
    }

    /// Inserts and deletions of the row, by what is known of the item.
    fn planned(shelf: &Shelf, known: Option<Elsewhere>) -> (usize, usize) {
        let order = RepairBucket {
            operation: OperationId(1),
            operator: "root".to_owned(),
            bucket: BUCKET,
            rows_only: false,
            dry_run: false,
            missing: Vec::new(),
            twice: Vec::new(),
        };
        assert_eq!(in_question(shelf, &order), [ITEM]);
        let items = known.map(|known| (ITEM, known)).into_iter().collect();
        let fixes = plan(shelf, &order, &Around { bucket: BUCKET.into(), items });
        let count =
            |is: fn(&Write) -> bool| fixes.iter().flat_map(|fix| &fix.writes).filter(|one| is(one)).count();
        (count(|one| matches!(one, Write::Insert(_))), count(|one| matches!(one, Write::Delete(_))))
    }

    const NOWHERE: Elsewhere = Elsewhere { has_row: false, lives: false };

    #[test]
    fn a_row_that_left_ends_only_when_the_ledger_of_another_bucket_has_it() {
        let left = shelf(true, true);
        assert_eq!(planned(&left, None), (0, 0), "nobody was asked");
        assert_eq!(planned(&left, Some(NOWHERE)), (0, 0), "it may be the only one");
        assert_eq!(planned(&left, Some(Elsewhere { has_row: true, ..NOWHERE })), (0, 0));
        assert_eq!(planned(&left, Some(Elsewhere { lives: true, ..NOWHERE })), (0, 1));
    }

    #[test]
    fn what_is_missing_is_put_back_only_when_no_other_bucket_has_it() {
        let missing = shelf(false, false);
        assert_eq!(planned(&missing, None), (0, 0), "nobody was asked");
        assert_eq!(planned(&missing, Some(NOWHERE)), (1, 0));
        assert_eq!(planned(&missing, Some(Elsewhere { has_row: true, ..NOWHERE })), (0, 0));
        assert_eq!(planned(&missing, Some(Elsewhere { lives: true, ..NOWHERE })), (0, 0));
    }
}
