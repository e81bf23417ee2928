//! The edge's end: relays come in, and each of their streams is a player.
//!
//! | task | ends |
//! |---|---|
//! | one that accepts relays | with the listener |
//! | one a relay, that accepts its streams | with the relay's connection, or with the listener |
//! | one a stream, that hears what it is for | when it knows, or with the one of its relay |

use crate::lane::{Lane, code};
use crate::opening::{Answer, Wish};
use crate::version::{self, Version};
use crate::{Carried, Identity, Streams, resets, transport};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream, ServerConfig, TokioRuntime};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Players that may wait to be taken.
const WAITING: usize = 256;
/// Handshakes at once from which on a relay must first prove its address.
const UNPROVEN: usize = 64;
/// How long a handshake may take, a relay without a first player may stay, and a stream may leave open what it is for.
const FIRST_STREAM: Duration = Duration::from_secs(10);
/// How long relays may take to hear that they should come back.
const FAREWELL: Duration = Duration::from_millis(500);

/// Held while a relay is connected.
pub type Guard = Box<dyn Send>;
/// Says whether a relay at this address may connect: `None` when not.
pub type Gate = Arc<dyn Fn(IpAddr) -> Option<Guard> + Send + Sync>;

/// A player that came through a relay.
pub struct PlayerStream {
    /// Where its relay is reached at this moment.
    pub address: SocketAddr,
    /// Bytes both ways, which outlive the connection.
    pub stream: Carried,
}

/// A listener that cannot be.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address cannot be bound.
    #[error("{0}")]
    Bind(#[from] io::Error),
    /// Key and certificate do not belong together.
    #[error("the certificate cannot be used: {0}")]
    Certificate(#[from] rustls::Error),
}

/// Listens for relays. When it is dropped nobody else gets in; who plays is served to the end.
pub struct Listener {
    address: SocketAddr,
    endpoint: Endpoint,
    streams: Streams,
    players: mpsc::Receiver<PlayerStream>,
    _accepting: JoinSet<()>,
}

impl Listener {
    /// Listens for UDP at the address; port 0 takes any free one. Who resumes is looked for among `streams`. Must be called
    /// inside of a tokio runtime.
    pub fn bind(
        address: SocketAddr,
        identity: Identity,
        gate: Gate,
        streams: Streams,
    ) -> Result<Self, ListenError> {
        let answers = resets::endpoint(&identity);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(identity.chain, identity.key)?;
        tls.alpn_protocols = version::offered();
        #[expect(clippy::expect_used, reason = "ring has the cipher suite that QUIC begins with")]
        let quic = QuicServerConfig::try_from(tls).expect("ring knows AES-128-GCM");
        let mut config = ServerConfig::with_crypto(Arc::new(quic));
        config.transport_config(transport::of_edge()).migration(true);
        let socket = UdpSocket::bind(address)?;
        let endpoint = Endpoint::new(answers, Some(config), socket, Arc::new(TokioRuntime))?;
        let address = endpoint.local_addr()?;
        streams.listens(Some(endpoint.clone()));
        let (taken, players) = mpsc::channel(WAITING);
        let mut accepting = JoinSet::new();
        let hall = Hall { streams: streams.clone(), players: taken };
        accepting.spawn(accept(endpoint.clone(), gate, hall));
        Ok(Self { address, endpoint, streams, players, _accepting: accepting })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next player. Cancelling the wait loses nothing; `None` never comes while the listener lives.
    pub async fn next(&mut self) -> Option<PlayerStream> {
        self.players.recv().await
    }

    /// Waits until relays that were sent on should have heard it: see [`Streams::come_back`]. Who has not asks the next edge.
    pub async fn left(self) {
        let _ = timeout(FAREWELL, self.endpoint.wait_idle()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.streams.listens(None);
    }
}

/// Where streams go.
#[derive(Clone)]
struct Hall {
    streams: Streams,
    players: mpsc::Sender<PlayerStream>,
}

async fn accept(endpoint: Endpoint, gate: Gate, hall: Hall) {
    let mut relays = JoinSet::new();
    let handshakes = Arc::new(());
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => {
                    if Arc::strong_count(&handshakes) > UNPROVEN && incoming.may_retry() {
                        let _ = incoming.retry();
                        continue;
                    }
                    match gate(incoming.remote_address().ip().to_canonical()) {
                        Some(guard) => {
                            let shaking = Arc::clone(&handshakes);
                            relays.spawn(relay(incoming, guard, shaking, hall.clone()));
                        }
                        None => incoming.refuse(),
                    }
                }
                None => break,
            },
            Some(_) = relays.join_next() => {}
        }
    }
}

/// One relay, from its first packet to its end.
async fn relay(incoming: Incoming, guard: Guard, shaking: Arc<()>, hall: Hall) {
    let _guard = guard;
    let address = incoming.remote_address();
    let shaken = match incoming.accept() {
        Ok(connecting) => timeout(FIRST_STREAM, connecting).await,
        Err(error) => return tracing::debug!(%address, "a relay was gone at once: {error}"),
    };
    drop(shaking);
    match shaken {
        Ok(Ok(connection)) => match version::of(&connection) {
            Version::Ours => serve(&connection, &hall).await,
            Version::Other(found) => {
                let text = version::refusal("relay", &found);
                tracing::info!(%address, "a relay is refused: {text}");
                connection.close(code::VERSION, text.as_bytes());
                connection.closed().await;
            }
        },
        Ok(Err(error)) => tracing::debug!(%address, "a relay did not get in: {error}"),
        Err(_) => tracing::debug!(%address, "a relay took too long to get in"),
    }
}

async fn serve(connection: &Connection, hall: &Hall) {
    let mut opening = JoinSet::new();
    let mut first = true;
    loop {
        let accepted = tokio::select! {
            accepted = async {
                match first {
                    true => timeout(FIRST_STREAM, connection.accept_bi()).await,
                    false => Ok(connection.accept_bi().await),
                }
            } => accepted,
            Some(_) = opening.join_next() => continue,
        };
        let (writing, reading) = match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!("a relay left: {error}"),
            Err(_) => return connection.close(code::OVER, b"no player came"),
        };
        first = false;
        opening.spawn(open(connection.clone(), reading, writing, hall.clone()));
    }
}

/// Hears what a stream is for.
async fn open(connection: Connection, mut reading: RecvStream, writing: SendStream, hall: Hall) {
    let address = connection.remote_address();
    let wish = match timeout(FIRST_STREAM, Wish::read(&mut reading)).await {
        Ok(Ok(wish)) => wish,
        Ok(Err(error)) => return tracing::debug!(%address, "a stream came to nothing: {error}"),
        Err(_) => return tracing::debug!(%address, "a stream said nothing"),
    };
    let lane = Lane { connection, reading, writing };
    match wish {
        // nobody takes it when the edge takes nobody any more
        Wish::Begin => {
            drop(hall.players.send(PlayerStream { address, stream: hall.streams.begin(lane) }).await);
        }
        Wish::Resume { ticket, received } => {
            if let Err(mut lane) = hall.streams.resume(&ticket, lane, received) {
                tracing::info!(%address, "a relay shows a ticket that nobody has, or not any more");
                let _ = lane.write_all(&Answer::Refused.bytes()).await;
                let _ = lane.shutdown().await;
                // until the relay has heard it
                let _ = timeout(FIRST_STREAM, lane.writing.stopped()).await;
            }
        }
    }
}

#[cfg(test)]
mod tests;
