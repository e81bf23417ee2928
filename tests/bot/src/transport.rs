//! One TCP connection as a client holds it: init code, frames, obfuscation.

use crate::protocol::bytes::u16_at;
use bytes::BytesMut;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::codec;

/// What a client sends before its first packet.
pub const INIT_CODE: [u8; 4] = [0x11, 0xF3, 0x11, 0x1F];
/// Most bytes of one frame.
pub const FRAME_MAX: usize = 8192;
/// How long one write may take before the connection counts as dead.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// Why a connection is of no more use, or a wait was in vain.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection could be made.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where to.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The server closed the connection, or it broke.
    #[error("the connection was closed")]
    Closed,
    /// The server sent a frame of an impossible size.
    #[error("the server sent a frame of {found} bytes")]
    BadSize {
        /// Its size field.
        found: usize,
    },
    /// The server sent a frame whose checksum is wrong.
    #[error("the server sent a frame with a wrong checksum")]
    BadChecksum,
    /// The answer did not come in time.
    #[error("no {what} within {seconds} s")]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// How long.
        seconds: u64,
    },
}

/// A connection to an edge.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    inbox: BytesMut,
    key: u32,
    received_at: Instant,
}

impl Connection {
    /// Connects and sends the init code.
    pub async fn open(address: &str, deadline: Duration) -> Result<Connection, ClientError> {
        let connect = |source| ClientError::Connect { address: address.to_owned(), source };
        let stream = tokio::time::timeout(deadline, TcpStream::connect(address))
            .await
            .map_err(|_| connect(std::io::ErrorKind::TimedOut.into()))?
            .map_err(connect)?;
        stream.set_nodelay(true).map_err(connect)?;
        let key = stream.local_addr().map_or(1, |address| u32::from(address.port()));
        let mut connection = Connection {
            stream,
            inbox: BytesMut::with_capacity(16 * 1024),
            key,
            received_at: Instant::now(),
        };
        connection.send_raw(&INIT_CODE).await?;
        Ok(connection)
    }

    /// Obfuscates a plain packet with the next key index and sends it.
    pub async fn send(&mut self, packet: &mut [u8]) -> Result<(), ClientError> {
        self.key = self.key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        codec::encode_in_place(packet, (self.key >> 24) as u8);
        self.send_raw(packet).await
    }

    /// Sends bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        match tokio::time::timeout(WRITE_DEADLINE, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ClientError::Closed),
        }
    }

    /// The next plain frame, or `None` when there is none before the deadline. Cancelling it loses nothing.
    pub async fn frame(&mut self, deadline: Instant) -> Result<Option<BytesMut>, ClientError> {
        loop {
            if let Some(frame) = self.cut()? {
                return Ok(Some(frame));
            }
            let read = self.stream.read_buf(&mut self.inbox);
            match tokio::time::timeout_at(deadline.into(), read).await {
                Err(_) => return Ok(None),
                Ok(Ok(0) | Err(_)) => return Err(ClientError::Closed),
                Ok(Ok(_)) => self.received_at = Instant::now(),
            }
        }
    }

    /// When the bytes of the last frame came in.
    pub fn received_at(&self) -> Instant {
        self.received_at
    }

    fn cut(&mut self) -> Result<Option<BytesMut>, ClientError> {
        if self.inbox.len() < 2 {
            return Ok(None);
        }
        let size = usize::from(u16_at(&self.inbox, 0));
        if !(12..=FRAME_MAX).contains(&size) {
            return Err(ClientError::BadSize { found: size });
        }
        if self.inbox.len() < size {
            self.inbox.reserve(size - self.inbox.len());
            return Ok(None);
        }
        let mut frame = self.inbox.split_to(size);
        codec::decode_in_place(&mut frame).map_err(|_| ClientError::BadChecksum)?;
        Ok(Some(frame))
    }
}
