//! Questions of the ledger on millions of entries: `scripts/bench-ledger`.
//!
//! Each is asked twice: by the whole command as an operator runs it, which starts a program and connects, and by the
//! call to DBSrv alone over a connection that is open. The promise is about the calls.

mod fill;

use anyhow::{Context, ensure};
use dbclient::RemoteStore;
use e2e::{Cluster, Options};
use fill::World;
use link::Credentials;
use model::calls::database::{FindCharacter, ItemHistory, PlayerLedger};
use model::calls::ledger::ENTRIES_MAX;
use model::membership::ProcessName;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use store::Store;

/// Promised for 99 of 100 calls.
const P99_MS: f64 = 50.0;
/// Entries of one question for a player: as many as the command asks for.
const PAGE: u32 = 1_000;

struct Args {
    entries: u64,
    questions: usize,
    seed: u64,
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = parse(std::env::args().skip(1))?;
    println!("seed {}", args.seed);
    let since = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let world = runtime.block_on(World::new(args.entries, args.seed))?;
    let filled = since.elapsed().as_secs();
    let bytes = world.bytes();
    println!(
        "{} entries in {} partitions, {} MB, in {filled} s",
        args.entries,
        world.partitions(),
        bytes >> 20
    );
    let cluster =
        Cluster::start(Options { nodes: 1, postgres: vec![world.dsn.clone()], ..Options::default() });
    let mut dice = StdRng::seed_from_u64(args.seed);
    let items: Vec<u128> =
        (0..args.questions).map(|_| world.item(dice.random_range(0..world.items))).collect();
    let players: Vec<String> =
        (0..args.questions).map(|_| World::player(dice.random_range(0..fill::CHARACTERS))).collect();

    let store = connect(&cluster)?;
    let item_calls = runtime.block_on(async {
        let mut times = Vec::new();
        for item in &items {
            let (request, since) =
                (ItemHistory { item: model::ItemId(*item), limit: ENTRIES_MAX }, Instant::now());
            let entries = store.item_history(request).await?;
            times.push(since.elapsed().as_secs_f64() * 1_000.0);
            ensure!(!entries.is_empty(), "the ledger has no item {item:032x}");
        }
        anyhow::Ok(times)
    })?;
    let player_calls = runtime.block_on(async {
        let mut times = Vec::new();
        for name in &players {
            let since = Instant::now();
            let found = store.find_character(FindCharacter { key: name.clone() }).await?;
            let found = found.with_context(|| format!("there is no {name}"))?;
            let (account, character) = (found.account, found.character);
            let request = PlayerLedger { account, character, before: None, limit: PAGE };
            let entries = store.player_ledger(request).await?;
            times.push(since.elapsed().as_secs_f64() * 1_000.0);
            ensure!(!entries.is_empty(), "{name} has no entries");
        }
        anyhow::Ok(times)
    })?;
    let command = |arguments: &[&str]| {
        let since = Instant::now();
        let output = cluster.with_data(arguments, None);
        let took = since.elapsed().as_secs_f64() * 1_000.0;
        let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        ensure!(
            output.status.success() && lines > 0,
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(took)
    };
    let item_commands: Vec<f64> =
        items.iter().map(|item| command(&["item", &format!("{item:032x}")])).collect::<Result<_, _>>()?;
    let player_commands: Vec<f64> =
        players.iter().map(|name| command(&["ledger", "--player", name])).collect::<Result<_, _>>()?;

    let mut missed = Vec::new();
    let mut shown = json!({
        "seed": args.seed,
        "entries": args.entries,
        "partitions": world.partitions(),
        "bytes": bytes,
        "fill_seconds": filled,
        "debug_build": cfg!(debug_assertions),
    });
    for (name, times, is_promised) in [
        ("item, the call", item_calls, true),
        ("player, the call", player_calls, true),
        ("item, the whole command", item_commands, false),
        ("player, the whole command", player_commands, false),
    ] {
        let (p50, p99, max) = (quantile(&times, 0.5), quantile(&times, 0.99), quantile(&times, 1.0));
        println!("{name}: p50 {p50:.1} ms, p99 {p99:.1} ms, most {max:.1} ms of {}", times.len());
        if is_promised && p99 >= P99_MS {
            missed.push(format!("{name}: p99 {p99:.1} ms, promised below {P99_MS} ms"));
        }
        shown[name] = json!({ "p50_ms": p50, "p99_ms": p99, "max_ms": max, "questions": times.len() });
    }
    shown["missed"] = json!(missed);
    println!("{shown}");
    if let Some(file) = args.json {
        std::fs::write(&file, format!("{shown}\n")).with_context(|| file.display().to_string())?;
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How long all but that part of them took at most.
fn quantile(times: &[f64], quantile: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * quantile) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// To the DBSrv of the cluster, as an operator's command does it.
fn connect(cluster: &Cluster) -> anyhow::Result<Arc<RemoteStore>> {
    let read = |file: &str| {
        let path = cluster.data().join(file);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let state: Value = serde_json::from_str(&read("run/cluster.json")?)?;
    let processes = state["processes"].as_array().context("no processes")?;
    let dbsrv = processes.iter().find(|process| process["name"] == "dbsrv-1").context("no dbsrv-1")?;
    let link = dbsrv["link"].as_str().context("no link")?.parse()?;
    let key = model::Secret::new(read("cluster.key")?.trim());
    Ok(RemoteStore::connect(Credentials::new(ProcessName("operator".into()), key), vec![link]))
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Args> {
    let mut args =
        Args { entries: 10_000_000, questions: 50, seed: rand::random::<u32>().into(), json: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        let number = |text: String, most: u64| match text.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => anyhow::bail!("{argument}: found `{text}`, expected a number from 1 to {most}"),
        };
        match argument.as_str() {
            "--entries" => args.entries = number(value()?, 100_000_000)?.max(100_000),
            "--questions" => args.questions = number(value()?, 10_000)? as usize,
            "--seed" => args.seed = number(value()?, u64::MAX >> 1)?,
            "--json" => args.json = Some(value()?.into()),
            other => {
                anyhow::bail!("found `{other}`, expected --entries, --questions, --seed or --json")
            }
        }
    }
    Ok(args)
}
