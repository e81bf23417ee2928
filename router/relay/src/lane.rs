//! One QUIC stream, and how it ends.

use crate::seats::Seat;
use quinn::{
    Connection, ConnectionError, ReadError, RecvStream, SendStream, TransportErrorCode, VarInt, WriteError,
};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Codes with which a QUIC connection is closed.
pub(crate) mod code {
    use quinn::VarInt;

    /// This end stops, or has nobody to carry.
    pub(crate) const OVER: VarInt = VarInt::from_u32(0);
    /// The connection ends, its players do not: the edge goes on in another process, or an end has given this line up.
    pub(crate) const COME_BACK: VarInt = VarInt::from_u32(1);
    /// The other end speaks another version of the protocol.
    pub(crate) const VERSION: VarInt = VarInt::from_u32(2);
}

/// What an error of a QUIC stream means for the player on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The stream goes on on another connection, if there will be one.
    Lost,
    /// The other end takes nothing more; what it has said may still come.
    Deaf,
    /// The other end gave the player up.
    Over,
}

/// A bidirectional QUIC stream with its connection.
pub struct Lane {
    pub(crate) connection: Connection,
    pub(crate) reading: RecvStream,
    pub(crate) writing: SendStream,
    /// What the edge counts it by.
    pub(crate) seat: Option<Seat>,
}

impl Lane {
    pub(crate) fn new(connection: Connection, (writing, reading): (SendStream, RecvStream)) -> Self {
        Self { connection, reading, writing, seat: None }
    }

    /// Ends the whole connection; the other end resumes its players at whoever listens next.
    pub(crate) fn come_back(&self) {
        self.connection.close(code::COME_BACK, b"the edge is succeeded");
    }
}

/// What an error means; any other stream of bytes than QUIC is just lost.
pub(crate) fn fate(error: &io::Error) -> Fate {
    let Some(inner) = error.get_ref() else { return Fate::Lost };
    match (inner.downcast_ref(), inner.downcast_ref()) {
        (Some(ReadError::ConnectionLost(why)), _) | (_, Some(WriteError::ConnectionLost(why))) => of(why),
        (Some(_), _) => Fate::Over,
        (_, Some(_)) => Fate::Deaf,
        (None, None) => Fate::Lost,
    }
}

fn of(why: &ConnectionError) -> Fate {
    match why {
        ConnectionError::ApplicationClosed(closed) if closed.error_code != code::COME_BACK => Fate::Over,
        _ => Fate::Lost,
    }
}

/// Whether the edge asks to come back.
pub(crate) fn is_come_back(why: &ConnectionError) -> bool {
    is_closed_with(why, code::COME_BACK)
}

/// Whether the other end wants no connection, and does not say why.
pub(crate) fn is_refused(why: &ConnectionError) -> bool {
    matches!(why, ConnectionError::ConnectionClosed(close) if close.error_code == TransportErrorCode::CONNECTION_REFUSED)
}

pub(crate) fn is_closed_with(why: &ConnectionError, code: VarInt) -> bool {
    matches!(why, ConnectionError::ApplicationClosed(closed) if closed.error_code == code)
}

impl AsyncRead for Lane {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.reading), context, into)
    }
}

impl AsyncWrite for Lane {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.writing), context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.writing), context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.writing), context)
    }
}
