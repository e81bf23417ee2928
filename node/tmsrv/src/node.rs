//! One game node: its parts, how it starts and how it stops.

use crate::clock::Clock;
use crate::edges::EdgeId;
use crate::error::RunError;
use crate::host::{Host, Order, Outcome, Shared};
use crate::journal::Journal;
use crate::market::Trades;
use crate::metrics::Metrics;
use crate::neighbours::Neighbours;
use crate::network::Streams;
use crate::overload::Loads;
use crate::parking::Parked;
use crate::populations::Left;
use crate::queue::Queue;
use crate::session::{Note, Sessions};
use crate::settings::Settings;
use crate::siblings::Siblings;
use crate::suspects::Suspects;
use crate::{balance, instances, jobs, journal, keeper, market, neighbours, populations, roaming, saver};
use arc_swap::ArcSwap;
use cluster::Cluster;
use content::Content;
use dbclient::RemoteStore;
use model::calls::database::ReadClusterView;
use model::calls::{bank, temporary};
use model::membership::{Member, ProcessName, Role};
use model::{Epoch, ZoneId};
use parking_lot::{Mutex, RwLock};
use placement::ZoneTable;
use settings::{Common, Live};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use store::Store;
use telemetry::Process;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use world::{Keeper, Populate};

/// Outcomes of game threads that may wait for the node.
const OUTCOMES_MAX: usize = 16_384;

/// Everything that the tasks of a node share.
pub(crate) struct Node {
    pub(crate) name: ProcessName,
    pub(crate) store: Arc<dyn Store>,
    /// Bounds how many operations wait for the store at once.
    pub(crate) store_permits: Semaphore,
    pub(crate) content: Arc<Content>,
    pub(crate) cluster: Cluster,
    pub(crate) clock: Clock,
    pub(crate) hosts: Vec<Host>,
    pub(crate) settings: Live<Settings>,
    pub(crate) populate: Populate,
    pub(crate) metrics: Metrics,
    pub(crate) sessions: Sessions,
    /// Sessions whose edge gives them away.
    pub(crate) parked: Parked,
    /// BISrv.
    pub(crate) bank: link::Client<bank::Request, bank::Reply>,
    /// TSSSrv.
    pub(crate) market: link::Client<temporary::Request, temporary::Reply>,
    /// Trades of players of this node.
    pub(crate) trades: Trades,
    /// The ways to the other nodes.
    pub(crate) siblings: Siblings,
    /// The journal of another node.
    pub(crate) journal: Journal,
    /// What zones tell their neighbours.
    pub(crate) neighbours: Neighbours,
    /// Nodes that edges do not reach.
    pub(crate) suspects: Suspects,
    /// How overloaded the game threads are.
    pub(crate) loads: Arc<Loads>,
    /// Creatures of zones that were played here until a moment ago.
    pub(crate) left: Arc<Left>,
    /// Who waits to be let in.
    pub(crate) queue: Mutex<Queue>,
    /// Zones that are played here, and under which epoch.
    pub(crate) zones: RwLock<BTreeMap<ZoneId, Epoch>>,
    pub(crate) table: ArcSwap<ZoneTable>,
    pub(crate) next_edge: AtomicU64,
    /// Tasks of sessions and jobs; a stop waits for them.
    pub(crate) tasks: TaskTracker,
    /// No session is let in any more.
    pub(crate) closing: CancellationToken,
    pub(crate) process: Process,
}

impl Node {
    /// True when it has as many players as it may.
    pub(crate) fn is_full(&self) -> bool {
        self.sessions.count() >= self.settings.get().max_players
    }

    /// The game thread of a zone.
    pub(crate) fn host(&self, zone: ZoneId) -> &Host {
        let threads = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        &self.hosts[placement::thread_of(zone, threads) as usize]
    }

    /// Gives an order to the game thread of a zone; a thread that is gone has stopped the process already.
    pub(crate) async fn order(&self, zone: ZoneId, order: Order) {
        if self.host(zone).send(order).await.is_err() {
            tracing::debug!(zone = %zone, "the game thread is gone");
        }
    }

