//! Stories of characters: created, listed, deleted.

use super::stage::{at_once, character, create, listed, living, load, name, operation, registered};
use crate::Store;
use model::Character;
use model::calls::database::{CreateCharacter, CreateCharacterRefusal, DeleteCharacter, NoSuchCharacter};
use model::character::{AFFECTS, Affect, Attributes, Class, HardState, Unspent};
use model::id::{AccountId, ItemId};
use model::item::GOLD_MAX;
use std::sync::Arc;

fn deletion(character: &Character) -> DeleteCharacter {
    DeleteCharacter {
        operation: operation(),
        account: character.account,
        slot: character.slot,
        key: character.name.key(),
    }
}

pub(super) async fn delete(store: &Arc<dyn Store>, character: &Character) {
    assert_eq!(store.delete_character(deletion(character)).await, Ok(Ok(())));
}

async fn try_create(store: &Arc<dyn Store>, character: &Character) -> Result<(), CreateCharacterRefusal> {
    let request = CreateCharacter { operation: operation(), character: character.clone() };
    store.create_character(request).await.expect("the store answers")
}

pub(super) async fn a_character_comes_back_exactly(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    assert_eq!(listed(store, hero.account).await, std::slice::from_ref(&hero));
    assert_eq!(load(store, &hero, "tmsrv-1").await.character, hero);
}

pub(super) async fn the_largest_values_come_back_exactly(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    let mut hero = character(ana.id, 3, &name());
    hero.class = Class::Huntress;
    hero.hard = HardState {
        level: u16::MAX,
        experience: i64::MAX,
        gold: GOLD_MAX,
        attributes: Attributes {
            strength: u16::MAX,
            intelligence: u16::MAX,
            dexterity: u16::MAX,
            constitution: u16::MAX,
        },
        mastery: [u16::MAX; 4],
        unspent: Unspent { stat: u16::MAX, mastery: u16::MAX, skill: u16::MAX },
        learned: [u32::MAX; 2],
        clan: u8::MAX,
        guild: u16::MAX,
        guild_rank: u8::MAX,
        chaos: u8::MAX,
    };
    hero.soft.hp = i32::MAX;
    hero.soft.mp = i32::MIN;
    hero.soft.affects = vec![Affect { kind: 255, level: 255, value: i16::MIN, time: u32::MAX }; AFFECTS];
    let mut full = super::stage::item(u16::MAX);
    full.id = ItemId(u128::MAX - u128::from(rand::random::<u64>()));
    hero.equip[17] = Some(full);
    hero.carry = (0..64).map(|_| Some(super::stage::item(u16::MAX))).collect();
    create(store, &hero).await;
    assert_eq!(listed(store, ana.id).await, [hero.clone()]);
    // there is no such guild
    delete(store, &hero).await;
}

pub(super) async fn characters_are_listed_by_slot(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    let mut heroes = Vec::new();
    for slot in [2, 0, 3, 1] {
        heroes.push(character(ana.id, slot, &name()));
        create(store, &heroes[heroes.len() - 1]).await;
    }
    heroes.sort_by_key(|hero| hero.slot);
    assert_eq!(listed(store, ana.id).await, heroes);
    assert_eq!(listed(store, AccountId(4)).await, []);
}

pub(super) async fn two_characters_never_share_a_name(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let bob = registered(store).await;
    for (account, slot) in [(bob.id, 0), (hero.account, 1)] {
        let copy = character(account, slot, &hero.name.key());
        assert_eq!(try_create(store, &copy).await, Err(CreateCharacterRefusal::NameTaken));
    }
    let named_like_an_account = character(bob.id, 0, bob.name.as_str());
    assert_eq!(try_create(store, &named_like_an_account).await, Ok(()), "accounts have names of their own");
}

