//! The subcommands of the main program: `bots` and `hostile`.

use crate::fleet::economy::{self, Deed};
use crate::fleet::{self, FleetError};
use crate::hostile::{self, HostileError};
use crate::protocol::place::{Area, Tile};
use crate::protocol::profile::Mix;
use clap::{Args, Parser};
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code for options that cannot be.
const EXIT_USAGE: u8 = 64;
/// Portals of the built-in content.
const PORTALS: [&str; 8] =
    ["2116,2100", "1044,1724", "1044,1716", "1044,1708", "2480,1716", "2456,2016", "2364,2284", "144,3788"];
/// Violations that are printed; the JSON has more.
const PRINTED: usize = 20;

/// Bots that play through the real client protocol and check what they see of each other.
///
/// Ends with 0 only when all entered and nothing was missing, doubled, late, dropped or otherwise wrong.
#[derive(Args, Clone, Debug)]
pub struct BotsArgs {
    /// Address of the edge, HOST:PORT.
    #[arg(long, default_value = "127.0.0.1:8281")]
    pub edge: String,
    /// Sign-up page that makes the accounts, http://HOST:PORT/signup; without it the accounts have to exist.
    #[arg(long)]
    pub signup: Option<String>,
    /// How many bots.
    #[arg(long, default_value_t = 10)]
    pub players: usize,
    /// Seconds that all play together.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 30)]
    pub seconds: u64,
    /// Client version: 759, 769, 748 or mixed.
    #[arg(long, default_value = "759")]
    pub profile: Mix,
    /// File that the report is written to, in JSON.
    ///
    /// Keys: players, profile, seed, prefix, seconds, entered, dropped, walked, chats, whispers, emotes, heard,
    /// corrections, reentered, tolerated, login_retries, longest_gap_ms, missing, doubled, late, violation_count,
    /// violations_by_kind, violations (the first 200, as texts), latency_ms (p50, p95, p99, max, count: own act
    /// until a neighbour saw it), own_lag_ms_max (how late this process itself woke up).
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Seed of everything random; printed when it is not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Logins a second while the bots arrive.
    #[arg(long, default_value_t = 40.0)]
    pub ramp: f64,
    /// Start of all account and character names: 1 to 7 small letters and digits; made from the seed by default.
    #[arg(long)]
    pub prefix: Option<String>,
    /// Where the bots walk, x1,y1,x2,y2; by default around the place where the first one enters.
    #[arg(long)]
    pub area: Option<Area>,
    /// Wander far, through portals and recalls, across zones; each bot then checks only its own view.
    #[arg(long)]
    pub roam: bool,
    /// A portal that wandering bots use, x,y; may be repeated. By default those of the built-in content.
    #[arg(long = "portal", value_name = "X,Y", default_values = PORTALS, hide_default_value = true)]
    pub portals: Vec<Tile>,
    /// Buy, sell, bank, drop, grab and trade instead of wandering about, and compare at the end.
    ///
    /// Adds the key economy to the JSON: acknowledged (and _by_kind), refused, unanswered, trades_ended, compared,
    /// as_before, delivered, gold_at_first, gold_at_last, items_at_last.
    #[arg(long, conflicts_with = "roam")]
    pub economy: bool,
    /// Crowd in one place, dance and chat; being shown late or to fewer neighbours is no violation then.
    #[arg(long, conflicts_with_all = ["roam", "economy"])]
    pub crowd: bool,
    /// What the bots of an economy leave out; may be repeated or separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', requires = "economy")]
    pub without: Vec<Deed>,
    /// Faults are being made meanwhile: a bot that is back in the world within 10 s is excused.
    #[arg(long)]
    pub faults: bool,
    /// Factor on all pauses: 0.5 is twice as busy.
    #[arg(long, default_value_t = 1.0)]
    pub pace: f64,
    /// Further factor on the pauses between deeds of an economy, 0 to 1; far below 1 the operator's limits of the
    /// edge (budgets) have to be raised.
    #[arg(long, default_value_t = 1.0, requires = "economy")]
    pub haste: f64,
}

