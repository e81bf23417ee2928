//! The successor: finds the edge that runs, gets ready, and takes everybody.

use super::channel::Channel;
use super::{ANSWER, FromPredecessor, FromSuccessor, Left, TakeoverError, VERSION, path};
use crate::clock::Clock;
use crate::connection::{self, MovedConnection};
use crate::listener;
use crate::registry;
use crate::shared::Shared;
use crate::transport::Line;
use model::calls::registry::ToEdge;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long the edge that runs may say nothing while it gives everybody away.
const SILENCE: Duration = Duration::from_secs(20);
/// How long NRSrv may take to hear of everybody before the edge that runs is let go.
const REPORTING: Duration = Duration::from_secs(3);
/// How long the edge that was succeeded may take to end.
const ENDING: Duration = Duration::from_secs(30);

type Message = FromPredecessor<Box<MovedConnection>>;

/// The edge that runs, asked to be succeeded.
pub(crate) struct Predecessor {
    channel: Channel,
    /// Its clock: clients know it.
    pub(crate) clock: Clock,
    /// Where clients connect, and where the public pages are served.
    listening: [OwnedFd; 2],
}

/// The edge of this name that runs on this machine, if there is one.
pub(crate) async fn find(data: &Path, name: &str) -> Result<Option<Predecessor>, TakeoverError> {
    let socket = match UnixStream::connect(path(data, name)).await {
        Ok(socket) => socket,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let channel = Channel::new(socket)?;
    channel.send(&FromSuccessor::Begin { version: VERSION }, &[]).await?;
    let answer = timeout(ANSWER, channel.recv::<Message>()).await;
    let (welcome, sockets) = answer.map_err(|_| TakeoverError::TooLong("its welcome"))??;
    match welcome {
        FromPredecessor::Refused { version } => {
            Err(TakeoverError::Version { found: version, expected: VERSION })
        }
        FromPredecessor::Welcome { now_ms } => {
            let count = sockets.len();
            let listening = <[OwnedFd; 2]>::try_from(sockets)
                .map_err(|_| unexpected(&format!("{count} listening sockets, expected 2")))?;
            tracing::info!("another edge of this name runs; this one succeeds it");
            Ok(Some(Predecessor { channel, clock: Clock::going_on(now_ms), listening }))
        }
        _ => Err(unexpected("no welcome").into()),
    }
}

impl Predecessor {
    /// Where clients connect, and where the public pages are served.
    pub(crate) fn listening(&self) -> io::Result<[OwnedFd; 2]> {
        let [players, http] = &self.listening;
        Ok([players.try_clone()?, http.try_clone()?])
    }

    /// Takes everybody; `report` begins to tell NRSrv of them. The edge that ran ends after that.
    pub(crate) async fn take(
        self,
        shared: &Arc<Shared>,
        report: impl FnOnce(),
    ) -> Result<usize, TakeoverError> {
        self.channel.send(&FromSuccessor::Take, &[]).await?;
        let mut pushes = Vec::new();
        let connections = self.receive(shared, &mut pushes).await?;
        let count = connections.len();
        for (connection, line) in connections {
            let admission = listener::readmit(shared, connection.address());
            connection::go_on(shared, Left { connection, line, admission });
        }
        report();
        let mut told = shared.registry_told.subscribe();
        if !matches!(timeout(REPORTING, told.wait_for(|told| *told)).await, Ok(Ok(_))) {
            tracing::warn!("the registry does not know yet who is here now");
        }
        pushes.into_iter().for_each(|push| registry::hand_on(push, shared));
        if let Err(error) = self.channel.send(&FromSuccessor::Done, &[]).await {
            tracing::warn!(%error, "the edge that ran has ended before this one said that it goes on");
        }
        let hearing = Arc::clone(shared);
        shared.tasks.spawn("last-pushes", async move {
            // until it ends
            let _ = timeout(ENDING, async {
                while let Ok((FromPredecessor::Push(push), _)) = self.channel.recv::<Message>().await {
                    registry::hand_on(push, &hearing);
                }
            })
            .await;
        });
        Ok(count)
    }

    async fn receive(
        &self,
        shared: &Shared,
        pushes: &mut Vec<ToEdge>,
    ) -> Result<Vec<(MovedConnection, Line)>, TakeoverError> {
        let mut connections = Vec::new();
        loop {
            let message = timeout(SILENCE, self.channel.recv::<Message>()).await;
            let (message, mut sockets) =
                message.map_err(|_| TakeoverError::TooLong("giving its players"))??;
            match message {
                FromPredecessor::Connection(mut connection) => {
                    let line = match (sockets.pop(), connection.take_relayed()) {
                        (Some(socket), None) => Line::Tcp(tokio_stream(socket)?),
                        (None, Some(kept)) => Line::Relayed(Box::new(shared.relayed.restore(kept))),
                        (None, None) => return Err(unexpected("a connection without its socket").into()),
                        (Some(_), Some(_)) => {
                            return Err(unexpected("a socket for the player of a relay").into());
                        }
                    };
                    connections.push((*connection, line));
                }
                FromPredecessor::Push(push) => pushes.push(push),
                FromPredecessor::Commit { connections: count } if count == connections.len() => {
                    return Ok(connections);
                }
                FromPredecessor::Commit { connections: count } => {
                    let text = format!("{} connections came, expected {count}", connections.len());
                    return Err(unexpected(&text).into());
                }
                FromPredecessor::Refused { .. } | FromPredecessor::Welcome { .. } => {
                    return Err(unexpected("a welcome at the wrong time").into());
                }
            }
        }
    }
}

fn tokio_stream(socket: OwnedFd) -> io::Result<tokio::net::TcpStream> {
    let socket = TcpStream::from(socket);
    socket.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(socket)
}

/// A listening socket of the edge that runs.
pub(crate) fn tokio_listener(socket: OwnedFd) -> io::Result<tokio::net::TcpListener> {
    let socket = TcpListener::from(socket);
    socket.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(socket)
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn unexpected(found: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the edge that runs sent {found}"))
}
