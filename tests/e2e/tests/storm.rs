//! A short storm: what was acknowledged outlives the death of any process, any shard, and Redis.

use e2e::storm::{Options, run};
use std::time::Duration;
use store::testing::postgres_wanted;

#[test]
fn what_was_acknowledged_outlives_any_death() {
    if !postgres_wanted() {
        return;
    }
    let options = Options {
        ops: 600,
        kills: 9,
        players: 16,
        shards: 2,
        seed: 11,
        without: Vec::new(),
        haste: 1.0,
        tmpfs: false,
        pause_ms: 1_000..4_000,
        at_most: Duration::from_secs(300),
    };
    let outcome = run(&options).expect("a storm");
    assert!(outcome.failures.is_empty(), "{:#?}\n{:#}", outcome.failures, outcome.json);
    let mailed = outcome.json["acknowledged_by_kind"]["mail"].as_u64();
    assert!(mailed.is_some_and(|count| count > 0), "nobody mailed anything: {:#}", outcome.json);
}
