//! Real nodes on real sockets, a real store that can be taken away, and an edge made of a stream.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs)]

use async_trait::async_trait;
use cluster::Seat;
use link::{Client, Receiver, Sender, Service, Target, open_stream};
use model::account::{Account, AccountName};
use model::calls::database::*;
use model::calls::node::{Attach, AttachReason, AttachRefusal, DropReason, Hello, ToEdge, ToNode};
use model::calls::sibling;
use model::membership::{ClusterView, ProcessName, Role};
use model::{
    AccountId, Character, CharacterId, Command, EntityId, Epoch, Event, OperationId, Route, SessionId, Sheet,
    Tile, TransferId, ZoneId,
};
use placement::ZoneTable;
use settings::{Common, Live};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use store::{Sqlite, Store};
use telemetry::Process;
use tempfile::TempDir;
use tmsrv::Settings;
use tokio::time::{Instant, timeout};

const DEADLINE: Duration = Duration::from_secs(20);

/// A store that can be taken away.
pub struct Fragile {
    inner: Sqlite,
    away: AtomicBool,
    loses_answer: AtomicBool,
    /// It goes away once it has done this.
    away_after: parking_lot::Mutex<Option<&'static str>>,
    /// So long it takes to read what creatures zones had.
    pub reads_creatures_in: parking_lot::Mutex<Duration>,
    /// While a test holds it, nobody hears what came of a transfer.
    pub outcome_is_told: tokio::sync::Mutex<()>,
}

impl Fragile {
    fn new(inner: Sqlite) -> Self {
        Self {
            inner,
            away: AtomicBool::new(false),
            loses_answer: AtomicBool::new(false),
            away_after: parking_lot::Mutex::default(),
            reads_creatures_in: parking_lot::Mutex::default(),
            outcome_is_told: tokio::sync::Mutex::default(),
        }
    }

    /// The next transfer is done, and nobody hears of it.
    pub fn loses_the_next_answer(&self) {
        self.loses_answer.store(true, Ordering::SeqCst);
    }

    /// What is really stored, whatever the test took away.
    pub fn really(&self) -> &Sqlite {
        &self.inner
    }

    pub fn goes_away_after(&self, method: &'static str) {
        *self.away_after.lock() = Some(method);
    }

    async fn did(&self, method: &'static str) {
        if self.away_after.lock().take_if(|last| *last == method).is_some() {
            self.away.store(true, Ordering::SeqCst);
        }
        if method == "read_populations" {
            let takes = *self.reads_creatures_in.lock();
            tokio::time::sleep(takes).await;
        }
        if method == "transfer" {
            drop(self.outcome_is_told.lock().await);
        }
    }
}

macro_rules! fragile {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        #[async_trait]
        impl Store for Fragile {
            $(async fn $method(&self, request: $request) -> Result<$outcome, Failure> {
                if self.away.load(Ordering::SeqCst) {
                    return Err(Failure::Unavailable("taken away by the test".into()));
                }
                let outcome = self.inner.$method(request).await;
                self.did(stringify!($method)).await;
                if stringify!($method) == "transfer" && self.loses_answer.swap(false, Ordering::SeqCst) {
                    return Err(Failure::Unavailable("the answer is lost".into()));
                }
                outcome
            })*
        }
    };
}
model::for_each_operation!(fragile);

/// A cluster of game nodes in this process.
pub struct House {
    pub store: Arc<Fragile>,
    pub nodes: Vec<Running>,
    pub zones: ZoneTable,
    folder: TempDir,
    next_session: AtomicU64,
}

pub struct Running {
    pub process: Process,
    task: tokio::task::JoinHandle<Result<(), tmsrv::RunError>>,
}

impl House {
    /// Starts nodes and waits until every zone has an owner.
    pub async fn with_nodes(count: usize, settings: Settings) -> Self {
        let mut house = Self::empty();
        house.start_nodes(count, settings).await;
        house
    }

