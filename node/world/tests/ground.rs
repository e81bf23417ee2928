//! Scenarios of items on the ground: who sees them, who gets them, and when they end.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use model::event::NoticeKey;
use model::transfer::{RecordKey, TransferRefusal};
use model::{AccountId, Command, Container, Effect, Event, GroundId, Item, ItemId, ItemKind, Slot, Tile};
use support::{Stage, content, terrain, tile};
use world::{Change, GroundRecord, Input, JobOutcome, Lying, Spot, Tick};

const HERE: Tile = Tile::new(1010, 1050);
const KNIFE: u16 = 861;

fn item(id: u128, kind: u16) -> Item {
    Item { id: ItemId(id), kind: ItemKind(kind), effects: [Effect::default(); 3] }
}

fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

fn drops(index: u8, tile: Tile) -> Command {
    Command::DropItem { from: carry(index), tile, rotate: 5 }
}

/// Ana with two knives, and Bob a few steps away.
fn stage() -> Stage {
    let mut stage = Stage::new(7);
    stage.enters_with("ana", HERE, |ana| {
        ana.carry[0] = Some(item(1, KNIFE));
        ana.carry[1] = Some(item(2, KNIFE));
        ana.carry[2] = Some(item(3, 508));
    });
    stage.enters_with("bob", tile(1013, 1050), |_| {});
    stage.heard("ana");
    stage.heard("bob");
    stage
}

/// Ana drops her first knife; where it lies and as what.
fn dropped(stage: &mut Stage) -> Lying {
    stage.asks("ana", drops(0, HERE)).tick().store_does();
    stage.heard("ana");
    stage.heard("bob");
    *stage.zone.lying().next().expect("something lies there")
}

fn lying(id: u64, at: Tile, until: Tick) -> Lying {
    let home = AccountId(9);
    Lying {
        id: GroundId(id),
        home,
        item: item(90 + u128::from(id), KNIFE),
        tile: at,
        rotate: 0,
        version: 1,
        until,
    }
}

fn refused_with(stage: &mut Stage, name: &str, command: Command, key: NoticeKey) {
    let jobs = stage.jobs.len();
    stage.asks(name, command).tick();
    assert_eq!(stage.jobs.len(), jobs, "not even tried");
    stage.is_refused(name, key);
}

#[test]
fn a_dropped_item_is_seen_by_all_around_when_the_store_has_it() {
    let mut stage = stage();
    stage.asks("ana", drops(0, tile(1011, 1051))).tick().passes(10);
    assert_eq!((stage.heard("ana"), stage.heard("bob")), (vec![], vec![]));
    let plan = stage.plan().clone();
    let Some(GroundRecord::Lay { id, home, tile: at, rotate: 1, for_ms: 90_000 }) = plan.ground else {
        panic!("{plan:?}")
    };
    let change = Change::Move {
        item: item(1, KNIFE),
        from: Spot::Own(carry(0)),
        to: Spot::Ground { id, home },
        effects: Default::default(),
    };
    assert_eq!((plan.reason, plan.changes, at), ("drop", vec![change], tile(1011, 1051)));
    stage.store_does();
    let shown = item(1, KNIFE).spec();
    let appeared = Event::GroundAppeared { ground: id, tile: at, shown, rotate: 1, fell: true };
    assert_eq!(
        stage.heard("ana"),
        [Event::Dropped { from: carry(0), tile: at, rotate: 1 }, appeared.clone()]
    );
    assert_eq!(stage.heard("bob"), [appeared]);
}

#[test]
fn what_lies_there_is_seen_by_who_comes_and_lost_by_who_goes() {
    let mut stage = stage();
    let lying = dropped(&mut stage);
    stage.walks_to("bob", tile(1030, 1050));
    stage.is_told("bob", &Event::GroundGone { ground: lying.id });
    stage.walks_to("bob", tile(1020, 1050));
    let heard = stage.heard("bob");
    let seen = |event: &Event| matches!(event, Event::GroundAppeared { ground, fell: false, .. } if *ground == lying.id);
    assert_eq!(heard.iter().filter(|event| seen(event)).count(), 1, "{heard:?}");
    stage.enters_with("eva", tile(1015, 1055), |_| {});
    assert!(stage.heard("eva").iter().any(seen));
    stage.leaves("eva").leaves("bob");
}

