//! What all tasks of one edge share.

use crate::addresses::AddressBook;
use crate::clock::Clock;
use crate::half_open::HalfOpen;
use crate::metrics::EdgeMetrics;
use crate::nodes::Nodes;
use crate::pool::Pool;
use crate::quic;
use crate::registry::Registry;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::takeover::Takeover;
use crate::view_ids::Numbers;
use cluster::View;
use link::{Credentials, Target};
use model::calls::bank;
use model::membership::ProcessName;
use parking_lot::Mutex;
use settings::Live;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use telemetry::{Health, Process, Tasks};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where the edge finds the rest of the cluster.
pub(crate) struct Surroundings {
    /// Members and zones.
    pub(crate) view: watch::Receiver<Arc<View>>,
    /// NRSrv.
    pub(crate) registry: watch::Receiver<Option<Target>>,
    /// BISrv.
    pub(crate) bank: watch::Receiver<Option<Target>>,
}

/// Everything that is shared.
pub(crate) struct Shared {
    pub(crate) name: ProcessName,
    pub(crate) credentials: Credentials,
    pub(crate) settings: Live<Settings>,
    pub(crate) clock: Clock,
    pub(crate) metrics: EdgeMetrics,
    pub(crate) health: Health,
    pub(crate) tasks: Tasks,
    pub(crate) sessions: Sessions,
    pub(crate) nodes: Nodes,
    pub(crate) nodes_changed: Notify,
    /// A stream to a node is gone.
    pub(crate) stream_lost: Notify,
    pub(crate) registry: Registry,
    /// True once NRSrv was told who is here.
    pub(crate) registry_told: watch::Sender<bool>,
    pub(crate) bank: link::Client<bank::Request, bank::Reply>,
    pub(crate) view: watch::Receiver<Arc<View>>,
    pub(crate) numbers: Mutex<Numbers>,
    pub(crate) addresses: Mutex<AddressBook>,
    pub(crate) half_open: Mutex<HalfOpen>,
    /// Streams of players behind relays.
    pub(crate) relayed: relay::Streams,
    pub(crate) pool: Pool,
    /// For the case that another edge succeeds this one.
    pub(crate) takeover: Takeover,
    /// Connections that came so far.
    pub(crate) came: AtomicU64,
    /// Connection tasks, until their sessions are logged out.
    pub(crate) connections: TaskTracker,
    /// The process was told to stop: players are saved and told.
    pub(crate) stop: CancellationToken,
    /// All players are gone: the streams end.
    pub(crate) gone: CancellationToken,
}

impl Shared {
    pub(crate) fn new(
        process: &Process,
        settings: Live<Settings>,
        around: &Surroundings,
        clock: Clock,
    ) -> Arc<Self> {
        let metrics = EdgeMetrics::register(&process.metrics);
        let relayed = quic::streams(&settings.get().quic, metrics.clone());
        Arc::new(Self {
            name: process.name.clone(),
            credentials: process.credentials.clone(),
            settings,
            clock,
            metrics,
            health: process.health.clone(),
            tasks: process.tasks.clone(),
            sessions: Sessions::default(),
            nodes: Nodes::default(),
            nodes_changed: Notify::new(),
            stream_lost: Notify::new(),
            registry_told: watch::Sender::new(false),
            registry: Registry::new(process.credentials.clone(), around.registry.clone()),
            bank: link::Client::new(process.credentials.clone(), around.bank.clone()),
            view: around.view.clone(),
            numbers: Mutex::default(),
            addresses: Mutex::default(),
            half_open: Mutex::default(),
            relayed,
            pool: Pool::default(),
            takeover: Takeover::default(),
            came: AtomicU64::new(0),
            connections: TaskTracker::new(),
            stop: process.stop.clone(),
            gone: CancellationToken::new(),
        })
    }
}
