//! A relay and the listener of an edge, with an echo in the place of the game.
#![allow(clippy::unwrap_used)]

use relay::{Fingerprint, Gate, Guard, Identity, Listener, Options, Relay, Streams, Trust};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(15);

fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn streams() -> Streams {
    Streams::new(SOON, Arc::new(|_| {}))
}

/// An edge that sends back what it is sent, and remembers where players came from.
struct Echo {
    address: SocketAddr,
    fingerprint: Fingerprint,
    seen: Arc<Mutex<Vec<SocketAddr>>>,
    relays: Arc<AtomicUsize>,
    task: JoinHandle<()>,
    _folder: TempDir,
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Echo {
    fn start(relays_max: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::self_made(folder.path(), "edge-1").unwrap();
        Self::with(identity, folder, relays_max)
    }

    fn with(identity: Identity, folder: TempDir, relays_max: usize) -> Self {
        let fingerprint = identity.fingerprint;
        let relays = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&relays);
        let gate: Gate = Arc::new(move |_| {
            let may = counter.load(Ordering::SeqCst) < relays_max;
            may.then(|| {
                counter.fetch_add(1, Ordering::SeqCst);
                Box::new(Counted(Arc::clone(&counter))) as Guard
            })
        });
        let mut listener = Listener::bind(any_port(), identity, gate, streams()).unwrap();
        let address = listener.local_addr();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let addresses = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Some(player) = listener.next().await {
                addresses.lock().unwrap().push(player.address);
                tokio::spawn(async move {
                    let (mut reading, mut writing) = tokio::io::split(player.stream);
                    let _ = tokio::io::copy(&mut reading, &mut writing).await;
                    let _ = writing.shutdown().await;
                });
            }
        });
        Self { address, fingerprint, seen, relays, task, _folder: folder }
    }

    async fn relay(&self, trust: Trust) -> Running {
        Running::start(self.address, trust).await
    }

    async fn until_relays(&self, wanted: usize) {
        let there = async {
            while self.relays.load(Ordering::SeqCst) != wanted {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, there).await.expect("so many relays in time");
    }
}

struct Running {
    relay: Arc<Relay>,
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn start(edge: SocketAddr, trust: Trust) -> Self {
        let options = Options { listen: any_port(), edge, edge_name: edge.ip().to_string(), trust };
        let relay = Arc::new(Relay::start(&options).await.unwrap());
        let address = relay.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (running, until) = (Arc::clone(&relay), stop.clone());
        let task = tokio::spawn(async move { running.run(until).await });
        Self { relay, address, stop, task }
    }

