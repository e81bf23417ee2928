//! A party plays in a copy of a place that nobody else can see, through the death of its node, until its time is over.
#![allow(clippy::unwrap_used)]

use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player, metric_with, signal, wait_for};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(40);
/// Where new characters enter lies in this place.
const PLACE: &str = "Armia";
/// How long the first instance lives, in seconds.
const LIFE_S: i32 = 75;
/// Longer than two rounds of the journal.
const JOURNALLED: Duration = Duration::from_millis(1_500);

/// The only instance that is open.
fn open(cluster: &Cluster) -> Value {
    let list = cluster.told(&["instance", "list"]);
    let all = list["instances"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{list:#}");
    all[0].clone()
}

fn opens(cluster: &Cluster, life: &str, players: &[&Player]) -> Value {
    let names: Vec<&str> = players.iter().map(|player| player.identity.character.as_str()).collect();
    cluster.told(&["instance", "open", PLACE, "--for", life, "--players", &names.join(",")]);
    open(cluster)
}

/// The node that plays the instance, when one does.
fn node(cluster: &Cluster) -> Option<String> {
    let node = open(cluster)["node"].as_str().unwrap().to_owned();
    (node != "-").then_some(node)
}

fn enter(cluster: &Cluster, profile: Profile, account: &str) -> Player {
    Player::enter(cluster, &Identity::sign_up(cluster, profile, account))
}

/// The last countdown that was shown since it forgot; waits for one.
fn countdown(player: &mut Player) -> i32 {
    if player.countdowns().is_empty() {
        player.expect("a countdown is shown", PATIENCE, |_, event| {
            matches!(event, bot::client::Event::Timer { .. }).then_some(())
        });
    }
    *player.countdowns().last().unwrap()
}

/// Both are in the instance, see each other and hear each other, and the one outside sees neither.
fn are_apart(ana: &mut Player, bia: &mut Player, eva: &mut Player) {
    let names = [&ana, &bia, &eva].map(|player| player.identity.character.clone());
    for (inside, other) in [(&mut *ana, &names[1]), (&mut *bia, &names[0])] {
        inside.until_lost(&names[2]);
        inside.until_sees(other);
    }
    eva.until_lost(&names[0]);
    eva.until_lost(&names[1]);
    ana.say_to(bia, "so nos duas");
    bia.say_to(ana, "so nos duas");
}

fn until_gone(cluster: &Cluster) {
    let gone = || (cluster.told(&["instance", "list"])["instances"] == json!([])).then_some(());
    wait_for("the instance is gone", Duration::from_secs(90), gone);
    wait_for("the map is without it", PATIENCE, || {
        let map = cluster.told(&["map"]);
        let rows = map["zones"].as_array().unwrap().clone();
        rows.iter().all(|row| !row["name"].as_str().unwrap().contains('#')).then_some(())
    });
}

fn closed(cluster: &Cluster, reason: &str) -> f64 {
    let of = |node| {
        let http = cluster.process(node).http;
        metric_with(&http, "wydbr_tmsrv_instances_closed_total", reason).unwrap_or(0.0)
    };
    of("tmsrv-1") + of("tmsrv-2")
}

#[test]
fn two_play_apart_from_the_world_through_the_death_of_the_node_until_the_time_is_over() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let mut ana = enter(&cluster, Profile::V759, "anacopia");
    let mut bia = enter(&cluster, Profile::V748, "biacopia");
    let mut eva = enter(&cluster, Profile::V769, "evafora");
    let goal = ana.free_tile(6, 1);
    ana.walk_to(goal);
    ana.until_sees("Evafora");
    bia.until_sees("Evafora");
    let (came, bia_came, eva_stood) = (ana.tile(), bia.tile(), eva.tile());

    assert!(
        cluster
            .refused(&["instance", "open", "Armai", "--for", "1m", "--players", "Anacopia"])
            .contains("no place `Armai`")
    );
    assert!(
        cluster
            .refused(&["instance", "open", PLACE, "--for", "1m", "--players", "Ninguem"])
            .contains("no character `Ninguem`")
    );
    let opened = Instant::now();
    let instance = opens(&cluster, &format!("{LIFE_S}s"), &[&ana, &bia]);
    assert_eq!(instance["name"], "Armia#1", "{instance:#}");
    assert!(
        cluster
            .refused(&["instance", "open", PLACE, "--for", "1m", "--players", "Anacopia"])
            .contains("a guest of 1 open")
    );
    assert!(cluster.refused(&["split", "Armia#1"]).contains("instances are not cut"));
    are_apart(&mut ana, &mut bia, &mut eva);
    let shown = countdown(&mut ana);
    assert!((1..=LIFE_S).contains(&shown), "{shown} s");
    // on the same tile of the world nobody sees them either
    eva.walk_to(ana.tile()); // creatures that stay in one place stay in the same one in both
    assert_eq!(eva.tile(), ana.tile(), "nobody is in the way");
    are_apart(&mut ana, &mut bia, &mut eva);
    eva.walk_to(eva_stood); // where both see her again in the end
    let goal = ana.free_tile(3, 2);
    ana.walk_to(goal);
    ana.listen(Instant::now() + JOURNALLED);

    // its node dies, and then the one that has it does not move any more: another one takes it over
    for dies in [true, false] {
        let (here, stood) = (node(&cluster).unwrap(), ana.tile());
        ana.forget();
        if dies {
            cluster.kill_and_wait(&here);
        } else {
            signal(cluster.process(&here).pid, "STOP");
            let another = || node(&cluster).filter(|now| *now != here);
            wait_for("another node plays it", PATIENCE, another);
        }
        let left = countdown(&mut ana);
        are_apart(&mut ana, &mut bia, &mut eva);
        // its creatures begin anew, and one may rest just there
        assert!(near(ana.tile(), stood), "in place: {} and {stood}", ana.tile());
        let spent = opened.elapsed().as_secs() as i32;
        assert!(
            (left + spent - LIFE_S).abs() <= 10 && left < shown,
            "{left} s left of {LIFE_S} after {spent} s"
        );
        if !dies {
            cluster.kill_and_wait(&here);
        }
    }
    ana.forget();

    let stood = bia.tile();
    let who = bia.identity.clone();
    bia.leave();
    ana.until_lost("Biacopia");
    bia = Player::enter(&cluster, &who);
    assert!(near(bia.tile(), stood), "{}: who comes back while it is open is in it, at {stood}", bia.tile());
    are_apart(&mut ana, &mut bia, &mut eva);
    bia.leave();

    until_gone(&cluster);
    ana.until_sees("Evafora");
    assert!(near(ana.tile(), came), "{} is where it came from, {came}", ana.tile());
    assert!(opened.elapsed() >= Duration::from_secs(LIFE_S as u64 - 1), "not before its time");
    assert!(ana.panel_lines().iter().any(|line| line.contains("10 s")), "{:?}", ana.panel_lines());
    wait_for("it is counted", PATIENCE, || (closed(&cluster, "deadline") == 1.0).then_some(()));
    let mut bia = Player::enter(&cluster, &who);
    assert!(near(bia.tile(), bia_came), "{} is where it came from, {bia_came}", bia.tile());
    bia.until_sees("Evafora");
    ana.say_to(&mut eva, "voltei");
    for mut player in [ana, bia, eva] {
        player.assert_content();
        player.leave();
    }
    let fsck = cluster.with_data(&["fsck"], None);
    assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stdout));
}

