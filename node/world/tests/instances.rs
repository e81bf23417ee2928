//! Scenarios of instances: coming in, that nobody walks out, leaving, and the time that is left.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::RouteKind;
use model::event::{Notice, NoticeKey};
use model::membership::NamedZone;
use model::{Command, Event, Stay, Tile, ZoneId};
use placement::ZoneTable;
use support::{EAST, Stage, WEST, content, generator, terrain, tile};
use world::{Input, Summons, entrance};

const BACK: Tile = Tile::new(1200, 1100);

/// The world with an instance of its western zone: in which zone that is.
fn open(id: u64) -> (content::Content, ZoneId) {
    let mut world = content();
    world.generators = vec![generator(20, RouteKind::Stand, &[(tile(1040, 1040), 0, 6)])];
    world.zones.push(NamedZone { name: format!("West#{id}"), area: WEST });
    let zone = ZoneTable::new(world.zones.clone()).zone_of_instance(id).expect("it is open");
    (world, zone)
}

fn instance(id: u64) -> Stage {
    let (world, zone) = open(id);
    Stage::of(world, zone, 7)
}

fn stay() -> Stay {
    Stay { instance: 3, area: WEST, back: BACK, over: false }
}

/// Somebody who was brought into the third instance.
fn guest(stage: &mut Stage, name: &str, at: Tile) {
    stage.enters_with(name, at, |character| character.soft.stay = Some(stay()));
}

fn summons(instance: u64) -> Summons {
    Summons { instance, zone: ZoneId(0x70_0000 + instance as u32), area: WEST, entrance: tile(1060, 1060) }
}

#[test]
fn a_guest_is_brought_in_once_and_its_state_says_where_it_came_from() {
    let (world, zone) = open(3);
    let mut stage = Stage::of(world, ZoneId(2), 7);
    stage.player("ana", BACK).walks("ana", "66666666");
    let (session, to) = (stage.session("ana"), summons(3));
    stage.passes(12).input(Input::Summon { session, to }).tick();
    let stood = stage.at("ana");
    let crossing = stage.crossings.pop().expect("ana crosses");
    assert_eq!((crossing.to, crossing.on_foot, crossing.tile()), (zone, false, tile(1060, 1060)));
    assert_eq!(crossing.snapshot.soft.stay, Some(Stay { back: stood, ..stay() }));
    assert!(stood != BACK && crossing.snapshot.soft.inside().is_some());
    stage.input(Input::Summon { session, to }).passes(3);
    assert!(stage.crossings.is_empty(), "it is on its way");
    // the store was away: it plays on where it stands, and is brought in when it is summoned again
    stage.input(Input::TurnBack { session }).tick();
    assert_eq!(stage.zone.snapshot(session).unwrap().soft.stay, None);
    stage.stands("ana", stood).input(Input::Summon { session, to }).tick();
    assert_eq!(stage.crossings.len(), 1);
}

#[test]
fn who_was_in_it_is_not_brought_in_again_and_who_is_busy_later() {
    let (world, _) = open(3);
    let mut stage = Stage::of(world, ZoneId(1), 7);
    stage.enters_with("ana", tile(1050, 1050), |character| {
        character.soft.stay = Some(Stay { over: true, ..stay() });
    });
    stage.player("bob", tile(1008, 1016)).asks("bob", Command::UsePortal).tick();
    for name in ["ana", "bob"] {
        let session = stage.session(name);
        stage.input(Input::Summon { session, to: summons(3) }).tick();
    }
    assert!(stage.crossings.is_empty(), "ana was there, and bob pays for a portal");
    stage.store_does();
    for name in ["ana", "bob"] {
        let (session, to) = (stage.session(name), summons(4));
        stage.input(Input::Summon { session, to }).tick();
    }
    let into: Vec<u64> = stage.crossings.iter().map(|it| it.snapshot.soft.stay.unwrap().instance).collect();
    assert_eq!(into, [4, 4], "that is another one");
}

#[test]
fn from_one_instance_into_another_the_way_back_leads_to_the_world() {
    let mut stage = instance(3);
    guest(&mut stage, "ana", tile(1050, 1050));
    let session = stage.session("ana");
    stage.input(Input::Summon { session, to: summons(9) }).tick();
    let into = stage.crossings.pop().expect("ana crosses").snapshot.soft.stay;
    assert_eq!(into, Some(Stay { instance: 9, ..stay() }));
}

#[test]
fn it_has_creatures_of_its_own_and_no_neighbours() {
    let (world, zone) = open(3);
    let zones = ZoneTable::new(world.zones.clone());
    assert!(world::neighbours(&zones, zone).is_empty());
    let around = world::neighbours(&zones, ZoneId(1));
    assert!(around.contains(&ZoneId(2)) && !around.contains(&zone));
    let (of_world, of_instance) = (Stage::of(world, ZoneId(1), 7).creatures(), instance(3).creatures());
    assert_eq!(of_world.len(), 1);
    assert_eq!(of_instance.len(), 1);
    assert_eq!(of_world[0].1, of_instance[0].1, "by the same generator on the same tile");
    assert_ne!(of_world[0].0, of_instance[0].0, "and still another one");
}

