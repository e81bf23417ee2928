//! The client that other tests are written with, in all three versions, against the small fake server.
#![allow(clippy::unwrap_used)]

mod support;

use bot::client::{
    Anomaly, Client, ClientError, EnterOutcome, Event, LoginOutcome, PinOutcome, SelectionOutcome,
};
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use std::time::Duration;
use support::{Fake, Flaw};

const SOON: Duration = Duration::from_secs(5);

async fn in_world(fake: &Fake, profile: Profile, name: &str) -> Client {
    let mut client = Client::connect(profile, &fake.edge()).await.unwrap();
    let LoginOutcome::CharList(list) = client.login(&name.to_lowercase(), "secret", true).await.unwrap()
    else {
        panic!("not let in")
    };
    if profile.has_pin() {
        assert_eq!(client.pin("1234", false).await.unwrap(), PinOutcome::Right);
    }
    if list.characters.is_empty() {
        let made = client.create_character(0, name, 2).await.unwrap();
        let SelectionOutcome::Done(characters) = made else { panic!("refused") };
        assert_eq!(characters[0].name, name);
    }
    let EnterOutcome::Entered(snapshot) = client.enter(0).await.unwrap() else { panic!("not in the world") };
    assert_eq!((snapshot.name.as_str(), snapshot.score.hp, snapshot.gold), (name, 100, 1000));
    client.wait_until("own character", SOON, |world| world.own_shown()).await.unwrap();
    client
}

#[tokio::test]
async fn clients_of_all_versions_see_and_hear_each_other() {
    let fake = Fake::start(Flaw::None).await;
    let mut ana = in_world(&fake, Profile::V748, "Anastacia").await;
    for (profile, name) in [(Profile::V759, "Bento"), (Profile::V769, "Carlos")] {
        let mut other = in_world(&fake, profile, name).await;
        other.wait_until("Anastacia", SOON, |world| world.player("Anastacia").is_some()).await.unwrap();
        ana.wait_until("the other", SOON, |world| world.player(name).is_some()).await.unwrap();

        ana.say("bom dia").await.unwrap();
        let said = other.wait_for("chat", SOON, |_, event| match event {
            Event::Said { name, text, .. } => Some((name.clone().unwrap(), text.clone())),
            _ => None,
        });
        assert_eq!(said.await.unwrap(), ("Anastacia".into(), "bom dia".to_owned()));

        let goal = Tile::new(2105, 2104);
        let track = other.walk_toward(goal).await.unwrap();
        assert_eq!(track.to, goal);
        let seen = ana.wait_for("walk", SOON, |_, event| match event {
            Event::Walked { track, .. } => Some(*track),
            _ => None,
        });
        assert_eq!(seen.await.unwrap().steps, track.steps);

        other.whisper("Anastacia", "psst").await.unwrap();
        let heard = ana.wait_for("whisper", SOON, |_, event| match event {
            Event::Whispered { from, text } => Some((from.clone(), text.clone())),
            _ => None,
        });
        assert_eq!(heard.await.unwrap(), (name.to_owned(), "psst".to_owned()));
        assert!(ana.take_anomalies().is_empty() && other.take_anomalies().is_empty());
        assert!(other.still_wanted().is_empty(), "all of the entering came");
    }
}

#[tokio::test]
async fn a_client_goes_back_to_the_selection_and_in_again() {
    let fake = Fake::start(Flaw::None).await;
    let mut ana = in_world(&fake, Profile::V759, "Anastacia").await;
    let mut bento = in_world(&fake, Profile::V748, "Bento").await;
    bento.wait_until("Anastacia", SOON, |world| world.player("Anastacia").is_some()).await.unwrap();
    ana.logout().await.unwrap();
    assert!(!ana.world().is_inside() && ana.world().entities().count() == 0);
    bento.wait_until("that she left", SOON, |world| world.player("Anastacia").is_none()).await.unwrap();
    assert!(matches!(ana.enter(0).await.unwrap(), EnterOutcome::Entered(_)));
    bento.wait_until("that she is back", SOON, |world| world.player("Anastacia").is_some()).await.unwrap();
}

#[tokio::test]
async fn an_unknown_player_is_answered_with_a_text() {
    let fake = Fake::start(Flaw::None).await;
    let mut ana = in_world(&fake, Profile::V769, "Anastacia").await;
    ana.whisper("Nobody", "are you there").await.unwrap();
    let text = ana.wait_for("text", SOON, |_, event| match event {
        Event::Panel(text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(text.await.unwrap(), "not connected");
}

#[tokio::test]
async fn a_wait_in_vain_ends_and_says_for_what() {
    let fake = Fake::start(Flaw::None).await;
    let mut ana = in_world(&fake, Profile::V759, "Anastacia").await;
    let wait = ana.wait_for("miracle", Duration::from_millis(50), |_, _| None::<()>).await;
    assert!(matches!(wait.unwrap_err(), ClientError::TimedOut { what: "miracle", .. }));
}

#[tokio::test]
async fn speech_of_nobody_is_an_anomaly() {
    let fake = Fake::start(Flaw::ChatFromNobody).await;
    let mut ana = in_world(&fake, Profile::V759, "Anastacia").await;
    let mut bento = in_world(&fake, Profile::V759, "Bento").await;
    ana.say("who am I").await.unwrap();
    let heard = |event: &Event| matches!(event, Event::Said { name: None, .. }).then_some(());
    bento.wait_for("chat", SOON, |_, event| heard(event)).await.unwrap();
    assert_eq!(bento.take_anomalies(), [Anomaly::UnknownId { id: 777, what: "chat" }]);
}
