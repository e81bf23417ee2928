//! A queue bounded both in items and in bytes.

use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// Items that may wait.
const ITEMS: usize = 1024;
/// Bytes that may wait: two of the longest frames.
const BYTES: usize = 2 * crate::frame::MAX_FRAME + 64;

/// An item and its share of the byte budget, given back when this is dropped.
pub(crate) struct Queued<T> {
    pub(crate) item: T,
    _share: OwnedSemaphorePermit,
}

/// The sending end.
pub(crate) struct Tx<T> {
    items: mpsc::Sender<Queued<T>>,
    budget: Arc<Semaphore>,
}

/// The receiving end; dropping it refuses all further items.
pub(crate) struct Rx<T> {
    items: mpsc::Receiver<Queued<T>>,
    budget: Arc<Semaphore>,
}

/// Why nothing was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Full,
    Closed,
}

/// An empty queue.
pub(crate) fn queue<T>() -> (Tx<T>, Rx<T>) {
    let (tx, rx) = mpsc::channel(ITEMS);
    let budget = Arc::new(Semaphore::new(BYTES));
    (Tx { items: tx, budget: Arc::clone(&budget) }, Rx { items: rx, budget })
}

impl<T> Clone for Tx<T> {
    fn clone(&self) -> Self {
        Self { items: self.items.clone(), budget: Arc::clone(&self.budget) }
    }
}

impl<T> Tx<T> {
    /// Waits for room. Cancelling the wait queues nothing.
    pub(crate) async fn send(&self, item: T, bytes: usize) -> Result<(), Refused> {
        let share = Arc::clone(&self.budget).acquire_many_owned(cost(bytes)).await;
        let share = share.map_err(|_| Refused::Closed)?;
        self.items.send(Queued { item, _share: share }).await.map_err(|_| Refused::Closed)
    }

    /// Queues at once or not at all.
    pub(crate) fn try_send(&self, item: T, bytes: usize) -> Result<(), Refused> {
        let share =
            Arc::clone(&self.budget).try_acquire_many_owned(cost(bytes)).map_err(|error| match error {
                TryAcquireError::NoPermits => Refused::Full,
                TryAcquireError::Closed => Refused::Closed,
            })?;
        self.items.try_send(Queued { item, _share: share }).map_err(|error| match error {
            TrySendError::Full(_) => Refused::Full,
            TrySendError::Closed(_) => Refused::Closed,
        })
    }

    /// Waits until the other end takes nothing more.
    pub(crate) async fn closed(&self) {
        self.items.closed().await;
    }

    /// True when the other end takes nothing more.
    pub(crate) fn is_closed(&self) -> bool {
        self.items.is_closed()
    }
}

impl<T> Rx<T> {
    /// The next item; `None` when the queue is closed and empty.
    pub(crate) async fn recv(&mut self) -> Option<T> {
        self.items.recv().await.map(|queued| queued.item)
    }

    /// Up to `limit` items with their shares; 0 when the queue is closed and empty.
    pub(crate) async fn recv_many(&mut self, into: &mut Vec<Queued<T>>, limit: usize) -> usize {
        self.items.recv_many(into, limit).await
    }

    /// Takes nothing more; what is queued can still be received.
    pub(crate) fn close(&mut self) {
        self.items.close();
        self.budget.close();
    }
}

impl<T> Drop for Rx<T> {
    fn drop(&mut self) {
        self.budget.close();
    }
}

/// Every item costs something, and none more than there is.
fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes.clamp(1, BYTES)).unwrap_or(u32::MAX)
}