#[test]
fn nobody_walks_over_the_edge() {
    let mut stage = instance(3);
    guest(&mut stage, "ana", tile(1124, 1050));
    let entity = stage.entity("ana");
    stage.walks("ana", "66666666").passes(60);
    stage.is_put("ana", entity, tile(1127, 1050)).stands("ana", tile(1127, 1050));
    stage.walks("ana", "666").passes(20).is_put("ana", entity, tile(1127, 1050));
    stage.walks_from("ana", tile(1128, 1050), "666").passes(20).stands("ana", tile(1127, 1050));
    stage.asks("ana", Command::Stop { at: tile(1128, 1050) }).passes(5).stands("ana", tile(1127, 1050));
    stage.walks("ana", "9999").passes(20).stands("ana", tile(1127, 1050));
    assert!(stage.crossings.is_empty());
    stage.walks_to("ana", tile(1120, 1052));
}

#[test]
fn portals_and_recall_lead_out_for_good() {
    let mut stage = instance(3);
    guest(&mut stage, "ana", tile(1008, 1024));
    guest(&mut stage, "bob", tile(1020, 1024));
    guest(&mut stage, "eva", tile(1008, 1008));
    stage.asks("eva", Command::UsePortal).tick();
    assert!(
        stage.at("eva").distance(tile(1061, 1061)) <= 1,
        "a portal from tile to tile of the place stays in it"
    );
    stage.asks("ana", Command::UsePortal).asks("bob", Command::Recall).tick();
    let ways: Vec<_> = stage.crossings.drain(..).collect();
    assert_eq!(ways.iter().map(|way| way.to).collect::<Vec<_>>(), [ZoneId(2), ZoneId(1)]);
    for way in ways {
        assert_eq!(way.snapshot.soft.stay, Some(Stay { over: true, ..stay() }));
        assert!(way.snapshot.soft.inside().is_none());
    }
    // the home city of bob lies on tiles of this place: it is that of the world
    let session = stage.session("bob");
    stage.input(Input::TurnBack { session }).tick();
    assert!(stage.zone.snapshot(session).unwrap().soft.inside().is_some(), "who has to stay is in it still");
}

#[test]
fn a_way_that_was_paid_for_leads_out_of_it_whatever_dies() {
    let mut stage = instance(3);
    guest(&mut stage, "ana", tile(1008, 1040));
    stage.asks("ana", Command::UsePortal).tick();
    let paid = stage.plan().soft.clone().expect("the price is written with the place");
    assert!(EAST.contains(paid.soft.tile) && paid.soft.inside().is_none());
    stage.store_does();
    assert_eq!(stage.crossings.pop().expect("ana crosses").to, ZoneId(2));
    stage.leaves("ana");
    assert!(stage.left.pop().expect("a last state").soft.inside().is_none());
}

#[test]
fn players_are_told_how_much_time_is_left() {
    let mut stage = instance(3);
    guest(&mut stage, "ana", tile(1050, 1050));
    assert!(!stage.heard("ana").iter().any(|event| matches!(event, Event::TimeLeft { .. })));
    stage.input(Input::TimeLeft { left_s: 310, notice: false }).tick();
    stage.is_told("ana", &Event::TimeLeft { seconds: 310 }).passes(200);
    guest(&mut stage, "bob", tile(1052, 1050));
    stage.is_told("bob", &Event::TimeLeft { seconds: 300 });
    for (left_s, text) in [(300, "5 min"), (60, "1 min"), (10, "10 s")] {
        stage.input(Input::TimeLeft { left_s, notice: true }).tick();
        let notice = Notice::Catalogue { key: NoticeKey::InstanceEnds, arguments: vec![text.to_owned()] };
        stage.is_told("bob", &Event::Notice(notice));
    }
    let mut world = Stage::new(1);
    world.player("eva", tile(1050, 1050)).input(Input::TimeLeft { left_s: 9, notice: true }).tick();
    assert!(!world.heard("eva").iter().any(|event| matches!(event, Event::TimeLeft { .. })));
}

#[test]
fn guests_come_in_where_a_portal_leads_or_near_the_middle() {
    let mut world = content();
    assert_eq!(
        entrance(&world, WEST),
        Some(tile(1080, 1080)),
        "no portal leads into it: as its city receives"
    );
    assert_eq!(entrance(&world, EAST), Some(tile(1200, 1060)), "a portal from the west");
    world.portals.clear();
    world.cities[1].spawn = tile(3000, 3000);
    assert_eq!(entrance(&world, WEST), Some(tile(1063, 1063)));
    world.terrain = terrain(&[tile(1060, 1060)]);
    let near = entrance(&world, WEST).expect("there is room beside the wall");
    assert!(!world.terrain.is_blocked(near) && near.distance(tile(1063, 1063)) <= 4, "{near}");
}
