//! What is to be taken back: whole operations, or what became of one item.

use super::book::Reader;
use super::gold::is_purse;
use super::minutes::Parts;
use super::undo::Target;
use super::{Mark, RESTORE, UNDO, UNDO_SINCE, is_amendment, mark};
use crate::ledger::STARTER;
use model::id::{ItemId, OperationId};
use model::item::{Effect, ItemKind};
use model::ledger::{Change, Entry, GoldAccount, ItemPlace};
use std::collections::{BTreeMap, BTreeSet};

/// The most operations that are taken back at once.
const OPERATIONS: usize = 2_000;

/// One operation, or the part of it that counts.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    pub(super) operation: OperationId,
    pub(super) at: Mark,
    pub(super) entries: Vec<&'a Entry>,
    /// It was done by an operator to take something back: its gold counts, its items were not tainted by it.
    pub(super) amends: bool,
}

/// What one operation did to one item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    pub(super) item: ItemId,
    pub(super) kind: ItemKind,
    pub(super) operation: OperationId,
    pub(super) at: Mark,
    /// Effects and place; `None` at its birth.
    pub(super) before: Option<([Effect; 3], ItemPlace)>,
    /// `None` at its death.
    pub(super) after: Option<([Effect; 3], ItemPlace)>,
}

impl Turn {
    pub(super) fn changes(&self) -> bool {
        matches!((self.before, self.after), (Some((before, _)), Some((after, _))) if before != after)
    }
}

/// True for a place or purse that only points to another bucket.
fn is_elsewhere(place: &ItemPlace) -> bool {
    matches!(place, ItemPlace::Elsewhere(_))
}

/// What an operation did to its items: a departure and its arrival are one turn. What has lost its other half is
/// no turn; `fsck` finds it.
pub(super) fn turns(operation: OperationId, entries: &[&Entry]) -> Vec<Turn> {
    let mut found: BTreeMap<ItemId, Turn> = BTreeMap::new();
    let mut born = BTreeSet::new();
    let mut died = BTreeSet::new();
    for entry in entries {
        let Change::Item { item, kind, before, after } = &entry.change else { continue };
        let fresh = Turn { item: *item, kind: *kind, operation, at: mark(entry), before: None, after: None };
        let turn = found.entry(*item).or_insert(fresh);
        turn.at = turn.at.min(mark(entry));
        match before {
            None => {
                born.insert(*item);
            }
            Some(state) if !is_elsewhere(&state.place) => turn.before = Some((state.effects, state.place)),
            Some(_) => {}
        }
        match after {
            None => {
                died.insert(*item);
            }
            Some(state) if !is_elsewhere(&state.place) => turn.after = Some((state.effects, state.place)),
            Some(_) => {}
        }
    }
    let whole = |turn: &Turn| {
        (turn.before.is_some() || born.contains(&turn.item))
            && (turn.after.is_some() || died.contains(&turn.item))
    };
    found.into_values().filter(whole).collect()
}

/// So much went between the world and a purse: what the world gave, what it took.
pub(super) fn world(entries: &[&Entry]) -> (i64, i64) {
    let mut sums = (0_i64, 0_i64);
    for entry in entries {
        let Change::Gold { amount, from, to } = &entry.change else { continue };
        if matches!(from.account, GoldAccount::Mint(_)) {
            sums.0 = sums.0.saturating_add(*amount);
        }
        if matches!(to.account, GoldAccount::Burn(_)) {
            sums.1 = sums.1.saturating_add(*amount);
        }
    }
    sums
}

/// True when an undo, or a restore, moved gold in it.
fn moved_gold(group: &Group<'_>) -> bool {
    let by_undo = |entry: &&Entry| [UNDO, UNDO_SINCE, RESTORE].contains(&entry.reason.as_str());
    let is_gold = |entry: &Entry| matches!(entry.change, Change::Gold { .. });
    group.amends && group.entries.iter().copied().filter(by_undo).any(is_gold)
}

/// True when an undo of a longer time, or a restore, has moved gold of a purse that an operation paid from or into.
fn is_settled_since(reader: &Reader<'_>, entries: &[Entry]) -> bool {
    let purses: BTreeSet<&GoldAccount> = entries
        .iter()
        .filter_map(|entry| match &entry.change {
            Change::Gold { from, to, .. } => Some([&from.account, &to.account]),
            Change::Item { .. } => None,
        })
        .flatten()
        .filter(|account| is_purse(account))
        .collect();
    let Some(at_ms) = entries.iter().map(|entry| entry.at_ms).min() else { return false };
    let is_gold = |entry: &Entry| matches!(entry.change, Change::Gold { .. });
    let is_longer = |entry: &Entry| [UNDO_SINCE, RESTORE].contains(&entry.reason.as_str());
    let has_moved = |entry: &Entry| is_longer(entry) && is_amendment(entry) && is_gold(entry);
    // all are asked for, so that what is wanted is read at once
    purses.into_iter().filter(|purse| reader.holder(purse, at_ms).iter().any(has_moved)).count() > 0
}

