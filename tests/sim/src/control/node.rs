//! A node: the production code of membership and the controller, and a model of TMSrv that plays zones without a world.
//!
//! It follows `node/tmsrv/src/keeper.rs` (zones), `saver.rs` (writing behind), `suspects.rs` (nodes that edges do not reach),
//! `journal.rs` (see [`super::journal`]) and `session.rs` (see [`super::lodger`]).

use super::board::{SharedBoard, now_ms};
use super::lodger::{self, Lodger, Note};
use super::talk::{Event, HEARTBEAT, QUEUE, SILENCE, ToEdge, ToNode, Told};
use super::{CONTENT, DBSRVS, content};
use crate::held;
use crate::market::store::Remote;
use crate::net::{self, PORT, read, write};
use ::cluster::journal::Kept;
use ::cluster::{Avoid, Cluster, View, run_controller};
use ::store::Store;
use ::store::planted::{self, Bug};
use model::calls::database::{LeaveMember, SaveCharacters, SaveOutcome};
use model::calls::sibling;
use model::id::{Epoch, Incarnation, SessionId, ZoneId};
use model::membership::{Member, ProcessName, Role};
use placement::ZoneTable;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use telemetry::Process;
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::{interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use turmoil::net::{TcpListener, TcpStream};

/// How soon a supervisor starts a process again that has stopped.
const AGAIN: Duration = Duration::from_millis(200);
/// Every second a share of the players is written behind, so that everybody is once in so many seconds.
const SAVE_EVERY_SECONDS: u64 = 10;
/// Characters that are kept for others at most.
const KEPT_MAX: usize = 64;
/// How long a node that stops waits for its players to be saved.
const STOP: Duration = Duration::from_secs(20);
/// How long a sign of life of a sibling is waited for.
const ANSWER: Duration = Duration::from_millis(300);
/// How often somebody looks whether the operator wants a restart.
const LOOK: Duration = Duration::from_millis(100);

/// One run of a node.
pub struct Node {
    /// Its name, and that of its host.
    pub name: ProcessName,
    /// What everybody notes.
    pub board: SharedBoard,
    /// The store, behind DBSrv.
    pub store: Arc<dyn Store>,
    /// Its view of the others.
    pub cluster: Cluster,
    /// Zones that are played here, and under which epoch.
    pub zones: RefCell<BTreeMap<ZoneId, Epoch>>,
    /// How the map is divided.
    pub table: RefCell<ZoneTable>,
    /// Its sessions.
    pub lodgers: RefCell<BTreeMap<SessionId, Rc<Lodger>>>,
    /// No session is let in any more.
    pub closing: CancellationToken,
    /// What it keeps for other nodes.
    pub kept: Kept,
    /// The next round of the journal goes to everybody's states.
    pub everybody: Cell<bool>,
    looking: RefCell<BTreeSet<ProcessName>>,
    gone: CancellationToken,
    streams: Cell<u64>,
}

/// The way back to one edge.
#[derive(Clone)]
pub struct Edge {
    /// Which stream of this node.
    pub id: u64,
    sender: mpsc::Sender<ToEdge>,
    close: CancellationToken,
}

impl Edge {
    /// Queues a message; an edge that is too slow loses its stream.
    pub fn tell(&self, session: SessionId, told: Told) {
        if self.sender.try_send(ToEdge::Of(session, told)).is_err() {
            self.close.cancel();
        }
    }
}

/// Runs a node, again and again as its supervisor does.
pub async fn run(name: ProcessName, index: u16, board: SharedBoard, data: PathBuf) -> turmoil::Result {
    std::fs::create_dir_all(data.join("map"))?;
    loop {
        let run = Incarnation(held(&board).number());
        held(&board).note(&name, format_args!("begins run {run}"));
        let process = Process::simulated(name.clone(), Role::TmSrv, run, data.clone());
        let store: Arc<dyn Store> = Arc::new(Remote::new(DBSRVS, index));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], PORT));
        let me = Member { content_hash: CONTENT, ..process.member(nowhere, nowhere) };
        let cluster = Cluster::join(&process, Arc::clone(&store), me).await;
        let controlling =
            run_controller(process.clone(), cluster.clone(), Arc::clone(&store), content(), Avoid::default());
        process.tasks.spawn("controller", controlling);
        let node = Rc::new(Node {
            name: name.clone(),
            board: board.clone(),
            store,
            cluster,
            zones: RefCell::default(),
            table: RefCell::default(),
            lodgers: RefCell::default(),
            closing: CancellationToken::new(),
            kept: Kept::new(KEPT_MAX),
            everybody: Cell::new(true),
            looking: RefCell::default(),
            gone: CancellationToken::new(),
            streams: Cell::new(0),
        });
        let keeping = spawn_local(Rc::clone(&node).keep_zones());
        let saving = spawn_local(Rc::clone(&node).save_behind());
        let journal = spawn_local(Rc::clone(&node).journal());
        let serving = spawn_local(Rc::clone(&node).serve());
        node.stops(&process).await;
        process.stop.cancel();
        node.gone.cancel();
        [keeping, saving, journal, serving].iter().for_each(|task| task.abort());
        held(&board).ends(&name, now_ms() as u64);
        held(&board).note(&name, format_args!("ends run {run}"));
        sleep(AGAIN).await;
    }
}

