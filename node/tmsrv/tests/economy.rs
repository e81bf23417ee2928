//! Items and gold of players, from a node down to a real store that is taken away at the worst moment.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use model::calls::database::Transfer;
use model::calls::node::{AttachReason, DropReason, ToNode};
use model::event::{Notice, NoticeKey};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, Record, RecordChange, RecordKey};
use model::{
    Character, Command, Container, Effect, EntityId, Epoch, Event, GroundId, Item, ItemId, ItemKind,
    OperationId, SessionId, Slot, Tile,
};
use store::Store;
use support::{Edge, House};
use tmsrv::Settings;

/// Beside the herbalist of Armia, who stands on (2144,2088), and the keeper of the bank.
const SHOP: Tile = Tile::new(2142, 2086);
const HERBALIST: Tile = Tile::new(2144, 2088);
/// A quiet corner of the town.
const TOWN: Tile = Tile::new(2152, 2150);
const POTION: u16 = 400;
const KNIFE: u16 = 861;

async fn one_node() -> House {
    House::with_nodes(1, Settings { game_threads: 2, ..Settings::default() }).await
}

fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

fn knife(of: &Character) -> Item {
    Item { id: ItemId(u128::from(of.id.0) << 8), kind: ItemKind(KNIFE), effects: [Effect::default(); 3] }
}

/// A stored character with a knife in its first slot.
async fn with_knife(house: &House, at: Tile) -> Character {
    house.character_with(at, |ana| ana.carry[0] = Some(knife(ana))).await
}

async fn merchant(edge: &mut Edge, session: SessionId) -> EntityId {
    edge.perceives(session, "the herbalist", |event| match event {
        Event::Appeared { look, .. } if look.tile == HERBALIST => Some(look.entity),
        _ => None,
    })
    .await
}

async fn is_moved(edge: &mut Edge, session: SessionId, from: Slot, to: Slot) {
    let moved = Event::ItemMoved { from, to, keeper: None };
    edge.perceives(session, "that the item is moved", |event| (*event == moved).then_some(())).await;
}

async fn is_told(edge: &mut Edge, session: SessionId, key: NoticeKey) {
    edge.perceives(session, "a notice", |event| {
        matches!(event, Event::Notice(Notice::Catalogue { key: k, .. }) if *k == key).then_some(())
    })
    .await;
}

async fn dropped(edge: &mut Edge, session: SessionId) -> (GroundId, Tile) {
    edge.perceives(session, "something on the ground", |event| match event {
        Event::GroundAppeared { ground, tile, .. } => Some((*ground, *tile)),
        _ => None,
    })
    .await
}

