//! From a zone of one node into a zone of another, without the client noticing; also when that node dies.
#![allow(clippy::unwrap_used)]

use bot::client::Event;
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player, metric, signal, wait_for};
use std::time::{Duration, Instant};

/// A pad of the town and its price, and the pad behind it, which is free. The placement, pinned by a hash,
/// gives the two cities to different nodes; the tests see that it does.
const TOWN_PAD: Tile = Tile::new(2117, 2101);
const FAR_PAD: Tile = Tile::new(1045, 1725);
const PRICE: i32 = 700;
/// Where the others stand.
const STAYER: Tile = Tile::new(2114, 2104);
const HOST: Tile = Tile::new(1049, 1728);
const PATIENCE: Duration = Duration::from_secs(20);
/// Promised for the return of a player after the death of a node.
const GAP: Duration = Duration::from_secs(10);

fn two_nodes() -> Cluster {
    Cluster::start(Options { nodes: 2, ..Options::default() })
}

/// How many players each node has.
fn players(cluster: &Cluster) -> [f64; 2] {
    ["tmsrv-1", "tmsrv-2"].map(|name| {
        let http = cluster.process(name).http;
        metric(&http, "wydbr_tmsrv_players_count").unwrap_or(0.0)
    })
}

fn until_players(cluster: &Cluster, wanted: impl Fn([f64; 2]) -> bool) -> [f64; 2] {
    wait_for("the nodes have as many players as they should", PATIENCE, || {
        Some(players(cluster)).filter(|counts| wanted(*counts))
    })
}

/// Waits until the zones lie where they lay at first; the placement puts them there.
fn until_settled(cluster: &Cluster, at_first: [f64; 2]) {
    wait_for("the zones are back where they were", Duration::from_secs(60), || {
        (zones(cluster) == at_first).then_some(())
    });
}

fn zones(cluster: &Cluster) -> [f64; 2] {
    ["tmsrv-1", "tmsrv-2"]
        .map(|name| metric(&cluster.process(name).http, "wydbr_tmsrv_zones_count").unwrap_or(0.0))
}

fn is_near(tile: Tile, pad: Tile) -> bool {
    tile.distance(pad) < 12
}

/// Uses the pad that it stands on; it is near `target` afterwards.
fn go_through(player: &mut Player, target: Tile, within: Duration) -> Duration {
    let began = Instant::now();
    player.run("the portal", async |client| client.portal().await);
    player.expect("it is placed at the other end", within, |_, event| match event {
        Event::OwnPlaced { to, .. } if is_near(*to, target) => Some(()),
        _ => None,
    });
    began.elapsed()
}

/// A player beside the far pad, for the price of a passage.
fn resident(cluster: &Cluster, profile: Profile, account: &str, beside: Tile) -> Player {
    let mut player = Player::enter(cluster, &Identity::sign_up(cluster, profile, account));
    player.walk_to(Tile::new(TOWN_PAD.x + 1, TOWN_PAD.y + 1));
    go_through(&mut player, FAR_PAD, PATIENCE);
    player.walk_to(beside);
    player
}

/// A player beside the pad of the town.
fn neighbour(cluster: &Cluster, profile: Profile, account: &str, beside: Tile) -> Player {
    let mut player = Player::enter(cluster, &Identity::sign_up(cluster, profile, account));
    player.walk_to(beside);
    player
}

