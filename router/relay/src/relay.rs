//! The player's end: TCP on its own machine, QUIC to the edge.
//!
//! | task | ends |
//! |---|---|
//! | one that accepts clients | with the relay |
//! | one a client, that copies both ways, and resumes its stream when the connection breaks | when either end closes, the edge has given the player up, or with the relay |

use crate::berth::{Berth, Order};
use crate::carried::Carried;
use crate::lane::{Lane, code};
use crate::ticket::Ticket;
use crate::traffic::Traffic;
use crate::transport::STREAMS;
use crate::uplink::{Granted, Uplink};
use crate::{Trust, TrustError};
use quinn::Endpoint;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

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
    pub(crate) uplink: Arc<Uplink>,
}

impl Relay {
    /// Listens for clients; the edge is looked for when the first comes.
    pub async fn start(options: &Options) -> Result<Self, RelayError> {
        let mut endpoint = Endpoint::client(any(options.edge)).map_err(RelayError::Udp)?;
        endpoint.set_default_client_config(options.trust.config()?);
        let listen = |source| RelayError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let uplink = Uplink::new(endpoint, options.edge, options.edge_name.clone());
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
                        clients.spawn(async move { carry(&uplink, client, address).await });
                    }
                    Err(error) => {
                        tracing::warn!("cannot accept a client: {error}");
                        sleep(PAUSE).await;
                    }
                },
            }
        }
        clients.shutdown().await;
        self.uplink.endpoint.close(code::OVER, b"the relay stops");
        let _ = timeout(PAUSE, self.uplink.endpoint.wait_idle()).await;
    }
}

/// One client from its connection to its end.
async fn carry(uplink: &Uplink, mut client: TcpStream, address: SocketAddr) {
    let _ = client.set_nodelay(true);
    let Granted { lane, ticket, keep } = match uplink.begin().await {
        Ok(granted) => granted,
        Err(error) => return tracing::warn!(%address, "a client is turned away: {error}"),
    };
    tracing::info!(%address, "a client plays");
    let traffic = Arc::new(Traffic::default());
    let counting = Arc::clone(&traffic);
    let berth = Arc::new(Berth::default());
    let mut carried = Carried::of_relay(lane, Arc::clone(&berth), Arc::new(move |note| counting.count(note)));
    let end = tokio::select! {
        end = copy_bidirectional(&mut client, &mut carried) => end.map(drop).map_err(|error| error.to_string()),
        error = stay(uplink, &berth, &ticket, keep, address) => Err(error.to_string()),
    };
    let counts = traffic.counts();
    match end {
        Ok(()) => tracing::info!(%address, %counts, "a client left"),
        Err(why) => tracing::info!(%address, %counts, "a client left: {why}"),
    }
    drop(carried);
    uplink.left().await;
}

/// Finds another connection whenever one is lost, until there is none to be found.
async fn stay(
    uplink: &Uplink,
    berth: &Berth<Lane>,
    ticket: &Ticket,
    keep: Duration,
    address: SocketAddr,
) -> RelayError {
    let mut lost = berth.watch();
    loop {
        let received = match lost.wait_for(Option::is_some).await.map(|received| *received) {
            Ok(Some(received)) => received,
            // the berth is there, and so is what tells
            _ => return std::future::pending().await,
        };
        tracing::info!(%address, "the connection of a client is lost, looking for another");
        match uplink.resume(ticket, received, keep).await {
            Ok((lane, peer_received)) => berth.arrive(lane, peer_received, Order::default()),
            Err(error) => return error,
        }
        tracing::info!(%address, "the client plays on");
    }
}

/// Any port of any address of the same family.
fn any(other: SocketAddr) -> SocketAddr {
    if other.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() }
}
