//! What a connection needs of the bytes that it is made of: TCP itself, or a stream of a relay.
//!
//! Only `listener`, `connection` and `takeover` know transports; a session never does.

use relay::Carried;
use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes both ways, without waiting, and one place to wait.
pub(crate) trait Transport: Send + Sized + 'static {
    /// As another process is given it.
    fn into_line(self) -> Line;

    /// Waits until what is asked for may be possible; cancelling the wait loses nothing. A transport that takes
    /// bytes before they are written also writes them here.
    fn ready(&mut self, interest: Interest) -> impl Future<Output = io::Result<()>> + Send;

    /// What is there now; `Ok(0)` when the other end closed, [`io::ErrorKind::WouldBlock`] when nothing is.
    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize>;

    /// As much as is taken now; [`io::ErrorKind::WouldBlock`] when nothing is.
    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Nothing more is written; what was taken is on its way when this returns.
    fn shut_down(&mut self) -> impl Future<Output = io::Result<()>> + Send;
}

/// A transport that nobody reads or writes at the moment.
pub(crate) enum Line {
    Tcp(TcpStream),
    Relayed(Box<Carried>),
}

impl Line {
    /// The socket that another process goes on with; streams of relays are no sockets.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Tcp(socket) => Some(socket.as_fd()),
            Self::Relayed(_) => None,
        }
    }
}

impl Transport for TcpStream {
    fn into_line(self) -> Line {
        Line::Tcp(self)
    }

    async fn ready(&mut self, interest: Interest) -> io::Result<()> {
        TcpStream::ready(self, interest).await.map(drop)
    }

    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        TcpStream::try_read(self, into)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        TcpStream::try_write(self, bytes)
    }

    async fn shut_down(&mut self) -> io::Result<()> {
        SockRef::from(&*self).shutdown(Shutdown::Write)
    }
}

impl Transport for Box<Carried> {
    fn into_line(self) -> Line {
        Line::Relayed(self)
    }

    async fn ready(&mut self, interest: Interest) -> io::Result<()> {
        Carried::ready(self, interest.is_readable(), interest.is_writable()).await
    }

    fn try_read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        Carried::try_read(self, into)
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Carried::try_write(self, bytes)
    }

    async fn shut_down(&mut self) -> io::Result<()> {
        Carried::shut_down(self).await
    }
}