/// The same tile, or beside it when somebody rests there.
fn near(at: Tile, wanted: Tile) -> bool {
    at.x.abs_diff(wanted.x) <= 2 && at.y.abs_diff(wanted.y) <= 2
}

#[test]
fn it_moves_and_drains_like_any_zone_and_ends_when_it_is_left_or_closed() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let mut ana = enter(&cluster, Profile::V759, "anamuda");
    let mut bia = enter(&cluster, Profile::V769, "biamuda");
    let mut eva = enter(&cluster, Profile::V759, "evamuda");
    cluster.told(&["instance", "limits", "--empty", "5s"]);
    assert_eq!(cluster.told(&["instance", "limits"])["empty_s"], 5);
    let came = ana.tile();
    opens(&cluster, "10m", &[&ana, &bia]);
    assert_eq!(cluster.told(&["status"])["instances"][0]["guests"], json!(["Anamuda", "Biamuda"]));
    are_apart(&mut ana, &mut bia, &mut eva);
    let (here, stood) = (node(&cluster).unwrap(), ana.tile());
    let there = if here == "tmsrv-1" { "tmsrv-2" } else { "tmsrv-1" };
    let moved = cluster.told(&["move", "Armia#1", there]);
    assert_eq!(moved["undo"], json!([format!("move 'Armia#1' {here}")]), "{moved:#}");
    assert_eq!(node(&cluster).as_deref(), Some(there));
    are_apart(&mut ana, &mut bia, &mut eva);
    cluster.told(&["drain", there]);
    assert_eq!(node(&cluster), Some(here));
    are_apart(&mut ana, &mut bia, &mut eva);
    cluster.told(&["join", there]);
    assert_eq!(ana.tile(), stood, "nobody was put aside");

    // an operator closes it, and who undoes that has another one
    let close = cluster.told(&["instance", "close", "Armia#1"]);
    let undo = close["undo"][0].as_str().unwrap().to_owned();
    assert!(undo.starts_with("instance open Armia --for 5") && undo.ends_with("Anamuda,Biamuda"), "{undo}");
    until_gone(&cluster);
    ana.until_sees("Evamuda");
    assert!(near(ana.tile(), came), "{} is where it came from, {came}", ana.tile());
    wait_for("it is counted", PATIENCE, || (closed(&cluster, "wished") == 1.0).then_some(()));

    let again = opens(&cluster, "10m", &[&ana, &bia]);
    assert_eq!(again["name"], "Armia#2", "numbers come once");
    are_apart(&mut ana, &mut bia, &mut eva);
    // who leaves is not brought back, and when all have left it ends
    bia.run("recall", async |client| client.recall().await);
    ana.until_lost("Biamuda");
    ana.run("recall", async |client| client.recall().await);
    until_gone(&cluster);
    wait_for("it is counted", PATIENCE, || (closed(&cluster, "empty") == 1.0).then_some(()));
    let recalled = ana.tile();
    bia.until_sees("Anamuda");
    assert_eq!(ana.tile(), recalled, "who left before is not put anywhere");
    for mut player in [ana, bia, eva] {
        player.assert_content();
        player.leave();
    }
}
