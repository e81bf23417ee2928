//! What becomes of two slots, case by case.
#![allow(clippy::unwrap_used)]

use super::*;
use model::calls::bank::Order;
use model::transfer::Fence;
use model::{AccountId, CharacterId, Effect, Epoch, ItemId, OperationId};

const ANA: Fence = Fence { account: AccountId(1), character: CharacterId(2), epoch: Epoch(3) };
const POTION: ItemKind = ItemKind(400);
const KIT: ItemKind = ItemKind(428);
const RULE: KindRule = KindRule { kind: POTION, pieces: 1 };

fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

fn bank(index: u8) -> Slot {
    Slot { container: Container::Cargo, index }
}

fn item(id: u128, kind: ItemKind) -> Item {
    Item { id: ItemId(id), kind, effects: [Effect::default(); 3] }
}

/// A stack that says how many pieces it is.
fn stack(id: u128, pieces: u8) -> Item {
    let amount = Effect { code: effect::AMOUNT, value: pieces };
    Item { effects: [amount, Effect::default(), Effect::default()], ..item(id, POTION) }
}

fn asked(from: Slot, to: Slot, carried: Option<Item>) -> MoveItem {
    let order = Order { operation: OperationId(9), fence: ANA, again: false };
    MoveItem { order, cargo_slots: 128, rule: Some(RULE), from, to, carried }
}

fn cargo(items: &[(u8, Item)]) -> Cargo {
    let mut cargo = Cargo { items: vec![None; CARGO_SLOTS], gold: 0 };
    for (slot, item) in items {
        cargo.items[usize::from(*slot)] = Some(*item);
    }
    cargo
}

fn pieces(item: Option<Item>) -> u16 {
    item.map_or(0, |item| stack::pieces(&item.effects, &definition(RULE)))
}

