//! A LogSrv that can be killed, and processes that log to it.
#![allow(dead_code, clippy::unwrap_used)]

use link::{Credentials, Target};
use logsrv::Settings;
use model::Secret;
use model::calls::log::{Record, TailFilter};
use model::membership::{ProcessName, Role};
use settings::{Common, Live};
use std::fs::Permissions;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use telemetry::Process;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

pub const SOON: Duration = Duration::from_secs(30);
const KEY: &str = "00112233445566778899aabbccddeeff";

/// One machine: a folder and a port for LogSrv.
pub struct Machine {
    pub folder: PathBuf,
    _temporary: Option<TempDir>,
    pub logsrv: SocketAddr,
}

impl Machine {
    pub fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().to_owned();
        let key = folder.join("cluster.key");
        std::fs::write(&key, KEY).unwrap();
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { folder, logsrv: free.local_addr().unwrap(), _temporary: Some(temporary) }
    }

    /// The same machine, seen by a child process.
    pub fn at(folder: PathBuf, logsrv: SocketAddr) -> Self {
        Self { folder, logsrv, _temporary: None }
    }

    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    pub fn common(&self, name: &str) -> Common {
        Common {
            name: name.to_owned(),
            data: self.folder.join("data"),
            key_file: self.folder.join("cluster.key"),
            logsrv: vec![self.logsrv],
            ..Common::default()
        }
    }

    pub fn credentials(&self, name: &str) -> Credentials {
        Credentials::new(ProcessName(name.to_owned()), Secret::new(KEY))
    }

    pub fn target(&self) -> Target {
        Target { name: ProcessName::numbered(Role::LogSrv, 1), address: self.logsrv }
    }

    pub async fn process(&self, name: &str) -> Process {
        telemetry::start(Role::TmSrv, &self.common(name)).await.unwrap().process
    }

    /// A LogSrv with a runtime of its own, so that a kill takes everything of it.
    pub async fn start_logsrv(&self, settings: Settings) -> LogSrv {
        self.start_logsrv_as("logsrv-1", settings).await
    }

    pub async fn start_logsrv_as(&self, name: &str, settings: Settings) -> LogSrv {
        let settings = Settings { directory: self.logs(), ..settings };
        let common = Common { logsrv: Vec::new(), link: self.logsrv, ..self.common(name) };
        let runtime = Runtime::new().unwrap();
        let (ready, started) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let process = telemetry::start(Role::LogSrv, &common).await.unwrap().process;
            let _ = ready.send(process.clone());
            logsrv::run(process, common, Live::new(settings)).await.unwrap();
        });
        let process = timeout(SOON, started).await.unwrap().unwrap();
        until("LogSrv is ready", || process.health.is_ready()).await;
        LogSrv { runtime, process }
    }

    /// The numbers that a process said, as they are in its files, oldest first.
    pub fn numbers(&self, process: &str) -> Vec<u64> {
        let filter = TailFilter {
            process: Some(process.to_owned()),
            grep: Some("said".into()),
            level: None,
            last: 9_999,
        };
        let lines = logsrv::last(&self.logs(), &filter).unwrap_or_default();
        lines
            .iter()
            .filter(|(_, record)| record.message == "said")
            .map(|(_, record)| number(record))
            .collect()
    }

    pub async fn until_numbers(&self, process: &str, wanted: impl Iterator<Item = u64>) {
        let wanted: Vec<u64> = wanted.collect();
        let wait = async {
            while self.numbers(process).len() < wanted.len() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = timeout(SOON, wait).await.is_ok();
        let found = self.numbers(process);
        assert!(in_time && found == wanted, "found {} of {}: {found:?}", found.len(), wanted.len());
    }

    pub fn spool_files(&self) -> usize {
        std::fs::read_dir(self.folder.join("data/spool")).map_or(0, Iterator::count)
    }
}

pub fn number(record: &Record) -> u64 {
    record.fields.iter().find(|(name, _)| name == "number").unwrap().1.parse().unwrap()
}

pub struct LogSrv {
    runtime: Runtime,
    pub process: Process,
}

impl LogSrv {
    /// Ends everything of it at once.
    pub async fn kill(self) {
        let Self { runtime, process } = self;
        drop(process);
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(SOON)).await.unwrap();
    }
}

/// Logs these numbers as a task of the process.
pub async fn say(process: &Process, numbers: impl IntoIterator<Item = u64> + Send + 'static) {
    let numbers: Vec<u64> = numbers.into_iter().collect();
    let saying = process.tasks.spawn("say", async move {
        for number in numbers {
            tracing::info!(number, "said");
        }
    });
    saying.await.unwrap();
}

pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(SOON, wait).await.is_ok(), "{what}");
}