/// The store agrees with its ledger, and the house ends.
async fn ends(house: House) {
    let report = store::fsck::run(house.store.really()).await.expect("the store is there");
    assert!(report.is_clean(), "{report:?}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_bought_and_sold_is_stored_before_it_is_told() {
    let house = one_node().await;
    let ana = house.character(SHOP).await;
    let mut edge = house.edge("edge-1", SHOP).await;
    let (session, _) = house.enters(&mut edge, &ana, SHOP).await;
    let merchant = merchant(&mut edge, session).await;
    edge.command(session, Command::BuyItem { merchant: Some(merchant), shelf: 0, to: 3 }).await;
    let told = edge
        .perceives(session, "the potion", |event| match event {
            Event::SlotChanged { slot, item: Some(item) } if *slot == carry(3) => Some(*item),
            _ => None,
        })
        .await;
    let stored = house.stored(&ana).await;
    assert_eq!((stored.carry[3], stored.hard.gold, told.kind), (Some(told), 843, ItemKind(POTION)));

    edge.command(session, Command::SellItem { merchant: Some(merchant), from: carry(3) }).await;
    edge.perceives(session, "the gold", |event| match event {
        Event::GoldChanged { gold } if *gold > 843 => Some(()),
        _ => None,
    })
    .await;
    let stored = house.stored(&ana).await;
    assert_eq!((stored.carry[3], stored.hard.gold), (None, 843 + 37 - 1));
    ends(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_a_job_waits_and_its_player_walks() {
    let house = one_node().await;
    let ana = with_knife(&house, TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let bob = house.character(TOWN).await;
    let (session, sheet) = house.enters(&mut edge, &ana, TOWN).await;
    let (watching, _) = house.enters(&mut edge, &bob, TOWN).await;
    house.store_is_away(true);
    edge.command(session, Command::MoveItem { from: carry(0), to: carry(1), keeper: None }).await;
    edge.command(session, Command::MoveItem { from: carry(1), to: carry(2), keeper: None }).await;
    edge.walks(session, sheet.tile, "88", 2).await;
    edge.perceives(watching, "ana walk", |event| {
        matches!(event, Event::Walked { entity, .. } if *entity == sheet.entity).then_some(())
    })
    .await;
    assert_eq!(house.stored(&ana).await.carry[0], Some(knife(&ana)));
    house.store_is_away(false);
    is_moved(&mut edge, session, carry(0), carry(1)).await;
    is_moved(&mut edge, session, carry(1), carry(2)).await;
    assert_eq!(house.stored(&ana).await.carry[2], Some(knife(&ana)));
    ends(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_got_lost_is_asked_for_again_and_done_once() {
    let house = one_node().await;
    let ana = house.character(SHOP).await;
    let mut edge = house.edge("edge-1", SHOP).await;
    let (session, _) = house.enters(&mut edge, &ana, SHOP).await;
    let merchant = merchant(&mut edge, session).await;
    house.store.loses_the_next_answer();
    edge.command(session, Command::BuyItem { merchant: Some(merchant), shelf: 0, to: 0 }).await;
    edge.perceives(session, "the gold", |event| (*event == Event::GoldChanged { gold: 843 }).then_some(()))
        .await;
    let stored = house.stored(&ana).await;
    assert_eq!((stored.carry.iter().flatten().count(), stored.hard.gold), (1, 843));
    ends(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_while_a_job_is_at_work_is_released_after_it() {
    let house = one_node().await;
    let ana = with_knife(&house, TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, _) = house.enters(&mut edge, &ana, TOWN).await;
    let untold = house.store.outcome_is_told.lock().await;
    edge.command(session, Command::MoveItem { from: carry(0), to: carry(9), keeper: None }).await;
    house.until_stored_so("the knife is moved", &ana, |ana| ana.carry[9].is_some()).await;
    edge.says(ToNode::Detach { session }).await;
    // nobody else gets the character before the outcome is known
    let mut other = house.edge("edge-2", TOWN).await;
    let again = house.session();
    let attach = house.attach(again, &ana, TOWN).await;
    other.says(ToNode::Attach(attach)).await;
    drop(untold);
    edge.is_detached(session).await;
    let sheet = other
        .perceives(again, "the entry", |event| match event {
            Event::Entered(sheet) => Some(sheet.clone()),
            _ => None,
        })
        .await;
    assert_eq!((sheet.carry[0], sheet.carry[9]), (None, Some(knife(&ana))));
    other.command(again, Command::MoveItem { from: carry(9), to: carry(1), keeper: None }).await;
    is_moved(&mut other, again, carry(9), carry(1)).await;
    ends(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_loaded_elsewhere_moves_nothing_any_more() {
    let house = one_node().await;
    let ana = with_knife(&house, TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, _) = house.enters(&mut edge, &ana, TOWN).await;
    let owner = model::membership::ProcessName("tmsrv-9".into());
    let load = model::calls::database::LoadCharacter { account: ana.account, character: ana.id, owner };
    house.store.load_character(load).await.unwrap().unwrap();
    edge.command(session, Command::DestroyItem { slot: 0, kind: ItemKind(KNIFE) }).await;
    assert_eq!(edge.is_dropped(session).await, DropReason::Fenced);
    assert_eq!(house.stored(&ana).await.carry[0], Some(knife(&ana)));
    ends(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_not_what_is_stored_is_read_again() {
    let house = one_node().await;
    let ana = with_knife(&house, TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, _) = house.enters(&mut edge, &ana, TOWN).await;
    // somebody with the right to do so gives gold and moves the knife behind the back of the zone
    let home = ana.account;
    let at = |slot| ItemLocation { home, place: ItemPlace::Carry(ana.id, slot) };
    let purse = |account| GoldLocation { home, account };
    let fence = Fence { account: home, character: ana.id, epoch: Epoch(1) };
    let transfer = Transfer {
        operation: OperationId(77),
        actor: Actor::Operator("test".into()),
        reason: "test".into(),
        fences: vec![fence],
        moves: vec![
            Move::Item { item: knife(&ana), from: at(0), to: at(7), effects: knife(&ana).effects },
            Move::Gold {
                amount: 50,
                from: purse(GoldAccount::Mint("test".into())),
                to: purse(GoldAccount::Character(ana.id)),
            },
        ],
        records: vec![],
        softs: vec![],
        standings: Vec::new(),
    };
    house.store.really().transfer(transfer).await.unwrap().unwrap();
    edge.command(session, Command::MoveItem { from: carry(0), to: carry(1), keeper: None }).await;
    is_told(&mut edge, session, NoticeKey::ItemGone).await;
    let carried = edge
        .perceives(session, "what is there", |event| match event {
            Event::CarryChanged { carry, gold: 1_050 } => Some(carry.clone()),
            _ => None,
        })
        .await;
    assert_eq!((carried[0], carried[7]), (None, Some(knife(&ana))));
    edge.command(session, Command::MoveItem { from: carry(7), to: carry(1), keeper: None }).await;
    is_moved(&mut edge, session, carry(7), carry(1)).await;
    ends(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_on_the_ground_outlives_its_node_and_one_gets_it() {
    let settings = Settings { game_threads: 2, ..Settings::default() };
    let house = House::with_nodes(2, settings).await;
    let ana = with_knife(&house, TOWN).await;
    let armia = house.zones.zone_at(TOWN);
    let (owner, _) = house.slot(armia).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, _) = house.enters(&mut edge, &ana, TOWN).await;
    edge.command(session, Command::DropItem { from: carry(0), tile: TOWN, rotate: 2 }).await;
    let (ground, tile) = dropped(&mut edge, session).await;
    let held = house.on_the_ground().await;
    let [record] = &held[..] else { panic!("{held:?}") };
    assert_eq!((record.record.key, record.items[0].1), (RecordKey::Ground(ground), knife(&ana)));
    house.stop_node(&owner);
    assert_eq!(edge.is_dropped(session).await, DropReason::ZoneGone);

    let (next, _) = house.slot_not_of(armia, &owner).await;
    let mut edge = house.edge_to("edge-1", &next).await;
    house.enters_as(&mut edge, session, &ana, TOWN, AttachReason::Resume).await;
    assert_eq!(dropped(&mut edge, session).await, (ground, tile));
    let bob = house.character(TOWN).await;
    let (other, _) = house.enters(&mut edge, &bob, TOWN).await;
    edge.command(other, Command::PickUp { ground, to: 0 }).await;
    edge.command(session, Command::PickUp { ground, to: 0 }).await;
    let picked = |event: &Event| matches!(event, Event::PickedUp { .. }).then_some(());
    edge.perceives(other, "the knife in bob's bag", picked).await;
    edge.command(session, Command::PickUp { ground, to: 0 }).await;
    is_told(&mut edge, session, NoticeKey::ItemGone).await;
    assert_eq!(house.stored(&bob).await.carry[0], Some(knife(&ana)));
    assert_eq!((house.stored(&ana).await.carry[0], house.on_the_ground().await.len()), (None, 0));
    ends(house).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lay_too_long_while_nobody_played_the_zone_ends() {
    let house = one_node().await;
    let ana = house.character(TOWN).await;
    let key = RecordKey::Ground(GroundId(5));
    let record = Record {
        key,
        home: ana.account,
        version: 1,
        scope: u64::from(house.zones.zone_at(TOWN).0),
        until_ms: 1_000,
        body: vec![1, 0x68, 0x08, 0x66, 0x08, 0],
    };
    let to = ItemLocation { home: ana.account, place: ItemPlace::Ground(GroundId(5)) };
    let transfer = Transfer {
        operation: OperationId(78),
        actor: Actor::System("test".into()),
        reason: "test".into(),
        fences: vec![],
        moves: vec![Move::Birth { item: knife(&ana), to }],
        records: vec![RecordChange::Put { record, expected: 0 }],
        softs: vec![],
        standings: Vec::new(),
    };
    house.store.really().transfer(transfer).await.unwrap().unwrap();
    assert_eq!(house.on_the_ground().await.len(), 1);
    // nobody is in the zone; it hears of it when the store is asked for the second time
    house.until_the_ground_is_empty().await;
    ends(house).await;
}
