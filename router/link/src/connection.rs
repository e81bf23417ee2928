//! One authenticated connection: frames in, frames out, heartbeats, and how it ends.
//!
//! ```text
//! open --finish()--> flushing --written or 3 s--> lingering --peer closed or 1 s--> ended
//!   \---- peer closed, peer silent for 3 s, bad frame -----------------------------> ended
//! ```

use crate::frame::{Decoder, Frame, FrameError, Kind, LENGTH, heartbeat};
use crate::packing::Packing;
use crate::queue::{Queued, Rx, Tx, queue};
use crate::socket::{Reading, Socket, Writing};
use bytes::Bytes;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// A sign of life after this long without another frame.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(200);
/// Silence of a peer that is taken for its death.
pub(crate) const SILENCE: Duration = Duration::from_secs(3);
const FLUSH: Duration = Duration::from_secs(3);
const LINGER: Duration = Duration::from_secs(1);
const BATCH: usize = 64;
const COALESCE: usize = 64 << 10;

/// The owner's side of a running connection.
pub(crate) struct Connection {
    /// Encoded frames to write.
    pub(crate) outgoing: Tx<Bytes>,
    /// Frames that arrived, heartbeats taken out; ends with the connection.
    pub(crate) incoming: Rx<Frame>,
    /// Ends it.
    pub(crate) handle: Handle,
    /// When something of the peer arrived last.
    pub(crate) pulse: Pulse,
}

/// When something of a peer arrived last.
#[derive(Clone)]
pub(crate) struct Pulse {
    began: Instant,
    heard_ms: Arc<AtomicU64>,
}

impl Pulse {
    fn new() -> Self {
        Self { began: Instant::now(), heard_ms: Arc::default() }
    }

    fn beat(&self) {
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(now_ms, Ordering::Relaxed);
    }

    /// How long nothing arrived.
    pub(crate) fn silent_for(&self) -> Duration {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(heard)
    }
}

/// Ends a connection.
#[derive(Clone, Default)]
pub(crate) struct Handle {
    finish: CancellationToken,
    hush: CancellationToken,
}

impl Handle {
    /// Writes what is queued, then closes.
    pub(crate) fn finish(&self) {
        self.finish.cancel();
    }

    /// Delivers no further frames; writing goes on.
    pub(crate) fn hush(&self) {
        self.hush.cancel();
    }
}

