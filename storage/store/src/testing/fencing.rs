//! Stories of ownership: who may write, and gold.

use super::stage::{
    at_once, character, create, listed, living, load, name, operation, registered, save, save_at,
};
use crate::Store;
use model::Character;
use model::calls::database::{
    ChangeGold, ChangeGoldRefusal, LoadCharacter, NoSuchCharacter, SaveCharacter, SaveOutcome,
};
use model::character::SoftMark;
use model::id::{AccountId, CharacterId, Epoch};
use model::item::GOLD_MAX;
use model::membership::ProcessName;
use std::sync::Arc;

async fn stands_at(store: &Arc<dyn Store>, character: &Character) -> u16 {
    let all = listed(store, character.account).await;
    all.iter().find(|other| other.id == character.id).expect("it is there").soft.tile.x
}

pub(super) async fn each_load_raises_the_epoch(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let mut epochs = at_once(8, |_| {
        let (store, hero) = (store.clone(), hero.clone());
        async move { load(&store, &hero, "tmsrv-1").await.epoch }
    })
    .await;
    epochs.push(load(store, &hero, "tmsrv-2").await.epoch);
    let last = epochs[8];
    assert!(epochs[..8].iter().all(|epoch| *epoch < last), "{epochs:?}");
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 9, "no two owners have the same epoch");
}

pub(super) async fn a_former_owner_saves_nothing(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let old = load(store, &hero, "tmsrv-1").await.epoch;
    assert_eq!(save(store, vec![save_at(&hero, old, 100)]).await, [SaveOutcome::Saved]);
    assert_eq!(stands_at(store, &hero).await, 100);
    let taken = load(store, &hero, "tmsrv-2").await;
    assert_eq!(taken.character.soft.tile.x, 100, "the new owner goes on where the old one stopped");
    assert_eq!(save(store, vec![save_at(&hero, old, 200)]).await, [SaveOutcome::Stale]);
    assert_eq!(stands_at(store, &hero).await, 100);
    assert_eq!(save(store, vec![save_at(&hero, taken.epoch, 300)]).await, [SaveOutcome::Saved]);
    assert_eq!(stands_at(store, &hero).await, 300);
}

pub(super) async fn a_batch_of_saves_is_answered_in_order(store: &Arc<dyn Store>) {
    let mut saves = Vec::new();
    let mut heroes = Vec::new();
    for index in 0..40_u16 {
        let hero = living(store).await;
        let epoch = load(store, &hero, "tmsrv-1").await.epoch;
        let stale = index % 3 == 0;
        saves.push(save_at(&hero, if stale { Epoch(epoch.0 - 1) } else { epoch }, index));
        heroes.push((hero, stale));
    }
    saves.push(SaveCharacter { character: CharacterId(6), ..saves[1].clone() });
    saves.push(SaveCharacter { account: AccountId(6), ..saves[2].clone() });
    let outcomes = save(store, saves).await;
    for (index, (hero, stale)) in heroes.iter().enumerate() {
        let (outcome, x) =
            if *stale { (SaveOutcome::Stale, 2100) } else { (SaveOutcome::Saved, index as u16) };
        assert_eq!(outcomes[index], outcome, "entry {index}");
        assert_eq!(stands_at(store, hero).await, x, "entry {index}");
    }
    assert_eq!(outcomes[40..], [SaveOutcome::Stale; 2], "strangers");
    assert_eq!(save(store, Vec::new()).await, []);
}

pub(super) async fn the_last_of_two_saves_in_a_batch_counts(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    let saves =
        vec![save_at(&hero, epoch, 1), save_at(&hero, Epoch(epoch.0 + 1), 2), save_at(&hero, epoch, 3)];
    assert_eq!(save(store, saves).await, [SaveOutcome::Saved, SaveOutcome::Stale, SaveOutcome::Saved]);
    assert_eq!(stands_at(store, &hero).await, 3);
}

