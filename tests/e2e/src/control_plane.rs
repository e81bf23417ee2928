//! DBSrv and the metadata database are away while people play: nobody notices, and when they are back nothing has moved.

use crate::failover::{CALM, passes, until_all_play};
use crate::partition::until_whole;
use crate::script::Expect;
use crate::storm::verdict;
use crate::{Cluster, Options as ClusterOptions, signal};
use anyhow::Context;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use store::testing::PgServer;

/// Play after they are back: longer than a lease, and than the controller takes for a needless move.
const AFTER: Duration = Duration::from_secs(15);

/// What is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bots.
    pub players: usize,
    /// Game nodes.
    pub nodes: u16,
    /// How long DBSrv and the database are away.
    pub away: Duration,
    /// Of the bots.
    pub seed: u64,
}

/// Starts a cluster on PostgreSQL and does it; the report, and what did not hold in words.
pub fn run(options: &Options) -> anyhow::Result<(Value, Vec<String>)> {
    println!("control plane with seed {}: {options:?}", options.seed);
    let mut database = PgServer::start();
    let postgres = vec![database.create_database("shard")];
    let cluster =
        Cluster::start(ClusterOptions { nodes: options.nodes, postgres, ..ClusterOptions::default() });
    let seconds = ((2 * CALM + options.away + AFTER).as_secs() + 5).to_string();
    let (players, seed) = (options.players.to_string(), options.seed.to_string());
    let bots = cluster.start_bots(&[
        "--players",
        &players,
        "--for",
        &seconds,
        "--profile",
        "mixed",
        "--seed",
        &seed,
    ]);
    let node = until_all_play(&cluster, options.players);
    passes(CALM);
    let before = epochs(&cluster)?;
    let dbsrv = cluster.process("dbsrv-1").pid;
    println!("     DBSrv stands still and its database is gone for {:?}", options.away);
    signal(dbsrv, "STOP");
    database.kill();
    passes(options.away);
    let node_meanwhile = until_all_play(&cluster, options.players);
    database.resume();
    signal(dbsrv, "KILL");
    println!("     the database is back, and another DBSrv starts");
    until_whole(&cluster);
    passes(AFTER);
    let after = epochs(&cluster)?;
    let (report, content) = bots.finish();
    let fsck = verdict::examine(&cluster);
    let moved: Vec<&String> = after
        .iter()
        .filter(|(zone, epoch)| before.get(*zone) != Some(*epoch))
        .map(|(zone, _)| zone)
        .collect();
    let mut failures = Vec::new();
    failures.expect("zones", json!(before.len()), !before.is_empty());
    failures.expect("entered", &report["entered"], report["entered"] == options.players);
    failures.expect("disconnects", &report["dropped"], report["dropped"] == 0);
    failures.expect("violations", &report["violations_by_kind"], content);
    failures.expect("put elsewhere meanwhile", json!([node, node_meanwhile]), node == node_meanwhile);
    failures.expect("zones with another epoch", json!(moved), moved.is_empty());
    failures.expect("fsck", &fsck, fsck["clean"] == true);
    let json = json!({
        "players": options.players,
        "nodes": options.nodes,
        "how": "control-plane",
        "away_seconds": options.away.as_secs(),
        "seed": options.seed,
        "entered": report["entered"],
        "disconnects": report["dropped"],
        "violations": report["violation_count"],
        "first_violations": report["violations"],
        "corrections": report["corrections"],
        "longest_gap_ms": report["longest_gap_ms"],
        "latency_ms": report["latency_ms"],
        "zones": before.len(),
        "zones_with_another_epoch": moved,
        "fsck": fsck,
        "failures": failures,
        "held": failures.is_empty(),
    });
    Ok((json, failures))
}

/// Each zone by name and number with its owner and epoch.
fn epochs(cluster: &Cluster) -> anyhow::Result<BTreeMap<String, (String, u64)>> {
    let output = cluster.with_data(&["cluster", "map", "--json"], None);
    let text = String::from_utf8_lossy(&output.stdout);
    let map: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
        .with_context(|| format!("no map: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
    let zones = map["zones"].as_array().context("a map without zones")?;
    let row = |zone: &Value| {
        let name = format!("{} {}", zone["zone"], zone["name"]);
        Some((name, (zone["owner"].to_string(), zone["epoch"].as_u64()?)))
    };
    zones.iter().map(|zone| row(zone).context("a zone without an epoch")).collect()
}
