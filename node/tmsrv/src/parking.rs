//! Sessions between two edges: an edge that stops gives its connections to its successor, and the players stay in the
//! world. What there is to tell them meanwhile waits here, in order.
//!
//! | when | what happens |
//! |---|---|
//! | the edge parks a session | what was told before goes out, then `Parked`, then nothing more |
//! | an edge adopts it, the same or another | it is told what waited, and then what happens |
//! | nobody adopts it within [`PARKED_FOR`] | its stream counts as gone: it is saved and released |
//! | more than [`KEPT_MAX`] messages wait | who adopts it is told to attach it anew |

use crate::edges::{Edge, EdgeId};
use crate::host::Order;
use crate::node::Node;
use crate::session::{Note, Session};
use model::SessionId;
use model::calls::node::{DropReason, ToEdge};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a parked session is waited for.
const PARKED_FOR: Duration = Duration::from_secs(10);
/// Messages that wait for one parked session; a player in a crowd is told some hundreds a second.
const KEPT_MAX: usize = 8_192;

/// Where a session is told what happens.
pub(crate) struct Home {
    state: Mutex<State>,
}

struct State {
    edge: Edge,
    /// What waits, while it is parked.
    kept: Option<Vec<ToEdge>>,
    /// The edge that adopts it, until its game thread has given it what waits.
    next: Option<EdgeId>,
}

impl Home {
    /// At the edge that attached it.
    pub(crate) fn at(edge: Edge) -> Self {
        Self { state: Mutex::new(State { edge, kept: None, next: None }) }
    }

    /// The edge that has it, or had it last.
    pub(crate) fn edge(&self) -> Edge {
        self.state.lock().edge.clone()
    }

    /// True when this edge speaks for it.
    pub(crate) fn is_at(&self, edge: EdgeId) -> bool {
        let state = self.state.lock();
        state.next == Some(edge) || (state.kept.is_none() && state.edge.id == edge)
    }

    /// This edge speaks for it from here on.
    fn expect(&self, edge: EdgeId) {
        self.state.lock().next = Some(edge);
    }

    /// Tells its edge something, or keeps it for the next one.
    pub(crate) fn tell(&self, message: ToEdge) {
        let mut state = self.state.lock();
        match &mut state.kept {
            None => state.edge.send(&message),
            Some(kept) if kept.len() < KEPT_MAX => kept.push(message),
            Some(_) => {}
        }
    }

    /// Keeps something for the next edge, whatever waits already.
    pub(crate) fn tell_if_parked(&self, message: ToEdge) {
        if let Some(kept) = &mut self.state.lock().kept {
            kept.push(message);
        }
    }

    /// Tells nothing more; the edge hears it.
    pub(crate) fn park(&self, session: SessionId) {
        let mut state = self.state.lock();
        if state.kept.is_none() {
            state.edge.send(&ToEdge::Parked { session });
            state.kept = Some(Vec::new());
        }
    }

    /// Tells another edge from here on, and first what waited; false when too much did, and some of it is lost.
    fn adopt(&self, edge: Edge) -> bool {
        let mut state = self.state.lock();
        let kept = state.kept.take().unwrap_or_default();
        kept.iter().for_each(|message| edge.send(message));
        state.next = None;
        state.edge = edge;
        kept.len() < KEPT_MAX
    }
}

/// The parked sessions of a node, those that have ended meanwhile among them.
#[derive(Default)]
pub(crate) struct Parked {
    sessions: Mutex<HashMap<SessionId, (Instant, Arc<Session>)>>,
}

/// What is said of a session that is not here: its edge looks for its player anew.
pub(crate) fn gone(session: SessionId) -> ToEdge {
    ToEdge::Dropped { session, reason: DropReason::ZoneGone, obeyed: None }
}

/// Parks a session that this edge has. One that is on its way out of its zone is not parked: its edge is told where it
/// goes, as always.
pub(crate) async fn park(node: &Arc<Node>, edge: &Edge, id: SessionId) {
    let Some(session) = node.sessions.get(id).filter(|session| session.home.is_at(edge.id)) else {
        return edge.send(&gone(id));
    };
    let Some(zone) = *session.place.lock() else { return };
    let since = Instant::now();
    node.parked.sessions.lock().insert(id, (since, Arc::clone(&session)));
    node.order(zone, Order::Park(zone, Arc::clone(&session))).await;
    let waiting = Arc::clone(node);
    node.spawn("parked", async move {
        tokio::select! {
            () = waiting.closing.cancelled() => {}
            () = tokio::time::sleep(PARKED_FOR) => {}
        }
        let mut parked = waiting.parked.sessions.lock();
        if parked.get(&id).is_some_and(|(at, present)| *at == since && Arc::ptr_eq(present, &session)) {
            parked.remove(&id);
            if session.note(Note::EdgeGone) {
                tracing::warn!(session = %id, "nobody adopted a parked session");
            }
        }
    });
}

/// Gives a parked session to an edge.
pub(crate) async fn adopt(node: &Arc<Node>, edge: &Edge, id: SessionId) {
    let Some((_, session)) = node.parked.sessions.lock().remove(&id) else {
        return edge.send(&gone(id));
    };
    session.home.expect(edge.id);
    let zone = *session.place.lock();
    match zone {
        // by its game thread, which may not have parked it yet
        Some(zone) => node.order(zone, Order::Adopt(session, edge.clone())).await,
        None => give(&session, edge.clone()),
    }
}

/// Tells an edge what waited for a session, and what happens from here on.
pub(crate) fn give(session: &Session, edge: Edge) {
    if !session.home.adopt(edge) {
        tracing::warn!(session = %session.id, "a parked session has missed something, it begins anew");
        session.note(Note::Outdated);
    }
}
