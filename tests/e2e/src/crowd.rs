//! A crowd in one place: the overload ladder is climbed to its end and left again while everybody plays.
//!
//! ```text
//! all are in -> as the settings are -> too much for one thread, on several nodes: cut, and joined -> a budget far too small -> a latecomer waits -> room again -> it comes in, all is calm
//! ```

use crate::script::Expect;
use crate::storm::verdict;
use crate::{Cluster, Histogram, Identity, Options as ClusterOptions, Player, metric, metric_with, wait_for};
use bot::client::{EnterOutcome, Event, World};
use bot::protocol::profile::Profile;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Where the players come in, in the middle of the crowd.
const MIDDLE: (u16, u16) = (2113, 2101);
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long all bots together may take to come in.
const ARRIVAL: Duration = Duration::from_secs(240);
/// How long the ladder may take down from its end to calm: a factor on its calm time is possible.
const DESCENT: Duration = Duration::from_secs(240);
/// The steps of the ladder, as the metrics name them.
const STEPS: [&str; 6] =
    ["shed_idle", "postpone_trade", "widen_far", "shrink_view", "slow_clock", "refuse_logins"];
/// What is held back on the way up.
const SHED: [&str; 4] = ["creature_turns", "gestures", "far_walks", "mail_and_listings"];
/// Violations that overload explains: what is shown late, to fewer, or from less far.
const EXPLAINED: [&str; 3] = ["late", "missing", "misplaced"];
/// Whatever is done is too much.
const SQUEEZED: &str =
    "[overload]\nbalance = false\ntick_budget_us = 1\nclimb_percent = 1\ncalm_percent = 0\n";
/// Whatever is done is little, and believed soon.
/// The load that a zone is cut for, in percent: more than a thread has, less than two have.
const CUT_AT: f64 = 150.0;
/// The tick budget without settings, in microseconds.
const TICK_US: f64 = 50_000.0;
/// How long it may take until a zone is cut by what it costs: half a minute of heat, a rest, and the way of its players.
const CUTTING: Duration = Duration::from_secs(150);
/// How often the witness says that it is there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// The same until its halves are joined: five minutes of cold.
const COOLING: Duration = Duration::from_secs(480);
const ROOMY: &str = "[overload]\nbalance = false\ntick_budget_us = 1000000\nclimb_percent = 1000\ncalm_percent = 900\ncalm_seconds = 1\n";

/// What is played.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bots.
    pub players: usize,
    /// For how long the settings are as they are, in seconds, before they are changed.
    pub seconds: u64,
    /// Game nodes.
    pub nodes: u16,
    /// Of the bots.
    pub seed: u64,
    /// True to wait until halves are joined because they have cooled, which takes minutes; else they are merged by hand.
    pub cools: bool,
}

/// Plays it; the report, and what did not hold in words.
pub fn run(options: &Options) -> (Value, Vec<String>) {
    println!("a crowd with seed {}: {options:?}", options.seed);
    let settings = [("Edge", "language = \"en\"\n".to_owned())].into();
    let cluster =
        Cluster::start(ClusterOptions { nodes: options.nodes, settings, ..ClusterOptions::default() });
    let mut stage = Stage::set(&cluster, options);
    let natural = stage.as_it_is(Duration::from_secs(options.seconds));
    let cut = if options.nodes > 1 { stage.cut(options.cools) } else { Value::Null };
    let squeezed = stage.squeezed();
    let roomy = stage.roomy();
    stage.end(options, &json!({ "as_it_is": natural, "cut": cut, "squeezed": squeezed, "roomy": roomy }))
}

struct Stage<'a> {
    cluster: &'a Cluster,
    /// Where the metrics of the node are on which the crowd is.
    node: String,
    settings: String,
    bots: crate::fleet::Fleet,
    /// Somebody who plays from the beginning and reads what it is told.
    witness: Player,
    latecomer: Option<Player>,
    failures: Vec<String>,
}

