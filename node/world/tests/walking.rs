//! Scenarios of walking, sight and passages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use model::event::NoticeKey;
use model::ledger::GoldAccount;
use model::transfer::TransferRefusal;
use model::{CharacterId, Command, EntityId, Event, Route, Tile, ZoneId};
use support::{Stage, content, terrain, tile};
use world::{Change, Input, JobOutcome, Keeper};

#[test]
fn two_who_meet_see_each_other_once_and_lose_each_other_once() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1020, 1050)).player("bob", tile(1050, 1050));
    stage.sees_not("ana", "bob").sees_not("bob", "ana");
    stage.walks_to("ana", tile(1034, 1050)).sees("ana", "bob").sees("bob", "ana");
    stage.walks_to("ana", tile(1033, 1050)).sees_not("ana", "bob").sees_not("bob", "ana");
}

#[test]
fn a_walker_moves_a_tile_at_a_time_and_its_end_gives_no_reach() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1034, 1050));
    stage.walks("ana", "66666666");
    stage.passes(4).stands("ana", tile(1010, 1050));
    stage.passes(1).stands("ana", tile(1011, 1050)).sees_not("bob", "ana");
    stage.passes(34).sees_not("bob", "ana");
    stage.passes(1).stands("ana", tile(1018, 1050)).sees("bob", "ana");
}

#[test]
fn who_comes_into_view_walking_is_seen_with_the_rest_of_the_walk() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1030, 1050)).player("bob", tile(1048, 1050));
    stage.walks("ana", "666666").passes(10);
    let ana = stage.entity("ana");
    let appeared = stage.heard("bob").into_iter().find_map(|event| match event {
        Event::Appeared { look, .. } if look.entity == ana => Some(look),
        _ => None,
    });
    let look = appeared.expect("bob saw ana come");
    let walk = look.walk.expect("ana is still walking");
    assert_eq!((look.tile, walk.from, walk.to), (tile(1032, 1050), tile(1032, 1050), tile(1036, 1050)));
    assert_eq!(walk.route.steps().len(), 4);
}

#[test]
fn a_start_somewhere_else_is_corrected() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050));
    let entity = stage.entity("ana");
    stage.walks_from("ana", tile(1040, 1050), "666");
    stage.is_put("ana", entity, tile(1010, 1050)).passes(40).stands("ana", tile(1010, 1050));
}

#[test]
fn a_target_further_than_the_view_is_corrected() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050));
    let entity = stage.entity("ana");
    let route = Route::from_ascii(b"666").unwrap();
    let walk = Command::Walk { from: tile(1010, 1050), route, to: tile(1060, 1050), speed: 4 };
    stage.asks("ana", walk).tick();
    stage.is_put("ana", entity, tile(1010, 1050)).passes(40).stands("ana", tile(1010, 1050));
}

#[test]
fn more_speed_than_own_is_not_given() {
    let mut stage = Stage::new(1);
    stage.arrives("ana", tile(1010, 1050), 2, false);
    let route = Route::from_ascii(b"66666666").unwrap();
    let walk = Command::Walk { from: tile(1010, 1050), route, to: tile(1018, 1050), speed: 255 };
    stage.asks("ana", walk).tick().passes(20).stands("ana", tile(1012, 1050));
}

#[test]
fn a_wall_ends_the_walk_and_the_client_is_placed_there() {
    let mut world = content();
    world.terrain = terrain(&[tile(1016, 1048)]);
    let mut stage = Stage::with(world, 1);
    stage.player("ana", tile(1010, 1050));
    let entity = stage.entity("ana");
    stage.walks("ana", "66666666666").passes(60);
    stage.stands("ana", tile(1015, 1050)).is_put("ana", entity, tile(1015, 1050));
    stage.walks("ana", "6").is_put("ana", entity, tile(1015, 1050));
}

#[test]
fn who_walks_onto_somebody_ends_beside() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1014, 1050));
    let entity = stage.entity("ana");
    stage.walks("ana", "6666").passes(25);
    let at = stage.at("ana");
    assert_eq!(at.distance(tile(1014, 1050)), 1);
    stage.is_put("ana", entity, at).is_put("bob", entity, at);
}

