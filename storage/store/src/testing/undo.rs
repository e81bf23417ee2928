//! Stories of operators who take something back while the players go on.

use super::stage::economy::{Player, born, moved, paid, surely, transfer};
use crate::Store;
use crate::amend::undo::Target;
use crate::amend::{Amended, Clerk, Step};
use model::calls::database::{FoundCharacter, ItemHistory, ListRecords};
use model::id::OperationId;
use model::ledger::{Actor, ItemPlace};
use model::transfer::{Move, RecordKind};
use std::sync::Arc;

pub(super) fn clerk(store: &Arc<dyn Store>) -> Clerk<'_> {
    Clerk { store: store.as_ref(), operator: "root".to_owned(), now_ms: 1_790_000_000_000 }
}

pub(super) async fn undone(store: &Arc<dyn Store>, operation: OperationId) -> Amended {
    clerk(store).undo(&Target::Operation(operation)).await.expect("it is done")
}

/// Ana gives a potion and gets 300 gold of Ben.
pub(super) async fn trade(store: &Arc<dyn Store>) -> (Player, Player, OperationId) {
    let [ana, ben] = Player::two(store).await;
    let moves = vec![moved(ana.potion(0), ana.carry(0), ben.carry(20)), paid(300, ben.purse(), ana.purse())];
    let trade = transfer(&[&ana, &ben], moves);
    surely(store, &trade).await;
    (ana, ben, trade.operation)
}

pub(super) async fn an_undone_trade_is_as_if_it_never_was(store: &Arc<dyn Store>) {
    let (ana, ben, operation) = trade(store).await;
    let planned = clerk(store).plan_undo(&Target::Operation(operation)).await.expect("a plan");
    assert_eq!((planned.steps.len(), planned.left.len()), (2, 0));
    assert_eq!(ben.now(store).await.hard.gold, 700, "planning does nothing");
    let done = undone(store, operation).await;
    assert_eq!(done.plan.steps, planned.steps);
    let (ana_now, ben_now) = (ana.now(store).await, ben.now(store).await);
    assert_eq!((ana_now.hard.gold, ben_now.hard.gold), (1_000, 1_000));
    assert_eq!((ana_now.carry, ben_now.carry), (ana.hero.carry.clone(), ben.hero.carry.clone()));
    let life =
        store.item_history(ItemHistory { item: ana.potion(0).id, limit: 100 }).await.expect("its life");
    let last = life.last().expect("an entry");
    assert_eq!((last.reason.as_str(), &last.actor), ("undo", &Actor::Operator("root".into())));
    assert_eq!(last.operation, done.operations.first().copied());
    let again = undone(store, operation).await;
    assert_eq!((again.operations.len(), again.plan.steps.len()), (0, 0), "there is nothing more to do");
}

pub(super) async fn an_undo_is_undone_like_anything_else(store: &Arc<dyn Store>) {
    let (ana, ben, operation) = trade(store).await;
    let first = undone(store, operation).await;
    undone(store, first.operations[0]).await;
    let (ana_now, ben_now) = (ana.now(store).await, ben.now(store).await);
    assert_eq!((ana_now.hard.gold, ben_now.hard.gold), (1_300, 700));
    assert_eq!(ben_now.carry[20], Some(ana.potion(0)));
}

pub(super) async fn what_was_passed_on_comes_back_and_what_is_spent_is_left(store: &Arc<dyn Store>) {
    let (ana, ben, operation) = trade(store).await;
    let cem = Player::new(store).await;
    let (potion, ben_was) = (ana.potion(0), ben.carry(20));
    surely(store, &transfer(&[&ben, &cem], vec![moved(potion, ben_was, cem.cargo(7))])).await;
    surely(store, &ana.does(vec![paid(1_200, ana.purse(), ana.burn("test"))])).await;
    let done = undone(store, operation).await;
    let (ana_now, ben_now) = (ana.now(store).await, ben.now(store).await);
    assert_eq!(ana_now.carry[0], Some(potion), "from the bank of a third to its old slot");
    assert_eq!((ana_now.hard.gold, ben_now.hard.gold), (0, 800), "100 of the 300 are left");
    let gold: Vec<_> = done.plan.left.iter().map(|left| left.gold).collect();
    assert_eq!(gold, [Some(200)], "{:?}", done.plan.left);
}