impl<'a> Stage<'a> {
    /// Everybody comes in.
    fn set(cluster: &'a Cluster, options: &Options) -> Self {
        let file = cluster.data().join("config/TMSrv.conf");
        let settings = std::fs::read_to_string(&file).expect("the settings of TMSrv");
        let mut witness = Player::enter(cluster, &Identity::sign_up(cluster, Profile::V759, "testemunha"));
        let bots = crate::fleet::Fleet::start(fleet_options(cluster, options));
        let wanted = options.players;
        let began = Instant::now();
        while bots.arrived() < wanted && began.elapsed() < ARRIVAL && !bots.has_ended() {
            witness.listen(Instant::now() + Duration::from_millis(200));
        }
        println!("{} of {wanted} bots came in within {:?}", bots.arrived(), began.elapsed());
        let fullest = |row: &crate::ProcessRow| metric(&row.http, "wydbr_tmsrv_players_count").unwrap_or(0.0);
        let nodes = cluster.ps().into_iter().filter(|row| row.name.starts_with("tmsrv-"));
        let node = nodes.max_by(|a, b| fullest(a).total_cmp(&fullest(b))).expect("a node").http;
        Self { cluster, node, settings, bots, witness, latecomer: None, failures: Vec::new() }
    }

    fn number(&self, metric_name: &str) -> f64 {
        metric(&self.node, metric_name).unwrap_or(-1.0)
    }

    fn counted(&self, metric_name: &str, label: &str, value: &str) -> f64 {
        metric_with(&self.node, metric_name, &format!("{label}=\"{value}\"")).unwrap_or(0.0)
    }

    fn is_told(&self, words: &str) -> bool {
        self.witness.panel_lines().iter().any(|line| line.contains(words))
    }

    fn ticks(&self) -> Histogram {
        wait_for("the node tells its ticks", PATIENCE, || {
            Histogram::read(&self.node, "wydbr_tmsrv_tick_seconds")
        })
    }

    fn expect(&mut self, what: &str, found: impl std::fmt::Display, holds: bool) {
        self.failures.expect(what, found, holds);
    }

    /// The whole file is replaced, as an operator's editor does.
    fn edit(&self, addition: &str) {
        let file = self.cluster.data().join("config/TMSrv.conf");
        let fresh = file.with_extension("new");
        std::fs::write(&fresh, format!("{}\n{addition}", self.settings)).expect("the settings are written");
        std::fs::rename(&fresh, &file).expect("the settings are replaced");
    }

    /// Looks on until something is so; what was seen.
    fn watch(&mut self, mut until: impl FnMut(&Self) -> bool, wait: Duration) -> Seen {
        let (began, before) = (Instant::now(), self.ticks());
        let mut seen = Seen::default();
        let mut done = false;
        let mut pinged = began;
        while !done && began.elapsed() < wait {
            // a client that says nothing for minutes is sent away
            if pinged.elapsed() > PING_EVERY {
                self.witness.run("a ping", async |client| client.ping().await);
                pinged = Instant::now();
            }
            self.witness.listen(Instant::now() + Duration::from_millis(100));
            done = until(self);
            seen.take(
                self.number("wydbr_tmsrv_overload_level_count"),
                self.number("wydbr_tmsrv_thread_load_percent"),
                self.number("wydbr_tmsrv_view_tiles"),
                self.number("wydbr_tmsrv_zone_clock_percent"),
            );
        }
        let ticks = self.ticks().since(&before);
        seen.tick_ms = [0.5, 0.99].map(|share| ticks.quantile(share) * 1_000.0);
        seen.seconds = began.elapsed().as_secs_f64();
        seen.done = done;
        println!("{}", seen.json());
        seen
    }

    fn as_it_is(&mut self, time: Duration) -> Value {
        println!("the settings as they are for {time:?}");
        let end = Instant::now() + time;
        self.watch(|_| Instant::now() >= end, 2 * time).json()
    }