#[test]
fn who_walks_through_somebody_is_not_stopped() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1012, 1050));
    stage.walks("ana", "66666").passes(26).stands("ana", tile(1015, 1050));
}

#[test]
fn two_who_enter_on_one_tile_stand_side_by_side() {
    let mut stage = Stage::new(1);
    stage
        .player("ana", tile(1010, 1050))
        .player("bob", tile(1010, 1050))
        .sees("ana", "bob")
        .sees("bob", "ana");
    assert_eq!(stage.at("bob").distance(tile(1010, 1050)), 1);
}

#[test]
fn a_stop_on_the_way_is_kept_and_others_hear_of_it() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1010, 1055));
    let entity = stage.entity("ana");
    stage.walks("ana", "66666666").passes(11).stands("ana", tile(1012, 1050));
    stage
        .asks("ana", Command::Stop { at: tile(1012, 1050) })
        .tick()
        .passes(40)
        .stands("ana", tile(1012, 1050));
    stage.is_stopped("bob", entity, tile(1012, 1050));
}

#[test]
fn a_new_walk_may_start_a_little_ahead_and_a_little_behind() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050));
    stage.walks("ana", "66666666").passes(8).stands("ana", tile(1011, 1050));
    stage.walks_from("ana", tile(1012, 1050), "8888").stands("ana", tile(1012, 1050));
    stage.passes(10).stands("ana", tile(1012, 1052));
    stage.walks_from("ana", tile(1012, 1051), "2222").stands("ana", tile(1012, 1051));
}

#[test]
fn being_ahead_again_and_again_does_not_make_faster() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1005, 1050));
    let start = stage.at("ana");
    // a client that claims the furthest granted tile with every packet, ten seconds long
    for _ in 0..200 {
        let at = stage.at("ana");
        for ahead in [3_u16, 2, 1, 0] {
            let from = tile(at.x + ahead, at.y);
            let route = Route::from_ascii(b"666666").unwrap();
            let to = tile(from.x + 6, from.y);
            stage.asks("ana", Command::Walk { from, route, to, speed: 4 });
        }
        stage.tick();
    }
    let gone = u64::from(start.distance(stage.at("ana")));
    let most = (200 * 51 + world::walk::budget_max_ms(4)) * 4 / 1000 + 1;
    assert!(gone <= most, "{gone} tiles in ten seconds, {most} are allowed");
}

#[test]
fn a_client_that_rounds_and_jitters_is_never_corrected() {
    // plans anew every one to two seconds for ten minutes, from the nearer tile of its own reckoning, over a
    // network that takes up to 150 ms, with a clock that is half a percent fast
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1060, 1060));
    let entity = stage.entity("ana");
    let mut jitter = 12_345_u64;
    let mut sent: Vec<(u64, Command)> = Vec::new();
    let (mut from, mut digits, mut begun, mut turns) = (tile(1060, 1060), "", 0_u64, 0_usize);
    let mut next = 0;
    for ms in (0..600_000_u64).step_by(50) {
        if ms == next {
            let reckoned = (ms - begun) * 1_005 / 1_000 * 4;
            let steps = ((reckoned + 500) / 1_000) as usize;
            let route = Route::from_ascii(&digits.as_bytes()[..steps.min(digits.len())]).unwrap();
            from = route.tiles(from).last().unwrap_or(from);
            digits = ["888888888888", "666666666666", "222222222222", "444444444444"][turns % 4];
            turns += 1;
            begun = ms;
            let route = Route::from_ascii(digits.as_bytes()).unwrap();
            let to = route.tiles(from).last().unwrap();
            jitter = jitter.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            next += 1_000 + 50 * ((jitter >> 40) % 20);
            sent.push((ms + (jitter >> 33) % 150, Command::Walk { from, route, to, speed: 4 }));
        }
        if sent.first().is_some_and(|(arrives, _)| *arrives <= ms) {
            let (_, walk) = sent.remove(0);
            stage.asks("ana", walk);
        }
        stage.tick();
        let corrected = |event: &Event| matches!(event, Event::Placed { entity: who, .. } if *who == entity);
        assert!(!stage.heard("ana").iter().any(corrected), "corrected after {ms} ms");
    }
}

