//! One cluster under test.

use crate::apart::Apart;
use serde::Deserialize;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use support::free_port;

/// A cluster that has not printed `ready` after this has failed to start.
const READY_DEADLINE: Duration = Duration::from_secs(120);
/// A cluster that has not ended after this did not stop.
const STOP_DEADLINE: Duration = Duration::from_secs(90);

/// What to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Game nodes; 0 counts as 2.
    pub nodes: u16,
    /// Content directory.
    pub content: Option<PathBuf>,
    /// PostgreSQL shards.
    pub postgres: Vec<String>,
    /// Redis.
    pub redis: Option<String>,
    /// Settings that the operator wrote before: programs and their files.
    pub settings: Vec<(&'static str, String)>,
    /// Encrypted internal links.
    pub tls: bool,
}

/// A running cluster in a folder of its own; killed with its children when dropped.
pub struct Cluster {
    folder: tempfile::TempDir,
    options: Options,
    supervisor: Option<Child>,
    apart: Option<Apart>,
    address: IpAddr,
    /// Port of the players.
    pub edge_port: u16,
    /// Port of the counts page and the sign-up.
    pub http_port: u16,
    /// Everything that `up` printed until `ready`.
    pub greeting: Vec<String>,
}

/// One row of `wydbr ps --json`.
#[derive(Clone, Debug, Deserialize)]
pub struct ProcessRow {
    /// `tmsrv-1`
    pub name: String,
    /// 0 while it does not run.
    pub pid: u32,
    /// `running` when all is well.
    pub state: String,
    /// How often it was restarted.
    pub restarts: u32,
    /// Where its siblings reach it.
    pub link: String,
    /// Where health and metrics are.
    pub http: String,
}

impl Cluster {
    /// Starts a cluster and waits for its `ready` line.
    pub fn start(options: Options) -> Self {
        let mut cluster = Self::prepared(options);
        cluster.write_settings();
        cluster.up();
        cluster
    }

    /// Starts one whose processes run on hosts of their own, in a program that is [`crate::hosts::enter`]ed.
    pub fn start_apart(nodes: u16) -> anyhow::Result<Self> {
        let mut cluster = Self::prepared(Options { nodes, ..Options::default() });
        let ports = [cluster.edge_port, cluster.http_port];
        let apart = Apart::start(&cluster.data(), &wydbr_binary(), nodes, ports)?;
        cluster.address = apart.hosts.address(crate::apart::EDGE).into();
        cluster.apart = Some(apart);
        Ok(cluster)
    }