pub(super) async fn a_purchase_is_taken_back_whole_or_not_at_all(store: &Arc<dyn Store>) {
    for used in [false, true] {
        let ana = Player::new(store).await;
        let (potion, birth) = born(400, ana.carry(9));
        let bought = ana.does(vec![paid(40, ana.purse(), ana.burn("shop")), birth]);
        surely(store, &bought).await;
        if used {
            surely(store, &ana.does(vec![Move::Death { item: potion, from: ana.carry(9) }])).await;
        }
        let done = undone(store, bought.operation).await;
        let now = ana.now(store).await;
        assert_eq!((now.carry[9], now.hard.gold), (None, if used { 960 } else { 1_000 }));
        assert_eq!(done.plan.left.is_empty(), !used, "{:?}", done.plan.left);
    }
}

pub(super) async fn what_has_no_room_waits_in_parcels(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let given: Vec<Move> = [0, 1, 63]
        .map(|slot| moved(ana.potion(usize::from(slot)), ana.carry(slot), ben.carry(slot.min(60) + 2)))
        .into();
    let gift = transfer(&[&ana, &ben], given);
    surely(store, &gift).await;
    // her bank and her bag fill up
    let fill = |places: Vec<model::transfer::ItemLocation>| {
        places.into_iter().map(|place| born(401, place).1).collect::<Vec<Move>>()
    };
    surely(store, &ana.does(fill([0, 1, 63].map(|slot| ana.carry(slot)).into()))).await;
    surely(store, &ana.does(fill((0..120).map(|slot| ana.cargo(slot)).collect()))).await;
    let done = undone(store, gift.operation).await;
    assert_eq!((done.plan.steps.len(), done.plan.left.len()), (3, 0));
    let (kind, account) = (RecordKind::Parcel, ana.account());
    let request = ListRecords { kind, scope: Some(account.0), home: Some(account), after: 0, limit: 10 };
    let parcels = store.list_records(request).await.expect("the store answers");
    assert_eq!(parcels.iter().map(|parcel| parcel.items.len()).collect::<Vec<_>>(), [3]);
    let letter = crate::letter::Letter::decode(&parcels[0].record.body).expect("a letter");
    assert_eq!((letter.sender.as_str(), letter.from), ("root", account));
    // what lies in a parcel is taken back from there, and the empty parcel ends
    undone(store, done.operations[0]).await;
    assert_eq!(store.list_records(request).await.expect("the store answers"), []);
    assert_eq!(ben.now(store).await.carry.iter().flatten().count(), 6);
}

/// When somebody new got a first item.
async fn moment(store: &Arc<dyn Store>) -> i64 {
    let born = Player::new(store).await;
    let life = store.item_history(ItemHistory { item: born.potion(0).id, limit: 1 }).await.expect("a life");
    life[0].at_ms
}

/// A moment that comes after all that was.
pub(super) async fn passed(store: &Arc<dyn Store>) -> i64 {
    let since_ms = moment(store).await + 1;
    super::stage::until("the clock has moved on", async || moment(store).await > since_ms).await;
    since_ms
}

pub(super) async fn all_of_a_player_since_a_moment_is_taken_back(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    // their first gold is minted after their items: somebody who comes later marks a moment after that
    let since_ms = passed(store).await;
    let gift = |amount| transfer(&[&ana, &ben], vec![paid(amount, ana.purse(), ben.purse())]);
    for amount in [10, 20, 30] {
        surely(store, &gift(amount)).await;
    }
    let mut slots = vec![moved(ana.potion(0), ana.carry(0), ben.carry(40))];
    surely(store, &transfer(&[&ana, &ben], slots.clone())).await;
    slots = vec![moved(ana.potion(0), ben.carry(40), ben.cargo(3))];
    surely(store, &ben.does(slots)).await;
    let (account, character) = (ana.account(), ana.hero.id);
    let found = FoundCharacter { account, character, name: ana.hero.name.as_str().to_owned() };
    let target = Target::Since { since_ms, player: Some(found) };
    let done = clerk(store).undo(&target).await.expect("it is done");
    assert_eq!((ana.now(store).await.hard.gold, ben.now(store).await.hard.gold), (1_000, 1_000));
    assert_eq!(ana.now(store).await.carry[0], Some(ana.potion(0)));
    assert_eq!(done.plan.left, []);
    let is_of_ben = |step: &&Step| matches!(step, Step::Bring { from, .. } if from.place == ItemPlace::Cargo(ben.account(), 3));
    assert_eq!(done.plan.steps.iter().filter(is_of_ben).count(), 1);
}
