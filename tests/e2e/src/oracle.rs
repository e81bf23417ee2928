//! The same bot script on one node and on several, at the same time: every client must see the same of everybody, but for a
//! tick. See docs/testing.md for what counts as the same.

mod actor;
mod compare;
mod plan;

use crate::borders::{CutTown, handed_over};
use crate::script::Expect;
use crate::storm::verdict;
use crate::{Cluster, Identity};
use actor::{Actor, Record};
use anyhow::{Context, ensure};
use bot::protocol::place::{Area, Tile};
use bot::protocol::profile::Mix;
use compare::{Case, Verdict, compare};
use futures::future::try_join_all;
use plan::{Deed, Planner, SPEED};
use serde_json::{Value, json};
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Where they walk: over all strips.
const GROUND: Area = Area { low: Tile::new(2098, 2070), high: Tile::new(2129, 2131) };
/// From the plan of a round to its begin.
const PREPARATION: Duration = Duration::from_secs(1);

/// What is played, and what must hold.
#[derive(Clone, Debug)]
pub struct Options {
    /// Crossings on the several nodes; rounds are played until there were so many.
    pub crossings: f64,
    /// Several nodes.
    pub nodes: u16,
    /// Bots in each town.
    pub players: usize,
    /// Of the script.
    pub seed: u64,
    /// How long a round is.
    pub round: Duration,
    /// How far apart in time the same may be seen.
    pub tolerance: Duration,
}

/// One of the two towns with its bots.
struct Town {
    town: CutTown,
    runtime: Runtime,
    actors: Vec<Actor>,
}

impl Town {
    fn start(nodes: u16, identities: &[Identity], stands: &[Tile]) -> anyhow::Result<Town> {
        let town = CutTown::start_deserted(nodes)?;
        for identity in identities {
            Identity::sign_up(&town.cluster, identity.profile, &identity.account);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let edge = town.cluster.edge();
        let actors = runtime.block_on(async {
            let mut actors = Vec::new();
            for identity in identities {
                actors.push(Actor::enter(&edge, identity).await?);
            }
            let (arrived, all) = (AtomicUsize::new(0), stands.len());
            let walks = actors.iter_mut().zip(stands).map(|(actor, stand)| actor.go(*stand, &arrived, all));
            try_join_all(walks).await?;
            anyhow::Ok(actors)
        })?;
        let speeds: Vec<u8> = actors.iter().map(Actor::speed).collect();
        ensure!(speeds.iter().all(|speed| *speed >= SPEED), "bots walk slower than planned: {speeds:?}");
        Ok(Town { town, runtime, actors })
    }

    fn play(&mut self, deeds: &[Vec<Deed>], start: Instant, length: Duration) -> anyhow::Result<Vec<Record>> {
        let rounds =
            self.actors.iter_mut().zip(deeds).map(|(actor, deeds)| actor.play(deeds, start, start + length));
        self.runtime.block_on(try_join_all(rounds))
    }

    fn cluster(&self) -> &Cluster {
        &self.town.cluster
    }
}

/// Plays rounds in both towns until there were enough crossings; the report, and what did not hold in words.
pub fn run(options: &Options) -> anyhow::Result<(Value, Vec<String>)> {
    println!("oracle with seed {}: {options:?}", options.seed);
    let began = Instant::now();
    let mut planner = Planner::new(options.seed, options.players, GROUND);
    let identities: Vec<Identity> = (0..options.players).map(identity).collect();
    let names: Vec<String> = identities.iter().map(|identity| identity.character.clone()).collect();
    let mut one = Town::start(1, &identities, planner.stands())?;
    let mut many = Town::start(options.nodes, &identities, planner.stands())?;
    let mut verdict = Verdict::default();
    let (before, mut crossings, mut rounds) = (handed_over(many.cluster()), 0.0, 0);
    while crossings < options.crossings {
        let deeds = planner.round(options.round);
        let start = Instant::now() + PREPARATION;
        let (first, second) = std::thread::scope(|scope| {
            let other = scope.spawn(|| many.play(&deeds, start, options.round));
            (one.play(&deeds, start, options.round), other.join())
        });
        let second = second.map_err(|_| anyhow::anyhow!("a round panicked"))?;
        let (one, many_records) = (first.context("on one node")?, second.context("on several nodes")?);
        let (length, tolerance) = (options.round, options.tolerance);
        let case = Case { names: &names, deeds: &deeds, one: &one, many: &many_records, length, tolerance };
        compare(&case, &mut verdict);
        rounds += 1;
        let reached = handed_over(many.cluster()) - before;
        println!(
            "{:7.1} s  round {rounds}: {reached} crossings, {} acts, {} looks, {} excused, {} differences",
            began.elapsed().as_secs_f64(),
            verdict.acts,
            verdict.looks,
            verdict.excused,
            verdict.count()
        );
        ensure!(reached > crossings, "nobody crosses borders");
        crossings = reached;
    }
    let on_one = handed_over(one.cluster());
    let fsck = [&one, &many].map(|town| verdict::examine(town.cluster()));
    let mut failures = verdict.differences.clone();
    failures.expect("differences in all", json!(verdict.count()), verdict.count() == 0);
    failures.expect("acts compared", json!(verdict.acts), verdict.later_ms.len() > options.players);
    let later = Later::of(&mut verdict.later_ms);
    let most = options.tolerance.as_millis() as i64;
    failures.expect("on several nodes later, p99 ms", json!(later.p99), later.p99 <= most);
    failures.expect("fsck", json!(fsck), fsck.iter().all(|fsck| fsck["clean"] == true));
    let json = json!({
        "players": options.players,
        "nodes": options.nodes,
        "seed": options.seed,
        "rounds": rounds,
        "seconds": began.elapsed().as_secs_f64(),
        "tolerance_ms": options.tolerance.as_millis() as u64,
        "crossings": crossings,
        "handed_over_on_one_node": on_one,
        "acts_compared": verdict.acts,
        "looks_compared": verdict.looks,
        "excused": verdict.excused,
        "later_ms": { "p1": later.p1, "p50": later.p50, "p99": later.p99, "max": later.max, "count": later.count },
        "differences": verdict.count(),
        "differences_by_kind": verdict.by_kind,
        "first_differences": verdict.differences,
        "fsck": fsck,
        "failures": failures,
        "held": failures.is_empty(),
    });
    Ok((json, failures))
}

/// The bot with a number: the same in both towns.
fn identity(index: usize) -> Identity {
    let letters = [index / 26 / 26, index / 26, index].map(|digit| char::from(b'a' + (digit % 26) as u8));
    let account: String = "vista".chars().chain(letters).collect();
    Identity::of(Mix::Mixed.of(index), &account)
}

struct Later {
    p1: i64,
    p50: i64,
    p99: i64,
    max: i64,
    count: usize,
}

impl Later {
    fn of(later_ms: &mut [i64]) -> Later {
        later_ms.sort_unstable();
        let share =
            |share: usize| later_ms.get((later_ms.len() * share / 100).min(later_ms.len().saturating_sub(1)));
        let value = |at: usize| share(at).copied().unwrap_or(0);
        Later { p1: value(1), p50: value(50), p99: value(99), max: value(100), count: later_ms.len() }
    }
}