#[test]
fn a_traveller_crosses_between_nodes_on_one_connection() {
    let cluster = two_nodes();
    let (mut stayer, mut host, mut traveller) = std::thread::scope(|scope| {
        let stayer = scope.spawn(|| neighbour(&cluster, Profile::V759, "ficante", STAYER));
        let host = scope.spawn(|| resident(&cluster, Profile::V748, "anfitriao", HOST));
        let traveller = scope.spawn(|| neighbour(&cluster, Profile::V769, "viajante", TOWN_PAD));
        (stayer.join().unwrap(), host.join().unwrap(), traveller.join().unwrap())
    });
    let before = until_players(&cluster, |counts| counts[0] + counts[1] == 3.0);
    assert!(before.contains(&1.0) && before.contains(&2.0), "both cities are on one node: {before:?}");
    stayer.until_sees("Viajante");
    assert!(host.world().player("Viajante").is_none());
    let own = traveller.world().own().clone();
    host.forget();

    go_through(&mut traveller, FAR_PAD, Duration::from_secs(5));
    traveller.until("it has paid", |world| world.own().gold == own.gold - PRICE);
    traveller.until_sees("Anfitriao");
    host.until_sees("Viajante");
    stayer.until_lost("Viajante");
    let after = until_players(&cluster, |counts| counts[0] + counts[1] == 3.0);
    assert_eq!([after[1], after[0]], before, "it changed the node");
    let arrived = traveller.tile();
    let seen = host.world().player("Viajante").unwrap().track.to;
    assert_eq!(seen, arrived, "all agree where it is");
    assert_eq!((&traveller.world().own().carry, &traveller.world().own().equip), (&own.carry, &own.equip));

    traveller.whisper_to(&mut stayer, "cheguei");
    stayer.whisper_to(&mut traveller, "que bom");
    traveller.say_to(&mut host, "oi");
    host.say_to(&mut traveller, "bem vindo");
    let goal = Tile::new(1050, 1733);
    traveller.walk_to(goal);
    host.until("it walks on", |world| world.player("Viajante").is_some_and(|player| player.track.to == goal));
    assert_eq!(host.appearances("Viajante"), 1);
    for player in [&mut stayer, &mut host, &mut traveller] {
        player.assert_content();
    }
    let identity = traveller.identity.clone();
    traveller.leave();
    host.until_lost("Viajante");
    let mut again = Player::connect(&cluster, &identity);
    let list = again.log_in(false);
    let found = again.choose(&list);
    assert_eq!((found.tile, found.gold), (goal, own.gold - PRICE));
    assert_eq!((found.carry, found.equip), (own.carry, own.equip));
}

#[test]
fn a_traveller_arrives_although_the_node_that_it_goes_to_dies_at_that_moment() {
    let cluster = two_nodes();
    let at_first = zones(&cluster);
    let (mut stayer, mut host, mut traveller) = std::thread::scope(|scope| {
        let stayer = scope.spawn(|| neighbour(&cluster, Profile::V769, "ficante", STAYER));
        let host = scope.spawn(|| resident(&cluster, Profile::V759, "anfitriao", HOST));
        let traveller = scope.spawn(|| neighbour(&cluster, Profile::V759, "viajante", TOWN_PAD));
        (stayer.join().unwrap(), host.join().unwrap(), traveller.join().unwrap())
    });
    let counts = until_players(&cluster, |counts| counts[0] + counts[1] == 3.0);
    let (town, far) = if counts[0] == 2.0 { ("tmsrv-1", "tmsrv-2") } else { ("tmsrv-2", "tmsrv-1") };
    let own = traveller.world().own().clone();
    for round in 0..3 {
        let outward = round % 2 == 0;
        let (victim, target, wait_ms) = match outward {
            true => (far, FAR_PAD, 40 * round),
            false => (town, TOWN_PAD, 20),
        };
        let pid = cluster.process(victim).pid;
        let moment = Instant::now() + Duration::from_millis(wait_ms);
        let killer = std::thread::spawn(move || {
            wait_for("the moment of death", PATIENCE, || (Instant::now() >= moment).then_some(()));
            signal(pid, "KILL");
        });
        let gap = go_through(&mut traveller, target, GAP);
        killer.join().unwrap();
        println!("round {round}: {victim} died, the traveller was through after {gap:?}");
        traveller.until("its own character is shown", |world| world.own_shown());
        let (here, place) = if outward { (&mut host, HOST) } else { (&mut stayer, STAYER) };
        // whoever stood on the dead node is not set down where it stands already
        wait_for("everybody is in the world again", PATIENCE, || {
            let living =
                cluster.ps().into_iter().filter(|row| row.name.starts_with("tmsrv-") && row.pid != pid);
            let players = living.filter_map(|row| metric(&row.http, "wydbr_tmsrv_players_count"));
            (players.sum::<f64>() == 3.0).then_some(())
        });
        here.until_sees("Viajante");
        here.walk_to(place);
        here.until_sees("Viajante");
        traveller.until_sees(&here.identity.character.clone());
        traveller.say_to(here, &format!("volta {round}"));
        let there = if outward { &mut stayer } else { &mut host };
        there.until_lost("Viajante");
        wait_for("the node runs again", PATIENCE, || {
            let row = cluster.process(victim);
            (row.pid != pid && row.state == "running").then_some(())
        });
        until_settled(&cluster, at_first);
        traveller.walk_to(target);
        for player in [&mut stayer, &mut host, &mut traveller] {
            player.listen(Instant::now());
            player.assert_content();
        }
    }
    assert_eq!(traveller.world().own().gold, own.gold - 2 * PRICE);
    assert_eq!(traveller.world().own().carry, own.carry);
}
