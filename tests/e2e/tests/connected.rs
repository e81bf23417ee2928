//! Operators whose cluster was not started by `wydbr up` on their folder reach it with the same commands.
#![allow(clippy::unwrap_used)]

use e2e::{Cluster, Options};
use std::path::Path;
use std::process::Output;

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Connects a folder with a key.
fn connect(cluster: &Cluster, folder: &Path, key: &Path) -> Output {
    let [dbsrv, logsrv] = ["dbsrv-1", "logsrv-1"].map(|name| cluster.process(name).link);
    let [folder, key] = [folder, key].map(|path| path.to_str().unwrap());
    // one that does not answer stands first
    let dbsrv = format!("127.0.0.1:1,{dbsrv}");
    cluster.wydbr(&["connect", "--data", folder, "--dbsrv", &dbsrv, "--logsrv", &logsrv, "--key-file", key])
}

#[test]
fn a_connected_folder_reaches_the_cluster_and_never_its_databases() {
    let mut cluster = Cluster::start(Options::default());
    let outside = tempfile::tempdir().unwrap();
    let (folder, wrong) = (outside.path().join("prod"), outside.path().join("wrong.key"));
    std::fs::write(&wrong, "00112233445566778899aabbccddeeff").unwrap();
    let refused = connect(&cluster, &folder, &wrong);
    assert!(
        !refused.status.success() && text(&refused).contains("nothing was written"),
        "{}",
        text(&refused)
    );
    assert!(!folder.exists());

    let connected = connect(&cluster, &folder, &cluster.data().join("cluster.key"));
    assert!(connected.status.success() && text(&connected).contains("tmsrv-1"), "{}", text(&connected));
    let data = folder.to_str().unwrap();
    let does = |cluster: &Cluster, arguments: &[&str], input: Option<&str>| {
        let output = cluster.wydbr_with(&[arguments, &["--data", data]].concat(), input);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    };
    assert!(does(&cluster, &["cluster", "status"], None).contains("each has a live owner"));
    does(&cluster, &["account", "create", "distante", "--password-stdin"], Some("senha1234\n"));
    assert!(does(&cluster, &["account", "show", "distante"], None).contains("online      no"));
    does(&cluster, &["notice", "from afar"], None);
    does(&cluster, &["fsck"], None);
    does(&cluster, &["auctions", "list"], None);

    let refuses = |cluster: &Cluster, arguments: &[&str], word: &str| {
        let output = cluster.wydbr(&[arguments, &["--data", data]].concat());
        assert!(!output.status.success() && text(&output).contains(word), "{arguments:?}: {}", text(&output));
    };
    refuses(&cluster, &["ps"], "was not started by `wydbr up`");
    refuses(&cluster, &["upgrade", "--binary", "/bin/true"], "was not started by `wydbr up`");
    refuses(&cluster, &["up"], "runs elsewhere");
    refuses(&cluster, &["logs"], "--follow");
    let own = connect(&cluster, &cluster.data(), &cluster.data().join("cluster.key"));
    assert!(text(&own).contains("take another --data"), "{}", text(&own));

    // with the cluster gone a connected folder has nothing to open
    cluster.stop();
    refuses(&cluster, &["cluster", "status"], "not available");
}
