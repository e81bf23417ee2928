//! Stories of the creatures of zones.

use crate::Store;
use model::calls::population::{HeldPopulations, KeepPopulation, ReadPopulations};
use model::event::Walk;
use model::population::{CreatureState, GeneratorState};
use model::{EntityId, Epoch, MoveMark, Population, Rect, Route, Tile, ZoneId};
use std::sync::Arc;

/// No zone of the content has such a number.
const SCOPE: u64 = 40_000;

fn population(zone: u32, epoch: u64, creatures: u16) -> Population {
    let zone = ZoneId(zone);
    let creature = |number: u16| CreatureState {
        entity: EntityId::of_creature(zone, Epoch(epoch), number.into()),
        kind: 7,
        generator: u32::from(number) % 5,
        tile: Tile::new(2_000 + number % 100, 2_000 + number / 100),
        mark: MoveMark { epoch: Epoch(epoch), number: 9 },
        walk: Some(Walk {
            from: Tile::new(2_000, 2_000),
            route: Route::from_ascii(b"66").expect("digits"),
            to: Tile::new(2_002, 2_000),
            speed: 3,
        }),
        points: vec![(Tile::new(2_000, 2_000), 4), (Tile::new(2_040, 2_000), 0)],
        at: 1,
        backwards: true,
        wait: -2,
        there: false,
        vain: 2,
        leader: Some(EntityId::of_creature(zone, Epoch(epoch), 1)),
        hops: 3,
    };
    Population {
        content: u64::MAX,
        zone,
        epoch: Epoch(epoch),
        area: Rect::new(Tile::new(2_000, 2_000), Tile::new(2_255, 2_255)),
        asleep_ms: 50,
        generators: vec![GeneratorState { generator: 3, turns: 12, period: Some(700) }],
        creatures: (0..creatures).map(creature).collect(),
    }
}

async fn keep(store: &Arc<dyn Store>, scope: u64, population: Population) -> bool {
    store.keep_population(KeepPopulation { scope, population }).await.expect("the store answers")
}

async fn read(store: &Arc<dyn Store>, scopes: &[u64]) -> HeldPopulations {
    let request = ReadPopulations { scopes: scopes.to_vec() };
    store.read_populations(request).await.expect("the store answers")
}

pub(super) async fn the_creatures_of_a_zone_and_of_its_parts_come_back_exactly(store: &Arc<dyn Store>) {
    let all = [population(40_000, 1, 3), population(50_000, 4, 40)];
    for population in &all {
        assert!(keep(store, SCOPE, population.clone()).await);
    }
    assert!(keep(store, SCOPE + 1, population(40_001, 1, 1)).await);
    let held = read(store, &[SCOPE]).await;
    assert_eq!(held.unread, [0_u64; 0]);
    let found: Vec<Population> = held.found.iter().map(|aged| aged.population.clone()).collect();
    assert_eq!(found, all);
    assert!(held.found.iter().all(|aged| aged.age_ms < 60_000), "{:?}", held.found);
    assert_eq!(read(store, &[39_999]).await, HeldPopulations::default(), "nothing is kept of that one");
}

pub(super) async fn who_had_a_zone_before_does_not_replace_what_is_kept_of_it(store: &Arc<dyn Store>) {
    let now = population(40_100, 9, 2);
    assert!(keep(store, 40_100, now.clone()).await);
    assert!(!keep(store, 40_100, population(40_100, 8, 5)).await, "of an earlier epoch");
    assert_eq!(read(store, &[40_100]).await.found[0].population, now);
    let later = population(40_100, 9, 1);
    assert!(keep(store, 40_100, later.clone()).await, "again under the same");
    assert_eq!(read(store, &[40_100]).await.found[0].population, later);
}

pub(super) async fn what_does_not_fit_into_an_answer_is_named(store: &Arc<dyn Store>) {
    let full: Vec<u64> = (40_200..40_206).collect();
    for zone in 40_200..40_206 {
        assert!(keep(store, u64::from(zone), population(zone, 1, 8_000)).await);
    }
    let (mut left, mut found, mut rounds) = (full, 0, 0);
    while !left.is_empty() {
        let held = read(store, &left).await;
        assert!(held.unread.len() < left.len(), "it goes on");
        found += held.found.len();
        left = held.unread;
        rounds += 1;
    }
    assert_eq!(found, 6);
    assert!(rounds > 1, "all of them are more than an answer");
}
