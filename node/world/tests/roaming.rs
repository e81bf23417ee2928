//! Scenarios of monsters that walk over borders. The stage checks after every tick that everybody's client believes what is there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::{Content, Generator, RouteKind};
use model::population::AgedPopulation;
use model::{EntityId, Event, Tile, ZoneId};
use std::collections::BTreeMap;
use support::pair::{HANDOVER, Pair};
use support::{content, generator, tile};
use world::overload::Step;
use world::{Input, Passing, Relief, SPAWN_PERIOD, Tick};

/// Both sides of the border at x = 1128.
const WEST: Tile = Tile::new(1120, 1050);
const EAST: Tile = Tile::new(1136, 1050);

/// Some that go to and fro over the border; they come into the world in the west.
fn over_the_border(route: RouteKind, most: u16) -> Content {
    let mut world = content();
    let packs = generator(20, route, &[(WEST, 3, 6), (EAST, 3, 6)]);
    world.generators = vec![Generator { most, ..packs }];
    world
}

/// With somebody on each side who sees all of it.
fn watched(world: &Content, seed: u64) -> Pair {
    let mut pair = Pair::with(world, seed);
    pair.enters(0, "p1", 1, tile(1124, 1054));
    pair.enters(1, "p2", 2, tile(1132, 1054));
    pair.ticks(2);
    pair
}

/// Where each creature is real: a creature that is so in two zones fails.
fn real(pair: &Pair) -> BTreeMap<EntityId, (usize, Tile)> {
    let mut all = BTreeMap::new();
    for side in [0, 1] {
        for (id, tile) in pair.sides[side].creatures() {
            let other = all.insert(id, (side, tile));
            // for the moment of the handover it stands still where it came from
            assert!(
                other.is_none_or(|(_, before)| before.distance(tile) <= 2),
                "{id} at {tile} and {other:?}"
            );
        }
    }
    all
}

fn guests_are_told(pair: &mut Pair) {
    for side in [0, 1] {
        let guests = pair.sides[side].zone.guests();
        let home = guests.first().and_then(|guest| pair.sides[side].zone.home_of(guest));
        assert!(home.is_none_or(|home| home == ZoneId(2 - side as u32)));
        let outdated = pair.sides[1 - side].zone.outdated(&guests);
        pair.sides[side].input(Input::Outdated(outdated));
        pair.sides[1 - side].input(Input::Abroad(guests));
    }
}

/// Lets time pass as nodes do.
fn live(pair: &mut Pair, seconds: u64) {
    for second in 0..seconds {
        pair.ticks(Tick::PER_SECOND);
        if second % 12 == 0 {
            guests_are_told(pair);
        }
    }
}

#[test]
fn a_monster_walks_over_the_border_and_back_and_nobody_sees_it_blink() {
    for seed in 1..=5 {
        let mut pair = watched(&over_the_border(RouteKind::BackAndForth, 4), seed);
        let (mut sides, first) = ([0, 0], real(&pair));
        assert_eq!(first.len(), 4);
        for _ in 0..90 {
            live(&mut pair, 1);
            let now = real(&pair);
            assert!(now.keys().eq(first.keys()), "seed {seed}: the same four, {now:?}");
            now.values().for_each(|(side, _)| sides[*side] += 1);
        }
        assert!(pair.passed >= 12, "seed {seed}: {} came over the border", pair.passed);
        assert!(sides.iter().all(|seconds| *seconds > 40), "seed {seed}: {sides:?} seconds on the sides");
        for (side, name) in [(0, "p1"), (1, "p2")] {
            let events = &pair.sides[side].watchers[&pair.sides[side].session(name)].events;
            let came = |id: &EntityId| {
                let of = |event: &&Event| matches!(event, Event::Appeared { look, .. } if look.entity == *id);
                events.iter().filter(of).count()
            };
            assert!(first.keys().all(|id| came(id) == 1), "seed {seed}: {name} saw somebody come twice");
        }
    }
}

#[test]
fn its_generator_counts_it_wherever_it_is() {
    let mut pair = watched(&over_the_border(RouteKind::WalkOnceStay, 4), 3);
    let first = real(&pair);
    live(&mut pair, 30);
    assert!(real(&pair).values().all(|(side, _)| *side == 1), "all of them stay in the east");
    live(&mut pair, 10 * SPAWN_PERIOD / Tick::PER_SECOND);
    assert!(real(&pair).keys().eq(first.keys()), "no others come");

    // nobody tells of them any more: the node where they were is dead
    pair.ticks(8 * SPAWN_PERIOD);
    assert!(real(&pair).len() > first.len(), "others come");
}

#[test]
fn whom_nobody_takes_goes_on_on_its_own_side() {
    let mut pair = watched(&over_the_border(RouteKind::BackAndForth, 4), 4);
    pair.takes = false;
    let first = real(&pair);
    for _ in 0..40 {
        live(&mut pair, 1);
        let now = real(&pair);
        assert!(now.keys().eq(first.keys()) && now.values().all(|(side, _)| *side == 0), "{now:?}");
    }
    assert_eq!(pair.passed, 0);
    pair.takes = true;
    live(&mut pair, 60);
    assert!(pair.passed > 0, "and is taken when there is room again");
}

