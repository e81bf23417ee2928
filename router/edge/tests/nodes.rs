//! Players and the nodes that have them: handed over, moved, set down by the next one when theirs dies.
#![allow(clippy::unwrap_used)]

mod support;

use model::calls::node::{AttachReason, AttachRefusal, DropReason, ToEdge};
use model::event::{Event, Sheet};
use model::{Command, Epoch, Tile, TransferId};
use std::sync::atomic::Ordering;
use support::fakes::sheet;
use support::{FIELD, Stage, TOWN, eventually, settings};
use wire::Profile;
use wire::packet::ServerPacket;

#[tokio::test(flavor = "multi_thread")]
async fn a_handover_keeps_the_connection_and_shows_the_new_place() {
    let mut stage = Stage::new(settings()).await;
    stage.place(0, 1);
    let mut client = stage.enter(Profile::V759, "hero").await;
    let (_, merchant) = client.until("create_mob").await;
    let ServerPacket::CreateMob(merchant) = merchant else { panic!("{merchant:?}") };
    let session = stage.registry.session_of("hero").unwrap();
    let zone = stage.zone(FIELD);
    *stage.nodes[1].refuse_next.lock().unwrap() = Some(AttachRefusal::StoreUnavailable);
    client.say("too late for it").await;
    let old = stage.nodes[0].clone();
    eventually("the old node hears it", || !old.commands().is_empty()).await;
    let handover = ToEdge::Handover {
        session,
        transfer: TransferId(9),
        zone,
        tile: FIELD,
        on_foot: false,
        held_ms: 3,
        obeyed: 0,
    };
    stage.nodes[0].send(handover).await;
    let node = stage.nodes[1].clone();
    eventually("the new node is asked", || !node.attaches().is_empty()).await;
    client.say("on the way").await;

    let (id, removed) = client.until("remove_mob").await;
    let ServerPacket::RemoveMob(removed) = removed else { panic!("{removed:?}") };
    assert_eq!((id, removed.reason), (merchant.plate.id, 3));
    let (id, placed) = client.until("action").await;
    let ServerPacket::Action(placed) = placed else { panic!("{placed:?}") };
    assert_eq!((id, placed.movement.effect), (client.own, 1));
    let (_, seen) = client.until("create_mob").await;
    let ServerPacket::CreateMob(seen) = seen else { panic!("{seen:?}") };
    assert_ne!(seen.plate.id, merchant.plate.id, "an id is not lent again at once");
    let attach = stage.nodes[1].attaches().pop().unwrap();
    assert_eq!((attach.zone, attach.reason), (zone, AttachReason::Handover(TransferId(9))));
    let said = |text: &str| Command::Say { text: text.to_owned() };
    eventually("what was said on the way is not lost, nor what the old node did not do", || {
        node.commands() == [said("too late for it"), said("on the way")]
    })
    .await;

    // what the old node says now is too late
    stage.nodes[0].tell(session, Event::Weather(2)).await;
    stage.nodes[1].tell(session, Event::Weather(0)).await;
    let (_, weather) = client.until("weather").await;
    let ServerPacket::Weather(weather) = weather else { panic!("{weather:?}") };
    assert_eq!(weather.kind, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_said_when_it_had_the_player_before_is_no_answer() {
    let mut stage = Stage::new(settings()).await;
    stage.place(0, 1);
    let mut client = stage.enter(Profile::V759, "hero").await;
    client.until("create_mob").await;
    let session = stage.registry.session_of("hero").unwrap();
    let (old, new) = (stage.nodes[0].clone(), stage.nodes[1].clone());
    new.silent_next.store(true, Ordering::SeqCst);
    let (transfer, zone, on_foot) = (TransferId(9), stage.zone(FIELD), false);
    let handover = ToEdge::Handover { session, transfer, zone, tile: FIELD, on_foot, held_ms: 3, obeyed: 0 };
    old.send(handover).await;
    eventually("the new node is asked", || !new.attaches().is_empty()).await;
    client.say("on the way").await;

    // this lay in its stream
    let hero = new.attaches()[0].character;
    let entered = |epoch, tile| Event::Entered(Box::new(Sheet { epoch, tile, ..sheet(hero) }));
    new.tell(session, Event::Weather(2)).await;
    new.tell(session, entered(Epoch(0), TOWN)).await;
    new.tell(session, Event::Weather(2)).await;
    // this is the answer
    new.remember(session, hero);
    new.tell(session, entered(Epoch(2), FIELD)).await;
    new.tell(session, Event::Weather(0)).await;
    // that of the answer itself, and what was told after it
    for expected in [1, 0] {
        let (_, weather) = client.until("weather").await;
        let ServerPacket::Weather(weather) = weather else { panic!("{weather:?}") };
        assert_eq!(weather.kind, expected, "nothing from before is shown");
    }
    let said = Command::Say { text: "on the way".to_owned() };
    eventually("what was said on the way is heard", || new.commands() == [said.clone()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_walks_over_a_border_is_not_stopped() {
    let mut stage = Stage::new(settings()).await;
    stage.place(0, 1);
    let mut client = stage.enter(Profile::V748, "hero").await;
    let (_, merchant) = client.until("create_mob").await;
    let ServerPacket::CreateMob(merchant) = merchant else { panic!("{merchant:?}") };
    let session = stage.registry.session_of("hero").unwrap();
    // the fake lets everybody in on the same tile, so that is where this border is crossed
    client.walk_from(model::Tile::new(TOWN.x - 1, TOWN.y), b"6698").await;
    let node = stage.nodes[0].clone();
    eventually("the walk is heard", || !node.commands().is_empty()).await;
    let zone = stage.zone(FIELD);
    let handover = ToEdge::Handover {
        session,
        transfer: TransferId(9),
        zone,
        tile: TOWN,
        on_foot: true,
        held_ms: 3,
        obeyed: 1,
    };
    stage.nodes[0].send(handover).await;
    let node = stage.nodes[1].clone();
    eventually("the new node is given the rest of the walk", || !node.attaches().is_empty()).await;
    let walk = node.attaches().pop().and_then(|attach| attach.walk).expect("a walk");
    assert_eq!((walk.from, walk.route.steps().len()), (TOWN, 3));
    client.whisper("day", "").await;
    let mut seen = Vec::new();
    loop {
        match client.next().await.unwrap() {
            (_, ServerPacket::Action(_)) => panic!("the client was stopped"),
            (_, ServerPacket::MessagePanel(_)) => break,
            (_, ServerPacket::CreateMob(mob)) => seen.push((mob.plate.id, true)),
            (id, ServerPacket::RemoveMob(_)) => seen.push((id, false)),
            (_, packet) => assert!(packet.name() != "update_carry", "it is told again what it knows"),
        }
    }
    // whom the new zone does not tell of goes, and only after it has told of all
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert!(seen[0].1 && seen[0].0 != merchant.plate.id, "{seen:?}");
    assert_eq!(seen[1], (merchant.plate.id, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_node_dies_its_players_go_on_at_the_next_owner() {
    let mut stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V748, "hero").await;
    client.until("create_mob").await;
    stage.nodes[0].stop();
    stage.place(1, 1);
    client.until("remove_mob").await;
    client.until("create_mob").await;
    let attach = stage.nodes[1].attaches().pop().unwrap();
    assert_eq!(attach.reason, AttachReason::Resume);
    client.say("hello again").await;
    let node = stage.nodes[1].clone();
    eventually("the new node hears the player", || !node.commands().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_set_down_by_the_next_owner_does_not_go_on_with_what_it_began_before() {
    let mut stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    client.until("create_mob").await;
    let elsewhere = Tile::new(TOWN.x + 3, TOWN.y + 1);
    let tick = client.server_tick;
    client.stop_at(elsewhere, tick).await;
    let node = stage.nodes[0].clone();
    eventually("the node hears where it stands", || !node.commands().is_empty()).await;
    stage.nodes[0].stop();
    stage.place(1, 1);
    let (id, down) = client.until("action").await;
    let ServerPacket::Action(down) = down else { panic!("{down:?}") };
    assert_eq!((id, down.movement.effect, down.movement.target_x), (client.own, 1, TOWN.x));
    // on its way when it was set down: from where it stood
    client.walk_from(elsewhere, b"444").await;
    client.say("here again").await;
    let node = stage.nodes[1].clone();
    eventually("the next node hears the player", || !node.commands().is_empty()).await;
    assert_eq!(node.commands(), [Command::Say { text: "here again".to_owned() }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stands_where_the_next_owner_has_it_is_not_set_down() {
    let mut stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    client.until("create_mob").await;
    stage.nodes[0].stop();
    stage.place(1, 1);
    client.until("remove_mob").await;
    let mut told = Vec::new();
    while told.last() != Some(&"create_mob") {
        let name = client.names(1).await.pop();
        told.push(name.expect("the picture of the next node"));
    }
    assert!(!told.contains(&"action"), "{told:?}");
    // begun before it heard that another node has it, as far as its edge knows
    client.walk(b"66").await;
    let node = stage.nodes[1].clone();
    eventually("the walk goes on", || matches!(node.commands()[..], [Command::Walk { from: TOWN, .. }]))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_moved_is_found_by_the_map() {
    let mut stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    *stage.nodes[1].refuse_next.lock().unwrap() = Some(AttachRefusal::NotOwner);
    stage.nodes[0].send(ToEdge::Dropped { session, reason: DropReason::ZoneGone, obeyed: None }).await;
    stage.place(1, 1);
    client.until("remove_mob").await;
    assert_eq!(stage.nodes[1].attaches().len(), 2, "refused once, taken then");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_closed_zone_did_not_do_any_more_is_done_by_the_next_owner_once() {
    let mut stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    client.until("create_mob").await;
    let session = stage.registry.session_of("hero").unwrap();
    client.say("in time").await;
    client.walk(b"66").await;
    client.say("too late").await;
    let nodes = stage.nodes.clone();
    eventually("the first node is asked", || nodes[0].commands().len() == 3).await;
    nodes[0].send(ToEdge::Dropped { session, reason: DropReason::ZoneGone, obeyed: Some(1) }).await;
    stage.place(1, 1);
    client.until("remove_mob").await;
    client.say("after").await;
    let said = |commands: Vec<Command>| -> Vec<String> {
        let text = |command| match command {
            Command::Say { text } => Some(text),
            // where the next owner sets the player down is not where the walk began
            _ => None,
        };
        commands.into_iter().filter_map(text).collect()
    };
    eventually("the next node is asked", || said(nodes[1].commands()).contains(&"after".to_owned())).await;
    assert_eq!(said(nodes[1].commands()), ["too late", "after"]);
    assert_eq!(nodes[1].commands().len(), 2, "the walk is not gone on with");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_that_a_late_node_loaded_is_taken_back_unless_there_is_a_war_over_it() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    let node = stage.nodes[0].clone();
    node.send(ToEdge::Dropped { session, reason: DropReason::Fenced, obeyed: None }).await;
    eventually("it is attached again", || node.attaches().len() == 2).await;
    assert_eq!(node.attaches()[1].reason, AttachReason::Resume);
    client.until("remove_mob").await;
    client.say("still here").await;
    eventually("the node hears the player", || !node.commands().is_empty()).await;
    // seven times it is taken back, as operators who undo things make it, the eighth time within seconds is a war
    for attaches in 3..=8 {
        node.send(ToEdge::Dropped { session, reason: DropReason::Fenced, obeyed: None }).await;
        eventually("it is attached again", || node.attaches().len() == attaches).await;
        client.until("remove_mob").await;
    }
    node.send(ToEdge::Dropped { session, reason: DropReason::Fenced, obeyed: None }).await;
    assert_eq!(client.panel().await, "This character is played elsewhere.");
    client.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_that_another_session_plays_is_left_to_it() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    stage.registry.forget(session);
    stage.nodes[0].send(ToEdge::Dropped { session, reason: DropReason::Fenced, obeyed: None }).await;
    assert_eq!(client.panel().await, "This character is played elsewhere.");
    client.closed().await;
    assert_eq!(stage.nodes[0].attaches().len(), 1);
}
