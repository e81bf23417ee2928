//! Random commands of random players: whatever is asked, the invariants of the stage hold after every tick.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::{Generator, RouteKind};
use model::{Command, EntityId, Route, Tile};
use proptest::prelude::*;
use std::collections::BTreeMap;
use support::{Stage, content, generator, terrain, tile};
use world::walk::{BEHIND_MS, CLOCK_DRIFT, budget_max_ms, pace_ms};
use world::{Input, Tick};

const NAMES: [&str; 4] = ["ana", "bob", "eva", "leo"];
const SPEED: u8 = 4;

#[derive(Clone, Debug)]
enum Act {
    Walk { who: usize, beside: (i8, i8), digits: Vec<u8>, speed: u8 },
    Ahead { who: usize, steps: usize, digits: Vec<u8> },
    Stop { who: usize, beside: (i8, i8) },
    Wild { who: usize, from: (u16, u16), to: (u16, u16), digits: Vec<u8> },
    Recall(usize),
    Portal(usize),
    Inspect(usize, usize),
    Leave(usize),
    Return(usize),
    Wait(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let who = 0..NAMES.len();
    let digits = prop::collection::vec(prop::sample::select(b"12346789".to_vec()), 0..12);
    let beside = (-3_i8..=3, -3_i8..=3);
    let act = prop_oneof![
        8 => (who.clone(), beside.clone(), digits.clone(), 0_u8..8)
            .prop_map(|(who, beside, digits, speed)| Act::Walk { who, beside, digits, speed }),
        2 => (who.clone(), any::<(u16, u16)>(), any::<(u16, u16)>(), digits.clone())
            .prop_map(|(who, from, to, digits)| Act::Wild { who, from, to, digits }),
        6 => (who.clone(), 0_usize..5, digits)
            .prop_map(|(who, steps, digits)| Act::Ahead { who, steps, digits }),
        3 => (who.clone(), beside).prop_map(|(who, beside)| Act::Stop { who, beside }),
        1 => who.clone().prop_map(Act::Recall),
        1 => who.clone().prop_map(Act::Portal),
        1 => (who.clone(), who.clone()).prop_map(|(a, b)| Act::Inspect(a, b)),
        1 => who.clone().prop_map(Act::Leave),
        3 => who.prop_map(Act::Return),
        12 => (1_u8..25).prop_map(Act::Wait),
    ];
    prop::collection::vec(act, 1..80)
}

fn crowded_world() -> Stage {
    let mut world = content();
    world.terrain = terrain(&[tile(1112, 1052), tile(1116, 1060), tile(1104, 1044), tile(1120, 1048)]);
    let pack = Generator {
        most: 6,
        group: (1, 2),
        ..generator(20, RouteKind::BackAndForth, &[(tile(1105, 1050), 6, 3), (tile(1120, 1056), 6, 3)])
    };
    world.generators = vec![pack];
    let mut stage = Stage::with(world, 9);
    for (index, name) in NAMES.into_iter().enumerate() {
        stage.player(name, start(index));
    }
    stage
}

fn start(index: usize) -> Tile {
    tile(1108 + 2 * index as u16, 1050)
}

fn is_here(stage: &Stage, who: usize) -> bool {
    stage.zone.tile_of(entity(who)).is_some()
}

fn entity(who: usize) -> EntityId {
    EntityId::of_character(model::CharacterId(who as u64 + 1))
}

fn shifted(at: Tile, (dx, dy): (i8, i8)) -> Tile {
    tile(at.x.saturating_add_signed(dx.into()), at.y.saturating_add_signed(dy.into()))
}

fn act(stage: &mut Stage, act: &Act) {
    let walk = |from: Tile, digits: &[u8], speed| {
        let route = Route::from_ascii(digits).expect("digits");
        let to = route.tiles(from).last().unwrap_or(from);
        Command::Walk { from, route, to, speed }
    };
    match act {
        Act::Walk { who, beside, digits, speed } if is_here(stage, *who) => {
            let from = shifted(stage.at(NAMES[*who]), *beside);
            stage.asks(NAMES[*who], walk(from, digits, *speed));
        }
        Act::Ahead { who, steps, digits } if is_here(stage, *who) => {
            let at = stage.at(NAMES[*who]);
            let from = Route::from_ascii(digits).expect("digits").tiles(at).take(*steps).last().unwrap_or(at);
            stage.asks(NAMES[*who], walk(at, digits, SPEED)).asks(NAMES[*who], walk(from, digits, SPEED));
        }
        Act::Stop { who, beside } if is_here(stage, *who) => {
            let at = shifted(stage.at(NAMES[*who]), *beside);
            stage.asks(NAMES[*who], Command::Stop { at });
        }
        Act::Wild { who, from, to, digits } if is_here(stage, *who) => {
            let (from, to) = (tile(from.0, from.1), tile(to.0, to.1));
            let route = Route::from_ascii(digits).expect("digits");
            let walk = Command::Walk { from, route, to, speed: 255 };
            stage.asks(NAMES[*who], walk).asks(NAMES[*who], Command::Stop { at: to });
        }
        Act::Recall(who) if is_here(stage, *who) => {
            stage.asks(NAMES[*who], Command::Recall);
        }
        Act::Portal(who) if is_here(stage, *who) => {
            stage.asks(NAMES[*who], Command::UsePortal);
        }
        Act::Inspect(who, whom) if is_here(stage, *who) => {
            stage.asks(NAMES[*who], Command::Inspect { entity: entity(*whom) });
        }
        Act::Leave(who) if is_here(stage, *who) => {
            stage.leaves(NAMES[*who]);
        }
        Act::Return(who) if !is_here(stage, *who) => {
            stage.player(NAMES[*who], start(*who));
        }
        Act::Wait(ticks) => {
            stage.passes((*ticks).into());
        }
        _ => {}
    }
}

/// Answers what the zone wants from its node: crossings come back, jobs are done.
fn answer(stage: &mut Stage) {
    for crossing in std::mem::take(&mut stage.crossings) {
        stage.input(Input::TurnBack { session: crossing.snapshot.session });
    }
    while !stage.jobs.is_empty() {
        stage.store_does();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sight_is_symmetric_and_tiles_hold_one(acts in acts()) {
        let mut stage = crowded_world();
        for one in &acts {
            act(&mut stage, one);
            stage.tick();
            answer(&mut stage);
            stage.tick();
        }
    }

    #[test]
    fn nobody_is_faster_than_its_speed(acts in acts()) {
        let mut stage = crowded_world();
        let mut track: BTreeMap<usize, Vec<(Tick, Tile)>> = BTreeMap::new();
        let moves = acts.iter().filter(|a| matches!(a, Act::Walk { .. } | Act::Ahead { .. } | Act::Stop { .. } | Act::Wait(_)));
        for one in moves {
            let ticks = if let Act::Wait(ticks) = one { *ticks } else { 1 };
            if !matches!(one, Act::Wait(_)) {
                act(&mut stage, one);
            }
            for _ in 0..ticks {
                stage.tick();
                for (who, name) in NAMES.into_iter().enumerate() {
                    track.entry(who).or_default().push((stage.now, stage.at(name)));
                }
            }
            // who is over the border is put back by rule, which is no walking
            for crossing in std::mem::take(&mut stage.crossings) {
                track.remove(&(crossing.snapshot.session.0 as usize - 1));
                stage.input(Input::TurnBack { session: crossing.snapshot.session });
                stage.tick();
            }
        }
        // ahead by the budget, back by what may be behind, and beside somebody at the end
        let tolerance_ms = budget_max_ms(SPEED) + BEHIND_MS + pace_ms(SPEED);
        for (who, track) in track {
            for (index, (then, from)) in track.iter().enumerate() {
                for (now, to) in &track[index..] {
                    let window_ms = (now.ms() - then.ms()) * (CLOCK_DRIFT + 1) / CLOCK_DRIFT + tolerance_ms;
                    let most = window_ms * u64::from(SPEED) / 1000 + 3;
                    prop_assert!(u64::from(from.distance(*to)) <= most, "{who}: {from} to {to} in {window_ms} ms");
                }
            }
        }
    }
}
