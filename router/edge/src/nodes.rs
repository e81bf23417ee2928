//! One stream to each game node, kept open, and what comes from it handed to the sessions.
//!
//! | task | on cancel | on failure |
//! |---|---|---|
//! | manager: one keeper per node in the view | its keepers end with it | - |
//! | keeper of a node | closes the stream | opens it again after a pause, while the node is in the view |

use crate::sessions::{FromNode, StreamId, ToSession};
use crate::shared::Shared;
use cluster::View;
use link::{Receiver, Sender, Target, TrySendError};
use model::calls::node::{Hello, ToEdge, ToNode};
use model::membership::{ProcessName, Role};
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Pause before a stream is opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(100);

/// An open stream to a node.
pub(crate) struct NodeStream {
    pub(crate) id: StreamId,
    pub(crate) node: ProcessName,
    sender: Sender<ToNode>,
    lost: AtomicBool,
}

impl NodeStream {
    /// Queues a message without waiting.
    pub(crate) fn try_send(&self, message: &ToNode) -> Result<(), TrySendError> {
        if self.is_lost() {
            return Err(TrySendError::Closed);
        }
        self.sender.try_send(message)
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

    fn is_ready(&self, view: &View) -> bool {
        let open = self.open.read();
        !open.is_empty()
            && view.is_complete()
            && view.members_of(Role::TmSrv).all(|member| open.contains_key(&member.name))
    }
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
        stream: Arc::new(NodeStream { id, node: target.name.clone(), sender, lost: AtomicBool::new(false) }),
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
            ToEdge::Handover { session, transfer, zone, tile } => {
                (session, FromNode::Handover { transfer, zone, tile })
            }
            ToEdge::Detached { session } => (session, FromNode::Detached),
            ToEdge::Dropped { session, reason } => (session, FromNode::Dropped(reason)),
        };
        shared.sessions.send(session, ToSession::Node(id, from_node), &shared.metrics);
    }
}