    /// What an operator is told.
    fn operate(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = ["cluster"].iter().chain(arguments).chain(&["--json"]).copied().collect();
        let output = self.cluster.with_data(&all, None);
        let told = String::from_utf8_lossy(&output.stdout);
        told.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default()
    }

    /// Parts that zones are cut into.
    fn parts(&self) -> Vec<String> {
        let status = self.operate(&["status"]);
        let cut = status["cut"].as_array().into_iter().flatten();
        cut.filter_map(|cut| cut["part"].as_str().map(str::to_owned)).collect()
    }

    /// Players of each node.
    fn players(&self) -> Vec<f64> {
        let nodes = self.cluster.ps().into_iter().filter(|row| row.name.starts_with("tmsrv-"));
        nodes.map(|row| metric(&row.http, "wydbr_tmsrv_players_count").unwrap_or(0.0)).collect()
    }

    /// The crowd is more than a thread can do, and less than two can: its zone is cut, half of it goes to another node, and it is one
    /// again when there is room.
    fn cut(&mut self, cools: bool) -> Value {
        let load = self.number("wydbr_tmsrv_thread_load_percent").max(0.5);
        let budget = (TICK_US * load / CUT_AT) as u64;
        println!("a tick budget of {budget} us: one and a half times that is used");
        // the ladder stays out of it
        self.edit(&format!(
            "[overload]\ntick_budget_us = {budget}\nclimb_percent = 100000\ncalm_percent = 90000\n"
        ));
        let everybody = self.bots.arrived() as f64;
        let shared = |stage: &Self| {
            let players = stage.players();
            let all: f64 = players.iter().sum();
            // not while they are on their way
            all >= everybody && players.iter().filter(|players| **players >= all / 10.0).count() > 1
        };
        let seen = self.watch(|stage| !stage.parts().is_empty() && shared(stage), CUTTING);
        let (cut, shares) = (self.parts().len(), self.players());
        self.expect(
            "parts that a hot zone was cut into, over several nodes",
            format!("{cut}, {shares:?}"),
            seen.done,
        );
        println!("cut into {} zones, players of the nodes: {shares:?}", cut + 1);
        let halves = self.watch(|_| false, Duration::from_secs(10));
        if cools {
            println!("room again: waiting until the halves are joined");
            self.edit(&ROOMY.replace("balance = false\n", ""));
        } else {
            self.edit(ROOMY);
            loop {
                let left = self.parts();
                // the last one that was cut off can always be joined
                let merged = left.iter().any(|part| self.operate(&["merge", part])["ok"] == true);
                if !merged {
                    self.expect("parts that cannot be merged by hand", format!("{left:?}"), left.is_empty());
                    break;
                }
            }
        }
        let joined = self.watch(
            |stage| stage.parts().is_empty() && stage.players().iter().any(|players| *players >= everybody),
            if cools { COOLING } else { PATIENCE },
        );
        let left = (self.parts(), self.players());
        self.expect("one zone again, parts and players of nodes", format!("{left:?}"), joined.done);
        let nodes = self.cluster.ps().into_iter().filter(|row| row.name.starts_with("tmsrv-"));
        let players = |row: &crate::ProcessRow| metric(&row.http, "wydbr_tmsrv_players_count").unwrap_or(0.0);
        if let Some(node) = nodes.max_by(|a, b| players(a).total_cmp(&players(b))) {
            self.node = node.http;
        }
        json!({
            "tick_budget_us": budget,
            "parts": cut,
            "players_of_nodes": shares,
            "until_cut": seen.json(),
            "halves": halves.json(),
            "until_joined": joined.json(),
            "cooled_by_itself": cools,
        })
    }

