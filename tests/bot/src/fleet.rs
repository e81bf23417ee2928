//! Many bots at once that check what they see of each other.

pub mod economy;
mod entry;
mod ground;
mod ledger;
mod player;
mod report;

pub use ledger::Deadlines;
pub use report::{Counts, Kind, Latency, Report};

use crate::protocol::place::{Area, Tile};
use crate::protocol::profile::Mix;
use crate::signup::{SignupError, SignupPage};
use entry::Identity;
use ground::Ground;
use ledger::Ledger;
use player::Player;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Most bots of one fleet: the short ids of players, and what four digits can name.
pub const PLAYERS_MAX: usize = 10_000;
/// How long all bots together may take to enter before play is measured without the rest.
const ARRIVAL_DEADLINE: Duration = Duration::from_secs(240);
/// How often a line of progress is printed.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);
/// How often the ledger looks for what is missing.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);
/// How long bots may take to leave.
const LEAVE_DEADLINE: Duration = Duration::from_secs(60);

/// What a fleet does.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address of the edge, `HOST:PORT`.
    pub edge: String,
    /// Sign-up page; without one the accounts have to exist.
    pub signup: Option<String>,
    /// How many bots.
    pub players: usize,
    /// How long they all play together.
    pub seconds: u64,
    /// Client versions.
    pub profile: Mix,
    /// Where the report is written.
    pub json: Option<PathBuf>,
    /// Seed of everything random; none: a random one, which is printed.
    pub seed: Option<u64>,
    /// Logins a second while they arrive.
    pub ramp: f64,
    /// Start of the account and character names, 4 letters; none: made from the seed.
    pub prefix: Option<String>,
    /// Where they walk; none: around the place where the first one enters.
    pub area: Option<Area>,
    /// Wander far, through portals and recalls; then bots only check their own view.
    pub roam: bool,
    /// Portals that wanderers use.
    pub portals: Vec<Tile>,
    /// Crowd in one place, dance and chat: what is shown late or to fewer is counted, not condemned.
    pub crowd: bool,
    /// Faults are being made: a bot that is back within ten seconds is excused.
    pub faults: bool,
    /// How fast things must arrive.
    pub deadlines: Deadlines,
    /// Factor on all pauses between acts: below 1 is busier than people are.
    pub pace: f64,
    /// Buy, sell, bank and trade instead of wandering about.
    pub economy: Option<economy::Options>,
    /// The book of the economy, or of a crowd, for who wants to follow or to end it from outside.
    pub book: Option<Arc<economy::Book>>,
    /// Print lines of progress.
    pub progress: bool,
}

impl Options {
    /// The usual run against an edge.
    pub fn new(edge: &str, players: usize, seconds: u64, profile: Mix) -> Options {
        Options {
            edge: edge.to_owned(),
            signup: None,
            players,
            seconds,
            profile,
            json: None,
            seed: None,
            ramp: 40.0,
            prefix: None,
            area: None,
            roam: false,
            portals: vec![Tile::new(2116, 2100)],
            crowd: false,
            faults: false,
            deadlines: Deadlines::default(),
            pace: 1.0,
            economy: None,
            book: None,
            progress: true,
        }
    }
}

