//! What becomes of two slots when an item goes from one to the other: a pure function of what lies there.

use crate::places;
use model::calls::bank::{BankRefusal, Cargo, KindRule, MoveItem};
use model::item::{CARGO_SLOTS, Container};
use model::transfer::{Fence, ItemLocation, Move};
use model::{Item, ItemKind, Slot};
use rules::stack::{self, Joined};
use rules::{ItemDef, Requirements, effect};

/// What a move does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// For the store.
    pub(crate) moves: Vec<Move>,
    /// Both slots afterwards: first that of `from`, then that of `to`.
    pub(crate) slots: [(Slot, Option<Item>); 2],
}

/// Why there is no plan.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoPlan {
    /// The rules say no.
    Refused(BankRefusal),
    /// Two of this kind meet, and nobody said whether they stack.
    KindWanted(ItemKind),
}

/// Refuses what can never be done, whatever lies where.
pub(crate) fn check(asked: &MoveItem) -> Result<(), BankRefusal> {
    let usable = usize::from(asked.cargo_slots).min(CARGO_SLOTS);
    let bad = |what: &str| Err(BankRefusal::BadRequest(what.to_owned()));
    for slot in [asked.from, asked.to] {
        let slots = match slot.container {
            Container::Cargo => usable,
            Container::Carry => Container::Carry.slots(),
            Container::Equip => return bad("what is worn does not go to the bank"),
        };
        if usize::from(slot.index) >= slots {
            return bad("there is no such slot");
        }
    }
    if asked.from.container != Container::Cargo && asked.to.container != Container::Cargo {
        return bad("neither slot is of the bank");
    }
    if asked.from == asked.to { bad("both slots are the same") } else { Ok(()) }
}

/// What the move does to what lies in the bank now. The request has passed [`check`].
pub(crate) fn plan(asked: &MoveItem, cargo: &Cargo) -> Result<Plan, NoPlan> {
    let lies = |slot: Slot| match slot.container {
        Container::Cargo => cargo.items.get(usize::from(slot.index)).copied().flatten(),
        _ => asked.carried,
    };
    let place = |slot: Slot| location(asked.order.fence, slot);
    let (from, to) = (asked.from, asked.to);
    let moving = lies(from).ok_or(NoPlan::Refused(BankRefusal::ItemGone))?;
    let Some(target) = lies(to) else {
        let moves = vec![places::goes(moving, place(from), place(to))];
        return Ok(Plan { moves, slots: [(from, None), (to, Some(moving))] });
    };
    if moving.id == target.id {
        // what the node believes to be carried is in the bank: the move was done before
        return Err(NoPlan::Refused(BankRefusal::ItemGone));
    }
    let Some(joined) = join(&moving, &target, asked.rule)? else {
        let moves =
            vec![places::goes(moving, place(from), place(to)), places::goes(target, place(to), place(from))];
        return Ok(Plan { moves, slots: [(from, Some(target)), (to, Some(moving))] });
    };
    let rest = joined.rest.map(|effects| Item { effects, ..moving });
    let emptied = match rest {
        None => Move::Death { item: moving, from: place(from) },
        Some(rest) => places::becomes(moving, place(from), rest.effects),
    };
    let grown = Item { effects: joined.onto, ..target };
    let moves = vec![emptied, places::becomes(target, place(to), joined.onto)];
    Ok(Plan { moves, slots: [(from, rest), (to, Some(grown))] })
}

/// The two as one stack, if they stack.
fn join(moving: &Item, target: &Item, rule: Option<KindRule>) -> Result<Option<Joined>, NoPlan> {
    if moving.kind != target.kind {
        return Ok(None);
    }
    let rule = rule.filter(|rule| rule.kind == moving.kind).ok_or(NoPlan::KindWanted(moving.kind))?;
    Ok(if rule.pieces == 0 { None } else { stack::join(moving, target, &definition(rule)) })
}

/// As much of a kind's row of the item list as stacking asks for.
fn definition(rule: KindRule) -> ItemDef {
    ItemDef {
        kind: rule.kind,
        name: String::new(),
        mesh: 0,
        texture: 0,
        requires: Requirements::default(),
        unique: 0,
        price: 0,
        position: 0,
        extra: 0,
        grade: 0,
        effects: vec![(effect::AMOUNT, i16::from(rule.pieces))],
    }
}

fn location(of: Fence, slot: Slot) -> ItemLocation {
    match slot.container {
        Container::Cargo => places::cargo(of.account, slot.index),
        _ => places::carry(of, slot.index),
    }
}

#[cfg(test)]
mod tests;
