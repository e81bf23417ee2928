//! What players perceive of a zone whose thread is overloaded, step by step.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::RouteKind;
use model::event::{Notice, NoticeKey};
use model::{Command, Event, Tile};
use rand::{Rng, SeedableRng};
use support::{Stage, content, generator, tile};
use world::Relief;
use world::overload::{Step, VIEW_MAX};

const ALL: Relief = Relief { step: Step::RefuseLogins, view: 8, pace_percent: 25 };

fn up_to(step: Step) -> Relief {
    let view = if step >= Step::ShrinkView { 8 } else { VIEW_MAX };
    let pace_percent = if step >= Step::SlowClock { 50 } else { 100 };
    Relief { step, view, pace_percent }
}

fn waves() -> Command {
    Command::Motion { motion: 14, parameter: 0, direction: 0.0 }
}

fn notices(events: &[Event]) -> Vec<(NoticeKey, Vec<String>)> {
    let notice = |event: &Event| match event {
        Event::Notice(Notice::Catalogue { key, arguments }) => Some((*key, arguments.clone())),
        _ => None,
    };
    events.iter().filter_map(notice).collect()
}

fn saw_walk(events: &[Event], goal: Tile) -> bool {
    events.iter().any(|event| matches!(event, Event::Walked { walk, .. } if walk.to == goal))
}

#[test]
fn each_step_is_told_to_everybody_once_and_to_who_comes_later() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050));
    stage.heard("ana");
    let steps = [
        (Step::ShedIdle, NoticeKey::CrowdIdle, None),
        (Step::PostponeTrade, NoticeKey::CrowdTrade, None),
        (Step::WidenFar, NoticeKey::CrowdFar, None),
        (Step::ShrinkView, NoticeKey::CrowdView, Some("8")),
        (Step::SlowClock, NoticeKey::CrowdClock, Some("50")),
        (Step::RefuseLogins, NoticeKey::CrowdClosed, None),
    ];
    for (step, key, argument) in steps {
        stage.relieves(up_to(step)).relieves(up_to(step));
        let arguments: Vec<String> = argument.map(str::to_owned).into_iter().collect();
        assert_eq!(notices(&stage.heard("ana")), [(key, arguments)], "{step:?}");
    }
    stage.player("bob", tile(1012, 1050));
    let told: Vec<NoticeKey> = notices(&stage.heard("bob")).into_iter().map(|(key, _)| key).collect();
    assert_eq!(told, steps.map(|(_, key, _)| key));
    stage.relieves(Relief::NONE);
    assert_eq!(notices(&stage.heard("ana")), [(NoticeKey::CrowdOver, vec![])]);
}

#[test]
fn gestures_are_shown_only_to_those_near_while_idle_updates_are_shed() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1016, 1050)).player("eva", tile(1017, 1050));
    let saw = |stage: &mut Stage, name: &str| {
        stage.heard(name).iter().any(|event| matches!(event, Event::Motion { .. }))
    };
    stage.asks("ana", waves()).tick();
    assert!(saw(&mut stage, "bob") && saw(&mut stage, "eva"));
    stage.relieves(up_to(Step::ShedIdle)).asks("ana", waves()).tick();
    assert!(saw(&mut stage, "bob") && !saw(&mut stage, "eva"));
    stage.asks("ana", Command::Say { text: "oi".into() }).tick();
    assert!(stage.heard("eva").iter().any(|event| matches!(event, Event::Said { .. })), "chat is no gesture");
}

#[test]
fn creatures_rest_while_idle_updates_are_shed() {
    let patrol = |relief: Relief| {
        let mut world = content();
        let points = [(tile(1020, 1050), 0, 0), (tile(1028, 1050), 0, 0)];
        world.generators = vec![generator(0, RouteKind::BackAndForth, &points)];
        let mut stage = Stage::with(world, 3);
        stage.player("ana", tile(1024, 1055)).relieves(relief);
        stage.heard("ana");
        stage.passes(20 * 120);
        stage.heard("ana").iter().filter(|event| matches!(event, Event::Walked { .. })).count()
    };
    let (often, seldom) = (patrol(Relief::NONE), patrol(up_to(Step::ShedIdle)));
    assert!(often >= 10 && seldom > 0 && seldom * 2 < often, "{often} walks, {seldom} when idle is shed");
}

#[test]
fn who_is_far_hears_of_walks_within_a_second_and_as_they_are_then() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("near", tile(1015, 1050)).player("far", tile(1022, 1050));
    stage.relieves(up_to(Step::WidenFar));
    for name in ["near", "far"] {
        stage.heard(name);
    }
    stage.walks("ana", "444444");
    let goal = tile(1004, 1050);
    assert!(saw_walk(&stage.heard("near"), goal));
    assert!(!saw_walk(&stage.heard("far"), goal));
    stage.passes(20);
    let late = stage.heard("far");
    let rest = late.iter().find_map(|event| match event {
        Event::Walked { walk, .. } => Some(walk.clone()),
        _ => None,
    });
    let rest = rest.expect("the far one was told in the end");
    assert_eq!((rest.to, rest.from), (goal, stage.at("ana")), "the rest of the walk");
    // of several walks within the second only the last is told
    stage.walks("ana", "8888").passes(4).walks("ana", "2222").passes(20);
    let walks = stage.heard("far").iter().filter(|event| matches!(event, Event::Walked { .. })).count();
    assert_eq!(walks, 1);
    // who was near when it began and is far when the others are told is not told again
    stage.heard("near");
    stage.walks("ana", "44444444").passes(2);
    stage.walks("near", "66666666").passes(22);
    let walks = stage.heard("near").iter().filter(|event| matches!(event, Event::Walked { .. })).count();
    assert_eq!(walks, 1);
    assert!(stage.at("near").distance(stage.at("ana")) > 8);
    stage.heard("far");
    // and once it is over at once
    stage.relieves(Relief::NONE);
    stage.walks("ana", "66666666").passes(100).walks("ana", "66666666").passes(100);
    stage.heard("far");
    stage.walks("ana", "444");
    let goal = stage.at("ana");
    assert!(saw_walk(&stage.heard("far"), Tile::new(goal.x - 3, goal.y)));
}