/// Why a connection ended.
#[derive(Debug, Error)]
enum Ending {
    #[error("the peer closed it")]
    Closed,
    #[error("the peer was silent for 3 s")]
    Silent,
    #[error("the peer sent {0}")]
    Frame(#[from] FrameError),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Makes a connection of a socket after its handshake. It runs as long as the returned future is polled;
/// dropping that future cuts the connection.
pub(crate) fn open(
    socket: Socket,
    peer: String,
    packing: Packing,
) -> (Connection, impl Future<Output = ()> + Send + 'static) {
    let (out_tx, out_rx) = queue();
    let (in_tx, in_rx) = queue();
    let handle = Handle::default();
    let pulse = Pulse::new();
    let inner = Inner { outgoing: out_rx, incoming: in_tx, handle: handle.clone(), pulse: pulse.clone() };
    let running = run(socket, peer, inner, packing);
    (Connection { outgoing: out_tx, incoming: in_rx, handle, pulse }, running)
}

/// The other side of a [`Connection`].
struct Inner {
    outgoing: Rx<Bytes>,
    incoming: Tx<Frame>,
    handle: Handle,
    pulse: Pulse,
}

async fn run(socket: Socket, peer: String, inner: Inner, packing: Packing) {
    let Inner { outgoing, incoming, handle, pulse } = inner;
    let (reading, writing) = socket.split();
    let mut reader = std::pin::pin!(read(reading, incoming, &handle.hush, &pulse, &packing));
    let writer = write(writing, outgoing, &handle.finish, &packing);
    let overdue = async {
        handle.finish.cancelled().await;
        sleep(FLUSH).await;
    };
    tokio::select! {
        biased;
        ending = &mut reader => report(&peer, &ending),
        written = writer => match written {
            Ok(()) => drop(timeout(LINGER, reader).await),
            Err(error) => report(&peer, &Ending::Io(error)),
        },
        () = overdue => tracing::warn!(%peer, "connection closed before everything was written"),
    }
}

fn report(peer: &str, ending: &Ending) {
    match ending {
        Ending::Silent | Ending::Frame(_) => tracing::warn!(%peer, "connection lost: {ending}"),
        Ending::Closed | Ending::Io(_) => tracing::debug!(%peer, "connection ended: {ending}"),
    }
}

/// Reads until the connection ends. When nobody wants the frames any more they are discarded, so that the
/// peer's end is still seen.
async fn read(
    mut socket: Reading,
    incoming: Tx<Frame>,
    hush: &CancellationToken,
    pulse: &Pulse,
    packing: &Packing,
) -> Ending {
    let mut decoder = Decoder { packed_allowed: packing.agreed, ..Decoder::default() };
    let mut incoming = Some(incoming);
    loop {
        loop {
            let frame = match decoder.next() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return error.into(),
            };
            if frame.kind == Kind::Heartbeat {
                continue;
            }
            let bytes = frame.body.len();
            packing.policy.traffic().count_received(LENGTH + 1 + bytes, frame.size);
            let Some(queue) = &incoming else { continue };
            let delivered = tokio::select! {
                biased;
                () = hush.cancelled() => false,
                sent = queue.send(frame, bytes) => sent.is_ok(),
            };
            if !delivered {
                incoming = None;
            }
        }
        let hushed = async {
            match &incoming {
                Some(_) => hush.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = timeout(SILENCE, socket.read_buf(decoder.space())) => match read {
                Err(_) => return Ending::Silent,
                Ok(Err(error)) => return error.into(),
                Ok(Ok(0)) => return Ending::Closed,
                Ok(Ok(_)) => pulse.beat(),
            },
            () = hushed => incoming = None,
        }
    }
}

/// Writes until told to finish and everything is written, or until every sender is gone.
async fn write(
    mut socket: Writing,
    mut queue: Rx<Bytes>,
    finish: &CancellationToken,
    packing: &Packing,
) -> io::Result<()> {
    let alive = heartbeat();
    let mut batch: Vec<Queued<Bytes>> = Vec::with_capacity(BATCH);
    let mut buffer = Vec::with_capacity(COALESCE);
    let mut finishing = false;
    loop {
        tokio::select! {
            biased;
            () = finish.cancelled(), if !finishing => {
                finishing = true;
                queue.close();
                continue;
            }
            count = queue.recv_many(&mut batch, BATCH) => if count == 0 {
                return socket.shutdown().await;
            },
            () = sleep(HEARTBEAT) => {
                socket.write_all(&alive).await?;
                socket.flush().await?;
                continue;
            }
        }
        for Queued { item, .. } in batch.drain(..) {
            let frame = packing.pack(item);
            if buffer.len() + frame.len() > COALESCE && !buffer.is_empty() {
                socket.write_all(&buffer).await?;
                buffer.clear();
            }
            if frame.len() > COALESCE {
                socket.write_all(&frame).await?;
            } else {
                buffer.extend_from_slice(&frame);
            }
        }
        if !buffer.is_empty() {
            socket.write_all(&buffer).await?;
            buffer.clear();
        }
        socket.flush().await?;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::frame::{MAX_FRAME, encode};
    use rand::{Rng, SeedableRng};
    use std::net::Ipv4Addr;
    use tokio::net::{TcpListener, TcpStream};

    const SOON: Duration = Duration::from_secs(10);

    fn packing() -> Packing {
        Packing { policy: crate::Policy::default(), agreed: false }
    }

    async fn sockets() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn an_authenticated_peer_that_goes_mad_ends_only_its_connection() {
        let mut random = rand::rngs::StdRng::seed_from_u64(20_261_122);
        for round in 0..60 {
            let (mut mad, ours) = sockets().await;
            let (mut connection, running) = open(Socket::Plain(ours), "mad".to_owned(), packing());
            let ours = tokio::spawn(running);
            let good = encode(Kind::Message, None, &round).unwrap();
            mad.write_all(&good).await.unwrap();
            let mut bytes = vec![0u8; random.random_range(5..5000)];
            random.fill(&mut bytes[..]);
            bytes[..4].copy_from_slice(&(MAX_FRAME as u32 + random.random_range(1..1000)).to_le_bytes());
            let _ = mad.write_all(&bytes).await;
            let first = timeout(SOON, connection.incoming.recv()).await.unwrap().unwrap();
            assert_eq!(first.body, good.slice(5..));
            assert!(timeout(SOON, connection.incoming.recv()).await.unwrap().is_none());
            timeout(SOON, ours).await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn what_waits_for_a_slow_reader_is_bounded_in_bytes() {
        let (idle, ours) = sockets().await;
        let (connection, running) = open(Socket::Plain(ours), "idle".to_owned(), packing());
        let ours = tokio::spawn(running);
        let large = encode(Kind::Message, None, &"x".repeat(1 << 20)).unwrap();
        let mut queued = 0;
        while connection.outgoing.try_send(large.clone(), large.len()).is_ok() {
            queued += 1;
            tokio::task::yield_now().await;
        }
        assert!(queued < 64, "{queued} MiB queued for a peer that reads nothing");
        drop(idle);
        timeout(SOON, ours).await.unwrap().unwrap();
    }
}
