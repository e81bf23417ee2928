//! Stories of the ledger: what happened is written once, and it leads to what is there.

use super::characters::delete;
use super::stage::{at_once, character, create, listed, living, load, name, operation, registered};
use crate::{Store, fsck};
use model::calls::database::{
    ChangeGold, CreateCharacter, DeleteCharacter, FindCharacter, FoundCharacter, ItemHistory, PlayerLedger,
};
use model::id::{Epoch, ItemId};
use model::ledger::{Actor, Change, Entry, GoldAccount, GoldSide, ItemPlace, ItemState};
use model::{Character, Item};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

async fn life(store: &Arc<dyn Store>, item: ItemId) -> Vec<Entry> {
    store.item_history(ItemHistory { item, limit: 100 }).await.expect("the store answers")
}

/// All entries of a character, oldest first, read in small pages.
async fn entries(store: &Arc<dyn Store>, hero: &Character) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    loop {
        let before = found.last().map(|entry| entry.entry);
        let request = PlayerLedger { account: hero.account, character: hero.id, before, limit: 7 };
        let page = store.player_ledger(request).await.expect("the store answers");
        assert!(page.len() <= 7);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert!(found.is_sorted_by(|newer, older| newer.entry > older.entry), "newest first, none twice");
    found.reverse();
    found
}

fn pay(hero: &Character, epoch: Epoch, delta: i64) -> ChangeGold {
    let (account, character, reason) = (hero.account, hero.id, "portal".to_owned());
    ChangeGold { operation: operation(), account, character, epoch, delta, reason }
}

fn places(hero: &Character) -> Vec<(Item, ItemPlace)> {
    let of = |slots: &[Option<Item>], place: fn(_, u8) -> ItemPlace| -> Vec<_> {
        let items = slots.iter().enumerate().filter_map(|(slot, item)| item.map(|item| (slot, item)));
        items.map(|(slot, item)| (item, place(hero.id, slot as u8))).collect()
    };
    [of(&hero.equip, ItemPlace::Equip), of(&hero.carry, ItemPlace::Carry)].concat()
}

pub(super) async fn a_character_is_found_by_its_name_in_any_case(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let found = store.find_character(FindCharacter { key: hero.name.key() }).await;
    let expected =
        FoundCharacter { account: hero.account, character: hero.id, name: hero.name.as_str().to_owned() };
    assert_eq!(found, Ok(Some(expected)));
    assert_eq!(store.find_character(FindCharacter { key: name().to_lowercase() }).await, Ok(None));
}

pub(super) async fn births_and_deaths_are_entries(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    let hero = character(ana.id, 0, &name());
    let birth = CreateCharacter { operation: operation(), character: hero.clone() };
    assert_eq!(store.create_character(birth.clone()).await, Ok(Ok(())));
    let death = DeleteCharacter { operation: operation(), account: ana.id, slot: 0, key: hero.name.key() };
    assert_eq!(store.delete_character(death.clone()).await, Ok(Ok(())));
    for (item, place) in places(&hero) {
        let state = Some(ItemState { effects: item.effects, place });
        let [first, last] = <[Entry; 2]>::try_from(life(store, item.id).await).expect("birth and death");
        let born = Change::Item { item: item.id, kind: item.kind, before: None, after: state };
        let died = Change::Item { item: item.id, kind: item.kind, before: state, after: None };
        assert_eq!((first.change, first.reason.as_str()), (born, "starter"));
        assert_eq!((last.change, last.reason.as_str()), (died, "delete"));
        assert_eq!((first.operation, last.operation), (Some(birth.operation), Some(death.operation)));
        assert_eq!((first.actor, last.actor), (Actor::Player(ana.id), Actor::Player(ana.id)));
        assert!(first.entry < last.entry && first.at_ms <= last.at_ms && first.at_ms > 1_700_000_000_000);
    }
    assert_eq!(life(store, ItemId(rand::random())).await, [], "an item that never was");
}

pub(super) async fn gold_that_moves_is_an_entry_with_two_sides(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    for delta in [-300, 25, 0] {
        assert!(store.change_gold(pay(&hero, epoch, delta)).await.is_ok_and(|outcome| outcome.is_ok()));
    }
    delete(store, &hero).await;
    let told: Vec<String> = entries(store, &hero)
        .await
        .into_iter()
        .filter_map(|entry| match entry.change {
            Change::Gold { amount, from, to } => Some(format!("{amount}: {} -> {}", side(&from), side(&to))),
            Change::Item { .. } => None,
        })
        .collect();
    let purse = GoldAccount::Character(hero.id);
    let expected = [
        format!("1000: mint:starter -> {purse} (1000)"),
        format!("300: {purse} (700) -> burn:portal"),
        format!("25: mint:portal -> {purse} (725)"),
        format!("725: {purse} (0) -> burn:delete"),
    ];
    assert_eq!(told, expected);
}

fn side(side: &GoldSide) -> String {
    side.account.to_string() + &side.balance.map(|balance| format!(" ({balance})")).unwrap_or_default()
}

