//! Where the next QUIC stream of a player arrives.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use tokio::sync::watch;

/// A stream that carries a player from now on, and how many bytes the other end has received.
pub(crate) struct Arrival<S> {
    pub(crate) stream: S,
    pub(crate) peer_received: u64,
}

/// One player's place of arrival. Of two arrivals the newer one counts.
pub(crate) struct Berth<S> {
    slot: Mutex<Slot<S>>,
    lost: watch::Sender<Option<u64>>,
}

struct Slot<S> {
    arrival: Option<Arrival<S>>,
    waker: Option<Waker>,
}

impl<S> Default for Berth<S> {
    fn default() -> Self {
        Self { slot: Mutex::new(Slot { arrival: None, waker: None }), lost: watch::Sender::new(None) }
    }
}

impl<S> Berth<S> {
    /// A stream arrives.
    pub(crate) fn arrive(&self, stream: S, peer_received: u64) {
        let mut slot = self.slot();
        self.lost.send_replace(None);
        slot.arrival = Some(Arrival { stream, peer_received });
        if let Some(waker) = slot.waker.take() {
            waker.wake();
        }
    }

    /// What has arrived; otherwise the task is woken when something does.
    pub(crate) fn take(&self, context: &Context<'_>) -> Option<Arrival<S>> {
        let mut slot = self.slot();
        let arrival = slot.arrival.take();
        match &mut slot.waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        arrival
    }

    /// What has arrived and was not taken.
    pub(crate) fn clear(&self) -> Option<Arrival<S>> {
        self.slot().arrival.take()
    }

    /// The stream of before is lost; so many bytes have come.
    pub(crate) fn lose(&self, received: u64) {
        let slot = self.slot();
        if slot.arrival.is_none() {
            self.lost.send_replace(Some(received));
        }
    }

    /// How many bytes have come while there is no stream.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<u64>> {
        self.lost.subscribe()
    }

    fn slot(&self) -> MutexGuard<'_, Slot<S>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