#[test]
fn a_border_is_crossed_four_steps_behind_it() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1124, 1050)).player("bob", tile(1120, 1050));
    stage.walks("ana", "66666666666").passes(30);
    assert!(stage.crossings.is_empty(), "two steps over the border ana is still here");
    stage.sees("bob", "ana").passes(10);
    let crossing = stage.crossings.pop().expect("ana crosses");
    assert_eq!((crossing.to, crossing.tile(), crossing.on_foot), (ZoneId(2), tile(1131, 1050), true));
    stage.walks("ana", "4").passes(20).stands("ana", tile(1131, 1050));
    stage.leaves("ana");
}

#[test]
fn who_cannot_cross_is_put_back_inside() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1124, 1050));
    stage.walks("ana", "66666666666").passes(40);
    assert_eq!(stage.crossings.len(), 1);
    let session = stage.session("ana");
    stage.input(Input::TurnBack { session }).tick().stands("ana", tile(1127, 1050));
    stage.is_refused("ana", NoticeKey::PlaceUnreachable);
    stage.walks("ana", "44").passes(20).stands("ana", tile(1125, 1050));
}

/// Its edge counts what it sends, and gives the rest to the next zone by that count.
#[test]
fn of_too_much_that_somebody_who_waits_to_cross_asks_the_oldest_is_lost_and_counts() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1124, 1050));
    stage.walks("ana", "66666666666").passes(40);
    assert_eq!(stage.crossings.pop().expect("ana crosses").snapshot.obeyed, 1);
    let session = stage.session("ana");
    for number in 0..40 {
        stage.asks("ana", Command::Motion { motion: number, parameter: 0, direction: 0.0 });
    }
    stage.tick().input(Input::TurnBack { session }).tick().heard("ana");
    stage.asks("ana", Command::Motion { motion: 40, parameter: 0, direction: 0.0 }).tick();
    stage.leaves("ana");
    assert_eq!(stage.left.pop().expect("a last state").obeyed, 42, "the walk, and all 41 gestures");
}

#[test]
fn who_leaves_over_the_border_is_saved_inside() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1126, 1050));
    stage.walks("ana", "666").passes(20).stands("ana", tile(1129, 1050)).leaves("ana");
    assert_eq!(stage.left.pop().expect("a last state").soft.tile, tile(1127, 1050));
}

#[test]
fn a_walker_who_came_over_the_border_walks_on() {
    let mut stage = Stage::new(1);
    stage.arrives("ana", tile(1010, 1050), 4, true).passes(20);
    stage.walks_from("ana", tile(1016, 1050), "666").stands("ana", tile(1016, 1050));
    stage.passes(20).walks_from("ana", tile(1030, 1050), "6").passes(10).stands("ana", tile(1019, 1050));
}

#[test]
fn a_free_portal_is_used_from_its_pad_only() {
    let mut stage = Stage::new(3);
    stage.player("ana", tile(1011, 1011)).player("bob", tile(1007, 1008)).player("eva", tile(1062, 1058));
    stage.asks("bob", Command::UsePortal).tick().is_refused("bob", NoticeKey::NoPortalHere);
    stage.asks("ana", Command::UsePortal).tick().sees_not("bob", "ana").sees("eva", "ana");
    let at = stage.at("ana");
    assert!(at.x.abs_diff(1060) <= 2 && at.y.abs_diff(1060) <= 2, "{at}");
}

#[test]
fn the_end_of_a_walk_gives_no_portal() {
    let mut stage = Stage::new(3);
    stage.player("ana", tile(1004, 1008)).walks("ana", "6666");
    stage.asks("ana", Command::UsePortal).tick().is_refused("ana", NoticeKey::NoPortalHere);
}

