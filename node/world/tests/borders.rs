//! Borders that nobody sees: two zones side by side, each told of the other's border a tick later. The stage checks
//! after every tick that everybody's client believes what is there.
#![allow(clippy::unwrap_used)]

mod support;

use content::RouteKind;
use model::sight::{GroundSight, Sighting};
use model::{Command, Container, EntityId, Event, Item, ItemId, ItemKind, Slot, ZoneId};
use placement::ZoneTable;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use support::pair::{Pair, SPEED};
use support::{Stage, content, generator, tile};
use world::{Input, SPAWN_PERIOD, Tick};

fn entity(number: u64) -> EntityId {
    EntityId::of_character(model::CharacterId(number))
}

fn vanished(stage: &Stage, name: &str, number: u64) -> bool {
    let watcher = &stage.watchers[&stage.session(name)];
    let is_it =
        |event: &Event| matches!(event, Event::Disappeared { entity: gone, .. } if *gone == entity(number));
    watcher.events.iter().any(is_it)
}

#[test]
fn players_on_both_sides_see_and_hear_each_other() {
    let mut pair = Pair::new(1);
    pair.enters(0, "p1", 1, tile(1120, 1050));
    pair.enters(1, "p2", 2, tile(1132, 1050));
    pair.ticks(2);
    assert!(pair.sides[0].watchers[&model::SessionId(1)].view.contains_key(&entity(2)));
    assert!(pair.sides[1].watchers[&model::SessionId(2)].view.contains_key(&entity(1)));
    pair.sides[0].asks("p1", Command::Say { text: "oi".into() });
    pair.ticks(2);
    let said = |event: &Event| matches!(event, Event::Said { entity: who, text, .. } if *who == entity(1) && text == "oi");
    assert!(pair.sides[1].watchers[&model::SessionId(2)].events.iter().any(said));
    // away, step by step, and out of sight
    for _ in 0..3 {
        pair.sides[0].walks("p1", "4444");
        pair.sides[1].tick();
        pair.exchange();
        pair.ticks(25);
    }
    assert!(vanished(&pair.sides[1], "p2", 1));
    assert_eq!(pair.sides[0].at("p1"), tile(1108, 1050));
}

#[test]
fn nobody_sees_a_player_blink_who_walks_over_the_border() {
    let mut pair = Pair::with_a_walker(2);
    pair.ticks(100);
    assert_eq!(pair.side_of(1), Some(1), "it is in the east");
    assert!(!vanished(&pair.sides[1], "p2", 1), "for who stands in the east");
    assert!(!vanished(&pair.sides[0], "p3", 1), "for who stayed in the west");
    assert!(pair.sides[0].watchers[&model::SessionId(3)].view.contains_key(&entity(1)));
}

#[test]
fn a_walk_goes_on_behind_the_border_and_nobody_sees_a_pause() {
    let mut pair = Pair::with_a_walker(7);
    let all = pair.sides[0].watchers[&model::SessionId(1)].asked.clone().unwrap();
    pair.until_under_way();
    pair.ticks(100);
    assert_eq!(pair.side_of(1), Some(1), "it is in the east");
    assert_eq!(pair.sides[1].at("p1"), all.to);
    for (side, number) in [(1, 2), (0, 3)] {
        let told = pair.sides[side].watchers[&model::SessionId(number)].events.iter();
        let told: Vec<&Event> = told
            .filter(|event| match event {
                Event::Walked { entity: who, walk, .. } => *who == entity(1) && !walk.is_rest_of(&all),
                Event::Stopped { entity: who, .. } | Event::Placed { entity: who, .. } => *who == entity(1),
                _ => false,
            })
            .collect();
        assert!(told.is_empty(), "p{number}: {told:?}");
    }
}

#[test]
fn who_is_on_its_way_over_the_border_hears_what_is_said_meanwhile() {
    let mut pair = Pair::with_a_walker(6);
    pair.until_under_way();
    pair.ticks(1);
    for (side, name) in [(0, "p3"), (1, "p2")] {
        pair.sides[side].asks(name, Command::Say { text: "agora".into() });
    }
    pair.ticks(1);
    assert!(!pair.under_way.is_empty(), "it is on its way still");
    pair.ticks(20);
    let heard = &pair.sides[1].watchers[&model::SessionId(1)].events;
    for speaker in [2, 3] {
        let said =
            |event: &&Event| matches!(event, Event::Said { entity: who, .. } if *who == entity(speaker));
        assert_eq!(heard.iter().filter(said).count(), 1, "p{speaker}");
    }
}

