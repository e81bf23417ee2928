//! The folder of one cluster: its files, and the state that `up` leaves for the other commands.
//!
//! ```text
//! DATA/
//!   cluster.key          key of the internal links, only for the owner
//!   certs/               CA of the cluster and certificate of this machine, made by `up --tls`
//!   wydbr.sqlite         the embedded store
//!   config/<Process>.conf   settings, made once from the defaults, yours to edit
//!   logs/<process>/      logs of every process, rotated by LogSrv
//!   bin/<Process>        links to the program
//!   map/<process>.map    the last good map, for a start while the metadata database is away
//!   connect.json         instead of all else: where a cluster is that runs elsewhere (`wydbr connect`)
//!   run/cluster.json     what `up` was told, ports, and the processes that run now
//!   run/<process>.out    what a process printed
//!   run/lock             held while `up` runs
//!   run/up.sock          where `up` hears of upgrades
//!   run/<edge>.takeover  where an edge hears of its successor
//! ```
//!
//! All of it is only for its owner: there are password hashes in the store, addresses of databases with their
//! passwords in the settings, and names and addresses of players in the logs.

use anyhow::{Context, bail};
use link::{CertificateFiles, Credentials};
use model::Secret;
use model::membership::{ProcessName, Role};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Name of the certificate of the machine that `up` runs on.
const LOCAL_HOST: &str = "localhost";

/// The folder of a cluster.
#[derive(Clone, Debug)]
pub struct DataDir {
    root: PathBuf,
}

/// What `up` was told and what it made of it; readable only for the owner since addresses of databases
/// may carry passwords.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ClusterFile {
    /// The supervisor's pid; 0 when the cluster was stopped in order.
    pub supervisor: u32,
    /// Databases, when PostgreSQL is used.
    pub postgres: Vec<Secret>,
    /// True when the internal links are encrypted.
    #[serde(default)]
    pub tls: bool,
    /// The processes.
    pub processes: Vec<ProcessState>,
}

/// One process as `wydbr ps` shows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessState {
    /// `tmsrv-1`
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Its pid, 0 while it does not run.
    pub pid: u32,
    /// `starting`, `running`, `restarting`, `failing`, `stopping` or `stopped`.
    pub state: String,
    /// How often it was restarted.
    pub restarts: u32,
    /// Where its internal link listens.
    pub link: SocketAddr,
    /// Where its health and metrics listen.
    pub http: SocketAddr,
}

/// Where a cluster is that `up` did not start on this folder, as `wydbr connect` was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Its DBSrvs.
    pub dbsrv: Vec<SocketAddr>,
    /// Its LogSrv.
    pub logsrv: Option<SocketAddr>,
    /// The file with its key.
    pub key_file: PathBuf,
    /// CA, certificate of this machine and its key, where links are encrypted.
    pub certificates: Option<[PathBuf; 3]>,
}

impl DataDir {
    /// The folder at a path; nothing is made or read yet.
    pub fn new(root: &Path) -> Self {
        Self { root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()) }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path inside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// File with the cluster's key.
    pub fn key_file(&self) -> PathBuf {
        self.path("cluster.key")
    }

    /// Certificates of this machine, when `up` was told to encrypt.
    pub fn certificates(&self) -> CertificateFiles {
        crate::certs::files(&self.path("certs"), LOCAL_HOST)
    }

    /// Makes the CA of the cluster and the certificate of this machine if there are none.
    pub fn ensure_certificates(&self) -> anyhow::Result<()> {
        let folder = self.path("certs");
        if self.certificates().certificate.exists() {
            return Ok(());
        }
        let host = crate::certs::Host::parse("localhost,127.0.0.1,::1").map_err(anyhow::Error::msg)?;
        crate::certs::Authority::open_or_make(&folder)?.issue(&host)
    }

