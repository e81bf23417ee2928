//! What a node hears from others and from the store about creatures, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use async_trait::async_trait;
use content::{Content, RouteKind};
use link::{Peer, Service, Stream};
use model::calls::node::{ToEdge, ToNode};
use model::calls::population::KeepPopulation;
use model::calls::sibling::{Reply, Request};
use model::membership::Role;
use model::population::{CreatureState, Guest};
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
fn creature(content: &Content, home: ZoneId) -> CreatureState {
    let stands = content.generators.iter().position(|generator| generator.route == RouteKind::Stand);
    CreatureState {
        entity: EntityId::of_creature(home, Epoch(99), 77),
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

/// A node that does not say what it knows of creatures.
struct Silent;

#[async_trait]
impl Service for Silent {
    type Request = Request;
    type Reply = Reply;
    type In = ToNode;
    type Out = ToEdge;

    async fn call(&self, _peer: &Peer, request: Request) -> Reply {
        match request {
            Request::Populations { .. } => std::future::pending().await,
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
    let zones = ZoneTable::new(content.zones.clone());
    let zone = zones.zone_at(TOWN);
    let one = creature(&content, zone);
    let population = Population {
        content: content.hash,
        zone,
        epoch: Epoch(1),
        area: zones.bounds(zone).unwrap(),
        asleep_ms: 0,
        generators: Vec::new(),
        creatures: vec![one.clone()],
    };
    let keep = KeepPopulation { scope: u64::from(placement::whole_of(zone).0), population };
    assert!(house.store.really().keep_population(keep).await.unwrap());
    *house.store.reads_creatures_in.lock() = Duration::from_millis(150);
    let silent = house.joins(Role::TmSrv, 9, Arc::new(Silent)).await;
    house.start_nodes(1, settings()).await;

    let ana = house.character(TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, _) = house.enters(&mut edge, &ana, TOWN).await;
    assert_eq!(edge.sees(session, one.entity).await, one.tile, "it goes on where it was");
    silent.stop.cancel();
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
    let one = creature(&content, to);

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
