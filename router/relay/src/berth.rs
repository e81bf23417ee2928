//! Where the next QUIC stream of a player arrives.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use tokio::sync::watch;

/// A stream that carries a player from now on, and how many bytes the other end has received.
pub(crate) struct Arrival<S> {
    pub(crate) stream: S,
    pub(crate) peer_received: u64,
}

/// In which order connections came in. A relay opens another one only after it has closed the one before: what comes on
/// an older one is late, not new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order(pub(crate) u64);

/// One player's place of arrival. Of two arrivals the one on the newer connection counts, and on the same one the later.
pub(crate) struct Berth<S> {
    slot: Mutex<Slot<S>>,
    lost: watch::Sender<Option<u64>>,
}

struct Slot<S> {
    arrival: Option<Arrival<S>>,
    waker: Option<Waker>,
    /// Of all connections that arrivals came on.
    newest: Order,
}

impl<S> Default for Berth<S> {
    fn default() -> Self {
        let slot = Slot { arrival: None, waker: None, newest: Order::default() };
        Self { slot: Mutex::new(slot), lost: watch::Sender::new(None) }
    }
}

impl<S> Berth<S> {
    /// A stream arrives; it is dropped when one of a newer connection was here before. Streams of two connections overtake
    /// each other, and the relay does not listen to the older one any more.
    pub(crate) fn arrive(&self, stream: S, peer_received: u64, order: Order) {
        let mut slot = self.slot();
        if order < slot.newest {
            drop(slot);
            return tracing::debug!("a stream comes on a connection that was given up");
        }
        slot.newest = order;
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
