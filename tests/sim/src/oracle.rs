//! What must hold after every run, judged from what was acknowledged and what lies on the disks.

use crate::held;
use crate::player::{BANK, Board, GOLD, Player};
use crate::shard::SharedDisk;
use model::id::{ItemId, LotId};
use model::item::GOLD_MAX;
use model::ledger::GoldAccount;
use model::transfer::{Move, Transfer};
use std::collections::BTreeMap;
use store::testing::memory::{Disk, MemoryShard};

/// A place as stored: kind, owner, slot.
pub type Spot = (i64, i64, i64);

/// The kind of place that lots are, as stored.
const LOT: i16 = 4;

/// What lies where at the end of a run.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Every item, as often as it is found.
    pub items: Vec<(ItemId, Spot)>,
    /// Every purse.
    pub gold: BTreeMap<GoldAccount, i64>,
}

impl Found {
    /// What lies on the disks of simulated shards.
    pub fn on(disks: &[SharedDisk]) -> Self {
        let mut found = Self::default();
        for disk in disks {
            let disk = held(disk);
            found.items.extend(disk.items());
            found.gold.extend(disk.carried().map(|(id, gold)| (GoldAccount::Character(id), gold)));
            let lots = disk.purses().filter(|((kind, _), _)| *kind == LOT);
            found.gold.extend(lots.map(|((_, lot), gold)| (GoldAccount::Lot(LotId(lot as u64)), gold)));
            found.gold.extend(disk.banked().map(|(id, gold)| (GoldAccount::Cargo(id), gold)));
        }
        found
    }
}

/// Everything that is wrong with what is found after what was acknowledged.
pub fn compare(board: &Board, first: &BTreeMap<ItemId, Spot>, found: &Found) -> Vec<String> {
    let mut wrong = Vec::new();
    let done = board.journal.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(transfer, _)| transfer);
    let done: Vec<&Transfer> = done.collect();
    items(first, &done, found, &mut wrong);
    gold(&begun(&board.players), &done, found, &mut wrong);
    owners(board, found, &mut wrong);
    wrong
}

/// Everything that is wrong.
pub fn judge(board: &Board, first: &BTreeMap<ItemId, Spot>, disks: &[SharedDisk]) -> Vec<String> {
    let mut wrong = compare(board, first, &Found::on(disks));
    operations(board, disks, &mut wrong);
    for (shard, disk) in disks.iter().enumerate() {
        let left = held(disk).in_doubt();
        if left > 0 {
            wrong.push(format!("shard {shard} has {left} transactions in doubt"));
        }
    }
    wrong
}

/// What purses and banks begin with.
fn begun(players: &[Player]) -> BTreeMap<GoldAccount, i64> {
    let both =
        players.iter().flat_map(|player| [(player.purse().account, GOLD), (player.bank().account, BANK)]);
    both.collect()
}

/// Every item lies in one place, and the moves that were acknowledged lead there from where it began.
pub fn items(first: &BTreeMap<ItemId, Spot>, done: &[&Transfer], found: &Found, wrong: &mut Vec<String>) {
    let mut lies: BTreeMap<ItemId, Vec<Spot>> = BTreeMap::new();
    let mut taken: BTreeMap<Spot, ItemId> = BTreeMap::new();
    for (item, spot) in &found.items {
        lies.entry(*item).or_default().push(*spot);
        if let Some(other) = taken.insert(*spot, *item) {
            wrong.push(format!("items {item} and {other} lie at {spot:?}"));
        }
    }
    let mut stays: BTreeMap<(ItemId, Spot), i64> = BTreeMap::new();
    for (item, spot) in first {
        *stays.entry((*item, *spot)).or_default() += 1;
    }
    for transfer in done {
        for step in &transfer.moves {
            if let Move::Item { item, from, to, .. } = step {
                *stays.entry((item.id, Disk::spot(&from.place))).or_default() -= 1;
                *stays.entry((item.id, Disk::spot(&to.place))).or_default() += 1;
            }
        }
    }
    for item in first.keys() {
        match lies.get(item).map(Vec::as_slice) {
            Some([spot]) => *stays.entry((*item, *spot)).or_default() -= 1,
            Some(many) => wrong.push(format!("item {item} lies at {many:?}")),
            None => wrong.push(format!("item {item} is lost")),
        }
    }
    let torn = stays.iter().filter(|(_, count)| **count != 0);
    wrong.extend(torn.map(|((item, spot), count)| {
        format!("item {item}: the acknowledged moves leave {count} of it at {spot:?}")
    }));
}

/// Every purse holds what it began with and what was acknowledged, within its bounds.
pub fn gold(begun: &BTreeMap<GoldAccount, i64>, done: &[&Transfer], found: &Found, wrong: &mut Vec<String>) {
    let mut expected: BTreeMap<&GoldAccount, i64> = begun.iter().map(|(of, gold)| (of, *gold)).collect();
    for transfer in done {
        for step in &transfer.moves {
            if let Move::Gold { amount, from, to } = step {
                *expected.entry(&from.account).or_default() -= amount;
                *expected.entry(&to.account).or_default() += amount;
            }
        }
    }
    let of_somebody = |account: &GoldAccount| !matches!(account, GoldAccount::Mint(_) | GoldAccount::Burn(_));
    for (account, gold) in expected.into_iter().filter(|(account, _)| of_somebody(account)) {
        let there = found.gold.get(account).copied();
        if there.unwrap_or(0) != gold {
            wrong.push(format!("{account} has {there:?}; acknowledged is {gold}"));
        }
        if !(0..=GOLD_MAX).contains(&gold) {
            wrong.push(format!("{account} has {gold} gold, which is out of its bounds"));
        }
    }
}

/// What the last owner of a character found, and did, is what is there: nobody else did anything since.
fn owners(board: &Board, found: &Found, wrong: &mut Vec<String>) {
    for (character, (epoch, gold)) in &board.owners {
        let purse = GoldAccount::Character(*character);
        let is_own = |transfer: &&Transfer| {
            transfer.fences.iter().any(|fence| (fence.character, fence.epoch) == (*character, *epoch))
        };
        let done = board.journal.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(transfer, _)| transfer);
        let known =
            done.filter(is_own).flat_map(|transfer| &transfer.moves).fold(*gold, |gold, step| match step {
                Move::Gold { amount, from, .. } if from.account == purse => gold - amount,
                Move::Gold { amount, to, .. } if to.account == purse => gold + amount,
                _ => gold,
            });
        let there = found.gold.get(&purse).copied();
        if there != Some(known) {
            wrong.push(format!("{purse} has {there:?}; its owner under epoch {epoch} knows of {known}"));
        }
    }
}

/// Doing it again gives what was acknowledged.
fn operations(board: &Board, disks: &[SharedDisk], wrong: &mut Vec<String>) {
    let mut first = BTreeMap::new();
    for (transfer, outcome) in &board.journal {
        if *first.entry(transfer.operation).or_insert(outcome) != outcome {
            wrong.push(format!("operation {} ended in two ways", transfer.operation));
        }
        let Ok((home, _)) = MemoryShard::taking_part(transfer, disks.len() as u16) else { continue };
        let disk = held(&disks[usize::from(home)]);
        if disk.stored(transfer.operation) != Some(outcome) {
            let stored = disk.stored(transfer.operation);
            wrong.push(format!(
                "operation {}: {outcome:?} was told, {stored:?} is stored",
                transfer.operation
            ));
        }
    }
}
