//! Scenarios of monsters: routes, groups, sleep.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::{Generator, RouteKind};
use model::Tile;
use std::collections::BTreeSet;
use support::{Stage, content, generator, terrain, tile};
use world::{SPAWN_PERIOD, Tick};

fn stage_with(generators: Vec<Generator>) -> Stage {
    let mut world = content();
    world.generators = generators;
    Stage::with(world, 5)
}

const A: Tile = Tile::new(1040, 1040);
const B: Tile = Tile::new(1060, 1040);
const C: Tile = Tile::new(1060, 1050);

/// Tiles of the points on which the only creature is seen, in order, without repetition.
fn points_visited(stage: &mut Stage, seconds: u64) -> Vec<Tile> {
    let mut visited: Vec<Tile> = Vec::new();
    for _ in 0..seconds * Tick::PER_SECOND {
        stage.tick();
        for (_, at) in stage.creatures() {
            if [A, B, C].contains(&at) && visited.last() != Some(&at) {
                visited.push(at);
            }
        }
    }
    visited
}

fn route_of(kind: RouteKind) -> Stage {
    let mut stage = stage_with(vec![generator(20, kind, &[(A, 0, 6), (B, 0, 6), (C, 0, 6)])]);
    stage.player("ana", tile(1050, 1046));
    stage
}

#[test]
fn a_merchant_stands_from_the_start() {
    let mut stage = route_of(RouteKind::Stand);
    assert_eq!(stage.creatures().len(), 1);
    assert_eq!(points_visited(&mut stage, 60), [A]);
}

#[test]
fn walk_once_and_stay() {
    assert_eq!(points_visited(&mut route_of(RouteKind::WalkOnceStay), 120), [A, B, C]);
}

#[test]
fn walk_once_and_vanish_comes_again_by_the_timer() {
    let mut stage = route_of(RouteKind::WalkOnceVanish);
    let first = stage.creatures()[0].0;
    assert_eq!(points_visited(&mut stage, 90)[..5], [A, B, C, A, B]);
    assert_ne!(stage.creatures()[0].0, first, "another creature, another id");
}

#[test]
fn back_and_forth() {
    assert_eq!(points_visited(&mut route_of(RouteKind::BackAndForth), 150)[..7], [A, B, C, B, A, B, C]);
}

#[test]
fn back_and_forth_and_vanish() {
    let mut stage = route_of(RouteKind::BackAndForthVanish);
    let first = stage.creatures()[0].0;
    assert_eq!(points_visited(&mut stage, 90)[..5], [A, B, C, B, A]);
    stage.passes(30 * Tick::PER_SECOND);
    assert_ne!(stage.creatures()[0].0, first);
}

#[test]
fn in_a_loop() {
    assert_eq!(points_visited(&mut route_of(RouteKind::Loop), 120)[..6], [A, B, C, A, B, C]);
}

#[test]
fn followers_stay_near_their_leader() {
    let group = Generator {
        group: (3, 3),
        most: 4,
        ..generator(20, RouteKind::BackAndForth, &[(A, 0, 6), (B, 0, 6)])
    };
    let mut stage = stage_with(vec![group.clone()]);
    stage.player("ana", tile(1050, 1046));
    assert_eq!(stage.creatures().len(), 4);
    for _ in 0..60 * Tick::PER_SECOND {
        stage.tick();
        let leader = stage.creatures()[0].1;
        assert!(stage.creatures().iter().all(|(_, at)| at.distance(leader) <= 8), "{:?}", stage.creatures());
    }
    let mut stage = stage_with(vec![Generator { route: RouteKind::Follow, ..group }]);
    stage.player("ana", tile(1050, 1046)).passes(200);
    let leader = stage.creatures()[0].1;
    assert!(stage.creatures().iter().all(|(_, at)| at.distance(leader) <= 3));
}

