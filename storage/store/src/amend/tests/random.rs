//! Random histories: whatever is taken back, gold and items add up, and nobody loses what was not concerned.

use super::super::undo::{Target, plan};
use super::super::{Plan, Step};
use super::player;
use super::town::{Town, carry};
use model::id::{ItemId, OperationId};
use model::ledger::{Change, GoldAccount, ItemPlace};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;

const PLAYERS: u64 = 5;

fn free(town: &Town, dice: &mut StdRng, player: u64) -> ItemPlace {
    loop {
        let place = carry(player, dice.random_range(0..64));
        if town.items().values().all(|other| *other != place) {
            return place;
        }
    }
}

/// A town with a history; the operations of it.
fn history(dice: &mut StdRng) -> (Town, Vec<OperationId>) {
    let mut town = Town::new(PLAYERS);
    let mut operations = Vec::new();
    for _ in 0..dice.random_range(5..60) {
        town.begin();
        let before = town.entries.len();
        let mut touched: BTreeSet<ItemId> = BTreeSet::new();
        for _ in 0..dice.random_range(1..4) {
            let (one, other) = (dice.random_range(1..=PLAYERS), dice.random_range(1..=PLAYERS));
            let living: Vec<ItemId> =
                town.items().keys().copied().filter(|item| !touched.contains(item)).collect();
            let item = (!living.is_empty()).then(|| living[dice.random_range(0..living.len().max(1))]);
            let gold = town.gold(one);
            match (dice.random_range(0..6), item) {
                (0, _) => {
                    let at = free(&town, dice, one);
                    touched.insert(town.births(at));
                }
                (1 | 2, Some(item)) => {
                    let at = free(&town, dice, other);
                    town.moves(item, at);
                    touched.insert(item);
                }
                (3, Some(item)) => {
                    town.dies(item);
                    touched.insert(item);
                }
                (4, _) if gold > 0 && one != other => {
                    town.pay(one, other, dice.random_range(1..=gold));
                }
                (5, _) if gold > 0 => {
                    town.burn(one, dice.random_range(1..=gold));
                }
                _ => {
                    town.mints(one, dice.random_range(1..200));
                }
            }
        }
        if town.entries.len() > before {
            operations.push(town.operation());
        }
    }
    (town, operations)
}

fn held(town: &Town) -> i64 {
    town.purses.values().sum()
}

/// Items and purses that a plan may touch: what the targets named, and who got their gold since.
fn check(town: &mut Town, made: &Plan, target: &Target, seed: u64) {
    let items: BTreeSet<ItemId> = town.items().keys().copied().collect();
    let before = town.items().clone();
    let named: BTreeSet<ItemId> = match target {
        Target::Operation(operation) => {
            town.entries.iter().filter(|entry| entry.operation == Some(*operation))
        }
        _ => panic!("only of one operation"),
    }
    .filter_map(|entry| match entry.change {
        Change::Item { item, .. } => Some(item),
        Change::Gold { .. } => None,
    })
    .collect();
    town.apply(made, target);
    assert_eq!(held(town), town.worth(), "seed {seed}: gold adds up");
    let made_anew = made.steps.iter().filter(|step| matches!(step, Step::Make { .. })).count();
    let ended = made.steps.iter().filter(|step| matches!(step, Step::End { .. })).count();
    assert_eq!(town.items().len(), items.len() + made_anew - ended, "seed {seed}: items add up");
    for (item, place) in before.iter().filter(|(item, _)| !named.contains(item)) {
        assert_eq!(town.place(*item).as_ref(), Some(place), "seed {seed}: {item} has nothing to do with it");
    }
}

#[test]
fn whatever_is_taken_back_everything_adds_up() {
    let first: u64 = rand::random();
    for seed in (0..300).map(|turn| first.wrapping_add(turn)) {
        println!("seed {seed}");
        let mut dice = StdRng::seed_from_u64(seed);
        let (mut town, operations) = history(&mut dice);
        for _ in 0..3 {
            let target = Target::Operation(operations[dice.random_range(0..operations.len())]);
            let made = town.planned(|book| plan(book, &target));
            check(&mut town, &made, &target, seed);
            let again = town.planned(|book| plan(book, &target));
            assert_eq!(again.steps, [], "seed {seed}: the second time there is nothing to do");
        }
    }
}

#[test]
fn what_was_only_handed_round_comes_back_to_the_coin() {
    let first: u64 = rand::random();
    for seed in (0..100).map(|turn| first.wrapping_add(turn)) {
        println!("seed {seed}");
        let mut dice = StdRng::seed_from_u64(seed);
        let mut town = Town::new(PLAYERS);
        for player in 1..=PLAYERS {
            town.mint(player, 500);
            town.born(carry(player, 0));
        }
        let before = (town.items().clone(), town.purses.clone());
        let since_ms = town.now();
        for _ in 0..dice.random_range(1..30) {
            town.begin();
            let (one, other) = (dice.random_range(1..=PLAYERS), dice.random_range(1..=PLAYERS));
            let gold = town.gold(one);
            if gold > 0 && one != other {
                town.pay(one, other, dice.random_range(1..=gold));
            }
            let items: Vec<ItemId> = town.items().keys().copied().collect();
            let at = free(&town, &mut dice, other);
            town.moves(items[dice.random_range(0..items.len())], at);
        }
        let target = Target::Since { since_ms, player: None };
        let made = town.planned(|book| plan(book, &target));
        town.apply(&made, &target);
        let owner = |place: &ItemPlace| match place {
            ItemPlace::Carry(character, _) => character.0 - 100,
            ItemPlace::Cargo(account, _) => account.0,
            other => panic!("{other}"),
        };
        for (item, place) in &before.0 {
            let now = town.place(*item).unwrap();
            assert_eq!(owner(&now), owner(place), "seed {seed}: {item}");
        }
        let purse = |player: u64| GoldAccount::Character(player_of(player));
        for number in 1..=PLAYERS {
            assert_eq!(town.purses.get(&purse(number)), before.1.get(&purse(number)), "seed {seed}");
        }
        assert_eq!(made.left, [], "seed {seed}");
    }
}

fn player_of(number: u64) -> model::id::CharacterId {
    player(number).character
}
