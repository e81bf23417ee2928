//! Plans of undo in a town without a database: tables of what happens, and random histories.
#![allow(clippy::unwrap_used)]

mod random;
mod restore;
mod town;

use super::compose::{Form, parts};
use super::gold::stays;
use super::minutes::{ALL, Minutes, Parts};
use super::undo::{Target, plan};
use super::{Goal, Plan, Step};
use model::calls::database::FoundCharacter;
use model::id::{AccountId, CharacterId, Epoch, ItemId, OperationId};
use model::item::{Effect, Item, ItemKind};
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::{Fence, ItemLocation, RecordChange};
use std::collections::{BTreeMap, BTreeSet};
use town::{Town, cargo, carry};

const ANA: u64 = 1;
const BEN: u64 = 2;
const CEM: u64 = 3;

fn player(number: u64) -> FoundCharacter {
    let (account, character) = (AccountId(number), CharacterId(100 + number));
    FoundCharacter { account, character, name: format!("Player{number}") }
}

fn undo(town: &Town, operation: OperationId) -> Plan {
    town.planned(|book| plan(book, &Target::Operation(operation)))
}

/// Ana gives a sword and gets 100 gold.
fn trade(town: &mut Town) -> (model::ItemId, OperationId) {
    let sword = town.born(carry(ANA, 0));
    town.mint(ANA, 50);
    town.mint(BEN, 150);
    town.begin();
    town.moves(sword, carry(BEN, 3));
    let operation = town.pay(BEN, ANA, 100);
    (sword, operation)
}

#[test]
fn an_undone_trade_is_as_if_it_never_was() {
    let mut town = Town::new(3);
    let (sword, operation) = trade(&mut town);
    let plan = undo(&town, operation);
    assert_eq!(plan.left, []);
    town.apply(&plan, &Target::Operation(operation));
    assert_eq!(town.place(sword), Some(carry(ANA, 0)), "the old slot is free");
    assert_eq!((town.gold(ANA), town.gold(BEN)), (50, 150));
    assert_eq!(undo(&town, operation).steps, [], "there is nothing left to do");
}

#[test]
fn what_went_on_comes_back_from_whoever_has_it() {
    let mut town = Town::new(3);
    let (sword, operation) = trade(&mut town);
    town.begin();
    town.moves(sword, carry(CEM, 9));
    town.begin();
    town.pay(ANA, CEM, 120);
    let plan = undo(&town, operation);
    town.apply(&plan, &Target::Operation(operation));
    assert_eq!(town.place(sword), Some(carry(ANA, 0)));
    // of Ana's 150 the first 50 that she spent were her own
    assert_eq!((town.gold(ANA), town.gold(BEN), town.gold(CEM)), (0, 150, 50));
    assert_eq!(plan.left, []);
}

#[test]
fn spent_gold_is_left_and_never_invented() {
    let mut town = Town::new(3);
    let (_, operation) = trade(&mut town);
    town.begin();
    town.burn(ANA, 120);
    // what she got later is clean
    town.mint(ANA, 1_000);
    let plan = undo(&town, operation);
    town.apply(&plan, &Target::Operation(operation));
    assert_eq!((town.gold(ANA), town.gold(BEN)), (1_000, 80));
    assert_eq!(plan.left.iter().map(|left| left.gold).collect::<Vec<_>>(), [Some(70)]);
}

#[test]
fn a_purchase_is_taken_back_whole_or_not_at_all() {
    for used in [false, true] {
        let mut town = Town::new(1);
        town.mint(ANA, 500);
        town.begin();
        town.burn(ANA, 200);
        let potion = town.births(carry(ANA, 2));
        let operation = town.operation();
        if used {
            town.begin();
            town.dies(potion);
        }
        let plan = undo(&town, operation);
        town.apply(&plan, &Target::Operation(operation));
        assert_eq!(town.place(potion), None);
        assert_eq!(town.gold(ANA), if used { 300 } else { 500 });
        assert_eq!(plan.left.is_empty(), !used);
    }
}

#[test]
fn what_was_sold_lives_again_only_for_its_price() {
    for spent in [false, true] {
        let mut town = Town::new(1);
        let sword = town.born(carry(ANA, 1));
        town.begin();
        town.dies(sword);
        let operation = town.mints(ANA, 300);
        if spent {
            town.begin();
            town.burn(ANA, 10);
        }
        let plan = undo(&town, operation);
        town.apply(&plan, &Target::Operation(operation));
        let lives = plan.steps.iter().any(|step| matches!(step, Step::Make { of, .. } if *of == sword));
        assert_eq!((lives, town.gold(ANA)), if spent { (false, 290) } else { (true, 0) });
        assert_eq!(undo(&town, operation).steps, [], "not twice");
    }
}

