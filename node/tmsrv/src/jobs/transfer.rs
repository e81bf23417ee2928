//! A zone's plan as a transfer of the store: with ids, fences, homes and the time of day.

use crate::clock;
use crate::records;
use model::calls::database::Transfer;
use model::item::Item;
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, Record, RecordChange, RecordKey, SoftWrite};
use model::{Container, Epoch, ItemId, OperationId, Slot, ZoneId};
use world::{Change, GroundRecord, Plan, PlannedSoft, Spot, Who};

/// The transfer of a plan and the ids of what is born by it, in order. `None` when the plan names what its player
/// does not have: the bank, or own slots in a plan of nobody.
pub(crate) fn of_plan(
    plan: &Plan,
    who: Option<(Who, Epoch)>,
    zone: ZoneId,
) -> Option<(Transfer, Vec<ItemId>)> {
    let owner = who.map(|(who, _)| who);
    let mut born = Vec::new();
    let mut moves = Vec::new();
    for change in &plan.changes {
        moves.push(step(change, owner, &mut born)?);
    }
    let fences = who.map(|(who, epoch)| Fence { account: who.account, character: who.character, epoch });
    let softs = plan.soft.clone().zip(owner).map(|(PlannedSoft { number, soft }, owner)| SoftWrite {
        character: owner.character,
        number,
        soft,
    });
    let actor = match owner {
        Some(owner) => Actor::Player(owner.account),
        None => Actor::System("tmsrv".to_owned()),
    };
    let transfer = Transfer {
        operation: OperationId(rand::random()),
        actor,
        reason: plan.reason.to_owned(),
        fences: fences.into_iter().collect(),
        moves,
        records: plan.ground.iter().map(|record| ground_record(record, zone)).collect(),
        softs: softs.into_iter().collect(),
        standings: Vec::new(),
    };
    Some((transfer, born))
}

fn step(change: &Change, owner: Option<Who>, born: &mut Vec<ItemId>) -> Option<Move> {
    Some(match change {
        Change::Move { item, from, to, effects } => {
            let (from, to) = (location(from, owner)?, location(to, owner)?);
            Move::Item { item: *item, from, to, effects: *effects }
        }
        Change::Birth { spec, to } => {
            let item: Item = spec.with_id(ItemId(rand::random()));
            born.push(item.id);
            Move::Birth { item, to: location(&Spot::Own(*to), owner)? }
        }
        Change::Death { item, from } => Move::Death { item: *item, from: location(from, owner)? },
        Change::Mint { amount, reason } => {
            let (world, own) = purses(GoldAccount::Mint((*reason).to_owned()), owner?);
            Move::Gold { amount: *amount, from: world, to: own }
        }
        Change::Burn { amount, reason } => {
            let (world, own) = purses(GoldAccount::Burn((*reason).to_owned()), owner?);
            Move::Gold { amount: *amount, from: own, to: world }
        }
    })
}

fn location(spot: &Spot, owner: Option<Who>) -> Option<ItemLocation> {
    Some(match spot {
        Spot::Ground { id, home } => ItemLocation { home: *home, place: ItemPlace::Ground(*id) },
        Spot::Own(Slot { container, index }) => {
            let owner = owner?;
            let place = match container {
                Container::Equip => ItemPlace::Equip(owner.character, *index),
                Container::Carry => ItemPlace::Carry(owner.character, *index),
                Container::Cargo => return None,
            };
            ItemLocation { home: owner.account, place }
        }
    })
}

/// A purse of the world and that of the character, both at home with it.
fn purses(world: GoldAccount, owner: Who) -> (GoldLocation, GoldLocation) {
    let at_home = |account| GoldLocation { home: owner.account, account };
    (at_home(world), at_home(GoldAccount::Character(owner.character)))
}

fn ground_record(record: &GroundRecord, zone: ZoneId) -> RecordChange {
    match record {
        GroundRecord::Lay { id, home, tile, rotate, for_ms } => {
            let record = Record {
                key: RecordKey::Ground(*id),
                home: *home,
                version: 1,
                scope: records::scope_of(zone),
                until_ms: clock::unix_ms() + for_ms.cast_signed(),
                body: records::body(*tile, *rotate),
            };
            RecordChange::Put { record, expected: 0 }
        }
        GroundRecord::Lift { id, home, version } => {
            RecordChange::Remove { key: RecordKey::Ground(*id), home: *home, expected: *version }
        }
    }
}
