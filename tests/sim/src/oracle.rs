//! What must hold after every run, judged from what was acknowledged and what lies on the disks.

use crate::held;
use crate::player::{Board, GOLD};
use crate::shard::SharedDisk;
use model::id::{AccountId, CharacterId, ItemId};
use model::ledger::GoldAccount;
use model::transfer::Move;
use std::collections::BTreeMap;
use store::testing::memory::{Disk, MemoryShard};

type Spot = (i64, i64, i64);

/// Everything that is wrong.
pub fn judge(board: &Board, first: &BTreeMap<ItemId, Spot>, disks: &[SharedDisk]) -> Vec<String> {
    let mut wrong = Vec::new();
    items(board, first, disks, &mut wrong);
    gold(board, disks, &mut wrong);
    operations(board, disks, &mut wrong);
    for (shard, disk) in disks.iter().enumerate() {
        let left = held(disk).in_doubt();
        if left > 0 {
            wrong.push(format!("shard {shard} has {left} transactions in doubt"));
        }
    }
    wrong
}

/// Every item lies in one place, and the moves that were acknowledged lead there from where it began.
fn items(board: &Board, first: &BTreeMap<ItemId, Spot>, disks: &[SharedDisk], wrong: &mut Vec<String>) {
    let mut lies: BTreeMap<ItemId, Vec<Spot>> = BTreeMap::new();
    let mut taken: BTreeMap<Spot, ItemId> = BTreeMap::new();
    for disk in disks {
        for (item, spot) in held(disk).items() {
            lies.entry(item).or_default().push(spot);
            if let Some(other) = taken.insert(spot, item) {
                wrong.push(format!("items {item} and {other} lie at {spot:?}"));
            }
        }
    }
    let mut stays: BTreeMap<(ItemId, Spot), i64> = BTreeMap::new();
    for (item, spot) in first {
        *stays.entry((*item, *spot)).or_default() += 1;
    }
    for (transfer, _) in board.journal.iter().filter(|(_, outcome)| outcome.is_ok()) {
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

/// Every purse holds what it began with and what was acknowledged.
fn gold(board: &Board, disks: &[SharedDisk], wrong: &mut Vec<String>) {
    let mut expected: BTreeMap<GoldAccount, i64> = BTreeMap::new();
    for player in &board.players {
        expected.insert(GoldAccount::Character(player.character), GOLD);
        expected.insert(GoldAccount::Cargo(player.account), GOLD);
    }
    for (transfer, _) in board.journal.iter().filter(|(_, outcome)| outcome.is_ok()) {
        for step in &transfer.moves {
            if let Move::Gold { amount, from, to } = step {
                expected.entry(from.account.clone()).and_modify(|gold| *gold -= amount);
                expected.entry(to.account.clone()).and_modify(|gold| *gold += amount);
            }
        }
    }
    let mut found: BTreeMap<GoldAccount, i64> = BTreeMap::new();
    for disk in disks {
        let disk = held(disk);
        found.extend(disk.carried().map(|(id, gold): (CharacterId, i64)| (GoldAccount::Character(id), gold)));
        found.extend(disk.banked().map(|(id, gold): (AccountId, i64)| (GoldAccount::Cargo(id), gold)));
    }
    for (account, gold) in &expected {
        if found.get(account) != Some(gold) {
            wrong.push(format!("{account} has {:?}; acknowledged is {gold}", found.get(account)));
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
