//! One account, one session: refused, replaced safely, taken up again after a crash; and many logins at once.
#![allow(clippy::unwrap_used)]

use bot::client::{Client, Event, LoginOutcome};
use bot::protocol::place::Steps;
use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(20);
/// Promised for an action seen by a neighbour: 150 ms in release builds. A debug build on a machine that
/// plays the clients too gets more.
const P99: Duration = Duration::from_millis(if cfg!(debug_assertions) { 400 } else { 150 });
const STORM: usize = 60;

#[test]
fn an_account_in_use_is_refused_without_force_and_replaced_safely_with_it() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let witness_identity = Identity::sign_up(&cluster, Profile::V759, "testemunha");
    let mut witness = Player::enter(&cluster, &witness_identity);
    for (profile, account) in
        [(Profile::V759, "duplo59"), (Profile::V769, "duplo69"), (Profile::V748, "duplo48")]
    {
        let identity = Identity::sign_up(&cluster, profile, account);
        let mut old = Player::enter(&cluster, &identity);
        old.until_sees(&witness_identity.character);
        let goal = old.free_tile(3, 2);
        old.walk_to(goal);
        witness.until_sees(&identity.character);
        if profile != Profile::V748 {
            let mut second = Player::connect(&cluster, &identity);
            assert_eq!(second.try_login(false), LoginOutcome::AlreadyPlaying, "{profile}");
            old.say_to(&mut witness, "ainda estou aqui");
        }
        let mut new = Player::connect(&cluster, &identity);
        let list = new.log_in(true); // the 7.48 client never asks for anything else
        old.until_closed();
        let found = new.choose(&list);
        assert_eq!(found.tile, goal, "{profile}: the old session was saved first");
        witness.until_sees(&identity.character);
        new.say_to(&mut witness, "agora sou eu");
        witness.assert_content();
        new.assert_content();
        new.leave();
        witness.until_lost(&identity.character);
    }
}

#[test]
fn a_player_whose_client_crashed_is_back_at_once() {
    let cluster = Cluster::start(Options::default());
    let witness_identity = Identity::sign_up(&cluster, Profile::V769, "testemunha");
    let mut witness = Player::enter(&cluster, &witness_identity);
    let identity = Identity::sign_up(&cluster, Profile::V759, "azarado");
    let mut goal = None;
    for _ in 0..4 {
        let mut player = Player::enter(&cluster, &identity);
        if let Some(goal) = goal {
            assert_eq!(player.tile(), goal);
            witness.until_lost(&identity.character);
        }
        player.until_sees(&witness_identity.character);
        goal = Some(player.free_tile(1, 1));
        player.walk_to(goal.unwrap());
        witness.until_sees(&identity.character);
        // what it has not read makes the system reset the connection instead of closing it
        let name = witness.world().player(&identity.character).unwrap().id;
        for _ in 0..3 {
            witness.run("an emote", async |client| client.emote(14).await);
            witness.run("a question", async |client| client.ask_who(name).await);
        }
        witness.expect("the answer", PATIENCE, |_, event| {
            matches!(event, Event::Appeared { id, .. } if *id == name).then_some(())
        });
        drop(player);
    }
    let mut player = Player::enter(&cluster, &identity);
    witness.until_lost(&identity.character);
    witness.until_sees(&identity.character);
    player.say_to(&mut witness, "voltei");
    witness.assert_content();
}

/// Emotes ten times a second, walks to and fro, and measures when the neighbour sees it.
async fn play_beside(
    mut actor: Client,
    mut neighbour: Client,
    name: &str,
    over: tokio::sync::watch::Receiver<bool>,
) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut steps = [b"66", b"44"].into_iter().cycle();
    let mut next_walk = Instant::now();
    while !*over.borrow() || latencies.len() < 50 {
        let began = Instant::now();
        if began >= next_walk {
            let digits = steps.next().unwrap();
            actor.walk(Steps::from_field(digits)).await.unwrap();
            next_walk = began + Duration::from_millis(1_200);
        }
        actor.emote(14).await.unwrap();
        let heard = neighbour.wait_for("the emote of the neighbour", PATIENCE, |_, event| match event {
            Event::Motion { name: Some(seen), .. } if **seen == *name => Some(Instant::now()),
            _ => None,
        });
        latencies.push(heard.await.unwrap() - began);
        let next = began + Duration::from_millis(100);
        while actor.next_event(next).await.unwrap().is_some() {}
        while neighbour.next_event(next).await.unwrap().is_some() {}
    }
    latencies
}

async fn into_the_world(edge: &str, identity: &Identity) -> Client {
    let mut client = Client::connect(identity.profile, edge).await.unwrap();
    let list = match client.login(&identity.account, &identity.password, true).await.unwrap() {
        LoginOutcome::CharList(list) => list,
        other => panic!("{}: {other:?}", identity.account),
    };
    client.pin(&identity.pin, false).await.unwrap();
    if list.characters.is_empty() {
        client.create_character(0, &identity.character, identity.class).await.unwrap();
    }
    client.enter(0).await.unwrap();
    client.wait_until("the own character", PATIENCE, |world| world.own_shown()).await.unwrap();
    client
}

#[test]
fn a_storm_of_logins_does_not_slow_those_who_play() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let sign_up = |name: String| Identity::sign_up(&cluster, Profile::V759, &name);
    let pair = [sign_up("tranquilo1".into()), sign_up("tranquilo2".into())];
    let crowd: Vec<Identity> = (0..STORM).map(|number| sign_up(format!("multidao{number}"))).collect();
    let edge = cluster.edge();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut latencies, entered, lasted) = runtime.block_on(async {
        let actor = into_the_world(&edge, &pair[0]).await;
        let mut neighbour = into_the_world(&edge, &pair[1]).await;
        let name = pair[0].character.clone();
        neighbour.wait_until("the actor", PATIENCE, |world| world.player(&name).is_some()).await.unwrap();
        let (over, is_over) = tokio::sync::watch::channel(false);
        let playing = tokio::spawn(async move { play_beside(actor, neighbour, &name, is_over).await });
        let began = Instant::now();
        let mut storm = tokio::task::JoinSet::new();
        for identity in crowd {
            let edge = edge.clone();
            storm.spawn(async move { drop(into_the_world(&edge, &identity).await) });
        }
        let entered = storm.join_all().await.len();
        let lasted = began.elapsed();
        over.send_replace(true);
        (playing.await.unwrap(), entered, lasted)
    });
    assert_eq!(entered, STORM);
    latencies.sort();
    let p99 = latencies[latencies.len() * 99 / 100];
    println!("{STORM} logins in {lasted:?}; {} actions, p99 {p99:?}", latencies.len());
    assert!(p99 < P99, "p99 {p99:?} of {} actions", latencies.len());
}
