//! The player's end: TCP on its own machine, QUIC to the edge.
//!
//! | task | ends |
//! |---|---|
//! | one that accepts clients | with the relay |
//! | one a client, that copies both ways | when either end closes, or with the relay |

use crate::transport::STREAMS;
use crate::{Trust, TrustError};
use quinn::{Connection, Endpoint, RecvStream, SendStream, VarInt};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{copy_bidirectional, join};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Connection, handshake and first stream take no longer than this.
const CONNECT: Duration = Duration::from_secs(10);
/// Pause when the machine has no room for another client.
const PAUSE: Duration = Duration::from_millis(100);

/// What a relay is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where the edge listens for QUIC.
    pub edge: SocketAddr,
    /// The name of the edge in its certificate; not looked at when a fingerprint is pinned.
    pub edge_name: String,
    /// How the edge is known.
    pub trust: Trust,
}

/// A relay that cannot run, or a player that it cannot carry.
#[derive(Debug, Error)]
pub enum RelayError {
    /// It cannot listen for clients.
    #[error("cannot listen for clients on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// It has no UDP socket.
    #[error("cannot open a UDP socket: {0}")]
    Udp(#[source] io::Error),
    /// The CA cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The edge cannot be reached, or is not the one it should be.
    #[error("cannot connect to the edge {edge}: {why}")]
    Edge {
        /// Where.
        edge: SocketAddr,
        /// Why.
        why: String,
    },
}

/// A relay.
pub struct Relay {
    listener: TcpListener,
    uplink: Arc<Uplink>,
}

/// The connection to the edge, while there are players.
struct Uplink {
    endpoint: Endpoint,
    edge: SocketAddr,
    edge_name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    players: usize,
}

impl Relay {
    /// Listens for clients; the edge is looked for when the first comes.
    pub async fn start(options: &Options) -> Result<Self, RelayError> {
        let mut endpoint = Endpoint::client(any(options.edge)).map_err(RelayError::Udp)?;
        endpoint.set_default_client_config(options.trust.config()?);
        let listen = |source| RelayError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let uplink = Uplink {
            endpoint,
            edge: options.edge,
            edge_name: options.edge_name.clone(),
            state: Mutex::default(),
        };
        Ok(Self { listener, uplink: Arc::new(uplink) })
    }

    /// Where clients connect.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Moves the running connection to a UDP socket of its own choice, as a machine does that changes networks.
    pub fn rebind(&self) -> io::Result<()> {
        self.uplink.endpoint.rebind(UdpSocket::bind(any(self.uplink.edge))?)
    }

    /// Carries players until `stop`; then all connections are closed.
    pub async fn run(&self, stop: CancellationToken) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = clients.join_next() => {}
                accepted = self.listener.accept(), if clients.len() < STREAMS as usize => match accepted {
                    Ok((client, address)) => {
                        let uplink = Arc::clone(&self.uplink);
                        clients.spawn(async move { uplink.carry(client, address).await });
                    }
                    Err(error) => {
                        tracing::warn!("cannot accept a client: {error}");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
        clients.shutdown().await;
        self.uplink.endpoint.close(VarInt::from_u32(0), b"the relay stops");
        let _ = timeout(PAUSE, self.uplink.endpoint.wait_idle()).await;
    }
}

impl Uplink {
    /// One client from its connection to its end.
    async fn carry(&self, mut client: TcpStream, address: SocketAddr) {
        let _ = client.set_nodelay(true);
        let opened = timeout(CONNECT, self.open()).await.unwrap_or_else(|_| {
            Err(RelayError::Edge { edge: self.edge, why: "no answer in time".to_owned() })
        });
        let (writing, reading) = match opened {
            Ok(stream) => stream,
            Err(error) => return tracing::warn!(%address, "a client is turned away: {error}"),
        };
        tracing::info!(%address, "a client plays");
        let mut stream = join(reading, writing);
        match copy_bidirectional(&mut client, &mut stream).await {
            Ok((up, down)) => tracing::info!(%address, up, down, "a client left"),
            Err(error) => tracing::info!(%address, "a client left: {error}"),
        }
        drop(stream);
        self.left().await;
    }

    /// A stream for one more player, on the connection that is there or on a new one.
    async fn open(&self) -> Result<(SendStream, RecvStream), RelayError> {
        let failed = |why: String| RelayError::Edge { edge: self.edge, why };
        let mut state = self.state.lock().await;
        if let Some(connection) = state.connection.as_ref().filter(|there| there.close_reason().is_none())
            && let Ok(stream) = connection.open_bi().await
        {
            state.players += 1;
            return Ok(stream);
        }
        let connecting = self.endpoint.connect(self.edge, &self.edge_name);
        let connecting = connecting.map_err(|error| failed(error.to_string()))?;
        let connection = connecting.await.map_err(|error| failed(error.to_string()))?;
        let stream = connection.open_bi().await.map_err(|error| failed(error.to_string()))?;
        state.connection = Some(connection);
        state.players += 1;
        Ok(stream)
    }

    /// The last player takes the connection along.
    async fn left(&self) {
        let mut state = self.state.lock().await;
        state.players = state.players.saturating_sub(1);
        if state.players == 0
            && let Some(connection) = state.connection.take()
        {
            connection.close(VarInt::from_u32(0), b"no players");
        }
    }
}

/// Any port of any address of the same family.
fn any(other: SocketAddr) -> SocketAddr {
    if other.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() }
}
