//! Puts another program under a running cluster, one process after the other, while everybody plays.
//!
//! `wydbr upgrade` asks over a Unix socket in the data folder and is told what happens, one JSON object a line.
//!
//! | process | how |
//! |---|---|
//! | LogSrv, DBSrv, NRSrv, BISrv, TSSSrv | stopped in order and started again; who needs them waits and asks again |
//! | TMSrv | drained, started again, joined; the only node of a cluster is started again with its players held |
//! | Edge | succeeded: the new one is given the connections |
//!
//! Whatever fails stops the upgrade: the process concerned goes on with, or is started again on, the program before.

use super::Layout;
use super::child::Remote;
use super::layout::Planned;
use crate::data_dir::DataDir;
use crate::probe;
use anyhow::{Context, bail};
use model::membership::Role;
use serde::{Deserialize, Serialize};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Command;
use tokio::time::{sleep, timeout};

/// Where `up` listens, in the data folder.
pub const UPGRADE_SOCKET: &str = "run/up.sock";
/// The longest request, in bytes.
const REQUEST_MAX: u64 = 64 << 10;
/// How long a request may take to come.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How long a process may take to be ready again.
const READY_DEADLINE: Duration = Duration::from_secs(60);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long a program may take to look at its configuration.
const CHECK_TIME: Duration = Duration::from_secs(20);

/// What an operator wants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wanted {
    /// The program; it stays where it is.
    pub binary: PathBuf,
    /// Names of processes or of programs; everything when empty.
    pub only: Vec<String>,
}

/// What the operator is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// What happens, in words.
    Doing(String),
    /// So many processes run the new program.
    Done(usize),
    /// It stopped there, and why.
    Failed(String),
}

/// Serves upgrades, one at a time.
pub struct Upgrades {
    data: DataDir,
    children: Vec<Remote>,
    listener: UnixListener,
}

