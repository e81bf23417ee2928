//! One child process: started, watched, started again with back-off, stopped.
//!
//! ```text
//!            start                exit            wait (back-off)
//!  starting -------> running ------------> restarting ------> starting
//!                       |                      |  kept dying: reported as `failing`, tried on
//!                 stop  v                      v
//!                    stopping ------------> stopped
//! ```
//!
//! On demand it is started anew at once, or succeeded: a second process takes over from the first one, which ends by
//! itself then.

use super::layout::Planned;
use crate::probe;
use model::membership::Role;
use parking_lot::Mutex;
use rustix::process::{Pid, kill_process};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::process::{Child as Process, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{interval, timeout};

/// First wait before a restart; doubles up to [`BACK_OFF_MAX`].
const BACK_OFF_MIN: Duration = Duration::from_millis(200);
/// Longest wait before a restart.
const BACK_OFF_MAX: Duration = Duration::from_secs(10);
/// A child that was ready this long can work: whatever killed it, its next death starts from the shortest wait.
const WORKS_AFTER: Duration = Duration::from_secs(2);
/// A child that ran this long counts as healthy: the deaths before are forgotten.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
/// How often a child is asked until it is ready.
const READY_EVERY: Duration = Duration::from_millis(200);
/// Deaths without a healthy run between them before the child counts as failing.
const FAILING_AFTER: u32 = 5;
/// How long a process may take to take over from another one.
const SUCCESSION: Duration = Duration::from_secs(60);
/// A child that was told to stop and has not stopped after this is killed.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// What a child prints is also in its log, which LogSrv rotates; the copy here is for deaths and is cut at this.
const OUTPUT_MAX: u64 = 4 << 20;
/// How often that is looked at.
const OUTPUT_EVERY: Duration = Duration::from_secs(5);

/// What a child does, for the supervisor's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its pid, 0 while it does not run.
    pub pid: u32,
    /// Word for `wydbr ps`.
    pub state: &'static str,
    /// How often it was restarted.
    pub restarts: u32,
    /// Exit code of the last death, if it ended by itself.
    pub last_exit: Option<i32>,
}

/// A running watch over one child.
pub struct Handle {
    /// What it does now.
    pub status: watch::Receiver<Status>,
    planned: Arc<Mutex<Planned>>,
    asks: mpsc::Sender<Ask>,
    task: tokio::task::JoinHandle<()>,
}

/// What a watch is asked to do.
enum Ask {
    Stop,
    /// Stop it in order and start it again; answered when the new one runs.
    Restart(oneshot::Sender<Result<(), String>>),
    /// Start this beside it, to which it gives everything.
    Succeed(Box<Planned>, oneshot::Sender<Result<(), String>>),
}

/// Another way to one child, for who changes it while it is watched.
#[derive(Clone)]
pub struct Remote {
    /// What it does now.
    pub status: watch::Receiver<Status>,
    planned: Arc<Mutex<Planned>>,
    asks: mpsc::Sender<Ask>,
}

impl Remote {
    /// What it is.
    pub fn planned(&self) -> Planned {
        self.planned.lock().clone()
    }