    /// Makes the folders that are missing, for their owner alone.
    pub fn create(&self) -> anyhow::Result<()> {
        for folder in ["", "config", "logs", "bin", "run", "spool"] {
            let path = self.path(folder);
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&path)
                .with_context(|| format!("cannot make the folder {}", path.display()))?;
        }
        Ok(())
    }

    /// Keeps a second supervisor out for as long as the returned file lives.
    pub fn lock(&self) -> anyhow::Result<File> {
        let path = self.path("run/lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "a cluster runs already on {}; stop it first or take another --data",
                    self.root.display()
                )
            }
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock the data folder"),
        }
    }

    /// True while a supervisor holds the folder.
    pub fn is_locked(&self) -> bool {
        File::open(self.path("run/lock"))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Makes the key of the cluster if there is none.
    pub fn ensure_key(&self) -> anyhow::Result<()> {
        let path = self.key_file();
        if path.exists() {
            return Ok(());
        }
        let key: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
        write_private(&path, key.as_bytes())
    }

    /// What an operator's command shows to the links of this cluster.
    pub fn credentials(&self, name: &str) -> anyhow::Result<Credentials> {
        let certificates = match self.elsewhere()? {
            Some(elsewhere) => return elsewhere.credentials(name),
            None => self.read_cluster()?.is_some_and(|cluster| cluster.tls).then(|| self.certificates()),
        };
        credentials(name, &self.key_file(), certificates.as_ref())
    }

    /// The state that the supervisor wrote last; `None` when the cluster was never started.
    pub fn read_cluster(&self) -> anyhow::Result<Option<ClusterFile>> {
        read_json(&self.path("run/cluster.json"), "`wydbr up` writes")
    }

    /// Replaces the state in one step.
    pub fn write_cluster(&self, cluster: &ClusterFile) -> anyhow::Result<()> {
        write_json(&self.path("run/cluster.json"), cluster)
    }

    /// Where the cluster is, when it runs elsewhere.
    pub fn elsewhere(&self) -> anyhow::Result<Option<Elsewhere>> {
        read_json(&self.path("connect.json"), "`wydbr connect` writes")
    }

    /// Makes this the folder of a cluster that runs elsewhere.
    pub fn write_elsewhere(&self, elsewhere: &Elsewhere) -> anyhow::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.root)?;
        write_json(&self.path("connect.json"), elsewhere)
    }

    /// True when the databases are in the hands of processes: they must not be opened beside them.
    pub fn is_served(&self) -> anyhow::Result<bool> {
        Ok(self.is_locked() || self.elsewhere()?.is_some())
    }

    /// The state of the cluster that `up` runs on this folder; an error that says so when there is none.
    pub fn running(&self) -> anyhow::Result<ClusterFile> {
        if self.elsewhere()?.is_some() {
            bail!(
                "the cluster of {} was not started by `wydbr up`; `wydbr cluster status` lists its processes",
                self.root.display()
            );
        }
        match self.read_cluster()? {
            Some(cluster) if self.is_locked() => Ok(cluster),
            _ => bail!("no cluster runs on {}", self.root.display()),
        }
    }
}

impl Elsewhere {
    /// What an operator's command shows to its links.
    pub fn credentials(&self, name: &str) -> anyhow::Result<Credentials> {
        let files = |[ca, certificate, key]: [PathBuf; 3]| CertificateFiles { ca, certificate, key };
        credentials(name, &self.key_file, self.certificates.clone().map(files).as_ref())
    }
}

fn credentials(
    name: &str,
    key_file: &Path,
    certificates: Option<&CertificateFiles>,
) -> anyhow::Result<Credentials> {
    let key = fs::read_to_string(key_file)
        .with_context(|| format!("cannot read the cluster's key {}; is --data right?", key_file.display()))?;
    let credentials = Credentials::new(ProcessName(name.to_owned()), Secret::new(key.trim()));
    if certificates.is_some() {
        credentials.policy.set_certificates(certificates)?;
    }
    Ok(credentials)
}

fn read_json<T: DeserializeOwned>(path: &Path, writer: &str) -> anyhow::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| format!("{} is not what {writer}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Replaces a file of the owner in one step.
fn write_json(path: &Path, content: &impl Serialize) -> anyhow::Result<()> {
    let fresh = path.with_extension("json.new");
    let _ = fs::remove_file(&fresh);
    write_private(&fresh, &serde_json::to_vec_pretty(content)?)?;
    fs::rename(&fresh, path).with_context(|| format!("cannot replace {}", path.display()))
}

impl ClusterFile {
    /// The first process of a role.
    pub fn process(&self, role: Role) -> Option<&ProcessState> {
        self.processes.iter().find(|process| process.role == role)
    }

    /// A link target for the first process of a role.
    pub fn target(&self, role: Role) -> anyhow::Result<link::Target> {
        let process = self.process(role).with_context(|| format!("the cluster has no {}", role.program()))?;
        Ok(link::Target { name: ProcessName(process.name.clone()), address: process.link })
    }
}

/// From here on this process makes files and folders that only their owner can read: logs, spools and stores too.
pub fn keep_to_owner() {
    #[allow(unsafe_code, reason = "the standard library has no file mode mask")]
    // SAFETY: umask takes and returns a plain integer and cannot fail.
    unsafe {
        libc::umask(0o077);
    }
}

/// Writes a new file that only its owner can read.
pub fn write_private(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_only_for_its_owner() {
        let outside = tempfile::tempdir().unwrap();
        let data = DataDir::new(&outside.path().join("data"));
        data.create().unwrap();
        data.ensure_key().unwrap();
        data.write_cluster(&ClusterFile::default()).unwrap();
        for folder in ["", "config", "logs", "bin", "run", "spool"] {
            assert_eq!(mode(&data.path(folder)), 0o700, "{folder}");
        }
        assert_eq!(mode(&data.key_file()), 0o600);
        assert_eq!(mode(&data.path("run/cluster.json")), 0o600);
    }

    #[test]
    fn a_folder_that_its_operator_made_keeps_its_mode() {
        let outside = tempfile::tempdir().unwrap();
        fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o750)).unwrap();
        let data = DataDir::new(outside.path());
        data.create().unwrap();
        assert_eq!(mode(data.root()), 0o750);
        assert_eq!(mode(&data.path("logs")), 0o700);
    }
}
