//! The same game on two PostgreSQL shards and Redis; and with one shard's server dead for a while.
#![allow(clippy::unwrap_used)]

use bot::client::Event;
use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player, RedisServer};
use std::time::{Duration, Instant};
use store::testing::{PgServer, postgres_wanted};

#[test]
fn two_shards_and_redis_carry_the_same_game() {
    if !postgres_wanted() {
        return;
    }
    let postgres = PgServer::start();
    let redis = RedisServer::start();
    let shards = vec![postgres.create_database("shard0"), postgres.create_database("shard1")];
    let options = Options { nodes: 2, postgres: shards, redis: Some(redis.url()), ..Options::default() };
    let mut cluster = Cluster::start(options);
    let (report, content) =
        cluster.bots(&["--players", "16", "--for", "10", "--profile", "mixed", "--seed", "3"]);
    assert!(content, "{report:#}");
    assert_eq!(report["entered"], 16, "{report:#}");
    assert_eq!(cluster.stop(), Some(0));
    cluster.up();
    let (again, content) =
        cluster.bots(&["--players", "16", "--for", "6", "--profile", "mixed", "--seed", "3"]);
    assert!(content, "{again:#}");
}

/// Longest wait for what one player does to be seen by another while a shard is dead.
const SOON: Duration = Duration::from_millis(if cfg!(debug_assertions) { 800 } else { 300 });

/// True when the account lies on the shard of this server.
fn holds(server: &PgServer, account: &str) -> bool {
    server.psql("shard", &format!("SELECT count(*) FROM accounts WHERE name_key = '{account}'")) == "1"
}

/// Walks one step, and the other sees it soon.
fn step_seen_by(walker: &mut Player, other: &mut Player) {
    let to = walker.free_tile(0, 1);
    let began = Instant::now();
    walker.run("a step", async |client| client.walk_toward(to).await);
    let name = walker.identity.character.clone();
    other.expect("the step of the other", SOON, |_, event| match event {
        Event::Walked { name: Some(seen), track, .. } if **seen == *name && track.to == to => Some(()),
        _ => None,
    });
    walker.listen(began + Duration::from_millis(1_100));
    assert_eq!(walker.tile(), to, "it was not put back");
}

#[test]
fn the_players_of_a_dead_shard_play_on_and_are_saved_when_it_is_back() {
    if !postgres_wanted() {
        return;
    }
    let (first, mut second) = (PgServer::start(), PgServer::start());
    let shards = vec![first.create_database("shard"), second.create_database("shard")];
    let cluster = Cluster::start(Options { nodes: 2, postgres: shards, ..Options::default() });
    let mut lucky = Vec::new();
    let mut unlucky = Vec::new();
    for number in 0..24 {
        let identity = Identity::sign_up(&cluster, Profile::ALL[number % 2], &format!("morador{number}"));
        if holds(&second, &identity.account) { &mut unlucky } else { &mut lucky }.push(identity);
        if lucky.len() > 1 && !unlucky.is_empty() {
            break;
        }
    }
    let mut on_first = Player::enter(&cluster, &lucky[0]);
    let mut on_second = Player::enter(&cluster, &unlucky[0]);
    on_first.until_sees(&unlucky[0].character);
    on_second.until_sees(&lucky[0].character);

    second.kill();
    for _ in 0..3 {
        step_seen_by(&mut on_first, &mut on_second);
        step_seen_by(&mut on_second, &mut on_first);
    }
    on_first.say_to(&mut on_second, "caiu?");
    on_second.whisper_to(&mut on_first, "aqui nao");
    // the other shard's players come and go as ever
    let mut newcomer = Player::enter(&cluster, &lucky[1]);
    on_second.until_sees(&lucky[1].character);
    newcomer.whisper_to(&mut on_second, "cheguei");
    newcomer.leave();

    second.resume();
    let goal = on_second.tile();
    let gold = on_second.world().own().gold;
    for player in [&mut on_first, &mut on_second] {
        player.assert_content();
    }
    let identity = on_second.identity.clone();
    on_second.leave();
    on_first.until_lost(&identity.character);
    let mut again = Player::connect(&cluster, &identity);
    let list = again.log_in(true);
    let found = again.choose(&list);
    assert_eq!((found.tile, found.gold), (goal, gold));
    assert!(cluster.ps().iter().all(|row| row.restarts == 0), "{:?}", cluster.ps());
}