pub(super) async fn of_many_who_want_a_character_name_exactly_one_gets_it(store: &Arc<dyn Store>) {
    let mut players = Vec::new();
    for _ in 0..8 {
        players.push(registered(store).await.id);
    }
    let wanted = name();
    let outcomes = at_once(16, |index| {
        let hero = character(players[index % 8], (index / 8) as u8, &wanted);
        let store = store.clone();
        async move { try_create(&store, &hero).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let mut living = 0;
    for player in players {
        living += listed(store, player).await.len();
    }
    assert_eq!(living, 1, "no row of a loser stays");
}

pub(super) async fn a_refused_character_leaves_its_name_free(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let wanted = name();
    let same_slot = character(hero.account, 0, &wanted);
    assert_eq!(try_create(store, &same_slot).await, Err(CreateCharacterRefusal::SlotTaken));
    let nobodys = character(AccountId(5), 0, &wanted);
    assert_eq!(try_create(store, &nobodys).await, Err(CreateCharacterRefusal::NoSuchAccount));
    assert_eq!(try_create(store, &character(hero.account, 1, &wanted)).await, Ok(()));
}

pub(super) async fn creating_a_character_twice_is_creating_it_once(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    let hero = character(ana.id, 0, &name());
    let request = CreateCharacter { operation: operation(), character: hero.clone() };
    let outcomes = at_once(8, |_| {
        let (store, request) = (store.clone(), request.clone());
        async move { store.create_character(request).await }
    })
    .await;
    assert_eq!(outcomes, vec![Ok(Ok(())); 8]);
    assert_eq!(store.create_character(request).await, Ok(Ok(())));
    assert_eq!(listed(store, ana.id).await, [hero]);
}

pub(super) async fn deleting_a_character_frees_its_name_and_its_slot(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let request = deletion(&hero);
    assert_eq!(store.delete_character(request.clone()).await, Ok(Ok(())));
    assert_eq!(listed(store, hero.account).await, []);
    let heir = character(hero.account, 0, hero.name.as_str());
    create(store, &heir).await;
    assert_eq!(store.delete_character(request).await, Ok(Ok(())), "the same operation again");
    assert_eq!(listed(store, hero.account).await, [heir], "deletes nobody else");
}

pub(super) async fn only_the_named_character_is_deleted(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let wrong_name = DeleteCharacter { key: "somebodyelse".into(), ..deletion(&hero) };
    let wrong_slot = DeleteCharacter { slot: 1, ..deletion(&hero) };
    let wrong_account = DeleteCharacter { account: registered(store).await.id, ..deletion(&hero) };
    for wrong in [wrong_name, wrong_slot, wrong_account] {
        assert_eq!(store.delete_character(wrong).await, Ok(Err(NoSuchCharacter)));
    }
    assert_eq!(listed(store, hero.account).await, std::slice::from_ref(&hero));
    let thief = character(hero.account, 1, hero.name.as_str());
    assert_eq!(try_create(store, &thief).await, Err(CreateCharacterRefusal::NameTaken), "its name is kept");
}

pub(super) async fn of_many_who_delete_a_character_exactly_one_does(store: &Arc<dyn Store>) {
    for _ in 0..5 {
        let hero = living(store).await;
        let outcomes = at_once(8, |_| {
            let (store, request) = (store.clone(), deletion(&hero));
            async move { store.delete_character(request).await.expect("the store answers") }
        })
        .await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert_eq!(listed(store, hero.account).await, []);
        create(store, &character(hero.account, 0, hero.name.as_str())).await;
    }
}

pub(super) async fn a_late_repeat_does_not_bring_a_deleted_character_back(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    let hero = character(ana.id, 0, &name());
    let request = CreateCharacter { operation: operation(), character: hero.clone() };
    assert_eq!(store.create_character(request.clone()).await, Ok(Ok(())));
    delete(store, &hero).await;
    assert_eq!(store.create_character(request).await, Ok(Ok(())), "the first outcome");
    assert_eq!(listed(store, ana.id).await, []);
    create(store, &character(ana.id, 1, hero.name.as_str())).await;
}
