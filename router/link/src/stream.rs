//! Typed streams: messages both ways, in order, with backpressure.

use crate::connection::{Connection, Handle, Pulse, open};
use crate::error::{Closed, HandshakeError, OpenError, TrySendError};
use crate::frame::{Frame, Kind, Unsendable, decode, encode};
use crate::handshake::{self, Purpose};
use crate::packing::Packing;
use crate::queue::{Refused, Rx, Tx};
use crate::socket::Socket;
use crate::tls::{self, Binding};
use crate::{Credentials, Target};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Opens a stream to a server; its [`crate::Service::stream`] runs the other end. Takes 3 s at most.
pub async fn open_stream<In, Out>(
    credentials: &Credentials,
    target: &Target,
) -> Result<Stream<In, Out>, OpenError> {
    let (socket, packing) = dial(credentials, target, Purpose::Stream).await?;
    let (connection, running) = open(socket, target.name.to_string(), packing);
    // Ends with the connection, which ends when both halves of the stream are dropped.
    tokio::spawn(running);
    Ok(Stream::new(connection))
}

/// Connects, speaks TLS when there are certificates, and shakes hands.
pub(crate) async fn dial(
    credentials: &Credentials,
    target: &Target,
    purpose: Purpose,
) -> Result<(Socket, Packing), OpenError> {
    let address = target.address;
    let dialling = async {
        let connect = |source| OpenError::Connect { address, source };
        let socket = TcpStream::connect(address).await.map_err(connect)?;
        socket.set_nodelay(true).map_err(connect)?;
        let shaken = shake(socket, credentials, target, purpose).await;
        shaken.map_err(|source| OpenError::Handshake { address, source })
    };
    timeout(handshake::DEADLINE, dialling).await.unwrap_or(Err(OpenError::Timeout { address }))
}

async fn shake(
    socket: TcpStream,
    credentials: &Credentials,
    target: &Target,
    purpose: Purpose,
) -> Result<(Socket, Packing), HandshakeError> {
    let (mut socket, binding) = match credentials.policy.certificates() {
        Some(material) => tls::connect(socket, &material, target.address).await?,
        None => (Socket::Plain(socket), Binding::default()),
    };
    let agreed = handshake::connect(&mut socket, credentials, target, purpose, binding).await?;
    Ok((socket, Packing { policy: credentials.policy.clone(), agreed: agreed.packed }))
}

/// One open stream. Dropping it, or both of its halves, sends what is queued and closes it.
pub struct Stream<In, Out> {
    sender: Sender<Out>,
    receiver: Receiver<In>,
}

impl<In, Out> Stream<In, Out> {
    pub(crate) fn new(connection: Connection) -> Self {
        let Connection { outgoing, incoming, handle, pulse } = connection;
        let hold = Arc::new(Hold { handle, pulse, _open: outgoing.clone() });
        Self {
            sender: Sender { queue: outgoing, _hold: Arc::clone(&hold), message: PhantomData },
            receiver: Receiver { queue: incoming, hold, message: PhantomData },
        }
    }

    /// Both halves, for two tasks. The stream stays open until both are dropped.
    pub fn split(self) -> (Sender<Out>, Receiver<In>) {
        (self.sender, self.receiver)
    }
}

impl<In: DeserializeOwned, Out: Serialize> Stream<In, Out> {
    /// See [`Sender::send`].
    pub async fn send(&self, message: &Out) -> Result<(), Closed> {
        self.sender.send(message).await
    }

    /// See [`Receiver::recv`].
    pub async fn recv(&mut self) -> Option<In> {
        self.receiver.recv().await
    }
}

/// Keeps the connection open while either half lives.
struct Hold {
    handle: Handle,
    pulse: Pulse,
    _open: Tx<Bytes>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.handle.finish();
    }
}

/// The sending half.
pub struct Sender<Out> {
    queue: Tx<Bytes>,
    _hold: Arc<Hold>,
    message: PhantomData<fn(Out)>,
}

impl<Out> Clone for Sender<Out> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), _hold: Arc::clone(&self._hold), message: PhantomData }
    }
}

impl<Out> Sender<Out> {
    /// Waits until the stream is closed.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }

    /// How long nothing arrived from the peer, which sends something every 200 ms while it is well. After 3 s the
    /// stream is closed.
    pub fn silent_for(&self) -> Duration {
        self._hold.pulse.silent_for()
    }
}

impl<Out: Serialize> Sender<Out> {
    /// Queues a message, waiting while the queue is full. A message over the frame limit is a bug of the
    /// sender: it is logged, and the stream is closed, because a stream with a hole is worse than none.
    pub async fn send(&self, message: &Out) -> Result<(), Closed> {
        let frame = match encode(Kind::Message, None, message) {
            Ok(frame) => frame,
            Err(error) => {
                tracing::error!(
                    message = std::any::type_name::<Out>(),
                    ?error,
                    "message cannot be sent, closing the stream"
                );
                self._hold.handle.finish();
                return Err(Closed);
            }
        };
        let bytes = frame.len();
        self.queue.send(frame, bytes).await.map_err(|_| Closed)
    }

    /// Queues a message at once or not at all.
    pub fn try_send(&self, message: &Out) -> Result<(), TrySendError> {
        let frame = encode(Kind::Message, None, message).map_err(|error| match error {
            Unsendable::TooLarge => TrySendError::TooLarge,
            Unsendable::Unserialisable => TrySendError::Closed,
        })?;
        let bytes = frame.len();
        self.queue.try_send(frame, bytes).map_err(|refused| match refused {
            Refused::Full => TrySendError::Full,
            Refused::Closed => TrySendError::Closed,
        })
    }
}

/// The receiving half. While it is not read, the peer's queue fills: that is the backpressure.
pub struct Receiver<In> {
    queue: Rx<Frame>,
    hold: Arc<Hold>,
    message: PhantomData<fn() -> In>,
}

impl<In: DeserializeOwned> Receiver<In> {
    /// The next message; `None` when the stream is closed. A message that cannot be decoded closes it.
    /// Cancelling the wait loses nothing.
    pub async fn recv(&mut self) -> Option<In> {
        let frame = self.queue.recv().await?;
        let decoded = if frame.kind == Kind::Message { decode(&frame.body) } else { None };
        if decoded.is_none() {
            tracing::warn!(message = std::any::type_name::<In>(), "undecodable message, closing the stream");
            self.queue.close();
            self.hold.handle.finish();
        }
        decoded
    }
}
