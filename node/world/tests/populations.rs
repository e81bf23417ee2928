//! Scenarios of zones that go on elsewhere: moved, cut, joined, or read from the store after a death.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::{Content, Generator, RouteKind};
use model::population::AgedPopulation;
use model::{EntityId, Epoch, Population, Tile, ZoneId};
use placement::ZoneTable;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::{Stage, WEST, content, generator, tile};
use world::{Populate, SPAWN_PERIOD, Tick, Zone, ZoneSetup};

const ZONE: ZoneId = ZoneId(1);
const A: Tile = Tile::new(1040, 1040);
const B: Tile = Tile::new(1100, 1040);

/// Packs that walk to and fro over the middle of the zone, and one that only comes now and then.
fn busy() -> Content {
    let mut world = content();
    world.generators = vec![
        Generator { most: 12, group: (2, 3), ..generator(20, RouteKind::Loop, &[(A, 9, 6), (B, 9, 6)]) },
        Generator { most: 8, ..generator(21, RouteKind::Stand, &[(tile(1020, 1100), 20, 0)]) },
    ];
    world
}

fn divided(world: &Content) -> ZoneTable {
    ZoneTable::new(world.zones.clone())
}

fn heir(world: &Content, zones: &ZoneTable, id: ZoneId, epoch: u64, inherits: Vec<AgedPopulation>) -> Zone {
    let (content, zones) = (Arc::new(world.clone()), Arc::new(zones.clone()));
    let populate = Populate::Everything;
    let setup = ZoneSetup { id, zones, content, epoch: Epoch(epoch), seed: 99, populate, inherits };
    Zone::new(setup, Tick(77)).expect("the zone is in the table")
}

fn aged(age_ms: u64, population: &Population) -> AgedPopulation {
    AgedPopulation { age_ms, population: population.clone() }
}

fn creatures(zone: &Zone) -> BTreeMap<EntityId, Tile> {
    zone.positions().filter(|(id, ..)| !id.is_player()).map(|(id, tile, _)| (id, tile)).collect()
}

fn all_of(population: &Population) -> BTreeMap<EntityId, Tile> {
    population.creatures.iter().map(|creature| (creature.entity, creature.tile)).collect()
}

fn played(world: &Content, seconds: u64) -> Stage {
    let mut stage = Stage::with(world.clone(), 5);
    stage.player("ana", tile(1070, 1046)).passes(seconds * Tick::PER_SECOND);
    stage
}

#[test]
fn who_plays_a_zone_next_has_every_creature_where_it_was() {
    let world = busy();
    let before = played(&world, 40).zone.population();
    assert!(before.creatures.len() > 15 && before.creatures.iter().any(|one| one.walk.is_some()));
    let next = heir(&world, &divided(&world), ZONE, 2, vec![aged(40, &before)]);
    assert_eq!(creatures(&next), all_of(&before), "nobody more, nobody less, nobody elsewhere");
    let after = next.population();
    let routes = |of: &Population| -> BTreeMap<_, _> {
        let route = |one: &model::population::CreatureState| {
            (one.entity, (one.points.clone(), one.at, one.backwards, one.there, one.walk.clone(), one.leader))
        };
        of.creatures.iter().map(route).collect()
    };
    assert_eq!(routes(&after), routes(&before), "on the same way");
    assert!(
        after.creatures.iter().all(|one| one.mark > before.creatures[0].mark),
        "whoever sees it believes it"
    );
}

#[test]
fn they_walk_on_and_who_comes_into_the_world_later_has_a_name_of_its_own() {
    let mut world = busy();
    world.generators[0].route = RouteKind::WalkOnceVanish;
    let before = played(&world, 20).zone.population();
    let mut stage = Stage::with(world.clone(), 5);
    stage.zone = heir(&world, &divided(&world), ZONE, 2, vec![aged(0, &before)]);
    stage.player("ana", tile(1070, 1046));
    let mut seen = all_of(&before);
    for _ in 0..90 * Tick::PER_SECOND {
        stage.tick(); // which checks that everybody believes what is there
        seen.extend(creatures(&stage.zone));
    }
    let walkers = creatures(&stage.zone);
    let gone = all_of(&before).keys().filter(|id| !walkers.contains_key(id)).count();
    assert!(gone >= 12, "{gone} came to the end of their way");
    assert!(seen.len() > all_of(&before).len() + 6, "and others came");
}

#[test]
fn who_plays_a_zone_again_under_the_epoch_that_it_had_gives_no_name_a_second_time() {
    let world = busy();
    let names = |seed| -> BTreeSet<EntityId> {
        let mut stage = Stage::with(world.clone(), seed);
        stage.player("ana", tile(1070, 1046)).passes(20 * Tick::PER_SECOND);
        all_of(&stage.zone.population()).into_keys().collect()
    };
    let mut given = BTreeSet::new();
    for life in 1..=10 {
        let names = names(life);
        assert!(names.len() > 10 && names.is_disjoint(&given), "life {life}: {names:?}");
        given.extend(names);
    }
    assert!(names(1).is_subset(&given), "a seed tells all");
}

