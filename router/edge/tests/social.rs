//! Parties and channels at the client: packets of clients against what a registry pushes.
#![allow(clippy::unwrap_used)]

mod support;

use model::calls::node::{DropReason, ToEdge as FromNode};
use model::calls::registry::{Request, ToEdge};
use model::event::{Departure, Event};
use model::friend::{FriendAsk, Here};
use model::social::{Channel, Hearers, Member, Party, PartyAsk, Persona, Whom};
use model::{CharacterName, Class, EntityId, PartyId};
use std::sync::atomic::Ordering;
use support::fakes::character_id;
use support::{Client, Stage, eventually, settings};
use wire::packet::{PartyAccept, PartyAdd, PartyRemove, PartyRequest, ServerPacket};
use wire::{Profile, SCENE_FIELD};

fn member(name: &str) -> Member {
    let persona =
        Persona { class: Class::Huntress, level: 9, hp: 70, hp_max: 80, clan: 0, guild: 0, guild_rank: 0 };
    Member { character: character_id(name), name: CharacterName::new(&format!("N{name}")).unwrap(), persona }
}

fn party(version: u64, names: &[&str]) -> Option<Party> {
    let members = names.iter().map(|name| member(name)).collect();
    Some(Party { id: PartyId(5), version, members })
}

async fn tell(stage: &Stage, whom: &str, party: Option<Party>) {
    let session = stage.registry.session_of(whom).unwrap();
    stage.registry.push(ToEdge::Party { session, party }).await;
}

async fn is_asked(stage: &Stage, wanted: PartyAsk) {
    let registry = stage.registry.clone();
    let is_it = |call: &Request| matches!(call, Request::Party { ask, .. } if *ask == wanted);
    eventually("the registry is asked", || registry.calls.lock().unwrap().iter().any(is_it)).await;
}

/// Reads until the client is shown a player under this id.
async fn sees(client: &mut Client, id: u16) {
    loop {
        match client.until("create_mob").await {
            (_, ServerPacket::CreateMob(seen)) if seen.plate.id == id => return,
            _ => {}
        }
    }
}

/// The next member that a client is told.
async fn added(client: &mut Client) -> PartyAdd {
    match client.until("party_add").await {
        (SCENE_FIELD, ServerPacket::PartyAdd(member)) => member,
        other => panic!("{other:?}"),
    }
}

