//! One stream to each game node, kept open, and what comes from it handed to the sessions.
//!
//! | task | on cancel | on failure |
//! |---|---|---|
//! | manager: one keeper per node in the view | its keepers end with it | - |
//! | keeper of a node | closes the stream | opens it again after a pause, while the node is in the view |
//! | watch | ends | - |
//!
//! A node whose stream is silent, gone or cannot be opened is a suspect: all other nodes are told, and find out what is true.

use crate::sessions::{FromNode, Handover, StreamId, ToSession};
use crate::shared::Shared;
use cluster::View;
use link::{Receiver, Sender, Target, TrySendError};
use model::Incarnation;
use model::calls::node::{Hello, ToEdge, ToNode};
use model::membership::{Member, ProcessName, Role};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Pause before a stream is opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(100);

/// How often the streams are looked at.
const WATCH_EVERY: Duration = Duration::from_millis(50);
/// Silence of a node that is suspicious: three signs of life are missing.
const SILENT: Duration = Duration::from_millis(600);
/// How long the first stream to a new run may take.
const OPENING: Duration = Duration::from_secs(2);
/// How long a new edge may take to reach all nodes.
const REACHED: Duration = Duration::from_secs(20);
/// How often the others are told of a node that is not reached.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// An open stream to a node.
pub(crate) struct NodeStream {
    pub(crate) id: StreamId,
    pub(crate) node: ProcessName,
    sender: Sender<ToNode>,
    lost: AtomicBool,
    suspect: AtomicBool,
}

impl NodeStream {
    /// Queues a message without waiting.
    pub(crate) fn try_send(&self, message: &ToNode) -> Result<(), TrySendError> {
        if self.is_lost() {
            return Err(TrySendError::Closed);
        }
        self.sender.try_send(message)
    }

    /// True while nothing arrives on it although it is open.
    pub(crate) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    /// True when the stream is gone. Asked after listening to it, so that its end is never missed.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

/// All open streams.
#[derive(Default)]
pub(crate) struct Nodes {
    open: RwLock<HashMap<ProcessName, Arc<NodeStream>>>,
    last_id: AtomicU64,
}

impl Nodes {
    /// The stream to a node, when it is open.
    pub(crate) fn stream(&self, node: &ProcessName) -> Option<Arc<NodeStream>> {
        self.open.read().get(node).cloned()
    }

    /// Tells all nodes that are reached of one that is not.
    fn tell_others(&self, node: &ProcessName, run: Incarnation) {
        let told = ToNode::Unreachable { node: node.clone(), run };
        for stream in self.open.read().values().filter(|stream| stream.node != *node && !stream.is_suspect())
        {
            // a stream that is full or closed is not the way to be heard; the others are
            let _ = stream.try_send(&told);
        }
    }

    fn is_ready(&self, view: &View) -> bool {
        let open = self.open.read();
        !open.is_empty()
            && view.is_complete()
            && view.members_of(Role::TmSrv).all(|member| open.contains_key(&member.name))
    }
}

/// How long an edge has not reached a run of a node.
struct Absence {
    run: Incarnation,
    /// A stream to this run was open.
    was_open: bool,
    since: Instant,
    told: Option<Instant>,
}

/// Looks after the streams, and tells all other nodes of one that is not reached.
pub(crate) async fn watch(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(WATCH_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut absences: HashMap<ProcessName, Absence> = HashMap::new();
    loop {
        tokio::select! {
            () = shared.gone.cancelled() => return,
            _ = every.tick() => {}
            () = shared.stream_lost.notified() => {}
        }
        let (view, now) = (shared.view.borrow().clone(), Instant::now());
        let members: Vec<&Member> = view.members_of(Role::TmSrv).collect();
        absences.retain(|name, _| members.iter().any(|member| member.name == *name));
        for member in members {
            let stream = shared.nodes.stream(&member.name);
            let absence = absences
                .entry(member.name.clone())
                .and_modify(|known| {
                    if known.run != member.incarnation {
                        *known = Absence { run: member.incarnation, was_open: false, since: now, told: None };
                    }
                })
                .or_insert(Absence { run: member.incarnation, was_open: false, since: now, told: None });
            let silent = stream.as_ref().is_some_and(|stream| stream.sender.silent_for() > SILENT);
            if let Some(stream) = &stream {
                stream.suspect.store(silent, Ordering::Relaxed);
                if !silent {
                    (absence.was_open, absence.since, absence.told) = (true, now, None);
                    continue;
                }
            }
            // a stream that was open and is gone says enough; a run that has just joined is given time
            let patience = if absence.was_open { Duration::ZERO } else { OPENING };
            let is_due = absence.told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY);
            if now.duration_since(absence.since) >= patience && is_due {
                absence.told = Some(now);
                shared.nodes.tell_others(&member.name, member.incarnation);
            }
        }
    }
}

/// Waits until the streams to all nodes of the view are open; what it waited for when that takes too long.
pub(crate) async fn reached(shared: &Shared) -> Result<(), &'static str> {
    let mut every = tokio::time::interval(WATCH_EVERY);
    let reached = async {
        loop {
            every.tick().await;
            let view = shared.view.borrow().clone();
            if shared.nodes.is_ready(&view) {
                return;
            }
        }
    };
    tokio::time::timeout(REACHED, reached).await.map_err(|_| "reaching all nodes")
}