impl Node {
    /// Comes back when the process has stopped: everybody is saved and released, and it has left the cluster.
    async fn stops(self: &Rc<Self>, process: &Process) {
        loop {
            if process.stop.is_cancelled() {
                return held(&self.board)
                    .finds(format!("{} stopped by itself, expected it to go on", self.name));
            }
            if held(&self.board).to_restart.remove(&self.name) {
                break;
            }
            sleep(LOOK).await;
        }
        held(&self.board).note(&self.name, format_args!("is told to stop"));
        self.closing.cancel();
        let all: Vec<_> = self.lodgers.borrow().values().cloned().collect();
        all.iter().for_each(|lodger| lodger.note(Note::Stop));
        let gone = async {
            for lodger in &all {
                lodger.ended.cancelled().await;
            }
        };
        // who could not be saved in time is fenced off by the next loading
        let _ = timeout(STOP, gone).await;
        self.cluster.leave().await;
    }

    /// True when it plays a zone under an epoch.
    pub fn owns(&self, zone: ZoneId, epoch: Epoch) -> bool {
        self.zones.borrow().get(&zone) == Some(&epoch)
    }

    async fn keep_zones(self: Rc<Self>) {
        let mut views = self.cluster.watch();
        loop {
            let view = Arc::clone(&views.borrow_and_update());
            held(&self.board).believes(&self.name, &view);
            if view.version > 0 {
                self.apply(&view);
            }
            if views.changed().await.is_err() {
                return;
            }
        }
    }

    /// Opens the zones that the map gives to this node, and closes those that it takes.
    fn apply(&self, view: &View) {
        *self.table.borrow_mut() = view.zones.clone();
        let mine = view.slots().iter().filter(|slot| slot.owner.as_ref() == Some(&self.name));
        let wanted: BTreeMap<ZoneId, Epoch> = mine.map(|slot| (slot.zone, slot.epoch)).collect();
        let present = self.zones.borrow().clone();
        let lost = present.iter().filter(|(zone, epoch)| wanted.get(zone) != Some(epoch));
        for (zone, _) in lost.filter(|_| !planted::is(Bug::ZoneGoneIgnored)) {
            self.zones.borrow_mut().remove(zone);
            let inside: Vec<_> = self.lodgers.borrow().values().filter(|l| l.is_in(*zone)).cloned().collect();
            for lodger in inside {
                let last = lodger.take_out();
                lodger.note(Note::ZoneGone(last));
            }
        }
        self.zones.borrow_mut().extend(wanted);
        held(&self.board).plays(&self.name, &self.zones.borrow());
    }

    /// Writes soft states behind.
    async fn save_behind(self: Rc<Self>) {
        let mut every = interval(Duration::from_secs(1));
        let mut second = 0;
        loop {
            every.tick().await;
            second += 1;
            let is_due =
                |lodger: &&Rc<Lodger>| lodger.id.0 % SAVE_EVERY_SECONDS == second % SAVE_EVERY_SECONDS;
            let all: Vec<_> = self.lodgers.borrow().values().filter(is_due).cloned().collect();
            let (mut saves, mut of, mut writing) = (Vec::new(), Vec::new(), Vec::new());
            for lodger in all {
                // who leaves is being written with a newer state, who is paid is written later
                let Ok(guard) = Arc::clone(&lodger.writing).try_lock_owned() else { continue };
                if lodger.parting.get() {
                    continue;
                }
                if let Some(save) = lodger.state_behind() {
                    saves.push(save);
                    of.push(lodger);
                    writing.push(guard);
                }
            }
            if saves.is_empty() {
                continue;
            }
            let Ok(outcomes) = self.store.save_characters(SaveCharacters { saves }).await else {
                of.iter().for_each(|lodger| lodger.for_store.set(true));
                continue;
            };
            drop(writing);
            for (lodger, _) in of.iter().zip(outcomes).filter(|(_, outcome)| *outcome == SaveOutcome::Stale) {
                lodger.note(Note::Fenced);
            }
        }
    }