#[test]
fn a_shorter_sight_is_kept_by_all_who_walk_about_and_ends_without_a_trace() {
    let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let mut stage = Stage::new(5);
    let names: Vec<String> = (0..14).map(|number| format!("bot{number}")).collect();
    for name in &names {
        stage.player(name, tile(1040, 1040));
    }
    // the stage checks after every tick that all see exactly those within their sight
    for view in [VIEW_MAX, 12, 8, 12, VIEW_MAX, 8, VIEW_MAX] {
        let step = if view == VIEW_MAX { Step::WidenFar } else { Step::ShrinkView };
        stage.relieves(Relief { step, view, pace_percent: 100 });
        for _ in 0..8 {
            for name in &names {
                let (x, y) = (dice.random_range(1015..1065), dice.random_range(1015..1065));
                let from = stage.at(name);
                let steps = (0..6).scan(from, |at, _| {
                    let toward = |a: u16, b: u16| match a.cmp(&b) {
                        std::cmp::Ordering::Less => a + 1,
                        std::cmp::Ordering::Greater => a - 1,
                        std::cmp::Ordering::Equal => a,
                    };
                    let next = tile(toward(at.x, x), toward(at.y, y));
                    let step = model::Step::between(*at, next);
                    *at = next;
                    step
                });
                let route = model::Route::from_steps(steps);
                let to = route.tiles(from).last().unwrap_or(from);
                stage.asks(name, Command::Walk { from, route, to, speed: 4 });
            }
            stage.passes(30);
        }
    }
}

#[test]
fn many_are_told_of_another_sight_a_few_at_a_time() {
    let mut stage = Stage::new(2);
    let names: Vec<String> = (0..40).map(|number| format!("bot{number}")).collect();
    for name in &names {
        stage.player(name, tile(1040, 1040));
    }
    stage.player("far", tile(1052, 1040));
    stage.input(world::Input::Relieve(Relief { step: Step::ShrinkView, view: 6, pace_percent: 100 }));
    let blind = |stage: &Stage| {
        let far = stage.entity("far");
        names.iter().filter(|name| !stage.watchers[&stage.session(name)].view.contains_key(&far)).count()
    };
    let mut told = Vec::new();
    for _ in 0..3 {
        stage.step_unchecked();
        told.push(blind(&stage));
    }
    stage.view = 6;
    stage.tick();
    assert_eq!(blind(&stage), names.len());
    assert!(told[0] <= 16 && told[0] < told[1] && told[1] < told[2], "{told:?}");
}

#[test]
fn on_a_slowed_clock_clients_that_walk_as_told_are_never_corrected() {
    for pace_percent in [75, 50, 25] {
        let mut stage = Stage::new(1);
        stage.player("ana", tile(1010, 1050)).player("bob", tile(1012, 1052));
        stage.heard("ana");
        // it walks at 4 tiles a second, and the clock is slowed on the way: it ends as its client shows it
        stage.walks("ana", "66666666");
        stage.passes(9);
        stage.relieves(Relief { step: Step::SlowClock, view: 16, pace_percent });
        let entity = stage.entity("ana");
        let speed = stage.heard("ana").iter().find_map(|event| match event {
            Event::ScoreChanged { entity: whose, score } if *whose == entity => Some(score.run_speed),
            _ => None,
        });
        let speed = speed.expect("its client is told to walk slower");
        assert_eq!(speed, (4 * pace_percent / 100).max(1) as u8);
        // 2 s of real time in all: so much of the zone's time
        let rest = 30 * u64::from(pace_percent) / 100 + 1;
        stage.passes(rest);
        assert_eq!(stage.at("ana"), tile(1018, 1050), "at {pace_percent} percent");
        // and it walks on as it was told: 6 tiles at its new speed
        let route = model::Route::from_ascii(b"666666").unwrap();
        let (from, to) = (tile(1018, 1050), tile(1024, 1050));
        stage.heard("bob");
        stage.asks("ana", Command::Walk { from, route, to, speed }).tick();
        let told = stage.heard("bob").into_iter().find_map(|event| match event {
            Event::Walked { walk, .. } => Some(walk.speed),
            _ => None,
        });
        assert_eq!(told, Some(speed), "its neighbours are shown the same");
        let real_ms = 6 * 1_000 / u64::from(speed);
        stage.passes(real_ms * u64::from(pace_percent) / 100 / 50 + 1);
        assert_eq!(stage.at("ana"), to);
        assert!(!stage.heard("ana").iter().any(|event| matches!(event, Event::Placed { .. })));
    }
}

#[test]
fn who_asks_for_its_old_speed_on_a_slowed_clock_is_not_given_it() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).relieves(ALL);
    stage.walks("ana", "666666");
    // one second of real time is 5 ticks of the zone: one tile
    stage.passes(5).stands("ana", tile(1011, 1050));
}
