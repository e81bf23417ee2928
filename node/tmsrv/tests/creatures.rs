//! What a node hears from others and from the store about creatures, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use async_trait::async_trait;
use content::{Content, RouteKind};
use link::{Peer, Service, Stream};
use model::calls::database::WriteSlots;
use model::calls::node::{ToEdge, ToNode};
use model::calls::population::KeepPopulation;
use model::calls::sibling::{Reply, Request};
use model::membership::{ProcessName, Role, Slot};
use model::population::{AgedPopulation, CreatureState, Guest};
use model::{EntityId, Epoch, Event, MoveMark, Population, Tile, ZoneId};
use placement::ZoneTable;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use support::House;
use tmsrv::Settings;

/// A quiet corner of the town: nobody stands in the way.
const TOWN: Tile = Tile::new(2152, 2150);
const BESIDE: Tile = Tile::new(2156, 2150);
/// In the next zone in the east.
const EAST: Tile = Tile::new(2310, 2142);
const SOON: Duration = Duration::from_secs(10);

fn settings() -> Settings {
    Settings { game_threads: 2, ..Settings::default() }
}

/// One that stands beside the players, with a name that no zone gives.
fn creature(content: &Content, home: ZoneId, number: u64) -> CreatureState {
    let stands = content.generators.iter().position(|generator| generator.route == RouteKind::Stand);
    CreatureState {
        entity: EntityId::of_creature(home, Epoch(99), number),
        kind: 0,
        generator: stands.expect("somebody who stands") as u32,
        tile: BESIDE,
        mark: MoveMark { epoch: Epoch(1), number: 5 },
        walk: None,
        points: vec![(BESIDE, 0)],
        at: 0,
        backwards: false,
        wait: 0,
        there: true,
        vain: 0,
        leader: None,
        hops: 0,
    }
}

/// A zone in which one creature stands.
fn population(content: &Content, zone: ZoneId, epoch: u64, one: &CreatureState) -> Population {
    Population {
        content: content.hash,
        zone,
        epoch: Epoch(epoch),
        area: ZoneTable::new(content.zones.clone()).bounds(zone).unwrap(),
        asleep_ms: 0,
        generators: Vec::new(),
        creatures: vec![one.clone()],
    }
}

async fn is_stored(house: &House, population: Population) {
    let scope = u64::from(placement::whole_of(population.zone).0);
    let kept = house.store.really().keep_population(KeepPopulation { scope, population }).await;
    assert!(kept.unwrap());
}

/// A node that says this of creatures, or nothing at all.
struct Sibling(Option<Population>);

#[async_trait]
impl Service for Sibling {
    type Request = Request;
    type Reply = Reply;
    type In = ToNode;
    type Out = ToEdge;

    async fn call(&self, _peer: &Peer, request: Request) -> Reply {
        match request {
            Request::Populations { .. } => match self.0.clone() {
                Some(population) => Reply::Populations(vec![AgedPopulation { age_ms: 0, population }]),
                None => std::future::pending().await,
            },
            Request::Keep(_) => Reply::Kept,
            Request::Recall(_) => Reply::Recalled(None),
            Request::Ping { .. } => Reply::Alive,
            _ => Reply::Refused,
        }
    }

    async fn stream(&self, _peer: Peer, _stream: Stream<ToNode, ToEdge>) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_of_a_zone_comes_in_time_although_a_node_does_not_answer_and_the_store_is_slow() {
    let mut house = House::empty();
    let (content, _) = content::builtin();
    let zone = ZoneTable::new(content.zones.clone()).zone_at(TOWN);
    let one = creature(&content, zone, 77);
    is_stored(&house, population(&content, zone, 1, &one)).await;
    *house.store.reads_creatures_in.lock() = Duration::from_millis(150);
    let silent = house.joins(Role::TmSrv, 9, Arc::new(Sibling(None))).await;
    house.start_nodes(1, settings()).await;

    let ana = house.character(TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, _) = house.enters(&mut edge, &ana, TOWN).await;
    assert_eq!(edge.sees(session, one.entity).await, one.tile, "it goes on where it was");
    silent.stop.cancel();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_under_a_later_epoch_counts_more_than_who_was_deposed_and_does_not_know_it() {
    let mut house = House::empty();
    let (content, _) = content::builtin();
    let zones = ZoneTable::new(content.zones.clone());
    let zone = zones.zone_at(TOWN);
    // who played all of it last is dead, and has stored what there was
    let owner = Some(ProcessName::numbered(Role::TmSrv, 7));
    let slot = |zone| Slot { zone, owner: owner.clone(), epoch: Epoch(5) };
    let slots = zones.all().into_iter().map(slot).collect();
    let write = WriteSlots { expected_version: 0, named_zones: content.zones.clone(), slots, counts: None };
    house.store.really().write_slots(write).await.unwrap().unwrap();
    let (since, before) = (creature(&content, zone, 78), creature(&content, zone, 77));
    is_stored(&house, population(&content, zone, 5, &since)).await;
    let deposed = Sibling(Some(population(&content, zone, 4, &before)));
    let deposed = house.joins(Role::TmSrv, 9, Arc::new(deposed)).await;
    house.start_nodes(1, settings()).await;

    let ana = house.character(TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, _) = house.enters(&mut edge, &ana, TOWN).await;
    assert_eq!(edge.sees(session, since.entity).await, since.tile);
    deposed.stop.cancel();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_zone_no_more_hands_no_creature_over_and_calls_none_away() {
    let house = House::with_nodes(1, settings()).await;
    let ana = house.character(TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, _) = house.enters(&mut edge, &ana, TOWN).await;
    let (from, to) = (house.zones.zone_at(EAST), house.zones.zone_at(TOWN));
    assert_ne!(from, to);
    let (_, now) = house.slot(from).await;
    let before = Epoch(now.0 - 1);
    let (owner, _) = house.slot(to).await;
    let node = house.sibling("tmsrv-9", &owner).await;
    let (content, _) = content::builtin();
    let one = creature(&content, to, 77);

    let come = |from_epoch| Request::Come { from, from_epoch, to, creature: Box::new(one.clone()) };
    assert_eq!(node.call(&come(before), SOON).await.unwrap(), Reply::Refused);
    assert_eq!(node.call(&come(now), SOON).await.unwrap(), Reply::Came { taken: true });
    assert_eq!(edge.sees(session, one.entity).await, one.tile);

    let guest = Guest { entity: one.entity, generator: one.generator, hops: 9 };
    let guests = |from_epoch| Request::Guests { from, from_epoch, home: to, guests: vec![guest] };
    assert_eq!(node.call(&guests(before), SOON).await.unwrap(), Reply::Refused);
    let bob = house.character(TOWN).await;
    let (watching, _) = house.enters(&mut edge, &bob, TOWN).await;
    assert_eq!(edge.sees(watching, one.entity).await, one.tile, "it is there still");
    assert_eq!(node.call(&guests(now), SOON).await.unwrap(), Reply::Outdated(Vec::new()));
    edge.perceives(watching, "it go", |event| match event {
        Event::Disappeared { entity, .. } if *entity == one.entity => Some(()),
        _ => None,
    })
    .await;
    house.stop().await;
}