/// Plans a move and checks that its moves and its slots tell the same story.
fn planned(asked: &MoveItem, cargo: &Cargo) -> Result<Plan, NoPlan> {
    let plan = plan(asked, cargo)?;
    let place = |slot| location(ANA, slot);
    let mut left: Vec<(ItemLocation, Item)> = Vec::new();
    for step in &plan.moves {
        match step {
            Move::Item { item, to, effects, .. } => left.push((*to, Item { effects: *effects, ..*item })),
            Move::Death { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let mut told: Vec<_> =
        plan.slots.iter().filter_map(|(slot, item)| item.map(|item| (place(*slot), item))).collect();
    left.sort_by_key(|(_, item)| item.id);
    told.sort_by_key(|(_, item)| item.id);
    assert_eq!(left, told, "what is sent is what is told");
    assert_eq!(plan.slots.map(|(slot, _)| slot), [asked.from, asked.to]);
    Ok(plan)
}

#[test]
fn an_item_goes_into_an_empty_slot_of_the_bank_and_back_and_within_it() {
    let sword = item(1, ItemKind(900));
    let goes = |asked: &MoveItem, cargo: &Cargo| planned(asked, cargo).map(|plan| plan.slots);
    assert_eq!(
        goes(&asked(carry(3), bank(5), Some(sword)), &cargo(&[])),
        Ok([(carry(3), None), (bank(5), Some(sword))])
    );
    let there = cargo(&[(5, sword)]);
    assert_eq!(goes(&asked(bank(5), carry(3), None), &there), Ok([(bank(5), None), (carry(3), Some(sword))]));
    assert_eq!(
        goes(&asked(bank(5), bank(127), None), &there),
        Ok([(bank(5), None), (bank(127), Some(sword))])
    );
}

#[test]
fn two_different_items_change_places() {
    let (sword, bow) = (item(1, ItemKind(900)), item(2, ItemKind(901)));
    let there = cargo(&[(5, bow), (6, sword)]);
    let swap = |from, to, carried| planned(&asked(from, to, carried), &there).map(|plan| plan.slots);
    let shield = item(3, ItemKind(902));
    assert_eq!(swap(carry(3), bank(5), Some(shield)), Ok([(carry(3), Some(bow)), (bank(5), Some(shield))]));
    assert_eq!(swap(bank(5), carry(3), Some(shield)), Ok([(bank(5), Some(shield)), (carry(3), Some(bow))]));
    assert_eq!(swap(bank(5), bank(6), None), Ok([(bank(5), Some(sword)), (bank(6), Some(bow))]));
}

#[test]
fn stacks_join_whatever_their_sizes_and_no_piece_is_made_or_lost() {
    for (from, to) in [(carry(3), bank(5)), (bank(5), carry(3)), (bank(5), bank(6))] {
        for (moving, target) in [(1, 1), (60, 60), (60, 61), (120, 1), (1, 119), (119, 119), (120, 119)] {
            let (moving, target) = (stack(1, moving), stack(2, target));
            let carried = if from == carry(3) { Some(moving) } else { Some(target) };
            let there = match (from.container, to.container) {
                (Container::Carry, _) => cargo(&[(5, target)]),
                (_, Container::Carry) => cargo(&[(5, moving)]),
                _ => cargo(&[(5, moving), (6, target)]),
            };
            let plan = planned(&asked(from, to, carried), &there).unwrap();
            let [(_, rest), (_, grown)] = plan.slots;
            let sum = pieces(Some(moving)) + pieces(Some(target));
            assert_eq!(pieces(rest) + pieces(grown), sum);
            assert_eq!(pieces(grown), sum.min(120));
            assert_eq!(grown.map(|item| item.id), Some(target.id), "the one that lay there stays");
            assert_eq!(rest.map(|item| item.id), Some(moving.id).filter(|_| sum > 120));
            let deaths = plan.moves.iter().filter(|step| matches!(step, Move::Death { .. })).count();
            assert_eq!(deaths, usize::from(sum <= 120));
        }
    }
}

#[test]
fn a_full_stack_takes_nothing_and_the_two_change_places() {
    let (moving, full) = (stack(1, 40), stack(2, 120));
    let plan = planned(&asked(carry(3), bank(5), Some(moving)), &cargo(&[(5, full)])).unwrap();
    assert_eq!(plan.slots, [(carry(3), Some(full)), (bank(5), Some(moving))]);
}

#[test]
fn single_ones_and_kits_are_as_many_pieces_as_their_kind_says() {
    let (one, other) = (item(1, POTION), item(2, POTION));
    let plan = planned(&asked(carry(3), bank(5), Some(one)), &cargo(&[(5, other)])).unwrap();
    assert_eq!(pieces(plan.slots[1].1), 2);
    let rule = Some(KindRule { kind: KIT, pieces: 5 });
    let kits = MoveItem { rule, ..asked(carry(3), bank(5), Some(item(1, KIT))) };
    let plan = planned(&kits, &cargo(&[(5, item(2, KIT))])).unwrap();
    let grown = plan.slots[1].1.unwrap();
    assert_eq!(grown.effects[0], Effect { code: effect::AMOUNT, value: 10 });
}

#[test]
fn what_does_not_stack_or_differs_in_its_options_changes_places() {
    let (one, other) = (stack(1, 5), stack(2, 5));
    let worn =
        MoveItem { rule: Some(KindRule { kind: POTION, pieces: 0 }), ..asked(carry(3), bank(5), Some(one)) };
    let plan = planned(&worn, &cargo(&[(5, other)])).unwrap();
    assert_eq!(plan.slots[1].1, Some(one));
    let mut fine = other;
    fine.effects[2] = Effect { code: effect::SANC, value: 3 };
    let plan = planned(&asked(carry(3), bank(5), Some(one)), &cargo(&[(5, fine)])).unwrap();
    assert_eq!(plan.slots, [(carry(3), Some(fine)), (bank(5), Some(one))]);
}

#[test]
fn within_the_bank_the_node_is_asked_how_a_kind_stacks_and_only_then() {
    let there = cargo(&[(5, stack(1, 5)), (6, stack(2, 5)), (7, item(3, KIT))]);
    let asked = |to, rule| MoveItem { rule, ..asked(bank(5), to, None) };
    assert_eq!(planned(&asked(bank(6), None), &there), Err(NoPlan::KindWanted(POTION)));
    let other = KindRule { kind: KIT, pieces: 5 };
    assert_eq!(planned(&asked(bank(6), Some(other)), &there), Err(NoPlan::KindWanted(POTION)));
    assert_eq!(planned(&asked(bank(6), Some(RULE)), &there).map(|plan| plan.moves.len()), Ok(2));
    assert!(planned(&asked(bank(7), None), &there).is_ok(), "two kinds change places");
    assert!(planned(&asked(bank(8), None), &there).is_ok(), "into an empty slot");
}

#[test]
fn a_slot_without_an_item_gives_nothing() {
    let gone = Err(NoPlan::Refused(BankRefusal::ItemGone));
    let sword = item(1, ItemKind(900));
    assert_eq!(planned(&asked(carry(3), bank(5), None), &cargo(&[])), gone);
    assert_eq!(planned(&asked(bank(5), carry(3), Some(sword)), &cargo(&[])), gone);
    assert_eq!(planned(&asked(bank(5), bank(6), None), &cargo(&[(6, sword)])), gone);
}

#[test]
fn an_item_that_is_in_the_bank_already_is_not_moved_there_again() {
    let sword = item(1, ItemKind(900));
    let again = asked(carry(3), bank(5), Some(sword));
    assert_eq!(planned(&again, &cargo(&[(5, sword)])), Err(NoPlan::Refused(BankRefusal::ItemGone)));
}

#[test]
fn a_slot_that_there_is_not_is_refused_whatever_lies_where() {
    let worn = Slot { container: Container::Equip, index: 6 };
    let cases = [
        (carry(64), bank(0), 128),
        (carry(0), bank(128), 128),
        (carry(0), bank(128), 255),
        (carry(0), bank(120), 120),
        (bank(120), carry(0), 120),
        (bank(127), bank(3), 120),
        (worn, bank(3), 128),
        (bank(3), worn, 128),
        (carry(3), carry(4), 128),
        (bank(3), bank(3), 128),
    ];
    for (from, to, cargo_slots) in cases {
        let asked = MoveItem { cargo_slots, ..asked(from, to, None) };
        assert!(matches!(check(&asked), Err(BankRefusal::BadRequest(_))), "{from:?} {to:?} {cargo_slots}");
    }
    for (from, to, cargo_slots) in
        [(carry(63), bank(127), 128), (bank(119), carry(0), 120), (bank(0), bank(119), 120)]
    {
        assert_eq!(check(&MoveItem { cargo_slots, ..asked(from, to, None) }), Ok(()));
    }
}
