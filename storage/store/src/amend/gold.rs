//! Gold that went the wrong way: who has too much, who too little, and where it is now.
//!
//! What is left of it follows from the balances since: whoever spends is taken to spend clean gold first, so the rest
//! that is to go back is never more than the lowest balance since, and what was paid on beyond that is looked for with
//! whoever got it. So nobody loses gold that came from somewhere else.

use super::book::Reader;
use super::is_amendment;
use super::tainted::Group;
use model::id::OperationId;
use model::ledger::{Change, Entry, GoldAccount};
use std::collections::{BTreeMap, BTreeSet};

/// How often gold that was paid on is followed further.
const DEPTH: u32 = 8;

/// True for what was bought for money.
pub(super) fn is_cash(account: &GoldAccount) -> bool {
    matches!(account, GoldAccount::Cash(_))
}

/// True for an account that holds something.
pub(super) fn is_purse(account: &GoldAccount) -> bool {
    !matches!(account, GoldAccount::Mint(_) | GoldAccount::Burn(_) | GoldAccount::Elsewhere(_))
}

/// What operations changed in all: gold of each purse, and of the world, cash apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Nets {
    pub(super) purses: BTreeMap<GoldAccount, i64>,
    /// What the world took less what it gave: of gold, of cash.
    pub(super) world: [i64; 2],
}

/// Sums up; of the operations in `without` what went between the world and a purse does not count.
pub(super) fn nets(groups: &[Group<'_>], without: &BTreeSet<OperationId>) -> Nets {
    let mut nets = Nets::default();
    for group in groups {
        for entry in &group.entries {
            let Change::Gold { amount, from, to } = &entry.change else { continue };
            let of_world =
                matches!(from.account, GoldAccount::Mint(_)) || matches!(to.account, GoldAccount::Burn(_));
            if of_world && without.contains(&group.operation) {
                continue;
            }
            for (side, other, amount) in [(from, to, -*amount), (to, from, *amount)] {
                if is_purse(&side.account) {
                    // whoever gave it back, for whomever it was, has not lost it now
                    if amount > 0 || !group.amends {
                        *nets.purses.entry(side.account.clone()).or_default() += amount;
                    }
                } else if of_world && is_purse(&other.account) {
                    nets.world[usize::from(is_cash(&other.account))] += amount;
                }
            }
        }
    }
    nets.purses.retain(|_, net| *net != 0);
    nets
}

/// What one operation did to one purse.
struct Payment<'a> {
    operation: Option<OperationId>,
    change: i64,
    balance: i64,
    entry: &'a Entry,
}

fn payments<'a>(entries: &'a [Entry], purse: &GoldAccount) -> Vec<Payment<'a>> {
    let mut found: Vec<Payment<'_>> = Vec::new();
    for entry in entries {
        let Change::Gold { amount, from, to } = &entry.change else { continue };
        let (change, balance) = match (from.account == *purse, to.account == *purse) {
            (true, _) => (-*amount, from.balance),
            (_, true) => (*amount, to.balance),
            _ => continue,
        };
        let balance = balance.unwrap_or_default();
        match found.last_mut().filter(|last| last.operation == entry.operation) {
            Some(last) => (last.change, last.balance) = (last.change + change, balance),
            None => found.push(Payment { operation: entry.operation, change, balance, entry }),
        }
    }
    found
}

/// True when gold that a purse owes is still the same: the purse never had less after anything that happened to it since
/// `before` was read, the operations in `done` apart. What came in after it was spent is not what is to go back.
pub(super) fn stays(
    owed: i64,
    purse: &GoldAccount,
    before: &[Entry],
    now: &[Entry],
    done: &[OperationId],
) -> bool {
    let known: BTreeSet<(u16, u64)> = before.iter().map(|entry| (entry.shard, entry.entry)).collect();
    let is_done = |entry: &Entry| entry.operation.is_some_and(|operation| done.contains(&operation));
    let since = now.iter().filter(|entry| !known.contains(&(entry.shard, entry.entry)) && !is_done(entry));
    let mut balances = since.filter_map(|entry| match &entry.change {
        Change::Gold { from, to, .. } => {
            [from, to].into_iter().find(|side| side.account == *purse).map(|side| side.balance)
        }
        Change::Item { .. } => None,
    });
    balances.all(|balance| balance.is_some_and(|balance| balance >= owed))
}

/// Follows gold from where it came to.
pub(super) struct Trail<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) targets: &'a BTreeSet<OperationId>,
    pub(super) since_ms: i64,
}

impl Trail<'_> {
    /// Where the gold is now that a purse got by the targets.
    pub(super) fn of_targets(&self, purse: &GoldAccount) -> Vec<(GoldAccount, i64)> {
        self.follow(purse, 0, None, 0)
    }

    /// `after`: begins with what follows that operation.
    fn follow(
        &self,
        purse: &GoldAccount,
        amount: i64,
        after: Option<OperationId>,
        depth: u32,
    ) -> Vec<(GoldAccount, i64)> {
        let payments = payments(self.reader.holder(purse, self.since_ms), purse);
        let first = after.map_or(Some(0), |after| {
            payments.iter().position(|payment| payment.operation == Some(after)).map(|at| at + 1)
        });
        let (mut left, mut found) = (amount, Vec::new());
        for payment in payments.iter().skip(first.unwrap_or(payments.len())) {
            let is_target = payment.operation.is_some_and(|operation| self.targets.contains(&operation));
            if (is_target && after.is_none()) || (is_amendment(payment.entry) && payment.change < 0) {
                left = left.saturating_add(payment.change).max(0);
            } else if payment.change < 0 && payment.balance < left {
                let escaped = left - payment.balance;
                left = payment.balance;
                found.extend(self.escaped(purse, escaped, payment.operation, depth));
            }
        }
        found.insert(0, (purse.clone(), left));
        found.retain(|(_, amount)| *amount > 0);
        found
    }

    /// Gold that was paid on, with those who got it.
    fn escaped(
        &self,
        purse: &GoldAccount,
        mut amount: i64,
        operation: Option<OperationId>,
        depth: u32,
    ) -> Vec<(GoldAccount, i64)> {
        let Some(operation) = operation.filter(|_| depth < DEPTH) else { return Vec::new() };
        let mut gains: BTreeMap<GoldAccount, i64> = BTreeMap::new();
        for entry in self.reader.operation(operation) {
            let Change::Gold { amount, from, to } = &entry.change else { continue };
            for (side, amount) in [(from, -*amount), (to, *amount)] {
                if is_purse(&side.account) && is_cash(&side.account) == is_cash(purse) {
                    *gains.entry(side.account.clone()).or_default() += amount;
                }
            }
        }
        let mut found = Vec::new();
        for (other, gain) in gains.into_iter().filter(|(other, gain)| *gain > 0 && other != purse) {
            let part = gain.min(amount);
            amount -= part;
            if part > 0 {
                found.extend(self.follow(&other, part, Some(operation), depth + 1));
            }
        }
        found
    }
}
