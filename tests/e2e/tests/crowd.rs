//! A crowd in one place, while the tick budget is lowered and given back: the short form of `scripts/crowd`.

use e2e::crowd::{Options, run};

#[test]
fn sixty_in_one_place_go_up_the_ladder_and_down_again_and_nobody_is_disconnected() {
    let (report, failures) = run(&Options { players: 60, seconds: 6, nodes: 1, seed: 11, cools: false });
    assert!(failures.is_empty(), "{report:#}");
}