    /// A store, and nobody who uses it.
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let inner = Sqlite::open(&folder.path().join("store.db")).expect("a store");
        let store = Arc::new(Fragile::new(inner));
        let (nodes, zones, next_session) = (Vec::new(), ZoneTable::default(), AtomicU64::new(1));
        Self { store, nodes, zones, folder, next_session }
    }

    pub async fn start_nodes(&mut self, count: usize, settings: Settings) {
        for index in 1..=count {
            self.start_node(index, &settings).await;
        }
        let names: Vec<ProcessName> = (1..=count).map(|i| ProcessName::numbered(Role::TmSrv, i)).collect();
        let view = self
            .until("every zone has an owner", |view| {
                let owned = |name| view.table.slots.iter().any(|slot| slot.owner.as_ref() == Some(name));
                !view.table.slots.is_empty() && names.iter().all(owned)
            })
            .await;
        self.zones = ZoneTable::new(view.table.named_zones);
    }

    /// Starts a service of a role beside the nodes.
    pub async fn joins<S: Service>(&self, role: Role, number: usize, service: Arc<S>) -> Process {
        let name = ProcessName::numbered(role, number);
        let common = Common {
            data: self.data_of(name.as_str()),
            log_level: "warn".into(),
            ..::support::common(self.folder(), name.as_str())
        };
        let started = telemetry::start(role, &common).await.expect("a process");
        let process = started.process.clone();
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        let seat = Seat::take(&process, &common, store).await.expect("a seat");
        tokio::spawn(seat.serve(service));
        process
    }

    async fn start_node(&mut self, index: usize, settings: &Settings) {
        let name = ProcessName::numbered(Role::TmSrv, index);
        let common = Common {
            data: self.folder.path().join(name.as_str()),
            log_level: "warn".into(),
            ..::support::common(self.folder.path(), name.as_str())
        };
        let started = telemetry::start(Role::TmSrv, &common).await.expect("a process");
        let process = started.process.clone();
        let live = Live::new(settings.clone());
        let store: Arc<dyn Store> = Arc::clone(&self.store) as Arc<dyn Store>;
        let task = tokio::spawn(tmsrv::run_with_store(process.clone(), common, live, store));
        self.nodes.push(Running { process, task });
    }

    async fn until(&self, what: &str, wanted: impl Fn(&ClusterView) -> bool) -> ClusterView {
        let end = Instant::now() + DEADLINE;
        loop {
            let view = self.store.inner.cluster_view(ReadClusterView).await.expect("the store is there");
            if wanted(&view) {
                return view;
            }
            assert!(Instant::now() < end, "it never came that {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where the processes of the house keep what is theirs.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn data_of(&self, process: &str) -> std::path::PathBuf {
        self.folder.path().join(process)
    }

    pub fn store_is_away(&self, away: bool) {
        self.store.away.store(away, Ordering::SeqCst);
    }

    /// A stored character of an account of its own, on a tile.
    pub async fn character(&self, at: Tile) -> Character {
        self.character_with(at, |_| {}).await
    }

    /// The same with what a test is about.
    pub async fn character_with(&self, at: Tile, change: impl Fn(&mut Character)) -> Character {
        let number = self.next_session.fetch_add(1, Ordering::Relaxed);
        let account = Account {
            id: AccountId(number),
            name: AccountName::new(&format!("player{number}")).expect("a good name"),
            password_hash: "none".into(),
            pin_hash: None,
            blocked: None,
            frozen: None,
            created_ms: 0,
        };
        let name = format!("Hero{number}");
        let mut character = ::support::character(account.id, CharacterId(number), &name, at);
        change(&mut character);
        let create = CreateAccount { operation: OperationId(u128::from(number) << 1), account };
        self.store.inner.create_account(create).await.unwrap().unwrap();
        let operation = OperationId((u128::from(number) << 1) + 1);
        let create = CreateCharacter { operation, character: character.clone() };
        self.store.inner.create_character(create).await.unwrap().unwrap();
        character
    }

    /// What the store says of a character.
    pub async fn stored(&self, character: &Character) -> Character {
        let request = ListCharacters { account: character.account };
        let all = self.store.inner.list_characters(request).await.expect("the store is there");
        all.into_iter().find(|one| one.id == character.id).expect("the character is stored")
    }

    /// Waits until the store says so of a character.
    pub async fn until_stored_so(&self, what: &str, character: &Character, so: impl Fn(&Character) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !so(&self.stored(character).await) {
            assert!(Instant::now() < end, "it was never stored that {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What lies on the ground, as stored.
    pub async fn on_the_ground(&self) -> Vec<HeldRecord> {
        let kind = model::transfer::RecordKind::Ground;
        let request = ListRecords { kind, scope: None, home: None, after: 0, limit: 1_000 };
        self.store.inner.list_records(request).await.expect("the store is there")
    }

    pub async fn until_the_ground_is_empty(&self) {
        let end = Instant::now() + DEADLINE * 2;
        while !self.on_the_ground().await.is_empty() {
            assert!(Instant::now() < end, "something lies there for ever");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn until_stored(&self, character: &Character, at: Tile) {
        let end = Instant::now() + DEADLINE;
        while self.stored(character).await.soft.tile != at {
            assert!(Instant::now() < end, "it was never saved at {at}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn slot(&self, zone: ZoneId) -> (ProcessName, Epoch) {
        self.slot_not_of(zone, &ProcessName(String::new())).await
    }

    /// The owner of a zone, once it is another one than this.
    pub async fn slot_not_of(&self, zone: ZoneId, not: &ProcessName) -> (ProcessName, Epoch) {
        let found = |view: &ClusterView| {
            let slot = view.table.slots.iter().find(|slot| slot.zone == zone)?;
            slot.owner.clone().filter(|owner| owner != not).map(|owner| (owner, slot.epoch))
        };
        let view = self.until("the zone has an owner", |view| found(view).is_some()).await;
        found(&view).expect("just seen")
    }

    pub fn stop_node(&self, name: &ProcessName) {
        self.nodes
            .iter()
            .filter(|node| node.process.name == *name)
            .for_each(|node| node.process.stop.cancel());
    }

    /// A stream to the node that owns a tile.
    pub async fn edge(&self, edge: &str, at: Tile) -> Edge {
        let (owner, _) = self.slot(self.zones.zone_at(at)).await;
        self.edge_to(edge, &owner).await
    }

    async fn target(&self, node: &ProcessName) -> Target {
        let view =
            self.until("the node is a member", |view| view.members.iter().any(|m| m.name == *node)).await;
        let member = view.members.into_iter().find(|member| member.name == *node).expect("just seen");
        Target { name: node.clone(), address: member.link }
    }

    /// The way from one node to another.
    pub async fn sibling(&self, from: &str, to: &ProcessName) -> Client<sibling::Request, sibling::Reply> {
        Client::fixed(::support::credentials(from), self.target(to).await)
    }

    pub async fn edge_to(&self, edge: &str, node: &ProcessName) -> Edge {
        let credentials = ::support::credentials(edge);
        let target = self.target(node).await;
        let stream = open_stream::<ToEdge, ToNode>(&credentials, &target).await.expect("a stream");
        let (sender, receiver) = stream.split();
        let hello = ToNode::Hello(Hello { edge: ProcessName(edge.to_owned()) });
        sender.send(&hello).await.expect("the stream is open");
        Edge { sender, receiver, waiting: VecDeque::new(), heard: Vec::new() }
    }

    pub fn session(&self) -> SessionId {
        SessionId(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    pub async fn attach(&self, session: SessionId, character: &Character, at: Tile) -> Attach {
        let zone = self.zones.zone_at(at);
        let (_, zone_epoch) = self.slot(zone).await;
        let (account, character) = (character.account, character.id);
        Attach {
            session,
            account,
            character,
            zone,
            zone_epoch,
            reason: AttachReason::Login,
            away_ms: 0,
            walk: None,
        }
    }

    /// Attaches until the node has opened the zone, and waits for the entry.
    pub async fn enters(&self, edge: &mut Edge, character: &Character, at: Tile) -> (SessionId, Box<Sheet>) {
        let session = self.session();
        (session, self.enters_as(edge, session, character, at, AttachReason::Login).await)
    }

    pub async fn enters_as(
        &self,
        edge: &mut Edge,
        session: SessionId,
        character: &Character,
        at: Tile,
        reason: AttachReason,
    ) -> Box<Sheet> {
        let end = Instant::now() + DEADLINE;
        loop {
            let attach = Attach { reason, ..self.attach(session, character, at).await };
            edge.says(ToNode::Attach(attach)).await;
            let answer = edge
                .hears("an answer to the attach", |heard| match heard {
                    ToEdge::AttachRefused { session: of, refusal } if *of == session => Some(Err(*refusal)),
                    ToEdge::Events(events) => events.iter().find_map(|told| match &told.event {
                        Event::Entered(sheet) if told.to == [session] => Some(Ok(sheet.clone())),
                        _ => None,
                    }),
                    _ => None,
                })
                .await;
            match answer {
                Ok(sheet) => return sheet,
                Err(AttachRefusal::NotOwner) if Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
                Err(refusal) => panic!("the attach was refused: {refusal:?}"),
            }
        }
    }

    pub async fn stop(self) {
        for node in &self.nodes {
            node.process.stop.cancel();
        }
        for node in self.nodes {
            timeout(DEADLINE, node.task).await.expect("a stop ends").unwrap().expect("a clean end");
        }
    }
}

/// One end of a stream, as an edge has it.
pub struct Edge {
    sender: Sender<ToNode>,
    receiver: Receiver<ToEdge>,
    /// Received and not looked at, one event a message.
    waiting: VecDeque<ToEdge>,
    pub heard: Vec<ToEdge>,
}

impl Edge {
    pub async fn says(&self, message: ToNode) {
        self.sender.send(&message).await.expect("the stream is open");
    }

    pub async fn command(&self, session: SessionId, command: Command) {
        self.says(ToNode::Command { session, command }).await;
    }

    pub async fn walks(&self, session: SessionId, from: Tile, digits: &str, speed: u8) {
        let route = Route::from_ascii(digits.as_bytes()).unwrap();
        let to = route.tiles(from).last().unwrap();
        self.command(session, Command::Walk { from, route, to, speed }).await;
    }

    /// Waits for a message; those before it are kept in `heard`.
    pub async fn hears<T>(&mut self, what: &str, wanted: impl Fn(&ToEdge) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            while let Some(message) = self.waiting.pop_front() {
                let found = wanted(&message);
                self.heard.push(message);
                if let Some(found) = found {
                    return found;
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            let next = timeout(left, self.receiver.recv()).await;
            let next =
                next.unwrap_or_else(|_| panic!("the edge never heard {what}; it heard {:?}", self.heard));
            match next.unwrap_or_else(|| panic!("the stream was closed before {what}")) {
                ToEdge::Events(events) => {
                    self.waiting.extend(events.into_iter().map(|event| ToEdge::Events(vec![event])));
                }
                other => self.waiting.push_back(other),
            }
        }
    }

    /// Waits for an event that one of these sessions perceives.
    pub async fn perceives<T>(
        &mut self,
        session: SessionId,
        what: &str,
        wanted: impl Fn(&Event) -> Option<T>,
    ) -> T {
        self.hears(what, |heard| match heard {
            ToEdge::Events(events) => {
                events.iter().filter(|told| told.to.contains(&session)).find_map(|told| wanted(&told.event))
            }
            _ => None,
        })
        .await
    }

    pub async fn sees(&mut self, session: SessionId, entity: EntityId) -> Tile {
        self.perceives(session, "somebody appear", |event| match event {
            Event::Appeared { look, .. } if look.entity == entity => Some(look.tile),
            _ => None,
        })
        .await
    }

    pub async fn is_handed_over(&mut self, session: SessionId) -> (ZoneId, Tile, TransferId) {
        self.hears("a hand-over", |heard| match heard {
            ToEdge::Handover { session: of, zone, tile, transfer, .. } if *of == session => {
                Some((*zone, *tile, *transfer))
            }
            _ => None,
        })
        .await
    }

    pub async fn is_dropped(&mut self, session: SessionId) -> DropReason {
        self.hears("that the session was dropped", |heard| match heard {
            ToEdge::Dropped { session: of, reason, .. } if *of == session => Some(*reason),
            _ => None,
        })
        .await
    }

    pub async fn is_detached(&mut self, session: SessionId) {
        self.hears("that the session is detached", |heard| {
            matches!(heard, ToEdge::Detached { session: of } if *of == session).then_some(())
        })
        .await;
    }

    pub async fn is_refused(&mut self, session: SessionId) -> AttachRefusal {
        self.hears("a refusal", |heard| match heard {
            ToEdge::AttachRefused { session: of, refusal } if *of == session => Some(*refusal),
            _ => None,
        })
        .await
    }
}
