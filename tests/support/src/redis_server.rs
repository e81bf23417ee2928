//! A Redis of the test's own: a free port, a temporary folder, ended with the test.

use crate::{SOON, free_port};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running `redis-server`; ended by pid when dropped.
pub struct RedisServer {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers; panics when there is no Redis on this machine.
    pub fn start() -> Self {
        assert!(is_installed(), "redis-server is not installed: apt-get install redis-server");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut server = Self { folder, port: free_port(), child: None };
        server.run();
        server
    }

    /// [`start`](Self::start), or `None` when there is no Redis and `WYDBR_SKIP_REDIS=1` allows to go without.
    pub fn start_or_skip() -> Option<Self> {
        let may_skip = std::env::var("WYDBR_SKIP_REDIS").is_ok_and(|value| value == "1");
        if may_skip && !is_installed() {
            eprintln!("skipped: redis-server is not installed and WYDBR_SKIP_REDIS=1");
            return None;
        }
        Some(Self::start())
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
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
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--dir"])
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

    fn connect(&self) -> redis::RedisResult<redis::Connection> {
        redis::Client::open(self.url())?.get_connection()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn is_installed() -> bool {
    Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok()
}
