//! The checkers can fail: each planted bug must be found by the simulation or by the storm.

use crate::run::{Plan, Scenario, run};
use crate::storm;
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
        let found = (from..from + seeds)
            .find_map(|seed| simulated(bug, Plan { scenario, ..Plan::of(seed, BREAKING) }));
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
        .or_else(|| {
            (from..from + SEEDS).find_map(|seed| {
                simulated(bug, Plan { scenario: Scenario::Storage, ..Plan::of(seed, BREAKING) })
            })
        });
    store::planted::plant(None);
    found
}

fn simulated(bug: Bug, plan: Plan) -> Option<Found> {
    let what = shown(bug, || run(plan).wrong.into_iter().next())?;
    Some(Found { by: "simulation", seed: plan.seed, what })
}

/// What is wrong with the bug and is not without it: a seed that is wrong anyway shows nothing.
fn shown(bug: Bug, look: impl Fn() -> Option<String>) -> Option<String> {
    let what = look()?;
    store::planted::plant(None);
    let is_wrong_anyway = look().is_some();
    store::planted::plant(Some(bug));
    (!is_wrong_anyway).then_some(what)
}
