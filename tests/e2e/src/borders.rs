//! A town that is cut into strips, which lie on nodes in turn: whoever walks about in it crosses borders all the time, and
//! sees neighbours over borders all the time.

use crate::failover::until_all_play;
use crate::script::Expect;
use crate::storm::verdict;
use crate::{Cluster, Histogram, Options as ClusterOptions, metric_with, wait_for};
use serde_json::{Value, json};
use std::time::Duration;

/// Where the bots walk: x and y from, x and y to.
const GROUND: [u16; 4] = [2098, 2088, 2129, 2115];
/// Tiles from one border to the next.
const WIDTH: u16 = 8;
/// Rows of the map that a strip has, more than the ground, so that nobody leaves it by a step aside.
const ROWS: [u16; 2] = [2060, 2140];
/// Label of the sessions that a node has handed over.
const HANDED_OVER: &str = "reason=\"handed_over\"";
const PATIENCE: Duration = Duration::from_secs(60);

/// What is played, and what must hold.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bots.
    pub players: usize,
    /// For how long, in seconds.
    pub seconds: u64,
    /// Game nodes.
    pub nodes: u16,
    /// Of the bots.
    pub seed: u64,
    /// 99 of 100 crossings hold their player for less than so many milliseconds.
    pub gap_ms: f64,
    /// Crossings that have to come about.
    pub crossings: f64,
}

/// A cluster on the cut town.
pub struct CutTown {
    /// Its processes.
    pub cluster: Cluster,
    _content: tempfile::TempDir,
}

impl CutTown {
    /// Starts it, and waits until the strips lie on the nodes in turn.
    pub fn start(nodes: u16) -> anyhow::Result<CutTown> {
        Self::with_content(nodes, cut_content()?, "")
    }

    /// The same without creatures, which walk as they like and stand in the way.
    pub fn start_deserted(nodes: u16) -> anyhow::Result<CutTown> {
        Self::start_with(nodes, "generator = []\n", "")
    }

    /// The same with these generators of creatures, and settings of TMSrv.
    pub fn start_with(nodes: u16, generators: &str, settings: &str) -> anyhow::Result<CutTown> {
        let content = cut_content()?;
        std::fs::write(content.path().join("generators.toml"), generators)?;
        Self::with_content(nodes, content, settings)
    }

    fn with_content(nodes: u16, content: tempfile::TempDir, settings: &str) -> anyhow::Result<CutTown> {
        let options = ClusterOptions {
            nodes,
            content: Some(content.path().to_owned()),
            settings: vec![("TMSrv", settings.to_owned())],
            ..ClusterOptions::default()
        };
        let town = CutTown { cluster: Cluster::start(options), _content: content };
        for (index, (name, _)) in strips().enumerate() {
            let node = format!("tmsrv-{}", index as u16 % nodes + 1);
            town.operate(&["cluster", "pin", &name, &node])?;
        }
        Ok(town)
    }

    /// An operator's command that has to go well.
    pub fn operate(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let output = self.cluster.with_data(arguments, None);
        anyhow::ensure!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Lets bots walk about in it; the report, and what did not hold in words.
    pub fn cross(&self, options: &Options) -> (Value, Vec<String>) {
        println!("crossings with seed {}: {options:?}", options.seed);
        let cluster = &self.cluster;
        let before = handed_over(cluster);
        let (players, seconds, seed) =
            (options.players.to_string(), options.seconds.to_string(), options.seed.to_string());
        let area = GROUND.map(|side| side.to_string()).join(",");
        let bots = cluster.start_bots(&[
            "--players",
            &players,
            "--for",
            &seconds,
            "--profile",
            "mixed",
            "--area",
            &area,
            "--seed",
            &seed,
        ]);
        let edge = cluster.process("edge-1").http;
        let told = || {
            let read = || Histogram::read(&edge, "wydbr_edge_handover_seconds");
            wait_for("the edge tells its crossings", PATIENCE, read)
        };
        // accounts and characters are made until then
        until_all_play(cluster, options.players);
        let entering = told();
        let (report, content) = bots.finish();
        let crossings = handed_over(cluster) - before;
        let gap = told().since(&entering);
        let gap_ms = |share: f64| gap.quantile(share) * 1_000.0;
        let in_ms = |gap: &Histogram| {
            let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| gap.quantile(share) * 1_000.0);
            json!({ "p50": p50, "p99": p99, "max": max, "count": gap.count() })
        };
        let fsck = verdict::examine(cluster);
        let mut failures = Vec::new();
        failures.expect("violations", &report["violations_by_kind"], content);
        failures.expect("entered", &report["entered"], report["entered"] == options.players);
        failures.expect("disconnects", &report["dropped"], report["dropped"] == 0);
        failures.expect("logged in anew", &report["reentered"], report["reentered"] == 0);
        failures.expect("crossings", json!(crossings), crossings >= options.crossings);
        failures.expect("gap, p99 ms", json!(gap_ms(0.99)), gap_ms(0.99) <= options.gap_ms);
        failures.expect("fsck", &fsck, fsck["clean"] == true);
        let json = json!({
            "players": options.players,
            "nodes": options.nodes,
            "seconds": options.seconds,
            "seed": options.seed,
            "crossings": crossings,
            "gap_ms": in_ms(&gap),
            "gap_while_entering_ms": in_ms(&entering),
            "entered": report["entered"],
            "disconnects": report["dropped"],
            "reentered": report["reentered"],
            "corrections": report["corrections"],
            "missing": report["missing"],
            "doubled": report["doubled"],
            "late": report["late"],
            "violations": report["violation_count"],
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

/// The built-in content with the strips.
fn cut_content() -> anyhow::Result<tempfile::TempDir> {
    crate::content::changed("places.toml", |text| {
        let first = "[[zone]]\nname = \"Armia\"";
        text.replacen(first, &format!("{}{first}", strips_in_toml()), 1)
    })
}

/// Names of the strips and where they begin.
fn strips() -> impl Iterator<Item = (String, u16)> {
    (GROUND[0]..=GROUND[2])
        .step_by(usize::from(WIDTH))
        .zip(1..)
        .map(|(x, number)| (format!("Strip {number}"), x))
}

fn strips_in_toml() -> String {
    let [top, bottom] = ROWS;
    let zone = |(name, x): (String, u16)| {
        let right = x + WIDTH - 1;
        format!("[[zone]]\nname = \"{name}\"\nrect = [{x}, {top}, {right}, {bottom}]\n\n")
    };
    strips().map(zone).collect()
}

/// Players that nodes have handed over so far.
pub fn handed_over(cluster: &Cluster) -> f64 {
    let nodes = cluster.ps().into_iter().filter(|row| row.name.starts_with("tmsrv-"));
    nodes.filter_map(|row| metric_with(&row.http, "wydbr_tmsrv_partings_total", HANDED_OVER)).sum()
}