/// Starts and ends keepers as nodes come and go.
pub(crate) async fn manage(shared: Arc<Shared>) {
    let mut view = shared.view.clone();
    let mut keepers: HashMap<ProcessName, watch::Sender<Option<Target>>> = HashMap::new();
    shared.health.ready("nodes", false);
    loop {
        let now = view.borrow_and_update().clone();
        for (name, target) in &keepers {
            if !now.members_of(Role::TmSrv).any(|member| member.name == *name) {
                // an open stream stays: the node may only be late with its lease
                target.send_if_modified(|old| old.take().is_some());
            }
        }
        for member in now.members_of(Role::TmSrv) {
            let target = Some(Target { name: member.name.clone(), address: member.link });
            match keepers.get(&member.name) {
                Some(keeper) => {
                    keeper.send_if_modified(|old| std::mem::replace(old, target.clone()) != target);
                }
                None => {
                    let (sender, receiver) = watch::channel(target);
                    keepers.insert(member.name.clone(), sender);
                    let keeper = keep_node(Arc::clone(&shared), member.name.clone(), receiver);
                    shared.tasks.spawn("node-stream", keeper);
                }
            }
        }
        shared.health.ready("nodes", shared.nodes.is_ready(&now));
        tokio::select! {
            () = shared.gone.cancelled() => return,
            changed = view.changed() => if changed.is_err() { return },
            () = shared.nodes_changed.notified() => {}
        }
    }
}

async fn keep_node(shared: Arc<Shared>, node: ProcessName, mut target: watch::Receiver<Option<Target>>) {
    loop {
        let now = target.borrow_and_update().clone();
        match now {
            None => tokio::select! {
                () = shared.gone.cancelled() => return,
                changed = target.changed() => if changed.is_err() { return },
            },
            Some(now) => {
                tokio::select! {
                    () = shared.gone.cancelled() => return,
                    () = run_stream(&shared, &now) => {}
                }
                tokio::time::sleep(REOPEN_AFTER).await;
            }
        }
        if shared.gone.is_cancelled() {
            tracing::debug!(%node, "keeper ends");
            return;
        }
    }
}

async fn run_stream(shared: &Shared, target: &Target) {
    let opened = link::open_stream::<ToEdge, ToNode>(&shared.credentials, target).await;
    let stream = match opened {
        Ok(stream) => stream,
        Err(error) => {
            tracing::debug!(%error, node = %target.name, "no stream to the node");
            return;
        }
    };
    let (sender, receiver) = stream.split();
    if sender.send(&ToNode::Hello(Hello { edge: shared.name.clone() })).await.is_err() {
        return;
    }
    let id = StreamId(shared.nodes.last_id.fetch_add(1, Ordering::SeqCst) + 1);
    let open = OpenStream {
        shared,
        stream: Arc::new(NodeStream {
            id,
            node: target.name.clone(),
            sender,
            lost: AtomicBool::new(false),
            suspect: AtomicBool::new(false),
        }),
    };
    shared.nodes.open.write().insert(target.name.clone(), Arc::clone(&open.stream));
    shared.metrics.nodes.inc();
    shared.nodes_changed.notify_one();
    tracing::info!(node = %target.name, "stream to the node is open");
    read(shared, id, receiver).await;
    tracing::warn!(node = %target.name, "lost the stream to the node");
}

/// Takes a stream off the list when its reader ends, however it ends.
struct OpenStream<'a> {
    shared: &'a Shared,
    stream: Arc<NodeStream>,
}

impl Drop for OpenStream<'_> {
    fn drop(&mut self) {
        self.stream.lost.store(true, Ordering::SeqCst);
        self.shared.nodes.open.write().remove(&self.stream.node);
        self.shared.metrics.nodes.dec();
        self.shared.nodes_changed.notify_one();
        self.shared.stream_lost.notify_one();
        self.shared.sessions.stream_lost(self.stream.id, &self.shared.metrics);
    }
}

async fn read(shared: &Shared, id: StreamId, mut receiver: Receiver<ToEdge>) {
    while let Some(message) = receiver.recv().await {
        let (session, from_node) = match message {
            ToEdge::Events(events) => {
                for addressed in events {
                    let event = Arc::new(addressed.event);
                    shared.sessions.send_event(&addressed.to, id, &event, &shared.metrics);
                }
                continue;
            }
            ToEdge::NoticeAll(notice) => {
                shared.sessions.notice_all(notice, &shared.metrics);
                continue;
            }
            ToEdge::AttachRefused { session, refusal } => (session, FromNode::Refused(refusal)),
            ToEdge::Handover { session, transfer, zone, tile, on_foot, held_ms, obeyed } => {
                (session, FromNode::Handover(Handover { transfer, zone, tile, on_foot, held_ms, obeyed }))
            }
            ToEdge::Detached { session } => (session, FromNode::Detached),
            ToEdge::Parked { session } => (session, FromNode::Parked),
            ToEdge::Dropped { session, reason, obeyed } => (session, FromNode::Dropped(reason, obeyed)),
        };
        shared.sessions.send(session, ToSession::Node(id, from_node), &shared.metrics);
    }
}
