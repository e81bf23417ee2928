//! What must hold after a run of the market, beside what must hold after every run: what players were told and agreed
//! to is what was done.

use super::board::{Board, Consent, Told};
use crate::held;
use crate::shard::SharedDisk;
use model::id::{AccountId, CharacterId, ItemId, LotId, OperationId};
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::{Move, Transfer};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that was done, by operation.
pub fn performed(disks: &[SharedDisk]) -> BTreeMap<OperationId, Transfer> {
    let mut all = BTreeMap::new();
    for disk in disks {
        all.extend(held(disk).performed().iter().map(|transfer| (transfer.operation, transfer.clone())));
    }
    all
}

/// Everything that is wrong with what players were told.
pub fn judge(board: &Board, done: &BTreeMap<OperationId, Transfer>, wrong: &mut Vec<String>) {
    wrong.extend(board.wrong.iter().cloned());
    orders(board, done, wrong);
    trades(board, done, wrong);
    lots(done, wrong);
}

/// Orders that were told to be done were, those that were told not to be were not; nobody paid more than was asked.
fn orders(board: &Board, done: &BTreeMap<OperationId, Transfer>, wrong: &mut Vec<String>) {
    for (operation, what, told) in &board.orders {
        let is_done = done.contains_key(operation);
        // a bid may have been done at a later attempt, under another id
        let one_attempt = matches!(*what, "list" | "buy");
        match told {
            Told::Done if one_attempt && !is_done => {
                wrong.push(format!("{what} {operation} was told to be done, and is not"));
            }
            Told::Not if is_done => wrong.push(format!("{what} {operation} was refused, and is done")),
            Told::Done | Told::Not => {}
        }
    }
    for (operation, price) in &board.prices {
        let paid: i64 = done.get(operation).map_or(0, |transfer| {
            transfer
                .moves
                .iter()
                .map(|step| if let Move::Gold { amount, .. } = step { *amount } else { 0 })
                .sum()
        });
        if paid != 0 && paid != *price {
            wrong.push(format!("purchase {operation} was agreed to at {price} and cost {paid}"));
        }
    }
}

/// Both sides of a trade, or none; told so; and nothing but what each agreed to.
fn trades(board: &Board, done: &BTreeMap<OperationId, Transfer>, wrong: &mut Vec<String>) {
    for (trade, character, told) in &board.trades {
        // nothing for nothing is done without a transfer
        let agreed = board.consents.get(&(*trade, *character));
        let nothing = Consent::default();
        let is_nothing = agreed.is_some_and(|agreed| agreed.contains(&nothing));
        let is_done = done.contains_key(&OperationId(trade.0));
        let is_told = *told == Told::Done;
        if is_done != is_told && !(is_told && is_nothing) {
            wrong.push(format!("trade {trade}: {character} was told {told:?}, done is {is_done}"));
        }
    }
    for (operation, transfer) in done.iter().filter(|(_, transfer)| transfer.reason == "trade") {
        let trade = model::TradeId(operation.0);
        let [one, other] = transfer.fences.as_slice() else {
            wrong.push(format!("trade {trade} has {} sides", transfer.fences.len()));
            continue;
        };
        for (me, partner) in [(one.character, other.character), (other.character, one.character)] {
            let was = Consent { gives: given_by(transfer, me), gets: given_by(transfer, partner) };
            let agreed = board.consents.get(&(trade, me));
            if !agreed.is_some_and(|agreed| agreed.contains(&was)) {
                wrong.push(format!("trade {trade}: {me} never agreed to {was:?}, only to {agreed:?}"));
            }
        }
    }
}

fn given_by(transfer: &Transfer, character: CharacterId) -> (BTreeSet<ItemId>, i64) {
    let (mut items, mut gold) = (BTreeSet::new(), 0);
    for step in &transfer.moves {
        match step {
            Move::Item { item, from, .. } if matches!(from.place, ItemPlace::Carry(of, _) if of == character) =>
            {
                items.insert(item.id);
            }
            Move::Gold { amount, from, .. } if from.account == GoldAccount::Character(character) => {
                gold += amount;
            }
            _ => {}
        }
    }
    (items, gold)
}

/// What one lot saw.
#[derive(Debug, Default)]
struct Seen {
    seller: Option<AccountId>,
    went_to: Option<AccountId>,
    /// Gold that came from each account, less what went back to it.
    paid: BTreeMap<AccountId, i64>,
    taxed: i64,
}

/// Each lot gave its item to who paid for it, the price to its seller, and everybody else everything back.
fn lots(done: &BTreeMap<OperationId, Transfer>, wrong: &mut Vec<String>) {
    let mut lots: BTreeMap<LotId, Seen> = BTreeMap::new();
    for transfer in done.values() {
        for step in &transfer.moves {
            see(&mut lots, step);
        }
    }
    for (lot, seen) in lots {
        let (Some(seller), Some(went_to)) = (seen.seller, seen.went_to) else {
            wrong.push(format!("lot {lot} keeps what is in it: {seen:?}"));
            continue;
        };
        let of = |account: AccountId| seen.paid.get(&account).copied().unwrap_or(0);
        let others = seen
            .paid
            .iter()
            .find(|(account, gold)| **gold != 0 && **account != seller && **account != went_to);
        if let Some((account, gold)) = others {
            wrong.push(format!("lot {lot}: {account} paid {gold} for what {went_to} has"));
        }
        let sold = went_to != seller;
        let fair = if sold { of(went_to) > 0 && of(seller) <= 0 } else { of(seller) == 0 && seen.taxed == 0 };
        let sum = seen.paid.values().sum::<i64>() - seen.taxed;
        if !fair || sum != 0 {
            wrong.push(format!("lot {lot} was not settled fairly: {seen:?}"));
        }
    }
}

fn see(lots: &mut BTreeMap<LotId, Seen>, step: &Move) {
    match step {
        Move::Item { from, to, .. } => {
            if let ItemPlace::Lot(lot, _) = to.place {
                lots.entry(lot).or_default().seller = Some(from.home);
            }
            if let ItemPlace::Lot(lot, _) = from.place {
                lots.entry(lot).or_default().went_to = Some(to.home);
            }
        }
        Move::Gold { amount, from, to } => {
            if let GoldAccount::Lot(lot) = to.account {
                *lots.entry(lot).or_default().paid.entry(from.home).or_default() += amount;
            }
            if let GoldAccount::Lot(lot) = from.account {
                let seen = lots.entry(lot).or_default();
                match &to.account {
                    GoldAccount::Burn(_) => seen.taxed += amount,
                    _ => *seen.paid.entry(to.home).or_default() -= amount,
                }
            }
        }
        Move::Birth { .. } | Move::Death { .. } => {}
    }
}