#[test]
fn of_many_who_grab_exactly_one_gets_it() {
    let mut stage = stage();
    let lying = dropped(&mut stage);
    let grab = Command::PickUp { ground: lying.id, to: 4 };
    stage.asks("bob", grab.clone()).asks("ana", grab.clone()).tick();
    assert_eq!(stage.jobs.len(), 1, "the first one locks it");
    stage.is_refused("ana", NoticeKey::ItemGone);
    assert_eq!(
        stage.plan().ground,
        Some(GroundRecord::Lift { id: lying.id, home: AccountId(1), version: 1 }),
        "it is found with who dropped it"
    );
    stage.store_does();
    let heard = stage.heard("bob");
    assert!(heard.contains(&Event::PickedUp { slot: carry(4), item: item(1, KNIFE) }), "{heard:?}");
    for heard in [heard, stage.heard("ana")] {
        assert!(heard.contains(&Event::GroundGone { ground: lying.id }), "{heard:?}");
    }
    stage.asks("ana", grab).tick();
    stage.is_refused("ana", NoticeKey::ItemGone);
    // it is bob's now
    stage.asks("bob", drops(4, tile(1013, 1050))).tick().store_does();
    assert_eq!(
        stage.zone.lying().next().map(|lying| (lying.item.id, lying.home)),
        Some((ItemId(1), AccountId(2)))
    );
}

#[test]
fn a_grab_that_the_store_refuses_leaves_it_there_or_not_as_the_store_says() {
    let mut stage = stage();
    let lying = dropped(&mut stage);
    let grab = Command::PickUp { ground: lying.id, to: 4 };
    stage.asks("bob", grab.clone()).tick().store_refuses(TransferRefusal::Frozen(AccountId(2)));
    stage.is_refused("bob", NoticeKey::AccountFrozen);
    stage
        .asks("bob", grab.clone())
        .tick()
        .job_done(JobOutcome::Failed)
        .is_refused("bob", NoticeKey::TryLater);
    stage.asks("ana", grab.clone()).tick();
    stage.store_refuses(TransferRefusal::RecordChanged(RecordKey::Ground(lying.id)));
    let heard = stage.heard("ana");
    assert!(heard.contains(&Event::GroundGone { ground: lying.id }), "another zone gave it away: {heard:?}");
    assert_eq!(stage.zone.lying().count(), 0);
}

#[test]
fn far_bound_missing_or_with_a_full_bag_nothing_changes_hands() {
    let mut stage = stage();
    refused_with(&mut stage, "ana", drops(2, HERE), NoticeKey::ItemBound);
    refused_with(&mut stage, "ana", drops(9, HERE), NoticeKey::ItemGone);
    refused_with(&mut stage, "ana", drops(40, HERE), NoticeKey::NoRoom);
    let face =
        Command::DropItem { from: Slot { container: Container::Equip, index: 0 }, tile: HERE, rotate: 0 };
    refused_with(&mut stage, "ana", face, NoticeKey::ItemBound);
    let cargo =
        Command::DropItem { from: Slot { container: Container::Cargo, index: 0 }, tile: HERE, rotate: 0 };
    refused_with(&mut stage, "ana", cargo, NoticeKey::TooFar);
    let lying = dropped(&mut stage);
    stage.enters_with("eva", tile(1014, 1050), |_| {});
    stage.enters_with("leo", tile(1009, 1050), |leo| leo.carry[..30].fill(Some(item(77, KNIFE))));
    stage.heard("eva");
    let grab = |ground| Command::PickUp { ground, to: 0 };
    refused_with(&mut stage, "eva", grab(lying.id), NoticeKey::TooFar);
    refused_with(&mut stage, "leo", grab(lying.id), NoticeKey::NoRoom);
    refused_with(&mut stage, "leo", grab(GroundId(5)), NoticeKey::ItemGone);
}

