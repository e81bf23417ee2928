//! Instances are opened once, by the clock of the metadata database, and leave no row behind.

use super::stage::{at_once, name};
use crate::Store;
use model::calls::cluster::{
    CloseReason, ClusterReport, Guest, InstanceLimits, MakeWish, ReadCluster, Wish, WishGranted,
};
use model::calls::database::{ReadClusterView, WriteSlots};
use model::membership::NamedZone;
use model::{CharacterId, OperationId, Rect, Tile};
use std::sync::Arc;

async fn report(store: &Arc<dyn Store>) -> ClusterReport {
    store.read_cluster(ReadCluster).await.expect("the store answers")
}

async fn wish(store: &Arc<dyn Store>, wish: Wish) -> Result<WishGranted, String> {
    let made = store.make_wish(MakeWish { by: "ana".to_owned(), wish }).await;
    made.expect("the store answers").map_err(|refusal| refusal.to_string())
}

/// A table with one place, whose name is its own.
async fn place(store: &Arc<dyn Store>) -> String {
    let place = name();
    let before = store.cluster_view(ReadClusterView).await.expect("the store answers").table;
    let area = Rect::new(Tile::new(128, 3712), Tile::new(511, 4091));
    let named_zones = vec![NamedZone { name: place.clone(), area }];
    let write =
        WriteSlots { expected_version: before.version, named_zones, slots: before.slots, counts: None };
    store.write_slots(write).await.expect("the store answers").expect("nobody else writes");
    place
}

fn open(operation: u128, place: &str, life_s: u32, guests: &[&str]) -> Wish {
    let guest = |name: &&str| Guest { character: CharacterId(rand::random()), name: (*name).to_owned() };
    let guests = guests.iter().map(guest).collect();
    Wish::OpenInstance { operation: OperationId(operation), place: place.to_owned(), life_s, guests }
}

pub(super) async fn one_operation_opens_one_instance_whose_number_comes_once(store: &Arc<dyn Store>) {
    let place = place(store).await;
    let before = report(store).await;
    let operation = rand::random();
    let order = open(operation, &place, 60, &["ana", "bia"]);
    let granted = wish(store, order.clone()).await.expect("it is granted");
    let id = before.wishes.last_instance + 1;
    assert_eq!(granted.undo, [Wish::CloseInstance { instance: id, why: CloseReason::Wished }]);
    let now = report(store).await;
    let opened = &now.wishes.instances[&id];
    let Wish::OpenInstance { guests, .. } = &order else { unreachable!("it was made here") };
    assert_eq!((&opened.place, &opened.guests), (&place, guests));
    assert_eq!(opened.until_ms - opened.opened_ms, 60_000);
    assert!((before.now_ms..=now.now_ms).contains(&opened.opened_ms), "by the clock of the database");
    let again = wish(store, order.clone()).await.expect("it is granted");
    assert!(!again.changed && again.undo == granted.undo, "{again:?}");
    assert_eq!(report(store).await.wishes, now.wishes, "one operation opens one");
    assert!(wish(store, open(rand::random(), "nowhere", 60, &["ana"])).await.is_err());

    let closed = wish(store, granted.undo[0].clone()).await.expect("it is granted");
    assert!(closed.changed && closed.after.contains("is closed (wished)"));
    let after = report(store).await;
    assert_eq!((&after.wishes.instances, after.wishes.last_instance), (&before.wishes.instances, id));
    let log = after.log.last().expect("it is logged");
    assert_eq!((&log.wish, log.by.as_str()), (&format!("instance close {id}"), "ana"));
    let late = wish(store, order).await.expect("it is granted");
    assert!(!late.changed && late.after.contains("closed already"), "{late:?}");
    let next = wish(store, open(rand::random(), &place, 60, &["ana"])).await.expect("it is granted");
    assert_eq!(next.undo, [Wish::CloseInstance { instance: id + 1, why: CloseReason::Wished }]);
    wish(store, next.undo[0].clone()).await.expect("it is granted");

    let limits = InstanceLimits { open_max: 7, per_player_max: 2, life_max_s: 90, empty_s: 3 };
    let limited = wish(store, Wish::LimitInstances { limits }).await.expect("it is granted");
    assert_eq!(report(store).await.wishes.limits, limits);
    assert!(
        wish(store, open(rand::random(), &place, 91, &["ana"]))
            .await
            .is_err_and(|why| why.contains("5 to 90 s"))
    );
    wish(store, limited.undo[0].clone()).await.expect("it is granted");
    assert_eq!(report(store).await.wishes.limits, before.wishes.limits);
}

pub(super) async fn of_many_who_open_for_one_player_one_does(store: &Arc<dyn Store>) {
    let place = place(store).await;
    let guest = Guest { character: CharacterId(rand::random()), name: "ana".to_owned() };
    let outcomes = at_once(6, |index| {
        // three operations, each asked twice
        let operation = OperationId((u128::from(guest.character.0) << 8) | (index as u128 / 2));
        let guests = vec![guest.clone()];
        let order = Wish::OpenInstance { operation, place: place.clone(), life_s: 60, guests };
        let store = store.clone();
        async move { wish(&store, order).await }
    })
    .await;
    let opened: Vec<_> = outcomes.iter().flatten().collect();
    assert_eq!(opened.iter().filter(|granted| granted.changed).count(), 1, "{outcomes:?}");
    assert_eq!(opened.len(), 2, "who asked first is told twice, the others are refused: {outcomes:?}");
    let now = report(store).await.wishes;
    let mine = now.instances.iter().filter(|(_, open)| open.guests.contains(&guest));
    let mine: Vec<u64> = mine.map(|(id, _)| *id).collect();
    assert_eq!(mine, [now.last_instance]);
    let close = Wish::CloseInstance { instance: mine[0], why: CloseReason::Empty };
    wish(store, close).await.expect("it is granted");
}
