//! Hostile clients: bytes that no honest program sends, at an edge of one's own.
//!
//! Only loopback addresses are accepted as a target. Everything comes from a seed that is printed; which bytes meet
//! which state of the server depends on timing all the same. While the attacks go on a *canary* asks for an answer
//! twice a second: a server that lets it wait for more than two seconds has stopped accepting.

mod canary;
mod holders;
mod insider;
mod outsider;
mod tally;

pub use holders::{FileLimitError, raise_file_limit};
pub use tally::{HalfOpen, Kind, Report};

use crate::signup::{SignupError, SignupPage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tally::Tally;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// How long one connect may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// How often a line of progress is printed.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);
/// How long after its end a run may take to come home.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// What a run does.
#[derive(Clone, Debug)]
pub struct Options {
    /// Address of the edge, `HOST:PORT`; loopback only.
    pub edge: String,
    /// Sign-up page for accounts that misbehave after logging in; without one all attacks come before the login.
    pub signup: Option<String>,
    /// How long.
    pub seconds: u64,
    /// Half-open connections that are held.
    pub connections: usize,
    /// Attackers at work at the same time.
    pub attackers: usize,
    /// Attackers with an account.
    pub insiders: usize,
    /// Seed; none: a random one, which is printed.
    pub seed: Option<u64>,
    /// Where the report is written.
    pub json: Option<PathBuf>,
    /// Print lines of progress.
    pub progress: bool,
}

impl Options {
    /// The usual run against an edge.
    pub fn new(edge: &str, seconds: u64) -> Options {
        Options {
            edge: edge.to_owned(),
            signup: None,
            seconds,
            connections: 5000,
            attackers: 24,
            insiders: 6,
            seed: None,
            json: None,
            progress: true,
        }
    }
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum HostileError {
    /// The edge is not on this machine.
    #[error("edge {edge}: only loopback addresses (127.0.0.0/8, ::1) may be attacked")]
    NotLoopback {
        /// As given.
        edge: String,
    },
    /// The edge's name cannot be resolved.
    #[error("edge {edge}: {source}")]
    NoSuchEdge {
        /// As given.
        edge: String,
        /// Why.
        source: std::io::Error,
    },
    /// The sign-up page is bad or not on this machine.
    #[error(transparent)]
    Signup(#[from] SignupError),
    /// Too few file descriptors.
    #[error(transparent)]
    FileLimit(#[from] FileLimitError),
    /// The report could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What all attackers of a run share.
struct Attack {
    edge: SocketAddr,
    ends_at: Instant,
    tally: Tally,
}

impl Attack {
    fn is_over(&self) -> bool {
        Instant::now() >= self.ends_at
    }

    /// Connects from one of the many addresses of the loopback network, so that caps on one address do not hide
    /// everything behind them.
    async fn connect(&self, source: Ipv4Addr) -> std::io::Result<TcpStream> {
        let connect = async {
            if self.edge.is_ipv6() {
                return TcpStream::connect(self.edge).await;
            }
            let socket = TcpSocket::new_v4()?;
            socket.bind(SocketAddr::new(IpAddr::V4(source), 0))?;
            socket.connect(self.edge).await
        };
        tokio::time::timeout(CONNECT_DEADLINE, connect)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
    }
}

/// Finds the address of an edge and refuses everything that is not this machine.
pub async fn loopback_address(edge: &str) -> Result<SocketAddr, HostileError> {
    let found = tokio::net::lookup_host(edge).await;
    let addresses: Vec<SocketAddr> =
        found.map_err(|source| HostileError::NoSuchEdge { edge: edge.to_owned(), source })?.collect();
    match addresses.first() {
        Some(address) if addresses.iter().all(|address| address.ip().is_loopback()) => Ok(*address),
        _ => Err(HostileError::NotLoopback { edge: edge.to_owned() }),
    }
}

/// Runs the attacks to their end.
pub async fn run(options: Options) -> Result<Report, HostileError> {
    let edge = loopback_address(&options.edge).await?;
    let signup = match options.signup.as_deref() {
        Some(url) => Some(loopback_page(url).await?),
        None => None,
    };
    raise_file_limit(options.connections + options.attackers + options.insiders + 64)?;
    let seed = options.seed.unwrap_or_else(|| rand::rng().random());
    if options.progress {
        println!("hostile input at {edge} for {} s, seed {seed}", options.seconds);
    }
    let started = Instant::now();
    let ends_at = started + Duration::from_secs(options.seconds);
    let attack = Arc::new(Attack { edge, ends_at, tally: Tally::default() });
    let mut tasks = JoinSet::new();
    tasks.spawn(canary::watch(Arc::clone(&attack)));
    for number in 0..options.connections {
        tasks.spawn(holders::hold(Arc::clone(&attack), number, options.connections));
    }
    for number in 0..options.attackers {
        let rng = StdRng::seed_from_u64(seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        tasks.spawn(outsider::attack(Arc::clone(&attack), number, rng));
    }
    if let Some(page) = signup {
        for number in 0..options.insiders {
            let rng = StdRng::seed_from_u64(seed.rotate_left(17) ^ (number as u64 + 1));
            tasks.spawn(insider::attack(Arc::clone(&attack), page.clone(), seed, number, rng));
        }
    }
    let waited = tokio::time::timeout(Duration::from_secs(options.seconds) + STOP_DEADLINE, async {
        let mut progress = tokio::time::interval(PROGRESS_INTERVAL);
        progress.tick().await;
        loop {
            tokio::select! {
                done = tasks.join_next() => if done.is_none() { break },
                _ = progress.tick(), if options.progress => {
                    println!("{:6.1} s  {}", started.elapsed().as_secs_f64(), attack.tally.line());
                }
            }
        }
    });
    if waited.await.is_err() {
        attack.tally.unexpected(|| "some attackers did not come home".to_owned());
        tasks.shutdown().await;
    }
    let report = attack.tally.report(seed, options.seconds, options.connections);
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&report).unwrap_or_else(|error| {
            unreachable!("a report has only text keys and whole numbers, which JSON can always hold: {error}")
        });
        std::fs::write(path, text + "\n")
            .map_err(|source| HostileError::Write { path: path.clone(), source })?;
    }
    Ok(report)
}

async fn loopback_page(url: &str) -> Result<SignupPage, HostileError> {
    let page = SignupPage::new(url)?;
    loopback_address(&page.authority()).await?;
    Ok(page)
}
