//! Parties and channels over two nodes: across a border, and while nodes and NRSrv are killed.
#![allow(clippy::unwrap_used)]

use bot::client::{Event, World};
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use e2e::borders::CutTown;
use e2e::{Cluster, Identity, Options, Player, metric};
use std::time::{Duration, Instant};
use store::testing::{PgServer, postgres_wanted};

/// Tiles of strips 2 and 3, which lie on different nodes: the border between them is at x = 2114.
const WEST: Tile = Tile::new(2111, 2100);
const EAST: Tile = Tile::new(2117, 2101);
/// Out of the sight of both.
const AWAY: Tile = Tile::new(2111, 2125);
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest that a player may be held after the death of its node.
const GAP: Duration = Duration::from_secs(30);

fn enter(cluster: &Cluster, profile: Profile, account: &str, at: Tile) -> Player {
    let mut player = Player::enter(cluster, &Identity::sign_up(cluster, profile, account));
    player.walk_to(at);
    player
}

fn says(player: &mut Player, word: &str, text: &str) {
    player.run("words", async |client| client.whisper(word, text).await);
}

fn is_told(player: &mut Player, what: &str, parts: &[&str]) {
    player.expect(what, PATIENCE, |_, event| match event {
        Event::Panel(text) if parts.iter().all(|part| text.contains(part)) => Some(()),
        _ => None,
    });
}

fn hears(player: &mut Player, from: &str, text: &str) {
    player.expect(&format!("it hears {text:?}"), PATIENCE, |_, event| match event {
        Event::Whispered { from: who, text: line } if who == from && line == text => Some(()),
        _ => None,
    });
}

fn until_party(player: &mut Player, names: &[&str]) {
    let what = format!("its party is {names:?}");
    player.until(&what, |world: &World| world.party_names() == names);
}

fn joins(player: &mut Player) {
    player.until("it is asked to join", |world| world.asked_to_join().is_some());
    assert!(player.run("joining", async |client| client.join().await));
}

/// Kills a process, and takes in what the players are told until it runs again.
fn kill(cluster: &Cluster, name: &str, players: &mut [&mut Player]) {
    cluster.kill_and_wait(name);
    for player in players {
        player.listen(Instant::now());
    }
}

