//! The edge: the process that holds the players' connections.
//!
//! It is the only place that knows the bytes of the clients, and the only one that knows short ids; it must
//! never know a rule of the game. Bytes become [`model::Command`]s for the node that has the player, and
//! [`model::Event`]s become bytes for each client's own version.
//!
//! | module | holds |
//! |---|---|
//! | [`settings`](Settings) | limits, rates, deadlines, the language |
//! | [`phase`] | what is legal when: the table of `docs/edge-input.md` |
//! | [`budget`], [`addresses`] | how much a client and an address may do |
//! | [`view`], [`view_ids`], [`ground_ids`] | what a client is shown, and under which short ids |
//! | `translate` | events to packets, and what packets about items ask for |
//! | `session` | one client: login, selection, attach, play |
//! | `connection`, `listener`, `transport`, `quic` | sockets, and streams of relays, which outlive their connections |
//! | `nodes`, `registry` | streams to the game nodes and to NRSrv |
//! | [`messages`] | every text that a player reads |
//! | `takeover` | how an edge of a new binary takes the connections of the one that runs |
//! | [`serverlist`] | the list that clients are handed out with |

pub mod addresses;
pub mod budget;
pub mod clock;
pub mod ground_ids;
pub mod messages;
pub mod metrics;
pub mod phase;
pub mod serverlist;
pub mod view;
pub mod view_ids;

mod connection;
mod friends;
mod half_open;
mod http;
mod listener;
mod nodes;
mod outbox;
mod pool;
mod quic;
mod registry;
mod seen;
mod session;
mod sessions;
mod settings;
mod shared;
mod social_words;
mod takeover;
mod translate;
mod transport;

pub use crate::http::counts_page;
pub use crate::settings::{
    Addresses, Budgets, Connections, Deadlines, Language, Quic, Rate, Settings, Versions, ViewLimits,
};
pub use crate::takeover::TakeoverError;

