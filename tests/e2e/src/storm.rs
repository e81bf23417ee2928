//! The storm: a cluster on PostgreSQL shards and Redis, bots that trade, and a killer.
//!
//! Bots move items and gold until so much was acknowledged; meanwhile random processes, the shards' servers and
//! Redis die of SIGKILL, some after they were stopped for a while. In the end every bot logs in once more and
//! must be shown what it was shown last, and `wydbr fsck` must find nothing.

mod killer;
mod verdict;

use crate::{Cluster, RedisServer};
use bot::fleet::economy::{self, Book, Deed};
use bot::fleet::{self, Report};
use bot::protocol::place::Tile;
use bot::protocol::profile::Mix;
use killer::Killer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::testing::PgServer;

/// How often the storm says how it is going.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// How long an answer may take while shards die.
const PATIENCE: Duration = Duration::from_secs(45);
/// A storm in which so long nothing is acknowledged has died down.
const CALM_MAX: Duration = Duration::from_secs(120);
/// Pads of the portals between the towns of the built-in content.
const PADS: [(u16, u16); 6] =
    [(2116, 2100), (1044, 1724), (1044, 1716), (1044, 1708), (2480, 1716), (2456, 2016)];
/// Gold of a bot at its start: what merchants take must not end the storm.
const RICH: &str = "gold = 2000000";

/// What kind of storm.
#[derive(Clone, Debug)]
pub struct Options {
    /// Operations that have to be acknowledged.
    pub ops: u64,
    /// Deaths.
    pub kills: u32,
    /// Bots.
    pub players: usize,
    /// PostgreSQL servers, one shard each.
    pub shards: usize,
    /// Of the bots and the killer.
    pub seed: u64,
    /// What the bots leave out.
    pub without: Vec<Deed>,
    /// The killer's pauses in milliseconds.
    pub pause_ms: std::ops::Range<u64>,
    /// It ends after this even when too little was acknowledged, which is a failure.
    pub at_most: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Everything that was counted and judged.
    pub json: Value,
    /// What did not hold, in words; empty when all did.
    pub failures: Vec<String>,
}

/// All that the storm runs on.
pub struct Stage {
    /// The shards' servers.
    pub shards: Vec<PgServer>,
    /// Redis.
    pub redis: RedisServer,
    /// The processes.
    pub cluster: Cluster,
    _content: tempfile::TempDir,
}

impl Stage {
    /// Starts everything.
    pub fn new(shards: usize) -> anyhow::Result<Stage> {
        let shards: Vec<PgServer> = (0..shards).map(|_| PgServer::start()).collect();
        let redis = RedisServer::start();
        let content = rich_content()?;
        let options = crate::Options {
            nodes: 2,
            content: Some(content.path().to_owned()),
            postgres: shards.iter().map(|shard| shard.create_database("shard")).collect(),
            redis: Some(redis.url()),
        };
        Ok(Stage { shards, redis, cluster: Cluster::start(options), _content: content })
    }
}

/// The built-in content with rich newcomers.
fn rich_content() -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/content");
    for file in std::fs::read_dir(source)? {
        let file: PathBuf = file?.path();
        let Some(name) = file.file_name() else { continue };
        let mut text = std::fs::read_to_string(&file)?;
        if name == "starters.toml" {
            let rich = text.replace("gold = 2000", RICH);
            anyhow::ensure!(rich != text, "the starters of the built-in content have no 2000 gold any more");
            text = rich;
        }
        std::fs::write(folder.path().join(name), text)?;
    }
    Ok(folder)
}

/// Lets a storm rage and judges what it left.
pub fn run(options: &Options) -> anyhow::Result<Outcome> {
    println!("storm with seed {}: {options:?}", options.seed);
    let began = Instant::now();
    let mut stage = Stage::new(options.shards)?;
    let book = Arc::new(Book::default());
    let fleet = std::thread::spawn({
        let fleet = fleet_options(options, &stage.cluster, &book);
        move || -> anyhow::Result<Report> {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            Ok(runtime.block_on(fleet::run(fleet))?)
        }
    });
    let mut killer = Killer::new(StdRng::seed_from_u64(!options.seed), options.pause_ms.clone());
    let mut failures = rage(options, &mut stage, &book, &mut killer, &fleet);
    println!("{:7.1} s  the storm is over, all log out and in again", began.elapsed().as_secs_f64());
    book.close();
    let report = fleet.join().map_err(|_| anyhow::anyhow!("the bots panicked"))??;
    let mut json = verdict::judge(options, &stage, &report, &killer, &mut failures);
    json["seconds"] = json!(began.elapsed().as_secs_f64());
    json["failures"] = json!(failures);
    json["held"] = json!(failures.is_empty());
    let code = stage.cluster.stop();
    if code != Some(0) {
        failures.push(format!("the cluster stopped with {code:?}"));
        json["failures"] = json!(failures);
        json["held"] = json!(false);
    }
    Ok(Outcome { json, failures })
}

fn fleet_options(options: &Options, cluster: &Cluster, book: &Arc<Book>) -> fleet::Options {
    let economy = economy::Options {
        without: options.without.clone(),
        patience: PATIENCE,
        ..economy::Options::default()
    };
    fleet::Options {
        signup: Some(cluster.signup()),
        seed: Some(options.seed),
        ramp: 10.0,
        pace: 0.5,
        faults: true,
        progress: false,
        economy: Some(economy),
        book: Some(Arc::clone(book)),
        portals: PADS.map(|(x, y)| Tile::new(x, y)).to_vec(),
        ..fleet::Options::new(&cluster.edge(), options.players, 7 * 24 * 3600, Mix::Mixed)
    }
}

/// Kills until enough died and enough was acknowledged; what went wrong meanwhile.
fn rage(
    options: &Options,
    stage: &mut Stage,
    book: &Book,
    killer: &mut Killer,
    fleet: &std::thread::JoinHandle<anyhow::Result<Report>>,
) -> Vec<String> {
    let began = Instant::now();
    let (mut told, mut progress) = (began, (0, began));
    loop {
        let done = book.acknowledged();
        if done >= options.ops && killer.kills() >= options.kills {
            return Vec::new();
        }
        if done > progress.0 {
            progress = (done, Instant::now());
        }
        if fleet.is_finished() {
            return vec!["the bots ended before the storm".to_owned()];
        }
        if began.elapsed() > options.at_most || progress.1.elapsed() > CALM_MAX {
            let words = stage.cluster.last_words();
            println!("{words}");
            return vec![format!(
                "only {done} operations and {} kills in {:?}",
                killer.kills(),
                began.elapsed()
            )];
        }
        if told.elapsed() > REPORT_INTERVAL {
            told = Instant::now();
            println!(
                "{:7.1} s  {done} acknowledged, {} kills",
                began.elapsed().as_secs_f64(),
                killer.kills()
            );
        }
        // the first operations are done in peace, the deaths are spread over the others
        let share = u64::from(killer.kills()) * options.ops / u64::from(options.kills.max(1));
        let strikes = killer.kills() < options.kills && done > share.max(options.players as u64);
        if !(strikes && killer.strike(stage)) {
            std::thread::sleep(Duration::from_millis(50)); // pacing of the poll
        }
    }
}

/// Deeds by name, separated by commas.
pub fn deeds(text: &str) -> anyhow::Result<Vec<Deed>> {
    let one = |name: &str| {
        serde_json::from_value(json!(name.trim()))
            .map_err(|_| anyhow::anyhow!("there is no deed called `{name}`"))
    };
    text.split(',').map(one).collect()
}
