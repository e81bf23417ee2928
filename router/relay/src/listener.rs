//! The edge's end: relays come in, and each of their streams is a player.
//!
//! | task | ends |
//! |---|---|
//! | one that accepts relays | with the listener |
//! | one a relay, that accepts its streams | with the relay's connection, or with the listener |

use crate::{ALPN, Identity, transport};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream, ServerConfig, VarInt};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{Join, join};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Players that may wait to be taken.
const WAITING: usize = 256;
/// Handshakes at once from which on a relay must first prove its address.
const UNPROVEN: usize = 64;
/// How long a handshake may take, and a relay without a first player may stay.
const FIRST_STREAM: Duration = Duration::from_secs(10);

/// Held while a relay is connected.
pub type Guard = Box<dyn Send>;
/// Says whether a relay at this address may connect: `None` when not.
pub type Gate = Arc<dyn Fn(IpAddr) -> Option<Guard> + Send + Sync>;

/// A player that came through a relay.
pub struct PlayerStream {
    /// Where its relay is reached at this moment.
    pub address: SocketAddr,
    /// Bytes both ways.
    pub stream: Join<RecvStream, SendStream>,
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
    players: mpsc::Receiver<PlayerStream>,
    _accepting: JoinSet<()>,
}

impl Listener {
    /// Listens for UDP at the address; port 0 takes any free one. Must be called inside of a tokio runtime.
    pub fn bind(address: SocketAddr, identity: Identity, gate: Gate) -> Result<Self, ListenError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(identity.chain, identity.key)?;
        tls.alpn_protocols = vec![ALPN.to_vec()];
        #[expect(clippy::expect_used, reason = "ring has the cipher suite that QUIC begins with")]
        let quic = QuicServerConfig::try_from(tls).expect("ring knows AES-128-GCM");
        let mut config = ServerConfig::with_crypto(Arc::new(quic));
        config.transport_config(transport::of_edge()).migration(true);
        let endpoint = Endpoint::server(config, address)?;
        let address = endpoint.local_addr()?;
        let (taken, players) = mpsc::channel(WAITING);
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(endpoint, gate, taken));
        Ok(Self { address, players, _accepting: accepting })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The next player. Cancelling the wait loses nothing; `None` never comes while the listener lives.
    pub async fn next(&mut self) -> Option<PlayerStream> {
        self.players.recv().await
    }
}

async fn accept(endpoint: Endpoint, gate: Gate, players: mpsc::Sender<PlayerStream>) {
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
                            relays.spawn(relay(incoming, guard, shaking, players.clone()));
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
async fn relay(incoming: Incoming, guard: Guard, shaking: Arc<()>, players: mpsc::Sender<PlayerStream>) {
    let _guard = guard;
    let address = incoming.remote_address();
    let shaken = match incoming.accept() {
        Ok(connecting) => timeout(FIRST_STREAM, connecting).await,
        Err(error) => return tracing::debug!(%address, "a relay was gone at once: {error}"),
    };
    drop(shaking);
    match shaken {
        Ok(Ok(connection)) => serve(&connection, &players).await,
        Ok(Err(error)) => tracing::debug!(%address, "a relay did not get in: {error}"),
        Err(_) => tracing::debug!(%address, "a relay took too long to get in"),
    }
}

async fn serve(connection: &Connection, players: &mpsc::Sender<PlayerStream>) {
    let mut first = true;
    loop {
        let accepted = if first {
            timeout(FIRST_STREAM, connection.accept_bi()).await
        } else {
            Ok(connection.accept_bi().await)
        };
        let (writing, reading) = match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!("a relay left: {error}"),
            Err(_) => return connection.close(VarInt::from_u32(0), b"no player came"),
        };
        first = false;
        let player = PlayerStream { address: connection.remote_address(), stream: join(reading, writing) };
        if players.send(player).await.is_err() {
            return; // the edge takes nobody any more
        }
    }
}