#[test]
fn a_paid_portal_opens_when_the_gold_is_gone() {
    let mut stage = Stage::new(3);
    stage.player("ana", tile(1008, 1016)).asks("ana", Command::UsePortal).tick();
    assert_eq!(stage.plan().changes, [Change::Burn { amount: 500, reason: "portal" }]);
    stage.stands("ana", tile(1008, 1016));
    stage.asks("ana", Command::UsePortal).tick().is_refused("ana", NoticeKey::StillBusy);
    stage.store_does().is_told("ana", &Event::GoldChanged { gold: 500 });
    assert!(stage.at("ana").distance(tile(1061, 1061)) <= 1);
}

#[test]
fn a_portal_that_cannot_be_paid_stays_shut() {
    let mut stage = Stage::new(3);
    stage.player("ana", tile(1008, 1016));
    for (outcome, key) in [
        (
            JobOutcome::Refused {
                refusal: TransferRefusal::NotEnough(GoldAccount::Character(CharacterId(1))),
                fresh: None,
            },
            NoticeKey::NotEnoughGold,
        ),
        (JobOutcome::Failed, NoticeKey::PlaceUnreachable),
    ] {
        stage.asks("ana", Command::UsePortal).tick();
        stage.job_done(outcome).is_refused("ana", key).stands("ana", tile(1008, 1016));
    }
}

#[test]
fn who_has_paid_for_a_portal_is_never_turned_back() {
    let mut stage = Stage::new(3);
    stage.player("ana", tile(1008, 1040)).asks("ana", Command::UsePortal).tick();
    let paid = stage.plan().soft.clone().expect("the price is written with the place");
    let there = paid.soft.tile;
    assert!(there.distance(tile(1201, 1061)) <= 1, "{there}");
    stage.store_does();
    let first = stage.crossings.pop().expect("ana crosses");
    assert_eq!(first.tile(), there);
    let session = stage.session("ana");
    stage.input(Input::TurnBack { session }).passes(20);
    let second = stage.crossings.pop().expect("ana crosses again");
    assert_eq!(second.tile(), there);
    stage.leaves("ana");
    let last = stage.left.pop().expect("a last state");
    assert_eq!((last.soft.tile, last.jobs_done), (there, 1));
    let numbers = [paid.number, first.snapshot.number, second.snapshot.number, last.number];
    assert_eq!(numbers, [1, 2, 3, 4], "states are counted as they are taken, whoever writes them");
}

#[test]
fn who_pays_does_not_cross_before_it_is_paid() {
    let mut stage = Stage::new(3);
    stage.player("ana", tile(1008, 1016)).asks("ana", Command::UsePortal).tick();
    let mut far = Stage::new(3);
    std::mem::swap(&mut stage, &mut far);
    // walks to the border with the payment under way
    far.walks_to("ana", tile(1124, 1050)).walks("ana", "66666666666").passes(60);
    assert!(far.crossings.is_empty(), "the payment decides where ana goes");
    far.stands("ana", tile(1131, 1050)).job_done(JobOutcome::Failed);
    assert_eq!(far.crossings.len(), 1);
}

#[test]
fn portals_to_other_zones_and_shut_ones() {
    let mut stage = Stage::new(3);
    stage.player("ana", tile(1008, 1024)).player("bob", tile(1008, 1032));
    stage.asks("bob", Command::UsePortal).tick().is_refused("bob", NoticeKey::PlaceClosed);
    stage.asks("ana", Command::UsePortal).tick();
    let crossing = stage.crossings.pop().expect("ana crosses at once");
    assert_eq!((crossing.to, crossing.on_foot), (ZoneId(2), false));
    assert!(crossing.tile().distance(tile(1201, 1061)) <= 1);
}

#[test]
fn recall_leads_to_the_home_city_which_only_its_visitors_change() {
    let mut stage = Stage::new(4);
    stage.player("ana", tile(1010, 1010)).asks("ana", Command::EnterCity { city: 0 });
    stage.asks("ana", Command::Recall).tick();
    let at = stage.at("ana");
    assert!((1080..=1094).contains(&at.x) && (1080..=1094).contains(&at.y), "{at}");
    stage.asks("ana", Command::EnterCity { city: 1 }).tick();
    assert_eq!(stage.zone.snapshot(stage.session("ana")).unwrap().soft.home_city, 1);
}

