//! Whether the process can do its work.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The named components of a process. It is ready when there is one at least and all are ready, and it has
/// not been told to stop.
#[derive(Clone, Debug)]
pub struct Health {
    components: Arc<Mutex<BTreeMap<&'static str, bool>>>,
    stop: CancellationToken,
}

impl Health {
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { components: Arc::default(), stop }
    }

    /// Sets a component; the first call names it. Name all of them, as not ready, before the first is ready.
    pub fn ready(&self, component: &'static str, ready: bool) {
        let before = self.components.lock().insert(component, ready);
        if before != Some(ready) {
            tracing::info!(component, ready, "health");
        }
    }

    /// True when everything is.
    pub fn is_ready(&self) -> bool {
        let components = self.components.lock();
        !self.stop.is_cancelled() && !components.is_empty() && components.values().all(|ready| *ready)
    }

    /// One line per component, for people.
    pub(crate) fn describe(&self) -> String {
        let components = self.components.lock();
        let mut text = String::new();
        if self.stop.is_cancelled() {
            text.push_str("stopping\n");
        }
        if components.is_empty() {
            text.push_str("starting\n");
        }
        for (component, ready) in components.iter() {
            let _ = writeln!(text, "{component}: {}", if *ready { "ready" } else { "not ready" });
        }
        text
    }
}
