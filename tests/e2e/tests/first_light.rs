//! An operator's first hour: start, accounts, sign-up, bots, a restart, two clusters on one machine.
#![allow(clippy::unwrap_used)]

use e2e::{Cluster, Options, get, post_json};

fn two_nodes() -> Options {
    Options { nodes: 2, ..Options::default() }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_first_start_shows_an_account_once_and_everything_runs() {
    let mut cluster = Cluster::start(two_nodes());
    assert!(cluster.greeting.iter().any(|line| line.contains("its password")), "{:?}", cluster.greeting);
    let mut names: Vec<String> = cluster.ps().into_iter().map(|row| row.name).collect();
    names.sort();
    let expected = ["bisrv-1", "dbsrv-1", "edge-1", "logsrv-1", "nrsrv-1", "tmsrv-1", "tmsrv-2", "tsssrv-1"];
    assert_eq!(names, expected);
    for row in cluster.ps() {
        assert_eq!((row.state.as_str(), row.restarts), ("running", 0), "{row:?}");
        for page in ["healthz", "readyz", "metrics"] {
            let answer = get(&format!("http://{}/{page}", row.http)).unwrap();
            assert_eq!(answer.status, 200, "{} /{page}: {}", row.name, answer.body);
        }
    }
    assert_eq!(cluster.stop(), Some(0));
    cluster.up();
    assert!(!cluster.greeting.iter().any(|line| line.contains("its password")), "{:?}", cluster.greeting);
}

#[test]
fn accounts_are_made_by_command_and_by_sign_up_and_names_are_unique() {
    let cluster = Cluster::start(Options::default());
    let create =
        |name: &str| cluster.with_data(&["account", "create", name, "--password-stdin"], Some("segredo1\n"));
    assert!(create("Fulano").status.success());
    let again = create("FULANO");
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("taken"), "{}", text(&again.stderr));
    let bad = create("no");
    assert_eq!(bad.status.code(), Some(1));

    let sign_up = |body: &str| post_json(&cluster.signup(), body).unwrap();
    assert_eq!(sign_up(r#"{"username": "beltrano", "password": "segredo2"}"#).status, 201);
    let taken = sign_up(r#"{"username": "fulano", "password": "segredo2"}"#);
    assert!((400..500).contains(&taken.status), "{taken:?}");
    let taken: serde_json::Value = serde_json::from_str(&taken.body).unwrap();
    assert_eq!(taken["field"], "username");
    let short = sign_up(r#"{"username": "cicrano", "password": "x"}"#);
    assert!((400..500).contains(&short.status), "{short:?}");
    let short: serde_json::Value = serde_json::from_str(&short.body).unwrap();
    assert_eq!(short["field"], "password");
    assert!((400..500).contains(&sign_up("{nonsense").status));

    assert!(cluster.with_data(&["account", "block", "beltrano"], None).status.success());
    let shown = cluster.with_data(&["account", "show", "Beltrano", "--json"], None);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!(shown["blocked"].is_string(), "{shown}");
    let missing = cluster.with_data(&["account", "show", "nobody"], None);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn account_commands_work_while_the_cluster_is_down() {
    let mut cluster = Cluster::start(Options::default());
    assert_eq!(cluster.stop(), Some(0));
    let created =
        cluster.with_data(&["account", "create", "noturno", "--password-stdin"], Some("segredo1\n"));
    assert!(created.status.success(), "{}", text(&created.stderr));
    cluster.up();
    let shown = cluster.with_data(&["account", "show", "noturno"], None);
    assert!(shown.status.success());
}

#[test]
fn bots_of_all_client_versions_see_each_other() {
    let cluster = Cluster::start(two_nodes());
    let (report, content) =
        cluster.bots(&["--players", "24", "--for", "12", "--profile", "mixed", "--seed", "1"]);
    assert!(content, "{report:#}");
    assert_eq!(report["entered"], 24, "{report:#}");
    assert_eq!(report["dropped"], 0, "{report:#}");
    assert!(report["walked"].as_u64().unwrap() > 24, "{report:#}");
    assert!(report["chats"].as_u64().unwrap() > 10, "{report:#}");
    assert_eq!(report["violations"].as_array().unwrap().len(), 0, "{report:#}");
}

#[test]
fn the_counts_page_speaks_the_clients_dialect() {
    let cluster = Cluster::start(Options::default());
    let page = get(&format!("http://127.0.0.1:{}/SrvCont.htm", cluster.http_port)).unwrap();
    assert_eq!(page.status, 200);
    let counts: Vec<&str> = page.body.trim().split("\\n").collect();
    assert!(counts.len() > 1, "{page:?}");
    assert_eq!(counts[0], "0");
}

#[test]
fn two_clusters_run_side_by_side() {
    let first = Cluster::start(Options::default());
    let mut second = Cluster::start(Options::default());
    assert_eq!(second.stop(), Some(0));
    assert!(first.ps().iter().all(|row| row.state == "running"));
    let data = first.data();
    let third = first.wydbr(&["up", "--data", data.to_str().unwrap(), "--edge-port", "0"]);
    assert_eq!(third.status.code(), Some(1));
    assert!(text(&third.stderr).contains("runs already"), "{}", text(&third.stderr));
}
