//! An edge in a cluster of fakes: real links, real sockets, and servers that do as the test says.
#![allow(dead_code, clippy::unwrap_used)]

mod client;
pub mod fakes;

pub use ::support::credentials;
pub use client::Client;
pub use fakes::{FakeBank, FakeNode, FakeRegistry};

use cluster::View;
use edge::{Around, Edge, Settings};
use link::{Server, Service, Target};
use model::membership::{ClusterView, Member, NamedZone, ProcessName, Role, Slot, SlotTable};
use model::{Epoch, Incarnation, Rect, Tile, ZoneId};
use placement::ZoneTable;
use settings::Live;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use telemetry::{Process, Started};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::Profile;

/// Longest that anything in a test may take.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Where characters of the tests stand: in the town.
pub const TOWN: Tile = Tile::new(2100, 2100);
/// A tile of the other zone.
pub const FIELD: Tile = Tile::new(1000, 1000);

/// Everything that is running.
pub struct Stage {
    pub process: Process,
    /// Where its metrics are.
    pub metrics: SocketAddr,
    pub edge: Edge,
    pub registry: Arc<FakeRegistry>,
    pub bank: Arc<FakeBank>,
    pub nodes: Vec<Arc<FakeNode>>,
    pub live: Live<Settings>,
    view: watch::Sender<Arc<View>>,
    registry_target: watch::Sender<Option<Target>>,
    bank_target: Target,
    fakes: CancellationToken,
    epoch: u64,
    // the fakes outlive the edge, as the real ones do
    pub _fakes: tokio_util::sync::DropGuard,
    _folder: tempfile::TempDir,
}

/// Waits for a condition; fails the test when it does not come true.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never happened: {what}");
}

/// Waits for something; fails the test when it does not come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("never happened: {what}"),
    }
}

/// Settings of a test: any free ports, the limits of the default.
pub fn settings() -> Settings {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    Settings { listen: any, http_public: any, language: edge::Language::English, ..Settings::default() }
}

impl Stage {
    /// Two nodes; the first has all zones.
    pub async fn new(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let common = ::support::common(folder.path(), "edge-1");
        let Started { process, http: metrics } = telemetry::start(Role::Edge, &common).await.unwrap();
        let registry = Arc::new(FakeRegistry::default());
        let fakes = CancellationToken::new();
        let registry_host = host("nrsrv-1", Arc::clone(&registry), &fakes).await;
        let bank = Arc::new(FakeBank::default());
        let bank_target = host("bisrv-1", Arc::clone(&bank), &fakes).await;
        let mut nodes = Vec::new();
        for name in ["tmsrv-1", "tmsrv-2"] {
            let node = Arc::new(FakeNode::new(name));
            node.start().await;
            nodes.push(node);
        }
        let view = watch::Sender::new(Arc::new(View::default()));
        let registry_target = watch::Sender::new(Some(registry_host));
        let around = Around {
            view: view.subscribe(),
            registry: registry_target.subscribe(),
            bank: watch::channel(Some(bank_target.clone())).1,
        };
        let live = Live::new(settings);
        let edge = Edge::start(&process, live.clone(), around).await.unwrap();
        let mut stage = Self {
            process,
            metrics,
            edge,
            registry,
            bank,
            nodes,
            live,
            view,
            registry_target,
            bank_target,
            fakes: fakes.clone(),
            epoch: 0,
            _fakes: fakes.drop_guard(),
            _folder: folder,
        };
        stage.place(0, 0);
        let nodes = stage.nodes.clone();
        eventually("all streams are open", || nodes.iter().all(|node| node.is_connected())).await;
        let registry = Arc::clone(&stage.registry);
        eventually("the registry's stream is open", || registry.is_connected()).await;
        stage
    }

    /// Gives the town to one node and the rest to another, under a new epoch.
    pub fn place(&mut self, town: usize, rest: usize) {
        self.epoch += 1;
        let named_zones = vec![NamedZone {
            name: "Town".to_owned(),
            area: Rect::new(Tile::new(2048, 1920), Tile::new(2303, 2303)),
        }];
        let zones = ZoneTable::new(named_zones.clone());
        let slot = |zone: ZoneId| {
            let node = if zone == ZoneId(1) { town } else { rest };
            Slot { zone, owner: Some(self.nodes[node].name()), epoch: Epoch(self.epoch) }
        };
        let slots = zones.all().into_iter().map(slot).collect();
        let member = |node: &Arc<FakeNode>| Member {
            name: node.name(),
            role: Role::TmSrv,
            incarnation: Incarnation(1),
            link: node.address(),
            http: node.address(),
            weight: 1,
            content_hash: 0,
        };
        let members = self.nodes.iter().filter(|node| node.is_running()).map(member).collect();
        let table = SlotTable { version: self.epoch, named_zones, slots };
        self.view.send_replace(Arc::new(View::new(ClusterView { members, table, ..ClusterView::default() })));
    }

    /// Another registry is the one to call; the first goes on running.
    pub async fn second_registry(&self) -> Arc<FakeRegistry> {
        let second = Arc::new(FakeRegistry::default());
        let target = host("nrsrv-0", Arc::clone(&second), &self.fakes).await;
        self.registry_target.send_replace(Some(target));
        second
    }

    /// Another edge of the same name on the same machine.
    pub async fn successor(&self) -> (Process, Edge) {
        let common = ::support::common(self.folder(), "edge-1");
        let Started { process, .. } = telemetry::start(Role::Edge, &common).await.unwrap();
        let around = Around {
            view: self.view.subscribe(),
            registry: self.registry_target.subscribe(),
            bank: watch::channel(Some(self.bank_target.clone())).1,
        };
        let edge = Edge::start(&process, self.live.clone(), around).await.unwrap();
        (process, edge)
    }

    /// Where the data of its edge lies.
    pub fn folder(&self) -> &std::path::Path {
        self._folder.path()
    }

    /// The zone of a tile.
    pub fn zone(&self, tile: Tile) -> ZoneId {
        self.view.borrow().zones.zone_at(tile)
    }

    /// A client that has not said anything.
    pub async fn connect(&self, profile: Profile) -> Client {
        Client::connect(self.edge.players(), profile).await
    }

    /// A client on its selection screen.
    pub async fn log_in(&self, profile: Profile, account: &str) -> Client {
        self.log_in_at(self.edge.players(), profile, account).await
    }

    async fn log_in_at(&self, address: SocketAddr, profile: Profile, account: &str) -> Client {
        let mut client = Client::connect(address, profile).await;
        client.log_in(account, "secret", false).await;
        client.until("char_list").await;
        if profile != Profile::V748 {
            client.pin("1234").await;
            client.until("account_pin_ok").await;
        }
        client
    }

    /// A client in the world, with everything read that it is told on the way.
    pub async fn enter(&self, profile: Profile, account: &str) -> Client {
        self.enter_at(self.edge.players(), profile, account).await
    }

    /// The same through somebody who carries it.
    pub async fn enter_at(&self, address: SocketAddr, profile: Profile, account: &str) -> Client {
        let mut client = self.log_in_at(address, profile, account).await;
        client.choose(0).await;
        client.until("enter_world").await;
        client.until("skill_bar").await;
        if profile != Profile::V748 {
            client.until("weather").await;
        }
        client
    }
}

/// Hosts a service on a free port.
pub async fn host<S: Service>(name: &str, service: Arc<S>, stop: &CancellationToken) -> Target {
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), credentials(name)).await.unwrap();
    let target = Target { name: ProcessName(name.to_owned()), address: server.local_addr() };
    tokio::spawn(server.serve(service, stop.child_token()));
    target
}