    /// Stops it in order and starts it again.
    pub async fn restart(&self) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Restart(reply), answer).await
    }

    /// Starts another one beside it, to which it gives everything and ends; on an error it goes on.
    pub async fn succeed(&self, planned: Planned) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Succeed(Box::new(planned), reply), answer).await
    }

    async fn ask(&self, ask: Ask, answer: oneshot::Receiver<Result<(), String>>) -> Result<(), String> {
        let gone = || "it is not watched any more".to_owned();
        self.asks.send(ask).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Handle {
    /// Starts a child and watches over it.
    pub fn start(planned: Planned, run_dir: &Path) -> Self {
        let (status_sender, status) =
            watch::channel(Status { pid: 0, state: "starting", restarts: 0, last_exit: None });
        let (asks, asked) = mpsc::channel(1);
        let output = run_dir.join(format!("{}.out", planned.name));
        let planned = Arc::new(Mutex::new(planned));
        let watcher = Watcher { planned: Arc::clone(&planned), output, status: status_sender, asks: asked };
        let task = tokio::spawn(watcher.run());
        Self { status, planned, asks, task }
    }

    /// What it is.
    pub fn planned(&self) -> Planned {
        self.planned.lock().clone()
    }

    /// A way to it for others.
    pub fn remote(&self) -> Remote {
        Remote { status: self.status.clone(), planned: Arc::clone(&self.planned), asks: self.asks.clone() }
    }

    /// Stops the child in order and waits for its end.
    pub async fn stop(self) {
        let _ = self.asks.send(Ask::Stop).await;
        let _ = self.task.await;
    }
}

struct Watcher {
    planned: Arc<Mutex<Planned>>,
    output: PathBuf,
    status: watch::Sender<Status>,
    asks: mpsc::Receiver<Ask>,
}

enum Ended {
    Asked,
    ToRestart(oneshot::Sender<Result<(), String>>),
    ByItself(Option<ExitStatus>),
}

/// A process that runs, and the pipe whose end tells it to stop.
struct Running {
    process: Process,
    stdin: Option<ChildStdin>,
}

/// How long a child waits to be started again, and how often it died.
#[derive(Debug)]
struct BackOff {
    wait: Duration,
    deaths: u32,
}

impl BackOff {
    fn new() -> Self {
        Self { wait: BACK_OFF_MIN, deaths: 0 }
    }

    /// Takes in a death after so long a life, of which it was ready so long; how long to wait now.
    fn after(&mut self, lived: Duration, ready: Duration) -> Duration {
        if lived >= HEALTHY_AFTER {
            self.deaths = 0;
        }
        if lived >= HEALTHY_AFTER || ready >= WORKS_AFTER {
            self.wait = BACK_OFF_MIN;
        }
        self.deaths += 1;
        let wait = self.wait;
        self.wait = (wait * 2).min(BACK_OFF_MAX);
        wait
    }

    fn is_failing(&self) -> bool {
        self.deaths >= FAILING_AFTER
    }
}

impl Watcher {
    async fn run(mut self) {
        let mut back_off = BackOff::new();
        let mut restarted = None;
        loop {
            let began = Instant::now();
            let (ended, ready_at) = self.run_once(&mut restarted).await;
            let exit = match ended {
                Ended::Asked => break,
                Ended::ToRestart(reply) => {
                    restarted = Some(reply);
                    continue;
                }
                Ended::ByItself(exit) => exit,
            };
            let ready = ready_at.map_or(Duration::ZERO, |ready_at: Instant| ready_at.elapsed());
            let wait = back_off.after(began.elapsed(), ready);
            let state = if back_off.is_failing() { "failing" } else { "restarting" };
            let code = exit.and_then(|exit| exit.code());
            self.status.send_modify(|status| {
                status.pid = 0;
                status.state = state;
                status.restarts += 1;
                status.last_exit = code;
            });
            tokio::select! {
                ask = self.asks.recv() => match ask {
                    None | Some(Ask::Stop) => break,
                    Some(Ask::Restart(reply)) => restarted = Some(reply),
                    Some(Ask::Succeed(_, reply)) => drop(reply.send(Err("it does not run".to_owned()))),
                },
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.set("stopped", 0);
    }

    /// One life; how it ended, and since when it was ready, if it ever was.
    async fn run_once(
        &mut self,
        restarted: &mut Option<oneshot::Sender<Result<(), String>>>,
    ) -> (Ended, Option<Instant>) {
        let planned = self.planned.lock().clone();
        let spawned = self.spawn(&planned);
        if let Some(reply) = restarted.take() {
            drop(reply.send(spawned.as_ref().map(|_| ()).map_err(ToString::to_string)));
        }
        let mut running = match spawned {
            Ok(running) => running,
            Err(error) => {
                eprintln!("wydbr: cannot start {}: {error}", planned.name);
                return (Ended::ByItself(None), None);
            }
        };
        self.set("running", running.process.id().unwrap_or(0));
        let mut look = interval(OUTPUT_EVERY);
        let mut getting_ready = pin!(until_ready(planned.http));
        let mut ready_at = None;
        let ended = loop {
            tokio::select! {
                exit = running.process.wait() => return (Ended::ByItself(exit.ok()), ready_at),
                ask = self.asks.recv() => match ask {
                    None | Some(Ask::Stop) => break Ended::Asked,
                    Some(Ask::Restart(reply)) => break Ended::ToRestart(reply),
                    Some(Ask::Succeed(successor, reply)) => {
                        let succeeded = self.succeed(&mut running, *successor).await;
                        drop(reply.send(succeeded));
                    }
                },
                () = &mut getting_ready, if ready_at.is_none() => ready_at = Some(Instant::now()),
                _ = look.tick() => {
                    if let Err(error) = cut(&self.output, OUTPUT_MAX) {
                        eprintln!("wydbr: cannot cut {}: {error}", self.output.display());
                    }
                }
            }
        };
        self.set("stopping", running.process.id().unwrap_or(0));
        // told alone, it need not wait for those who need it: they stay
        let alone = matches!(ended, Ended::ToRestart(_));
        self.end(running, &planned, alone).await;
        (ended, ready_at)
    }

    /// Lets another process take over from the one that runs, which ends by itself when it has given everything.
    async fn succeed(&mut self, running: &mut Running, planned: Planned) -> Result<(), String> {
        let mut successor = self.spawn(&planned).map_err(|error| error.to_string())?;
        let outcome = timeout(SUCCESSION, async {
            tokio::select! {
                exit = running.process.wait() => Ok(exit.ok().and_then(|exit| exit.code())),
                exit = successor.process.wait() => Err(exit.ok().and_then(|exit| exit.code())),
            }
        })
        .await;
        match outcome {
            Ok(Ok(exit)) => {
                // whatever it said at its end: it is gone, and the other one runs
                self.set("running", successor.process.id().unwrap_or(0));
                *running = successor;
                *self.planned.lock() = planned;
                match exit {
                    Some(0) => Ok(()),
                    exit => Err(format!("the process that was succeeded ended badly ({exit:?})")),
                }
            }
            Ok(Err(exit)) => {
                Err(format!("the successor died (exit {exit:?}); the process that runs goes on"))
            }
            Err(_) => {
                drop(successor.process.kill().await);
                Err(format!("not succeeded within {} s; the process that runs goes on", SUCCESSION.as_secs()))
            }
        }
    }

    fn spawn(&self, planned: &Planned) -> std::io::Result<Running> {
        let output = OpenOptions::new().create(true).append(true).open(&self.output)?;
        let errors = output.try_clone()?;
        let mut command = Command::new(&planned.program);
        for (variable, _) in std::env::vars_os().filter(|(name, _)| is_of_others(name, planned.role)) {
            command.env_remove(variable);
        }
        let mut process = command
            .args(&planned.arguments)
            .envs(planned.environment.iter().map(|(name, value)| (name, value.expose())))
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .process_group(0) // Ctrl-C reaches the supervisor alone: it stops the children in order
            .kill_on_drop(true)
            .spawn()?;
        let stdin = process.stdin.take();
        Ok(Running { process, stdin })
    }

    /// Closing standard input is the request to stop with everybody, SIGTERM that to stop alone.
    async fn end(&self, running: Running, planned: &Planned, alone: bool) {
        let Running { mut process, stdin } = running;
        let pid = process.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        let told = alone && pid.is_some_and(|pid| kill_process(pid, rustix::process::Signal::TERM).is_ok());
        let _open_until_the_end = stdin.filter(|_| told);
        if timeout(STOP_DEADLINE, process.wait()).await.is_err() {
            eprintln!("wydbr: {} did not stop in {} s and is killed", planned.name, STOP_DEADLINE.as_secs());
            let _ = process.kill().await;
        }
    }

    fn set(&self, state: &'static str, pid: u32) {
        self.status.send_modify(|status| {
            status.state = state;
            status.pid = pid;
        });
    }
}

async fn until_ready(http: SocketAddr) {
    while probe::ready(http).await.is_err() {
        tokio::time::sleep(READY_EVERY).await;
    }
}

/// Whether a variable is a setting of `up` or of another process. It may hold a password, which is of no use to a
/// process that faces players.
fn is_of_others(variable: &OsStr, role: Role) -> bool {
    let name = variable.to_string_lossy();
    name.starts_with("WYDBR_") && !name.starts_with(&format!("WYDBR_{}__", role.program().to_uppercase()))
}

/// Begins a file again that has grown too long; what was in it becomes `<file>.1`. Whoever appends goes on.
fn cut(file: &Path, most: u64) -> std::io::Result<()> {
    if std::fs::metadata(file)?.len() <= most {
        return Ok(());
    }
    std::fs::copy(file, file.with_added_extension("1"))?;
    OpenOptions::new().write(true).open(file)?.set_len(0)
}

/// The last line that a child printed, to explain why it ended.
pub fn last_words(run_dir: &Path, name: &str) -> String {
    let text = std::fs::read_to_string(run_dir.join(format!("{name}.out"))).unwrap_or_default();
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    #[test]
    fn who_works_and_is_killed_comes_back_at_once_and_who_never_works_waits_longer_each_time() {
        let (briefly, never) = (Duration::from_millis(300), Duration::ZERO);
        let mut killed = BackOff::new();
        for death in 1..=20 {
            assert_eq!(killed.after(WORKS_AFTER * 2, WORKS_AFTER), BACK_OFF_MIN, "death {death}");
            assert_eq!(killed.is_failing(), death >= FAILING_AFTER, "an operator is told all the same");
        }
        let mut broken = BackOff::new();
        let waits: Vec<Duration> = (0..8).map(|_| broken.after(briefly, never)).collect();
        assert!(waits.windows(2).all(|pair| pair[1] == (pair[0] * 2).min(BACK_OFF_MAX)), "{waits:?}");
        assert_eq!(waits.last(), Some(&BACK_OFF_MAX));
        assert_eq!(broken.after(briefly, briefly), BACK_OFF_MAX, "ready, and dead at once");
        assert_eq!(broken.after(HEALTHY_AFTER, never), BACK_OFF_MIN);
        assert!(!broken.is_failing());
    }

    #[test]
    fn a_child_gets_no_settings_of_others() {
        for (variable, edge, dbsrv) in [
            ("WYDBR_POSTGRES", true, true),
            ("WYDBR_REDIS", true, true),
            ("WYDBR_DBSRV__POSTGRES", true, false),
            ("WYDBR_EDGE__LANGUAGE", false, true),
            ("PATH", false, false),
        ] {
            assert_eq!(is_of_others(OsStr::new(variable), Role::Edge), edge, "{variable}");
            assert_eq!(is_of_others(OsStr::new(variable), Role::DbSrv), dbsrv, "{variable}");
        }
    }

    #[test]
    fn an_output_that_grows_too_long_begins_again_under_the_hands_of_its_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("edge-1.out");
        let mut writer = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        writer.write_all(b"first\n").unwrap();
        cut(&path, 6).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"first\n");
        writer.write_all(b"second\n").unwrap();
        cut(&path, 6).unwrap();
        writer.write_all(b"third\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third\n");
        assert_eq!(std::fs::read(folder.path().join("edge-1.out.1")).unwrap(), b"first\nsecond\n");
        assert_eq!(last_words(folder.path(), "edge-1"), "third");
    }
}
