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
//! | `crossing` | walks that lead over the border between two nodes |
//! | `connection`, `listener` | sockets |
//! | `nodes`, `registry` | streams to the game nodes and to NRSrv |
//! | [`messages`] | every text that a player reads |
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
mod crossing;
mod half_open;
mod http;
mod listener;
mod nodes;
mod outbox;
mod pool;
mod registry;
mod session;
mod sessions;
mod settings;
mod shared;
mod translate;

pub use crate::http::counts_page;
pub use crate::settings::{
    Addresses, Budgets, Connections, Deadlines, Language, Rate, Settings, Versions, ViewLimits,
};

use ::settings::{Common, Live};
use cluster::{Cluster, View};
use dbclient::RemoteStore;
use link::Target;
use model::membership::Role;
use shared::{Shared, Surroundings};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
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
    let cluster = Cluster::join(&process, store, me).await;
    let around = Around {
        view: cluster.watch(),
        registry: cluster.target(Role::NrSrv),
        bank: cluster.target(Role::BiSrv),
    };
    let edge = Edge::start(&process, settings, around).await?;
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
        let now = settings.get();
        process.health.ready("listen", false);
        let listen = |source| RunError::Listen { address: now.listen, source };
        let listener = listener::bind(now.listen).map_err(listen)?;
        let players = listener.local_addr().map_err(listen)?;
        let public = |source| RunError::Http { address: now.http_public, source };
        let http_listener = TcpListener::bind(now.http_public).await.map_err(public)?;
        let http = http_listener.local_addr().map_err(public)?;
        let registry = around.registry.clone();
        let around = Surroundings { view: around.view, registry: around.registry, bank: around.bank };
        let shared = Shared::new(process, settings, &around);
        process.tasks.spawn("registry-stream", registry::keep_stream(Arc::clone(&shared), registry));
        process.tasks.spawn("nodes", nodes::manage(Arc::clone(&shared)));
        process.tasks.spawn("public-http", http::serve(Arc::clone(&shared), http_listener));
        let accepting = process.tasks.spawn("accept", listener::accept(Arc::clone(&shared), listener));
        tracing::info!(%players, %http, "the edge is listening");
        Ok(Self { shared, players, http, accepting })
    }

    /// Where clients connect.
    pub fn players(&self) -> SocketAddr {
        self.players
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
        let patience = Duration::from_millis(self.shared.settings.get().deadlines.drain_ms);
        let drained = tokio::time::timeout(patience, self.shared.connections.wait()).await;
        if drained.is_err() {
            tracing::warn!("not all players were gone before the drain deadline");
        }
        self.shared.gone.cancel();
    }
}