#[test]
fn without_room_it_goes_to_the_bank_and_then_into_a_parcel() {
    let mut town = Town::new(2);
    let (sword, operation) = trade(&mut town);
    town.born(carry(ANA, 0));
    let goal = |plan: &Plan| {
        plan.steps.iter().find_map(|step| match step {
            Step::Bring { item, goal, .. } if item.id == sword => Some(*goal),
            _ => None,
        })
    };
    let plan = undo(&town, operation);
    assert!(matches!(goal(&plan), Some(Goal::At(at)) if at.place == ItemPlace::Cargo(AccountId(ANA), 0)));
    for slot in 0..120 {
        town.born(cargo(ANA, slot));
    }
    assert_eq!(goal(&undo(&town, operation)), Some(Goal::Parcel(AccountId(ANA))));
}

#[test]
fn an_item_alone_goes_back_to_who_had_it_at_a_moment() {
    let mut town = Town::new(3);
    let (sword, _) = trade(&mut town);
    let since_ms = Some(town.now());
    town.begin();
    town.moves(sword, carry(CEM, 1));
    let since = town.planned(|book| plan(book, &Target::Item { item: sword, since_ms }));
    let whole = town.planned(|book| plan(book, &Target::Item { item: sword, since_ms: None }));
    assert!(matches!(whole.steps.as_slice(), [Step::End { item, .. }] if item.id == sword));
    town.apply(&since, &Target::Item { item: sword, since_ms });
    assert_eq!(town.place(sword), Some(carry(BEN, 3)));
    assert_eq!((town.gold(ANA), town.gold(BEN)), (150, 50), "gold stays");
}

#[test]
fn all_that_a_player_did_since_a_moment_is_netted() {
    let mut town = Town::new(3);
    town.mint(ANA, 100);
    town.mint(CEM, 70);
    let ring = town.born(carry(CEM, 4));
    let since_ms = town.now();
    town.begin();
    town.pay(ANA, BEN, 60);
    town.begin();
    town.pay(CEM, ANA, 70);
    town.begin();
    town.moves(ring, carry(ANA, 8));
    let target = Target::Since { since_ms, player: Some(player(ANA)) };
    let made = town.planned(|book| plan(book, &target));
    town.apply(&made, &target);
    assert_eq!((town.gold(ANA), town.gold(BEN), town.gold(CEM)), (100, 0, 70));
    assert_eq!(town.place(ring), Some(carry(CEM, 4)));
    assert_eq!(made.left, []);
    let again = town.planned(|book| plan(book, &target));
    assert_eq!(again.steps, []);
}

#[test]
fn gold_that_comes_up_after_an_undo_is_left_and_said() {
    let mut town = Town::new(2);
    let (_, operation) = trade(&mut town);
    town.begin();
    town.burn(ANA, 120);
    let target = Target::Operation(operation);
    let made = undo(&town, operation);
    town.apply(&made, &target);
    town.mint(ANA, 1_000);
    let again = undo(&town, operation);
    assert_eq!(again.steps, []);
    assert_eq!(again.left.iter().map(|left| left.gold).collect::<Vec<_>>(), [Some(70)]);
    assert!(again.left[0].why.contains("what went back before"), "{}", again.left[0].why);
}

#[test]
fn nothing_is_paid_out_of_what_the_world_gives_last() {
    const DAN: u64 = 4;
    const EVE: u64 = 5;
    let mut town = Town::new(5);
    for (player, amount) in [(ANA, 100), (DAN, 50), (EVE, 50)] {
        town.mint(player, amount);
    }
    town.begin();
    town.burn(ANA, 100);
    town.pay(DAN, BEN, 50);
    let operation = town.pay(EVE, CEM, 50);
    // both payments come to Ana, who spends some of each
    for (payer, spent) in [(BEN, 25), (CEM, 45)] {
        town.begin();
        town.pay(payer, ANA, 50);
        town.begin();
        town.burn(ANA, spent);
    }
    assert_eq!(town.gold(ANA), 30);
    let made = undo(&town, operation);
    // a purse below zero would fail here
    town.apply(&made, &Target::Operation(operation));
    assert_eq!((town.gold(ANA), town.gold(DAN) + town.gold(EVE)), (100, 30));
    assert_eq!(undo(&town, operation).steps, []);
}

