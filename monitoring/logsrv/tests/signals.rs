//! Real processes that are told to stop, or killed.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Machine, SOON, say, until};
use logsrv::Settings;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Not a test of its own: what the children run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(folder) = std::env::var("TEST_FOLDER") else { return };
    let logsrv = std::env::var("TEST_LOGSRV").unwrap().parse().unwrap();
    let machine = Machine::at(PathBuf::from(folder), logsrv);
    let process = machine.process("tmsrv-1").await;
    say(&process, 1..=500).await;
    let spooled = process.metrics.counter("log_spooled_records", "");
    until("all is on disk", || spooled.get() >= 500).await;
    println!("\nchild is up");
    process.stop.cancelled().await;
    println!("\nchild is told");
    if std::env::var_os("TEST_DEAF").is_some() {
        std::future::pending::<()>().await;
    }
    telemetry::stop(process).await;
    std::process::exit(7);
}

struct Running {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(machine: &Machine, deaf: bool) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture"]).stdout(Stdio::piped()).stderr(Stdio::null());
        command.env("TEST_FOLDER", &machine.folder).env("TEST_LOGSRV", machine.logsrv.to_string());
        if deaf {
            command.env("TEST_DEAF", "1");
        }
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (tx, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tx.send(line)));
        let running = Self { child, lines };
        running.until("child is up");
        running
    }

    fn until(&self, wanted: &str) {
        let end = Instant::now() + SOON;
        while self.lines.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap() != wanted {}
    }

    fn signal(&self, signal: &str) {
        assert!(
            Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success()
        );
    }

    fn code(&mut self) -> Option<i32> {
        let end = Instant::now() + SOON;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the child does not end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_said_is_shipped_by_its_next_run() {
    let machine = Machine::new();
    let mut child = Running::start(&machine, false);
    child.signal("-KILL");
    assert_eq!(child.code(), None);
    let logsrv = machine.start_logsrv(Settings::default()).await;
    let next = machine.process("tmsrv-1").await;
    say(&next, 501..=510).await;
    machine.until_numbers("tmsrv-1", 1..=510).await;
    telemetry::stop(next).await;
    assert_eq!(machine.spool_files(), 0);
    logsrv.kill().await;
}

#[test]
fn the_first_signal_stops_in_order_and_the_second_at_once() {
    let machine = Machine::new();
    for signal in ["-TERM", "-INT"] {
        let mut child = Running::start(&machine, false);
        child.signal(signal);
        child.until("child is told");
        assert_eq!(child.code(), Some(7), "{signal}");
    }
    let mut deaf = Running::start(&machine, true);
    deaf.signal("-TERM");
    deaf.until("child is told");
    deaf.signal("-INT");
    assert_eq!(deaf.code(), Some(130));
}