impl Upgrades {
    /// Begins to listen; only the owner of the data folder reaches it.
    pub fn listen(data: DataDir, children: Vec<Remote>) -> anyhow::Result<Self> {
        let path = data.path(UPGRADE_SOCKET);
        drop(fs::remove_file(&path));
        let listener =
            UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { data, children, listener })
    }

    /// Serves until it is dropped.
    pub async fn serve(self) {
        loop {
            match self.listener.accept().await {
                Ok((socket, _)) => self.answer(socket).await,
                Err(error) => {
                    eprintln!("wydbr: cannot hear who asks for an upgrade: {error}");
                    sleep(ASK_EVERY).await;
                }
            }
        }
    }

    async fn answer(&self, socket: UnixStream) {
        let (read, mut write) = socket.into_split();
        let mut line = String::new();
        let mut read = BufReader::new(read.take(REQUEST_MAX));
        let said = match timeout(REQUEST_TIME, read.read_line(&mut line)).await {
            Ok(Ok(_)) => match serde_json::from_str::<Wanted>(&line) {
                Ok(wanted) => match self.upgrade(&wanted, &mut Teller { write: &mut write }).await {
                    Ok(count) => Said::Done(count),
                    Err(error) => Said::Failed(crate::cli::one_line(&error)),
                },
                Err(error) => Said::Failed(format!("found no request: {error}")),
            },
            _ => return,
        };
        println!("upgrade: {}", in_words(&said));
        Teller { write: &mut write }.say(said).await;
    }

    async fn upgrade(&self, wanted: &Wanted, teller: &mut Teller<'_>) -> anyhow::Result<usize> {
        let binary = fs::canonicalize(&wanted.binary)
            .with_context(|| format!("--binary: found no file {}", wanted.binary.display()))?;
        let chosen = self.choose(&wanted.only)?;
        for child in &chosen {
            check(&binary, &child.planned()).await?;
        }
        teller.doing(format!("{} can run {} process(es)", binary.display(), chosen.len())).await;
        let nodes = self.children.iter().filter(|child| child.planned().role == Role::TmSrv).count();
        for (index, child) in chosen.iter().enumerate() {
            let planned = child.planned();
            let link = Link::point(&planned.program, &binary)?;
            let upgraded = match planned.role {
                Role::Edge => self.succeed(child, teller).await,
                Role::TmSrv if nodes > 1 => self.roll(child, &link, teller).await,
                _ => self.restart(child, &link, teller).await,
            };
            if let Err(error) = upgraded {
                link.back()?;
                return Err(error.context(format!(
                    "{} of {} upgraded; {}",
                    index,
                    chosen.len(),
                    planned.name
                )));
            }
        }
        Ok(chosen.len())
    }

    /// The processes that are meant, in the order of a start.
    fn choose(&self, only: &[String]) -> anyhow::Result<Vec<Remote>> {
        let means = |name: &String, planned: &Planned| {
            *name == planned.name.as_str() || Role::from_name(name) == Some(planned.role)
        };
        let planned: Vec<Planned> = self.children.iter().map(Remote::planned).collect();
        if let Some(unknown) = only.iter().find(|name| !planned.iter().any(|planned| means(name, planned))) {
            let names: Vec<&str> = planned.iter().map(|planned| planned.name.as_str()).collect();
            bail!("--only: found `{unknown}`, expected one of {}", names.join(", "));
        }
        let is_meant = |planned: &Planned| only.is_empty() || only.iter().any(|name| means(name, planned));
        Ok(self.children.iter().filter(|child| is_meant(&child.planned())).cloned().collect())
    }

    async fn restart(&self, child: &Remote, link: &Link, teller: &mut Teller<'_>) -> anyhow::Result<()> {
        let name = child.planned().name;
        teller.doing(format!("{name}: stopped in order and started again")).await;
        start_again(child, link).await
    }

    async fn roll(&self, child: &Remote, link: &Link, teller: &mut Teller<'_>) -> anyhow::Result<()> {
        let name = child.planned().name;
        teller.doing(format!("{name}: drained")).await;
        self.cluster("drain", name.as_str()).await?;
        teller.doing(format!("{name}: empty, started again")).await;
        let started = start_again(child, link).await;
        // with the program before as well
        self.cluster("join", name.as_str()).await?;
        teller.doing(format!("{name}: joined")).await;
        started
    }

    async fn succeed(&self, child: &Remote, teller: &mut Teller<'_>) -> anyhow::Result<()> {
        let planned = child.planned();
        teller.doing(format!("{}: gives its connections to its successor", planned.name)).await;
        let before = child.status.borrow().pid;
        let http = Layout::free_address(&self.data)?;
        child.succeed(planned.with_http(http)).await.map_err(anyhow::Error::msg)?;
        ready(child, before).await
    }

    /// A wish of the operator, carried out by the own program.
    async fn cluster(&self, wish: &str, node: &str) -> anyhow::Result<()> {
        let output = Command::new(std::env::current_exe()?)
            .args(["cluster", wish, node, "--data"])
            .arg(self.data.root())
            .stdin(Stdio::null())
            .output()
            .await?;
        if output.status.success() {
            return Ok(());
        }
        bail!("cluster {wish} {node}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
}

/// Stops a process and starts it on the program that its link leads to now; on the one before when it cannot work.
async fn start_again(child: &Remote, link: &Link) -> anyhow::Result<()> {
    let restarted = restart_once(child).await;
    if let Err(error) = restarted {
        link.back()?;
        restart_once(child).await.context("started again on the program before")?;
        return Err(error.context("it cannot work on the new program and runs on the one before"));
    }
    Ok(())
}

async fn restart_once(child: &Remote) -> anyhow::Result<()> {
    let before = child.status.borrow().pid;
    child.restart().await.map_err(anyhow::Error::msg)?;
    ready(child, before).await
}

/// Waits until another process of the child is ready than the one with this pid.
async fn ready(child: &Remote, before: u32) -> anyhow::Result<()> {
    let began = Instant::now();
    let restarts = child.status.borrow().restarts;
    loop {
        let Planned { name, http, .. } = child.planned();
        let status = child.status.borrow().clone();
        let why = match probe::ready(http).await {
            Ok(()) if status.pid != 0 && status.pid != before => return Ok(()),
            Ok(()) => "the process before answers".to_owned(),
            Err(why) => why,
        };
        if status.restarts > restarts {
            bail!("{name} died (exit {:?})", status.last_exit);
        }
        if began.elapsed() > READY_DEADLINE {
            bail!("{name} is not ready after {} s: {why}", READY_DEADLINE.as_secs());
        }
        sleep(ASK_EVERY).await;
    }
}

/// Whether a program can run a process with its configuration.
async fn check(binary: &Path, planned: &Planned) -> anyhow::Result<()> {
    let mut command = std::process::Command::new(binary);
    command.arg0(planned.role.program()).args(&planned.arguments).arg("--check").stdin(Stdio::null());
    command.envs(planned.environment.iter().map(|(name, value)| (name, value.expose())));
    let checking = Command::from(command).kill_on_drop(true).output();
    let output = timeout(CHECK_TIME, checking)
        .await
        .with_context(|| format!("{} --check of {} took too long", binary.display(), planned.name))?
        .with_context(|| format!("--binary: {} cannot be run", binary.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    bail!("--binary: {} cannot run {}: {}", binary.display(), planned.name, words.trim().replace('\n', " "));
}

/// The link through which a program is called by the name of its process.
struct Link {
    path: PathBuf,
    before: PathBuf,
}

impl Link {
    /// Points it to another program.
    fn point(path: &Path, binary: &Path) -> anyhow::Result<Self> {
        let before = fs::read_link(path).with_context(|| format!("{} is no link", path.display()))?;
        let link = Self { path: path.to_owned(), before };
        link.to(binary)?;
        Ok(link)
    }

    /// Points it back.
    fn back(&self) -> anyhow::Result<()> {
        self.to(&self.before)
    }

    fn to(&self, binary: &Path) -> anyhow::Result<()> {
        let new = self.path.with_added_extension("new");
        drop(fs::remove_file(&new));
        symlink(binary, &new)?;
        fs::rename(&new, &self.path)
            .with_context(|| format!("cannot change the link {}", self.path.display()))
    }
}

/// Tells who asked what happens; whoever does not listen any more misses it, and nothing stops.
struct Teller<'a> {
    write: &'a mut tokio::net::unix::OwnedWriteHalf,
}

impl Teller<'_> {
    async fn doing(&mut self, text: String) {
        println!("upgrade: {text}");
        self.say(Said::Doing(text)).await;
    }

    async fn say(&mut self, said: Said) {
        if let Ok(mut line) = serde_json::to_string(&said) {
            line.push('\n');
            let _ = timeout(REQUEST_TIME, self.write.write_all(line.as_bytes())).await;
        }
    }
}

fn in_words(said: &Said) -> String {
    match said {
        Said::Doing(text) => text.clone(),
        Said::Done(count) => format!("done, {count} process(es) run the new program"),
        Said::Failed(why) => format!("stopped: {why}"),
    }
}