#[test]
fn a_neighbour_that_is_no_more_is_told_nothing_and_whom_it_showed_goes_after_a_while() {
    let mut pair = Pair::new(8);
    pair.enters(0, "p3", 3, tile(1120, 1052));
    pair.enters(1, "p2", 2, tile(1132, 1050));
    pair.ticks(2);
    let whole = Arc::new(ZoneTable::new(content().zones));
    let joined = Arc::new(ZoneTable::new(content().zones[..1].to_vec()));
    let west = &mut pair.sides[0];
    west.input(Input::Map(Arc::clone(&joined)));
    west.tick();
    west.asks("p3", Command::Say { text: "oi".into() });
    west.passes(20);
    assert!(west.sights.is_empty(), "nobody is there to be told");
    assert!(!vanished(west, "p3", 2), "another zone may tell of it yet");
    // it does: what was cut is whole again
    west.input(Input::Map(whole)).input(Input::Watch { by: ZoneId(2) });
    pair.sides[1].input(Input::Watch { by: ZoneId(1) });
    pair.ticks(100);
    assert!(!vanished(&pair.sides[0], "p3", 2));
    pair.sides[0].input(Input::Map(joined));
    pair.sides[0].passes(100);
    assert!(vanished(&pair.sides[0], "p3", 2), "nobody told of it");
}

#[test]
fn who_is_handed_over_and_never_comes_is_gone_after_a_while() {
    let mut pair = Pair::new(3);
    pair.enters(0, "p3", 3, tile(1118, 1052));
    pair.enters(0, "p1", 1, tile(1124, 1050));
    pair.sides[0].walks("p1", "66666666666");
    pair.sides[1].tick();
    pair.exchange();
    pair.until_under_way();
    pair.under_way.clear();
    pair.ticks(50);
    pair.sides[0].watchers.remove(&model::SessionId(1));
    assert!(!vanished(&pair.sides[0], "p3", 1), "it is waited for");
    pair.ticks(30);
    assert!(vanished(&pair.sides[0], "p3", 1));
}

#[test]
fn a_neighbour_that_is_told_everything_anew_changes_nothing_and_forgets_who_is_gone() {
    let mut pair = Pair::new(4);
    pair.enters(0, "p1", 1, tile(1120, 1050));
    pair.enters(0, "p3", 3, tile(1121, 1052));
    pair.enters(1, "p2", 2, tile(1132, 1050));
    pair.ticks(2);
    // what is lost on the way: the news that p3 left
    pair.sides[0].leaves("p3");
    pair.sides[0].sights.clear();
    pair.sides[1].tick();
    pair.ticks(2);
    assert!(pair.sides[1].watchers[&model::SessionId(2)].view.contains_key(&entity(3)));
    pair.sides[0].input(Input::Watch { by: ZoneId(2) });
    pair.ticks(3);
    let view = &pair.sides[1].watchers[&model::SessionId(2)].view;
    assert!(!view.contains_key(&entity(3)) && view.contains_key(&entity(1)));
    assert!(!vanished(&pair.sides[1], "p2", 1));
}

#[test]
fn what_lies_beyond_the_border_is_seen_and_taken_once() {
    let mut pair = Pair::new(5);
    let knife = Item { id: ItemId(1), kind: ItemKind(861), effects: Default::default() };
    let carry = |index| Slot { container: Container::Carry, index };
    pair.sides[0].enters_with("p1", tile(1127, 1050), |p1| p1.carry[0] = Some(knife));
    pair.sides[1].tick();
    pair.exchange();
    pair.enters(1, "p2", 2, tile(1129, 1050));
    pair.ticks(2);
    let drops = Command::DropItem { from: carry(0), tile: tile(1127, 1050), rotate: 1 };
    pair.sides[0].asks("p1", drops).tick().store_does();
    pair.sides[1].passes(2);
    pair.exchange();
    pair.ticks(2);
    let lying = *pair.sides[1].zone.lying().next().expect("it is shown in the east");
    assert_eq!((lying.item, lying.tile), (knife, tile(1127, 1050)));
    assert!(pair.sides[1].watchers[&model::SessionId(2)].ground.contains(&lying.id));

    pair.sides[1].asks("p2", Command::PickUp { ground: lying.id, to: 4 }).tick().store_does();
    pair.sides[0].passes(2);
    pair.exchange();
    pair.ticks(2);
    for side in &pair.sides {
        assert_eq!(side.zone.lying().next(), None);
    }
    assert!(!pair.sides[0].watchers[&model::SessionId(1)].ground.contains(&lying.id));
    // what is told late does not bring it back
    let told = GroundSight {
        id: lying.id,
        home: lying.home,
        item: lying.item,
        tile: lying.tile,
        rotate: lying.rotate,
        version: lying.version,
    };
    let sightings = vec![Sighting::Lies { item: told, fell: false }];
    pair.sides[1].input(Input::Sight { from: ZoneId(1), whole: false, sightings });
    pair.ticks(1);
    assert_eq!(pair.sides[1].zone.lying().next(), None);
}

