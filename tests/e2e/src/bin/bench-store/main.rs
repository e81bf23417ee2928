//! The store beside pgbench, on the same PostgreSQL and in the same run: `scripts/bench-store`.
//!
//! pgbench does by prepared statements what one purchase changes: it locks the character by its epoch, inserts the
//! operation, takes the gold, inserts the item and two entries of the ledger. We do the same purchase through a DBSrv
//! process over the link. Rounds alternate; both have as many clients and as many rows. With `--bots` a whole cluster on
//! the same database is walked meanwhile in two rounds more.

mod beside;
mod ours;
mod rival;
mod sample;
mod world;

use anyhow::Context;
use ours::Load;
use sample::Sample;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use world::World;

/// Promised: our operations in a second for one of pgbench's.
const RATIO: f64 = 0.8;
/// Promised for an operation with all clients at work.
const P99_MS: f64 = 20.0;
/// Rounds of purchases beside bots.
const BESIDE: u32 = 2;
/// Promised for saving 2,000 characters every 30 s, in percent of a core of DBSrv.
const SAVING: f64 = 10.0;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Args {
    seconds: u32,
    clients: u32,
    rounds: u32,
    bots: u32,
    seed: u64,
    json: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((ours::AS_DBSRV, arguments)) =
        arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        ours::be_dbsrv(arguments)?;
        return Ok(ExitCode::SUCCESS);
    }
    let args = parse(arguments.into_iter())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let for_a_round = Duration::from_secs((args.seconds / args.rounds).max(1).into());
    println!("filling two databases");
    let world = runtime.block_on(World::new(args.rounds + BESIDE))?;
    let mut dbsrv = ours::DbSrv::start(&world)?;
    let (mut theirs, mut mine) = (Sample::default(), Sample::default());
    let mut cpu = Duration::ZERO;
    for round in 0..args.rounds {
        let theirs_now = rival::run(&world, args.clients, for_a_round, round)?;
        println!("round {round}: pgbench {theirs_now}");
        let before = dbsrv.cpu();
        let load = Load { round, clients: args.clients, lasts: for_a_round, every: None };
        let mine_now = runtime.block_on(ours::buy(&world, &dbsrv, load))?;
        let used = dbsrv.cpu() - before;
        println!("round {round}: wydbr   {mine_now}, CPU of DBSrv {:.0} %", percent(used, for_a_round));
        cpu += used;
        theirs.add(theirs_now);
        mine.add(mine_now);
    }
    let load = Load { round: args.rounds, clients: args.clients, lasts: for_a_round, every: None };
    let beside = match args.bots {
        0 => None,
        bots => Some(beside::measure(&world, &dbsrv, &runtime, (args.clients, bots, args.seed), load)?),
    };
    let saving = runtime.block_on(ours::save(&world, &mut dbsrv))?;
    println!("saving 2,000 characters every 30 s: {saving:.1} % of a core of DBSrv");
    let report = runtime.block_on(ours::examine(&dbsrv))?;
    println!("fsck: {} operations, {} findings", report.checked.operations, report.checked.findings.len());

    let ratio = mine.per_second() / theirs.per_second();
    let p99 = mine.milliseconds(0.99);
    let mut missed = Vec::new();
    let mut promise = |held: bool, what: String| {
        if !held {
            missed.push(what);
        }
    };
    promise(ratio >= RATIO, format!("ratio {ratio:.2}, promised {RATIO}"));
    promise(p99 < P99_MS, format!("p99 {p99:.1} ms, promised below {P99_MS} ms"));
    if let Some(beside) = &beside {
        let p99 = beside.clicking.milliseconds(0.99);
        promise(p99 < P99_MS, format!("p99 {p99:.1} ms beside bots, promised below {P99_MS} ms"));
        let p99 = beside.saturated.milliseconds(0.99);
        promise(
            p99 < P99_MS,
            format!("p99 {p99:.1} ms beside bots and saturated, promised below {P99_MS} ms"),
        );
    }
    promise(saving < SAVING, format!("saving takes {saving:.1} % of a core, promised below {SAVING} %"));
    promise(report.is_clean(), format!("fsck finds {:?}", report.checked.findings.first()));
    let shown = json!({
        "seed": args.seed,
        "clients": args.clients,
        "seconds": args.seconds,
        "pgbench": theirs.shown(),
        "wydbr": mine.shown(),
        "ratio": ratio,
        "beside": beside.map(|beside| json!({
            "bots": beside.bots,
            "saturated": beside.saturated.shown(),
            "clicking": beside.clicking.shown(),
        })),
        "dbsrv_cpu_percent": percent(cpu, for_a_round * args.rounds),
        "saving_cpu_percent": saving,
        "fsck_findings": report.checked.findings.len(),
        "missed": missed,
    });
    println!("{shown}");
    if let Some(file) = args.json {
        std::fs::write(&file, format!("{shown}\n")).with_context(|| file.display().to_string())?;
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn percent(used: Duration, of: Duration) -> f64 {
    100.0 * used.as_secs_f64() / of.as_secs_f64()
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Args> {
    let mut args = Args { seconds: 60, clients: 64, rounds: 3, bots: 0, seed: 1, json: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        let number = |text: String, most: u32| match text.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => anyhow::bail!("{argument}: found `{text}`, expected a number from 1 to {most}"),
        };
        match argument.as_str() {
            "--seconds" => args.seconds = number(value()?, 3_600)?,
            "--clients" => args.clients = number(value()?, 150)?,
            "--rounds" => args.rounds = number(value()?, 10)?,
            // the rows are taken in order and the ids are fresh: only shown, as for every script
            "--bots" => args.bots = number(value()?, 2_000)?,
            "--seed" => args.seed = value()?.parse().context("--seed")?,
            "--json" => args.json = Some(value()?.into()),
            other => {
                anyhow::bail!(
                    "found `{other}`, expected --seconds, --clients, --rounds, --bots, --seed or --json"
                )
            }
        }
    }
    Ok(args)
}