#[test]
fn an_undo_can_be_undone() {
    let mut town = Town::new(2);
    let (sword, operation) = trade(&mut town);
    let plan = undo(&town, operation);
    let undone = town.apply(&plan, &Target::Operation(operation));
    let back = undo(&town, undone);
    town.apply(&back, &Target::Operation(undone));
    assert_eq!(town.gold(ANA), 150);
    assert!(matches!(town.place(sword), Some(ItemPlace::Carry(CharacterId(102), _))));
}

#[test]
fn what_nobody_did_is_said() {
    let town = Town::new(1);
    let why = town.refused(|book| plan(book, &Target::Operation(OperationId(7))));
    assert!(why.contains("no entry of operation"), "{why}");
}

#[test]
fn what_is_too_much_for_one_transfer_becomes_several() {
    let home = AccountId(9);
    let mut steps: Vec<Step> = Vec::new();
    let mut fences = BTreeMap::new();
    for number in 0..40_u64 {
        let (account, character) = (AccountId(1_000 + number), CharacterId(number));
        fences.insert(character, Fence { account, character, epoch: Epoch(1) });
        for slot in 0..8 {
            let id = ItemId(u128::from(number * 100 + slot));
            let item = Item { id, kind: ItemKind(7), effects: [Effect::default(); 3] };
            let from = ItemLocation { home: account, place: ItemPlace::Carry(character, slot as u8) };
            steps.push(Step::Bring { item, from, goal: Goal::Parcel(home), effects: item.effects });
        }
    }
    let plan = Plan { steps, ..Plan::default() };
    let minutes = Minutes { version: 7, latest: None };
    let (of, operator, reason) = (OperationId(77), "root", "undo");
    let form = Form {
        of,
        operator,
        reason,
        now_ms: 5,
        fences: &fences,
        run: 1,
        attempt: 1,
        minutes: &minutes,
        done: &[],
    };
    let made = parts(&plan, &form).unwrap();
    let transfers: Vec<_> = made.iter().map(|part| &part.transfer).collect();
    assert_eq!(transfers.iter().map(|transfer| transfer.moves.len()).sum::<usize>(), plan.steps.len());
    assert!(made.len() >= 3, "{} transfers", made.len());
    let (mut parcels, mut operations) = (BTreeSet::new(), BTreeSet::new());
    for (number, transfer) in transfers.iter().enumerate() {
        let checked = crate::transfer::Plan::of(transfer);
        assert!(checked.is_ok(), "{:?}", checked.err());
        assert!(operations.insert(transfer.operation), "each has its own id");
        for change in &transfer.records {
            let RecordChange::Put { record, expected } = change else { panic!("{change:?}") };
            match record.key {
                ALL => assert_eq!(*expected, 7 + number as u64, "each raises the version"),
                key if key == Parts::key(of) => assert_eq!(*expected, number as u64),
                key => assert!(parcels.insert(key), "each parcel is another one"),
            }
        }
    }
    // the first is done, the second was refused
    let done = [transfers[0].operation];
    let again = parts(&plan, &Form { attempt: 2, done: &done, ..form }).unwrap();
    assert_eq!(again.len(), made.len() - 1);
    for (new, old) in again.iter().zip(&transfers[1..]) {
        assert!(operations.insert(new.transfer.operation), "a refusal is stored under the old id");
        assert_eq!(new.transfer.moves, old.moves, "the same is still to be done");
    }
}

#[test]
fn gold_that_was_spent_meanwhile_is_not_taken_from_what_came_after() {
    let purse = GoldAccount::Character(CharacterId(100 + ANA));
    for spent in [20, 60, 90] {
        let mut town = Town::new(1);
        town.mint(ANA, 100);
        let before = town.entries.clone();
        town.begin();
        let done = town.burn(ANA, 10);
        town.begin();
        town.burn(ANA, spent);
        town.mint(ANA, 1_000);
        assert_eq!(stays(30, &purse, &before, &town.entries, &[done]), spent <= 60, "{spent}");
        assert!(stays(30, &purse, &town.entries, &town.entries, &[]), "nothing happened since");
    }
}
