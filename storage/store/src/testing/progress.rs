//! Stories of what characters have become, and were before.

use super::stage::economy::{Player, progress_of};
use super::stage::{living, operation};
use crate::Store;
use model::calls::database::{ChangeProgress, DeleteCharacter, ProgressThen, StaleProgress};
use model::character::{Attributes, Progress, Unspent};
use model::{Character, Epoch};
use std::sync::Arc;

async fn then(store: &Arc<dyn Store>, hero: &Character, at_ms: i64) -> ProgressThen {
    progress_of(store, hero, at_ms).await
}

/// The largest values everywhere, and that level; guild and rank stay as they are.
fn grown(level: u16) -> Progress {
    let most = u16::MAX;
    Progress {
        level,
        experience: i64::MAX,
        attributes: Attributes { strength: most, intelligence: 1, dexterity: 2, constitution: 3 },
        mastery: [4, 5, 6, most],
        unspent: Unspent { stat: 7, mastery: 8, skill: most },
        learned: [9, u32::MAX],
        clan: 7,
        guild: 0,
        guild_rank: 0,
        chaos: 150,
    }
}

fn change(player: &Player, progress: Progress) -> ChangeProgress {
    player.growth(progress)
}

async fn grows(store: &Arc<dyn Store>, player: &Player, progress: Progress) -> i64 {
    player.grows(store, progress).await
}

pub(super) async fn what_a_character_was_is_known_for_any_time(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let born = ana.hero.hard.progress();
    let first = then(store, &ana.hero, i64::MAX).await;
    let (born_ms, why) = first.first.clone().expect("its birth");
    assert_eq!((first.then, why.as_str(), first.newest_ms), (Some(born), "starter", born_ms));
    let mut times = vec![born_ms];
    for level in 1..=3 {
        times.push(grows(store, &ana, grown(level)).await);
    }
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    let hard = ana.now(store).await.hard;
    assert_eq!((hard.progress(), hard.gold), (grown(3), 1_000), "the gold stays what it is");
    for (level, since_ms) in (1..=3).zip(&times[1..]) {
        assert_eq!(then(store, &ana.hero, *since_ms).await.then, Some(grown(level)));
        let before = if level == 1 { born } else { grown(level - 1) };
        assert_eq!(then(store, &ana.hero, since_ms - 1).await.then, Some(before));
    }
    let before = then(store, &ana.hero, born_ms - 1).await;
    assert_eq!((before.then, before.first.map(|(since_ms, _)| since_ms)), (None, Some(born_ms)));
}

pub(super) async fn a_former_owner_changes_no_progress(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let former = Player { epoch: Epoch(ana.epoch.0 - 1), ..ana.clone() };
    let refused = store.change_progress(change(&former, grown(9))).await.expect("the store answers");
    assert_eq!(refused, Err(StaleProgress));
    assert_eq!(ana.now(store).await.hard, ana.hero.hard);
    assert_eq!(then(store, &ana.hero, i64::MAX).await.then, Some(ana.hero.hard.progress()));
}

pub(super) async fn a_change_of_progress_is_done_once(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let first = change(&ana, grown(1));
    store.change_progress(first.clone()).await.expect("the store answers").expect("it is done");
    let newest_ms = grows(store, &ana, grown(2)).await;
    store.change_progress(first).await.expect("the store answers").expect("it was done");
    let now = then(store, &ana.hero, i64::MAX).await;
    assert_eq!((now.then, now.newest_ms), (Some(grown(2)), newest_ms));
}

pub(super) async fn nothing_is_known_of_a_deleted_character(store: &Arc<dyn Store>) {
    let hero = living(store).await;
    let request = DeleteCharacter {
        operation: operation(),
        account: hero.account,
        slot: hero.slot,
        key: hero.name.key(),
    };
    store.delete_character(request).await.expect("the store answers").expect("it is deleted");
    let ProgressThen { then, first, newest_ms, .. } = then(store, &hero, i64::MAX).await;
    assert_eq!((then, first, newest_ms), (None, None, 0));
}
