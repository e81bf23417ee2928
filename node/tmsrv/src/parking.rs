//! Sessions between two edges: an edge that stops gives its connections to its successor, and the players stay in the
//! world. What there is to tell them meanwhile waits here, in order.
//!
//! | when | what happens |
//! |---|---|
//! | the edge parks a session | what was told before goes out, then `Parked`, then nothing more |
//! | an edge adopts it, the same or another | it is told what waited, and then what happens |
//! | nobody adopts it within [`PARKED_FOR`] | its stream counts as gone: it is saved and released |
//! | more than [`KEPT_MAX`] events wait | who adopts it is told to attach it anew |

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
/// Events that wait for one parked session; a player in a crowd is told some hundreds a second. An edge that gets them all
/// at once must have room for them (`connections.events_queued`) and for what happens next.
const KEPT_MAX: usize = 1_024;
/// Events of one message.
const TOGETHER: usize = 256;

/// Where a session is told what happens.
pub(crate) struct Home {
    state: Mutex<State>,
}

struct State {
    edge: Edge,
    /// What waits, while it is parked.
    kept: Option<Kept>,
    /// The edge that adopts it, until its game thread has given it what waits.
    next: Option<EdgeId>,
}

/// What waits for a parked session, in order.
#[derive(Default)]
struct Kept {
    messages: Vec<ToEdge>,
    events: usize,
    /// There was more than it holds.
    missed: bool,
}

impl Kept {
    /// Few long messages instead of many short ones: all of them go into the queue to an edge in one moment.
    fn keep(&mut self, message: ToEdge) {
        let count = match &message {
            ToEdge::Events(events) => events.len(),
            _ => 1,
        };
        if self.missed || self.events + count > KEPT_MAX {
            self.missed = true; // what comes after a gap is of no use
            return;
        }
        self.events += count;
        match (self.messages.last_mut(), message) {
            (Some(ToEdge::Events(last)), ToEdge::Events(more)) if last.len() + count <= TOGETHER => {
                last.extend(more);
            }
            (_, message) => self.messages.push(message),
        }
    }
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
            Some(kept) => kept.keep(message),
        }
    }

    /// Keeps something for the next edge, whatever waits already.
    pub(crate) fn tell_if_parked(&self, message: ToEdge) {
        if let Some(kept) = &mut self.state.lock().kept {
            kept.messages.push(message);
        }
    }

    /// Tells nothing more; the edge hears it.
    pub(crate) fn park(&self, session: SessionId) {
        let mut state = self.state.lock();
        if state.kept.is_none() {
            state.edge.send(&ToEdge::Parked { session });
            state.kept = Some(Kept::default());
        }
    }

    /// Tells another edge from here on, and first what waited; false when too much did, and some of it is lost.
    fn adopt(&self, edge: Edge) -> bool {
        let mut state = self.state.lock();
        let kept = state.kept.take().unwrap_or_default();
        kept.messages.iter().for_each(|message| edge.send(message));
        state.next = None;
        state.edge = edge;
        !kept.missed
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

#[cfg(test)]
mod tests {
    use super::*;
    use model::calls::node::{DropReason, ToEdge};
    use model::event::Event;
    use model::{Addressed, EntityId};

    fn event(number: usize) -> ToEdge {
        let event = Event::Disappeared {
            entity: EntityId(number as u64),
            departure: model::event::Departure::OutOfView,
        };
        ToEdge::Events(vec![Addressed { to: vec![SessionId(1)], event }])
    }

    #[test]
    fn what_waits_is_few_messages_in_order_and_says_when_it_is_not_all() {
        let mut kept = Kept::default();
        (0..300).for_each(|number| kept.keep(event(number)));
        let dropped =
            || ToEdge::Dropped { session: SessionId(1), reason: DropReason::ZoneGone, obeyed: None };
        kept.keep(dropped());
        (300..310).for_each(|number| kept.keep(event(number)));
        let lengths: Vec<usize> = kept
            .messages
            .iter()
            .map(|message| match message {
                ToEdge::Events(events) => events.len(),
                _ => 0,
            })
            .collect();
        assert_eq!(lengths, [TOGETHER, 300 - TOGETHER, 0, 10]);
        let all: Vec<ToEdge> = kept
            .messages
            .iter()
            .flat_map(|message| match message {
                ToEdge::Events(events) => {
                    events.iter().map(|one| ToEdge::Events(vec![one.clone()])).collect()
                }
                other => vec![other.clone()],
            })
            .collect();
        let told = (0..300).map(event).chain([dropped()]).chain((300..310).map(event));
        assert_eq!(all, told.collect::<Vec<_>>());
        assert!(!kept.missed);

        (0..KEPT_MAX).for_each(|number| kept.keep(event(number)));
        assert!(kept.missed);
        assert_eq!(kept.events, KEPT_MAX);
    }
}
