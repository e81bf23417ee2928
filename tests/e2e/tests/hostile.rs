//! Hostile input beside players who must not notice.
#![allow(clippy::unwrap_used)]

use e2e::{Cluster, Options, resident_kib};
use std::process::Command;

#[test]
fn hostile_input_hurts_nobody() {
    let cluster = Cluster::start(Options { nodes: 1, ..Options::default() });
    let edge = cluster.edge();
    let bots = cluster.start_bots(&["--players", "10", "--for", "20", "--profile", "mixed", "--seed", "4"]);
    let attack = Command::new(e2e::wydbr_binary())
        .args(["hostile", "--edge", &edge, "--for", "12", "--connections", "300", "--seed", "5"])
        .output()
        .unwrap();
    assert!(attack.status.success(), "{}", String::from_utf8_lossy(&attack.stderr));
    let (report, content) = bots.finish();
    assert!(content, "{report:#}");
    let row = cluster.process("edge-1");
    assert_eq!(row.restarts, 0, "the edge died");
    assert!(resident_kib(row.pid) < 400 * 1024, "the edge grew to {} KiB", resident_kib(row.pid));
    assert!(cluster.ps().iter().all(|row| row.restarts == 0), "{:?}", cluster.ps());
}
