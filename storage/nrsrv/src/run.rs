//! The process: what is started, and in which order it ends.

use crate::hashing::HashPool;
use crate::metrics::Metrics;
use crate::newcomers::{NewcomerError, Newcomers};
use crate::registry::{KnownEdges, Parts, Registry};
use crate::service::RegistryService;
use crate::sessions::{MemorySessions, RedisSessions, SessionStore};
use crate::settings::Settings;
use cluster::{Cluster, Seat};
use model::AccountId;
use model::membership::Role;
use settings::Check;
use std::path::Path;
use std::sync::Arc;
use store::Store;
use telemetry::Process;

/// Why NRSrv cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A value that cannot work.
    #[error("bad setting: {0}")]
    Settings(#[from] settings::BadValue),
    /// The URL of Redis.
    #[error("bad setting: {0}")]
    Redis(#[from] redisclient::BadUrl),
    /// The content cannot be loaded.
    #[error("cannot load the content: {0}")]
    Content(#[from] content::LoadError),
    /// The content has no place for new characters.
    #[error("{0}")]
    Newcomers(#[from] NewcomerError),
    /// The link cannot listen.
    #[error("{0}")]
    Bind(#[from] link::BindError),
    /// No thread for hashing.
    #[error("cannot start the hashing threads: {0}")]
    Threads(std::io::Error),
    /// Loading was cut short.
    #[error("loading the content was cut short: {0}")]
    Cut(#[from] tokio::task::JoinError),
}

/// Runs NRSrv until the process is stopped.
pub async fn run(
    process: Process,
    common: settings::Common,
    settings: settings::Live<Settings>,
) -> Result<(), RunError> {
    let first = settings.get();
    first.check()?;
    let path = first.content.clone();
    let newcomers = tokio::task::spawn_blocking(move || load_newcomers(&path)).await??;
    let metrics = Metrics::register(&process.metrics);
    let pool = HashPool::start(&first.hashing, &metrics.hash_seconds, metrics.hash_queue.clone())
        .map_err(RunError::Threads)?;
    let sessions: Arc<dyn SessionStore> = match first.sessions.expose() {
        "memory" => Arc::new(MemorySessions::default()),
        _ => Arc::new(RedisSessions::new(&first.sessions, &first.redis_prefix)?),
    };
    let store: Arc<dyn Store> =
        dbclient::RemoteStore::connect(process.credentials.clone(), common.dbsrv.clone());
    let seat = Seat::take(&process, &common, Arc::clone(&store)).await?;
    seat.watch_store();
    let registry = Registry::new(Parts {
        store,
        sessions: Arc::clone(&sessions),
        pool,
        settings,
        newcomers,
        metrics,
        known_edges: known_edges(seat.cluster()),
    });
    let maintained = Arc::clone(&registry);
    let stop = process.stop.clone();
    process.tasks.spawn("sessions", async move { maintained.maintain(stop).await });
    process.probe("sessions", move || {
        let sessions = Arc::clone(&sessions);
        async move { sessions.find(AccountId(0)).await.is_ok() }
    });
    seat.serve(Arc::new(RegistryService(registry))).await;
    Ok(())
}

fn load_newcomers(path: &Path) -> Result<Newcomers, RunError> {
    let (content, _report) =
        if path.as_os_str().is_empty() { content::builtin() } else { content::load(path)? };
    Ok(Newcomers::new(&content)?)
}

/// The edges of the cluster; not known before the first view, in which at least this process stands.
fn known_edges(cluster: &Cluster) -> KnownEdges {
    let cluster = cluster.clone();
    Arc::new(move || {
        let view = cluster.view();
        let read = !view.members.is_empty();
        read.then(|| view.members_of(Role::Edge).map(|member| member.name.clone()).collect())
    })
}