    /// Answers edges and siblings.
    async fn serve(self: Rc<Self>) {
        let Ok(listener) = TcpListener::bind(("0.0.0.0", PORT)).await else {
            return held(&self.board).finds(format!("{} cannot listen", self.name));
        };
        while let Ok((stream, _)) = listener.accept().await {
            let node = Rc::clone(&self);
            spawn_local(async move {
                let gone = node.gone.clone();
                tokio::select! {
                    biased;
                    () = gone.cancelled() => {}
                    // a connection that broke is opened anew by who needs it
                    _ = node.hear(stream) => {}
                }
            });
        }
    }

    async fn hear(self: &Rc<Self>, mut stream: TcpStream) -> std::io::Result<()> {
        let edge_name = match timeout(SILENCE, read(&mut stream)).await?? {
            ToNode::Hello(name) => name,
            ToNode::Sibling(request) => return write(&mut stream, &self.answers(request)).await,
            _ => return Ok(()),
        };
        let (mut from, mut to) = stream.into_split();
        let (sender, mut queue) = mpsc::channel(QUEUE);
        self.streams.set(self.streams.get() + 1);
        let edge = Edge { id: self.streams.get(), sender, close: CancellationToken::new() };
        let writing = spawn_local(async move {
            let mut every = interval(HEARTBEAT);
            loop {
                let message = tokio::select! {
                    biased;
                    message = queue.recv() => match message {
                        Some(message) => message,
                        None => return,
                    },
                    _ = every.tick() => ToEdge::Alive,
                };
                if write(&mut to, &message).await.is_err() {
                    return;
                }
            }
        });
        let reading = async {
            while let Ok(Ok(message)) = timeout(SILENCE, read(&mut from)).await {
                self.on_message(&edge, &edge_name, message);
            }
        };
        tokio::select! {
            biased;
            () = edge.close.cancelled() => {}
            () = reading => {}
        }
        writing.abort();
        let its: Vec<_> = self.lodgers.borrow().values().filter(|l| l.edge.id == edge.id).cloned().collect();
        its.iter().for_each(|lodger| lodger.note(Note::EdgeGone));
        Ok(())
    }

    fn on_message(self: &Rc<Self>, edge: &Edge, by: &ProcessName, message: ToNode) {
        match message {
            ToNode::Hello(_) | ToNode::Alive | ToNode::Sibling(_) => {}
            ToNode::Attach(attach) => lodger::begin(self, edge, attach),
            ToNode::Command { session, wanted } => {
                let lodger = self.lodgers.borrow().get(&session).cloned();
                if let Some(lodger) = lodger {
                    lodger.obeys(self, wanted);
                }
            }
            ToNode::Detach { session } => {
                let lodger = self.lodgers.borrow().get(&session).cloned();
                // its task may end in this moment: then what is asked is done
                lodger.iter().for_each(|lodger| lodger.note(Note::Detach));
            }
            ToNode::Unreachable { node, run } if node != self.name => {
                if self.looking.borrow_mut().insert(node.clone()) {
                    held(&self.board).note(&self.name, format_args!("is told by {by} to look for {node}"));
                    spawn_local(Rc::clone(self).looks_for(node, run, by.clone()));
                }
            }
            ToNode::Unreachable { .. } => {}
        }
    }

    /// Looks whether a node is there, and takes it off the list of members when it is not.
    async fn looks_for(self: Rc<Self>, suspect: ProcessName, run: Incarnation, by: ProcessName) {
        let ping = ToNode::Sibling(sibling::Request::Ping { unreached_by: by });
        let pinged = net::ask_within::<_, sibling::Reply>(suspect.as_str(), &ping, ANSWER).await;
        let is_it = |member: &Member| member.name == suspect && member.incarnation == run;
        if pinged.is_err() && self.cluster.view().members.iter().any(is_it) {
            held(&self.board).note(&self.name, format_args!("finds that {suspect} is not there"));
            let leave = LeaveMember { name: suspect.clone(), incarnation: run };
            // when it cannot be ended its lease ends by itself
            let _ = self.store.leave_member(leave).await;
        }
        self.looking.borrow_mut().remove(&suspect);
    }

    /// Tells a session of its player.
    pub fn tells(&self, lodger: &Lodger, event: Event) {
        lodger.edge.tell(lodger.id, Told::Event(lodger.epoch.get(), event));
    }
}