async fn removed(client: &mut Client) -> u16 {
    match client.until("party_remove").await {
        (_, ServerPacket::PartyRemove(packet)) => packet.member,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_is_asked_by_a_click_and_joins_whoever_asked_last() {
    let stage = Stage::new(settings()).await;
    let mut ana = stage.enter(Profile::V759, "anna").await;
    let mut ben = stage.enter(Profile::V748, "benn").await;
    let (of_ana, of_ben) = (ana.own, ben.own);
    sees(&mut ana, of_ben).await;
    sees(&mut ben, of_ana).await;
    let request = |leader, target| PartyRequest { leader, target, ..PartyRequest::default() };
    ana.send(request(ana.own, ben.own)).await;
    is_asked(&stage, PartyAsk::Invite(Whom::Character(character_id("benn")))).await;
    assert!(ana.panel().await.contains("asked"));
    ana.send(request(ana.own, 900)).await;
    assert!(ana.panel().await.contains("far"));

    ben.send(PartyAccept { leader: ana.own, name: "Nanna".to_owned() }).await;
    assert!(ben.panel().await.contains("Nobody asked"));
    let session = stage.registry.session_of("benn").unwrap();
    stage.registry.push(ToEdge::Invited { session, by: member("anna") }).await;
    let (_, ServerPacket::PartyRequest(asked)) = ben.until("party_request").await else { panic!() };
    assert_eq!((asked.leader, asked.target, asked.name.as_str()), (ana.own, ben.own, "Nanna"));
    assert_eq!((asked.class, asked.level, asked.hp, asked.hp_max), (3, 9, 70, 80));
    ben.send(PartyAccept { leader: ana.own, name: "Nother".to_owned() }).await;
    assert!(ben.panel().await.contains("Nobody asked"));
    ben.send(PartyAccept { leader: asked.leader, name: asked.name }).await;
    is_asked(&stage, PartyAsk::Accept { by: character_id("anna") }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_keep_their_ids_out_of_view_and_over_a_failover() {
    let mut stage = Stage::new(settings()).await;
    let mut ana = stage.enter(Profile::V769, "anna").await;
    let ben = stage.enter(Profile::V759, "benn").await;
    sees(&mut ana, ben.own).await;
    // the third is nowhere near
    tell(&stage, "anna", party(1, &["anna", "benn", "cidd"])).await;
    let mut told = Vec::new();
    for index in 0..3 {
        let member = added(&mut ana).await;
        assert_eq!(member.index, index);
        told.push(member);
    }
    assert_eq!(told[0].member, ana.own);
    let (ben, cid) = (told[1].member, told[2].member);
    assert!(ben != cid && ben != ana.own && cid < 1_000);
    let session = stage.registry.session_of("anna").unwrap();
    let gone = Event::Disappeared {
        entity: EntityId::of_character(character_id("benn")),
        departure: Departure::OutOfView,
    };
    stage.nodes[0].tell(session, gone).await;
    assert_eq!(ana.until("remove_mob").await.0, ben);

    // another node takes over: nothing of the party is told again, and all ids hold
    stage.place(1, 1);
    stage.nodes[0].send(FromNode::Dropped { session, reason: DropReason::ZoneGone, obeyed: None }).await;
    ana.until("weather").await;
    tell(&stage, "anna", party(2, &["anna", "benn", "dora"])).await;
    assert_eq!(removed(&mut ana).await, cid);
    assert_eq!(added(&mut ana).await.name, "Ndora");
    ana.send(PartyRemove { member: ben }).await;
    is_asked(&stage, PartyAsk::Dismiss(Whom::Character(character_id("benn")))).await;

    // another one leads: dissolved and told anew
    tell(&stage, "anna", party(3, &["benn", "anna"])).await;
    assert_eq!(removed(&mut ana).await, 0);
    assert_eq!((added(&mut ana).await.name, added(&mut ana).await.name), ("Nbenn".into(), "Nanna".into()));
    ana.send(PartyRemove { member: 0 }).await;
    is_asked(&stage, PartyAsk::Leave).await;
    tell(&stage, "anna", None).await;
    assert_eq!(removed(&mut ana).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_takes_over_is_told_the_parties() {
    let stage = Stage::new(settings()).await;
    let mut ana = stage.enter(Profile::V759, "anna").await;
    tell(&stage, "anna", party(4, &["anna", "benn"])).await;
    added(&mut ana).await;
    let second = stage.second_registry().await;
    eventually("it is told", || second.parties() == [party(4, &["anna", "benn"]).unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_channels_go_out_by_their_sign_and_come_in_with_it() {
    let stage = Stage::new(settings()).await;
    let mut ana = stage.enter(Profile::V759, "anna").await;
    let mut ben = stage.enter(Profile::V769, "benn").await;
    for (text, channel) in [("=oi", Channel::Party), ("-oi", Channel::Guild), ("@@oi", Channel::Kingdom)] {
        ana.whisper("", text).await;
        let registry = stage.registry.clone();
        let is_it = |call: &Request| matches!(call, Request::Speak { channel: found, text: said, .. } if *found == channel && said == text);
        eventually("it is spoken", || registry.calls.lock().unwrap().iter().any(is_it)).await;
    }
    for text in ["--oi", "@oi"] {
        ana.whisper("", text).await;
        assert!(ana.panel().await.contains("channel"), "{text}");
    }
    ana.whisper("spk", "ola mundo").await;
    let speaker = stage.registry.session_of("anna").unwrap();
    let spoken = |channel, hearers, text: &str| ToEdge::Spoken {
        channel,
        hearers,
        speaker,
        from: "Nanna".to_owned(),
        text: text.to_owned(),
    };
    let of_ben = stage.registry.session_of("benn").unwrap();
    stage.registry.push(spoken(Channel::Guild, Hearers::Guild(3), "-not for ben")).await;
    stage.registry.push(spoken(Channel::Party, Hearers::Sessions(vec![speaker, of_ben]), "=oi")).await;
    stage.registry.push(spoken(Channel::World, Hearers::World, "ola mundo")).await;
    let (0, ServerPacket::Whisper(line)) = ben.until("whisper").await else { panic!() };
    assert_eq!((line.name.as_str(), line.text.as_str()), ("Nanna", "=oi"));
    let (0, ServerPacket::Shout(line)) = ben.until("shout").await else { panic!() };
    assert_eq!((line.name.as_str(), line.text.as_str()), ("Nanna", "ola mundo"));
    // the speaker hears nothing of it: the next thing is the answer to the next word
    ana.whisper("who", "Nbenn").await;
    assert!(ana.panel().await.contains('7'));
    assert!(ana.panel().await.contains("Nbenn"));
    for _ in 0..2 {
        ana.whisper("gritar", "de novo").await;
    }
    assert!(ana.panel().await.contains("too fast"), "a shout in ten seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_hears_what_is_different_among_its_friends_and_another_registry_hears_what_it_was_told() {
    let stage = Stage::new(settings()).await;
    let mut ana = stage.enter(Profile::V759, "anna").await;
    let session = stage.registry.session_of("anna").unwrap();
    let here = |names: &[&str]| -> Vec<Here> {
        names.iter().map(|name| Here { character: character_id(name), name: format!("N{name}") }).collect()
    };
    let told = |of: &str, names: &[&str], quiet: &[&str], asking| ToEdge::Friends {
        session,
        of: character_id(of),
        here: here(names),
        quiet: quiet.iter().map(|name| character_id(name)).collect(),
        asking,
    };
    stage.registry.push(told("anna", &["benn"], &[], 2)).await;
    assert_eq!(ana.panel().await, "Friends in the world: Nbenn");
    assert_eq!(ana.panel().await, "Requests to be your friend: 2 - /friend requests");
    // told again, and told of a character that it does not play any more: neither says anything
    stage.registry.push(told("anna", &["benn"], &[], 2)).await;
    stage.registry.push(told("cidd", &["dora"], &[], 0)).await;
    stage.registry.push(told("anna", &["cidd", "evaa"], &["evaa"], 0)).await;
    assert_eq!(ana.panel().await, "Nbenn left the world.");
    assert_eq!(ana.panel().await, "Ncidd is in the world now.");
    let second = stage.second_registry().await;
    let both = ["cidd", "evaa"].map(character_id).to_vec();
    eventually("it is told", || second.told_friends(session) == Some(both.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_about_friends_reach_the_registry_and_its_answer_is_shown() {
    let stage = Stage::new(settings()).await;
    let mut ana = stage.enter(Profile::V759, "anna").await;
    ana.whisper("amigo", "adicionar Nbenn").await;
    assert_eq!(ana.panel().await, "You asked Nbenn to be your friend.");
    let asked =
        |call: &Request| matches!(call, Request::Friend { ask: FriendAsk::Add(name), .. } if name == "Nbenn");
    assert!(stage.registry.calls.lock().unwrap().iter().any(asked));
    ana.whisper("friends", "").await;
    for line in ["Nbenn - level 5, plays", "Ncidd - seen 2 h ago", "Ndora - seen - ago"] {
        assert_eq!(ana.panel().await, line);
    }
    assert_eq!(ana.panel().await, "Friends: 1 of 3 play, page 1 of 1");
    assert_eq!(ana.panel().await, "Requests to be your friend: 5 - /friend requests");
    ana.whisper("friend", "requests").await;
    for line in ["They ask you: A, B, C, D", "They ask you: E", "You asked: F"] {
        assert_eq!(ana.panel().await, line);
    }
    ana.whisper("friend", "add").await;
    assert!(ana.panel().await.starts_with("/friend list"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_repeated_to_whom_it_was_given_and_to_nobody_else() {
    let stage = Stage::new(settings()).await;
    let mut ana = stage.enter(Profile::V759, "anna").await;
    ana.whisper("friend", "accept").await;
    assert_eq!(ana.panel().await, "Nobody asks to be your friend.");
    let registry = &stage.registry;
    for (verb, newest) in [("accept", "Cidd"), ("recusar", "Dora")] {
        *registry.askers.lock().unwrap() = vec!["Benn".to_owned(), newest.to_owned()];
        registry.loses.store(2, Ordering::SeqCst);
        ana.whisper("friend", verb).await;
        assert!(ana.panel().await.contains(newest), "{verb} is said to be done to who asked last");
        assert_eq!(*registry.askers.lock().unwrap(), ["Benn"], "{verb} is done to nobody else");
    }
}
