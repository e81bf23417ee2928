//! An edge: the production code of membership, and a model of the edge's streams to nodes.
//!
//! It follows `router/edge/src/nodes.rs`; what it does with what comes is in [`super::session`]. The clients' connections are not
//! simulated: players live in the edge, which therefore never dies.

use super::DBSRVS;
use super::board::SharedBoard;
use super::session::{self, FromNode, Player};
use super::talk::{HEARTBEAT, QUEUE, SILENCE, ToEdge, ToNode};
use crate::held;
use crate::market::store::Remote;
use crate::net::{PORT, read, write};
use ::cluster::Cluster;
use ::store::Store;
use model::id::{Incarnation, SessionId};
use model::membership::{ProcessName, Role};
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
use tokio::time::{Instant, interval, sleep, timeout};
use turmoil::net::TcpStream;

/// Pause before a stream is opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(100);
/// Silence of a node that is suspicious: three signs of life are missing.
const SILENT: Duration = Duration::from_millis(600);
/// How often the streams are looked at.
const WATCH_EVERY: Duration = Duration::from_millis(50);
/// How often the others are told of a node that is not reached.
const TELL_EVERY: Duration = Duration::from_millis(250);
/// How long the first stream to a new run may take.
const OPENING: Duration = Duration::from_secs(2);

/// An open stream to a node.
pub struct Stream {
    /// Which of the edge's.
    pub id: u64,
    /// To whom.
    pub node: ProcessName,
    sender: mpsc::Sender<ToNode>,
    lost: Cell<bool>,
    heard: Cell<Instant>,
}

impl Stream {
    /// Queues a message; false when it is lost.
    pub fn send(&self, message: ToNode) -> bool {
        !self.lost.get() && self.sender.try_send(message).is_ok()
    }

    /// True while nothing arrives on it although it is open.
    pub fn is_suspect(&self) -> bool {
        self.heard.get().elapsed() > SILENT
    }
}

/// See the module.
pub struct Edge {
    /// Its name, and that of its host.
    pub name: ProcessName,
    /// What everybody notes.
    pub board: SharedBoard,
    /// Its view of the others.
    pub cluster: Cluster,
    streams: RefCell<BTreeMap<ProcessName, Rc<Stream>>>,
    inboxes: RefCell<BTreeMap<SessionId, mpsc::Sender<(u64, FromNode)>>>,
    last_id: Cell<u64>,
}

/// Runs an edge with its players.
pub async fn run(
    name: ProcessName,
    index: u16,
    board: SharedBoard,
    data: PathBuf,
    players: Vec<Player>,
) -> turmoil::Result {
    std::fs::create_dir_all(data.join("map"))?;
    let run = Incarnation(held(&board).number());
    let process = Process::simulated(name.clone(), Role::Edge, run, data);
    let store: Arc<dyn Store> = Arc::new(Remote::new(DBSRVS, index));
    let nowhere = SocketAddr::from(([127, 0, 0, 1], PORT));
    let cluster = Cluster::join(&process, store, process.member(nowhere, nowhere)).await;
    let edge = Rc::new(Edge {
        name,
        board,
        cluster,
        streams: RefCell::default(),
        inboxes: RefCell::default(),
        last_id: Cell::new(0),
    });
    spawn_local(Rc::clone(&edge).watches());
    for player in players {
        let (sender, inbox) = mpsc::channel(QUEUE);
        edge.inboxes.borrow_mut().insert(player.id, sender);
        spawn_local(session::live(Rc::clone(&edge), player, inbox));
    }
    edge.keeps_streams().await;
    Ok(())
}

impl Edge {
    /// The stream to a node, when it is open.
    pub fn stream(&self, node: &ProcessName) -> Option<Rc<Stream>> {
        self.streams.borrow().get(node).cloned()
    }

    /// One keeper for each node that was ever seen.
    async fn keeps_streams(self: Rc<Self>) {
        let mut views = self.cluster.watch();
        let mut kept = BTreeSet::new();
        loop {
            let view = Arc::clone(&views.borrow_and_update());
            held(&self.board).believes(&self.name, &view);
            for member in view.members_of(Role::TmSrv) {
                if kept.insert(member.name.clone()) {
                    spawn_local(Rc::clone(&self).keeps(member.name.clone()));
                }
            }
            self.passes_all(0, &FromNode::ViewChanged);
            if views.changed().await.is_err() {
                return;
            }
        }
    }

