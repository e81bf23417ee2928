#![allow(clippy::unwrap_used)]
use super::*;
use crate::{Carried, Gate, Guard, Identity, Listener, Note, Options, Relay, Streams, Trust};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(20);
/// Longer than any of these tests.
const LONG: Duration = Duration::from_secs(60);

fn any() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// An edge, a relay, and between them a line on which what the edge says can be lost.
struct Lossy {
    listener: Listener,
    uplink: Arc<Uplink>,
    clients: SocketAddr,
    lost: Arc<AtomicBool>,
    /// How often a stream was resumed.
    resumed: watch::Receiver<usize>,
    _line: JoinHandle<()>,
    _relay: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Lossy {
    /// When a stream was resumed so often, nothing that the edge says arrives until a stream waits for its relay.
    async fn start(lost_from: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::self_made(folder.path(), "edge-1").unwrap();
        let trust = Trust::Pinned(identity.fingerprint);
        let (lost, (resumes, resumed)) = (Arc::new(AtomicBool::new(false)), watch::channel(0));
        let losing = Arc::clone(&lost);
        let watcher = move |note| match note {
            Note::Resumed => {
                resumes.send_modify(|resumed| *resumed += 1);
                if *resumes.borrow() == lost_from {
                    losing.store(true, Ordering::SeqCst);
                }
            }
            Note::Waiting(true) => losing.store(false, Ordering::SeqCst),
            _ => {}
        };
        let gate: Gate = Arc::new(|_| Some(Box::new(()) as Guard));
        let listener = Listener::bind(any(), identity, gate, Streams::new(LONG, Arc::new(watcher))).unwrap();
        let (near, far) = (UdpSocket::bind(any()).await.unwrap(), UdpSocket::bind(any()).await.unwrap());
        far.connect(listener.local_addr()).await.unwrap();
        let options = Options {
            listen: any(),
            edge: near.local_addr().unwrap(),
            edge_name: "edge-1".to_owned(),
            trust,
        };
        let line = tokio::spawn(carry(near, far, Arc::clone(&lost)));
        let relay = Relay::start(&options).await.unwrap();
        let (uplink, clients) = (Arc::clone(&relay.uplink), relay.local_addr().unwrap());
        let relay = tokio::spawn(async move { relay.run(CancellationToken::new()).await });
        Self { listener, uplink, clients, lost, resumed, _line: line, _relay: relay, _folder: folder }
    }

    /// A client, and its player at the edge.
    async fn player(&mut self) -> (TcpStream, Carried) {
        let client = TcpStream::connect(self.clients).await.unwrap();
        (client, timeout(SOON, self.listener.next()).await.expect("a player in time").unwrap().stream)
    }

    async fn connection(&self) -> Connection {
        self.uplink.state.lock().await.connection.clone().unwrap()
    }
}

async fn carry(near: UdpSocket, far: UdpSocket, lost: Arc<AtomicBool>) {
    let mut relay = None;
    let (mut up, mut down) = ([0; 65_536], [0; 65_536]);
    loop {
        tokio::select! {
            Ok((length, from)) = near.recv_from(&mut up) => {
                relay = Some(from);
                let _ = far.send(&up[..length]).await;
            }
            Ok(length) = far.recv(&mut down) => match relay {
                Some(relay) if !lost.load(Ordering::SeqCst) => drop(near.send_to(&down[..length], relay).await),
                _ => {}
            },
            else => {}
        }
    }
}

/// Sends back what its player says; says when that ends.
async fn echo(player: &mut Carried) {
    let mut chunk = [0; 1_000];
    while let Ok(count @ 1..) = player.read(&mut chunk).await {
        player.write_all(&chunk[..count]).await.unwrap();
        player.flush().await.unwrap();
    }
}

async fn echoes(client: &mut TcpStream, words: &[u8]) {
    client.write_all(words).await.unwrap();
    let mut heard = vec![0; words.len()];
    timeout(SOON, client.read_exact(&mut heard)).await.expect("an answer in time").unwrap();
    assert_eq!(heard, words);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_try_to_come_back_that_is_given_up_ends_nobody() {
    let mut lossy = Lossy::start(2).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let (mut client, mut player) = lossy.player().await;
        tokio::spawn(async move { echo(&mut player).await });
        echoes(&mut client, b"hello").await;
        clients.push(client);
    }
    lossy.connection().await.close(code::COME_BACK, b"");
    // both are back, but one of them does not hear of it
    timeout(SOON, lossy.resumed.wait_for(|resumed| *resumed >= 2)).await.unwrap().unwrap();
    for client in &mut clients {
        echoes(client, b"still here").await;
    }
    assert!(*lossy.resumed.borrow() > 2, "it came back once more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_slow_edge_leaves_the_connection_to_the_others() {
    let mut lossy = Lossy::start(usize::MAX).await;
    let (mut slow_client, mut slow) = lossy.player().await;
    tokio::select! {
        () = echo(&mut slow) => panic!("the player left"),
        () = echoes(&mut slow_client, b"hello") => {}
    }
    let (mut client, mut player) = lossy.player().await;
    tokio::spawn(async move { echo(&mut player).await });
    echoes(&mut client, b"hello").await;
    lossy.connection().await.close(code::COME_BACK, b"");
    echoes(&mut client, b"back").await;
    let connection = lossy.connection().await;
    let until = Instant::now() + TRY + 4 * LISTEN;
    let mut beat = interval(LISTEN);
    while Instant::now() < until {
        beat.tick().await;
        echoes(&mut client, b"dance").await;
    }
    assert_eq!(connection.close_reason(), None);
    tokio::select! {
        () = echo(&mut slow) => panic!("the player left"),
        () = echoes(&mut slow_client, b"back at last") => {}
    }
    assert_eq!(lossy.connection().await.stable_id(), connection.stable_id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_beginning_that_is_given_up_leaves_no_player_at_the_edge() {
    let mut lossy = Lossy::start(usize::MAX).await;
    let (mut client, mut player) = lossy.player().await;
    tokio::spawn(async move { echo(&mut player).await });
    echoes(&mut client, b"hello").await;
    lossy.lost.store(true, Ordering::SeqCst);
    let mut begun = tokio::select! {
        _ = lossy.uplink.begin() => panic!("the relay hears nothing"),
        begun = lossy.listener.next() => begun.unwrap().stream,
    };
    timeout(SOON, echo(&mut begun)).await.expect("the edge hears that nobody wants it any more");
    lossy.lost.store(false, Ordering::SeqCst);
    echoes(&mut client, b"still here").await;
    assert_eq!(*lossy.resumed.borrow(), 0, "on the connection of before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_of_before_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::self_made(folder.path(), "edge-1").unwrap();
    let trust = Trust::Pinned(identity.fingerprint);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)
        .unwrap();
    tls.alpn_protocols = vec![b"wydbr-players/1".to_vec()];
    let quic = quinn::crypto::rustls::QuicServerConfig::try_from(tls).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let edge = Endpoint::server(quinn::ServerConfig::with_crypto(Arc::new(quic)), any).unwrap();
    let address = edge.local_addr().unwrap();
    let heard = tokio::spawn(async move {
        let connection = edge.accept().await.unwrap().await.unwrap();
        connection.closed().await
    });
    let mut relays = Endpoint::client(any).unwrap();
    relays.set_default_client_config(trust.config().unwrap());
    let uplink = Uplink::new(relays, address, "edge-1".to_owned());
    let error = uplink.begin().await.err().unwrap().to_string();
    let text =
        "the edge speaks wydbr-players/1, expected wydbr-players/2: the older of the two has to be upgraded";
    assert_eq!(error, format!("cannot connect to the edge {address}: {text}"));
    let heard = timeout(CONNECT, heard).await.unwrap().unwrap();
    assert!(is_closed_with(&heard, code::VERSION) && heard.to_string().contains(text), "{heard}");
}