    /// Up the ladder, with somebody who wants to come in at its end.
    fn squeezed(&mut self) -> Value {
        println!("a tick budget that is far too small");
        self.witness.forget();
        self.edit(SQUEEZED);
        let seen = self.watch(|stage| stage.number("wydbr_tmsrv_overload_level_count") >= 6.0, PATIENCE);
        self.expect("climbed to the end of the ladder", seen.json(), seen.done);
        for step in STEPS {
            let times = self.counted("wydbr_tmsrv_overload_steps_total", "step", step);
            self.expect(&format!("times at {step}"), times, times >= 1.0);
        }
        let view = self.number("wydbr_tmsrv_view_tiles");
        self.expect("tiles that are seen", view, view == 8.0);
        let clock = self.number("wydbr_tmsrv_zone_clock_percent");
        self.expect("percent of the clock", clock, clock == 25.0);
        // a listing that has to wait
        self.witness.run("words", async |client| client.whisper("auction", "find").await);
        let all_shed = |stage: &Self| {
            SHED.iter().all(|what| stage.counted("wydbr_tmsrv_shed_total", "what", what) > 0.0)
        };
        let more = self.watch(|stage| all_shed(stage) && stage.is_told("nobody new"), PATIENCE);
        for what in SHED {
            let count = self.counted("wydbr_tmsrv_shed_total", "what", what);
            self.expect(&format!("held back of {what}"), count, count > 0.0);
        }
        let told: Vec<String> = self.witness.panel_lines();
        for words in ["gestures", "auctions", "second late", "tiles far", "time runs at 25%", "nobody new"] {
            let holds = self.is_told(words);
            self.expect(&format!("players are told `{words}`"), format!("{told:?}"), holds);
        }
        self.let_somebody_wait();
        json!({ "climb": seen.json(), "held": more.json(), "queue": self.number("wydbr_tmsrv_login_queue_count") })
    }

    fn let_somebody_wait(&mut self) {
        let identity = Identity::sign_up(self.cluster, Profile::V759, "atrasado");
        let mut latecomer = Player::connect(self.cluster, &identity);
        latecomer.log_in(true);
        latecomer.create(0, &identity.character);
        let outcome = latecomer.run("entering", async |client| client.enter(0).await);
        let waits = matches!(&outcome, EnterOutcome::Panel(line) if line.contains("number 1 in the queue"));
        self.expect("who comes late is told its place", format!("{outcome:?}"), waits);
        self.latecomer = Some(latecomer);
    }

    /// Down again, and who waited comes in.
    fn roomy(&mut self) -> Value {
        println!("room again");
        self.witness.forget();
        self.edit(ROOMY);
        if let Some(latecomer) = &mut self.latecomer {
            latecomer.expect("that who waited is let in", DESCENT, |_, event| {
                matches!(event, Event::Entered(_)).then_some(())
            });
            latecomer.until("it sees itself", World::own_shown);
        }
        let seen = self.watch(|stage| stage.number("wydbr_tmsrv_overload_level_count") == 0.0, DESCENT);
        self.expect("all is calm", seen.json(), seen.done);
        let listed = |stage: &Self| stage.number("wydbr_tmsrv_postponed_count") == 0.0;
        let rest = self.watch(|stage| listed(stage) && stage.is_told("back to normal"), PATIENCE);
        self.expect("nothing is held back any more", rest.json(), rest.done);
        let told = self.witness.panel_lines();
        let over = self.is_told("back to normal");
        self.expect("players are told that it is over", format!("{told:?}"), over);
        for (what, name, wanted) in [
            ("tiles that are seen", "wydbr_tmsrv_view_tiles", 16.0),
            ("percent of the clock", "wydbr_tmsrv_zone_clock_percent", 100.0),
        ] {
            let found = self.number(name);
            self.expect(what, found, found == wanted);
        }
        seen.json()
    }

