//! One running process, from its start to its end.

use crate::http::{self, Pages};
use crate::layer::Sink;
use crate::links::{self, Links};
use crate::logging::{Logging, filter};
use crate::ship::Shipper;
use crate::spool::{self, Counters, Progress, Spool, Writer};
use crate::usage::Usage;
use crate::{Health, Metrics, StartError, Tasks, key, signals, stdout};
use link::{Credentials, Policy, Target};
use model::Incarnation;
use model::membership::{Member, ProcessName, Role};
use parking_lot::Mutex;
use rand::Rng;
use settings::Common;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Records between the game and the disk.
const QUEUE: usize = 16 << 10;
const TASKS_END: Duration = Duration::from_secs(5);
const LOGS_END: Duration = Duration::from_secs(2);
const HTTP_END: Duration = Duration::from_secs(1);

/// One running process: handed to every service's `run`.
#[derive(Clone)]
pub struct Process {
    /// Its name, stable over restarts.
    pub name: ProcessName,
    /// What it is.
    pub role: Role,
    /// This run of it; later runs have greater ones.
    pub incarnation: Incarnation,
    /// Its data folder.
    pub data: PathBuf,
    /// What it shows to its peers.
    pub credentials: Credentials,
    /// Its metrics.
    pub metrics: Metrics,
    /// Whether it can do its work.
    pub health: Health,
    /// Cancelled on SIGINT, SIGTERM, and when a task panics.
    pub stop: CancellationToken,
    /// Its tasks.
    pub tasks: Tasks,
    running: Arc<Running>,
}

impl Process {
    /// Changes what is logged, like `common.log_level` did at the start.
    pub fn set_log_level(&self, level: &str) -> Result<(), StartError> {
        let filter = filter(level)?;
        if let Some(logging) = &self.running.logging {
            logging.set_filter(filter);
        }
        Ok(())
    }

    /// Reads the certificates of the links anew, and from which size on they compress; what runs goes on as it is.
    pub fn set_links(&self, common: &Common) -> Result<(), StartError> {
        links::apply(&self.credentials.policy, common)
    }

    /// One of a simulation: it has tasks, health and metrics like any other, and no log, no page and no signals.
    #[cfg(feature = "testing")]
    pub fn simulated(name: ProcessName, role: Role, incarnation: Incarnation, data: PathBuf) -> Self {
        let stop = CancellationToken::new();
        let running = Running {
            logging: None,
            gone: CancellationToken::new(),
            shipping: Mutex::default(),
            http: Mutex::default(),
        };
        Self {
            credentials: Credentials::new(name.clone(), model::Secret::new("")),
            name,
            role,
            incarnation,
            data,
            metrics: Metrics::new(role),
            health: Health::new(stop.clone()),
            tasks: Tasks::local(stop.clone()),
            stop,
            running: Arc::new(running),
        }
    }

    /// Its row in the list of members: weight 1, without content.
    pub fn member(&self, link: SocketAddr, http: SocketAddr) -> Member {
        Member {
            name: self.name.clone(),
            role: self.role,
            incarnation: self.incarnation,
            link,
            http,
            weight: 1,
            content_hash: 0,
        }
    }
}

/// A process that has started.
pub struct Started {
    /// The process.
    pub process: Process,
    /// Where its metrics and health are served.
    pub http: SocketAddr,
}

/// What runs beside the service's own tasks.
struct Running {
    /// `None` in a simulation.
    logging: Option<Logging>,
    gone: CancellationToken,
    shipping: Mutex<Option<JoinHandle<()>>>,
    http: Mutex<Option<JoinHandle<()>>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.gone.cancel();
    }
}