    fn prepared(options: Options) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            options,
            supervisor: None,
            apart: None,
            address: Ipv4Addr::LOCALHOST.into(),
            edge_port: free_port(),
            http_port: free_port(),
            greeting: Vec::new(),
        }
    }

    /// Its hosts and processes, when they have some of their own.
    pub fn apart(&self) -> Option<&Apart> {
        self.apart.as_ref()
    }

    fn write_settings(&self) {
        let folder = self.data().join("config");
        for (program, text) in &self.options.settings {
            std::fs::create_dir_all(&folder).expect("a folder for the settings");
            std::fs::write(folder.join(format!("{program}.conf")), text).expect("the settings are written");
        }
    }

    /// Starts the cluster again on the same folder and ports.
    pub fn up(&mut self) {
        assert!(self.supervisor.is_none(), "the cluster runs already");
        let mut command = Command::new(wydbr_binary());
        command
            .arg("up")
            .arg("--data")
            .arg(self.data())
            .args(["--nodes", &self.options.nodes.max(1).to_string()])
            .args(["--edge-port", &self.edge_port.to_string()])
            .args(["--http-port", &self.http_port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        if let Some(content) = &self.options.content {
            command.arg("--content").arg(content);
        }
        if !self.options.postgres.is_empty() {
            command.args(["--postgres", &self.options.postgres.join(",")]);
        }
        if let Some(redis) = &self.options.redis {
            command.args(["--redis", redis]);
        }
        if self.options.tls {
            command.arg("--tls");
        }
        let mut child = command.spawn().expect("wydbr starts");
        let stdout = child.stdout.take().expect("a pipe");
        self.supervisor = Some(child);
        self.greeting = self.read_until_ready(stdout);
    }

    fn read_until_ready(&self, stdout: std::process::ChildStdout) -> Vec<String> {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                println!("   up: {line}");
                let _ = sender.send(line);
            }
        });
        let end = Instant::now() + READY_DEADLINE;
        let mut lines = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match receiver.recv_timeout(left) {
                Ok(line) if line.starts_with("ready") => {
                    lines.push(line);
                    return lines;
                }
                Ok(line) => lines.push(line),
                Err(_) => panic!("the cluster is not ready; it said {lines:#?}\n{}", self.last_words()),
            }
        }
    }

    /// What the processes printed, to explain a failure.
    pub fn last_words(&self) -> String {
        let mut text = String::new();
        let Ok(files) = std::fs::read_dir(self.data().join("run")) else { return text };
        for file in files.flatten().filter(|file| file.path().extension().is_some_and(|ext| ext == "out")) {
            let content = std::fs::read_to_string(file.path()).unwrap_or_default();
            let lines: Vec<&str> = content.lines().collect();
            let last = lines[lines.len().saturating_sub(15)..].join("\n");
            text.push_str(&format!("--- {}\n{last}\n", file.path().display()));
        }
        text
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where clients connect.
    pub fn edge(&self) -> String {
        format!("{}:{}", self.address, self.edge_port)
    }

    /// Where accounts are made.
    pub fn signup(&self) -> String {
        format!("http://{}:{}/signup", self.address, self.http_port)
    }

    /// Runs a `wydbr` command to its end.
    pub fn wydbr(&self, arguments: &[&str]) -> Output {
        run(arguments, None)
    }

    /// The same with a text on standard input.
    pub fn wydbr_with(&self, arguments: &[&str], input: Option<&str>) -> Output {
        run(arguments, input)
    }

    /// Runs a `wydbr` command with `--data` of this cluster and a text on standard input.
    pub fn with_data(&self, arguments: &[&str], input: Option<&str>) -> Output {
        let data = self.data();
        let mut all = arguments.to_vec();
        all.extend(["--data", data.to_str().expect("a path in UTF-8")]);
        run(&all, input)
    }

    /// The JSON at the end of a `wydbr cluster` command that must go well; prints what it says.
    pub fn told(&self, arguments: &[&str]) -> serde_json::Value {
        let all: Vec<&str> = ["cluster"].iter().chain(arguments).chain(&["--json"]).copied().collect();
        let output = self.with_data(&all, None);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {out}{err}");
        let said: Vec<&str> = out.lines().filter(|line| !line.starts_with('{')).collect();
        println!("{arguments:?}: {}", said.join("; "));
        let json = out.lines().last().map(serde_json::from_str);
        json.expect("an answer").expect("the last line is JSON")
    }

    /// What a `wydbr cluster` command says that must be refused.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let all: Vec<&str> = ["cluster"].iter().chain(arguments).copied().collect();
        let output = self.with_data(&all, None);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// The row of the map of the zone that a tile is in.
    pub fn zone_at(&self, (x, y): (u64, u64)) -> serde_json::Value {
        let map = self.told(&["map"]);
        let is_in = |row: &&serde_json::Value| {
            let corner = |corner: &str| Some((row[corner][0].as_u64()?, row[corner][1].as_u64()?));
            let (min, max) = (corner("min").expect("a corner"), corner("max").expect("a corner"));
            min.0 <= x && x <= max.0 && min.1 <= y && y <= max.1
        };
        // named zones come first, and theirs are the tiles
        let rows = map["zones"].as_array().expect("zones");
        rows.iter().find(is_in).cloned().unwrap_or_else(|| panic!("no zone has ({x},{y}): {map:#}"))
    }

    /// The processes.
    pub fn ps(&self) -> Vec<ProcessRow> {
        if let Some(apart) = &self.apart {
            return apart.rows();
        }
        let output = self.with_data(&["ps", "--json"], None);
        assert!(output.status.success(), "ps: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("ps prints a JSON array")
    }

    /// One process.
    pub fn process(&self, name: &str) -> ProcessRow {
        let rows = self.ps();
        rows.iter().find(|row| row.name == name).cloned().unwrap_or_else(|| panic!("no {name} in {rows:?}"))
    }

    /// Kills a process for real and waits until it runs again.
    pub fn kill_and_wait(&self, name: &str) {
        let before = self.process(name);
        signal(before.pid, "KILL");
        crate::wait_for(&format!("{name} runs again"), Duration::from_secs(30), || {
            let now = self.process(name);
            (now.pid != 0 && now.pid != before.pid && now.state == "running").then_some(())
        });
    }

    /// Pids of everything that runs, the supervisor first.
    pub fn pids(&self) -> Vec<u32> {
        let supervisor = self.supervisor.iter().map(Child::id);
        supervisor.chain(self.ps().iter().map(|row| row.pid).filter(|pid| *pid != 0)).collect()
    }

    /// Kills the supervisor for real, and with `everything` all processes in the same moment; returns when none
    /// of them runs any more.
    pub fn crash(&mut self, everything: bool) {
        let pids = self.pids();
        let victims = if everything { &pids[..] } else { &pids[..1] };
        let texts: Vec<String> = victims.iter().map(u32::to_string).collect();
        let _ = Command::new("kill").arg("-KILL").args(texts).status();
        let mut supervisor = self.supervisor.take().expect("a running cluster");
        let _ = supervisor.wait();
        crate::wait_for("every process of the cluster is gone", Duration::from_secs(30), || {
            pids.iter().all(|pid| is_gone(*pid)).then_some(())
        });
    }

    /// Stops the cluster as an operator does; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut child = self.supervisor.take()?;
        signal(child.id(), "INT");
        let end = Instant::now() + STOP_DEADLINE;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return status.code(),
                Ok(None) if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
                _ => {
                    let _ = child.kill();
                    panic!("the cluster did not stop\n{}", self.last_words());
                }
            }
        }
    }

    /// Runs bots of this cluster to their end; their JSON and whether they were content.
    pub fn bots(&self, arguments: &[&str]) -> (serde_json::Value, bool) {
        self.start_bots(arguments).finish()
    }

    /// Starts bots beside whatever the test does.
    pub fn start_bots(&self, arguments: &[&str]) -> Bots {
        let json = self.folder.path().join(format!("bots-{}.json", rand::random::<u32>()));
        let child = Command::new(wydbr_binary())
            .args(["bots", "--edge", &self.edge(), "--signup", &self.signup(), "--json"])
            .arg(&json)
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .expect("bots start");
        Bots { child, json }
    }
}

