//! The live tail, for the command line.

use link::{Credentials, OpenError, Stream, Target};
use model::calls::log::{FromLog, Record, TailFilter, ToLog};
use model::membership::ProcessName;

/// Lines as they come. Dropping it ends the watch.
pub struct Tail {
    stream: Stream<FromLog, ToLog>,
}

/// Watches a LogSrv: the last `filter.last` matching lines, then new ones as they are stored.
pub async fn tail(credentials: &Credentials, target: &Target, filter: TailFilter) -> Result<Tail, OpenError> {
    let stream = link::open_stream(credentials, target).await?;
    let tail = Tail { stream };
    // If LogSrv leaves right now, the first `next` says so.
    let _ = tail.stream.send(&ToLog::Tail(filter)).await;
    Ok(tail)
}

impl Tail {
    /// The next line; `None` when LogSrv is gone or has dropped a watcher that was too slow.
    pub async fn next(&mut self) -> Option<(ProcessName, Record)> {
        loop {
            match self.stream.recv().await? {
                FromLog::Line { process, record } => return Some((process, record)),
                FromLog::Stored { .. } => {}
            }
        }
    }
}
