//! Processes die under players: they come back, nobody is lost, nobody is doubled.
#![allow(clippy::unwrap_used)]

use bot::protocol::profile::Profile;
use e2e::failover::{self, How};
use e2e::{Cluster, Identity, Options, Player};
use std::time::{Duration, Instant};

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
        e2e::wait_for("players are online", Duration::from_secs(60), || {
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

/// Longer than two rounds of the journal, and much shorter than the time between two saves.
const JOURNALLED: Duration = Duration::from_millis(1_500);

#[test]
fn who_played_on_a_node_that_died_stands_where_it_stood_and_not_where_it_was_saved() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let enter = |profile, account| Player::enter(&cluster, &Identity::sign_up(&cluster, profile, account));
    let (mut walker, mut witness) = (enter(Profile::V759, "andarilho"), enter(Profile::V769, "parada"));
    let name = walker.identity.character.clone();
    for node in ["tmsrv-1", "tmsrv-2"] {
        walker.until_sees(&witness.identity.character);
        let goal = walker.free_tile(4, 3);
        walker.walk_to(goal);
        walker.listen(Instant::now() + JOURNALLED);
        cluster.kill_and_wait(node);
        failover::until_all_play(&cluster, 2);
        walker.say_to(&mut witness, "ainda aqui");
        witness.say_to(&mut walker, "eu tambem");
        assert_eq!(walker.tile(), goal, "after the death of {node}");
        assert_eq!(witness.world().player(&name).map(|seen| seen.track.to), Some(goal));
        walker.assert_content();
        witness.assert_content();
    }
}

#[test]
fn players_of_a_node_that_stands_still_act_on_another_one_and_it_does_no_harm_afterwards() {
    let cluster = Cluster::start(Options { nodes: 2, ..Options::default() });
    let options = failover::Options {
        players: 12,
        times: 1,
        how: How::Stop,
        seed: 9,
        act_again_ms: 12_000.0,
        rollback_ms: 3_000.0,
    };
    let (report, failures) = failover::run(&cluster, &options);
    assert!(failures.is_empty(), "{report:#}");
}