    async fn player(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn end(self) {
        self.stop.cancel();
        timeout(SOON, self.task).await.expect("it stops in time").unwrap();
    }
}

async fn echoes(player: &mut TcpStream, words: &[u8]) {
    player.write_all(words).await.unwrap();
    let mut heard = vec![0; words.len()];
    timeout(SOON, player.read_exact(&mut heard)).await.expect("an answer in time").unwrap();
    assert_eq!(heard, words);
}

/// What a client that is turned away sees: the end, and nothing else.
async fn is_turned_away(mut player: TcpStream) {
    let _ = player.write_all(b"hello").await;
    let mut heard = Vec::new();
    let _ = timeout(SOON, player.read_to_end(&mut heard)).await.expect("the end in time");
    assert!(heard.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_are_carried_over_one_connection_which_ends_with_the_last() {
    let edge = Echo::start(9);
    let relay = edge.relay(Trust::Pinned(edge.fingerprint)).await;
    let mut players = Vec::new();
    for number in 0..5_u8 {
        let mut player = relay.player().await;
        echoes(&mut player, &vec![number; 100_000]).await;
        players.push(player);
    }
    edge.until_relays(1).await;
    let addresses = edge.seen.lock().unwrap().clone();
    assert!(
        addresses.len() == 5 && addresses.iter().all(|address| *address == addresses[0]),
        "{addresses:?}"
    );
    let mut last = players.pop().unwrap();
    drop(players);
    last.shutdown().await.unwrap();
    let mut rest = Vec::new();
    timeout(SOON, last.read_to_end(&mut rest)).await.expect("the end in time").unwrap();
    edge.until_relays(0).await;
    echoes(&mut relay.player().await, b"again").await;
    relay.end().await;
    edge.until_relays(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_address_loses_no_player_and_no_byte() {
    let edge = Echo::start(1);
    let relay = edge.relay(Trust::Pinned(edge.fingerprint)).await;
    let mut player = relay.player().await;
    for round in 0..3_u8 {
        echoes(&mut player, &vec![round; 50_000]).await;
        relay.relay.rebind().unwrap();
    }
    echoes(&mut player, b"still here").await;
    let mut other = relay.player().await;
    echoes(&mut other, b"me too").await;
    let addresses = edge.seen.lock().unwrap().clone();
    assert_ne!(addresses[0].port(), addresses[1].port(), "the edge saw the new address");
    assert_eq!(edge.relays.load(Ordering::SeqCst), 1, "on the same connection");
    relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_with_another_certificate_gets_no_byte() {
    let (edge, other) = (Echo::start(9), Echo::start(9));
    let relay = edge.relay(Trust::Pinned(other.fingerprint)).await;
    is_turned_away(relay.player().await).await;
    assert!(edge.seen.lock().unwrap().is_empty());
    relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_may_not_connect_turns_its_clients_away() {
    let edge = Echo::start(0);
    let relay = edge.relay(Trust::Pinned(edge.fingerprint)).await;
    is_turned_away(relay.player().await).await;
    relay.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_plays_is_served_to_the_end_by_an_edge_that_lets_nobody_in_any_more() {
    let edge = Echo::start(9);
    let relay = edge.relay(Trust::Pinned(edge.fingerprint)).await;
    let mut player = relay.player().await;
    echoes(&mut player, b"one").await;
    edge.task.abort();
    edge.until_relays(0).await;
    echoes(&mut player, b"two").await;
    relay.end().await;
}

/// A CA, a certificate of it for the loopback address, and the file of the CA.
fn certified(folder: &TempDir) -> (Identity, PathBuf) {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate().unwrap()).unwrap();
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("ca.pem"), issuer.pem()).unwrap();
    std::fs::write(path("edge.pem"), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    std::fs::write(path("edge.key"), key.serialize_pem()).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path("edge.key"), private).unwrap();
    (Identity::read(&path("edge.pem"), &path("edge.key")).unwrap(), path("ca.pem"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ca_is_as_good_as_a_fingerprint() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (identity, ca) = certified(&ours);
    let (_, other_ca) = certified(&theirs);
    let edge = Echo::with(identity, ours, 9);
    let relay = edge.relay(Trust::Ca(ca)).await;
    echoes(&mut relay.player().await, b"known").await;
    relay.end().await;
    let stranger = edge.relay(Trust::Ca(other_ca)).await;
    is_turned_away(stranger.player().await).await;
    stranger.end().await;
}

/// What an edge does for its player until it has sent back so many bytes.
async fn echo(stream: &mut relay::Carried, mut left: usize) {
    let mut chunk = [0; 3_000];
    while left > 0 {
        let most = left.min(chunk.len());
        let count = stream.read(&mut chunk[..most]).await.unwrap();
        stream.write_all(&chunk[..count]).await.unwrap();
        stream.flush().await.unwrap();
        left -= count;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_go_on_at_the_edge_that_succeeds_theirs_and_no_byte_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let identity = || Identity::self_made(folder.path(), "edge-1").unwrap();
    let gate: Gate = Arc::new(|_| Some(Box::new(()) as Guard));
    let fingerprint = identity().fingerprint;
    let mut before = streams();
    let mut listener = Listener::bind(any_port(), identity(), Arc::clone(&gate), before.clone()).unwrap();
    let address = listener.local_addr();
    let relay = Running::start(address, Trust::Pinned(fingerprint)).await;
    let mut player = relay.player().await;
    player.write_all(b"first").await.unwrap();
    let mut stream = timeout(SOON, listener.next()).await.unwrap().unwrap().stream;
    timeout(SOON, echo(&mut stream, 5)).await.unwrap();
    let mut heard = [0; 5];
    timeout(SOON, player.read_exact(&mut heard)).await.unwrap().unwrap();
    for round in 0..3_u8 {
        // on its way in both directions
        player.write_all(&[round; 20_000]).await.unwrap();
        stream.write_all(&[100 + round; 50_000]).await.unwrap();
        timeout(SOON, echo(&mut stream, 3_000)).await.unwrap();
        let kept = stream.keep().unwrap();
        before.come_back();
        stream.come_back();
        drop(stream);
        listener.left().await;
        before = streams();
        stream = before.restore(kept);
        let bound = async {
            loop {
                let bound = Listener::bind(address, identity(), Arc::clone(&gate), before.clone());
                match bound {
                    Ok(bound) => return bound,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        listener = timeout(SOON, bound).await.expect("the address is free in time");
        let mut heard = vec![0; 70_000];
        let reading = timeout(SOON, player.read_exact(&mut heard));
        let playing = async {
            echo(&mut stream, 20_000 - 3_000).await;
            // what was written is on its way only while somebody waits
            stream.ready(true, false).await
        };
        tokio::select! {
            read = reading => drop(read.expect("all that was answered comes").unwrap()),
            ready = playing => panic!("nothing more is said: {ready:?}"),
        }
        assert!(heard[..50_000].iter().all(|byte| *byte == 100 + round), "what the edge said first");
        assert!(heard[50_000..].iter().all(|byte| *byte == round), "what it sent back");
    }
    relay.end().await;
    let ended = async {
        loop {
            let mut rest = [0; 10];
            match stream.read(&mut rest).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    };
    timeout(SOON, ended).await.expect("the edge hears at once that the relay stops");
}