#[test]
fn a_party_lives_over_borders_and_the_death_of_nodes_and_of_the_directory() {
    let town = CutTown::start(2).unwrap();
    let cluster = &town.cluster;
    let mut west = enter(cluster, Profile::V759, "oeste", WEST);
    let mut east = enter(cluster, Profile::V769, "leste", EAST);
    let mut away = enter(cluster, Profile::V748, "longe", AWAY);
    says(&mut west, "", "=sozinho");
    is_told(&mut west, "that it is in no party", &["grupo"]);

    // by a click over the border, and by name to somebody out of sight
    west.until_sees("Leste");
    let id = west.world().player("Leste").unwrap().id;
    west.run("an invitation", async |client| client.ask_to_join(id).await);
    joins(&mut east);
    for player in [&mut west, &mut east] {
        until_party(player, &["Oeste", "Leste"]);
    }
    says(&mut west, "grupo", "convidar Longe");
    joins(&mut away);
    let all = ["Oeste", "Leste", "Longe"];
    for player in [&mut west, &mut east, &mut away] {
        until_party(player, &all);
        let rows = player.world().party();
        assert!(rows.iter().enumerate().all(|(index, row)| usize::from(row.index) == index && row.hp.1 > 0));
    }
    says(&mut away, "", "=daqui");
    hears(&mut west, "Longe", "=daqui");
    hears(&mut east, "Longe", "=daqui");

    // over the border and back: whoever comes into view has the id that it has in the party
    away.walk_to(Tile::new(EAST.x, EAST.y + 3));
    west.until_sees("Longe");
    let rows = west.world().party().to_vec();
    assert_eq!(rows[2].id, west.world().player("Longe").unwrap().id);
    says(&mut away, "", "=do leste");
    hears(&mut west, "Longe", "=do leste");

    for node in ["tmsrv-1", "tmsrv-2"] {
        kill(cluster, node, &mut [&mut west, &mut east, &mut away]);
        e2e::wait_for("all are in the world again", GAP, || {
            let of = |node| metric(&cluster.process(node).http, "wydbr_tmsrv_players_count").unwrap_or(0.0);
            (of("tmsrv-1") + of("tmsrv-2") == 3.0).then_some(())
        });
        says(&mut east, "", &format!("=sem {node}"));
        hears(&mut west, "Leste", &format!("=sem {node}"));
        hears(&mut away, "Leste", &format!("=sem {node}"));
    }
    for player in [&mut west, &mut east, &mut away] {
        assert_eq!(player.world().party_names(), all);
    }
    assert_eq!(west.world().party(), rows, "nothing was told again");

    kill(cluster, "nrsrv-1", &mut [&mut west, &mut east, &mut away]);
    says(&mut west, "party", "leader Leste");
    for player in [&mut west, &mut east, &mut away] {
        until_party(player, &["Leste", "Oeste", "Longe"]);
    }
    says(&mut west, "", "=de novo");
    hears(&mut away, "Oeste", "=de novo");
    says(&mut away, "gritar", "ola a todos");
    east.expect("the line to all", PATIENCE, |_, event| match event {
        Event::Shouted { from: Some(from), text } if from == "Longe" && text == "ola a todos" => Some(()),
        _ => None,
    });
    says(&mut west, "quem", "leste Ninguem9");
    is_told(&mut west, "who is online", &["Leste"]);

    // sent away, left, logged out
    let id = east.world().party()[1].id;
    east.run("sending away", async |client| client.leave_party(id).await);
    until_party(&mut west, &[]);
    until_party(&mut away, &["Leste", "Longe"]);
    says(&mut away, "party", "invite Oeste");
    is_told(&mut away, "that only the leader may", &["líder"]);
    for player in [&mut west, &mut east, &mut away] {
        player.assert_content();
    }
    east.leave();
    until_party(&mut away, &[]);
}

#[test]
fn a_guild_and_a_kingdom_talk_on_all_nodes() {
    if !postgres_wanted() {
        return;
    }
    let server = PgServer::start();
    let postgres = vec![server.create_database("shard0")];
    let cluster = Cluster::start(Options { nodes: 2, postgres, ..Options::default() });
    let [chief, mate, other] =
        [("chefe", Profile::V759), ("colega", Profile::V748), ("outro", Profile::V769)]
            .map(|(name, profile)| Identity::sign_up(&cluster, profile, name));
    for identity in [&chief, &mate, &other] {
        Player::enter(&cluster, identity).leave();
    }
    for (name, rank) in [("Chefe", 9), ("Colega", 3)] {
        let sql =
            format!("UPDATE characters SET guild = 41, guild_rank = {rank}, clan = 7 WHERE name = '{name}'");
        server.psql("shard0", &sql);
    }
    let [mut chief, mut mate, mut other] = [chief, mate, other].map(|who| Player::enter(&cluster, &who));
    says(&mut mate, "", "-bom dia");
    hears(&mut chief, "Colega", "-bom dia");
    says(&mut chief, "", "@@avante");
    hears(&mut mate, "Chefe", "@@avante");
    says(&mut other, "", "-oi");
    is_told(&mut other, "that it is in no guild", &["guild"]);
    says(&mut other, "", "@@oi");
    is_told(&mut other, "that it is of no kingdom", &["reino"]);
    cluster.kill_and_wait("nrsrv-1");
    says(&mut mate, "", "-de novo");
    hears(&mut chief, "Colega", "-de novo");
    for player in [&mut chief, &mut mate, &mut other] {
        player.assert_content();
    }
}
