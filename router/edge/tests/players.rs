//! Whole clients against an edge in a cluster of fakes: from the login to walking, and back.
#![allow(clippy::unwrap_used)]

mod support;

use model::Command;
use model::calls::node::AttachReason;
use model::calls::registry::{self, KickReason};
use model::event::{Departure, Event};
use support::{Client, Stage, TOWN, eventually, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wire::packet::ServerPacket;
use wire::{Profile, SCENE_CHARACTER_LIST, SCENE_FIELD};

const ENTER_NEWER: [&str; 13] = [
    "enter_world",
    "create_mob",
    "pk_info",
    "war_info",
    "update_score",
    "update_affects",
    "update_etc",
    "update_carry",
    "update_equip",
    "set_hp_mp",
    "action",
    "skill_bar",
    "weather",
];
const ENTER_748: [&str; 11] = [
    "enter_world",
    "create_mob",
    "war_info",
    "update_score",
    "update_affects",
    "update_carry",
    "update_etc",
    "update_equip",
    "set_hp_mp",
    "action",
    "skill_bar",
];

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_all_versions_log_in_see_each_other_walk_and_talk() {
    let stage = Stage::new(settings()).await;
    let mut others: Vec<Client> = Vec::new();
    for (profile, account) in [(Profile::V748, "oldie"), (Profile::V759, "middle"), (Profile::V769, "newest")]
    {
        let mut client = stage.connect(profile).await;
        client.log_in(account, "secret", false).await;
        let (id, list) = client.until("char_list").await;
        assert_eq!(id, SCENE_CHARACTER_LIST);
        let ServerPacket::CharList(list) = list else { panic!("{list:?}") };
        assert_eq!(list.characters.get(0).unwrap().name, format!("N{account}"));
        assert_eq!((list.cargo_gold, list.key_queue), (555, [0; 16]));
        if profile != Profile::V748 {
            client.pin("1234").await;
            client.until("account_pin_ok").await;
        }
        client.choose(0).await;
        let expected: &[&str] = if profile == Profile::V748 { &ENTER_748 } else { &ENTER_NEWER };
        assert_eq!(client.names(expected.len()).await, expected, "{profile}");
        assert_eq!(usize::from(client.own), others.len() + 1, "the lowest free number");

        for (index, other) in others.iter_mut().enumerate() {
            let (id, seen) = other.until("create_mob").await;
            let ServerPacket::CreateMob(seen) = seen else { panic!("{seen:?}") };
            assert_eq!((id, seen.plate.id), (SCENE_FIELD, client.own), "known by its own number to all");
            assert_eq!((seen.x, seen.y), (TOWN.x + 2, TOWN.y));
            let (_, seen) = client.until("create_mob").await;
            let ServerPacket::CreateMob(seen) = seen else { panic!("{seen:?}") };
            assert_eq!(usize::from(seen.plate.id), index + 1);
        }
        let (_, merchant) = client.until("create_mob").await;
        let ServerPacket::CreateMob(merchant) = merchant else { panic!("{merchant:?}") };
        assert!(merchant.plate.id >= 1_000);
        assert_eq!(merchant.score.merchant_dir, 0x23);

        client.walk(b"669").await;
        for other in &mut others {
            let (id, walked) = loop {
                let (id, walked) = other.until("action").await;
                let ServerPacket::Action(walked) = walked else { panic!("{walked:?}") };
                if walked.movement.effect == 0 {
                    break (id, walked);
                }
            };
            assert_eq!(id, client.own);
            assert_eq!((walked.movement.target_x, walked.movement.target_y), (TOWN.x + 3, TOWN.y + 1));
            assert_eq!(walked.movement.route.digits(), b"669");
        }
        client.say("Olá, não vou").await;
        for other in &mut others {
            let (id, said) = other.until("chat").await;
            let ServerPacket::Chat(said) = said else { panic!("{said:?}") };
            assert_eq!((id, said.text.as_str()), (client.own, "Olá, não vou"));
        }
        others.push(client);
    }
    assert_eq!(stage.nodes[0].attaches().len(), 3);
    assert!(stage.nodes[0].attaches().iter().all(|attach| attach.reason == AttachReason::Login));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_goes_back_to_the_selection_and_enters_again_under_the_same_number() {
    let stage = Stage::new(settings()).await;
    for profile in [Profile::V748, Profile::V769] {
        let mut client = stage.enter(profile, "hero").await;
        let own = client.own;
        client.back_to_selection().await;
        let (id, _) = client.until("character_logout_ok").await;
        assert_eq!(id, own);
        let session = stage.registry.session_of("hero").unwrap();
        assert!(stage.nodes[0].was_told_to_detach(session), "saved before the client is told");
        client.choose(0).await;
        client.until("enter_world").await;
        assert_eq!(client.own, own);
        drop(client);
        let registry = stage.registry.clone();
        eventually("logged out", || registry.has_logged_out(session)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whispers_find_their_player_or_say_that_they_do_not() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V748, "hero").await;
    client.whisper("day", "").await;
    assert_eq!(client.panel().await, "!#11  2");
    client.whisper("Nobody", "hello").await;
    assert_eq!(client.panel().await, "Nobody is not connected.");
    client.whisper("Somebody", "@party").await;
    assert_eq!(client.panel().await, "This channel cannot be used on this server.");
    let session = stage.registry.session_of("hero").unwrap();
    let whisper = registry::ToEdge::Whisper { session, from: "Friend".to_owned(), text: "hi".to_owned() };
    stage.registry.push(whisper).await;
    let (id, heard) = client.until("whisper").await;
    let ServerPacket::Whisper(heard) = heard else { panic!("{heard:?}") };
    assert_eq!((id, heard.name.as_str(), heard.text.as_str()), (0, "Friend", "hi"));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_logins_say_why() {
    let stage = Stage::new(settings()).await;
    let mut wrong = stage.connect(Profile::V759).await;
    wrong.log_in("hero", "wrong", false).await;
    assert_eq!(wrong.panel().await, "Wrong account name or password.");
    wrong.closed().await;

    let mut old = stage.connect(Profile::V759).await;
    old.log_in_as("hero", "secret", false, 7000).await;
    assert_eq!(old.panel().await, "This client version (7000) cannot play here.");
    old.closed().await;

    let _first = stage.log_in(Profile::V759, "hero").await;
    let mut second = stage.connect(Profile::V759).await;
    second.log_in("hero", "secret", false).await;
    second.until("already_playing").await;
    second.log_in("hero", "secret", true).await;
    second.until("char_list").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_wrong_pin_closes() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.connect(Profile::V769).await;
    client.log_in("hero", "secret", false).await;
    client.until("char_list").await;
    client.choose(0).await;
    client.until("account_pin_fail").await;
    for _ in 0..4 {
        client.pin("9999").await;
        client.until("account_pin_fail").await;
    }
    client.closed().await;
    assert!(stage.nodes[0].attaches().is_empty(), "nobody entered without the PIN");
}

/// The fake node has everybody in the middle of the town, wherever it walked.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_has_not_heard_of_a_session_yet_is_asked_again() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.connect(Profile::V759).await;
    client.log_in("hero", "secret", false).await;
    client.until("char_list").await;
    let session = stage.registry.session_of("hero").unwrap();
    stage.registry.forget(session);
    client.pin("1234").await;
    let registry = stage.registry.clone();
    let asked =
        || registry.calls.lock().unwrap().iter().any(|call| matches!(call, registry::Request::Pin { .. }));
    eventually("the PIN is asked for", asked).await;
    stage.registry.remember(session, "hero");
    client.until("account_pin_ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_only_the_registry_knows_is_ended_when_it_asks_for_it() {
    let stage = Stage::new(settings()).await;
    let forgotten = model::SessionId(77);
    stage.registry.push(registry::ToEdge::Kick { session: forgotten, reason: KickReason::Replaced }).await;
    let registry = stage.registry.clone();
    eventually("logged out", || registry.has_logged_out(forgotten)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_push_stream_goes_where_the_calls_go() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    let second = stage.second_registry().await;
    eventually("the second registry hears the edge", || second.is_connected()).await;
    assert_eq!(second.reported(), [session]);
    second.push(registry::ToEdge::Kick { session, reason: KickReason::Replaced }).await;
    assert_eq!(client.panel().await, "This account logged in elsewhere.");
    client.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kicked_player_is_saved_before_it_is_logged_out() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    stage.registry.push(registry::ToEdge::Kick { session, reason: KickReason::Replaced }).await;
    assert_eq!(client.panel().await, "This account logged in elsewhere.");
    client.closed().await;
    let registry = stage.registry.clone();
    eventually("logged out", || registry.has_logged_out(session)).await;
    assert!(stage.nodes[0].was_told_to_detach(session));
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_that_come_too_fast_or_from_another_time_are_dropped() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let tick = client.server_tick;
    client.walk_at(b"6", tick).await;
    client.walk_at(b"66", tick + 500).await;
    client.walk_at(b"666", tick.wrapping_sub(130_000)).await;
    client.walk_at(b"6666", wire::UNCHECKED_TICK).await;
    client.walk_at(b"66666", tick + 950).await;
    client.say("done").await;
    let node = stage.nodes[0].clone();
    eventually("all is heard", || matches!(node.commands().last(), Some(Command::Say { .. }))).await;
    let walked: Vec<usize> = stage.nodes[0]
        .commands()
        .iter()
        .filter_map(|command| match command {
            Command::Walk { route, .. } => Some(route.steps().len()),
            _ => None,
        })
        .collect();
    assert_eq!(walked, [1, 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_walks_stops_and_clicks_again_is_not_left_behind() {
    for profile in [Profile::V748, Profile::V759, Profile::V769] {
        let stage = Stage::new(settings()).await;
        let mut client = stage.enter(profile, "hero").await;
        let tick = client.server_tick;
        client.walk_at(b"66", tick).await;
        client.stop_at(TOWN, tick + 105).await;
        client.walk_at(b"444", tick + 250).await;
        client.say("done").await;
        let node = stage.nodes[0].clone();
        eventually("all is heard", || matches!(node.commands().last(), Some(Command::Say { .. }))).await;
        let walks = node.commands().iter().filter(|command| matches!(command, Command::Walk { .. })).count();
        assert_eq!(walks, 2, "{profile:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_edge_saves_its_players_and_tells_them() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V769, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    let Stage { process, edge, nodes, registry, _fakes, .. } = stage;
    process.stop.cancel();
    assert_eq!(client.panel().await, "The server is stopping; your character is being saved.");
    support::soon("drained", edge.drained()).await;
    client.closed().await;
    assert!(nodes[0].was_told_to_detach(session));
    assert!(registry.has_logged_out(session));
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_that_leave_are_removed_and_their_ids_are_unknown() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let (_, merchant) = client.until("create_mob").await;
    let ServerPacket::CreateMob(merchant) = merchant else { panic!("{merchant:?}") };
    let session = stage.registry.session_of("hero").unwrap();
    let entity = model::EntityId::of_creature(stage.zone(TOWN), model::Epoch(1), 1);
    let gone = Event::Disappeared { entity, departure: Departure::Died };
    stage.nodes[0].tell(session, gone).await;
    let (id, removed) = client.until("remove_mob").await;
    let ServerPacket::RemoveMob(removed) = removed else { panic!("{removed:?}") };
    assert_eq!((id, removed.reason), (merchant.plate.id, 1));
    client.send(wire::packet::RequestMob { target: id }).await;
    let (again, _) = client.until("remove_mob").await;
    assert_eq!(again, id);
    assert!(stage.nodes[0].commands().is_empty(), "the node never hears of an id that was not lent");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_page_and_the_sign_up_answer() {
    let stage = Stage::new(settings()).await;
    let _client = stage.enter(Profile::V759, "hero").await;
    let page = http(&stage, "GET /SrvCont.htm HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains("text/html") && page.ends_with("1\\n0\\n0\\n0\\n0\\n0\\n0\\n0\\n0\\n0"), "{page}");
    for (name, status) in [("fresh", "201"), ("taken", "409")] {
        let body = format!("{{\"username\":\"{name}\",\"password\":\"secret\"}}");
        assert!(post(&stage, &body).await.starts_with(&format!("HTTP/1.1 {status}")));
    }
    assert!(post(&stage, "{}").await.starts_with("HTTP/1.1 400"));
    assert!(post(&stage, &" ".repeat(5_000)).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_never_ends_is_refused() {
    let stage = Stage::new(settings()).await;
    let head = "POST /signup HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n";
    let answer = http(&stage, &format!("{head}{{\"username\":")).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

async fn post(stage: &Stage, body: &str) -> String {
    let length = body.len();
    let head =
        format!("POST /signup HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    http(stage, &(head + body)).await
}

async fn http(stage: &Stage, request: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(stage.edge.http()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    support::soon("an answer", socket.read_to_end(&mut answer)).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
