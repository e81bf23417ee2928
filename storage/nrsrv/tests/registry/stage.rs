//! One NRSrv on a link socket, over a store in a temporary folder.

use crate::edge::Edge;
use content::{Content, Terrain};
use link::{Server, Target};
use model::calls::registry::{Reply, Request};
use model::character::{HardState, Unspent};
use model::item::{EQUIP_SLOTS, ItemSpec};
use model::membership::ProcessName;
use model::{AccountId, ItemKind, Rect, Secret, Tile};
use nrsrv::sessions::{MemorySessions, RedisSessions, SessionStore};
use nrsrv::{HashPool, Hashing, KnownEdges, Metrics, Newcomers, Parts, Registry, RegistryService, Settings};
use std::sync::{Arc, Mutex};
use store::{Sqlite, Store};
use support::{FaultyStore, RedisServer, SOON, any_port, credentials};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PASSWORD: &str = "segredo7";
pub const NEWCOMERS: Rect = Rect { min: Tile::new(2110, 2040), max: Tile::new(2114, 2044) };

/// Where sessions are kept.
enum Sessions {
    Memory,
    Redis(RedisServer),
}

pub struct Running {
    pub registry: Arc<Registry>,
    pub target: Target,
    pub metrics: Metrics,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

pub struct Stage {
    pub store: Arc<dyn Store>,
    /// The same store as NRSrv sees it.
    pub faults: Arc<FaultyStore>,
    pub settings: settings::Live<Settings>,
    pub known: Arc<Mutex<Option<Vec<ProcessName>>>>,
    running: Option<Running>,
    sessions: Sessions,
    _folder: TempDir,
}

/// Cheap hashes and short waits.
pub fn quick() -> Settings {
    Settings {
        kick_wait_ms: 10_000,
        grace_ms: 300,
        linger_ms: 60_000,
        hashing: Hashing { memory_kib: 64, passes: 1, lanes: 1, threads: 2, queue: 512, wait_ms: 15_000 },
        ..Settings::default()
    }
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(quick()).await
    }

    pub async fn with(settings: Settings) -> Self {
        Self::build(settings, Sessions::Memory).await
    }

    /// `None` when there is no Redis and the environment allows that.
    pub async fn on_redis() -> Option<Self> {
        Some(Self::build(quick(), Sessions::Redis(RedisServer::start_or_skip()?)).await)
    }

    async fn build(settings: Settings, sessions: Sessions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.path().join("wydbr.sqlite")).unwrap());
        let mut stage = Self {
            faults: FaultyStore::new(Arc::clone(&store)),
            store,
            settings: settings::Live::new(settings),
            known: Arc::new(Mutex::new(Some(Vec::new()))),
            running: None,
            sessions,
            _folder: folder,
        };
        stage.running = Some(stage.start(stage.faults.clone()).await);
        stage
    }

    pub fn redis(&mut self) -> &mut RedisServer {
        match &mut self.sessions {
            Sessions::Redis(server) => server,
            Sessions::Memory => panic!("this stage keeps sessions in memory"),
        }
    }

    pub fn registry(&self) -> &Arc<Registry> {
        &self.running().registry
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().expect("NRSrv runs")
    }

    /// Kills NRSrv and starts it again, on another port.
    pub async fn restart(&mut self) {
        let running = self.running.take().expect("NRSrv runs");
        running.end().await;
        self.running = Some(self.start(self.faults.clone()).await);
    }

    /// One more NRSrv beside the first, over any store.
    pub async fn start(&self, store: Arc<dyn Store>) -> Running {
        let sessions: Arc<dyn SessionStore> = match &self.sessions {
            Sessions::Memory => Arc::new(MemorySessions::default()),
            Sessions::Redis(server) => {
                Arc::new(RedisSessions::new(&Secret::new(server.url()), "test:").unwrap())
            }
        };
        let known = Arc::clone(&self.known);
        let known_edges: KnownEdges = Arc::new(move || known.lock().unwrap().clone());
        let metrics = Metrics::unregistered().unwrap();
        let hashing = &self.settings.get().hashing;
        let pool = HashPool::start(hashing, &metrics.hash_seconds, metrics.hash_queue.clone()).unwrap();
        let registry = Registry::new(Parts {
            store,
            sessions,
            pool,
            settings: self.settings.clone(),
            newcomers: newcomers(),
            metrics: metrics.clone(),
            known_edges,
        });
        Running::serve(registry, metrics).await
    }

    pub async fn edge(&self, name: &str) -> Edge {
        Edge::connect(name, self.running(), Vec::new()).await
    }

    /// Creates an account with [`PASSWORD`].
    pub async fn account(&self, name: &str) -> AccountId {
        let request =
            Request::CreateAccount { name: name.to_owned(), password: Secret::new(PASSWORD), address: None };
        match self.ask(request).await {
            Reply::AccountCreated(Ok(id)) => id,
            other => panic!("account {name}: {other:?}"),
        }
    }

    /// Asks as an operator.
    pub async fn ask(&self, request: Request) -> Reply {
        self.registry().handle(&ProcessName("cli-1".to_owned()), request).await
    }
}

impl Running {
    async fn serve(registry: Arc<Registry>, metrics: Metrics) -> Self {
        let server = Server::bind(any_port(), credentials("nrsrv-1")).await.unwrap();
        let target = Target { name: ProcessName("nrsrv-1".to_owned()), address: server.local_addr() };
        let stop = CancellationToken::new();
        let service = Arc::new(RegistryService(Arc::clone(&registry)));
        let serving = tokio::spawn(server.serve(service, stop.clone()));
        let (maintained, until) = (Arc::clone(&registry), stop.clone());
        let maintaining = tokio::spawn(async move { maintained.maintain(until).await });
        Self { registry, metrics, target, stop, tasks: vec![serving, maintaining] }
    }

    /// Hashes that were done.
    pub fn hashes(&self) -> u64 {
        self.metrics.hash_seconds.get_sample_count()
    }

    pub async fn end(self) {
        self.stop.cancel();
        for task in self.tasks {
            tokio::time::timeout(SOON, task).await.expect("ends in time").unwrap();
        }
    }
}

/// Starter kits with a face, a weapon and two potions, and a small lawn to stand on.
fn newcomers() -> Newcomers {
    let (mut content, _) = content::builtin();
    content.terrain = Terrain::from_bytes(&vec![0; 1024 * 1024], None).unwrap();
    content.newcomers = NEWCOMERS;
    give_kits(&mut content);
    Newcomers::new(&content).unwrap()
}

fn give_kits(content: &mut Content) {
    let spec = |kind: u16| Some(ItemSpec { kind: ItemKind(kind), effects: Default::default() });
    for starter in &mut content.starters {
        starter.hard = HardState { gold: 500, unspent: Unspent::default(), ..starter.hard.clone() };
        starter.equip = vec![None; EQUIP_SLOTS];
        starter.equip[0] = spec(1 + 10 * u16::from(starter.class.number()));
        starter.equip[6] = spec(861);
        starter.carry = vec![spec(400), spec(400)];
    }
}