/// Why a fleet could not be run at all.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The sign-up address is bad.
    #[error(transparent)]
    Signup(#[from] SignupError),
    /// A number is out of its range.
    #[error("{option}: found {found}, expected {expected}")]
    BadOption {
        /// Which.
        option: &'static str,
        /// As given.
        found: String,
        /// What is possible.
        expected: &'static str,
    },
    /// The report could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What all bots of a fleet share.
struct Shared {
    options: Options,
    seed: u64,
    signup: Option<SignupPage>,
    ledger: Ledger,
    book: Option<Arc<economy::Book>>,
    ground: Ground,
    arrivals: Semaphore,
    ends_at: watch::Receiver<Option<Instant>>,
    own_lag_us: AtomicU64,
}

/// Runs a fleet to its end.
pub async fn run(options: Options) -> Result<Report, FleetError> {
    check(&options)?;
    let seed = options.seed.unwrap_or_else(|| rand::rng().random());
    let prefix = options.prefix.clone().unwrap_or_else(|| prefix_of(seed));
    let signup = options.signup.as_deref().map(SignupPage::new).transpose()?;
    let (end, ends_at) = watch::channel(None);
    let radius = 14u16.max((options.players as f64).sqrt().ceil() as u16 * 2);
    let cross_check = !options.roam && !options.crowd && options.economy.is_none();
    let book = (options.economy.is_some() || options.crowd).then(|| options.book.clone().unwrap_or_default());
    let shared = Arc::new(Shared {
        seed,
        signup,
        ledger: Ledger::new(options.players, options.deadlines, options.faults, cross_check),
        book,
        ground: Ground::new(options.area, radius),
        arrivals: Semaphore::new(0),
        ends_at,
        own_lag_us: AtomicU64::new(0),
        options,
    });
    let watcher = tokio::spawn(watch_over(Arc::clone(&shared)));
    let mut bots = start_all(&shared, &prefix).await;
    let all = u32::try_from(shared.options.players).unwrap_or(u32::MAX);
    // the deadline makes a fleet end even when some never enter: those are violations of their own
    let _arrived = tokio::time::timeout(ARRIVAL_DEADLINE, shared.arrivals.acquire_many(all)).await;
    let play = Duration::from_secs(shared.options.seconds);
    if shared.options.progress {
        println!("all arrived or given up: playing for {} s", play.as_secs());
    }
    let mut leaving = LEAVE_DEADLINE;
    match &shared.book {
        None => drop(end.send_replace(Some(Instant::now() + play))),
        Some(book) => {
            let over = Instant::now() + play;
            while Instant::now() < over && !book.is_closing() {
                tokio::time::sleep(SWEEP_INTERVAL).await;
            }
            end.send_replace(Some(Instant::now()));
            leaving = player::SETTLE_MAX + 3 * LEAVE_DEADLINE;
        }
    }
    let play = end.borrow().map_or(Duration::ZERO, |end| end.saturating_duration_since(Instant::now()));
    let left = tokio::time::timeout(play + leaving, async { while bots.join_next().await.is_some() {} });
    if left.await.is_err() {
        shared.ledger.violation(Kind::Missing, || "missing: some bots could not leave".to_owned());
        bots.shutdown().await;
    }
    watcher.abort();
    // nobody listens any more: what has not arrived never will, and who had left by then is not judged
    shared.ledger.sweep(Instant::now() + shared.options.deadlines.missing);
    let report = report(&shared, &prefix);
    write_report(&shared.options, &report)?;
    Ok(report)
}

fn check(options: &Options) -> Result<(), FleetError> {
    let bad = |option, found: String, expected| Err(FleetError::BadOption { option, found, expected });
    if !(1..=PLAYERS_MAX).contains(&options.players) {
        return bad("players", options.players.to_string(), "1 to 10000");
    }
    if !(options.ramp > 0.0 && options.ramp <= 10_000.0) {
        return bad("ramp", options.ramp.to_string(), "more than 0, at most 10000 logins a second");
    }
    if !(options.pace > 0.0 && options.pace <= 100.0) {
        return bad("pace", options.pace.to_string(), "more than 0, at most 100");
    }
    let haste = options.economy.as_ref().map_or(1.0, |economy| economy.pace);
    if !(0.0..=1.0).contains(&haste) {
        return bad("haste", haste.to_string(), "0 to 1");
    }
    let good = |prefix: &String| {
        (1..=7).contains(&prefix.len())
            && prefix.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && prefix.starts_with(|first: char| first.is_ascii_lowercase())
    };
    match &options.prefix {
        Some(prefix) if !good(prefix) => {
            bad("prefix", prefix.clone(), "1 to 7 small letters and digits, a letter first")
        }
        _ => Ok(()),
    }
}

/// Five letters that look random and come from the seed.
fn prefix_of(seed: u64) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..5).map(|_| char::from(rng.random_range(b'a'..=b'z'))).collect()
}

async fn start_all(shared: &Arc<Shared>, prefix: &str) -> JoinSet<()> {
    let mut bots = JoinSet::new();
    let step = Duration::from_secs_f64(1.0 / shared.options.ramp);
    let mut due = tokio::time::Instant::now();
    for index in 0..shared.options.players {
        let identity = Identity::of(shared.options.profile.of(index), prefix, index);
        let index = shared.ledger.register(&identity.character);
        bots.spawn(Player::new(Arc::clone(shared), index, identity).run());
        due += step;
        tokio::time::sleep_until(due).await;
    }
    bots
}

/// Sweeps the ledger and prints progress; measures how late this process itself wakes up.
async fn watch_over(shared: Arc<Shared>) {
    let started = Instant::now();
    let mut spoken = started;
    loop {
        let due = Instant::now() + SWEEP_INTERVAL;
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let now = Instant::now();
        let lag = now.saturating_duration_since(due).as_micros();
        shared.own_lag_us.fetch_max(u64::try_from(lag).unwrap_or(u64::MAX), Ordering::Relaxed);
        shared.ledger.sweep(now);
        if shared.options.progress && now.saturating_duration_since(spoken) >= PROGRESS_INTERVAL {
            spoken = now;
            println!("{:6.1} s  {}", started.elapsed().as_secs_f64(), report(&shared, "").summary());
        }
    }
}

fn report(shared: &Shared, prefix: &str) -> Report {
    let options = &shared.options;
    let (held_ms, rolled_back_ms, put_far_back) = shared.ledger.read_resumed(|resumed| {
        (Latency::of(&resumed.held), Latency::of(&resumed.rolled_back), resumed.far_back.clone())
    });
    shared.ledger.read(|counts, violations, latency| Report {
        players: options.players,
        profile: options.profile.to_string(),
        seed: shared.seed,
        prefix: prefix.to_owned(),
        seconds: options.seconds,
        counts: counts.clone(),
        missing: violations.count(Kind::Missing),
        doubled: violations.count(Kind::Doubled),
        late: violations.count(Kind::Late),
        violations_by_kind: violations.by_kind.clone(),
        violation_count: violations.total(),
        violations: violations.texts.clone(),
        latency_ms: Latency::of(latency),
        held_ms,
        rolled_back_ms,
        put_far_back,
        economy: shared.book.as_ref().filter(|_| options.economy.is_some()).map(|book| book.report()),
        own_lag_ms_max: shared.own_lag_us.load(Ordering::Relaxed) as f64 / 1000.0,
    })
}

fn write_report(options: &Options, report: &Report) -> Result<(), FleetError> {
    let Some(path) = &options.json else { return Ok(()) };
    let text = serde_json::to_string_pretty(report).unwrap_or_else(|error| {
        unreachable!("a report has only text keys and finite numbers, which JSON can always hold: {error}")
    });
    std::fs::write(path, text + "\n").map_err(|source| FleetError::Write { path: path.clone(), source })
}
