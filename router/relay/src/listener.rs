//! The edge's end: relays come in, and each of their streams is a player.
//!
//! | task | ends |
//! |---|---|
//! | one that accepts relays | with the listener |
//! | one a relay, that accepts its streams | with the relay's connection, when that carries nobody for too long, or with the listener |
//! | one a stream, that hears what it is for | when it knows, or with the one of its relay |

use crate::berth::Order;
use crate::lane::{Lane, code};
use crate::opening::{Answer, Wish};
use crate::rated::Rated;
use crate::seats::Seats;
use crate::transport::{self, STREAMS};
use crate::version::{self, Version};
use crate::{Carried, Identity, Streams, resets};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{Connection, Endpoint, Incoming, RecvStream, SendStream, ServerConfig, TokioRuntime};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Players that may wait to be taken.
const WAITING: usize = 256;
/// How long a handshake may take, a relay without players may stay, and a stream may leave open what it is for.
const FIRST_STREAM: Duration = Duration::from_secs(10);
/// Tickets that nobody has on one connection: all players of a relay may have expired, and each shows its ticket once.
const REFUSED_MAX: u32 = STREAMS;
/// One line about such tickets in this time at most.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// How long relays may take to hear that they should come back.
const FAREWELL: Duration = Duration::from_millis(500);

/// Held while a relay is connected.
pub type Guard = Box<dyn Send>;
/// Says whether a relay at this address may connect: `None` when not. Who is asked for has proven the address.
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
        let strangers = Arc::new(Rated::new(COMPLAIN_EVERY));
        let hall = Hall { streams: streams.clone(), players: taken, strangers };
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
    strangers: Arc<Rated>,
}

/// A relay that is connected.
#[derive(Clone)]
struct Guest {
    connection: Connection,
    order: Order,
    seats: Seats,
    hall: Hall,
}

async fn accept(endpoint: Endpoint, gate: Gate, hall: Hall) {
    let mut relays = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                // a first packet can come in anybody's name, whose limits it would fill. Always, not only beside unfinished
                // handshakes of the same address: the first of those would be charged already. It costs a relay a round trip
                // when it connects, and the edge nothing that it has to remember.
                Some(incoming) if !incoming.remote_address_validated() => drop(incoming.retry()),
                Some(incoming) => match gate(incoming.remote_address().ip().to_canonical()) {
                    Some(guard) => {
                        let order = hall.streams.next_order();
                        relays.spawn(relay(incoming, guard, order, hall.clone()));
                    }
                    None => incoming.refuse(),
                },
                None => break,
            },
            Some(_) = relays.join_next() => {}
        }
    }
}

/// One relay, from its first packet to its end.
async fn relay(incoming: Incoming, guard: Guard, order: Order, hall: Hall) {
    let _guard = guard;
    let address = incoming.remote_address();
    let shaken = match incoming.accept() {
        Ok(connecting) => timeout(FIRST_STREAM, connecting).await,
        Err(error) => return tracing::debug!(%address, "a relay was gone at once: {error}"),
    };
    match shaken {
        Ok(Ok(connection)) => match version::of(&connection) {
            Version::Ours => serve(Guest { connection, order, seats: Seats::default(), hall }).await,
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

async fn serve(guest: Guest) {
    let connection = &guest.connection;
    let mut opening = JoinSet::new();
    let mut refused = 0;
    let mut deserted = pin!(guest.seats.empty_for(FIRST_STREAM));
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept_bi() => accepted,
            // a stream may be on its way: it comes again on another connection
            () = &mut deserted => return connection.close(code::COME_BACK, b"no player for too long"),
            Some(opened) = opening.join_next() => {
                refused += u32::from(matches!(opened, Ok(Opened::Refused)));
                match refused > REFUSED_MAX {
                    true => return connection.close(code::OVER, b"too many tickets that nobody has"),
                    false => continue,
                }
            }
        };
        match accepted {
            Ok((writing, reading)) => drop(opening.spawn(open(guest.clone(), writing, reading))),
            Err(error) => return tracing::debug!("a relay left: {error}"),
        }
    }
}

/// What became of a stream.
enum Opened {
    /// It carries a player, or nothing.
    Done,
    /// It showed a ticket that nobody has.
    Refused,
}

/// Hears what a stream is for.
async fn open(guest: Guest, writing: SendStream, mut reading: RecvStream) -> Opened {
    let Guest { connection, order, seats, hall } = guest;
    let address = connection.remote_address();
    let wish = match timeout(FIRST_STREAM, Wish::read(&mut reading)).await {
        Ok(Ok(wish)) => wish,
        Ok(Err(error)) => {
            tracing::debug!(%address, "a stream came to nothing: {error}");
            return Opened::Done;
        }
        Err(_) => {
            tracing::debug!(%address, "a stream said nothing");
            return Opened::Done;
        }
    };
    let mut lane = Lane::new(connection, (writing, reading));
    match wish {
        Wish::Begin => {
            lane.seat = Some(seats.take());
            // nobody takes it when the edge takes nobody any more
            drop(hall.players.send(PlayerStream { address, stream: hall.streams.begin(lane) }).await);
        }
        Wish::Resume { ticket, received } => match hall.streams.find(&ticket) {
            Some(berth) => {
                lane.seat = Some(seats.take());
                berth.arrive(lane, received, order);
            }
            None => {
                if let Some(held_back) = hall.strangers.allow(Instant::now()) {
                    tracing::info!(%address, held_back, "a relay shows a ticket that nobody has, or not any more");
                }
                refuse(lane).await;
                return Opened::Refused;
            }
        },
    }
    Opened::Done
}

/// Until the relay has heard it.
async fn refuse(mut lane: Lane) {
    let _ = lane.write_all(&Answer::Refused.bytes()).await;
    let _ = lane.shutdown().await;
    let _ = timeout(FIRST_STREAM, lane.writing.stopped()).await;
}

#[cfg(test)]
mod tests;
