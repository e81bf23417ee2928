//! The service as a process runs it.

use crate::service::Logs;
use link::{BindError, Server};
use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, Common, Live, within};
use std::io;
use std::path::PathBuf;
use telemetry::Process;
use thiserror::Error;

/// Settings of LogSrv. The directory is read at the start; the others change live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where the log folders of the processes are; relative to the data folder of LogSrv.
    pub directory: PathBuf,
    /// A log file of this size is rotated. At least 4096.
    pub rotate_bytes: u64,
    /// Rotated files kept for each process. At least 1.
    pub keep: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { directory: PathBuf::from("logs"), rotate_bytes: 64 << 20, keep: 10 }
    }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        within("rotate_bytes", self.rotate_bytes, 4_096..=u64::MAX, "at least 4096")?;
        within("keep", self.keep as u64, 1..=100_000, "1 to 100000")
    }
}

/// Why LogSrv could not run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The link could not listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The log directory cannot be made.
    #[error("log directory {}: {source}", directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Runs LogSrv until the process stops. What is acknowledged is on the disk at any time.
pub async fn run(process: Process, common: Common, settings: Live<Settings>) -> Result<(), RunError> {
    process.health.ready("link", false);
    let directory = common.data.join(&settings.get().directory);
    std::fs::create_dir_all(&directory)
        .map_err(|source| RunError::Directory { directory: directory.clone(), source })?;
    let server = Server::bind(common.link, process.credentials.clone()).await?;
    tracing::info!(link = %server.local_addr(), directory = %directory.display(), "taking logs");
    process.health.ready("link", true);
    server.serve(Logs::new(directory, settings, &process.metrics), process.stop.clone()).await;
    Ok(())
}