    fn end(self, options: &Options, parts: &Value) -> (Value, Vec<String>) {
        self.bots.close();
        let report = self.bots.finish();
        let report = report.map(|report| serde_json::to_value(report).unwrap_or_default());
        let report = report.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        let fsck = verdict::examine(self.cluster);
        let condemned: Vec<(String, Value)> = report["violations_by_kind"]
            .as_object()
            .map(|kinds| kinds.iter().filter(|(kind, _)| !EXPLAINED.contains(&kind.as_str())))
            .map(|kinds| kinds.map(|(kind, count)| (kind.clone(), count.clone())).collect())
            .unwrap_or_default();
        let mut failures = self.failures;
        failures.expect("entered", &report["entered"], report["entered"] == options.players);
        failures.expect("disconnects", &report["dropped"], report["dropped"] == 0);
        failures.expect("logged in anew", &report["reentered"], report["reentered"] == 0);
        failures.expect("violations that overload does not explain", json!(condemned), condemned.is_empty());
        failures.expect("fsck", &fsck, fsck["clean"] == true);
        let json = json!({
            "players": options.players,
            "nodes": options.nodes,
            "seconds": options.seconds,
            "seed": options.seed,
            "parts": parts,
            "entered": report["entered"],
            "disconnects": report["dropped"],
            "reentered": report["reentered"],
            "login_retries": report["login_retries"],
            "corrections": report["corrections"],
            "walked": report["walked"],
            "chats": report["chats"],
            "emotes": report["emotes"],
            "heard": report["heard"],
            "violations_by_kind": report["violations_by_kind"],
            "first_violations": report["violations"],
            "latency_ms": report["latency_ms"],
            "longest_gap_ms": report["longest_gap_ms"],
            "own_lag_ms_max": report["own_lag_ms_max"],
            "fsck": fsck,
            "failures": failures,
            "held": failures.is_empty(),
        });
        (json, failures)
    }
}

/// What was seen in a part of the run.
#[derive(Clone, Debug, Default)]
struct Seen {
    seconds: f64,
    done: bool,
    /// Levels of the ladder, in the order in which they came.
    levels: Vec<f64>,
    load_percent_max: f64,
    view_tiles_min: f64,
    clock_percent_min: f64,
    /// p50 and p99.
    tick_ms: [f64; 2],
}

impl Seen {
    fn take(&mut self, level: f64, load: f64, view: f64, clock: f64) {
        if self.levels.last() != Some(&level) {
            self.levels.push(level);
        }
        self.load_percent_max = self.load_percent_max.max(load);
        let first = self.view_tiles_min == 0.0;
        self.view_tiles_min = if first { view } else { self.view_tiles_min.min(view) };
        self.clock_percent_min = if first { clock } else { self.clock_percent_min.min(clock) };
    }

    fn json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "levels": self.levels,
            "load_percent_max": self.load_percent_max,
            "view_tiles_min": self.view_tiles_min,
            "clock_percent_min": self.clock_percent_min,
            "tick_ms": { "p50": self.tick_ms[0], "p99": self.tick_ms[1] },
        })
    }
}

/// Bots that crowd in a square with a little more than one and a half tiles for each.
fn fleet_options(cluster: &Cluster, options: &Options) -> bot::fleet::Options {
    let half = ((options.players as f64 * 1.7).sqrt() / 2.0).ceil() as u16;
    let (x, y) = MIDDLE;
    let sides = [x - half, y - half, x + half, y + half].map(|side| side.to_string()).join(",");
    let signup = cluster.signup();
    let (players, seed) = (options.players.to_string(), options.seed.to_string());
    // longer than everything together may take: their book is closed when it is over
    let arguments = [
        "--edge",
        &cluster.edge(),
        "--signup",
        &signup,
        "--players",
        &players,
        "--for",
        "1800",
        "--profile",
        "mixed",
        "--seed",
        &seed,
        "--area",
        &sides,
        "--crowd",
    ]
    .map(str::to_owned);
    bot::cli::fleet_options(arguments.iter().map(String::as_str)).expect("good arguments of bots")
}
