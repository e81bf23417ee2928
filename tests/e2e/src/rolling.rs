//! Another program under a cluster in which bots play: every process runs it in the end, and nobody is disconnected, loses
//! what it said, or sees anything twice.

use crate::failover::until_all_play;
use crate::script::Expect;
use crate::storm::verdict;
use crate::{Cluster, wydbr_binary};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is done, and what must hold.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bots.
    pub players: usize,
    /// How long they play: longer than the upgrade takes.
    pub seconds: u64,
    /// Processes or programs that are upgraded; all when empty.
    pub only: Vec<String>,
    /// Of the bots.
    pub seed: u64,
}

/// Does it on a cluster that runs; the report, and what did not hold in words.
pub fn run(cluster: &Cluster, options: &Options) -> (Value, Vec<String>) {
    println!("rolling with seed {}: {options:?}", options.seed);
    let folder = tempfile::tempdir().expect("a folder for the other program");
    let program = folder.path().join("wydbr");
    std::fs::copy(wydbr_binary(), &program).expect("a copy of the program");
    let (players, seconds, seed) =
        (options.players.to_string(), options.seconds.to_string(), options.seed.to_string());
    let began = Instant::now();
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
    until_all_play(cluster, options.players);
    let in_play = began.elapsed();
    let upgrading = Instant::now();
    let upgrade = upgrade(cluster, &program, &options.only);
    let took = upgrading.elapsed();
    println!("     upgraded in {} ms: {upgrade:?}", took.as_millis());
    until_all_play(cluster, options.players);
    let (report, _) = bots.finish();
    let fsck = verdict::examine(cluster);
    let on_new = on_program(cluster, &program);
    let processes = cluster.ps().len();
    let mut failures = Vec::new();
    let words = upgrade.err().unwrap_or_default();
    failures.expect("upgrade", json!(words), words.is_empty());
    failures.expect(
        "run the new program",
        json!(on_new),
        !options.only.is_empty() || on_new.len() == processes,
    );
    failures.expect("the bots ended before the upgrade", json!(took.as_millis() as u64), {
        (in_play + took).as_secs() < options.seconds
    });
    failures.expect("entered", &report["entered"], report["entered"] == options.players);
    failures.expect("disconnects", &report["dropped"], report["dropped"] == 0);
    failures.expect("logged in anew", &report["reentered"], report["reentered"] == 0);
    failures.expect("not seen by a neighbour", &report["missing"], report["missing"] == 0);
    failures.expect("seen twice", &report["doubled"], report["doubled"] == 0);
    failures.expect("fsck", &fsck, fsck["clean"] == true);
    let json = json!({
        "players": options.players,
        "seconds": options.seconds,
        "seed": options.seed,
        "upgrade_ms": took.as_millis() as u64,
        "on_the_new_program": on_new,
        "entered": report["entered"],
        "disconnects": report["dropped"],
        "reentered": report["reentered"],
        "missing": report["missing"],
        "doubled": report["doubled"],
        "late": report["late"],
        "violations": report["violations_by_kind"],
        "first_violations": report["violations"],
        "corrections": report["corrections"],
        "held_ms": report["held_ms"],
        "longest_gap_ms": report["longest_gap_ms"],
        "latency_ms": report["latency_ms"],
        "walked": report["walked"],
        "fsck": fsck,
        "failures": failures,
        "held": failures.is_empty(),
    });
    (json, failures)
}

/// Runs `wydbr upgrade`; what it complained of.
pub fn upgrade(cluster: &Cluster, program: &Path, only: &[String]) -> Result<(), String> {
    let program = program.to_str().expect("a path in UTF-8");
    let only = only.join(",");
    let mut arguments = vec!["upgrade", "--binary", program];
    if !only.is_empty() {
        arguments.extend(["--only", &only]);
    }
    let output = cluster.with_data(&arguments, None);
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Names of the processes that run this program.
pub fn on_program(cluster: &Cluster, program: &Path) -> Vec<String> {
    let program = std::fs::canonicalize(program).expect("the program is there");
    let runs = |pid: u32| -> Option<PathBuf> { std::fs::read_link(format!("/proc/{pid}/exe")).ok() };
    cluster
        .ps()
        .into_iter()
        .filter(|row| runs(row.pid).as_ref() == Some(&program))
        .map(|row| row.name)
        .collect()
}
