//! Listens, authenticates, and hands calls and streams to the service.

use crate::connection::{Connection, Handle, open};
use crate::error::{BindError, HandshakeError};
use crate::frame::{Frame, Kind, Refusal, Unsendable, decode, encode, encode_refusal};
use crate::handshake::{self, Agreed, Purpose};
use crate::packing::Packing;
use crate::queue::Tx;
use crate::rated::Rated;
use crate::socket::Socket;
use crate::tls::{self, Binding};
use crate::{Credentials, MAX_CALLS_IN_FLIGHT, Peer, Service, Stream};
use bytes::Bytes;
use futures::FutureExt;
use parking_lot::Mutex;
use std::any::Any;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Connections at the same time.
const CONNECTIONS: usize = 4096;
/// Connections that have not finished their handshake; further ones are dropped.
const HALF_OPEN: usize = 256;
/// What calls and streams get to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(5);
/// What calls get to finish when their connection is gone: their work is worth finishing, not for ever.
const ORPHANED: Duration = Duration::from_secs(30);

/// A listening server.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    credentials: Credentials,
}

/// What all connections of a server share.
struct Shared<S> {
    service: Arc<S>,
    credentials: Credentials,
    stop: CancellationToken,
    half_open: Semaphore,
    strangers: Rated,
    /// The first panic of the service.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Server {
    /// Listens; port 0 takes any free one.
    pub async fn bind(address: SocketAddr, credentials: Credentials) -> Result<Self, BindError> {
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| BindError { address, source })?;
        let address = listener.local_addr().map_err(|source| BindError { address, source })?;
        Ok(Self { listener, address, credentials })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`; then takes no new connections and calls, gives what runs 5 s, and closes.
    /// Panics when the service panicked, after the others have finished.
    pub async fn serve<S: Service>(self, service: Arc<S>, stop: CancellationToken) {
        let Self { listener, credentials, .. } = self;
        let stop = stop.child_token();
        let shared = Arc::new(Shared {
            service,
            credentials,
            stop: stop.clone(),
            half_open: Semaphore::new(HALF_OPEN),
            strangers: Rated::new(Duration::from_secs(1)),
            panic: Mutex::new(None),
        });
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                    Ok((socket, address)) => {
                        connections.spawn(connection(Arc::clone(&shared), socket, address));
                    }
                    Err(error) => {
                        if let Some(held_back) = shared.strangers.allow() {
                            tracing::error!(held_back, "cannot accept a connection: {error}");
                        }
                        sleep(Duration::from_millis(100)).await; // out of descriptors: let some go first
                    }
                },
            }
        }
        drop(listener);
        let all = async { while connections.join_next().await.is_some() {} };
        if timeout(2 * DRAIN, all).await.is_err() {
            tracing::warn!(left = connections.len(), "connections cut: they did not finish in time");
        }
        drop(connections);
        let panic = shared.panic.lock().take();
        if let Some(panic) = panic {
            std::panic::resume_unwind(panic);
        }
    }
}

/// One connection from its handshake to its end.
async fn connection<S: Service>(shared: Arc<Shared<S>>, socket: TcpStream, address: SocketAddr) {
    let shaken = {
        let Ok(_permit) = shared.half_open.try_acquire() else {
            if let Some(held_back) = shared.strangers.allow() {
                tracing::warn!(%address, held_back, "connection dropped: too many unfinished handshakes");
            }
            return;
        };
        let _ = socket.set_nodelay(true);
        tokio::select! {
            () = shared.stop.cancelled() => return,
            shaken = timeout(handshake::DEADLINE, welcome(socket, &shared.credentials)) => shaken,
        }
    };
    let (socket, Agreed { name, purpose, packed }) = match shaken {
        Ok(Ok(welcome)) => welcome,
        Ok(Err(error)) => return refused(&shared.strangers, address, &error.to_string(), &error),
        Err(_) => {
            let late = HandshakeError::Malformed("handshake");
            return refused(&shared.strangers, address, "handshake took too long", &late);
        }
    };
    let peer = Peer { name, address };
    tracing::debug!(peer = %peer.name, %address, ?purpose, "peer connected");
    let packing = Packing { policy: shared.credentials.policy.clone(), agreed: packed };
    let (connection, running) = open(socket, peer.name.to_string(), packing);
    // In a task of its own, so that heartbeats go out whatever the service does with its thread.
    let mut wire = JoinSet::new();
    wire.spawn(running);
    match purpose {
        Purpose::Calls => calls(shared, Arc::new(peer), connection).await,
        Purpose::Stream => stream(shared, peer, connection).await,
    }
    let _ = wire.join_next().await;
}

/// TLS when there are certificates, and the handshake.
async fn welcome(socket: TcpStream, credentials: &Credentials) -> Result<(Socket, Agreed), HandshakeError> {
    let (mut socket, binding) = match credentials.policy.certificates() {
        Some(material) => tls::accept(socket, &material).await?,
        None => (Socket::Plain(socket), Binding::default()),
    };
    match handshake::accept(&mut socket, credentials, binding).await {
        Ok(agreed) => Ok((socket, agreed)),
        Err(error) => {
            let _ = socket.flush().await;
            tls::goodbye(socket.tcp(), &[]).await;
            Err(error)
        }
    }
}

fn refused(strangers: &Rated, address: SocketAddr, why: &str, error: &HandshakeError) {
    if matches!(error, HandshakeError::Io(_)) {
        tracing::debug!(%address, "peer left during the handshake: {why}");
    } else if let Some(held_back) = strangers.allow() {
        tracing::warn!(%address, held_back, "peer refused: {why}");
    }
}

/// Takes calls until the peer is gone or the server stops.
async fn calls<S: Service>(shared: Arc<Shared<S>>, peer: Arc<Peer>, connection: Connection) {
    let Connection { outgoing, mut incoming, handle, .. } = connection;
    let mut running = JoinSet::new();
    loop {
        let frame = tokio::select! {
            biased;
            () = shared.stop.cancelled() => break,
            Some(_) = running.join_next() => continue,
            frame = incoming.recv(), if running.len() < MAX_CALLS_IN_FLIGHT => frame,
        };
        let Some(frame) = frame else { break };
        let Some((id, body)) = request(frame) else {
            tracing::warn!(peer = %peer.name, "a frame that is no call, closing the connection");
            break;
        };
        running.spawn(answer(Arc::clone(&shared), Arc::clone(&peer), id, body, outgoing.clone()));
    }
    handle.hush();
    drop(incoming);
    let patience = if shared.stop.is_cancelled() { DRAIN } else { ORPHANED };
    let all = async { while running.join_next().await.is_some() {} };
    let stopped_too = async {
        if patience == ORPHANED {
            shared.stop.cancelled().await;
        }
        sleep(DRAIN).await;
    };
    tokio::select! {
        () = all => {}
        () = sleep(patience) => {}
        () = stopped_too => {}
    }
    handle.finish();
}

fn request(frame: Frame) -> Option<(u64, Bytes)> {
    if frame.kind == Kind::Request { frame.into_call() } else { None }
}

/// Answers one call, whatever happens in it.
async fn answer<S: Service>(
    shared: Arc<Shared<S>>,
    peer: Arc<Peer>,
    id: u64,
    body: Bytes,
    outgoing: Tx<Bytes>,
) {
    let frame = match decode::<S::Request>(&body) {
        None => {
            if let Some(held_back) = shared.strangers.allow() {
                tracing::warn!(peer = %peer.name, held_back, bytes = body.len(), "undecodable request");
            }
            encode_refusal(id, Refusal::Protocol)
        }
        Some(request) => {
            drop(body);
            match AssertUnwindSafe(shared.service.call(&peer, request)).catch_unwind().await {
                Ok(reply) => encode(Kind::Reply, Some(id), &reply).unwrap_or_else(|error| {
                    tracing::error!(peer = %peer.name, reply = std::any::type_name::<S::Reply>(), ?error, "reply cannot be sent");
                    let refusal = match error {
                        Unsendable::TooLarge => Refusal::TooLarge,
                        Unsendable::Unserialisable => Refusal::Protocol,
                    };
                    encode_refusal(id, refusal)
                }),
                Err(panic) => {
                    broken(&shared, panic);
                    encode_refusal(id, Refusal::Failed)
                }
            }
        }
    };
    let bytes = frame.len();
    let _ = outgoing.send(frame, bytes).await; // a caller that is gone needs no answer
}

/// Runs one stream of the service.
async fn stream<S: Service>(shared: Arc<Shared<S>>, peer: Peer, connection: Connection) {
    let handle: Handle = connection.handle.clone();
    let serving = AssertUnwindSafe(shared.service.stream(peer, Stream::new(connection))).catch_unwind();
    let told_to_stop = async {
        shared.stop.cancelled().await;
        handle.hush();
        sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => if let Err(panic) = served {
            broken(&shared, panic);
        },
        () = told_to_stop => {}
    }
    handle.finish();
}

/// The service broke: the server stops, so that the process does not go on wrong.
fn broken<S>(shared: &Shared<S>, panic: Box<dyn Any + Send>) {
    tracing::error!("the service panicked, the server stops");
    shared.panic.lock().get_or_insert(panic);
    shared.stop.cancel();
}