pub(super) async fn saving_again_after_giving_up_is_harmless(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    let before = save_at(&hero, epoch, 5);
    let last = SaveCharacter { release: true, ..save_at(&hero, epoch, 9) };
    assert_eq!(save(store, vec![last.clone()]).await, [SaveOutcome::Saved]);
    assert_eq!(save(store, vec![last.clone()]).await, [SaveOutcome::Saved], "its answer was lost");
    assert_eq!(save(store, vec![before]).await, [SaveOutcome::Saved], "one from before, late");
    assert_eq!(stands_at(store, &hero).await, 9, "the last one counts");
    assert!(load(store, &hero, "tmsrv-2").await.epoch > epoch);
    assert_eq!(save(store, vec![last]).await, [SaveOutcome::Stale]);
}

pub(super) async fn of_two_states_of_an_owner_the_newer_stays(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let first = load(store, &hero, "tmsrv-1").await;
    assert_eq!((first.soft_from, first.former_owner), (SoftMark::NONE, None), "made with the character");
    let numbered = |epoch, number, x| vec![SaveCharacter { number, ..save_at(&hero, epoch, x) }];
    for (number, x, stands) in [(5, 50, 50), (4, 40, 50), (5, 51, 50), (0, 1, 50), (7, 70, 70)] {
        let outcomes = save(store, numbered(first.epoch, number, x)).await;
        assert_eq!(outcomes, [SaveOutcome::Saved], "old is not stale: number {number}");
        assert_eq!(stands_at(store, &hero).await, stands, "number {number}");
    }
    let mixed = [numbered(first.epoch, 9, 90), numbered(first.epoch, 8, 80)].concat();
    assert_eq!(save(store, mixed).await, [SaveOutcome::Saved; 2]);
    assert_eq!(stands_at(store, &hero).await, 90, "in one batch too");
    let next = load(store, &hero, "tmsrv-2").await;
    assert_eq!(next.soft_from, SoftMark { epoch: first.epoch, number: 9 });
    assert_eq!(next.former_owner, Some(ProcessName("tmsrv-1".into())), "it did not give it up");
    assert_eq!(save(store, numbered(next.epoch, 1, 10)).await, [SaveOutcome::Saved]);
    assert_eq!(stands_at(store, &hero).await, 10, "the next owner counts anew");
}

pub(super) async fn giving_up_needs_no_newer_state(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    let state = save_at(&hero, epoch, 30);
    assert_eq!(save(store, vec![state.clone()]).await, [SaveOutcome::Saved]);
    let last = SaveCharacter { release: true, ..state.clone() };
    for _ in 0..2 {
        assert_eq!(save(store, vec![last.clone()]).await, [SaveOutcome::Saved]);
    }
    let next = load(store, &hero, "tmsrv-2").await;
    assert_eq!(next.former_owner, None, "nobody had it");
    assert_eq!(next.soft_from, SoftMark { epoch, number: state.number });
}

pub(super) async fn giving_up_what_was_only_looked_at_hides_no_former_owner(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let lost = load(store, &hero, "tmsrv-1").await;
    let state = save_at(&hero, lost.epoch, 30);
    assert_eq!(save(store, vec![state.clone()]).await, [SaveOutcome::Saved]);
    let looked = load(store, &hero, "tmsrv-2").await;
    let as_loaded = SaveCharacter { number: 0, release: true, ..save_at(&hero, looked.epoch, 99) };
    assert_eq!(save(store, vec![as_loaded]).await, [SaveOutcome::Saved]);
    let next = load(store, &hero, "tmsrv-3").await;
    assert_eq!(next.character.soft.tile.x, 30, "number 0 is not written");
    assert_eq!(next.soft_from, SoftMark { epoch: lost.epoch, number: state.number });
    assert_eq!(next.former_owner, Some(ProcessName("tmsrv-1".into())), "it may have had a newer one");
}