/// The operations that a target names, oldest first, the parts that were done for it, and whether gold has gone back for it
/// before; `Err` says why not.
///
/// After that its gold is settled. What is left of tainted gold, and whether an exchange with the world comes back whole,
/// look different once some of it went back, so what a second plan would move was not owed by the first.
pub(super) fn groups<'a>(
    reader: &Reader<'a>,
    target: &Target,
) -> Result<(Vec<Group<'a>>, Parts, bool), String> {
    let before = Parts::of(reader, target.id())?;
    let done = before.operations.iter();
    let parts: Vec<Group<'_>> =
        done.filter_map(|part| group(*part, reader.operation(*part).iter(), true)).collect();
    let mut is_settled = parts.iter().any(moved_gold);
    let mut found = match target {
        Target::Operation(operation) => {
            let entries = reader.operation(*operation);
            if entries.is_empty() && reader.has_all() {
                return Err(format!(
                    "the ledger has no entry of operation {:032x}: it was not done, or moved neither items nor gold, as \
                     most deeds of guilds do not",
                    operation.0
                ));
            }
            is_settled |= is_settled_since(reader, entries);
            let mut found: Vec<Group<'_>> = group(*operation, entries.iter(), false).into_iter().collect();
            found.extend(parts);
            found
        }
        Target::Item { item, since_ms } => {
            let life = reader.life(*item);
            if life.is_empty() && reader.has_all() {
                return Err(format!("the ledger has no item {:032x}", item.0));
            }
            let since = life.iter().filter(|entry| entry.at_ms >= since_ms.unwrap_or(i64::MIN));
            by_operation(since.filter(|entry| !is_amendment(entry)))
        }
        Target::Restore { at_ms, player } => {
            // what moved gold of the account was about this character, or may have been
            let purses = [GoldAccount::Cargo(player.account), GoldAccount::Cash(player.account)];
            let moved = purses.iter().flat_map(|purse| reader.holder(purse, *at_ms));
            is_settled |= by_operation(moved).iter().any(moved_gold);
            let holder = GoldAccount::Character(player.character);
            let named = reader.holder(&holder, *at_ms).iter().filter(|entry| entry.reason != STARTER);
            let mut named: BTreeSet<OperationId> = named.filter_map(|entry| entry.operation).collect();
            named.extend(parts.iter().map(|part| part.operation));
            by_operation(named.into_iter().flat_map(|operation| reader.operation(operation)))
        }
        Target::Since { since_ms, player: None } => by_operation(reader.everything(*since_ms).iter()),
        Target::Since { since_ms, player: Some(player) } => {
            let holders =
                [GoldAccount::Character(player.character), GoldAccount::Cargo(player.account)].into_iter();
            let named = holders.flat_map(|holder| reader.holder(&holder, *since_ms));
            let named: BTreeSet<OperationId> = named.filter_map(|entry| entry.operation).collect();
            if named.len() > OPERATIONS {
                return Err(format!("{} operations since then; at most {OPERATIONS}", named.len()));
            }
            by_operation(named.into_iter().flat_map(|operation| reader.operation(operation)))
        }
    };
    if found.len() > OPERATIONS {
        return Err(format!("{} operations since then; at most {OPERATIONS}", found.len()));
    }
    // the same with another moment, or a part of it, has other numbers
    is_settled |= found.iter().any(moved_gold);
    found.sort_by_key(|group| group.at);
    Ok((found, before, is_settled))
}

fn group<'a>(
    operation: OperationId,
    entries: impl Iterator<Item = &'a Entry>,
    amends: bool,
) -> Option<Group<'a>> {
    let entries: Vec<&Entry> = entries.collect();
    let at = entries.iter().map(|entry| mark(entry)).min()?;
    Some(Group { operation, at, entries, amends })
}

fn by_operation<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Group<'a>> {
    let mut found: BTreeMap<OperationId, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        if let Some(operation) = entry.operation {
            found.entry(operation).or_default().push(entry);
        }
    }
    let groups = found.into_iter().filter_map(|(operation, entries)| {
        let amends = entries.iter().any(|entry| is_amendment(entry));
        group(operation, entries.into_iter(), amends)
    });
    groups.collect()
}
