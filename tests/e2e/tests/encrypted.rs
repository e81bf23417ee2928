//! What somebody reads who listens between two processes: nothing, with certificates.
#![allow(clippy::unwrap_used)]

use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player, TcpTap, metric};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;

const ACCOUNT: &str = "ouvidanalinha";
const PASSWORD: &str = "Xq7Zw9Kp2Lm";
const NOTICE: &str = "the gates of Armia close at nine";

fn cluster(tls: bool) -> Cluster {
    Cluster::start(Options { nodes: 2, tls, ..Options::default() })
}

/// A data folder as an operator's command reads it, but with a recorder on the way to NRSrv.
struct Tapped {
    folder: PathBuf,
    tap: TcpTap,
    _running: File,
}

impl Tapped {
    fn of(cluster: &Cluster, folder: &Path) -> Self {
        let data = cluster.data();
        for inside in ["run", "certs"] {
            fs::create_dir_all(folder.join(inside)).unwrap();
        }
        let mut files = vec!["cluster.key".to_owned()];
        if let Ok(certs) = fs::read_dir(data.join("certs")) {
            files.extend(certs.flatten().map(|file| format!("certs/{}", file.file_name().display())));
        }
        for file in files {
            fs::copy(data.join(&file), folder.join(&file)).unwrap();
        }
        let mut state: Value =
            serde_json::from_slice(&fs::read(data.join("run/cluster.json")).unwrap()).unwrap();
        let processes = state["processes"].as_array_mut().unwrap();
        let nrsrv = processes.iter_mut().find(|process| process["name"] == "nrsrv-1").unwrap();
        let tap = TcpTap::before(nrsrv["link"].as_str().unwrap().parse().unwrap());
        nrsrv["link"] = tap.address.to_string().into();
        fs::write(folder.join("run/cluster.json"), state.to_string()).unwrap();
        let running = File::create(folder.join("run/lock")).unwrap();
        running.try_lock().unwrap();
        Self { folder: folder.to_owned(), tap, _running: running }
    }

    fn wydbr(&self, cluster: &Cluster, arguments: &[&str], input: Option<&str>) -> Output {
        let mut all = arguments.to_vec();
        all.extend(["--data", self.folder.to_str().unwrap()]);
        cluster.wydbr_with(&all, input)
    }
}

#[test]
fn a_listener_between_two_processes_reads_nothing_with_certificates_and_everything_without() {
    for tls in [false, true] {
        let mut cluster = cluster(tls);
        let outside = tempfile::tempdir().unwrap();
        let tapped = Tapped::of(&cluster, outside.path());
        let made =
            tapped.wydbr(&cluster, &["account", "create", ACCOUNT, "--password-stdin"], Some(PASSWORD));
        assert!(made.status.success(), "{made:?}");
        let told = tapped.wydbr(&cluster, &["notice", NOTICE], None);
        assert!(told.status.success(), "{told:?}");

        let recording = &tapped.tap.recording;
        assert!(recording.bytes() > 300, "the tap saw {} bytes", recording.bytes());
        for readable in [ACCOUNT, PASSWORD, NOTICE, "operator", "nrsrv-1"] {
            assert_eq!(recording.saw(readable.as_bytes()), !tls, "{readable}, with certificates: {tls}");
        }
        let key = fs::read_to_string(cluster.data().join("cluster.key")).unwrap();
        assert!(!recording.saw(key.trim().as_bytes()), "the key itself is never said");
        assert_eq!(cluster.stop(), Some(0));
    }
}

#[test]
fn players_play_on_an_encrypted_cluster_and_strangers_are_refused_by_name() {
    let mut cluster = cluster(true);
    for process in cluster.ps() {
        let name = format!("wydbr_{}_link_encrypted_count", process.name.split('-').next().unwrap());
        assert_eq!(metric(&process.http, &name), Some(1.0), "{name}");
    }
    let identity = Identity::sign_up(&cluster, Profile::V759, "cifrada");
    Player::enter(&cluster, &identity).leave();
    let (report, content) =
        cluster.bots(&["--players", "12", "--for", "15", "--profile", "mixed", "--seed", "3"]);
    assert!(content, "{report:#}");
    cluster.kill_and_wait("dbsrv-1");
    Player::enter(&cluster, &identity).leave();
    let edge = cluster.process("edge-1");
    for counter in ["wydbr_edge_link_sent_bytes", "wydbr_edge_link_received_bytes"] {
        assert!(metric(&edge.http, counter).unwrap() > 10_000.0, "{counter}");
    }

    // an operator without certificates, and one whose CA is another
    let outside = tempfile::tempdir().unwrap();
    let plain = Tapped::of(&cluster, outside.path());
    let state = fs::read_to_string(plain.folder.join("run/cluster.json")).unwrap();
    fs::write(plain.folder.join("run/cluster.json"), state.replace("\"tls\":true", "\"tls\":false")).unwrap();
    assert!(!plain.wydbr(&cluster, &["notice", NOTICE], None).status.success());
    let foreign = tempfile::tempdir().unwrap();
    let tapped = Tapped::of(&cluster, foreign.path());
    fs::remove_dir_all(tapped.folder.join("certs")).unwrap();
    let certs = tapped.folder.join("certs");
    let made = ["certs", "--out", certs.to_str().unwrap(), "--host", "localhost,127.0.0.1"];
    assert!(cluster.wydbr(&made).status.success());
    assert!(!tapped.wydbr(&cluster, &["notice", NOTICE], None).status.success());
    assert_eq!(cluster.stop(), Some(0));
    for why in ["a peer without TLS on a port with TLS", "the peer does not know the CA of our certificate"] {
        let words = cluster.last_words() + &logs(&cluster);
        assert!(words.contains(why), "`{why}` is not in the log");
    }
}

fn logs(cluster: &Cluster) -> String {
    let mut text = String::new();
    for folder in fs::read_dir(cluster.data().join("logs")).unwrap().flatten() {
        let files = fs::read_dir(folder.path()).into_iter().flatten().flatten();
        text.extend(files.map(|file| String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned()));
    }
    text
}
