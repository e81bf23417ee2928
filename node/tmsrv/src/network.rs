//! Streams of edges.

use crate::balance;
use crate::edges::Edge;
use crate::host::Order;
use crate::neighbours;
use crate::node::Node;
use crate::parking;
use crate::populations;
use crate::roaming;
use crate::session::{self, Note};
use crate::suspects;
use async_trait::async_trait;
use link::{Peer, Receiver, Service, Stream};
use model::SessionId;
use model::calls::node::{ToEdge, ToNode};
use model::calls::sibling;
use placement::NodeCosts;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use world::Input;

/// How long an edge may take to say who it is.
const HELLO: Duration = Duration::from_secs(5);

/// The service of the node's link: streams of edges, calls of other nodes.
pub(crate) struct Streams {
    node: Arc<Node>,
}

impl Streams {
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self { node }
    }

    async fn listen(&self, edge: &Edge, incoming: &mut Receiver<ToNode>) {
        loop {
            let message = tokio::select! {
                () = edge.close.cancelled() => return,
                message = incoming.recv() => message,
            };
            match message {
                None => return,
                Some(ToNode::Hello(_)) => {
                    tracing::warn!(edge = %edge.name, "an edge said hello twice, closing its stream");
                    return;
                }
                Some(ToNode::Attach(attach)) => session::begin(&self.node, edge, attach),
                Some(ToNode::Command { session, command }) => {
                    self.command(edge, session, Input::Command { session, command }).await;
                }
                Some(ToNode::Detach { session }) => self.detach(edge, session),
                Some(ToNode::Park { session }) => parking::park(&self.node, edge, session).await,
                Some(ToNode::Adopt { session }) => parking::adopt(&self.node, edge, session).await,
                Some(ToNode::Unreachable { node, run }) => {
                    suspects::reported(&self.node, &edge.name, node, run);
                }
            }
        }
    }

    async fn command(&self, edge: &Edge, id: SessionId, input: Input) {
        let session = self.node.sessions.get(id).filter(|session| session.home.is_at(edge.id));
        let zone = session.as_ref().and_then(|session| *session.place.lock());
        match zone {
            Some(zone) => {
                self.node.metrics.commands.inc();
                self.node.order(zone, Order::Input(zone, input)).await;
            }
            None => {
                session.iter().for_each(|session| session.misses());
                self.node.metrics.commands_dropped.inc();
            }
        }
    }

    fn detach(&self, edge: &Edge, id: SessionId) {
        let session = self.node.sessions.get(id).filter(|session| session.home.is_at(edge.id));
        if !session.is_some_and(|session| session.note(Note::Detach)) {
            // it is not here: whatever it was, it is saved and released
            edge.send(&ToEdge::Detached { session: id });
        }
    }
}

#[async_trait]
impl Service for Streams {
    type Request = sibling::Request;
    type Reply = sibling::Reply;
    type In = ToNode;
    type Out = ToEdge;

    async fn call(&self, _peer: &Peer, request: sibling::Request) -> sibling::Reply {
        match request {
            sibling::Request::Keep(states) => {
                self.node.journal.kept.keep(states, tokio::time::Instant::now())
            }
            sibling::Request::Ping { unreached_by } => {
                self.node.suspects.note(&self.node.name, &unreached_by, tokio::time::Instant::now());
                sibling::Reply::Alive
            }
            sibling::Request::Costs => {
                let NodeCosts { threads, zones } = balance::own(&self.node);
                sibling::Reply::Costs { threads, zones: zones.into_iter().collect() }
            }
            sibling::Request::Come { from, from_epoch, to, creature } => {
                roaming::come(&self.node, (from, from_epoch), to, *creature).await
            }
            sibling::Request::Guests { from, from_epoch, home, guests } => {
                roaming::hear(&self.node, (from, from_epoch), home, guests).await
            }
            sibling::Request::Populations { scopes } => populations::tell(&self.node, scopes).await,
            sibling::Request::Recall(character) => {
                sibling::Reply::Recalled(self.node.journal.kept.recall(character))
            }
            sibling::Request::Sights { sights, .. } if sights.len() > sibling::SIGHTS_MAX => {
                sibling::Reply::Refused
            }
            sibling::Request::Sights { from, run, number, sights } => {
                neighbours::hear(&self.node, from, run, number, sights).await
            }
        }
    }

    async fn stream(&self, peer: Peer, stream: Stream<ToNode, ToEdge>) {
        let (sender, mut incoming) = stream.split();
        match tokio::time::timeout(HELLO, incoming.recv()).await {
            Ok(Some(ToNode::Hello(hello))) if hello.edge == peer.name => {}
            _ => {
                tracing::warn!(peer = %peer.name, "a stream did not begin with its own name, closing it");
                return;
            }
        }
        let close = CancellationToken::new();
        let id = self.node.edge_id();
        let edge = Edge::new(id, peer.name, sender, close, self.node.metrics.clone());
        tracing::info!(edge = %edge.name, "an edge connected");
        self.node.metrics.edges.inc();
        self.listen(&edge, &mut incoming).await;
        edge.close.cancel();
        self.node.sessions.edge_gone(id);
        self.node.metrics.edges.dec();
        tracing::info!(edge = %edge.name, "an edge is gone");
    }
}
