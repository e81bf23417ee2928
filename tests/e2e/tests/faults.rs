//! Processes die under players: they come back, nobody is lost, nobody is doubled.
#![allow(clippy::unwrap_used)]

use e2e::{Cluster, Options};

/// Every process but the edge, one after the other, while bots walk.
#[test]
fn any_process_but_the_edge_may_be_killed_while_bots_play() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let bots = cluster.start_bots(&[
        "--players",
        "16",
        "--for",
        "75",
        "--profile",
        "mixed",
        "--faults",
        "--seed",
        "2",
    ]);
    for name in ["tmsrv-1", "tmsrv-2", "dbsrv-1", "nrsrv-1", "bisrv-1", "tsssrv-1", "logsrv-1"] {
        e2e::wait_for("players are online", std::time::Duration::from_secs(60), || {
            let page = e2e::get(&format!("http://127.0.0.1:{}/SrvCont.htm", cluster.http_port)).ok()?;
            let online: u32 = page.body.split("\\n").next()?.trim().parse().ok()?;
            (online >= 16).then_some(())
        });
        cluster.kill_and_wait(name);
    }
    let (report, content) = bots.finish();
    assert!(content, "{report:#}");
    assert_eq!(report["entered"], 16, "{report:#}");
    let restarts: u32 = cluster.ps().iter().map(|row| row.restarts).sum();
    assert_eq!(restarts, 7);
}
