//! What an edge and a store see of a game node, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use model::calls::database::LoadCharacter;
use model::calls::node::{Attach, AttachReason, AttachRefusal, DropReason, ToEdge, ToNode};
use model::membership::ProcessName;
use model::{Command, EntityId, Epoch, Event, Tile, ZoneId};
use store::Store;
use support::House;
use tmsrv::Settings;

/// In the fields of Armia, three tiles before the border to the next zone in the east.
const NEAR_BORDER: Tile = Tile::new(2301, 2142);
/// A quiet corner of the town: nobody stands in the way.
const TOWN: Tile = Tile::new(2152, 2150);
/// The pad of the portal from Armia to Noatum, which costs 700.
const PAD: Tile = Tile::new(2117, 2101);

fn settings() -> Settings {
    Settings { game_threads: 2, save_every_seconds: 1, ..Settings::default() }
}

async fn one_node() -> House {
    House::with_nodes(1, settings()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_enters_walks_in_front_of_another_and_is_saved_when_it_leaves() {
    let house = one_node().await;
    let (ana, bob) = (house.character(TOWN).await, house.character(TOWN).await);
    let mut edge = house.edge("edge-1", TOWN).await;
    let (ana_session, ana_sheet) = house.enters(&mut edge, &ana, TOWN).await;
    let (bob_session, bob_sheet) = house.enters(&mut edge, &bob, TOWN).await;
    assert_ne!(ana_sheet.tile, bob_sheet.tile, "one entity on a tile");
    assert_eq!(edge.sees(ana_session, bob_sheet.entity).await, bob_sheet.tile);

    edge.walks(bob_session, bob_sheet.tile, "8888", 2).await;
    let walk = edge
        .perceives(ana_session, "bob walk", |event| match event {
            Event::Walked { entity, walk, .. } if *entity == bob_sheet.entity => Some(walk.clone()),
            _ => None,
        })
        .await;
    assert_eq!(walk.to, Tile::new(bob_sheet.tile.x, bob_sheet.tile.y + 4));
    house.until_stored(&bob, walk.to).await;

    edge.says(ToNode::Detach { session: bob_session }).await;
    edge.is_detached(bob_session).await;
    assert_eq!(house.stored(&bob).await.soft.tile, walk.to);
    edge.says(ToNode::Detach { session: bob_session }).await;
    edge.is_detached(bob_session).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attach_that_cannot_be_is_refused_with_the_reason() {
    let house = House::with_nodes(1, Settings { max_players: 1, ..settings() }).await;
    let (ana, bob) = (house.character(TOWN).await, house.character(TOWN).await);
    let mut edge = house.edge("edge-1", TOWN).await;
    let (_, _) = house.enters(&mut edge, &ana, TOWN).await;
    let good = house.attach(house.session(), &bob, TOWN).await;
    let wrong = [
        (Attach { session: house.session(), ..good.clone() }, AttachRefusal::Overloaded),
        (Attach { zone_epoch: Epoch(good.zone_epoch.0 + 1), ..good.clone() }, AttachRefusal::NotOwner),
        (Attach { zone: ZoneId(0x7777_7777), ..good.clone() }, AttachRefusal::NotOwner),
    ];
    for (attach, expected) in wrong {
        let session = attach.session;
        edge.says(ToNode::Attach(attach)).await;
        assert_eq!(edge.is_refused(session).await, expected);
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_that_stands_elsewhere_or_is_not_there_is_refused() {
    let house = one_node().await;
    let (ana, bob) = (house.character(TOWN).await, house.character(NEAR_BORDER).await);
    let mut edge = house.edge("edge-1", TOWN).await;
    house.enters(&mut edge, &ana, TOWN).await;

    let elsewhere = Tile::new(2310, 2142);
    let attach = house.attach(house.session(), &bob, elsewhere).await;
    edge.says(ToNode::Attach(attach.clone())).await;
    let armia = house.zones.zone_at(NEAR_BORDER);
    assert_eq!(edge.is_refused(attach.session).await, AttachRefusal::OtherZone(armia));

    let stranger = Attach { account: ana.account, ..attach };
    edge.says(ToNode::Attach(stranger.clone())).await;
    assert_eq!(edge.is_refused(stranger.session).await, AttachRefusal::NoSuchCharacter);

    house.store_is_away(true);
    edge.says(ToNode::Attach(stranger.clone())).await;
    assert_eq!(edge.is_refused(stranger.session).await, AttachRefusal::StoreUnavailable);
    house.store_is_away(false);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_inside_a_wall_comes_to_its_home_city() {
    let house = one_node().await;
    let ana = house.character(Tile::new(5, 5)).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (_, sheet) = house.enters(&mut edge, &ana, TOWN).await;
    assert!(sheet.tile.distance(Tile::new(2086, 2093)) <= 4, "{}", sheet.tile);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_over_the_border_is_handed_over_whoever_owns_the_other_side() {
    for nodes in [1, 2] {
        let house = House::with_nodes(nodes, settings()).await;
        let ana = house.character(NEAR_BORDER).await;
        let mut edge = house.edge("edge-1", NEAR_BORDER).await;
        let (session, sheet) = house.enters(&mut edge, &ana, NEAR_BORDER).await;
        edge.walks(session, sheet.tile, "66666666666", 2).await;
        let (zone, tile, transfer) = edge.is_handed_over(session).await;
        assert_eq!(zone, house.zones.zone_at(tile));
        assert_eq!(tile, Tile::new(2307, sheet.tile.y));
        assert_eq!(house.stored(&ana).await.soft.tile, tile, "saved before it was told");

        let mut there = house.edge("edge-1", tile).await;
        let reason = AttachReason::Handover(transfer);
        let again = house.enters_as(&mut there, session, &ana, tile, reason).await;
        assert_eq!((again.entity, again.tile), (sheet.entity, tile));
        // its client never stopped walking
        let from = Tile::new(tile.x + 1, tile.y);
        there.walks(session, from, "66", 2).await;
        house.until_stored(&ana, Tile::new(tile.x + 3, tile.y)).await;
        house.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_walks_over_to_a_node_that_is_full_until_it_has_room() {
    let house = House::with_nodes(2, Settings { max_players: 1, ..settings() }).await;
    let ana = house.character(NEAR_BORDER).await;
    let beyond = Tile::new(2312, NEAR_BORDER.y);
    let (here, _) = house.slot(house.zones.zone_at(NEAR_BORDER)).await;
    let (there, _) = house.slot(house.zones.zone_at(beyond)).await;
    assert_ne!(here, there, "the border has to lie between two nodes");

    // one plays there, and another one whose node died was let in all the same
    let (bob, eve) = (house.character(beyond).await, house.character(beyond).await);
    let mut other = house.edge_to("edge-1", &there).await;
    let (bob_session, _) = house.enters(&mut other, &bob, beyond).await;
    let eve_session = house.session();
    house.enters_as(&mut other, eve_session, &eve, beyond, AttachReason::Resume).await;

    let mut edge = house.edge_to("edge-1", &here).await;
    let (session, sheet) = house.enters(&mut edge, &ana, NEAR_BORDER).await;
    edge.walks(session, sheet.tile, "66666666666", 2).await;
    let placed = |event: &Event| match event {
        Event::Placed { entity, tile, .. } if *entity == sheet.entity => Some(*tile),
        _ => None,
    };
    let back = edge.perceives(session, "being placed back", placed).await;
    assert_eq!(back, Tile::new(2303, sheet.tile.y), "the last tile inside");

    for session in [bob_session, eve_session] {
        other.says(ToNode::Detach { session }).await;
        other.is_detached(session).await;
    }
    edge.walks(session, back, "66666666", 2).await;
    let (_, tile, _) = edge.is_handed_over(session).await;
    assert_eq!(house.stored(&ana).await.soft.tile, tile);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_store_is_away_a_walker_stays_and_nothing_is_lost() {
    let house = one_node().await;
    let ana = house.character(NEAR_BORDER).await;
    let mut edge = house.edge("edge-1", NEAR_BORDER).await;
    let (session, sheet) = house.enters(&mut edge, &ana, NEAR_BORDER).await;
    house.store_is_away(true);
    edge.walks(session, sheet.tile, "66666666666", 2).await;
    let back = edge
        .perceives(session, "being placed back", |event| match event {
            Event::Placed { entity, tile, .. } if *entity == sheet.entity => Some(*tile),
            _ => None,
        })
        .await;
    assert_eq!(back, Tile::new(2303, sheet.tile.y), "the last tile inside");
    house.store_is_away(false);
    edge.walks(session, back, "66666666", 2).await;
    let (_, tile, _) = edge.is_handed_over(session).await;
    assert_eq!(house.stored(&ana).await.soft.tile, tile);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paid_portal_takes_the_gold_first() {
    let house = one_node().await;
    let ana = house.character(PAD).await;
    let mut edge = house.edge("edge-1", PAD).await;
    let (session, sheet) = house.enters(&mut edge, &ana, PAD).await;
    assert_eq!(sheet.gold, 1_000);
    edge.command(session, Command::UsePortal).await;
    let gold = edge
        .perceives(session, "the price", |event| match event {
            Event::GoldChanged { gold } => Some(*gold),
            _ => None,
        })
        .await;
    assert_eq!((gold, house.stored(&ana).await.hard.gold), (300, 300));
    let (_, tile, transfer) = edge.is_handed_over(session).await;
    assert!(tile.distance(Tile::new(1045, 1725)) <= 1, "{tile}");

    let mut there = house.edge("edge-1", tile).await;
    let arrived = house.enters_as(&mut there, session, &ana, tile, AttachReason::Handover(transfer)).await;
    assert_eq!(arrived.gold, 300);
    there.command(session, Command::UsePortal).await;
    let (zone, back, _) = there.is_handed_over(session).await;
    assert_eq!(
        (zone, house.stored(&ana).await.hard.gold),
        (house.zones.zone_at(PAD), 300),
        "the way back is free"
    );
    assert!(back.distance(PAD) <= 2, "{back}");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_paid_for_a_portal_gets_through_though_the_store_went_away_in_between() {
    let house = one_node().await;
    let ana = house.character(PAD).await;
    let mut edge = house.edge("edge-1", PAD).await;
    let (session, _) = house.enters(&mut edge, &ana, PAD).await;
    house.store.goes_away_after("transfer");
    edge.command(session, Command::UsePortal).await;
    edge.perceives(session, "the price", |event| (*event == Event::GoldChanged { gold: 300 }).then_some(()))
        .await;
    let stored = house.stored(&ana).await;
    assert!(
        stored.soft.tile.distance(Tile::new(1045, 1725)) <= 1,
        "paid and moved in one: {}",
        stored.soft.tile
    );
    house.store_is_away(false);
    let (_, tile, _) = edge.is_handed_over(session).await;
    assert_eq!(tile, stored.soft.tile);
    assert_eq!(house.stored(&ana).await.hard.gold, 300);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_a_portal_is_paid_is_where_it_paid_to_go() {
    let house = one_node().await;
    let (ana, bob) = (house.character(PAD).await, house.character(PAD).await);
    let mut edge = house.edge("edge-1", PAD).await;
    let (session, sheet) = house.enters(&mut edge, &ana, PAD).await;
    let (watching, _) = house.enters(&mut edge, &bob, PAD).await;
    let untold = house.store.outcome_is_told.lock().await;
    edge.command(session, Command::UsePortal).await;
    let taken = async {
        while house.stored(&ana).await.hard.gold != 300 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), taken).await.expect("the gold is taken");
    edge.says(ToNode::Detach { session }).await;
    edge.perceives(watching, "ana leave", |event| {
        matches!(event, Event::Disappeared { entity, .. } if *entity == sheet.entity).then_some(())
    })
    .await;
    drop(untold);
    edge.is_detached(session).await;
    let stored = house.stored(&ana).await;
    assert!(stored.soft.tile.distance(Tile::new(1045, 1725)) <= 1, "{}", stored.soft.tile);
    assert_eq!(stored.hard.gold, 300);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_character_that_enters_in_another_session_is_saved_first_and_the_old_one_is_told() {
    let house = House::with_nodes(1, Settings { save_every_seconds: 3600, ..settings() }).await;
    let ana = house.character(TOWN).await;
    let mut old = house.edge("edge-1", TOWN).await;
    let mut new = house.edge("edge-2", TOWN).await;
    let (session, _) = house.enters(&mut old, &ana, TOWN).await;
    let bar = [7; 20];
    old.command(session, Command::SetSkillBar { bar }).await;
    old.perceives(session, "its skill bar", |event| (*event == Event::SkillBar { bar }).then_some(())).await;
    let (again, sheet) = house.enters(&mut new, &ana, TOWN).await;
    assert_eq!(sheet.skill_bar, bar, "nothing of the old session is lost");
    assert_eq!(old.is_dropped(session).await, DropReason::Fenced);
    new.walks(again, sheet.tile, "88", 2).await;
    new.says(ToNode::Detach { session: again }).await;
    new.is_detached(again).await;
    assert_eq!(house.stored(&ana).await.soft.skill_bar, bar);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_loaded_elsewhere_is_fenced_off() {
    let house = one_node().await;
    let ana = house.character(TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, sheet) = house.enters(&mut edge, &ana, TOWN).await;
    let owner = ProcessName("tmsrv-9".into());
    let load = LoadCharacter { account: ana.account, character: ana.id, owner };
    house.store.load_character(load).await.unwrap().unwrap();
    edge.walks(session, sheet.tile, "88", 2).await;
    assert_eq!(edge.is_dropped(session).await, DropReason::Fenced);
    assert_eq!(house.stored(&ana).await.soft.tile, TOWN, "the fenced copy wrote nothing");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_stream_saves_its_sessions() {
    let house = House::with_nodes(1, Settings { save_every_seconds: 3600, ..settings() }).await;
    let (ana, bob) = (house.character(TOWN).await, house.character(TOWN).await);
    let mut edge = house.edge("edge-1", TOWN).await;
    let mut other = house.edge("edge-2", TOWN).await;
    let (watching, _) = house.enters(&mut other, &bob, TOWN).await;
    let (session, sheet) = house.enters(&mut edge, &ana, TOWN).await;
    edge.walks(session, sheet.tile, "8", 2).await;
    edge.command(session, Command::Say { text: "tchau".into() }).await;
    other.sees(watching, sheet.entity).await;
    let bar = [7; 20];
    edge.command(session, Command::SetSkillBar { bar }).await;
    edge.perceives(session, "its skill bar", |event| (*event == Event::SkillBar { bar }).then_some(())).await;
    drop(edge);
    other
        .perceives(watching, "ana leave", |event| {
            matches!(event, Event::Disappeared { entity, .. } if *entity == sheet.entity).then_some(())
        })
        .await;
    let saved = async {
        while house.stored(&ana).await.soft.skill_bar != bar {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), saved).await.expect("it is saved");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_attach_of_a_session_replaces_the_first() {
    let house = one_node().await;
    let ana = house.character(TOWN).await;
    let bob = house.character(TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (watching, _) = house.enters(&mut edge, &bob, TOWN).await;
    let (session, first) = house.enters(&mut edge, &ana, TOWN).await;
    edge.sees(watching, first.entity).await;
    let second = house.enters_as(&mut edge, session, &ana, TOWN, AttachReason::Resume).await;
    assert_eq!(first.entity, second.entity);
    edge.walks(session, second.tile, "88", 2).await;
    house.until_stored(&ana, Tile::new(second.tile.x, second.tile.y + 2)).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_saves_everybody_and_says_where_to_go() {
    let house = House::with_nodes(1, Settings { save_every_seconds: 3600, ..settings() }).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let mut players = Vec::new();
    for _ in 0..20 {
        let character = house.character(TOWN).await;
        let (session, sheet) = house.enters(&mut edge, &character, TOWN).await;
        players.push((character, session, sheet));
    }
    house.nodes[0].process.stop.cancel();
    let mut left: Vec<_> = players.iter().map(|(_, session, _)| *session).collect();
    while !left.is_empty() {
        let (session, reason) = edge
            .hears("that a session was dropped", |heard| match heard {
                ToEdge::Dropped { session, reason, .. } => Some((*session, *reason)),
                _ => None,
            })
            .await;
        assert_eq!(reason, DropReason::ZoneGone);
        left.retain(|one| *one != session);
    }
    for (character, _, sheet) in &players {
        assert_eq!(house.stored(character).await.soft.tile, sheet.tile);
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_for_sessions_of_other_edges_are_not_heard() {
    let house = one_node().await;
    let ana = house.character(TOWN).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let thief = house.edge("edge-2", TOWN).await;
    let (session, sheet) = house.enters(&mut edge, &ana, TOWN).await;
    let stolen = [9; 20];
    thief.command(session, Command::SetSkillBar { bar: stolen }).await;
    let own = [1; 20];
    edge.command(session, Command::SetSkillBar { bar: own }).await;
    edge.perceives(session, "its own bar", |event| match event {
        Event::SkillBar { bar } => {
            assert_eq!(*bar, own, "another edge spoke for the session");
            Some(())
        }
        _ => None,
    })
    .await;
    assert_eq!(sheet.entity, EntityId::of_character(ana.id));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_goes_once_to_each_edge_with_all_who_perceive_it() {
    let house = one_node().await;
    let mut near = house.edge("edge-1", TOWN).await;
    let mut far = house.edge("edge-2", TOWN).await;
    let mut watching = Vec::new();
    for _ in 0..3 {
        let character = house.character(TOWN).await;
        watching.push(house.enters(&mut near, &character, TOWN).await.0);
    }
    let (walker, sheet) = house.enters(&mut far, &house.character(TOWN).await, TOWN).await;
    near.sees(watching[0], sheet.entity).await;
    far.command(walker, Command::Say { text: "oi".into() }).await;
    let mut told = near
        .hears("the line", |heard| match heard {
            ToEdge::Events(events) => events
                .iter()
                .find(|told| matches!(&told.event, Event::Said { entity, .. } if *entity == sheet.entity))
                .map(|told| told.to.clone()),
            _ => None,
        })
        .await;
    told.sort();
    assert_eq!(told, watching);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn players_of_a_stopped_node_go_on_at_another() {
    let house = House::with_nodes(2, settings()).await;
    let ana = house.character(TOWN).await;
    let armia = house.zones.zone_at(TOWN);
    let (owner, _) = house.slot(armia).await;
    let mut edge = house.edge("edge-1", TOWN).await;
    let (session, sheet) = house.enters(&mut edge, &ana, TOWN).await;
    edge.walks(session, sheet.tile, "88", 2).await;
    house.until_stored(&ana, Tile::new(sheet.tile.x, sheet.tile.y + 2)).await;
    house.stop_node(&owner);
    assert_eq!(edge.is_dropped(session).await, DropReason::ZoneGone);
    let (next, _) = house.slot_not_of(armia, &owner).await;
    let mut edge = house.edge_to("edge-1", &next).await;
    let again = house.enters_as(&mut edge, session, &ana, TOWN, AttachReason::Resume).await;
    assert_eq!((again.entity, again.tile), (sheet.entity, Tile::new(sheet.tile.x, sheet.tile.y + 2)));
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_session_goes_on_at_the_edge_that_adopts_it_without_a_gap() {
    let house = one_node().await;
    let (ana, bob) = (house.character(TOWN).await, house.character(TOWN).await);
    let mut before = house.edge("edge-1", TOWN).await;
    let mut other = house.edge("edge-2", TOWN).await;
    let (talking, bobs) = house.enters(&mut other, &bob, TOWN).await;
    let (listening, _) = house.enters(&mut other, &house.character(TOWN).await, TOWN).await;
    let (session, anas) = house.enters(&mut before, &ana, TOWN).await;
    other.sees(talking, anas.entity).await;
    for round in 0..5 {
        let said = |what: &str| format!("{what} {round}");
        let says = |event: &Event, who: EntityId, what: &str| {
            matches!(event, Event::Said { entity, text, .. } if *entity == who && *text == said(what))
                .then_some(())
        };
        before.command(session, Command::Say { text: said("last of the old") }).await;
        before.says(ToNode::Park { session }).await;
        before.hears("that it is parked", |heard| (*heard == ToEdge::Parked { session }).then_some(())).await;
        other.perceives(talking, "the last line", |event| says(event, anas.entity, "last of the old")).await;
        other.command(talking, Command::Say { text: said("meanwhile") }).await;
        other.perceives(listening, "bob", |event| says(event, bobs.entity, "meanwhile")).await;
        let mut next = house.edge("edge-1", TOWN).await;
        next.says(ToNode::Adopt { session }).await;
        next.command(session, Command::Say { text: said("first of the new") }).await;
        drop(before);
        next.perceives(session, "what waited", |event| says(event, bobs.entity, "meanwhile")).await;
        other
            .perceives(talking, "the first line", |event| says(event, anas.entity, "first of the new"))
            .await;
        before = next;
    }
    let nobody = house.session();
    before.says(ToNode::Adopt { session: nobody }).await;
    assert_eq!(before.is_dropped(nobody).await, DropReason::ZoneGone);
    house.stop().await;
}