/// Bots that play.
pub struct Bots {
    child: Child,
    json: PathBuf,
}

impl Bots {
    /// Waits for their end; their JSON and whether they were content.
    pub fn finish(mut self) -> (serde_json::Value, bool) {
        let status = self.child.wait().expect("bots end");
        let text = std::fs::read_to_string(&self.json)
            .unwrap_or_else(|error| panic!("no JSON of the bots: {error}"));
        (serde_json::from_str(&text).expect("bots write JSON"), status.success())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.apart.take()); // before their folder goes
        if let Some(mut child) = self.supervisor.take() {
            if std::thread::panicking() {
                eprintln!("{}", self.last_words());
            }
            signal(child.id(), "INT");
            let end = Instant::now() + STOP_DEADLINE;
            while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn run(arguments: &[&str], input: Option<&str>) -> Output {
    let mut child = Command::new(wydbr_binary())
        .args(arguments)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("wydbr starts");
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().expect("wydbr ends")
}

/// True when a process ended, whether or not somebody has collected it. Its first thread alone says nothing:
/// the others end after it, and its ports and locks are held until the last one has.
fn is_gone(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return true };
    let first_ended = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X']));
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    first_ended && threads <= 1
}

/// Sends a signal to a process that a test started.
pub fn signal(pid: u32, name: &str) {
    assert!(pid > 1, "no process to signal");
    let _ = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
}

/// The program under test: beside the test's own binary, or what `WYDBR_BIN` names.
pub fn wydbr_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("WYDBR_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("the test's own path");
    let beside =
        own.parent().and_then(Path::parent).map(|folder| folder.join("wydbr")).expect("a target folder");
    assert!(beside.exists(), "{} is missing: run `cargo build` first", beside.display());
    beside
}