#[test]
fn walls_are_walked_around() {
    let mut world = content();
    let wall: Vec<Tile> = (0..5).map(|k| tile(1048, 1032 + 4 * k)).collect();
    world.terrain = terrain(&wall);
    world.generators = vec![generator(20, RouteKind::BackAndForth, &[(A, 0, 6), (B, 0, 6)])];
    let mut stage = Stage::with(world, 5);
    stage.player("ana", tile(1056, 1056));
    assert_eq!(points_visited(&mut stage, 150)[..3], [A, B, A]);
}

#[test]
fn a_point_that_cannot_be_reached_is_given_up() {
    let mut world = content();
    let fence: Vec<Tile> =
        (0..9).filter(|k| *k != 4).map(|k| tile(1056 + 4 * (k % 3), 1036 + 4 * (k / 3))).collect();
    world.terrain = terrain(&fence);
    world.generators = vec![generator(
        20,
        RouteKind::Loop,
        &[(A, 0, 6), (tile(1061, 1041), 0, 6), (tile(1040, 1060), 0, 0)],
    )];
    let mut stage = Stage::with(world, 5);
    stage.player("ana", tile(1050, 1060));
    let mut reached = false;
    for _ in 0..120 * Tick::PER_SECOND {
        stage.tick();
        reached |= stage.creatures()[0].1 == tile(1040, 1060);
    }
    assert!(reached, "it never went on to the next point");
}

#[test]
fn generators_fill_up_and_keep_their_number() {
    let packs = Generator {
        most: 7,
        group: (1, 2),
        ..generator(20, RouteKind::BackAndForth, &[(A, 8, 6), (B, 8, 6)])
    };
    let event = Generator { every: -1, most: 50, ..generator(21, RouteKind::Stand, &[(C, 0, 0)]) };
    let mut stage = stage_with(vec![packs, event]);
    let filled = stage.creatures().len();
    assert!((8..=10).contains(&filled), "{filled}: seven or a group more, and one of the event");
    stage.player("ana", tile(1050, 1046)).passes(3 * SPAWN_PERIOD);
    assert_eq!(stage.creatures().len(), filled);
}

#[test]
fn a_crowd_on_one_point_finds_room() {
    let crowd = Generator {
        most: 30,
        group: (9, 9),
        ..generator(20, RouteKind::BackAndForth, &[(A, 0, 3), (B, 0, 3)])
    };
    let mut stage = stage_with(vec![crowd]);
    stage.player("ana", tile(1050, 1046)).passes(60 * Tick::PER_SECOND);
    let tiles: BTreeSet<Tile> = stage.creatures().into_iter().map(|(_, at)| at).collect();
    assert!(tiles.len() > 20);
}

#[test]
fn without_players_nothing_is_due_and_time_stands_still() {
    let mut stage = route_of(RouteKind::BackAndForth);
    stage.passes(163);
    let before = stage.creatures();
    assert!(stage.zone.next_due().is_some());
    stage.leaves("ana");
    assert_eq!(stage.zone.next_due(), None);
    let asleep = stage.creatures();
    stage.skips(100_000).player("ana", tile(1050, 1046));
    assert_eq!(stage.creatures(), asleep);
    assert!(before[0].1.distance(asleep[0].1) <= 1);
    stage.passes(400);
    assert_ne!(stage.creatures(), asleep);
}

#[test]
fn the_same_seed_gives_the_same_words() {
    let play = |seed| {
        let mut world = content();
        world.generators = vec![
            Generator {
                most: 9,
                group: (1, 3),
                ..generator(20, RouteKind::BackAndForth, &[(A, 9, 6), (B, 9, 6)])
            },
            Generator { most: 5, ..generator(21, RouteKind::Loop, &[(C, 9, 3), (A, 9, 3)]) },
        ];
        let mut stage = Stage::with(world, seed);
        stage
            .player("ana", tile(1050, 1046))
            .player("bob", tile(1060, 1046))
            .walks_to("ana", tile(1040, 1050));
        stage.asks("bob", model::Command::Recall).passes(300);
        stage.transcript
    };
    assert_eq!(play(11), play(11));
    assert_ne!(play(11), play(12));
}
