//! Tasks with a name, none of which gets lost.
//!
//! | ends by | then |
//! |---|---|
//! | returning | nothing |
//! | panicking | logged with its name; the process stops, so that its supervisor starts it anew |
//! | the deadline of [`Tasks::close_and_wait`] | logged with its name and cancelled |

use futures::FutureExt;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

/// What cancelled tasks get to reach their next await.
const CUT: Duration = Duration::from_secs(1);

/// The tasks of a process.
#[derive(Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
    failed: Arc<AtomicBool>,
    names: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    /// Where events of the tasks go when that is not the global subscriber.
    dispatch: Option<Dispatch>,
    /// They run on the local set of their thread.
    are_local: bool,
}

impl Tasks {
    pub(crate) fn new(stop: CancellationToken, dispatch: Option<Dispatch>) -> Self {
        Self {
            tracker: TaskTracker::new(),
            stop,
            cut: CancellationToken::new(),
            failed: Arc::default(),
            names: Arc::default(),
            dispatch,
            are_local: false,
        }
    }

    /// Those of a simulated process. When it dies local ones end in the order in which they began; those of a runtime in one that follows from
    /// numbers that count on from run to run, and so would the last words of their connections.
    #[cfg(feature = "testing")]
    pub(crate) fn local(stop: CancellationToken) -> Self {
        Self { are_local: true, ..Self::new(stop, None) }
    }

    /// Runs a future until it returns.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, cut, failed) = (self.stop.clone(), self.cut.clone(), Arc::clone(&self.failed));
        let named = Named::new(name, Arc::clone(&self.names));
        let task = async move {
            let _named = named;
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                ended = AssertUnwindSafe(future).catch_unwind() => if let Err(panic) = ended {
                    tracing::error!(task = name, "task panicked, the process stops: {}", what(panic.as_ref()));
                    failed.store(true, Ordering::SeqCst);
                    stop.cancel();
                },
            }
        };
        match &self.dispatch {
            Some(dispatch) => self.tracker.spawn(task.with_subscriber(dispatch.clone())),
            None if self.are_local => self.tracker.spawn_local(task),
            None => self.tracker.spawn(task),
        }
    }

    /// True when a task has panicked: the process should end with an error.
    pub fn failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// Waits until all have returned; cancels those that have not by the deadline.
    pub async fn close_and_wait(&self, deadline: Duration) {
        self.tracker.close();
        if timeout(deadline, self.tracker.wait()).await.is_ok() {
            return;
        }
        let left: Vec<String> =
            self.names.lock().iter().map(|(name, count)| format!("{name} x{count}")).collect();
        tracing::warn!(tasks = left.join(", "), "tasks cancelled at the deadline");
        self.cut.cancel();
        let _ = timeout(CUT, self.tracker.wait()).await;
    }

    pub(crate) fn count(&self) -> usize {
        self.tracker.len()
    }
}

/// Counts a running task under its name.
struct Named {
    name: &'static str,
    names: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Named {
    fn new(name: &'static str, names: Arc<Mutex<BTreeMap<&'static str, usize>>>) -> Self {
        *names.lock().entry(name).or_default() += 1;
        Self { name, names }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let mut names = self.names.lock();
        if let Some(count) = names.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                names.remove(self.name);
            }
        }
    }
}

/// The message of a panic.
pub(crate) fn what(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test]
    async fn a_panic_stops_the_process() {
        let stop = CancellationToken::new();
        let tasks = Tasks::new(stop.clone(), None);
        tasks.spawn("quiet", async {});
        tasks.close_and_wait(Duration::from_secs(5)).await;
        assert!(!stop.is_cancelled() && !tasks.failed());
        let _ = tasks.spawn("loud", async { panic!("on purpose") }).await;
        assert!(stop.is_cancelled() && tasks.failed());
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_cancelled_at_the_deadline() {
        let tasks = Tasks::new(CancellationToken::new(), None);
        let endless = tasks.spawn("endless", std::future::pending());
        let started = Instant::now();
        tasks.close_and_wait(Duration::from_millis(50)).await;
        assert!(started.elapsed() < CUT && endless.is_finished());
        assert_eq!(tasks.count(), 0);
    }
}
