//! Parties and channels over several edges, and over a restart.

use crate::edge::{Edge, held, persona};
use crate::stage::{Stage, quick};
use model::calls::registry::{HeldSession, Reply, Request, ToEdge};
use model::membership::ProcessName;
use model::social::{Channel, Hearers, Party, PartyAsk, SocialRefusal, Whom};
use model::{CharacterId, CharacterName, SessionId};
use nrsrv::Settings;

fn ids(party: Option<&Party>) -> Vec<u64> {
    party.iter().flat_map(|party| &party.members).map(|member| member.character.0).collect()
}

fn invite(name: &str) -> PartyAsk {
    PartyAsk::Invite(Whom::Name(name.to_owned()))
}

async fn accept(edge: &Edge, session: SessionId, by: u64) -> Result<(), SocialRefusal> {
    edge.party(session, PartyAsk::Accept { by: CharacterId(by) }).await
}

/// Two edges with a player each.
async fn two(stage: &Stage) -> (Edge, SessionId, Edge, SessionId) {
    stage.account("ana1").await;
    stage.account("bia1").await;
    let (one, two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let (ana, bia) = (one.login("ana1").await.unwrap(), two.login("bia1").await.unwrap());
    one.play_as(ana, 1, "Anita", 30, 7).await;
    two.play_as(bia, 2, "Bianca", 30, 8).await;
    (one, ana, two, bia)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_party_over_two_edges_forms_talks_and_ends_with_a_logout() {
    let stage = Stage::new().await;
    let (mut one, ana, mut two, bia) = two(&stage).await;
    assert_eq!(one.party(ana, invite("Ninguem")).await, Err(SocialRefusal::NotConnected));
    assert_eq!(accept(&two, bia, 1).await, Err(SocialRefusal::NotInvited));
    assert_eq!(one.party(ana, invite("bianca")).await, Ok(()));
    match two.pushed().await {
        ToEdge::Invited { session, by } => assert_eq!((session, by.name.as_str()), (bia, "Anita")),
        other => panic!("{other:?}"),
    }
    assert_eq!(accept(&two, bia, 1).await, Ok(()));
    assert_eq!(ids(one.told_party(ana).await.as_ref()), [1, 2]);
    assert_eq!(ids(two.told_party(bia).await.as_ref()), [1, 2]);

    let of = |name: &str| Request::PartyOf { name: name.to_owned() };
    assert_eq!(two.call(of("Ninguem")).await, Reply::PartyOf(None));
    match two.call(of(" bianca")).await {
        Reply::PartyOf(party) => assert_eq!(ids(party.as_ref()), [1, 2]),
        other => panic!("{other:?}"),
    }

    let line = |channel| Request::Speak { session: bia, channel, text: "=oi".to_owned() };
    assert_eq!(two.call(line(Channel::Party)).await, Reply::Spoken(Ok(())));
    let heard = |hearers| ToEdge::Spoken {
        channel: Channel::Party,
        hearers,
        speaker: bia,
        from: "Bianca".to_owned(),
        text: "=oi".to_owned(),
    };
    assert_eq!(one.pushed().await, heard(Hearers::Sessions(vec![ana])));
    assert_eq!(two.pushed().await, heard(Hearers::Sessions(vec![bia])), "her edge leaves her out");

    assert_eq!(
        two.party(bia, PartyAsk::Lead(Whom::Name("Bianca".to_owned()))).await,
        Err(SocialRefusal::NotLeader)
    );
    one.logout(ana).await;
    assert_eq!(two.told_party(bia).await, None, "one alone is no party");
    assert_eq!(two.party(bia, PartyAsk::Leave).await, Err(SocialRefusal::NoParty));
    assert_eq!(two.call(line(Channel::Party)).await, Reply::Spoken(Err(SocialRefusal::NoParty)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_directory_has_the_parties_from_the_edges_and_changes_none_before_all_have_told() {
    let mut stage = Stage::with(Settings { grace_ms: 60_000, ..quick() }).await;
    let (mut one, ana, mut two, bia) = two(&stage).await;
    one.party(ana, invite("Bianca")).await.unwrap();
    two.pushed().await;
    accept(&two, bia, 1).await.unwrap();
    let party = one.told_party(ana).await.unwrap();
    two.told_party(bia).await;
    let edges = ["edge-1", "edge-2"].map(|name| ProcessName(name.to_owned()));
    *stage.known.lock().unwrap() = Some(edges.to_vec());
    let accounts = [stage.account("cid1").await, stage.account("dora1").await];
    stage.restart().await;

    let report = |session, account, name: &str, id, who: &str, known: bool| HeldSession {
        character: Some((CharacterId(id), CharacterName::new(who).unwrap())),
        persona: Some(persona(30, 7)),
        party: known.then_some(party.id),
        ..held(session, account, name)
    };
    let of_ana = vec![report(ana, accounts[0], "cid1", 1, "Anita", true)];
    let mut one = Edge::connect_with("edge-1", stage.running(), of_ana, vec![party.clone()]).await;
    let dismiss = || PartyAsk::Dismiss(Whom::Character(CharacterId(2)));
    let asked = Request::Party { session: ana, ask: dismiss() };
    assert_eq!(one.call(asked).await, Reply::Unavailable, "edge-2 may know better");
    // the other edge has missed what it was told
    let of_bia = vec![report(bia, accounts[1], "dora1", 2, "Bianca", false)];
    let mut two = Edge::connect_with("edge-2", stage.running(), of_bia, Vec::new()).await;
    assert_eq!(two.told_party(bia).await, Some(party));
    assert!(one.has_nothing_pushed(), "it has known so");
    assert_eq!(one.party(ana, dismiss()).await, Ok(()));
    assert_eq!(two.told_party(bia).await, None);
    assert_eq!(one.told_party(ana).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_was_with_an_edge_that_stays_away_is_out_of_the_party() {
    let stage = Stage::with(Settings { linger_ms: 200, ..quick() }).await;
    let (mut one, ana, mut two, bia) = two(&stage).await;
    one.party(ana, invite("Bianca")).await.unwrap();
    two.pushed().await;
    accept(&two, bia, 1).await.unwrap();
    assert!(one.told_party(ana).await.is_some());
    drop(two);
    assert_eq!(one.told_party(ana).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_for_guild_kingdom_and_world_go_once_to_each_edge() {
    let stage = Stage::new().await;
    let (mut one, ana, mut two, bia) = two(&stage).await;
    for (channel, hearers) in [
        (Channel::Guild, Hearers::Guild(30)),
        (Channel::Kingdom, Hearers::Kingdom(7)),
        (Channel::World, Hearers::World),
    ] {
        let speak = Request::Speak { session: ana, channel, text: "oi".to_owned() };
        assert_eq!(one.call(speak).await, Reply::Spoken(Ok(())));
        for edge in [&mut one, &mut two] {
            match edge.pushed().await {
                ToEdge::Spoken { hearers: found, speaker, .. } => {
                    assert_eq!((found, speaker), (hearers.clone(), ana))
                }
                other => panic!("{other:?}"),
            }
        }
    }
    two.play_as(bia, 2, "Bianca", 0, 4).await;
    for (channel, refusal) in
        [(Channel::Guild, SocialRefusal::NoGuild), (Channel::Kingdom, SocialRefusal::NoKingdom)]
    {
        let speak = Request::Speak { session: bia, channel, text: "oi".to_owned() };
        assert_eq!(two.call(speak).await, Reply::Spoken(Err(refusal)));
    }
    let long = Request::Speak { session: ana, channel: Channel::Guild, text: "x".repeat(5_000) };
    assert_eq!(one.call(long).await, Reply::Spoken(Err(SocialRefusal::TooMuch)));
    let mut refused = 0;
    for _ in 0..20 {
        let shout = Request::Speak { session: ana, channel: Channel::World, text: "oi".to_owned() };
        refused += usize::from(one.call(shout).await == Reply::Spoken(Err(SocialRefusal::TooMuch)));
    }
    assert!(refused > 0, "20 lines for everybody at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_plays_is_found_by_name() {
    let stage = Stage::new().await;
    let (one, ana, two, bia) = two(&stage).await;
    let names = ["BIANCA", "Ninguem", "anita"].map(str::to_owned).to_vec();
    let found = ["Bianca", "Anita"].map(|name| CharacterName::new(name).unwrap()).to_vec();
    assert_eq!(one.call(Request::Who { names: names.clone() }).await, Reply::Who { playing: 2, found });
    let roster = Request::Roster { session: ana, page: 1 };
    two.play(bia, None).await;
    let found = vec![CharacterName::new("Anita").unwrap()];
    assert_eq!(one.call(Request::Who { names }).await, Reply::Who { playing: 1, found });
    one.play_as(ana, 1, "Anita", 0, 7).await;
    assert_eq!(one.call(roster).await, Reply::Roster(Err(SocialRefusal::NoGuild)));
}
