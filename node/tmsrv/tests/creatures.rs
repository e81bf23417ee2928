//! What a node hears from others and from the store about creatures, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::{Content, RouteKind};
use model::calls::sibling::{Reply, Request};
use model::population::{CreatureState, Guest};
use model::{EntityId, Epoch, Event, MoveMark, Tile, ZoneId};
use std::time::Duration;
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
