//! The short form of the simulation and of the storm; the long ones are `scripts/sim` and `scripts/storm`.

#![allow(clippy::unwrap_used)]

use sim::run::{Plan, Scenario, cores, many, run};
use sim::storm;
use std::time::Duration;

/// Seeds of the short form: 200 of the storage, and as many of the market.
const SEEDS: std::ops::Range<u64> = 1..401;
/// Of the cluster.
const OF_CLUSTER: std::ops::Range<u64> = 1..201;

fn plan(seed: u64) -> Plan {
    Plan::of(seed, Duration::from_secs(8))
}

/// Half of the seeds play the storage, half of them the market.
#[test]
fn whoever_dies_items_and_gold_are_where_they_were_acknowledged() {
    let (mut transfers, mut of_market) = (0, 0);
    many(
        SEEDS,
        cores(),
        |seed| run(plan(seed)),
        |seed, report| {
            assert!(report.wrong.is_empty(), "seed {seed}: {:#?}", report.wrong);
            match Scenario::of(seed) {
                Scenario::Storage => transfers += report.done,
                Scenario::Market => of_market += report.done,
                Scenario::Cluster => unreachable!("it is played when it is asked for"),
            }
        },
    );
    assert!(transfers > 10_000, "only {transfers} transfers were done");
    assert!(of_market > 3_000, "only {of_market} things were done at the market");
}

/// Every fourth seed takes only DBSrv away. The long form is `scripts/sim --scenario cluster --seeds 10000`.
#[test]
fn whoever_dies_a_zone_has_one_owner_and_each_command_one_end() {
    let of_cluster = |seed| Plan { scenario: Scenario::Cluster, ..plan(seed) };
    let (mut obeyed, mut not) = (0, 0);
    many(
        OF_CLUSTER,
        cores(),
        |seed| run(of_cluster(seed)),
        |seed, report| {
            assert!(report.wrong.is_empty(), "seed {seed}: {:#?}", report.wrong);
            obeyed += report.done;
            not += report.refused;
        },
    );
    // who is in haste while no node is there loses most
    assert!(obeyed > 40_000 && not < 2 * obeyed, "{obeyed} commands were obeyed, {not} dropped or lost");
    for seed in 1..=4 {
        assert_eq!(run(of_cluster(seed)), run(of_cluster(seed)), "seed {seed}");
    }
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