    /// Opens the stream to a node again and again while it is a member; one that is open stays.
    async fn keeps(self: Rc<Self>, node: ProcessName) {
        loop {
            let is_member = self.cluster.view().members.iter().any(|member| member.name == node);
            if is_member
                && let Ok(Ok(stream)) = timeout(SILENCE, TcpStream::connect((node.as_str(), PORT))).await
            {
                self.runs(&node, stream).await;
            }
            sleep(REOPEN_AFTER).await;
        }
    }

    async fn runs(&self, node: &ProcessName, stream: TcpStream) {
        let (mut from, mut to) = stream.into_split();
        let (sender, mut queue) = mpsc::channel(QUEUE);
        self.last_id.set(self.last_id.get() + 1);
        let open = Rc::new(Stream {
            id: self.last_id.get(),
            node: node.clone(),
            sender,
            lost: Cell::new(false),
            heard: Cell::new(Instant::now()),
        });
        let hello = ToNode::Hello(self.name.clone());
        let writing = spawn_local(async move {
            let mut every = interval(HEARTBEAT);
            if write(&mut to, &hello).await.is_err() {
                return;
            }
            loop {
                let message = tokio::select! {
                    biased;
                    message = queue.recv() => match message {
                        Some(message) => message,
                        None => return,
                    },
                    _ = every.tick() => ToNode::Alive,
                };
                if write(&mut to, &message).await.is_err() {
                    return;
                }
            }
        });
        held(&self.board).note(&self.name, format_args!("opens stream {} to {node}", open.id));
        self.streams.borrow_mut().insert(node.clone(), Rc::clone(&open));
        while let Ok(Ok(message)) = timeout(SILENCE, read(&mut from)).await {
            open.heard.set(Instant::now());
            if let ToEdge::Of(session, told) = message {
                self.passes(session, open.id, FromNode::Said(told));
            }
        }
        open.lost.set(true);
        writing.abort();
        self.streams.borrow_mut().remove(node);
        held(&self.board).note(&self.name, format_args!("loses stream {} to {node}", open.id));
        self.passes_all(open.id, &FromNode::StreamLost);
    }

    /// One after the other: who waits for a view by itself is woken in any order, and a seed would give other bytes.
    fn passes_all(&self, stream: u64, message: &FromNode) {
        let sessions: Vec<SessionId> = self.inboxes.borrow().keys().copied().collect();
        sessions.into_iter().for_each(|session| self.passes(session, stream, message.clone()));
    }

    fn passes(&self, session: SessionId, stream: u64, message: FromNode) {
        let inboxes = self.inboxes.borrow();
        let is_full = inboxes.get(&session).is_some_and(|inbox| inbox.try_send((stream, message)).is_err());
        drop(inboxes);
        if is_full {
            held(&self.board)
                .finds(format!("{session:?} does not look at what it is told, expected that it lives"));
        }
    }

    /// Tells all nodes that are reached of those that are not.
    async fn watches(self: Rc<Self>) {
        let mut every = interval(WATCH_EVERY);
        let mut absent: BTreeMap<(ProcessName, Incarnation), (Instant, bool, Option<Instant>)> =
            BTreeMap::new();
        loop {
            every.tick().await;
            let (view, now) = (self.cluster.view(), Instant::now());
            let key = |member: &model::membership::Member| (member.name.clone(), member.incarnation);
            let runs: BTreeSet<_> = view.members_of(Role::TmSrv).map(key).collect();
            absent.retain(|run, _| runs.contains(run));
            for run in runs {
                let (since, was_open, told) = absent.entry(run.clone()).or_insert((now, false, None));
                if self.stream(&run.0).is_some_and(|stream| !stream.is_suspect()) {
                    (*since, *was_open, *told) = (now, true, None);
                    continue;
                }
                let patience = if *was_open { Duration::ZERO } else { OPENING };
                let is_due = told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY);
                if now.duration_since(*since) >= patience && is_due {
                    *told = Some(now);
                    let message = ToNode::Unreachable { node: run.0.clone(), run: run.1 };
                    let streams = self.streams.borrow();
                    for stream in streams.values().filter(|s| s.node != run.0 && !s.is_suspect()) {
                        // a stream that is full or closed is not the way to be heard; the others are
                        stream.send(message.clone());
                    }
                }
            }
        }
    }
}
