//! What is wrong in a bucket, by how much, and who holds it: for the running watch.

use super::replay::Replayed;
use super::{Shelf, examine};
use crate::ledger::CASH;
use model::calls::database::Checked;
use model::id::AccountId;
use std::collections::{BTreeMap, BTreeSet};

/// What is there less what the ledger leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Gold.
    pub gold: i64,
    /// Cash.
    pub cash: i64,
    /// Items by their kind; kinds of which as many are there as there should be are left out.
    pub kinds: BTreeMap<i64, i64>,
}

impl Differences {
    /// Adds those of another bucket.
    pub fn add(&mut self, other: &Self) {
        self.gold = self.gold.saturating_add(other.gold);
        self.cash = self.cash.saturating_add(other.cash);
        for (kind, count) in &other.kinds {
            let sum = self.kinds.entry(*kind).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.kinds.retain(|_, count| *count != 0);
    }
}

/// What the examiner says of a bucket.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What it found.
    pub report: Checked,
    /// Accounts that hold what is wrong.
    pub accounts: BTreeSet<AccountId>,
    /// By how much it is wrong.
    pub differences: Differences,
}

/// Examines, and says whom and how much it is about.
pub(crate) fn judge(shelf: &Shelf) -> Judged {
    let report = examine(shelf);
    if report.findings.is_empty() {
        return Judged { report, ..Judged::default() };
    }
    let replayed = Replayed::of(shelf, &mut Checked::default());
    let mut holders = replayed.holders_of_unlike(shelf);
    for finding in &report.findings {
        holders.extend(finding.account.map(|account| (3, account.0 as i64)));
        holders.extend(finding.character.map(|character| (2, character.0 as i64)));
        holders.extend(finding.item.into_iter().flat_map(|item| replayed.holders_of(shelf, item.0)));
    }
    let accounts = holders.into_iter().filter_map(|(kind, owner)| account_of(shelf, kind, owner)).collect();
    Judged { accounts, differences: replayed.differences(shelf), report }
}

/// The account that a place belongs to; nobody for the bank of a guild, and for an owner who is not there.
fn account_of(shelf: &Shelf, kind: i64, owner: i64) -> Option<AccountId> {
    let account = match kind {
        1 | 2 => shelf.characters.iter().find(|row| row.id == owner)?.account,
        3 | CASH => shelf.accounts.iter().find(|row| row.id == owner).map(|row| row.id),
        4..=6 => shelf.records.iter().find(|row| (row.kind, row.id) == (kind, owner)).map(|row| row.home),
        _ => None,
    };
    account.map(|account| AccountId(account as u64))
}
