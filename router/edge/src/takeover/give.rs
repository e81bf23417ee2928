//! The edge that runs: gives everything to its successor, or goes on when that fails.

use super::channel::Channel;
use super::{ANSWER, FromPredecessor, FromSuccessor, Left, READINESS, VERSION, path};
use crate::connection::MovedConnection;
use crate::shared::Shared;
use crate::transport::Line;
use crate::{connection, registry};
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

/// How long connections are waited for that are in the middle of something.
const SETTLING: Duration = Duration::from_secs(8);
/// How long everything up to `Commit` may take; a successor that reads no more leaves the players with this edge, in time
/// before their nodes give them up.
const GIVING: Duration = Duration::from_secs(9);
/// Pause before the next one is listened to when that failed.
const PAUSE: Duration = Duration::from_millis(100);

type Message<'a> = FromPredecessor<&'a MovedConnection>;

/// Listens for a successor until there is one, or the process stops. The sockets are those that it listens on.
pub(crate) async fn offer(shared: Arc<Shared>, data: std::path::PathBuf, listening: [OwnedFd; 2]) {
    let path = path(&data, shared.name.as_str());
    let listener = match listen(&path) {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::warn!(%error, path = %path.display(), "this edge cannot be succeeded while it runs");
        }
    };
    let Some(mut leaving) = shared.takeover.leaving.lock().take() else { return };
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => break,
            accepted = listener.accept() => accepted,
            // it was about to leave when the last successor failed
            Some(one) = leaving.recv() => {
                connection::go_on(&shared, one);
                continue;
            }
        };
        let Ok((socket, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        tokio::select! {
            () = shared.stop.cancelled() => break,
            given = serve(&shared, socket, &listening, &mut leaving) => match given {
                Ok(connections) => {
                    tracing::info!(connections, "the successor has everybody, this edge ends");
                    shared.takeover.succeeded.store(true, Ordering::SeqCst);
                    shared.stop.cancel();
                    return; // the socket in the file system is the successor's by now
                }
                Err(error) => tracing::warn!(%error, "not succeeded, this edge goes on"),
            },
        }
    }
    drop(fs::remove_file(&path));
}

pub(super) fn listen(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // bound under another name first: nobody finds it before it is closed to others
    let new = path.with_added_extension("new");
    drop(fs::remove_file(&new));
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok(listener)
}

