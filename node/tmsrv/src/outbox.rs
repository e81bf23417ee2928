//! Events of a tick, sorted by edge.

use crate::edges::{Edge, EdgeId};
use crate::parking;
use crate::session::Session;
use model::calls::node::ToEdge;
use model::{Addressed, SessionId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use world::Effects;

/// What one game thread has to say to each edge at the end of a tick.
#[derive(Default)]
pub(crate) struct Outbox {
    /// Where a session is told.
    homes: HashMap<SessionId, Home>,
    /// Events of this tick; the vectors are used again.
    batches: BTreeMap<EdgeId, (Edge, Vec<Addressed>)>,
    parts: Vec<(EdgeId, Vec<SessionId>)>,
}

enum Home {
    /// With all other sessions of that edge.
    Edge(Edge),
    /// Alone: its edge gives it away.
    Parked(Arc<Session>),
}

impl Outbox {
    /// A session is at an edge now.
    pub(crate) fn enter(&mut self, session: SessionId, edge: Edge) {
        self.homes.insert(session, Home::Edge(edge));
    }

    /// A session of an edge is parked, and its edge hears that it is.
    pub(crate) fn park(&mut self, session: Arc<Session>) {
        if let Some(home) = self.homes.get_mut(&session.id) {
            session.home.park(session.id);
            *home = Home::Parked(session);
        }
    }

    /// A parked session is at an edge now, or what waited for it is, when it is here no more.
    pub(crate) fn adopt(&mut self, session: &Session, edge: Edge) {
        parking::give(session, edge.clone());
        if let Some(home @ Home::Parked(_)) = self.homes.get_mut(&session.id) {
            *home = Home::Edge(edge);
        }
    }

    /// A session is here no more.
    pub(crate) fn leave(&mut self, session: SessionId) {
        self.homes.remove(&session);
    }

    /// Sends the events of a tick: one message an edge. Returns how many events went out.
    pub(crate) fn flush(&mut self, fx: &mut Effects) -> u64 {
        let mut events = std::mem::take(&mut fx.events);
        for addressed in events.drain(..) {
            self.sort_in(addressed, fx);
        }
        fx.events = events;
        let mut sent = 0;
        self.batches.retain(|_, (edge, batch)| {
            if batch.is_empty() {
                // an edge that had nothing to hear for a whole tick may be gone
                return !edge.close.is_cancelled();
            }
            sent += batch.len() as u64;
            let message = ToEdge::Events(std::mem::take(batch));
            edge.send(&message);
            if let ToEdge::Events(mut told) = message {
                told.drain(..).for_each(|addressed| fx.recycle(addressed.to));
                *batch = told;
            }
            true
        });
        sent
    }

    fn sort_in(&mut self, addressed: Addressed, fx: &mut Effects) {
        let Addressed { to, event } = addressed;
        for session in &to {
            let edge = match self.homes.get(session) {
                None => continue,
                Some(Home::Parked(parked)) => {
                    let told = Addressed { to: vec![*session], event: event.clone() };
                    parked.home.tell(ToEdge::Events(vec![told]));
                    continue;
                }
                Some(Home::Edge(edge)) => edge,
            };
            match self.parts.iter_mut().find(|(id, _)| *id == edge.id) {
                Some((_, part)) => part.push(*session),
                None => {
                    let mut part = fx.audience();
                    part.push(*session);
                    self.parts.push((edge.id, part));
                    self.batches.entry(edge.id).or_insert_with(|| (edge.clone(), Vec::new()));
                }
            }
        }
        fx.recycle(to);
        let last = self.parts.pop();
        for (id, part) in self.parts.drain(..) {
            if let Some((_, batch)) = self.batches.get_mut(&id) {
                batch.push(Addressed { to: part, event: event.clone() });
            }
        }
        if let Some((id, part)) = last
            && let Some((_, batch)) = self.batches.get_mut(&id)
        {
            batch.push(Addressed { to: part, event });
        }
    }
}
