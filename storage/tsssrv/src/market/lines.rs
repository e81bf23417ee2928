//! The push streams that lead to the nodes: one a node, the newest counts.

use model::calls::market::ToNode;
use model::membership::ProcessName;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Queues a message for a node without waiting; false when it cannot be queued.
pub type Push = Arc<dyn Fn(&ToNode) -> bool + Send + Sync>;

/// See the module. What cannot be pushed is not lost: a node asks when its stream is new.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    last: u64,
    nodes: BTreeMap<ProcessName, (u64, Push)>,
}

impl Lines {
    /// A node has a new stream; its number.
    pub(crate) fn connect(&self, node: ProcessName, push: Push) -> u64 {
        let mut inner = self.0.lock();
        inner.last += 1;
        let number = inner.last;
        inner.nodes.insert(node, (number, push));
        number
    }

    /// A stream is closed; a newer one stays.
    pub(crate) fn disconnect(&self, node: &ProcessName, number: u64) {
        let mut inner = self.0.lock();
        if inner.nodes.get(node).is_some_and(|(current, _)| *current == number) {
            inner.nodes.remove(node);
        }
    }

    /// Tells one node.
    pub(crate) fn push(&self, node: &ProcessName, message: &ToNode) {
        let push = self.0.lock().nodes.get(node).map(|(_, push)| Arc::clone(push));
        if !push.is_some_and(|push| push(message)) {
            tracing::info!(%node, "a message of the market is not delivered; the node asks for it");
        }
    }

    /// Tells every node.
    pub(crate) fn push_all(&self, message: &ToNode) {
        let lines: Vec<Push> = self.0.lock().nodes.values().map(|(_, push)| Arc::clone(push)).collect();
        for push in lines {
            push(message);
        }
    }
}
