//! A value that changes while the process runs.

use arc_swap::ArcSwap;
use std::sync::Arc;
use tokio::sync::watch;

/// Settings that can be replaced at run time. Clones share the value; reading is cheap enough for hot paths.
pub struct Live<T> {
    now: Arc<ArcSwap<T>>,
    changes: watch::Sender<Arc<T>>,
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { now: Arc::clone(&self.now), changes: self.changes.clone() }
    }
}

impl<T> Live<T> {
    /// Starts with this value.
    pub fn new(value: T) -> Self {
        let value = Arc::new(value);
        Self { now: Arc::new(ArcSwap::new(Arc::clone(&value))), changes: watch::Sender::new(value) }
    }

    /// The value of this moment.
    pub fn get(&self) -> Arc<T> {
        self.now.load_full()
    }

    /// Tells of every change from here on.
    pub fn watch(&self) -> watch::Receiver<Arc<T>> {
        self.changes.subscribe()
    }

    /// Replaces the value and tells the watchers.
    pub fn set(&self, value: T) {
        let value = Arc::new(value);
        self.now.store(Arc::clone(&value));
        self.changes.send_replace(value);
    }
}
