//! An operator looks at the cluster, drains nodes and moves zones while people play; nobody is disconnected.
#![allow(clippy::unwrap_used)]

use e2e::{Cluster, Options, metric, wait_for};
use serde_json::Value;
use std::time::Duration;

/// Where new characters enter.
const TOWN: (u64, u64) = (2114, 2104);
const PLAYERS: u64 = 12;
const PATIENCE: Duration = Duration::from_secs(60);

/// Zones and players of a node.
fn load(cluster: &Cluster, node: &str) -> (u64, u64) {
    let status = cluster.told(&["status"]);
    let row = status["members"].as_array().unwrap().iter().find(|row| row["name"] == node).unwrap().clone();
    (row["zones"].as_u64().unwrap(), row["players"].as_u64().unwrap_or(0))
}

/// The row of the map that the town is in.
fn town(cluster: &Cluster) -> Value {
    cluster.zone_at(TOWN)
}

/// Steps over borders, all and between nodes, as whoever controls counts them.
fn borders(cluster: &Cluster) -> [f64; 2] {
    ["wydbr_tmsrv_border_steps_count", "wydbr_tmsrv_border_steps_between_nodes_count"].map(|name| {
        let of = |node| metric(&cluster.process(node).http, name).unwrap_or(0.0);
        of("tmsrv-1") + of("tmsrv-2")
    })
}

fn until_all_play_on(cluster: &Cluster, node: &str) {
    wait_for(&format!("all play on {node}"), PATIENCE, || (load(cluster, node).1 == PLAYERS).then_some(()));
}

#[test]
fn zones_move_by_the_operators_wish_under_players_who_notice_nothing() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let status = cluster.told(&["status"]);
    assert_eq!(status["zones_without_owner"], 0, "{status:#}");
    assert!(status["controller"].as_str().unwrap().starts_with("tmsrv-"), "{status:#}");
    assert!(status["members"].as_array().unwrap().iter().all(|row| row["lease_left_ms"].as_i64() > Some(0)));
    let zone = town(&cluster);
    let (name, here) =
        (zone["name"].as_str().unwrap().to_owned(), zone["owner"].as_str().unwrap().to_owned());
    let there = if here == "tmsrv-1" { "tmsrv-2" } else { "tmsrv-1" };
    let at_first = load(&cluster, there).0;
    assert!(at_first > 20);
    let counted = || Some(borders(&cluster)).filter(|[all, _]| *all > 0.0);
    let [all, between] = wait_for("the controller counts the borders", PATIENCE, counted);
    assert!(0.0 < between && between < all, "{between} of {all}");

    assert!(cluster.refused(&["drain", "tmsrv-9"]).contains("expected one of: tmsrv-1, tmsrv-2"));
    assert!(cluster.refused(&["move", "Atlantida", there]).contains("no zone `Atlantida`"));
    assert_eq!(cluster.told(&["rebalance", "--dry-run"])["moves"], serde_json::json!([]));

    let players = PLAYERS.to_string();
    let bots = cluster.start_bots(&["--players", &players, "--for", "40", "--faults", "--seed", "4"]);
    until_all_play_on(&cluster, &here);

    cluster.told(&["pin", &name, there]);
    until_all_play_on(&cluster, there);
    assert_eq!(town(&cluster)["pinned"], true);
    assert_eq!(town(&cluster)["owner"], there);

    let drained = cluster.told(&["drain", there]);
    assert_eq!((&drained["zones_left"], &drained["players_left"]), (&0.into(), &0.into()), "{drained:#}");
    assert_eq!(load(&cluster, there), (0, 0));
    wait_for("no border is between nodes", PATIENCE, || (borders(&cluster) == [all, 0.0]).then_some(()));
    until_all_play_on(&cluster, &here);
    assert!(cluster.refused(&["drain", &here]).contains("would leave no node"));
    assert!(cluster.refused(&["pin", &name, there]).contains("is drained"));

    cluster.told(&["join", there]);
    until_all_play_on(&cluster, there);
    cluster.told(&["unpin", &name]);
    until_all_play_on(&cluster, &here);
    assert_eq!(load(&cluster, there).0, at_first, "it has what it had at first");

    let (report, content) = bots.finish();
    assert!(content, "{report:#}");
    assert_eq!((&report["entered"], &report["dropped"]), (&PLAYERS.into(), &0.into()), "{report:#}");
    assert_eq!(report["reentered"], 0, "somebody had to log in again: {report:#}");
    let wishes: Vec<String> = cluster.told(&["status"])["log"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wish| wish["wish"].as_str().unwrap().to_owned())
        .collect();
    let drain = [format!("drain {there}"), format!("join {there}")];
    assert!(wishes.len() == 4 && wishes[1..3] == drain, "{wishes:?}");
}

