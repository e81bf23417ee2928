//! Accepts clients, and never stops because of one of them.

use crate::connection::{self, Admission};
use crate::session::Session;
use crate::sessions::Kill;
use crate::shared::Shared;
use crate::transport::Transport;
use relay::PlayerStream;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1_024;
/// Pause when the machine has no room for another connection.
const PAUSE: Duration = Duration::from_millis(10);
/// One in so many of these is logged.
const WARN_EVERY: u64 = 100;
/// Silence after which the kernel asks whether the other end is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// Pause between those questions.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(15);

/// Listens for clients.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Open files that are kept from the players: links to the other processes, visitors of the public pages, logs.
const RESERVED_FILES: u64 = 512;

/// How many players' connections there is room for, when so many files may be open.
fn room(files: u64) -> usize {
    usize::try_from(files - RESERVED_FILES.min(files / 2)).unwrap_or(usize::MAX)
}

/// Of so many connections, how many may not have logged in: they never take all.
fn half_open_most(half_open_max: usize, most: usize) -> usize {
    half_open_max.min(most - most / 4)
}

/// Raises the number of files that this process may have open to what the system allows, and says what it is. Before the first
/// sockets come from another edge: what has no room is closed on the way.
pub(crate) fn raise_descriptor_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    #[allow(unsafe_code, reason = "there is no safe way to this limit in the standard library")]
    // SAFETY: both calls only read and write the structure that they are given, which outlives them.
    let raised = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) == 0
        }
    };
    tracing::info!(raised, files = limit.rlim_cur, "files that may be open");
    limit.rlim_cur
}

/// Accepts until the process stops.
pub(crate) async fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    mut relays: Option<relay::Listener>,
    files: u64,
) {
    let room = room(files);
    let wanted = shared.settings.get().connections.max;
    if wanted > room {
        tracing::warn!(
            wanted,
            room,
            "fewer connections than connections.max: too few files may be open (ulimit -n)"
        );
    }
    shared.health.ready("listen", true);
    let mut moving = shared.takeover.watch();
    loop {
        let accepts = !*moving.borrow_and_update();
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => break,
            Ok(()) = moving.changed() => continue,
            accepted = listener.accept(), if accepts => accepted,
            player = next_player(&mut relays), if accepts => {
                admit(&shared, Box::new(player.stream), player.address.ip().to_canonical(), room);
                continue;
            }
        };
        match accepted {
            Ok((socket, peer)) => {
                if let Err(error) = prepare(&socket) {
                    tracing::debug!(%error, "a connection was gone before it began");
                    continue;
                }
                admit(&shared, socket, peer.ip().to_canonical(), room);
            }
            Err(error) => {
                // no descriptors, no memory, or a client that went at once: none is a reason to stop
                if shared.metrics.accept_errors.get().is_multiple_of(WARN_EVERY) {
                    tracing::warn!(%error, "cannot accept a connection; who has not logged in makes room");
                }
                shared.metrics.accept_errors.inc();
                shared.half_open.lock().evict();
                sleep(PAUSE).await;
            }
        }
    }
    shared.health.ready("listen", false);
    if let Some(relays) = relays
        && shared.takeover.is_succeeded()
    {
        relays.left().await;
    }
}

/// The next player of a relay; waits for ever when there are none.
async fn next_player(relays: &mut Option<relay::Listener>) -> PlayerStream {
    if let Some(relays) = relays
        && let Some(player) = relays.next().await
    {
        return player;
    }
    std::future::pending().await
}

/// Counts a connection that another edge let in.
pub(crate) fn readmit(shared: &Arc<Shared>, address: IpAddr) -> Admission {
    shared.addresses.lock().claim(address, &shared.settings.get().addresses, shared.clock.now_ms());
    shared.metrics.connections.inc();
    Admission { shared: Arc::clone(shared), address, number: next_number(shared) }
}

fn next_number(shared: &Shared) -> u64 {
    shared.came.fetch_add(1, Ordering::Relaxed) + 1
}

fn admit<T: Transport>(shared: &Arc<Shared>, socket: T, address: IpAddr, room: usize) {
    let number = next_number(shared);
    let settings = shared.settings.get();
    let most = settings.connections.max.min(room);
    if shared.metrics.connections.get() >= i64::try_from(most).unwrap_or(i64::MAX) {
        return shared.metrics.refused("full");
    }
    let now_ms = shared.clock.now_ms();
    if shared.addresses.lock().connect(address, &settings.addresses, now_ms).is_err() {
        return shared.metrics.refused("address");
    }
    shared.metrics.connections.inc();
    let kill = Arc::new(Kill::default());
    let half_open = half_open_most(settings.connections.half_open_max, most);
    shared.half_open.lock().add(number, Arc::clone(&kill), half_open);
    let admission = Admission { shared: Arc::clone(shared), address, number };
    let session = Session::new(Arc::clone(shared), address, number, kill);
    let connection = connection::run(Arc::clone(shared), socket, session, admission);
    shared.tasks.spawn("connection", shared.connections.track_future(connection));
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_EVERY);
    SockRef::from(socket).set_tcp_keepalive(&keepalive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_never_take_the_last_files_and_strangers_never_all_connections() {
        for (files, players) in [(0, 0), (100, 50), (1_024, 512), (20_000, 19_488)] {
            assert_eq!(room(files), players, "{files}");
        }
        assert_eq!(half_open_most(4_096, 10_000), 4_096);
        assert_eq!(half_open_most(4_096, 512), 384);
    }
}
