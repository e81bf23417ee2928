//! The checkers can fail: each planted bug must be found by the simulation or by the storm.

use crate::run::{Plan, Scenario, cores, many, run};
use crate::storm;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::catch_unwind;
use std::time::Duration;
pub use store::planted::Bug;

/// Seeds of the simulation that may pass by a bug.
const SEEDS: u64 = 60;
/// The same of a bug in a service: so many of the market.
const OF_MARKET: u64 = 150;
/// The same of a bug in the cluster: so many of that scenario.
const OF_CLUSTER: u64 = 150;
/// Seeds of the storm that may pass by it.
const STORMS: u64 = 6;

/// How long things break in each.
const BREAKING: Duration = Duration::from_secs(12);

/// Who found a bug, and with which seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// `simulation` or `storm`.
    pub by: &'static str,
    /// The first seed that is wrong.
    pub seed: u64,
    /// The first thing that is wrong.
    pub what: String,
}

/// Plants a bug, looks for it, takes it out again.
pub fn search(bug: Bug, from: u64) -> Option<Found> {
    store::planted::plant(Some(bug));
    let its_own = match bug {
        bug if bug.is_of_a_service() => Some((Scenario::Market, OF_MARKET)),
        bug if bug.is_of_the_cluster() => Some((Scenario::Cluster, OF_CLUSTER)),
        _ => None,
    };
    if let Some((scenario, seeds)) = its_own {
        let found = simulated(bug, scenario, from..from + seeds);
        store::planted::plant(None);
        return found;
    }
    let found = (from..from + STORMS)
        .find_map(|seed| {
            let what = shown(bug, || {
                let wrong = catch_unwind(|| storm::run(seed, 300)).map_or_else(
                    |_| vec!["it panicked".to_owned()],
                    |wrong| wrong.unwrap_or_else(|error| vec![format!("{error:#}")]),
                );
                wrong.into_iter().next()
            })?;
            Some(Found { by: "storm", seed, what })
        })
        .or_else(|| simulated(bug, Scenario::Storage, from..from + SEEDS));
    store::planted::plant(None);
    found
}

/// The first of so many seeds that finds it; some are played at a time.
fn simulated(bug: Bug, scenario: Scenario, seeds: Range<u64>) -> Option<Found> {
    let plan = |seed| Plan { scenario, ..Plan::of(seed, BREAKING) };
    let mut begin = seeds.start;
    while begin < seeds.end {
        let end = (begin + 4 * cores() as u64).min(seeds.end);
        let mut wrong = BTreeMap::new();
        many(
            begin..end,
            cores(),
            |seed| run(plan(seed)),
            |seed, report| {
                wrong.extend(report.wrong.into_iter().next().map(|what| (seed, what)));
            },
        );
        let shown = wrong
            .into_iter()
            .find(|(seed, _)| shown(bug, || run(plan(*seed)).wrong.into_iter().next()).is_some());
        if let Some((seed, what)) = shown {
            return Some(Found { by: "simulation", seed, what });
        }
        begin = end;
    }
    None
}

/// What is wrong with the bug and is not without it: a seed that is wrong anyway shows nothing.
fn shown(bug: Bug, look: impl Fn() -> Option<String>) -> Option<String> {
    let what = look()?;
    store::planted::plant(None);
    let is_wrong_anyway = look().is_some();
    store::planted::plant(Some(bug));
    (!is_wrong_anyway).then_some(what)
}
