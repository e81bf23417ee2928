//! Stories of operators who take something back while a player, or another operator, is quicker.

use super::Watched;
use super::stage::economy::{Player, born, paid, surely, transfer};
use super::stage::{load, until};
use super::undo::{clerk, passed, trade, undone};
use crate::Store;
use crate::amend::undo::Target;
use crate::amend::{AmendError, Amended, Clerk};
use futures::FutureExt;
use model::calls::database::{FoundCharacter, ReadCash};
use model::id::OperationId;
use model::ledger::GoldAccount;
use model::transfer::{GoldLocation, Move, TransferRefusal};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Barrier;
use tokio::task::JoinHandle;

/// Undoes in a task of its own, in such a store.
fn undoing(store: Watched, target: Target) -> JoinHandle<Amended> {
    tokio::spawn(async move {
        let clerk = Clerk { store: &store, operator: "root".to_owned(), now_ms: 1_790_000_000_000 };
        clerk.undo(&target).await.expect("it is done")
    })
}

fn since(since_ms: i64, player: &Player) -> Target {
    let (account, character) = (player.account(), player.hero.id);
    let name = player.hero.name.as_str().to_owned();
    Target::Since { since_ms, player: Some(FoundCharacter { account, character, name }) }
}

fn cash(player: &Player) -> GoldLocation {
    GoldLocation { home: player.account(), account: GoldAccount::Cash(player.account()) }
}

/// Gold in the bank, and cash.
async fn funds(store: &Arc<dyn Store>, player: &Player) -> (i64, i64) {
    let request = ReadCash { account: player.account() };
    (player.cargo_now(store).await.gold, store.read_cash(request).await.expect("the store answers"))
}

/// No character's loading fences a bank or cash.
pub(super) async fn two_undos_at_once_of_the_same_pay_once(store: &Arc<dyn Store>) {
    for turn in 0..6 {
        let [ana, ben] = Player::two(store).await;
        for player in [&ana, &ben] {
            let to_bank = paid(500, player.purse(), player.bank());
            surely(store, &player.does(vec![to_bank, paid(70, player.mint("test"), cash(player))])).await;
        }
        let since_ms = passed(store).await;
        let fee = vec![paid(100, ana.bank(), ben.bank()), paid(7, cash(&ana), cash(&ben))];
        let fee = transfer(&[&ana], fee);
        surely(store, &fee).await;
        assert_eq!((funds(store, &ana).await, funds(store, &ben).await), ((400, 63), (600, 77)));
        // in every other turn both have planned before one of them does anything
        let start = Arc::new(Barrier::new(2));
        let targets = [Target::Operation(fee.operation), since(since_ms, &ana)];
        let [one, other] = targets.map(|target| {
            let (start, calls) = (start.clone(), AtomicUsize::new(0));
            let waits = move |method| {
                let first = method == "transfer" && calls.fetch_add(1, Ordering::SeqCst) == 0;
                let start = start.clone();
                async move {
                    if first && turn % 2 == 0 {
                        start.wait().await;
                    }
                }
                .boxed()
            };
            undoing(Watched::new(store, waits), target)
        });
        let (one, other) = (one.await.expect("no panic"), other.await.expect("no panic"));
        assert_eq!(one.operations.len() + other.operations.len(), 1, "one of them did it");
        assert_eq!((funds(store, &ana).await, funds(store, &ben).await), ((500, 70), (500, 70)));
    }
}

pub(super) async fn an_undo_that_ran_out_of_tries_is_done_when_asked_again(store: &Arc<dyn Store>) {
    let (ana, ben, operation) = trade(store).await;
    let (plain, hero) = (store.clone(), ana.hero.clone());
    let restless = Watched::new(store, move |method| {
        let (plain, hero) = (plain.clone(), hero.clone());
        async move {
            if method == "transfer" {
                load(&plain, &hero, "tmsrv-1").await;
            }
        }
        .boxed()
    });
    let clerk = Clerk { store: &restless, ..clerk(store) };
    let unsettled = AmendError::Unsettled { done: 0, last: TransferRefusal::Stale(ana.hero.id) };
    assert_eq!(clerk.undo(&Target::Operation(operation)).await, Err(unsettled));
    assert_eq!(ana.now(store).await.hard.gold, 1_300, "nothing was done");
    let done = undone(store, operation).await;
    assert_eq!((done.operations.len(), done.plan.left.len()), (1, 0));
    assert_eq!((ana.now(store).await.hard.gold, ben.now(store).await.hard.gold), (1_000, 1_000));
    assert_eq!(ana.now(store).await.carry, ana.hero.carry);
}