#[test]
fn chat_and_emotes_reach_those_in_view_and_not_the_speaker() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1026, 1050)).player("eva", tile(1027, 1050));
    let entity = stage.entity("ana");
    let said = |event: &Event| matches!(event, Event::Said { entity: who, text, .. } if *who == entity && text == "oi");
    stage.asks("ana", Command::Say { text: "oi".into() }).tick();
    assert!(stage.heard("bob").iter().any(said));
    assert!(!stage.heard("eva").iter().any(said) && !stage.heard("ana").iter().any(said));
    stage.asks("ana", Command::Motion { motion: 14, parameter: 3, direction: f32::NAN }).tick();
    let moved = |event: &Event| matches!(event, Event::Motion { entity: who, motion: 14, parameter: 3, direction: 0.0, .. } if *who == entity);
    assert!(stage.heard("bob").iter().any(moved));
}

#[test]
fn inspecting_tells_what_is_there() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1012, 1050)).player("eva", tile(1090, 1050));
    let (bob, eva) = (stage.entity("bob"), stage.entity("eva"));
    stage.heard("ana");
    stage.asks("ana", Command::Inspect { entity: bob }).tick();
    assert!(matches!(&stage.heard("ana")[..], [Event::Appeared { look, .. }] if look.entity == bob));
    for gone in [eva, EntityId(77)] {
        stage.asks("ana", Command::Inspect { entity: gone }).tick();
        assert!(matches!(&stage.heard("ana")[..], [Event::Disappeared { entity, .. }] if *entity == gone));
    }
}

#[test]
fn only_what_changed_is_taken_for_saving() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1040, 1050));
    let mut taken = Vec::new();
    stage.zone.take_changed(Keeper::Store, |_| true, &mut taken);
    assert_eq!(taken.len(), 2);
    stage.walks("ana", "6").passes(5);
    taken.clear();
    stage.zone.take_changed(Keeper::Store, |_| true, &mut taken);
    assert_eq!(
        taken.iter().map(|s| (s.session, s.soft.tile)).collect::<Vec<_>>(),
        [(stage.session("ana"), tile(1011, 1050))]
    );
    taken.clear();
    stage.zone.take_changed(Keeper::Buddy, |_| true, &mut taken);
    assert_eq!(taken.len(), 2, "what the store has taken the buddy has not");
    stage.zone.mark_changed(Keeper::Store, stage.session("bob"));
    stage.zone.take_changed(Keeper::Buddy, |_| true, &mut taken);
    assert_eq!(taken.len(), 2, "and the other way round");
    taken.clear();
    stage.zone.take_changed(Keeper::Store, |_| true, &mut taken);
    assert_eq!(taken.len(), 1);
}

#[test]
fn a_second_entry_of_a_session_or_a_character_replaces_the_first() {
    let mut stage = Stage::new(1);
    stage.player("ana", tile(1010, 1050)).player("bob", tile(1012, 1050)).player("ana", tile(1014, 1050));
    assert_eq!(stage.zone.player_count(), 2);
    stage.sees("bob", "ana").sees("ana", "bob").stands("ana", tile(1014, 1050));
}

#[test]
fn walls_are_never_entered_whatever_is_asked() {
    let mut world = content();
    world.terrain = terrain(&[tile(1016, 1048), tile(1008, 1048), tile(1012, 1052), tile(1012, 1044)]);
    let mut stage = Stage::with(world, 1);
    stage.player("ana", tile(1013, 1050));
    for from in [tile(1013, 1050), tile(1016, 1050), tile(1012, 1050), tile(1017, 1049)] {
        for digits in ["66666", "44444", "88888", "22222", "97531"] {
            let Some(route) = Route::from_ascii(digits.as_bytes()) else { continue };
            let to = route.tiles(from).last().unwrap_or(from);
            stage.asks("ana", Command::Walk { from, route, to, speed: 4 }).passes(20);
        }
    }
    let at: Tile = stage.at("ana");
    assert!(at.distance(tile(1013, 1050)) < 8, "{at}");
}
