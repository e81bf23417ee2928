//! Components whose health is found out by asking them.

use crate::Process;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often a component is asked, and how long it may take to answer.
const EVERY: Duration = Duration::from_secs(2);

impl Process {
    /// Names a component, not ready, and asks every two seconds whether it answers, in a task that ends with
    /// the process. No answer within two seconds is a no.
    pub fn probe<A>(&self, component: &'static str, ask: impl Fn() -> A + Send + 'static)
    where
        A: Future<Output = bool> + Send,
    {
        self.health.ready(component, false);
        let (health, stop) = (self.health.clone(), self.stop.clone());
        self.tasks.spawn(component, async move {
            let mut every = interval(EVERY);
            every.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while stop.run_until_cancelled(every.tick()).await.is_some() {
                let answers = timeout(EVERY, ask()).await;
                health.ready(component, answers.unwrap_or(false));
            }
        });
    }
}
