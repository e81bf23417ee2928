//! Stories of operators who restore a character while the players go on.

use super::stage::economy::{Player, born, done, moved, paid, progress_of, surely, transfer};
use crate::Store;
use crate::amend::{Amended, Clerk};
use model::calls::database::{FoundCharacter, TransferRefusal};
use model::character::Progress;
use model::ledger::Actor;
use model::transfer::Move;
use std::sync::Arc;

/// Whose clock is ahead of that of any database.
fn clerk(store: &Arc<dyn Store>) -> Clerk<'_> {
    Clerk { store: store.as_ref(), operator: "root".to_owned(), now_ms: i64::MAX }
}

fn found(player: &Player) -> FoundCharacter {
    let (account, character) = (player.account(), player.hero.id);
    FoundCharacter { account, character, name: player.hero.name.as_str().to_owned() }
}

async fn restored(store: &Arc<dyn Store>, player: &Player, at_ms: i64) -> Amended {
    clerk(store).restore(found(player), at_ms).await.expect("it is done")
}

fn at_level(player: &Player, level: u16) -> Progress {
    Progress { level, ..player.hero.hard.progress() }
}

pub(super) async fn a_character_is_as_it_was_and_nobody_else_notices(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let at_ms = ana.grows(store, at_level(&ana, 50)).await;
    // into the bank, destroyed, bought
    surely(store, &ana.does(vec![moved(ana.potion(0), ana.carry(0), ana.cargo(4))])).await;
    surely(store, &ana.does(vec![Move::Death { item: ana.potion(1), from: ana.carry(1) }])).await;
    let (bread, birth) = born(400, ana.carry(9));
    surely(store, &ana.does(vec![paid(40, ana.purse(), ana.burn("shop")), birth])).await;
    // given to Ben, got from Ben
    let gift = vec![moved(ana.potion(63), ana.carry(63), ben.carry(20)), paid(100, ana.purse(), ben.purse())];
    let gift = transfer(&[&ana, &ben], gift);
    surely(store, &gift).await;
    let thanks = vec![moved(ben.potion(0), ben.carry(0), ana.carry(0))];
    surely(store, &transfer(&[&ben, &ana], thanks)).await;
    let later_ms = ana.grows(store, at_level(&ana, 60)).await;
    let bens = (ben.now(store).await, ben.cargo_now(store).await);

    let planned = clerk(store).plan_restore(found(&ana), at_ms).await.expect("a plan");
    assert_eq!(ana.now(store).await.hard.level, 60, "planning does nothing");
    let restored_now = restored(store, &ana, at_ms).await;
    assert_eq!(restored_now.plan.steps, planned.steps);
    let (now, bank) = (ana.now(store).await, ana.cargo_now(store).await);
    assert_eq!((now.hard.level, now.hard.gold), (50, 900), "the bread is paid back, the gift is not");
    let lives_again = now.carry[1].expect("it lives again");
    assert_eq!((lives_again.kind, lives_again.effects), (ana.potion(1).kind, ana.potion(1).effects));
    assert_ne!(lives_again.id, ana.potion(1).id, "under another id");
    assert_eq!((now.carry[0], now.carry[9], now.carry[63]), (Some(ana.potion(0)), None, None));
    assert!(bank.items.contains(&Some(ben.potion(0))), "out of the way");
    assert!(now.carry.iter().flatten().all(|item| item.id != bread.id));
    assert_eq!((ben.now(store).await, ben.cargo_now(store).await), bens, "he has what he had");
    let left: Vec<String> = restored_now.plan.left.iter().map(ToString::to_string).collect();
    let hint = format!("wydbr undo --operation {:032x}", gift.operation.0);
    assert!(left.len() == 2 && left.iter().all(|left| left.ends_with(&hint)), "{left:?}");

    // whoever plays it is told what is true, and its past stays known
    let late = ana.does(vec![moved(ana.potion(0), ana.carry(0), ana.carry(5))]);
    assert_eq!(done(store, &late).await, Err(TransferRefusal::Stale(ana.hero.id)));
    assert_eq!(progress_of(store, &ana.hero, later_ms).await.then, Some(at_level(&ana, 60)));
    let life = model::calls::database::ItemHistory { item: lives_again.id, limit: 9 };
    let life = store.item_history(life).await.expect("its life");
    let operator = Actor::Operator("root".to_owned());
    assert!(life.iter().all(|entry| entry.reason == "restore" && entry.actor == operator));

    let again = restored(store, &ana, at_ms).await;
    assert_eq!((again.operations.len(), again.plan.steps.len(), again.plan.regain), (0, 0, None));
    assert_eq!(ana.now(store).await.hard, now.hard, "there is nothing more to do");
}

pub(super) async fn a_character_is_restored_to_any_of_its_times(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let mut times = Vec::new();
    for level in 1..=3 {
        times.push(ana.grows(store, at_level(&ana, level)).await);
    }
    for (level, at_ms) in [(2, times[1]), (1, times[1] - 1), (3, times[2]), (1, times[0])] {
        restored(store, &ana, at_ms).await;
        assert_eq!(ana.now(store).await.hard.level, level);
    }
}

pub(super) async fn a_time_of_which_nothing_is_known_is_refused(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let (born_ms, _) = progress_of(store, &ana.hero, 0).await.first.expect("its birth");
    let clerk = Clerk { now_ms: born_ms + 10, ..clerk(store) };
    let why = async |at_ms: i64| {
        clerk.restore(found(&ana), at_ms).await.expect_err("there is no such time").to_string()
    };
    let early = why(born_ms - 1).await;
    assert!(
        early.contains(&format!("expected {born_ms} or later")) && early.contains("made then"),
        "{early}"
    );
    let late = why(born_ms + 11).await;
    assert!(late.contains("expected one before now"), "{late}");
}