#[test]
fn the_parts_of_a_zone_share_its_creatures_out_and_bring_them_together_again() {
    let world = busy();
    let whole = divided(&world);
    let before = played(&world, 40).zone.population();
    let (cut, part) = whole.cut(ZONE).expect("it can be cut");
    let open = |id| heir(&world, &cut, id, 2, vec![aged(30, &before)]);
    let (west, east) = (open(ZONE), open(part));
    let both = [creatures(&west), creatures(&east)];
    assert!(both.iter().all(|half| half.len() > 2), "{both:?}");
    assert_eq!(both[0].len() + both[1].len(), before.creatures.len());
    let union: BTreeMap<EntityId, Tile> = both.into_iter().flatten().collect();
    assert_eq!(union, all_of(&before));

    // what was known of the whole is older than what is known of its halves
    let halves = vec![aged(900, &before), aged(20, &west.population()), aged(10, &east.population())];
    let joined = heir(&world, &whole, ZONE, 3, halves);
    assert_eq!(creatures(&joined), all_of(&before));
}

#[test]
fn of_two_who_speak_of_the_same_tiles_the_newer_counts() {
    let world = busy();
    let mut stage = played(&world, 20);
    let old = stage.zone.population();
    stage.passes(20 * Tick::PER_SECOND);
    let new = stage.zone.population();
    assert_ne!(all_of(&old), all_of(&new));
    let next = heir(&world, &divided(&world), ZONE, 2, vec![aged(20_000, &old), aged(0, &new)]);
    assert_eq!(creatures(&next), all_of(&new));
}

#[test]
fn who_was_deposed_and_does_not_know_it_says_nothing_of_what_was_played_since() {
    let world = busy();
    let mut stage = played(&world, 20);
    let deposed = stage.zone.population();
    stage.passes(20 * Tick::PER_SECOND);
    let since = Population { epoch: Epoch(2), ..stage.zone.population() };
    assert_ne!(all_of(&deposed), all_of(&since));
    let zones = divided(&world);
    // it speaks of now, and who played it since has closed it a moment ago
    let told = vec![aged(0, &deposed), aged(60, &since)];
    assert_eq!(creatures(&heir(&world, &zones, ZONE, 3, told)), all_of(&since));
    // but when the zone was cut it is the only one that knows of the part
    let (cut, part) = zones.cut(ZONE).expect("it can be cut");
    let half = heir(&world, &cut, ZONE, 2, vec![aged(30, &deposed)]);
    let told = vec![aged(0, &half.population()), aged(0, &deposed)];
    let east = heir(&world, &cut, part, 1, told);
    let both: BTreeMap<EntityId, Tile> = creatures(&half).into_iter().chain(creatures(&east)).collect();
    assert_eq!(both, all_of(&deposed));
}

#[test]
fn generators_are_as_far_as_they_were_and_catch_up() {
    let mut world = content();
    world.generators = vec![Generator { every: 7, ..generator(21, RouteKind::WalkOnceVanish, &[(A, 0, 0)]) }];
    let mut stage = played(&world, 30);
    assert_eq!(stage.creatures().len(), 0, "it vanished at its only point");
    stage.passes(4 * SPAWN_PERIOD - 30 * Tick::PER_SECOND);
    let before = stage.zone.population();
    assert_eq!(before.generators[0].turns, 4);
    let born_after = |age_ms: u64| {
        let mut stage = Stage::with(world.clone(), 5);
        stage.zone = heir(&world, &divided(&world), ZONE, 2, vec![aged(age_ms, &before)]);
        if !stage.creatures().is_empty() {
            return 0;
        }
        stage.player("ana", tile(1050, 1046));
        let mut turns = 0;
        while stage.creatures().is_empty() {
            stage.passes(SPAWN_PERIOD);
            turns += 1;
        }
        turns
    };
    // its number is 21: it acts in every seventh turn
    assert_eq!(born_after(0), 3, "in the seventh turn, of which four are over");
    let period_ms = SPAWN_PERIOD * Tick::MS;
    assert_eq!(born_after(6 * period_ms), 3, "less than a period has gone by");
    assert_eq!(born_after(8 * period_ms), 0, "it would have acted meanwhile");
}

#[test]
fn what_speaks_of_another_content_or_place_is_of_no_use() {
    let world = busy();
    let before = played(&world, 20).zone.population();
    let fresh = |inherits| creatures(&heir(&world, &divided(&world), ZONE, 2, inherits));
    let anew = fresh(Vec::new());
    let other = Population { content: before.content ^ 1, ..before.clone() };
    assert_eq!(fresh(vec![aged(0, &other)]), anew, "as if nothing were known");
    let mut broken = before.clone();
    for (at, one) in broken.creatures.iter_mut().enumerate() {
        match at % 4 {
            0 => one.kind = 9_999,
            1 => one.generator = 9_999,
            2 => one.at = 9,
            _ => one.tile = tile(WEST.max.x + 1, 1_040),
        }
    }
    assert_eq!(fresh(vec![aged(0, &broken)]), BTreeMap::new(), "nobody who cannot be");
}

#[test]
fn only_what_may_have_changed_is_stored() {
    let world = busy();
    let mut stage = Stage::with(world, 5);
    assert_eq!(stage.zone.changed_population(), None, "nobody has been there");
    stage.player("ana", tile(1070, 1046)).passes(10);
    assert!(stage.zone.changed_population().is_some());
    assert!(stage.zone.changed_population().is_some(), "somebody is there");
    stage.leaves("ana");
    assert!(stage.zone.changed_population().is_some(), "somebody was there");
    assert_eq!(stage.zone.changed_population(), None);
    stage.zone.mark_stirred();
    assert!(stage.zone.changed_population().is_some(), "it was not stored");
}
