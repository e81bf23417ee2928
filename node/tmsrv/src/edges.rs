//! The streams to the edges, as the rest of the node sees them.

use crate::metrics::Metrics;
use link::{Sender, TrySendError};
use model::calls::node::ToEdge;
use model::membership::ProcessName;
use tokio_util::sync::CancellationToken;

/// Number of one stream of an edge; an edge that connects again gets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EdgeId(pub(crate) u64);

/// The way back to one edge. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) id: EdgeId,
    pub(crate) name: ProcessName,
    sender: Sender<ToEdge>,
    /// Closes the stream.
    pub(crate) close: CancellationToken,
    metrics: Metrics,
}

impl Edge {
    pub(crate) fn new(
        id: EdgeId,
        name: ProcessName,
        sender: Sender<ToEdge>,
        close: CancellationToken,
        metrics: Metrics,
    ) -> Self {
        Self { id, name, sender, close, metrics }
    }

    /// Queues a message. An edge whose queue is full is too slow to be told the truth: its stream is closed,
    /// it connects again and resumes.
    pub(crate) fn send(&self, message: &ToEdge) {
        match self.sender.try_send(message) {
            Ok(()) => {}
            Err(TrySendError::Full) => {
                if !self.close.is_cancelled() {
                    tracing::warn!(edge = %self.name, "the edge is too slow, closing its stream");
                    self.metrics.slow_edges.inc();
                }
                self.close.cancel();
            }
            Err(TrySendError::Closed) => self.close.cancel(),
            Err(TrySendError::TooLarge) => self.send_in_parts(message),
        }
    }

    fn send_in_parts(&self, message: &ToEdge) {
        match message {
            ToEdge::Events(events) if events.len() > 1 => {
                let (first, second) = events.split_at(events.len() / 2);
                self.send(&ToEdge::Events(first.to_vec()));
                self.send(&ToEdge::Events(second.to_vec()));
            }
            _ => {
                tracing::error!(edge = %self.name, "one event is larger than a frame, closing the stream");
                self.close.cancel();
            }
        }
    }
}