pub(super) async fn a_deleted_character_is_neither_loaded_nor_saved(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    super::characters::delete(store, &hero).await;
    assert_eq!(save(store, vec![save_at(&hero, epoch, 1)]).await, [SaveOutcome::Stale]);
    let request =
        LoadCharacter { account: hero.account, character: hero.id, owner: ProcessName("tmsrv-1".into()) };
    assert_eq!(store.load_character(request).await, Ok(Err(NoSuchCharacter)));
    assert_eq!(change(store, &gold(&hero, epoch, 1)).await, Err(ChangeGoldRefusal::Stale));
}

fn gold(character: &Character, epoch: Epoch, delta: i64) -> ChangeGold {
    ChangeGold {
        operation: operation(),
        account: character.account,
        character: character.id,
        epoch,
        delta,
        reason: "test".into(),
    }
}

async fn change(store: &Arc<dyn Store>, request: &ChangeGold) -> Result<i64, ChangeGoldRefusal> {
    store.change_gold(request.clone()).await.expect("the store answers")
}

pub(super) async fn gold_changes_once_for_one_operation(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    let pay = gold(&hero, epoch, -300);
    let outcomes = at_once(8, |_| {
        let (store, pay) = (store.clone(), pay.clone());
        async move { change(&store, &pay).await }
    })
    .await;
    assert_eq!(outcomes, vec![Ok(700); 8]);
    assert_eq!(change(store, &gold(&hero, epoch, 50)).await, Ok(750));
    assert_eq!(change(store, &pay).await, Ok(700), "the first outcome, whatever happened since");
    assert_eq!(listed(store, hero.account).await[0].hard.gold, 750);
}

pub(super) async fn gold_stays_within_its_bounds(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    let too_dear = gold(&hero, epoch, -1_001);
    assert_eq!(change(store, &too_dear).await, Err(ChangeGoldRefusal::NotEnough));
    assert_eq!(change(store, &gold(&hero, epoch, GOLD_MAX)).await, Err(ChangeGoldRefusal::TooMuch));
    assert_eq!(change(store, &gold(&hero, epoch, i64::MAX)).await, Err(ChangeGoldRefusal::TooMuch));
    assert_eq!(change(store, &gold(&hero, epoch, i64::MIN)).await, Err(ChangeGoldRefusal::NotEnough));
    assert_eq!(change(store, &gold(&hero, epoch, GOLD_MAX - 1_000)).await, Ok(GOLD_MAX));
    assert_eq!(
        change(store, &too_dear).await,
        Err(ChangeGoldRefusal::NotEnough),
        "refused once, refused for ever"
    );
    assert_eq!(change(store, &gold(&hero, epoch, -GOLD_MAX)).await, Ok(0));
}

pub(super) async fn a_former_owner_changes_no_gold_but_is_told_what_it_did(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let old = load(store, &hero, "tmsrv-1").await.epoch;
    let done = gold(&hero, old, 1);
    assert_eq!(change(store, &done).await, Ok(1_001));
    load(store, &hero, "tmsrv-2").await;
    assert_eq!(change(store, &gold(&hero, old, 1)).await, Err(ChangeGoldRefusal::Stale));
    assert_eq!(change(store, &done).await, Ok(1_001), "what was acknowledged stays acknowledged");
    assert_eq!(listed(store, hero.account).await[0].hard.gold, 1_001);
}

pub(super) async fn gold_changed_by_many_at_once_adds_up(store: &Arc<dyn Store>) {
    let ana = registered(store).await;
    let mut hero = character(ana.id, 0, &name());
    hero.hard.gold = 10;
    create(store, &hero).await;
    let epoch = load(store, &hero, "tmsrv-1").await.epoch;
    let outcomes = at_once(30, |_| {
        let (store, pay) = (store.clone(), gold(&hero, epoch, -1));
        async move { change(&store, &pay).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 10, "{outcomes:?}");
    assert_eq!(listed(store, ana.id).await[0].hard.gold, 0);
}
