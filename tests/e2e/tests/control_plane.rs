//! A cluster without its database: nothing happens to players. The short form of `scripts/failover --how control-plane`.
#![allow(clippy::unwrap_used)]

use e2e::control_plane;
use std::time::Duration;

#[test]
fn without_database_and_dbsrv_players_play_on_and_nothing_moves_afterwards() {
    if !store::testing::postgres_wanted() {
        return;
    }
    let options = control_plane::Options { players: 16, nodes: 2, away: Duration::from_secs(12), seed: 5 };
    let (report, failures) = control_plane::run(&options).unwrap();
    assert!(failures.is_empty(), "{report:#}");
}
