//! The streams of an edge, found by their tickets.

use crate::berth::{Berth, Order};
use crate::carried::{Carried, Kept};
use crate::lane::{Lane, code};
use crate::opening::Answer;
use crate::ticket::{Ticket, TicketHash};
use crate::traffic::{Note, Watcher};
use quinn::Endpoint;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// Every stream that players have at this edge; as many as there are [`Carried`].
pub struct Streams<S = Lane> {
    all: Arc<All<S>>,
}

struct All<S> {
    berths: Mutex<HashMap<TicketHash, Arc<Berth<S>>>>,
    endpoint: Mutex<Option<Endpoint>>,
    /// Connections so far.
    connections: AtomicU64,
    keep: Duration,
    watcher: Watcher,
}

/// Where one stream is found as long as it is there.
pub(crate) struct Place<S> {
    pub(crate) ticket: Ticket,
    all: Arc<All<S>>,
}

impl<S> Clone for Streams<S> {
    fn clone(&self) -> Self {
        Self { all: Arc::clone(&self.all) }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Streams<S> {
    /// A stream whose connection is lost is kept for so long; `watcher` is told what happens.
    pub fn new(keep: Duration, watcher: Watcher) -> Self {
        let (berths, endpoint, connections) = Default::default();
        Self { all: Arc::new(All { berths, endpoint, connections, keep, watcher }) }
    }

    /// Goes on with the stream of another edge; it waits for its relay.
    pub fn restore(&self, kept: Kept) -> Carried<S> {
        let (berth, place) = self.place(kept.ticket);
        Carried::going_on(kept.flow, berth, self.all.keep, Arc::clone(&self.all.watcher), place)
    }

    /// A connection comes in.
    pub(crate) fn next_order(&self) -> Order {
        Order(self.all.connections.fetch_add(1, Ordering::Relaxed))
    }

    /// A player comes.
    pub(crate) fn begin(&self, stream: S) -> Carried<S> {
        let ticket = Ticket::issue();
        let granted = Answer::Granted { ticket: ticket.clone(), keep: self.all.keep };
        let (berth, place) = self.place(ticket);
        let watcher = Arc::clone(&self.all.watcher);
        Carried::of_edge(stream, &granted, berth, self.all.keep, watcher, place)
    }

    /// A player comes back: where its stream goes on with another one, whatever carried it before. `None` when nobody has
    /// the ticket.
    pub(crate) fn find(&self, ticket: &Ticket) -> Option<Arc<Berth<S>>> {
        let berth = self.all.berths().get(&ticket.hash()).map(Arc::clone);
        if berth.is_none() {
            (self.all.watcher)(Note::Refused);
        }
        berth
    }

    fn place(&self, ticket: Ticket) -> (Arc<Berth<S>>, Place<S>) {
        let berth = Arc::new(Berth::default());
        self.all.berths().insert(ticket.hash(), Arc::clone(&berth));
        (berth, Place { ticket, all: Arc::clone(&self.all) })
    }
}

impl Streams<Lane> {
    /// Relays come in here, or nowhere.
    pub(crate) fn listens(&self, endpoint: Option<Endpoint>) {
        *self.all.endpoint.lock().unwrap_or_else(PoisonError::into_inner) = endpoint;
    }

    /// Nobody comes in any more, and who is here is sent to the edge that listens next.
    pub fn come_back(&self) {
        let endpoint = self.all.endpoint.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(endpoint) = endpoint {
            endpoint.close(code::COME_BACK, b"the edge is succeeded");
        }
    }
}

impl<S> All<S> {
    fn berths(&self) -> MutexGuard<'_, HashMap<TicketHash, Arc<Berth<S>>>> {
        self.berths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Drop for Place<S> {
    fn drop(&mut self) {
        self.all.berths().remove(&self.ticket.hash());
    }
}