async fn serve(
    shared: &Arc<Shared>,
    socket: UnixStream,
    listening: &[OwnedFd; 2],
    leaving: &mut mpsc::UnboundedReceiver<Left>,
) -> io::Result<usize> {
    let channel = Channel::new(socket)?;
    let begin = within(ANSWER, channel.recv::<FromSuccessor>()).await?;
    match begin.0 {
        FromSuccessor::Begin { version: VERSION } => {}
        FromSuccessor::Begin { version } => {
            channel.send(&Message::Refused { version: VERSION }, &[]).await?;
            let text = format!("the successor speaks takeover version {version}, expected {VERSION}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        other => return Err(unexpected(&other)),
    }
    let sockets = [listening[0].as_fd(), listening[1].as_fd()];
    channel.send(&Message::Welcome { now_ms: shared.clock.now_ms() }, &sockets).await?;
    tracing::info!("a successor gets ready");
    match within(READINESS, channel.recv::<FromSuccessor>()).await?.0 {
        FromSuccessor::Take => {}
        other => return Err(unexpected(&other)),
    }
    let mut left = Vec::new();
    shared.takeover.moving.send_replace(true);
    let given = give(shared, &channel, leaving, &mut left).await;
    match given {
        Ok(()) => {
            send_relays_on(shared, &left);
            Ok(left.len())
        }
        Err(error) => {
            go_on(shared, leaving, left);
            Err(error)
        }
    }
}

async fn give(
    shared: &Arc<Shared>,
    channel: &Channel,
    leaving: &mut mpsc::UnboundedReceiver<Left>,
    left: &mut Vec<Left>,
) -> io::Result<()> {
    within(GIVING, give_all(shared, channel, leaving, left)).await?;
    until_it_goes_on(channel, ANSWER).await?;
    if let Err(error) = send_late(shared, channel).await {
        tracing::warn!(%error, "what was pushed last is lost");
    }
    Ok(())
}

/// It has them, unless it dies before it says so: however long it takes, only that says that it has nobody.
async fn until_it_goes_on(channel: &Channel, answer: Duration) -> io::Result<()> {
    loop {
        match timeout(answer, channel.recv::<FromSuccessor>()).await {
            Ok(Ok((FromSuccessor::Done, _))) => return Ok(()),
            Ok(Ok((other, _))) => tracing::warn!(?other, "expected `Done`"),
            Ok(Err(error)) => return Err(error),
            Err(_) => tracing::warn!("the successor does not say that it goes on, but it lives"),
        }
    }
}

async fn give_all(
    shared: &Arc<Shared>,
    channel: &Channel,
    leaving: &mut mpsc::UnboundedReceiver<Left>,
    left: &mut Vec<Left>,
) -> io::Result<()> {
    let until = Instant::now() + SETTLING;
    shared.connections.close();
    loop {
        let next = tokio::select! {
            biased;
            next = leaving.recv() => next,
            // it has nothing to say now: either it died, or nobody understands it
            heard = channel.recv::<FromSuccessor>() => return Err(heard.map_or_else(|error| error, |(other, _)| unexpected(&other))),
            () = shared.connections.wait() => leaving.try_recv().ok(),
            () = tokio::time::sleep_until(until) => {
                let staying = shared.connections.len();
                tracing::warn!(staying, "some connections were in the middle of something for too long");
                leaving.try_recv().ok()
            }
        };
        let Some(next) = next else { break };
        // noted before it is sent: when the time is over in the middle of that, it goes on here like all others
        left.push(next);
        let one = &left[left.len() - 1];
        let socket = one.line.socket();
        channel.send(&Message::Connection(&one.connection), socket.as_slice()).await?;
    }
    send_late(shared, channel).await?;
    channel.send(&Message::Commit { connections: left.len() }, &[]).await
}

async fn send_late(shared: &Shared, channel: &Channel) -> io::Result<()> {
    loop {
        // it stays here until it is sent: should the successor fail, it is handed on here
        let Some(push) = shared.takeover.late.lock().first().cloned() else { return Ok(()) };
        channel.send(&Message::Push(push), &[]).await?;
        shared.takeover.late.lock().remove(0);
    }
}

/// The successor has their players: before anything is dropped here their relays must know where to go on.
fn send_relays_on(shared: &Shared, left: &[Left]) {
    shared.relayed.come_back();
    for one in left {
        if let Line::Relayed(stream) = &one.line {
            stream.come_back();
        }
    }
}

/// The successor failed: everybody stays here.
fn go_on(shared: &Arc<Shared>, leaving: &mut mpsc::UnboundedReceiver<Left>, mut left: Vec<Left>) {
    shared.takeover.moving.send_replace(false);
    shared.connections.reopen();
    while let Ok(one) = leaving.try_recv() {
        left.push(one);
    }
    for one in left {
        connection::go_on(shared, one);
    }
    let late = std::mem::take(&mut *shared.takeover.late.lock());
    for push in late {
        registry::hand_on(push, shared);
    }
}

async fn within<T>(patience: Duration, answer: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(patience, answer).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

fn unexpected(found: &FromSuccessor) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the successor says {found:?} at the wrong time"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::channel::pair;
    use super::*;

    /// Short: it is waited for longer than this.
    const MOMENT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_successor_that_was_paused_is_waited_for_and_only_its_death_is_a_failure() {
        let (here, there) = pair();
        let began = Instant::now();
        let later = async {
            tokio::time::sleep(MOMENT * 5).await; // the pause itself
            there.send(&FromSuccessor::Done, &[]).await.unwrap();
        };
        let (gone_on, ()) = tokio::join!(until_it_goes_on(&here, MOMENT), later);
        gone_on.unwrap();
        assert!(began.elapsed() >= MOMENT * 5);
        drop(there);
        let error = until_it_goes_on(&here, MOMENT).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_successor_that_reads_no_more_is_not_waited_for() {
        let (here, _there) = pair();
        let all = async {
            loop {
                here.send(&FromSuccessor::Take, &[]).await?;
            }
        };
        let given: io::Result<()> = within(MOMENT, all).await;
        assert_eq!(given.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
