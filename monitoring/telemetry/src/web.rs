//! Pages over HTTP for whoever asks, within bounds: so many connections, each for one request and a short time.
//!
//! | a stranger who | gets |
//! |---|---|
//! | connects and says little or nothing | closed after [`Bounds::head`] |
//! | sends or reads slowly | closed after [`Bounds::life`] |
//! | holds many connections | closed at once when over [`Bounds::per_address`] |
//! | is many | waits in the kernel when all together are over [`Bounds::connections`] |
//! | sends a long head | 431 |
//!
//! The length of a body is the business of the pages. Who asks is known by [`axum::extract::ConnectInfo`], from
//! the connection and never from a header.

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Largest head of a request.
const HEAD_BYTES: usize = 16 << 10;
/// Pause when the machine has no room for another connection.
const PAUSE: Duration = Duration::from_millis(50);
/// What requests under way get when the process stops.
const DRAIN: Duration = Duration::from_secs(3);

/// What strangers may take.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once of one address: an IPv4 address, or an IPv6 /64. This machine itself is exempt.
    pub per_address: usize,
    /// Time for the head of a request.
    pub head: Duration,
    /// Time for everything.
    pub life: Duration,
}

/// Serves pages until `stop`, and then what is under way for a moment.
pub async fn serve(listener: TcpListener, pages: Router, bounds: Bounds, stop: CancellationToken) {
    let visitors = Visitors::default();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < bounds.connections.max(1) => match accepted {
                Ok((socket, peer)) => {
                    if let Some(visit) = visitors.enter(peer.ip(), bounds.per_address) {
                        let pages = pages.clone().layer(Extension(ConnectInfo(peer)));
                        connections.spawn(answer(socket, pages, bounds, stop.clone(), visit));
                    }
                }
                Err(error) => {
                    tracing::debug!("cannot accept a visitor: {error}");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(DRAIN, all).await; // dropping the set ends the rest
}

/// One connection: one request.
async fn answer(socket: TcpStream, pages: Router, bounds: Bounds, stop: CancellationToken, _visit: Visit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(pages));
    let mut connection = std::pin::pin!(connection);
    let served = timeout(bounds.life, async {
        tokio::select! {
            served = connection.as_mut() => return served,
            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.as_mut().await
    });
    if let Ok(Err(error)) = served.await {
        tracing::trace!("a visitor was not served: {error}");
    }
}

/// Who is connected, by address.
#[derive(Clone, Default)]
struct Visitors(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection, for as long as it lives.
struct Visit {
    visitors: Visitors,
    from: Option<IpAddr>,
}

impl Visitors {
    /// `None` when the address has as many connections as it may have.
    fn enter(&self, address: IpAddr, most: usize) -> Option<Visit> {
        let from = network(address);
        if let Some(from) = from {
            let mut connections = self.0.lock();
            let count = connections.get(&from).copied().unwrap_or_default();
            if count >= most {
                return None;
            }
            connections.insert(from, count + 1);
        }
        Some(Visit { visitors: self.clone(), from })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let Some(from) = self.from else { return };
        let mut connections = self.visitors.0.lock();
        match connections.get_mut(&from) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(connections.remove(&from)),
        }
    }
}

/// What counts as one address; `None` for this machine itself.
fn network(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        own if own.is_loopback() => None,
        IpAddr::V4(v4) => Some(IpAddr::V4(v4)),
        IpAddr::V6(v6) => Some(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::routing::get;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const BOUNDS: Bounds = Bounds {
        connections: 2,
        per_address: 2,
        head: Duration::from_millis(300),
        life: Duration::from_millis(900),
    };
    /// More than any of the bounds takes, even on a busy machine.
    const LATE: Duration = Duration::from_secs(20);
    const REQUEST: &[u8] = b"GET /who HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 127.0.0.9\r\n\r\n";

    async fn who(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
        peer.ip().to_string()
    }

    async fn started() -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let pages = Router::new()
            .route("/who", get(who))
            .route("/never", get(|| async { std::future::pending::<&str>().await }));
        (address, stop.clone(), tokio::spawn(serve(listener, pages, BOUNDS, stop)))
    }

    /// Everything until the server closes, and how long that took.
    async fn rest(mut socket: TcpStream) -> (String, Duration) {
        let (began, mut text) = (Instant::now(), Vec::new());
        let read = timeout(LATE, socket.read_to_end(&mut text)).await;
        assert!(read.is_ok(), "the server does not close");
        (String::from_utf8_lossy(&text).into_owned(), began.elapsed())
    }

    async fn asks(address: SocketAddr, request: &[u8]) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request).await.unwrap();
        rest(socket).await.0
    }

    #[tokio::test]
    async fn a_visitor_is_answered_once_and_known_by_its_connection() {
        let (address, _stop, _serving) = started().await;
        let answer = asks(address, REQUEST).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
    }

    #[tokio::test]
    async fn who_is_silent_or_slow_is_closed_and_makes_room_for_others() {
        let (address, _stop, _serving) = started().await;
        let silent = TcpStream::connect(address).await.unwrap();
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(&REQUEST[..30]).await.unwrap();
        let answer = tokio::spawn(async move { asks(address, REQUEST).await });
        let (silent, slow) = tokio::join!(rest(silent), rest(slow));
        assert!(!silent.0.contains("200") && !slow.0.contains("200"), "{silent:?} {slow:?}");
        assert!(answer.await.unwrap().starts_with("HTTP/1.1 200"), "who waited is served");
    }

    #[tokio::test]
    async fn a_page_that_takes_too_long_ends_with_its_connection() {
        let (address, _stop, _serving) = started().await;
        assert_eq!(asks(address, b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await, "");
    }

    #[tokio::test]
    async fn a_head_without_end_is_refused() {
        let (address, _stop, _serving) = started().await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let (mut reading, mut writing) = socket.split();
        let line = format!("X-Long: {}\r\n", "x".repeat(8_000));
        let writes = async {
            let _ = writing.write_all(b"GET /who HTTP/1.1\r\n").await;
            while writing.write_all(line.as_bytes()).await.is_ok() {}
        };
        let mut answer = [0; 12];
        tokio::select! {
            () = writes => {} // refused by a reset before the answer was read
            read = timeout(LATE, reading.read_exact(&mut answer)) => {
                assert!(matches!(read, Ok(Err(_))) || answer == *b"HTTP/1.1 431", "{answer:?}");
            }
        }
    }

    #[tokio::test]
    async fn stopping_ends_what_hangs() {
        let (address, stop, serving) = started().await;
        let mut hangs = TcpStream::connect(address).await.unwrap();
        hangs.write_all(&REQUEST[..10]).await.unwrap();
        stop.cancel();
        assert!(timeout(LATE, serving).await.is_ok());
    }

    #[test]
    fn one_address_has_so_many_connections_and_no_more() {
        let visitors = Visitors::default();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let visits: Vec<Visit> = ["2001:db8::1", "2001:db8::ffff:2"]
            .into_iter()
            .map(|host| visitors.enter(ip(host), 2).unwrap())
            .collect();
        assert!(visitors.enter(ip("2001:db8::3"), 2).is_none(), "the same network");
        assert!(visitors.enter(ip("2001:db8:0:1::3"), 2).is_some());
        assert!(visitors.enter(ip("203.0.113.1"), 2).is_some());
        drop(visits);
        assert!(visitors.enter(ip("2001:db8::3"), 2).is_some());
        assert!(visitors.0.lock().is_empty(), "who has gone is forgotten");
        let own: Vec<_> = (0..9).map(|_| visitors.enter(ip("::ffff:127.0.0.1"), 2)).collect();
        assert!(own.iter().all(Option::is_some), "this machine itself is exempt");
    }
}