pub(super) async fn what_is_refused_or_repeated_writes_no_entry(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    let hero = character(ana.id, 0, &name());
    let birth = CreateCharacter { operation: operation(), character: hero.clone() };
    at_once(8, |_| {
        let (store, birth) = (store.clone(), birth.clone());
        async move { store.create_character(birth).await }
    })
    .await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    let fee = pay(&hero, epoch, -10);
    at_once(8, |_| {
        let (store, fee) = (store.clone(), fee.clone());
        async move { store.change_gold(fee).await }
    })
    .await;
    let too_dear = store.change_gold(pay(&hero, epoch, -1_000)).await.expect("the store answers");
    let stale = store.change_gold(pay(&hero, Epoch(epoch.0 - 1), 5)).await.expect("the store answers");
    assert!(too_dear.is_err() && stale.is_err());
    assert_eq!(entries(store, &hero).await.len(), places(&hero).len() + 2);
    let death = DeleteCharacter { operation: operation(), account: ana.id, slot: 0, key: hero.name.key() };
    for _ in 0..3 {
        assert_eq!(store.delete_character(death.clone()).await, Ok(Ok(())));
    }
    assert_eq!(entries(store, &hero).await.len(), 2 * places(&hero).len() + 3);
}

pub(super) async fn the_entries_of_a_player_come_in_pages(store: &Arc<dyn Store>) {
    let (hero, other) = (living(store).await, living(store).await);
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    for _ in 0..20 {
        assert!(store.change_gold(pay(&hero, epoch, 1)).await.is_ok());
    }
    let all = entries(store, &hero).await;
    assert_eq!(all.len(), places(&hero).len() + 21);
    let request = PlayerLedger { account: hero.account, character: hero.id, before: None, limit: 1 };
    let newest = store.player_ledger(request).await.expect("the store answers");
    assert_eq!(newest.as_slice(), &all[all.len() - 1..]);
    assert_eq!(entries(store, &other).await.len(), places(&other).len() + 1, "nobody else's entries");
}

pub(super) async fn the_ledger_replays_to_the_present(store: &Arc<dyn Store>) {
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let mut heroes: Vec<(Character, Epoch)> = Vec::new();
    let mut buried: Vec<Character> = Vec::new();
    for _ in 0..200 {
        match dice.random_range(0..10) {
            0..2 => {
                let ana = registered(store).await;
                let mut hero = character(ana.id, dice.random_range(0..4), &name());
                hero.hard.gold = dice.random_range(0..3) * 500;
                create(store, &hero).await;
                let epoch = load(store, &hero, "tmsrv-1").await.epoch;
                heroes.push((hero, epoch));
            }
            2 if !heroes.is_empty() => {
                let (hero, _) = heroes.swap_remove(dice.random_range(0..heroes.len()));
                delete(store, &hero).await;
                buried.push(hero);
            }
            _ if !heroes.is_empty() => {
                let (hero, epoch) = &heroes[dice.random_range(0..heroes.len())];
                let request = pay(hero, *epoch, dice.random_range(-700..700));
                for _ in 0..dice.random_range(1..3) {
                    assert!(store.change_gold(request.clone()).await.is_ok());
                }
            }
            _ => {}
        }
    }
    for (hero, _) in &heroes {
        let stored = &listed(store, hero.account).await[0];
        let (items, gold) = replay(hero, &entries(store, hero).await);
        let there = places(stored).into_iter();
        let there = there.map(|(item, place)| (item.id, ItemState { effects: item.effects, place }));
        assert_eq!(items, there.collect(), "seed {seed}");
        assert_eq!(gold, stored.hard.gold, "seed {seed}");
    }
    for hero in &buried {
        assert_eq!(replay(hero, &entries(store, hero).await), (BTreeMap::new(), 0), "seed {seed}");
    }
}

/// What a character has by its entries.
fn replay(hero: &Character, entries: &[Entry]) -> (BTreeMap<ItemId, ItemState>, i64) {
    let (mut items, mut gold) = (BTreeMap::new(), 0);
    let purse = GoldAccount::Character(hero.id);
    for entry in entries {
        match &entry.change {
            Change::Item { item, before, after, .. } => {
                let last = match after {
                    Some(state) => items.insert(*item, *state),
                    None => items.remove(item),
                };
                assert_eq!(last, *before, "entry {}", entry.entry);
            }
            Change::Gold { amount, from, to } => {
                gold += if to.account == purse { *amount } else { -amount };
                let balance = if to.account == purse { to.balance } else { from.balance };
                assert_eq!(balance, Some(gold), "entry {}", entry.entry);
            }
        }
    }
    (items, gold)
}

pub(super) async fn nothing_is_wrong_in_the_whole_store(store: &Arc<dyn Store>) {
    let report = fsck::run(store.as_ref()).await.expect("everything can be read");
    assert!(report.is_clean(), "{:#?}", report.checked.findings);
    let checked = &report.checked;
    assert!(checked.accounts > 20 && checked.characters > 10 && checked.items > 50 && checked.entries > 100);
    assert_eq!(checked.gold_held, checked.gold_minted - checked.gold_burned);
}
