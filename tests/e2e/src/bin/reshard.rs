//! Grows a cluster in play from two shards to three: `scripts/reshard`.
//!
//! Bots play all the time. The DBSrv that moves buckets stands still at each step once, by a failpoint, and is killed
//! there, once the economy got on since the last death; the next run of it goes on. Exit 0 only when no player noticed
//! anything, all buckets moved, every bot was shown the same after it came back, and fsck is clean.

use anyhow::{Context, ensure};
use bot::fleet::{self, Report};
use e2e::storm::bots_failures;
use e2e::{Cluster, Fleet, Options};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use store::Postgres;
use store::testing::PgServer;

/// Life of DBSrv between two deaths. Its supervisor lets who dies sooner wait longer each time, up to 10 s, and players
/// with it.
const LIFE: Duration = Duration::from_secs(3);
/// How long a step, a restart or the whole growth may take.
const PATIENCE: Duration = Duration::from_secs(120);

struct Args {
    players: String,
    seconds: String,
    seed: String,
    json: Option<PathBuf>,
    bots: Vec<String>,
}

impl Args {
    /// True when the bots trade.
    fn economy(&self) -> bool {
        self.bots.iter().any(|option| option == "--economy")
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let args = parse(std::env::args().skip(1))?;
    let folder = std::env::var_os("FAILPOINTS_FOLDER").context("FAILPOINTS_FOLDER: run scripts/reshard")?;
    let (report, held) = grow(&args, Path::new(&folder))?;
    if let Some(path) = &args.json {
        std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
    }
    println!("{report}");
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Args> {
    let text = str::to_owned;
    let seed = rand::random::<u32>().to_string();
    let mut args = Args { players: text("100"), seconds: text("120"), seed, json: None, bots: Vec::new() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--players" => args.players = value()?,
            "--for" => args.seconds = value()?,
            "--seed" => args.seed = value()?,
            "--json" => args.json = Some(value()?.into()),
            "--" => args.bots.extend(arguments.by_ref()),
            other => {
                anyhow::bail!("found `{other}`, expected --players, --for, --seed, --json or -- BOT OPTIONS")
            }
        }
    }
    Ok(args)
}

fn grow(args: &Args, folder: &Path) -> anyhow::Result<(Value, bool)> {
    println!("seed {}", args.seed);
    let postgres = PgServer::start();
    let shards = vec![postgres.create_database("shard0"), postgres.create_database("shard1")];
    let mut cluster = Cluster::start(Options { nodes: 2, postgres: shards, ..Options::default() });
    let players: usize = args.players.parse().context("--players")?;
    let fleet = Fleet::start(bots(args, &cluster)?);
    until("the bots are there", || {
        let accounts =
            |shard| postgres.psql(shard, "SELECT count(*) FROM characters").parse::<usize>().unwrap_or(0);
        Ok((accounts("shard0") + accounts("shard1") >= players).then_some(()))
    })?;
    let mut economy = Progress { of: args.economy().then_some(&fleet), seen: 0, steps: Vec::new() };
    economy.wait("before anything moves")?;
    economy.mark();

    let began = Instant::now();
    let mut runs_since = began;
    let steps = Postgres::MOVE_STEPS;
    std::fs::write(folder.join("move"), steps[0])?;
    let dsn = postgres.create_database("shard2");
    let added = cluster.with_data(&["shards", "add", &dsn, "--no-wait"], None);
    ensure!(added.status.success(), "shards add: {}", String::from_utf8_lossy(&added.stderr));
    print!("{}", String::from_utf8_lossy(&added.stdout));
    for (index, step) in steps.iter().enumerate() {
        let reached = folder.join("reached");
        until(&format!("the mover reaches {step}"), || {
            Ok(std::fs::read_to_string(&reached).ok().filter(|at| at == step))
        })?;
        // players notice a mover that stands still as little as one that works
        economy.wait(&format!("while the mover stands at {step}"))?;
        until("DBSrv has worked for a while", || Ok((runs_since.elapsed() >= LIFE).then_some(())))?;
        let next = steps.get(index + 1).copied().unwrap_or("none");
        std::fs::write(folder.join("move"), next)?;
        std::fs::remove_file(&reached)?;
        println!("killing dbsrv-1 at {step}, {} ms after the beginning", began.elapsed().as_millis());
        cluster.kill_and_wait("dbsrv-1");
        runs_since = Instant::now();
        economy.mark();
    }
    let status = until("all buckets have moved", || {
        let status = status(&cluster)?;
        let moves = status["moves"].as_array().cloned().unwrap_or_default();
        let ended = moves.iter().all(|moved| !moved["ended_ms"].is_null());
        Ok((ended && !moves.is_empty()).then_some(status))
    })?;
    let took_ms = began.elapsed().as_millis() as u64;
    println!("all buckets have moved after {took_ms} ms");
    economy.mark();
    economy.wait("after the growth")?;

    let acknowledged = economy.steps;
    let played = fleet.finish()?;
    let fsck = cluster.with_data(&["fsck"], None);
    print!("{}", String::from_utf8_lossy(&fsck.stdout));
    let done =
        status["moves"].as_array().is_some_and(|moves| moves.iter().all(|moved| moved["state"] == "done"));
    let mut failures = failures_of(&played, args.economy().then_some(players));
    let stopped = cluster.stop();
    for (holds, otherwise) in [
        (done, "not all moves were carried out".to_owned()),
        (fsck.status.success(), "fsck found something".to_owned()),
        (stopped == Some(0), format!("the cluster stopped with {stopped:?}")),
    ] {
        if !holds {
            failures.push(otherwise);
        }
    }
    for failure in &failures {
        println!("FAILED: {failure}");
    }
    let report = json!({
        "seed": args.seed,
        "held": failures.is_empty(),
        "failures": failures,
        "killed_at": steps,
        "acknowledged_between_kills": acknowledged,
        "took_ms": took_ms,
        "shards": status["shards"],
        "moves": status["moves"],
        "fsck_clean": fsck.status.success(),
        "bots": played,
    });
    Ok((report, failures.is_empty()))
}

/// What the arguments say of the bots.
fn bots(args: &Args, cluster: &Cluster) -> anyhow::Result<fleet::Options> {
    let (edge, signup) = (cluster.edge(), cluster.signup());
    let mut options = vec!["--edge", &edge, "--signup", &signup, "--players", &args.players];
    options.extend(["--for", &args.seconds, "--seed", &args.seed]);
    options.extend(args.bots.iter().map(String::as_str));
    Ok(bot::cli::fleet_options(options)?)
}

/// What players noticed; `traders` when they have an economy.
fn failures_of(played: &Report, traders: Option<usize>) -> Vec<String> {
    let mut failures = traders.map(|players| bots_failures(played, players)).unwrap_or_default();
    if traders.is_none() && !played.is_clean() {
        failures.push(played.summary());
    }
    for violation in &played.violations {
        println!("violation: {violation}");
    }
    failures
}

/// How much was acknowledged between two deaths.
struct Progress<'a> {
    of: Option<&'a Fleet>,
    seen: u64,
    steps: Vec<u64>,
}

impl Progress<'_> {
    /// A death, or the end: what is acknowledged from now on counts anew.
    fn mark(&mut self) {
        if let Some(fleet) = self.of {
            self.seen = fleet.acknowledged();
        }
    }

    /// Waits until something was acknowledged since the last mark.
    fn wait(&mut self, when: &str) -> anyhow::Result<()> {
        let Some(fleet) = self.of else { return Ok(()) };
        until(&format!("something is acknowledged {when}"), || {
            ensure!(!fleet.has_ended(), "the bots ended {when}: give them longer (--for)");
            Ok((fleet.acknowledged() > self.seen).then_some(()))
        })?;
        self.steps.push(fleet.acknowledged() - self.seen);
        Ok(())
    }
}

fn status(cluster: &Cluster) -> anyhow::Result<Value> {
    let output = cluster.with_data(&["shards", "status", "--json"], None);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null))
}

fn until<T>(what: &str, mut look: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        ensure!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
