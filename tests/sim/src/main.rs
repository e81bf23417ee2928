//! `sim`: many seeds, one after the other; the first that is wrong is told in full.

use clap::Parser;
use sim::planted::{Bug, Found, search};
use sim::run::{Plan, Report, run};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs the storage protocols on simulated time and network.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, alias = "seed", default_value_t = 1)]
    from: u64,
    /// How long things break in each, in simulated seconds.
    #[arg(long, default_value_t = 12)]
    breaking: u64,
    /// Run every so many seeds twice and compare the bytes.
    #[arg(long, default_value_t = 20)]
    twice_every: u64,
    /// Plant each bug in turn instead; each must be found. Needs the feature `planted`.
    #[arg(long, value_name = "NAME|all")]
    planted: Option<String>,
    /// Also write the JSON object to this file.
    #[arg(long)]
    json: Option<std::path::PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let began = Instant::now();
    if let Some(which) = &args.planted {
        return planted(which, &args);
    }
    let (mut done, mut refused, mut faults, mut simulated_ms) = (0, 0, 0, 0);
    let mut bad = Vec::new();
    for seed in args.from..args.from + args.seeds {
        let plan = Plan { seed, breaking: Duration::from_secs(args.breaking) };
        let report = run(plan);
        done += report.done;
        refused += report.refused;
        faults += report.faults;
        simulated_ms += report.simulated_ms;
        let mut wrong = report.wrong.clone();
        if seed % args.twice_every.max(1) == 0 && differs(&report, &run(plan)) {
            wrong.push("the same seed gave other bytes".to_owned());
        }
        if !wrong.is_empty() {
            println!("seed {seed}: {} wrong", wrong.len());
            wrong.iter().take(20).for_each(|what| println!("  {what}"));
            bad.push(seed);
        }
        if (seed + 1 - args.from).is_multiple_of(50) {
            println!(
                "{} seeds, {done} transfers done, {refused} refused, {faults} faults",
                seed + 1 - args.from
            );
        }
    }
    let result = serde_json::json!({
        "seeds": args.seeds, "from": args.from, "done": done, "refused": refused, "faults": faults,
        "simulated_seconds": simulated_ms / 1_000, "seconds": began.elapsed().as_secs_f64(), "bad_seeds": bad,
    });
    println!("{result}");
    if let Some(path) = args.json {
        std::fs::write(path, result.to_string())?;
    }
    Ok(if bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn planted(which: &str, args: &Args) -> anyhow::Result<ExitCode> {
    let mut missed = Vec::new();
    let mut table = Vec::new();
    let chosen = |bug: &&Bug| which == "all" || format!("{bug:?}") == which;
    let bugs: Vec<&Bug> = Bug::ALL.iter().filter(chosen).collect();
    anyhow::ensure!(!bugs.is_empty(), "there is no bug {which}; there are {:?}", Bug::ALL);
    for bug in &bugs {
        let name = format!("{bug:?}");
        match search(**bug, args.from) {
            Some(Found { by, seed, what }) => {
                println!("{name}: found by the {by}, seed {seed}: {what}");
                table.push(serde_json::json!({ "bug": name, "by": by, "seed": seed, "what": what }));
            }
            None => {
                println!("{name}: NOT FOUND ({})", bug.what());
                missed.push(name);
            }
        }
    }
    let result = serde_json::json!({ "planted": bugs.len(), "found": table, "missed": missed });
    println!("{result}");
    if let Some(path) = &args.json {
        std::fs::write(path, result.to_string())?;
    }
    Ok(if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn differs(first: &Report, second: &Report) -> bool {
    first != second
}