#[test]
fn things_lie_side_by_side_within_reach_and_never_in_a_wall() {
    let mut world = content();
    world.terrain = terrain(&[tile(1012, 1048), tile(1012, 1052)]);
    let mut stage = Stage::with(world, 7);
    stage.enters_with("ana", HERE, |ana| {
        (0..29).for_each(|slot| ana.carry[slot] = Some(item(slot as u128 + 1, KNIFE)));
    });
    // asked for the same tile, in the wall, and far away
    let asked = [tile(1011, 1051), tile(1013, 1050), tile(1080, 1080)];
    for slot in 0..29 {
        stage.asks("ana", drops(slot, asked[usize::from(slot) % 3])).tick().store_does();
    }
    let tiles: std::collections::BTreeSet<Tile> = stage.zone.lying().map(|lying| lying.tile).collect();
    assert_eq!(tiles.len(), 29, "one on a tile");
    for tile in tiles {
        assert!(tile.distance(HERE) <= 3 && !stage.zone.content().terrain.is_blocked(tile), "{tile}");
    }
}

#[test]
fn what_lay_long_enough_ends_in_the_store_first() {
    let mut stage = stage();
    let lying = dropped(&mut stage);
    stage.passes(90 * 20 - 1);
    assert!(stage.jobs.is_empty());
    stage.passes(2);
    assert_eq!((stage.plan().reason, stage.jobs[0].who), ("expired", None));
    assert_eq!(stage.plan().changes.len(), 1);
    let grab = Command::PickUp { ground: lying.id, to: 0 };
    stage.asks("bob", grab).tick().is_refused("bob", NoticeKey::ItemGone);
    stage.heard("ana");
    stage.job_done(JobOutcome::Failed).passes(10 * 20 + 1);
    assert_eq!(stage.heard("ana"), [], "nobody knows yet: it is tried again");
    stage.job_done(JobOutcome::Transferred { born: vec![], gold: None });
    assert_eq!(stage.heard("ana"), [Event::GroundGone { ground: lying.id }]);
    stage.passes(400);
    assert!(stage.jobs.is_empty() && stage.zone.lying().count() == 0);
}

#[test]
fn a_zone_without_players_wakes_for_what_ends_on_its_ground() {
    let mut stage = stage();
    let lying = dropped(&mut stage);
    stage.leaves("ana").leaves("bob");
    assert_eq!(stage.zone.next_due(), Some(lying.until));
    let wait = lying.until.0 - stage.now.0;
    stage.skips(wait).tick();
    assert_eq!(stage.plan().reason, "expired");
    stage.job_done(JobOutcome::Transferred { born: vec![], gold: None });
    assert_eq!(stage.zone.next_due(), None);
}

#[test]
fn a_drop_whose_player_left_lies_there_all_the_same() {
    let mut stage = stage();
    stage.asks("ana", drops(0, HERE)).tick().leaves("ana").store_does();
    let id = stage.zone.lying().next().expect("it lies there").id;
    stage.asks("bob", Command::PickUp { ground: id, to: 0 }).tick().leaves("bob").store_does();
    assert_eq!(stage.zone.lying().count(), 0, "and what was grabbed is gone, though nobody is there");
}

#[test]
fn what_a_former_owner_left_is_brought_once_and_ends_in_time() {
    let mut stage = stage();
    let (soon, later) = (stage.now.plus(40), stage.now.plus(400));
    let found = vec![lying(1, tile(1012, 1050), soon), lying(2, tile(1060, 1050), later)];
    stage.input(Input::Ground(found.clone())).input(Input::Ground(found)).tick();
    let heard = stage.heard("ana");
    assert!(
        matches!(heard[..], [Event::GroundAppeared { ground: GroundId(1), fell: false, .. }]),
        "seen once, and only what is near: {heard:?}"
    );
    stage.passes(41);
    assert_eq!(stage.jobs.len(), 1);
    assert_eq!(
        stage.plan().ground,
        Some(GroundRecord::Lift { id: GroundId(1), home: AccountId(9), version: 1 })
    );
    stage.store_refuses(TransferRefusal::RecordChanged(RecordKey::Ground(GroundId(1))));
    assert_eq!(stage.heard("ana"), [Event::GroundGone { ground: GroundId(1) }]);
}

#[test]
fn what_was_grabbed_while_the_store_was_read_does_not_come_back() {
    let mut stage = stage();
    let lying = dropped(&mut stage);
    stage.asks("bob", Command::PickUp { ground: lying.id, to: 4 }).tick().store_does();
    stage.heard("ana");
    // read before the grab, brought after it
    stage.input(Input::Ground(vec![lying])).tick();
    assert_eq!((stage.zone.lying().count(), stage.heard("ana")), (0, vec![]));
}