#[test]
fn who_comes_into_the_world_when_a_zone_wakes_is_seen_from_over_the_border() {
    let mut world = content();
    // it waits near the border and vanishes
    world.generators = vec![generator(20, RouteKind::WalkOnceVanish, &[(tile(1124, 1050), 0, 24)])];
    let mut pair = Pair::with(&world, 3);
    pair.enters(0, "p1", 1, tile(1030, 1050));
    let first = pair.sides[0].creatures();
    for _ in 0..60 * Tick::PER_SECOND {
        if pair.sides[0].creatures().is_empty() {
            break;
        }
        pair.ticks(1);
    }
    assert_eq!((first.len(), pair.sides[0].creatures().len()), (1, 0));
    pair.sides[0].leaves("p1");
    pair.sides[1].tick();
    pair.ticks(2 * SPAWN_PERIOD);
    assert_eq!(pair.sides[0].creatures(), [], "it sleeps");

    pair.enters(1, "p2", 2, tile(1132, 1050));
    pair.ticks(3);
    let next = pair.sides[0].creatures();
    assert_eq!(next.len(), 1, "who sees into it wakes it");
    let stage = &pair.sides[1];
    let view = &stage.watchers[&stage.session("p2")].view;
    assert!(view.contains_key(&next[0].0), "{view:?} instead of {next:?}");
}

#[test]
fn views_agree_two_ticks_after_anything() {
    for seed in 0..12 {
        println!("seed {seed}");
        let mut dice = StdRng::seed_from_u64(seed);
        let mut pair = Pair::new(seed);
        let count = 6;
        for number in 1..=count {
            let at = tile(dice.random_range(1116..1128), dice.random_range(1040..1060));
            pair.enters(0, &format!("p{number}"), number, at);
        }
        for _ in 0..60 {
            for number in 1..=count {
                let Some(side) = pair.side_of(number) else { continue };
                if dice.random_bool(0.5) {
                    let east = pair.sides[side].at(&format!("p{number}")).x < 1128;
                    let toward =
                        if dice.random_bool(0.7) == east { ['6', '9', '3'] } else { ['4', '7', '1'] };
                    let digits: String =
                        (0..dice.random_range(1..9)).map(|_| toward[dice.random_range(0..3)]).collect();
                    let name = format!("p{number}");
                    let from = pair.sides[side].at(&name);
                    let route = model::Route::from_ascii(digits.as_bytes()).unwrap();
                    let to = route.tiles(from).last().unwrap();
                    pair.sides[side].asks(&name, Command::Walk { from, route, to, speed: SPEED });
                }
            }
            pair.ticks(dice.random_range(5..30));
        }
        // whoever is on the way arrives, whoever walks comes to rest
        pair.ticks(200);
        for one in 1..=count {
            let side = pair.side_of(one).expect("everybody is somewhere");
            let at = pair.sides[side].at(&format!("p{one}"));
            for other in (1..=count).filter(|other| *other != one) {
                let there = pair.side_of(other).unwrap();
                let their = pair.sides[there].at(&format!("p{other}"));
                let sees =
                    pair.sides[side].watchers[&model::SessionId(one)].view.contains_key(&entity(other));
                assert_eq!(sees, at.sees(their), "seed {seed}: p{one} at {at}, p{other} at {their}");
            }
        }
    }
}

#[test]
fn who_comes_over_a_border_within_a_millisecond_hears_what_was_said_a_tick_ago_and_who_logs_in_does_not() {
    let mut stage = Stage::new(9);
    stage.player("bob", tile(1050, 1050));
    stage.away_ms = 0;
    stage.asks("bob", Command::Say { text: "oi".into() }).tick();
    stage.arrives("ana", tile(1052, 1050), SPEED, true);
    stage.player("eva", tile(1054, 1050));
    let heard = |name: &str| {
        let events = &stage.watchers[&stage.session(name)].events;
        events.iter().filter(|event| matches!(event, Event::Said { .. })).count()
    };
    assert_eq!((heard("ana"), heard("eva")), (1, 0));
}
