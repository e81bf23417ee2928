//! The storm: a cluster on PostgreSQL shards and Redis, bots that trade, and a killer.
//!
//! Bots move items and gold until so much was acknowledged; meanwhile random processes, the shards' servers and
//! Redis die of SIGKILL, some after they were stopped for a while. In the end every bot logs in once more and
//! must be shown what it was shown last, and `wydbr fsck` must find nothing.

mod coordinator;
mod killer;
pub(crate) mod verdict;

pub use verdict::bots_failures;

use crate::{Cluster, Fleet, RedisServer};
use bot::fleet;
use bot::fleet::economy::{self, Deed};
use bot::protocol::place::Tile;
use bot::protocol::profile::Mix;
use killer::Killer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::path::PathBuf;
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
/// Limits of an operator who wants bots in haste: far above what people need.
const LIMITS_FOR_HASTE: &str = "[budgets]
packets = { per_second = 1000.0, burst = 4000.0 }
bytes = { per_second = 1000000.0, burst = 4000000.0 }
chat = { per_second = 200.0, burst = 800.0 }
goods = { per_second = 500.0, burst = 2000.0 }
";
/// Where files live in memory. A process that dies of SIGKILL loses nothing that it wrote to a file, wherever it is.
const MEMORY: &str = "/dev/shm";
/// The shards checkpoint more often than they would, so that a killed one has little to repeat before it answers again.
const SHARD_SETTINGS: [&str; 3] = ["checkpoint_timeout=60s", "max_wal_size=512MB", "shared_buffers=256MB"];

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
    /// Factor on the bots' pauses between deeds; below 1 the limits of the edge are raised.
    pub haste: f64,
    /// The shards' data is in memory.
    pub tmpfs: bool,
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
    /// Starts everything: shards, in memory or not, and limits for bots in haste or the usual ones.
    pub fn new(shards: usize, tmpfs: bool, hastes: bool) -> anyhow::Result<Stage> {
        let place = if tmpfs { PathBuf::from(MEMORY) } else { std::env::temp_dir() };
        anyhow::ensure!(
            place.is_dir(),
            "found no folder {}, expected files in memory there",
            place.display()
        );
        let shards: Vec<PgServer> =
            (0..shards).map(|_| PgServer::start_in(&place, &SHARD_SETTINGS)).collect();
        let redis = RedisServer::start();
        let content = rich_content()?;
        let options = crate::Options {
            nodes: 2,
            content: Some(content.path().to_owned()),
            postgres: shards.iter().map(|shard| shard.create_database("shard")).collect(),
            redis: Some(redis.url()),
            settings: hastes.then(|| ("Edge", LIMITS_FOR_HASTE.to_owned())).into_iter().collect(),
            tls: false,
        };
        Ok(Stage { shards, redis, cluster: Cluster::start(options), _content: content })
    }
}

/// The built-in content with rich newcomers.
fn rich_content() -> anyhow::Result<tempfile::TempDir> {
    crate::content::changed("starters.toml", |text| text.replace("gold = 2000", RICH))
}

/// Lets a storm rage and judges what it left.
pub fn run(options: &Options) -> anyhow::Result<Outcome> {
    println!("storm with seed {}: {options:?}", options.seed);
    let began = Instant::now();
    let mut stage = Stage::new(options.shards, options.tmpfs, options.haste < 1.0)?;
    let fleet = Fleet::start(fleet_options(options, &stage.cluster));
    let mut killer = Killer::new(StdRng::seed_from_u64(!options.seed), options.pause_ms.clone());
    let mut rates = Rates::default();
    let mut failures = rage(options, &mut stage, &mut killer, &fleet, &mut rates);
    println!("{:7.1} s  the storm is over, all log out and in again", began.elapsed().as_secs_f64());
    fleet.close();
    let report = fleet.finish()?;
    let mut json = verdict::judge(options, &stage, &report, &killer, &mut failures);
    verdict::merge(&mut json, rates.json());
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

fn fleet_options(options: &Options, cluster: &Cluster) -> fleet::Options {
    let economy = economy::Options {
        without: options.without.clone(),
        patience: PATIENCE,
        pace: options.haste,
        ..economy::Options::default()
    };
    fleet::Options {
        seed: Some(options.seed),
        faults: true,
        economy: Some(economy),
        ..traders(cluster, options.players)
    }
}

/// Bots of an economy that play until they are told to stop.
pub(crate) fn traders(cluster: &Cluster, players: usize) -> fleet::Options {
    fleet::Options {
        signup: Some(cluster.signup()),
        ramp: 10.0,
        pace: 0.5,
        progress: false,
        economy: Some(economy::Options { patience: PATIENCE, ..economy::Options::default() }),
        portals: PADS.map(|(x, y)| Tile::new(x, y)).to_vec(),
        ..fleet::Options::new(&cluster.edge(), players, 7 * 24 * 3600, Mix::Mixed)
    }
}

/// How fast it went: from the first acknowledged operation on, and of that the time in which nothing was being killed
/// or started again.
#[derive(Debug, Default)]
struct Rates {
    all: (u64, Duration),
    under_kills: (u64, Duration),
}

impl Rates {
    fn json(&self) -> Value {
        let per_second = |ops: u64, time: Duration| (ops as f64 / time.as_secs_f64().max(0.001)).round();
        let (all, kills) = (self.all, self.under_kills);
        json!({
            "raging_seconds": all.1.as_secs_f64(),
            "acknowledged_per_second": per_second(all.0, all.1),
            "acknowledged_per_second_between_kills":
                per_second(all.0.saturating_sub(kills.0), all.1.saturating_sub(kills.1)),
        })
    }
}

/// Kills until enough died and enough was acknowledged; what went wrong meanwhile.
fn rage(
    options: &Options,
    stage: &mut Stage,
    killer: &mut Killer,
    fleet: &Fleet,
    rates: &mut Rates,
) -> Vec<String> {
    let began = Instant::now();
    let (mut told, mut progress, mut first) = ((0, began), (0, began), None);
    loop {
        let done = fleet.acknowledged();
        if done > 0 {
            rates.all = (done, first.get_or_insert_with(Instant::now).elapsed());
        }
        if done >= options.ops && killer.kills() >= options.kills {
            return Vec::new();
        }
        if done > progress.0 {
            progress = (done, Instant::now());
        }
        if fleet.has_ended() {
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
        if told.1.elapsed() > REPORT_INTERVAL {
            let rate = (done - told.0) as f64 / told.1.elapsed().as_secs_f64();
            told = (done, Instant::now());
            let (seconds, kills) = (began.elapsed().as_secs_f64(), killer.kills());
            println!("{seconds:7.1} s  {done} acknowledged, {rate:.0} a second, {kills} kills");
        }
        // all come in and the first operations are done in peace, the deaths are spread over the others
        let share = u64::from(killer.kills()) * options.ops / u64::from(options.kills.max(1));
        let peace = fleet.arrived() < options.players || done <= options.players as u64;
        let strikes = !peace && killer.kills() < options.kills && done > share;
        let since = Instant::now();
        if strikes && killer.strike(stage) {
            rates.under_kills.0 += fleet.acknowledged() - done;
            rates.under_kills.1 += since.elapsed();
        } else {
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