/// Ana gets 120 things into her bank, 30 into her bag, and 300 gold of Ben, of which she spends 40 for bread: to take that
/// back takes two transfers, and what Ben gets of the world for the bread comes with the second.
async fn plenty(store: &Arc<dyn Store>) -> (Player, Player, Target) {
    let [ana, ben] = Player::two(store).await;
    let since_ms = passed(store).await;
    let births = |places: Vec<_>| places.into_iter().map(|at| born(401, at).1).collect::<Vec<Move>>();
    surely(store, &ana.does(births((0..120).map(|slot| ana.cargo(slot)).collect()))).await;
    surely(store, &ana.does(births((10..40).map(|slot| ana.carry(slot)).collect()))).await;
    surely(store, &transfer(&[&ben, &ana], vec![paid(300, ben.purse(), ana.purse())])).await;
    let bread = born(400, ana.carry(9)).1;
    surely(store, &ana.does(vec![paid(40, ana.purse(), ana.burn("shop")), bread])).await;
    let target = since(since_ms, &ana);
    (ana, ben, target)
}

async fn is_as_before(store: &Arc<dyn Store>, ana: &Player, ben: &Player, done: &Amended) {
    assert_eq!((done.operations.len(), done.plan.steps.len()), (2, 153));
    assert_eq!(done.plan.left, [], "the second part was not lost");
    let (ana_now, ben_now) = (ana.now(store).await, ben.now(store).await);
    assert_eq!((ana_now.hard.gold, ben_now.hard.gold), (1_000, 1_000));
    assert_eq!(ana_now.carry, ana.hero.carry);
    assert_eq!(ana.cargo_now(store).await.items.iter().flatten().count(), 0);
}

pub(super) async fn a_player_who_acts_between_two_parts_gets_all_the_same(store: &Arc<dyn Store>) {
    let (ana, ben, target) = plenty(store).await;
    let (plain, hero, calls) = (store.clone(), ben.hero.clone(), AtomicUsize::new(0));
    let acts = Watched::new(store, move |method| {
        let second = method == "transfer" && calls.fetch_add(1, Ordering::SeqCst) == 1;
        let (plain, hero) = (plain.clone(), hero.clone());
        async move {
            if second {
                load(&plain, &hero, "tmsrv-1").await;
            }
        }
        .boxed()
    });
    let clerk = Clerk { store: &acts, ..clerk(store) };
    let done = clerk.undo(&target).await.expect("it is done");
    is_as_before(store, &ana, &ben, &done).await;
}

/// How often another run looks at records while it waits: more often than while it does its work.
const LOOKS: usize = 8;

pub(super) async fn another_undo_waits_until_all_parts_are_done(store: &Arc<dyn Store>) {
    let (ana, ben, target) = plenty(store).await;
    let (cem, dan, operation) = trade(store).await;
    let (plain, calls) = (store.clone(), AtomicUsize::new(0));
    let other = Arc::new(Mutex::new(None));
    let begun = other.clone();
    let meets = Watched::new(store, move |method| {
        let second = method == "transfer" && calls.fetch_add(1, Ordering::SeqCst) == 1;
        let (plain, begun) = (plain.clone(), begun.clone());
        async move {
            if second {
                *begun.lock() = Some(waiting(&plain, operation).await);
            }
        }
        .boxed()
    });
    let clerk = Clerk { store: &meets, ..clerk(store) };
    let done = clerk.undo(&target).await.expect("it is done");
    is_as_before(store, &ana, &ben, &done).await;
    let other = other.lock().take().expect("it was begun");
    assert_eq!(other.await.expect("no panic").plan.left, []);
    assert_eq!((cem.now(store).await.hard.gold, dan.now(store).await.hard.gold), (1_000, 1_000));
}

/// Another undo that has looked around for a while, or is done.
async fn waiting(store: &Arc<dyn Store>, operation: OperationId) -> JoinHandle<Amended> {
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = looks.clone();
    let counts = Watched::new(store, move |method| {
        seen.fetch_add(usize::from(method == "get_record"), Ordering::SeqCst);
        async {}.boxed()
    });
    let other = undoing(counts, Target::Operation(operation));
    until("the other one looks around", async || {
        looks.load(Ordering::SeqCst) >= LOOKS || other.is_finished()
    })
    .await;
    other
}
