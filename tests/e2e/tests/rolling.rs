//! The short form of `scripts/rolling`, and upgrades that cannot work.
#![allow(clippy::unwrap_used)]

use e2e::rolling::{self, Options};
use e2e::{Cluster, Options as ClusterOptions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn bots_play_through_an_upgrade_of_every_process() {
    let cluster = Cluster::start(ClusterOptions { nodes: 2, ..ClusterOptions::default() });
    let options = Options { players: 16, seconds: 110, only: Vec::new(), seed: 5 };
    let (json, failures) = rolling::run(&cluster, &options);
    assert!(failures.is_empty(), "{failures:?}: {json}");
}

#[test]
fn a_program_that_cannot_work_is_refused_or_taken_back_and_the_cluster_goes_on() {
    let cluster = Cluster::start(ClusterOptions { nodes: 1, ..ClusterOptions::default() });
    let before: Vec<u32> = cluster.ps().iter().map(|row| row.pid).collect();
    let folder = tempfile::tempdir().unwrap();
    let program = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let none: [String; 0] = [];
    let missing = rolling::upgrade(&cluster, &folder.path().join("nothing"), &none).unwrap_err();
    assert!(missing.contains("found no file"), "{missing}");
    let other = program("other", "#!/bin/sh\necho 'not a wydbr' >&2\nexit 3\n");
    let refused = rolling::upgrade(&cluster, &other, &none).unwrap_err();
    assert!(refused.contains("not a wydbr"), "{refused}");
    let unknown = rolling::upgrade(&cluster, &other, &["edge-9".to_owned()]).unwrap_err();
    assert!(unknown.contains("found `edge-9`, expected one of"), "{unknown}");
    assert_eq!(cluster.ps().iter().map(|row| row.pid).collect::<Vec<_>>(), before, "nothing was touched");

    // looks good, and dies at once
    let dies = program("dies", "#!/bin/sh\ncase \"$*\" in *--check*) exit 0;; esac\nexit 1\n");
    let edge = rolling::upgrade(&cluster, &dies, &["Edge".to_owned()]).unwrap_err();
    assert!(edge.contains("the process that runs goes on"), "{edge}");
    assert_eq!(cluster.process("edge-1").pid, *before.last().unwrap());
    let bank = rolling::upgrade(&cluster, &dies, &["bisrv-1".to_owned()]).unwrap_err();
    assert!(bank.contains("runs on the one before"), "{bank}");
    let (report, content) = cluster.bots(&["--players", "4", "--for", "3", "--seed", "1"]);
    assert!(content, "{report}");
}