impl BotsArgs {
    fn options(self) -> fleet::Options {
        fleet::Options {
            signup: self.signup,
            json: self.json,
            seed: self.seed,
            ramp: self.ramp,
            prefix: self.prefix,
            area: self.area,
            roam: self.roam,
            crowd: self.crowd,
            portals: self.portals,
            economy: self.economy.then(|| economy::Options {
                without: self.without,
                pace: self.haste,
                ..economy::Options::default()
            }),
            faults: self.faults,
            pace: self.pace,
            ..fleet::Options::new(&self.edge, self.players, self.seconds, self.profile)
        }
    }
}

#[derive(Parser)]
#[command(no_binary_name = true)]
struct BotsAlone {
    #[command(flatten)]
    bots: BotsArgs,
}

/// The options of a fleet as the arguments of the subcommand `bots` say them.
pub fn fleet_options<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<fleet::Options, clap::Error> {
    Ok(BotsAlone::try_parse_from(arguments)?.bots.options())
}

/// Runs the subcommand `bots`.
pub async fn bots(args: BotsArgs) -> anyhow::Result<ExitCode> {
    let report = match fleet::run(args.options()).await {
        Ok(report) => report,
        Err(error @ (FleetError::BadOption { .. } | FleetError::Signup(_))) => {
            eprintln!("bots: {error}");
            return Ok(ExitCode::from(EXIT_USAGE));
        }
        Err(error) => return Err(error.into()),
    };
    for text in report.violations.iter().take(PRINTED) {
        println!("violation: {text}");
    }
    let hidden = report.violation_count.saturating_sub(PRINTED as u64);
    if hidden > 0 {
        println!("and {hidden} more violations");
    }
    println!("seed {} profile {}: {}", report.seed, report.profile, report.summary());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Hostile clients at an edge of your own: random bytes, bad frames, wrong phases, floods, half-open connections.
///
/// Only loopback addresses are accepted. Ends with 0 when the server kept answering and nothing unexpected happened.
#[derive(Args, Clone, Debug)]
pub struct HostileArgs {
    /// Address of the edge, HOST:PORT; 127.0.0.0/8 or ::1 only.
    #[arg(long, default_value = "127.0.0.1:8281")]
    pub edge: String,
    /// Sign-up page, for attacks by players who are logged in; without it all come from outside.
    #[arg(long)]
    pub signup: Option<String>,
    /// How long.
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 60)]
    pub seconds: u64,
    /// Half-open connections that are held.
    #[arg(long, default_value_t = 5000)]
    pub connections: usize,
    /// Attackers at work at the same time.
    #[arg(long, default_value_t = 24)]
    pub attackers: usize,
    /// Attackers who are logged in (with --signup).
    #[arg(long, default_value_t = 6)]
    pub insiders: usize,
    /// Seed of everything random; printed when it is not given.
    #[arg(long)]
    pub seed: Option<u64>,
    /// File that the report is written to, in JSON.
    ///
    /// Keys: seed, seconds, attempts and closes by kind of attack, connect_failures, half_open (wanted, peak,
    /// opened, closed_by_server, refused), canary (asked, answered, slowest_ms), unexpected_count, unexpected.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl HostileArgs {
    fn options(self) -> hostile::Options {
        hostile::Options {
            signup: self.signup,
            connections: self.connections,
            attackers: self.attackers,
            insiders: self.insiders,
            seed: self.seed,
            json: self.json,
            ..hostile::Options::new(&self.edge, self.seconds)
        }
    }
}

/// Runs the subcommand `hostile`.
pub async fn hostile(args: HostileArgs) -> anyhow::Result<ExitCode> {
    let report = match hostile::run(args.options()).await {
        Ok(report) => report,
        Err(error @ HostileError::Write { .. }) => return Err(error.into()),
        Err(error) => {
            eprintln!("hostile: {error}");
            return Ok(ExitCode::from(EXIT_USAGE));
        }
    };
    for (kind, attempts) in &report.attempts {
        let closes = report.closes.get(kind).copied().unwrap_or(0);
        println!("{kind:?}: {attempts} attempts, {closes} closed by the server");
    }
    let half = &report.half_open;
    println!(
        "half-open: {} at most of {}, {} closed by the server",
        half.peak, half.wanted, half.closed_by_server
    );
    let canary = &report.canary;
    println!("canary: {} of {} answered, slowest {} ms", canary.answered, canary.asked, canary.slowest_ms);
    for text in report.unexpected.iter().take(PRINTED) {
        println!("unexpected: {text}");
    }
    println!("seed {}: {} unexpected", report.seed, report.unexpected_count);
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
