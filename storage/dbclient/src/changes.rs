//! Hears from a DBSrv when the cluster may have changed, over a stream to whichever of them answers.

use link::{Credentials, Stream, Target, open_stream};
use model::calls::database::ClusterChanged;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Least time between two tries to open the stream.
const AGAIN: Duration = Duration::from_millis(500);

/// See the module.
pub(crate) struct Changes {
    credentials: Credentials,
    servers: Vec<Target>,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    stream: Option<Stream<ClusterChanged, ()>>,
    /// Which server is asked next.
    turn: usize,
    not_before: Option<Instant>,
}

impl Changes {
    pub(crate) fn new(credentials: Credentials, servers: Vec<Target>) -> Self {
        Self { credentials, servers, heard: Mutex::default() }
    }

    /// Comes back when something may have changed. A new stream says so first, for what was missed before it.
    pub(crate) async fn next(&self) {
        let mut heard = self.heard.lock().await;
        loop {
            if let Some(stream) = &mut heard.stream {
                if stream.recv().await.is_some() {
                    return;
                }
                heard.stream = None;
            }
            if let Some(at) = heard.not_before {
                sleep_until(at).await;
            }
            heard.not_before = Some(Instant::now() + AGAIN);
            if self.servers.is_empty() {
                continue;
            }
            let server = &self.servers[heard.turn % self.servers.len()];
            match open_stream(&self.credentials, server).await {
                Ok(stream) => heard.stream = Some(stream),
                Err(error) => {
                    tracing::debug!(%error, server = %server.name, "changes of the cluster are not heard");
                    heard.turn = heard.turn.wrapping_add(1);
                }
            }
        }
    }
}
