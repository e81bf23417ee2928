//! `sim`: many seeds, on all cores; what is wrong is told by seed.

use clap::{Parser, ValueEnum};
use sim::planted::{Bug, Found, search};
use sim::run::{Plan, Report, Scenario, cores, many, run};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Runs the storage and market protocols on simulated time and network.
#[derive(Parser)]
struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, alias = "seed", default_value_t = 1)]
    from: u64,
    /// What is played; by default odd seeds play the storage, even ones the market.
    #[arg(long, value_enum)]
    scenario: Option<Played>,
    /// How long things break in each, in simulated seconds.
    #[arg(long, default_value_t = 12)]
    breaking: u64,
    /// Run every so many seeds twice and compare the bytes; an odd number, for odd seeds play another scenario than even ones.
    #[arg(long, default_value_t = 21)]
    twice_every: u64,
    /// How many seeds run at a time; by default as many as there are cores.
    #[arg(long)]
    threads: Option<usize>,
    /// Print everything that happens, one seed at a time.
    #[arg(long)]
    told: bool,
    /// Plant each bug in turn instead; each must be found. Needs the feature `planted`.
    #[arg(long, value_name = "NAME|all")]
    planted: Option<String>,
    /// Also write the JSON object to this file.
    #[arg(long)]
    json: Option<std::path::PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Played {
    Storage,
    Market,
    Cluster,
}

impl Args {
    fn plan(&self, seed: u64) -> Plan {
        let plan = Plan::of(seed, Duration::from_secs(self.breaking));
        let scenario = match self.scenario {
            None => plan.scenario,
            Some(Played::Storage) => Scenario::Storage,
            Some(Played::Market) => Scenario::Market,
            Some(Played::Cluster) => Scenario::Cluster,
        };
        Plan { scenario, told: self.told, ..plan }
    }

    /// The options that give this seed again.
    fn options_of(&self, seed: u64) -> String {
        let scenario = match self.plan(seed).scenario {
            Scenario::Storage => "storage",
            Scenario::Market => "market",
            Scenario::Cluster => "cluster",
        };
        format!("--scenario {scenario} --from {seed} --breaking {}", self.breaking)
    }

    /// Runs a seed; every so many seeds twice.
    fn judged(&self, seed: u64) -> Report {
        let plan = self.plan(seed);
        let mut report = run(plan);
        if seed.is_multiple_of(self.twice_every.max(1)) && report != run(plan) {
            report.wrong.push("the same seed gave other bytes".to_owned());
        }
        report
    }
}

/// What came of all seeds.
#[derive(Default)]
struct Sum {
    seeds: u64,
    done: u64,
    refused: u64,
    faults: u64,
    simulated_ms: u64,
    bad: Vec<u64>,
}

impl Sum {
    fn add(&mut self, args: &Args, seed: u64, report: &Report) {
        self.seeds += 1;
        self.done += report.done;
        self.refused += report.refused;
        self.faults += report.faults;
        self.simulated_ms += report.simulated_ms;
        if !report.wrong.is_empty() {
            println!("seed {seed}: {} wrong", report.wrong.len());
            report.wrong.iter().take(20).for_each(|what| println!("  {what}"));
            println!(
                "  alone, with all that happens: scripts/sim --seeds 1 --told {}",
                args.options_of(seed)
            );
            self.bad.push(seed);
        }
        if self.seeds.is_multiple_of(50) {
            let Self { seeds, done, refused, faults, .. } = self;
            let (bad, all) = (self.bad.len(), args.seeds);
            println!("{seeds} of {all} seeds, {bad} bad, {done} done, {refused} refused, {faults} faults");
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let began = Instant::now();
    if let Some(which) = &args.planted {
        return planted(which, &args);
    }
    let mut sum = all(&args);
    sum.bad.sort_unstable();
    let seconds = began.elapsed().as_secs_f64();
    let result = serde_json::json!({
        "seeds": sum.seeds, "from": args.from, "done": sum.done, "refused": sum.refused, "faults": sum.faults,
        "simulated_seconds": sum.simulated_ms / 1_000, "seconds": seconds,
        "seeds_per_second": sum.seeds as f64 / seconds, "bad_seeds": sum.bad,
    });
    println!("{result}");
    if let Some(path) = args.json {
        std::fs::write(path, result.to_string())?;
    }
    Ok(if sum.bad.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs all seeds, several at a time.
fn all(args: &Args) -> Sum {
    let threads = if args.told { 1 } else { args.threads.unwrap_or_else(cores) };
    let mut sum = Sum::default();
    many(
        args.from..args.from + args.seeds,
        threads,
        |seed| args.judged(seed),
        |seed, report| sum.add(args, seed, &report),
    );
    sum
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
