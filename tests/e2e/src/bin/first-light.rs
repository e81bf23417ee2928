//! The numbers that the first milestone promises, measured on this machine: `scripts/first-light [SECTION...]`.
//!
//! Each section starts a cluster of its own, prints one JSON line, and counts as missed when its promise does
//! not hold. Exit 0 only when none was missed.

use anyhow::Context;
use e2e::{Cluster, Options, RedisServer, get};
use serde_json::{Value, json};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use store::testing::PgServer;

/// Promised for an action seen by a neighbour.
const P99_MS: f64 = 150.0;
/// Promised for the return of a player after the death of a process.
const GAP_MS: f64 = 10_000.0;

type Section = fn(&Args) -> anyhow::Result<(Value, bool)>;

const SECTIONS: [(&str, Section); 8] = [
    ("bots-759", |args| bots(args, "759")),
    ("bots-748", |args| bots(args, "748")),
    ("bots-769", |args| bots(args, "769")),
    ("bots-mixed", |args| bots(args, "mixed")),
    ("postgres-redis", postgres_redis),
    ("kill", kill),
    ("monsters", monsters),
    ("hostile", hostile),
];

struct Args {
    players: u32,
    seconds: u32,
    hostile_seconds: u32,
    seed: u32,
    sections: Vec<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = parse(std::env::args().skip(1))?;
    let mut missed = Vec::new();
    for (name, section) in SECTIONS {
        if !args.sections.is_empty() && !args.sections.iter().any(|wanted| wanted == name) {
            continue;
        }
        println!("== {name}");
        let (mut numbers, held) = section(&args).with_context(|| format!("section {name}"))?;
        numbers["section"] = json!(name);
        numbers["held"] = json!(held);
        println!("{numbers}");
        if !held {
            missed.push(name);
        }
    }
    println!("{}", json!({ "seed": args.seed, "missed": missed }));
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Args> {
    let mut args = Args { players: 200, seconds: 30, hostile_seconds: 600, seed: 1, sections: Vec::new() };
    while let Some(argument) = arguments.next() {
        let mut number = || -> anyhow::Result<u32> {
            let text = arguments.next().with_context(|| format!("{argument} needs a number"))?;
            text.parse().with_context(|| format!("{argument}: found `{text}`, expected a number"))
        };
        match argument.as_str() {
            "--players" => args.players = number()?,
            "--for" => args.seconds = number()?,
            "--hostile-for" => args.hostile_seconds = number()?,
            "--seed" => args.seed = number()?,
            name if SECTIONS.iter().any(|(known, _)| *known == name) => args.sections.push(argument),
            other => {
                let names: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
                anyhow::bail!(
                    "found `{other}`, expected --players, --for, --hostile-for, --seed or {names:?}"
                )
            }
        }
    }
    Ok(args)
}

fn two_nodes() -> Options {
    Options { nodes: 2, ..Options::default() }
}

fn play(cluster: &Cluster, args: &Args, players: u32, seconds: u32, profile: &str) -> (Value, bool) {
    let (players_text, seconds, seed) = (players.to_string(), seconds.to_string(), args.seed.to_string());
    let report =
        cluster.bots(&["--players", &players_text, "--for", &seconds, "--profile", profile, "--seed", &seed]);
    judge(report, players)
}

fn judge((report, content): (Value, bool), players: u32) -> (Value, bool) {
    let p99 = report["latency_ms"]["p99"].as_f64().unwrap_or(f64::MAX);
    let held = content && report["entered"] == players && report["dropped"] == 0 && p99 < P99_MS;
    (report, held)
}

fn bots(args: &Args, profile: &str) -> anyhow::Result<(Value, bool)> {
    let cluster = Cluster::start(two_nodes());
    Ok(play(&cluster, args, args.players, args.seconds, profile))
}

fn postgres_redis(args: &Args) -> anyhow::Result<(Value, bool)> {
    let postgres = PgServer::start();
    let redis = RedisServer::start();
    let shards = vec![postgres.create_database("shard0"), postgres.create_database("shard1")];
    let cluster = Cluster::start(Options { postgres: shards, redis: Some(redis.url()), ..two_nodes() });
    Ok(play(&cluster, args, args.players, args.seconds, "mixed"))
}

/// Every process but the edge dies once while bots walk.
fn kill(args: &Args) -> anyhow::Result<(Value, bool)> {
    const NAMES: [&str; 7] = ["tmsrv-1", "tmsrv-2", "dbsrv-1", "nrsrv-1", "bisrv-1", "tsssrv-1", "logsrv-1"];
    let cluster = Cluster::start(two_nodes());
    let seed = args.seed.to_string();
    let bots = cluster.start_bots(&[
        "--players",
        "100",
        "--for",
        "150",
        "--profile",
        "mixed",
        "--faults",
        "--seed",
        &seed,
    ]);
    for name in NAMES {
        wait_online(&cluster, 100);
        cluster.kill_and_wait(name);
    }
    let (report, content) = bots.finish();
    let gap = report["longest_gap_ms"].as_f64().unwrap_or(f64::MAX);
    let held = content && report["entered"] == 100 && gap <= GAP_MS;
    Ok((report, held))
}

fn wait_online(cluster: &Cluster, players: u32) {
    let page = format!("http://127.0.0.1:{}/SrvCont.htm", cluster.http_port);
    e2e::wait_for("everybody is online", Duration::from_secs(60), || {
        let online: u32 = get(&page).ok()?.body.split("\\n").next()?.trim().parse().ok()?;
        (online >= players).then_some(())
    });
}

/// Over 9,000 creatures of an operator's own content, and nobody near.
fn monsters(args: &Args) -> anyhow::Result<(Value, bool)> {
    let Some(content) = e2e::original_content("monsters") else {
        return Ok((json!({ "skipped": "WYDBR_ORIGINAL_CONTENT is not set" }), true));
    };
    let cluster = Cluster::start(Options { content: Some(content), ..two_nodes() });
    let nodes = ["tmsrv-1", "tmsrv-2"].map(|name| cluster.process(name).http);
    let sum = |metric: &str| -> f64 { nodes.iter().filter_map(|http| e2e::metric(http, metric)).sum() };
    let creatures = e2e::wait_for("over 9,000 creatures stand", Duration::from_secs(60), || {
        Some(sum("wydbr_tmsrv_entities_count")).filter(|count| *count > 9_000.0)
    });
    let cpu = || sum("wydbr_tmsrv_process_cpu_seconds");
    let (before, began) = (cpu(), Instant::now());
    e2e::wait_for("the measured time has passed", Duration::from_secs(120), || {
        (began.elapsed() >= Duration::from_secs(u64::from(args.seconds))).then_some(())
    });
    let share = (cpu() - before) / began.elapsed().as_secs_f64() * 100.0;
    Ok((json!({ "creatures": creatures, "percent_of_one_core_both_nodes": share }), share < 5.0))
}

/// Hostile clients beside 100 players.
fn hostile(args: &Args) -> anyhow::Result<(Value, bool)> {
    let cluster = Cluster::start(two_nodes());
    let seconds = args.hostile_seconds;
    let (for_bots, seed) = ((seconds + 20).to_string(), args.seed.to_string());
    let bots =
        cluster.start_bots(&["--players", "100", "--for", &for_bots, "--profile", "mixed", "--seed", &seed]);
    wait_online(&cluster, 100);
    let pid = cluster.process("edge-1").pid;
    let resident_before = e2e::resident_kib(pid);
    let summary = cluster.data().join("attack.json");
    let attack = Command::new(e2e::wydbr_binary())
        .args(["hostile", "--edge", &cluster.edge(), "--signup", &cluster.signup(), "--connections", "5000"])
        .args(["--for", &seconds.to_string(), "--seed", &seed, "--json"])
        .arg(&summary)
        .output()?;
    let resident_after = e2e::resident_kib(pid);
    let (mut report, held) = judge(bots.finish(), 100);
    let restarts: u32 = cluster.ps().iter().map(|row| row.restarts).sum();
    report["edge_resident_kib"] = json!([resident_before, resident_after]);
    report["attack"] = serde_json::from_slice(&std::fs::read(&summary)?)?;
    report["restarts"] = json!(restarts);
    let grew = resident_after > resident_before + 64 * 1024;
    Ok((report, held && attack.status.success() && restarts == 0 && !grew))
}