/// Starts what every process has: logging, metrics and health over HTTP, signals. Reads the cluster key.
pub async fn start(role: Role, common: &Common) -> Result<Started, StartError> {
    let name = name(role, &common.name)?;
    let filter = filter(&common.log_level)?;
    let key = key::read(&common.key_file)?;
    let policy = Policy::new(&common.cluster);
    links::apply(&policy, common)?;
    let credentials = Credentials { name: name.clone(), key, policy };
    let listener = TcpListener::bind(common.http).await;
    let listener = listener.map_err(|source| StartError::Http { address: common.http, source })?;
    let http = listener.local_addr().map_err(|source| StartError::Http { address: common.http, source })?;

    let metrics = Metrics::new(role);
    let incarnation = incarnation();
    let (sink, shipper) = match common.logsrv.is_empty() {
        false => {
            let spool = Spool { folder: spool::folder(&common.data), process: name.clone(), incarnation };
            let addresses = common.logsrv.iter().enumerate();
            let targets = addresses.map(|(index, address)| Target {
                name: ProcessName::numbered(Role::LogSrv, index + 1),
                address: *address,
            });
            let (sink, shipper) = spooling(&spool, &credentials, targets.collect(), &metrics)?;
            (Some(sink), Some(shipper))
        }
        true => (None, None),
    };
    let logging = Logging::install(filter, sink);
    let shipping = shipper.map(|shipper| tokio::spawn(shipper.run()));

    let (stop, gone) = (CancellationToken::new(), CancellationToken::new());
    let health = Health::new(stop.clone());
    let tasks = Tasks::new(stop.clone(), logging.dispatch.clone());
    let pages = Pages {
        metrics: metrics.clone(),
        health: health.clone(),
        tasks: tasks.clone(),
        usage: Usage::new(&metrics),
        links: Links::new(&metrics, credentials.policy.clone()),
    };
    let serving = tokio::spawn(http::serve(listener, pages, gone.clone()));
    tokio::spawn(signals::watch(stop.clone(), gone.clone())); // ends with `gone`
    tracing::info!(process = %name, incarnation = %incarnation, %http, version = env!("CARGO_PKG_VERSION"), "started");
    let running = Running {
        logging: Some(logging),
        gone,
        shipping: Mutex::new(shipping),
        http: Mutex::new(Some(serving)),
    };
    let running = Arc::new(running);
    let data = common.data.clone();
    let process =
        Process { name, role, incarnation, data, credentials, metrics, health, stop, tasks, running };
    Ok(Started { process, http })
}

/// Ends a process: its tasks (5 s), its log (2 s to reach LogSrv, the rest stays in the spool), its HTTP.
pub async fn stop(process: Process) {
    process.stop.cancel();
    process.tasks.close_and_wait(TASKS_END).await;
    tracing::info!(process = %process.name, "stopped");
    let running = process.running;
    if let Some(logging) = &running.logging {
        logging.close();
    }
    let shipping = running.shipping.lock().take();
    if let Some(mut shipping) = shipping
        && timeout(LOGS_END, &mut shipping).await.is_err()
    {
        shipping.abort();
    }
    running.gone.cancel();
    let serving = running.http.lock().take();
    if let Some(mut serving) = serving
        && timeout(HTTP_END, &mut serving).await.is_err()
    {
        serving.abort();
    }
    let _ = tokio::task::spawn_blocking(stdout::flush).await;
}

/// The thread that writes the spool, and the task that ships it.
fn spooling(
    spool: &Spool,
    credentials: &Credentials,
    targets: Vec<Target>,
    metrics: &Metrics,
) -> Result<(Sink, Shipper), StartError> {
    let failed = |source| StartError::Spool { folder: spool.folder.clone(), source };
    let dropped = metrics.counter_vec("log_dropped_records", "Log records lost, by why.", &["reason"]);
    let counters = Counters {
        spooled: metrics.counter("log_spooled_records", "Log records written to the spool."),
        dropped: dropped.clone(),
        dropped_segments: metrics.counter("log_dropped_segments", "Spool segments dropped unshipped."),
    };
    let (progress, written) = watch::channel(Progress::default());
    let writer = Writer::create(spool.clone(), counters, progress).map_err(failed)?;
    let (queue, records) = sync_channel(QUEUE);
    let thread = std::thread::Builder::new().name("log-spool".to_owned());
    // Ends when the sink is dropped.
    thread.spawn(move || writer.run(&records)).map_err(failed)?;
    let shipper = Shipper {
        spool: spool.clone(),
        credentials: credentials.clone(),
        targets,
        progress: written,
        shipped: metrics.counter("log_shipped_records", "Log records that LogSrv has stored."),
    };
    Ok((Sink { queue, dropped: dropped.with_label_values(&["queue"]) }, shipper))
}

fn name(role: Role, name: &str) -> Result<ProcessName, StartError> {
    if name.is_empty() {
        return Ok(ProcessName::numbered(role, 1));
    }
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.len() > 64 || !name.chars().all(good) {
        return Err(StartError::Name { found: name.escape_debug().take(80).collect() });
    }
    Ok(ProcessName(name.to_owned()))
}

/// Milliseconds since 1970 and 20 random bits: 62 bits that grow from run to run.
fn incarnation() -> Incarnation {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let milliseconds = u64::try_from(now.as_millis()).unwrap_or_default() & ((1 << 42) - 1);
    Incarnation((milliseconds << 20) | u64::from(rand::rng().random::<u32>() >> 12))
}
