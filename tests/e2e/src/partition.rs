//! The node with the players is cut off: from the database, from the edge, or from its siblings. Nobody is disconnected; who is
//! held acts again soon, where it stood.

use crate::apart::{DATABASE, EDGE, node};
use crate::failover::{self, CALM, Options, PATIENCE, STILL, passes, until_all_play};
use crate::storm::verdict;
use crate::{Cluster, wait_for};
use anyhow::{Context, ensure};
use serde_json::{Value, json};

/// Bots play so many seconds longer after each cut than it takes, and after all of them: a node that comes back is given its
/// zones again.
const AFTER_EACH: u64 = 12;
const AFTER_ALL: u64 = 10;

/// What a node is cut off from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From DBSrv alone.
    Database,
    /// From the edge alone.
    Edges,
    /// From all other nodes.
    Siblings,
}

impl Side {
    /// All of them.
    pub const ALL: [Side; 3] = [Side::Database, Side::Edges, Side::Siblings];

    fn word(self) -> &'static str {
        match self {
            Side::Database => "database",
            Side::Edges => "edges",
            Side::Siblings => "siblings",
        }
    }

    /// Whoever loses its edge must be held for a moment; whoever loses another may be moved, or notice nothing.
    fn all_are_held(self) -> bool {
        self == Side::Edges
    }

    /// The hosts on the other side of the cut, each with the link of a process there.
    fn others(self, victim: &str, nodes: u16) -> Vec<(String, String)> {
        match self {
            Side::Database => vec![(DATABASE.to_owned(), "dbsrv-1".to_owned())],
            Side::Edges => vec![(EDGE.to_owned(), "edge-1".to_owned())],
            Side::Siblings => {
                let others = (1..=nodes).map(node).filter(|name| name != victim);
                others.map(|name| (name.clone(), name)).collect()
            }
        }
    }
}

/// Cuts the node off from each in turn, for ten seconds each time; the report, and what did not hold in words.
pub fn run(cluster: &Cluster, options: &Options, nodes: u16) -> anyhow::Result<(Value, Vec<String>)> {
    println!("partition with seed {}: {options:?}", options.seed);
    let (mut reports, mut failures) = (serde_json::Map::new(), Vec::new());
    for (from, more) in Side::ALL.into_iter().zip(0..) {
        let options = Options { seed: options.seed + more, ..options.clone() };
        let (report, found) = of_one_kind(cluster, &options, nodes, from)?;
        println!("     {}: {report}", from.word());
        reports.insert(from.word().to_owned(), report);
        failures.extend(found.into_iter().map(|failure| format!("cut off from {}: {failure}", from.word())));
    }
    let json = json!({
        "players": options.players,
        "times": options.times,
        "how": "partition",
        "seed": options.seed,
        "cut_off_from": reports,
        "failures": failures,
        "held": failures.is_empty(),
    });
    Ok((json, failures))
}

fn of_one_kind(
    cluster: &Cluster,
    options: &Options,
    nodes: u16,
    from: Side,
) -> anyhow::Result<(Value, Vec<String>)> {
    let apart = cluster.apart().context("the cluster has hosts of its own")?;
    let each = CALM.as_secs() + STILL.as_secs() + AFTER_EACH;
    let seconds = (u64::from(options.times) * each + AFTER_ALL).to_string();
    let (players, seed) = (options.players.to_string(), options.seed.to_string());
    let bots = cluster.start_bots(&[
        "--players",
        &players,
        "--for",
        &seconds,
        "--profile",
        "mixed",
        "--faults",
        // the sign-up page serves one address, which this is not the host of, a few at a time
        "--ramp",
        "8",
        "--seed",
        &seed,
    ]);
    let mut moved = 0;
    for round in 1..=options.times {
        let victim = until_all_play(cluster, options.players);
        passes(CALM);
        let others = from.others(&victim, nodes);
        let reached = |wanted: bool| -> anyhow::Result<()> {
            for (host, process) in &others {
                let (there, back) = (apart.http(process), apart.http(&victim));
                let (to, fro) = (apart.hosts.reaches(&victim, there)?, apart.hosts.reaches(host, back)?);
                ensure!((to, fro) == (wanted, wanted), "{victim} and {process}: {to}, {fro}, not {wanted}");
            }
            Ok(())
        };
        reached(true)?;
        println!("     cut {victim} off from {} for the {round}. time", from.word());
        for (host, _) in &others {
            apart.hosts.part(&victim, host)?;
        }
        reached(false)?;
        passes(STILL);
        let host_meanwhile = until_all_play(cluster, options.players);
        for (host, _) in &others {
            apart.hosts.heal(&victim, host)?;
        }
        reached(true)?;
        moved += u32::from(host_meanwhile != victim);
        until_whole(cluster);
        until_all_play(cluster, options.players);
    }
    let (report, _) = bots.finish();
    let fsck = verdict::examine(cluster);
    let failures = failover::failures(options, &report, &fsck, from.all_are_held());
    let json = json!({
        "entered": report["entered"],
        "disconnects": report["dropped"],
        "reentered": report["reentered"],
        "act_again_ms": report["held_ms"],
        "rolled_back_ms": report["rolled_back_ms"],
        "longest_gap_ms": report["longest_gap_ms"],
        "on_another_node_meanwhile": moved,
        "late_or_missing": report["violation_count"],
        "first_violations": report["violations"].as_array().map(|all| all.iter().take(10).collect::<Vec<_>>()),
        "fsck": fsck,
    });
    Ok((json, failures))
}

/// Waits until every zone has a live owner and nothing moves any more.
pub(crate) fn until_whole(cluster: &Cluster) {
    wait_for("every zone has a live owner", PATIENCE, || {
        cluster.with_data(&["cluster", "status"], None).status.success().then_some(())
    });
}
