//! The hostile clients: whom they may attack, that they end, and that they see a server that gives in.
#![allow(clippy::unwrap_used)]

mod support;

use bot::hostile::{self, HostileError, Kind, Options};
use support::{Fake, Flaw, eventually};
use tokio::net::TcpListener;

fn options(edge: &str) -> Options {
    Options { connections: 50, attackers: 16, seed: Some(3), progress: false, ..Options::new(edge, 3) }
}

#[tokio::test]
async fn only_this_machine_may_be_attacked() {
    for edge in ["192.0.2.1:8281", "8.8.8.8:53", "0.0.0.0:8281"] {
        let error = hostile::run(options(edge)).await.unwrap_err();
        assert!(matches!(error, HostileError::NotLoopback { .. }), "{edge}: {error}");
    }
    let page = Options { signup: Some("http://192.0.2.1/signup".to_owned()), ..options("127.0.0.1:1") };
    assert!(matches!(hostile::run(page).await.unwrap_err(), HostileError::NotLoopback { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_it_gives_a_clean_report_with_all_kinds_of_attacks() {
    let fake = Fake::start(Flaw::None).await;
    let report = hostile::run(options(&fake.edge())).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.unexpected);
    assert_eq!(report.seed, 3);
    for kind in [Kind::RandomBytes, Kind::RandomFrames, Kind::BadSize, Kind::BadChecksum, Kind::ConnectClose]
    {
        assert!(
            report.attempts.get(&kind).is_some_and(|&count| count > 0),
            "{kind:?} in {:?}",
            report.attempts
        );
    }
    assert!(report.closes.get(&Kind::BadChecksum).is_some_and(|&count| count > 0));
    assert_eq!(report.half_open.peak, 50);
    assert!(report.canary.asked > 2 && report.canary.answered == report.canary.asked);
    eventually("the server has seen frames", || fake.frames.load(std::sync::atomic::Ordering::Relaxed) > 0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_answering_is_unexpected() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let report = hostile::run(options(&silent.local_addr().unwrap().to_string())).await.unwrap();
    assert!(report.unexpected.iter().any(|text| text.contains("did not answer for 2 s")), "{report:?}");
    assert!(!report.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_gone_is_unexpected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let edge = listener.local_addr().unwrap().to_string();
    drop(listener);
    let report = hostile::run(Options { seconds: 1, ..options(&edge) }).await.unwrap();
    assert!(report.unexpected.iter().any(|text| text.contains("does not accept")), "{report:?}");
    assert!(report.connect_failures > 0);
}

#[test]
fn a_limit_on_files_that_is_too_low_is_named() {
    let error = hostile::raise_file_limit(usize::MAX).unwrap_err();
    assert!(error.to_string().contains("raise it (ulimit -Hn) or ask for fewer"), "{error}");
}
