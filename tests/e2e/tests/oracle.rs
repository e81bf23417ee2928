//! The border oracle in its short form: what clients see of each other is the same on one node and on several.

use e2e::oracle::{Options, run};
use std::time::Duration;

#[test]
fn clients_see_the_same_on_one_node_and_on_two() {
    let options = Options {
        crossings: 20.0,
        nodes: 2,
        players: 14,
        seed: rand::random::<u32>().into(),
        round: Duration::from_secs(20),
        // debug builds beside whatever else the machine does
        tolerance: Duration::from_millis(900),
    };
    let (report, failures) = run(&options).unwrap_or_else(|error| panic!("{error:#}"));
    assert!(failures.is_empty(), "seed {}: {failures:#?}\n{report:#}", options.seed);
    assert!(report["acts_compared"].as_u64().is_some_and(|acts| acts > 1_000), "{report:#}");
}