use ::settings::{Common, Live};
use clock::Clock;
use cluster::{Cluster, View};
use dbclient::RemoteStore;
use link::Target;
use model::membership::Role;
use shared::{Shared, Surroundings};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;
use takeover::Predecessor;
use telemetry::Process;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Why the edge cannot run.
#[derive(Debug, Error)]
pub enum RunError {
    /// It cannot listen for clients.
    #[error("listen: cannot listen for clients on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Another edge of this name runs and cannot be succeeded.
    #[error(transparent)]
    Takeover(#[from] TakeoverError),
    /// It cannot listen for relays.
    #[error("quic.listen: cannot listen for relays on {address}: {source}")]
    Quic {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: relay::ListenError,
    },
    /// It has nothing to show to relays.
    #[error("quic: {0}")]
    QuicIdentity(#[from] relay::IdentityError),
    /// It cannot listen for HTTP.
    #[error("http_public: cannot listen for HTTP on {address}: {source}")]
    Http {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// Runs the edge until the process is told to stop and every player is saved and gone.
pub async fn run(process: Process, common: Common, settings: Live<Settings>) -> Result<(), RunError> {
    let store = RemoteStore::connect(process.credentials.clone(), common.dbsrv.clone());
    let me = process.member(common.link, common.http);
    // before anything that another run of this name could take for its end
    let predecessor = takeover::find(&process.data, process.name.as_str()).await?;
    let cluster = Cluster::observe(&process, store, me).await;
    let around = Around {
        view: cluster.watch(),
        registry: cluster.target(Role::NrSrv),
        bank: cluster.target(Role::BiSrv),
    };
    let edge = Edge::start_after(&process, settings, around, predecessor).await?;
    cluster.enter(&process);
    process.stop.cancelled().await;
    edge.drained().await;
    cluster.leave().await;
    Ok(())
}

/// Where an edge finds the rest of its cluster.
pub struct Around {
    /// Members and zones.
    pub view: watch::Receiver<Arc<View>>,
    /// NRSrv.
    pub registry: watch::Receiver<Option<Target>>,
    /// BISrv.
    pub bank: watch::Receiver<Option<Target>>,
}

/// A running edge.
pub struct Edge {
    shared: Arc<Shared>,
    players: SocketAddr,
    quic: Option<SocketAddr>,
    http: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Edge {
    /// Listens and starts all tasks; they end with the process.
    pub async fn start(
        process: &Process,
        settings: Live<Settings>,
        around: Around,
    ) -> Result<Self, RunError> {
        let predecessor = takeover::find(&process.data, process.name.as_str()).await?;
        Self::start_after(process, settings, around, predecessor).await
    }

    async fn start_after(
        process: &Process,
        settings: Live<Settings>,
        around: Around,
        predecessor: Option<Predecessor>,
    ) -> Result<Self, RunError> {
        let now = settings.get();
        let files = listener::raise_descriptor_limit();
        process.health.ready("listen", false);
        process.health.ready("registry", false);
        let listen = |source| RunError::Listen { address: now.listen, source };
        let public = |source| RunError::Http { address: now.http_public, source };
        let (listener, http_listener) = match &predecessor {
            None => {
                let listener = listener::bind(now.listen).map_err(listen)?;
                (listener, TcpListener::bind(now.http_public).await.map_err(public)?)
            }
            Some(predecessor) => {
                let [players, http] = predecessor.listening().map_err(listen)?;
                (
                    takeover::tokio_listener(players).map_err(listen)?,
                    takeover::tokio_listener(http).map_err(public)?,
                )
            }
        };
        let players = listener.local_addr().map_err(listen)?;
        let http = http_listener.local_addr().map_err(public)?;
        let listening = [
            listener.as_fd().try_clone_to_owned().map_err(listen)?,
            http_listener.as_fd().try_clone_to_owned().map_err(public)?,
        ];
        let registry = around.registry.clone();
        let around = Surroundings { view: around.view, registry: around.registry, bank: around.bank };
        let clock = predecessor.as_ref().map_or_else(Clock::start, |predecessor| predecessor.clock);
        let shared = Shared::new(process, settings, &around, clock);
        let succeeds = predecessor.is_some();
        process.tasks.spawn("nodes", nodes::manage(Arc::clone(&shared)));
        process.tasks.spawn("node-watch", nodes::watch(Arc::clone(&shared)));
        let report = || {
            process.tasks.spawn("registry-stream", registry::keep_stream(Arc::clone(&shared), registry));
        };
        match predecessor {
            None => report(),
            Some(predecessor) => {
                nodes::reached(&shared).await.map_err(TakeoverError::TooLong)?;
                let connections = predecessor.take(&shared, report).await?;
                tracing::info!(connections, "succeeded the edge that ran");
            }
        }
        let relays = quic::listen(&shared, &process.data, succeeds).await?;
        let quic = relays.as_ref().map(relay::Listener::local_addr);
        process
            .tasks
            .spawn("takeover", takeover::offer(Arc::clone(&shared), process.data.clone(), listening));
        process.tasks.spawn("public-http", http::serve(Arc::clone(&shared), http_listener));
        let accepting =
            process.tasks.spawn("accept", listener::accept(Arc::clone(&shared), listener, relays, files));
        tracing::info!(%players, %http, "the edge is listening");
        Ok(Self { shared, players, quic, http, accepting })
    }

    /// Where clients connect.
    pub fn players(&self) -> SocketAddr {
        self.players
    }

    /// Where relays connect, when they may.
    pub fn quic(&self) -> Option<SocketAddr> {
        self.quic
    }

    /// Where the status page and the sign-up are served.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Waits until every connection is gone and every session is logged out, or the drain deadline is over,
    /// and then closes the streams to the nodes. Asked after the process was told to stop.
    pub async fn drained(self) {
        let _ = self.accepting.await;
        self.shared.connections.close();
        if self.shared.takeover.is_succeeded() {
            tracing::info!("ending after the successor took over");
        }
        let patience = Duration::from_millis(self.shared.settings.get().deadlines.drain_ms);
        let drained = tokio::time::timeout(patience, self.shared.connections.wait()).await;
        if drained.is_err() {
            tracing::warn!("not all players were gone before the drain deadline");
        }
        self.shared.gone.cancel();
    }
}
