//! A Redis of the test's own: a free port, a temporary folder, ended with the test.

use crate::{SOON, free_port};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running `redis-server`; ended by pid when dropped.
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers; panics when there is no Redis on this machine.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// One with more arguments, like `--replicaof`.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        Self::made(tempfile::tempdir().expect("a temporary folder"), free_port(), arguments)
    }

    /// A sentinel: a `redis-server` that keeps what it knows in a file.
    pub(crate) fn sentinel(configuration: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, configuration).expect("a file in the temporary folder");
        let file = file.to_string_lossy().into_owned();
        Self::made(folder, free_port(), &[&file, "--sentinel"])
    }

    fn made(folder: TempDir, port: u16, arguments: &[&str]) -> Self {
        assert!(is_installed(), "redis-server is not installed: apt-get install redis-server");
        let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
        let mut server = Self { folder, port, arguments, child: None };
        server.run();
        server
    }

    /// [`start`](Self::start), or `None` when there is no Redis and `WYDBR_SKIP_REDIS=1` allows to go without.
    pub fn start_or_skip() -> Option<Self> {
        may_run().then(Self::start)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection past the program under test.
    pub fn connection(&self) -> redis::Connection {
        self.connect().expect("Redis answers")
    }

    /// Forgets everything.
    pub fn flush(&self) {
        redis::cmd("FLUSHALL").query::<()>(&mut self.connection()).expect("Redis forgets");
    }

    /// Starts it again after a [`stop`](Self::stop), with nothing in it.
    pub fn run(&mut self) {
        let is_sentinel = self.arguments.iter().any(|argument| argument == "--sentinel");
        // a file comes before everything else
        let (file, more) = self.arguments.split_at(usize::from(is_sentinel));
        let mut command = Command::new("redis-server");
        command.args(file).args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"]);
        if !is_sentinel {
            command.args(["--save", "", "--appendonly", "no"]);
        }
        let child = command
            .args(more)
            .arg("--dir")
            .arg(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server starts");
        self.child = Some(child);
        let deadline = Instant::now() + SOON;
        while !self.connect().is_ok_and(|mut to| redis::cmd("PING").query::<String>(&mut to).is_ok()) {
            assert!(Instant::now() < deadline, "redis-server does not answer on port {}", self.port);
            std::thread::sleep(Duration::from_millis(5)); // pacing of the poll, not the wait itself
        }
    }

    /// Kills it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Stops it without its end, as a machine that hangs; [`go_on`](Self::go_on) lets it go on.
    pub fn hang(&self) {
        self.signal("-STOP");
    }

    /// See [`hang`](Self::hang).
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill is there");
        assert!(sent.success(), "kill {signal} {pid}");
    }

    /// A connection, or why there is none.
    pub(crate) fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// False when there is no Redis and the environment allows to go without; says so.
pub(crate) fn may_run() -> bool {
    let may_skip = std::env::var("WYDBR_SKIP_REDIS").is_ok_and(|value| value == "1");
    let skips = may_skip && !is_installed();
    if skips {
        eprintln!("skipped: redis-server is not installed and WYDBR_SKIP_REDIS=1");
    }
    !skips
}

fn is_installed() -> bool {
    Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok()
}