    /// Runs what a stop waits for: a session, a job, a save. A panic in it stops the process rather than leave a
    /// player behind whom nobody plays.
    pub(crate) fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + Send + 'static) {
        self.process.tasks.spawn(name, self.tasks.track_future(future));
    }

    /// Number for a new stream.
    pub(crate) fn edge_id(&self) -> EdgeId {
        EdgeId(self.next_edge.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

/// Runs TMSrv until the process is stopped and everybody is saved. The store is reached through DBSrv.
pub async fn run(process: Process, common: Common, settings: Live<Settings>) -> Result<(), RunError> {
    let store = RemoteStore::connect(process.credentials.clone(), common.dbsrv.clone());
    run_with_store(process, common, settings, store).await
}

/// [`run`] with another store.
pub async fn run_with_store(
    process: Process,
    common: Common,
    settings: Live<Settings>,
    store: Arc<dyn Store>,
) -> Result<(), RunError> {
    process.health.ready("zones", false);
    let content = Arc::new(load_content(&settings.get()).await?);
    let server = link::Server::bind(common.link, process.credentials.clone()).await?;
    let started = settings.get();
    let member = Member {
        weight: started.weight.max(1),
        content_hash: content.hash,
        ..process.member(server.local_addr(), common.http)
    };
    let cluster = Cluster::join(&process, Arc::clone(&store), member).await;
    let named_zones = content.zones.clone();
    let (node, outcomes, threads, died) =
        build(process.clone(), settings, Arc::clone(&store), content, cluster.clone())?;
    let judge = Arc::clone(&node);
    let avoid = cluster::Avoid {
        changed: Arc::clone(&node.suspects.lasted),
        nodes: Box::new(move |view: &cluster::View| judge.suspects.unreached(view, Instant::now())),
    };
    let controller = cluster::run_controller(process.clone(), cluster, store, named_zones, avoid);
    process.tasks.spawn("controller", controller);
    process.tasks.spawn("outcomes", hear_outcomes(Arc::clone(&node), outcomes));
    process.tasks.spawn("zones", keeper::run(Arc::clone(&node)));
    process.tasks.spawn("saves", saver::run(Arc::clone(&node)));
    process.tasks.spawn("journal", journal::run(Arc::clone(&node)));
    process.tasks.spawn("neighbours", neighbours::run(Arc::clone(&node)));
    process.tasks.spawn("balance", balance::run(Arc::clone(&node)));
    process.tasks.spawn("instances", instances::run(Arc::clone(&node)));
    process.tasks.spawn("creatures", populations::run(Arc::clone(&node)));
    process.tasks.spawn("roaming", roaming::run(Arc::clone(&node)));
    process.tasks.spawn("market", market::run(Arc::clone(&node)));
    let asked = Arc::clone(&node.store);
    process.probe("store", move || {
        let store = Arc::clone(&asked);
        async move { store.cluster_view(ReadClusterView).await.is_ok() }
    });
    let link_stop = CancellationToken::new();
    let serving = tokio::spawn(server.serve(Arc::new(Streams::new(Arc::clone(&node))), link_stop.clone()));

    tokio::select! {
        () = process.stop.cancelled() => {}
        () = died.cancelled() => {
            tracing::error!("a game thread died, stopping the node");
            process.stop.cancel();
        }
    }
    close(&node).await;
    link_stop.cancel();
    if let Err(error) = serving.await {
        tracing::error!(%error, "the link ended badly");
    }
    for host in &node.hosts {
        drop(host.send(Order::Stop).await);
    }
    let joined = tokio::task::spawn_blocking(move || threads.into_iter().all(|thread| thread.join().is_ok()));
    if joined.await.unwrap_or(false) { Ok(()) } else { Err(RunError::GameThread) }
}

async fn load_content(settings: &Settings) -> Result<Content, RunError> {
    let path = settings.content.clone();
    let loading = tokio::task::spawn_blocking(move || {
        if path.as_os_str().is_empty() { Ok(content::builtin()) } else { content::load(&path) }
    });
    let (content, report) = loading.await.map_err(|_| RunError::Interrupted)??;
    tracing::info!(
        name = %content.name,
        hash = format!("{:016x}", content.hash),
        generators = content.generators.len(),
        oddities = report.oddities.len(),
        "loaded the content"
    );
    Ok(content)
}

type Built = (Arc<Node>, mpsc::Receiver<Outcome>, Vec<std::thread::JoinHandle<()>>, CancellationToken);

fn build(
    process: Process,
    settings: Live<Settings>,
    store: Arc<dyn Store>,
    content: Arc<Content>,
    cluster: Cluster,
) -> Result<Built, RunError> {
    let started = settings.get();
    let metrics = Metrics::new(&process.metrics);
    let clock = Clock::start();
    let died = CancellationToken::new();
    let (outcomes, hearing) = mpsc::channel(OUTCOMES_MAX);
    let loads = Arc::<Loads>::default();
    let left = Arc::<Left>::default();
    let shared = Shared {
        clock,
        metrics: metrics.clone(),
        settings: settings.clone(),
        loads: Arc::clone(&loads),
        left: Arc::clone(&left),
    };
    let mut hosts = Vec::new();
    let mut threads = Vec::new();
    for number in 0..started.thread_count() {
        let (host, thread) = Host::start(number, shared.clone(), outcomes.clone(), died.clone())?;
        hosts.push(host);
        threads.push(thread);
    }
    let credentials = &process.credentials;
    let node = Node {
        bank: link::Client::new(credentials.clone(), cluster.target(Role::BiSrv)),
        market: link::Client::new(credentials.clone(), cluster.target(Role::TssSrv)),
        trades: Trades::default(),
        siblings: Siblings::new(credentials.clone()),
        // the nodes whose buddy this is may have let in more than they may
        journal: Journal::new(started.max_players.saturating_mul(4)),
        neighbours: Neighbours::default(),
        suspects: Suspects::default(),
        loads,
        left,
        queue: Mutex::default(),
        name: process.name.clone(),
        store,
        store_permits: Semaphore::new(started.store_concurrency.clamp(1, 4096)),
        content,
        cluster,
        clock,
        hosts,
        populate: if started.event_groups_at_start { Populate::Everything } else { Populate::Timed },
        settings,
        metrics,
        sessions: Sessions::default(),
        parked: Parked::default(),
        zones: RwLock::new(BTreeMap::new()),
        table: ArcSwap::from_pointee(ZoneTable::default()),
        next_edge: AtomicU64::new(1),
        tasks: TaskTracker::new(),
        closing: CancellationToken::new(),
        process,
    };
    Ok((Arc::new(node), hearing, threads, died))
}

/// Routes what the game threads say. Ends with the game threads.
async fn hear_outcomes(node: Arc<Node>, mut outcomes: mpsc::Receiver<Outcome>) {
    while let Some(outcome) = outcomes.recv().await {
        match outcome {
            Outcome::Crossing(zone, crossing) => {
                let session = crossing.snapshot.session;
                if !node.sessions.note(session, Note::Crossing(zone, crossing)) {
                    node.order(zone, Order::Input(zone, world::Input::TurnBack { session })).await;
                }
            }
            Outcome::Passing(zone, passing) => {
                node.spawn("creature", roaming::pass(Arc::clone(&node), zone, passing));
            }
            Outcome::ZoneGone(session, snapshot) => {
                node.sessions.note(session, Note::ZoneGone(snapshot));
            }
            Outcome::Job(zone, job) => {
                node.spawn("job", jobs::run(Arc::clone(&node), zone, job));
            }
            Outcome::Sights(all) => neighbours::carry(&node, all).await,
            Outcome::Changed(Keeper::Store, changed) => {
                node.spawn("save", saver::save(Arc::clone(&node), changed));
            }
            Outcome::Changed(Keeper::Buddy, changed) => {
                node.spawn("journal", journal::send(Arc::clone(&node), changed));
            }
        }
    }
}

/// Saves and releases everybody, then leaves the cluster.
async fn close(node: &Arc<Node>) {
    node.closing.cancel();
    let waiting = node.sessions.note_all(&Note::Stop);
    tracing::info!(players = waiting, "saving everybody");
    node.tasks.close();
    let patience = Duration::from_secs(node.settings.get().stop_seconds);
    let saved = async {
        if tokio::time::timeout(patience, node.tasks.wait()).await.is_err() {
            tracing::error!(left = node.sessions.count(), "not everybody could be saved in time");
        }
    };
    // beside each other: until the node has left the players wait for another one
    tokio::join!(saved, populations::keep_all(node));
    node.cluster.leave().await;
}