#[test]
fn a_zone_is_cut_and_joined_under_players_who_notice_nothing() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let zone = town(&cluster);
    let (name, here) =
        (zone["name"].as_str().unwrap().to_owned(), zone["owner"].as_str().unwrap().to_owned());
    let there = if here == "tmsrv-1" { "tmsrv-2" } else { "tmsrv-1" };
    let (east, south) = (format!("{name}/3"), format!("{name}/5"));
    let before = divided(&cluster);
    assert!(cluster.refused(&["merge", &name]).contains("parts at present: none"));
    let players = PLAYERS.to_string();
    // on both sides of both cuts
    let area = ["--area", "2098,2092,2127,2123"];
    let bots = cluster.start_bots(
        &[&["--players", &players, "--for", "45", "--profile", "mixed", "--seed", "6"][..], &area].concat(),
    );
    until_all_play_on(&cluster, &here);

    let split = cluster.told(&["split", &name]);
    assert_eq!(split["undo"], serde_json::json!([format!("merge '{east}'")]), "{split:#}");
    cluster.told(&["move", &east, there]);
    let both = || (load(&cluster, &here).1 > 0 && load(&cluster, there).1 > 0).then_some(());
    wait_for("they play on both nodes", PATIENCE, both);
    cluster.told(&["split", &name]);
    assert_eq!(divided(&cluster).len(), before.len() + 2);
    assert!(divided(&cluster).iter().any(|zone| zone.0 == south));
    let crossed = e2e::borders::handed_over(&cluster);
    let cross_on = || (e2e::borders::handed_over(&cluster) >= crossed + 10.0).then_some(());
    wait_for("they walk over the cuts", PATIENCE, cross_on);
    assert!(cluster.refused(&["merge", &east]).contains(&south), "its other half is cut");

    cluster.told(&["merge", &south]);
    cluster.told(&["merge", &east]);
    until_all_play_on(&cluster, &here);
    assert_eq!(divided(&cluster), before);

    let (report, content) = bots.finish();
    assert!(content, "{report:#}");
    assert_eq!((&report["entered"], &report["dropped"]), (&PLAYERS.into(), &0.into()), "{report:#}");
    assert_eq!(report["reentered"], 0, "somebody had to log in again: {report:#}");
    assert_eq!(cluster.told(&["status"])["cut"], serde_json::json!([]));
}

/// Names and corners of all zones.
fn divided(cluster: &Cluster) -> Vec<(String, Value, Value)> {
    let map = cluster.told(&["map"]);
    let zones = map["zones"].as_array().unwrap().iter();
    zones
        .map(|row| (row["name"].as_str().unwrap().to_owned(), row["min"].clone(), row["max"].clone()))
        .collect()
}

#[test]
fn what_zones_cost_is_measured_shown_and_counted_by_a_rebalance() {
    // next to nothing is a lot of such a budget, and nobody does less because of it
    let settings = "[overload]\ntick_budget_us = 50\nclimb_percent = 1000000\nbalance = false\n";
    let settings = vec![("TMSrv", settings.to_owned())];
    let cluster = Cluster::start(Options { nodes: 2, settings, ..Options::default() });
    let name = town(&cluster)["name"].as_str().unwrap().to_owned();
    let before = cluster.told(&["status"]);
    assert_eq!(before["counted_for"], serde_json::json!(["tmsrv-1", "tmsrv-2"]), "{before:#}");
    assert_eq!(before["counted"], serde_json::json!([]));
    let bots = cluster.start_bots(&["--players", "8", "--for", "40", "--profile", "mixed", "--seed", "7"]);
    let measured = || cluster.told(&["status"])["costs"][&name].as_u64().filter(|cost| *cost > 0);
    wait_for("the controller keeps what the town costs", PATIENCE, measured);
    let now = cluster.told(&["status"]);
    assert_eq!(
        (&now["version"], &now["counted"]),
        (&before["version"], &before["counted"]),
        "nothing moves by it"
    );
    let planned = cluster.told(&["rebalance", "--dry-run"]);
    let counts =
        |told: &Value| told["counted"].as_array().unwrap().iter().any(|zone| zone["zone"] == name.as_str());
    assert!(counts(&planned), "{planned:#}");
    let granted = cluster.told(&["rebalance"]);
    assert!(granted["after"].as_str().unwrap().contains("counted by what they cost now"), "{granted:#}");
    wait_for("it is counted", PATIENCE, || counts(&cluster.told(&["status"])).then_some(()));
    let shown = town(&cluster);
    assert!(
        shown["counted_percent"].as_u64().unwrap() > 0 && shown["cost_percent"].as_u64().unwrap() > 0,
        "{shown:#}"
    );
    let (report, _) = bots.finish();
    assert_eq!(report["dropped"], 0, "{report:#}");
}
