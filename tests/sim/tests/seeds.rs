//! The short form of the simulation and of the storm; the long ones are `scripts/sim` and `scripts/storm`.

#![allow(clippy::unwrap_used)]

use sim::run::{Plan, run};
use sim::storm;
use std::time::Duration;

/// Seeds of the short form.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=200;

fn plan(seed: u64) -> Plan {
    Plan::of(seed, Duration::from_secs(8))
}

#[test]
fn whoever_dies_items_and_gold_are_where_they_were_acknowledged() {
    let mut done = 0;
    for seed in SEEDS {
        let report = run(plan(seed));
        assert!(report.wrong.is_empty(), "seed {seed}: {:#?}", report.wrong);
        done += report.done;
    }
    assert!(done > 10_000, "only {done} transfers were done");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in [1, 2, 3, 5, 8] {
        assert_eq!(run(plan(seed)), run(plan(seed)), "seed {seed}");
    }
}

#[test]
fn what_is_repeated_on_a_real_store_is_done_once_and_the_ledger_explains_it() {
    for seed in 1..=3 {
        let wrong = storm::run(seed, 400).unwrap();
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
    }
}
