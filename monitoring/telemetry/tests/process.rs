//! Processes that start, are asked how they are over HTTP, and stop.
#![allow(clippy::unwrap_used)]

use model::membership::Role;
use settings::Common;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

fn common(folder: &Path, name: &str) -> Common {
    let key_file = folder.join("cluster.key");
    if !key_file.exists() {
        std::fs::write(&key_file, "00112233445566778899aabbccddeeff\n").unwrap();
        std::fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
    }
    Common { name: name.to_owned(), data: folder.join(name), key_file, ..Common::default() }
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(SOON, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_tells_how_it_is_from_start_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let started = telemetry::start(Role::TmSrv, &common(folder.path(), "")).await.unwrap();
    let (process, http) = (started.process, started.http);
    assert_eq!(process.name.as_str(), "tmsrv-1");
    assert_eq!(get(http, "/healthz").await.0, 200);
    assert_eq!(get(http, "/readyz").await, (503, "starting\n".to_owned()));

    process.health.ready("store", true);
    process.health.ready("link", false);
    assert_eq!(get(http, "/readyz").await, (503, "link: not ready\nstore: ready\n".to_owned()));
    process.health.ready("link", true);
    assert_eq!(get(http, "/readyz").await.0, 200);

    process.metrics.counter("ticks_total", "Ticks.").inc_by(3);
    let (status, text) = get(http, "/metrics").await;
    assert_eq!(status, 200);
    for name in [
        "ticks_total 3",
        "process_uptime_seconds",
        "process_resident_bytes",
        "process_open_fds",
        "process_cpu_seconds",
    ] {
        assert!(text.contains(&format!("\nwydbr_tmsrv_{name}")), "{name} in\n{text}");
    }

    process.stop.cancel();
    assert_eq!(get(http, "/readyz").await.0, 503);
    timeout(SOON, telemetry::stop(process)).await.unwrap();
    assert!(TcpStream::connect(http).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_live_in_one_program_and_a_panic_stops_only_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let one = telemetry::start(Role::TmSrv, &common(folder.path(), "tmsrv-1")).await.unwrap();
    let two = telemetry::start(Role::TmSrv, &common(folder.path(), "tmsrv-2")).await.unwrap();
    assert!(one.process.incarnation != two.process.incarnation);
    let _ = one.process.tasks.spawn("clumsy", async { panic!("on purpose") }).await;
    timeout(SOON, one.process.stop.cancelled()).await.unwrap();
    assert!(!two.process.stop.is_cancelled());
    assert_eq!(get(one.http, "/healthz").await.0, 503);
    assert_eq!(get(two.http, "/healthz").await.0, 200);
    telemetry::stop(one.process).await;
    telemetry::stop(two.process).await;
}

#[tokio::test]
async fn what_prevents_a_start_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let good = common(folder.path(), "tmsrv-1");
    let taken = telemetry::start(Role::TmSrv, &good).await.unwrap();
    for (bad, told) in [
        (Common { name: "../etc".into(), ..good.clone() }, "process name `../etc`"),
        (Common { log_level: "link=loud".into(), ..good.clone() }, "log_level `link=loud`"),
        (Common { key_file: folder.path().join("none"), ..good.clone() }, "none: No such file"),
        (Common { http: taken.http, ..good.clone() }, "cannot serve metrics and health on 127.0.0.1"),
        (
            Common { data: folder.path().join("cluster.key"), logsrv: vec![taken.http], ..good.clone() },
            "log spool",
        ),
    ] {
        let error = telemetry::start(Role::TmSrv, &bad).await.err().unwrap().to_string();
        assert!(error.contains(told) && !error.contains('\n'), "{error}");
    }
    assert!(taken.process.set_log_level("debug").is_ok());
    assert!(taken.process.set_log_level("=,=").is_err());
    telemetry::stop(taken.process).await;
}
