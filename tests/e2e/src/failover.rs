//! The node on which the players are dies, or stands still, again and again: nobody is disconnected, everybody acts again
//! soon, and stands where it stood.

use crate::script::Expect;
use crate::storm::verdict;
use crate::{Cluster, metric, signal, wait_for};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a process may take to be found, and players to be back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Play before each fault: the state of everybody has gone to the buddy several times.
pub(crate) const CALM: Duration = Duration::from_secs(4);
/// How long a node stands still: longer than its lease, and than any silence that a peer takes for life.
pub(crate) const STILL: Duration = Duration::from_secs(10);
/// Bots play so many seconds longer after each fault than it takes, and after all of them.
const AFTER_EACH: u64 = 6;
const AFTER_ALL: u64 = 10;

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// SIGKILL; its supervisor starts it again.
    Kill,
    /// SIGSTOP, and SIGCONT when others have its players.
    Stop,
}

/// What is done, and what must hold.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bots.
    pub players: usize,
    /// Faults.
    pub times: u32,
    /// What is done.
    pub how: How,
    /// Of the bots.
    pub seed: u64,
    /// 99 of 100 act again within so many milliseconds.
    pub act_again_ms: f64,
    /// Nobody is put back further than that in its own time, in milliseconds.
    pub rollback_ms: f64,
}

/// Does it on a cluster that runs; the report, and what did not hold in words.
pub fn run(cluster: &Cluster, options: &Options) -> (Value, Vec<String>) {
    println!("failover with seed {}: {options:?}", options.seed);
    let fault = if options.how == How::Stop { STILL.as_secs() } else { 0 };
    let each = CALM.as_secs() + fault + AFTER_EACH;
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
        "--seed",
        &seed,
    ]);
    let mut moved = 0;
    for round in 1..=options.times {
        let victim = until_all_play(cluster, options.players);
        passes(CALM);
        println!("     {:?} {victim} for the {round}. time", options.how);
        match options.how {
            How::Kill => cluster.kill_and_wait(&victim),
            How::Stop => {
                let pid = cluster.process(&victim).pid;
                signal(pid, "STOP");
                passes(STILL);
                signal(pid, "CONT");
            }
        }
        moved += u32::from(until_all_play(cluster, options.players) != victim);
    }
    let (report, _) = bots.finish();
    let fsck = verdict::examine(cluster);
    let failures = failures(options, &report, &fsck, true);
    let json = json!({
        "players": options.players,
        "times": options.times,
        "how": format!("{:?}", options.how).to_lowercase(),
        "seed": options.seed,
        "entered": report["entered"],
        "disconnects": report["dropped"],
        "reentered": report["reentered"],
        "act_again_ms": report["held_ms"],
        "rolled_back_ms": report["rolled_back_ms"],
        "put_far_back": report["put_far_back"],
        "on_another_node_afterwards": moved,
        "late_or_missing": report["violation_count"],
        "fsck": fsck,
        "failures": failures,
        "held": failures.is_empty(),
    });
    (json, failures)
}

/// What did not hold, in words. `all_are_held` when the fault must be felt by those who play there.
pub(crate) fn failures(options: &Options, report: &Value, fsck: &Value, all_are_held: bool) -> Vec<String> {
    let mut failures = Vec::new();
    let number = |of: &Value| of.as_f64().unwrap_or(f64::MAX);
    failures.expect("entered", &report["entered"], report["entered"] == options.players);
    failures.expect("disconnects", &report["dropped"], report["dropped"] == 0);
    failures.expect("logged in anew", &report["reentered"], report["reentered"] == 0);
    let (held, back) = (&report["held_ms"], &report["rolled_back_ms"]);
    if all_are_held {
        let measured = number(&held["count"]) >= options.players as f64 / 2.0;
        failures.expect("too few were seen to be held", &held["count"], measured);
    }
    failures.expect("act again, p99 ms", &held["p99"], number(&held["p99"]) <= options.act_again_ms);
    failures.expect("rolled back, max ms", &back["max"], number(&back["max"]) <= options.rollback_ms);
    failures.expect("fsck", fsck, fsck["clean"] == true);
    failures
}

/// Waits until so many players are in zones; the node with most of them.
pub fn until_all_play(cluster: &Cluster, players: usize) -> String {
    wait_for("everybody plays on some node", PATIENCE, || {
        let nodes = cluster.ps().into_iter().filter(|row| row.name.starts_with("tmsrv-"));
        let counts: Vec<(f64, String)> = nodes
            .filter(|row| row.state == "running")
            .filter_map(|row| Some((metric(&row.http, "wydbr_tmsrv_players_count")?, row.name)))
            .collect();
        let all: f64 = counts.iter().map(|(count, _)| count).sum();
        let most = counts.into_iter().max_by(|a, b| a.0.total_cmp(&b.0));
        most.filter(|_| all >= players as f64).map(|(_, name)| name)
    })
}

/// Lets the bots play for so long.
pub(crate) fn passes(time: Duration) {
    let began = Instant::now();
    wait_for("the time has passed", time + PATIENCE, || (began.elapsed() >= time).then_some(()));
}