#[test]
fn who_waits_to_be_handed_over_stands_still_though_the_clock_is_slowed() {
    let mut world = content();
    // twelve steps at once: to 1134, and on the fourth over the border it is handed over
    world.generators =
        vec![generator(20, RouteKind::BackAndForth, &[(tile(1122, 1050), 0, 0), (EAST, 0, 0)])];
    let mut west = support::Stage::of(world, ZoneId(1), 9);
    west.player("p1", tile(1124, 1054));
    for _ in 0..30 * Tick::PER_SECOND {
        if !west.passing.is_empty() {
            break;
        }
        west.tick();
    }
    let [Passing { creature, .. }] = &west.passing[..] else { panic!("{:?}", west.passing) };
    assert!(creature.walk.is_some(), "it is in the middle of its walk");
    let (id, tile) = (creature.entity, creature.tile);
    let slow = Relief { step: Step::SlowClock, view: world::overload::VIEW_MAX, pace_percent: 50 };
    for relief in [slow, Relief::NONE] {
        west.relieves(relief).passes(5 * Tick::PER_SECOND);
        assert_eq!(west.zone.tile_of(id), Some(tile), "{relief:?}");
        assert_eq!(west.passing.len(), 1, "it is handed over once: {:?}", west.passing);
    }
}

#[test]
fn who_follows_comes_after_its_leader() {
    let mut world = over_the_border(RouteKind::WalkOnceStay, 4);
    world.generators[0].group = (3, 3);
    let mut pair = watched(&world, 5);
    live(&mut pair, 40);
    let now = real(&pair);
    assert_eq!(now.len(), 4);
    assert!(now.values().all(|(side, _)| *side == 1), "{now:?}");
}

#[test]
fn who_has_come_is_not_there_twice_although_its_zone_goes_on_with_an_older_state() {
    let world = over_the_border(RouteKind::WalkOnceStay, 2);
    let mut pair = watched(&world, 6);
    let stored = pair.sides[0].zone.population();
    live(&mut pair, 30);
    let after = real(&pair);
    assert!(after.values().all(|(side, _)| *side == 1));
    // the node of the west dies; who plays it next goes on with what was stored before they went
    let mut west = support::Stage::of(world.clone(), ZoneId(1), 9);
    let inherits = vec![AgedPopulation { age_ms: 30_000, population: stored }];
    let setup = world::ZoneSetup {
        id: ZoneId(1),
        zones: std::sync::Arc::new(placement::ZoneTable::new(world.zones.clone())),
        content: std::sync::Arc::new(world),
        epoch: model::Epoch(2),
        seed: 9,
        populate: world::Populate::Everything,
        inherits,
    };
    west.zone = world::Zone::new(setup, west.now).unwrap();
    assert_eq!(west.creatures().len(), 2, "they are there twice now");
    pair.sides[0] = west;
    pair.sides[0].player("p3", tile(1124, 1060));
    pair.ticks(HANDOVER);
    guests_are_told(&mut pair);
    pair.ticks(2);
    assert_eq!(pair.sides[0].creatures(), [], "the others count");
    assert_eq!(real(&pair).len(), 2);
}

#[test]
fn nobody_is_born_with_the_name_of_one_who_is_in_another_zone() {
    let world = over_the_border(RouteKind::WalkOnceStay, 4);
    let open = |populate| {
        let zones = std::sync::Arc::new(placement::ZoneTable::new(world.zones.clone()));
        let content = std::sync::Arc::new(world.clone());
        let (id, epoch) = (ZoneId(1), model::Epoch(1));
        let setup = world::ZoneSetup { id, zones, content, epoch, seed: 8, populate, inherits: vec![] };
        world::Zone::new(setup, Tick(1000)).unwrap()
    };
    // of the same seed: the worst that can happen to who plays the zone again
    let first = open(world::Populate::Everything).population().creatures;
    assert_eq!(first.len(), 4);
    let mut west = support::Stage::of(world.clone(), ZoneId(1), 8);
    west.zone = open(world::Populate::Nothing);
    let abroad = first[..2].iter().map(|one| model::population::Guest {
        entity: one.entity,
        generator: one.generator,
        hops: 1,
    });
    west.input(Input::Abroad(abroad.collect())).player("p1", tile(1124, 1054));
    west.passes(2 * SPAWN_PERIOD + 1);
    let names: Vec<EntityId> = west.creatures().into_iter().map(|(id, _)| id).collect();
    assert_eq!(names.len(), 2, "two are elsewhere: {names:?}");
    assert!(first[..2].iter().all(|one| !names.contains(&one.entity)), "{names:?}");
}

#[test]
fn of_two_guests_of_one_name_the_older_goes() {
    let mut pair = watched(&over_the_border(RouteKind::WalkOnceStay, 2), 7);
    live(&mut pair, 30);
    let guests = pair.sides[1].zone.guests();
    assert!(guests.len() == 2 && guests.iter().all(|guest| guest.hops == 1), "{guests:?}");
    let west = &mut pair.sides[0];
    assert_eq!(west.zone.outdated(&guests), [], "they are the only ones");
    // a third zone, that nobody has heard of, has one of them after more hops
    let wandered = model::population::Guest { hops: 3, ..guests[0] };
    west.input(Input::Abroad(vec![wandered])).tick();
    assert_eq!(west.zone.outdated(&guests), [guests[0].entity]);
    assert_eq!(west.zone.outdated(&[wandered]), []);
    guests_are_told(&mut pair);
    pair.ticks(2);
    assert_eq!(pair.sides[1].zone.guests(), [guests[1]]);
}
