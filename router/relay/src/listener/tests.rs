//! Relays that do what they should not.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::lane::{is_closed_with, is_come_back};
use crate::message::Message;
use crate::ticket::Ticket;
use crate::{Note, Trust};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncReadExt;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

const SOON: Duration = Duration::from_secs(15);

struct Edge {
    listener: Listener,
    relays: Endpoint,
    refused: Arc<AtomicUsize>,
    expired: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

fn edge(keep: Duration) -> Edge {
    edge_behind(Arc::new(|_| Some(Box::new(()) as Guard)), keep)
}

fn edge_behind(gate: Gate, keep: Duration) -> Edge {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::self_made(folder.path(), "edge-1").unwrap();
    let trust = Trust::Pinned(identity.fingerprint);
    let (refused, expired) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = [Arc::clone(&refused), Arc::clone(&expired)];
    let streams = Streams::new(
        keep,
        Arc::new(move |note| match note {
            Note::Refused => drop(counted[0].fetch_add(1, Ordering::SeqCst)),
            Note::Expired => drop(counted[1].fetch_add(1, Ordering::SeqCst)),
            _ => {}
        }),
    );
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = Listener::bind(any, identity, gate, streams).unwrap();
    let mut relays = Endpoint::client(any).unwrap();
    relays.set_default_client_config(trust.config().unwrap());
    Edge { listener, relays, refused, expired, _folder: folder }
}

impl Edge {
    async fn connect(&self) -> Connection {
        let connecting = self.relays.connect(self.listener.local_addr(), "edge").unwrap();
        timeout(SOON, connecting).await.unwrap().unwrap()
    }
}

async fn ask(connection: &Connection, wish: &Wish) -> Lane {
    let mut lane = Lane::new(connection.clone(), connection.open_bi().await.unwrap());
    lane.write_all(&wish.bytes()).await.unwrap();
    lane
}

async fn answer(lane: &mut Lane) -> Answer {
    timeout(SOON, Answer::read(&mut lane.reading)).await.unwrap().unwrap()
}

/// A player who was granted a ticket, at both ends.
async fn granted(edge: &mut Edge, connection: &Connection) -> (Lane, Carried, Ticket) {
    let mut lane = ask(connection, &Wish::Begin).await;
    let mut player = timeout(SOON, edge.listener.next()).await.unwrap().unwrap().stream;
    let (heard, ready) = tokio::join!(answer(&mut lane), timeout(SOON, player.ready(false, true)));
    ready.unwrap().unwrap();
    let Answer::Granted { ticket, .. } = heard else { panic!("{heard:?}") };
    (lane, player, ticket)
}

/// A player whose edge sends back what it is sent.
async fn echo(player: Carried) {
    let (mut reading, mut writing) = tokio::io::split(player);
    let _ = tokio::io::copy(&mut reading, &mut writing).await;
}

async fn echoes(lane: &mut Lane) {
    let mut message = Vec::new();
    Message::Raw(b"nothing that is a frame").write(&mut message);
    lane.write_all(&message).await.unwrap();
    let mut heard = vec![0; message.len()];
    timeout(SOON, lane.reading.read_exact(&mut heard)).await.expect("an answer in time").unwrap();
    assert_eq!(heard, message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_nobody_has_is_refused() {
    let mut edge = edge(SOON);
    let connection = edge.connect().await;
    let (_lane, _player, ticket) = granted(&mut edge, &connection).await;
    let mut wrong = ticket.clone();
    wrong.0[31] ^= 1;
    for ticket in [wrong, Ticket::issue()] {
        let mut lane = ask(&connection, &Wish::Resume { ticket, received: 0 }).await;
        assert!(matches!(answer(&mut lane).await, Answer::Refused));
    }
    assert_eq!(edge.refused.load(Ordering::SeqCst), 2);
    assert!(!format!("{ticket:?} {:?}", Wish::Resume { ticket: ticket.clone(), received: 0 }).contains("["));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_good_until_its_time_is_over_and_not_after() {
    let mut edge = edge(Duration::from_millis(300));
    let connection = edge.connect().await;
    let (lane, mut player, ticket) = granted(&mut edge, &connection).await;
    // the connection breaks: neither end says anything
    connection.close(code::COME_BACK, b"");
    drop(lane);
    let ended = timeout(SOON, player.ready(true, false)).await.unwrap();
    ended.unwrap();
    let error = player.try_read(&mut [0; 9]).unwrap_err();
    assert_eq!(error.to_string(), "the relay did not come back in time");
    assert_eq!(edge.expired.load(Ordering::SeqCst), 1);
    drop(player);
    let connection = edge.connect().await;
    let mut lane = ask(&connection, &Wish::Resume { ticket, received: 0 }).await;
    assert!(matches!(answer(&mut lane).await, Answer::Refused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_resumes_has_the_stream_though_another_connection_is_believed_alive() {
    let mut edge = edge(SOON);
    let first = edge.connect().await;
    let (mut old, mut player, ticket) = granted(&mut edge, &first).await;
    let words = b"nothing that is a frame";
    assert_eq!(player.try_write(words).unwrap(), words.len());
    let second = edge.connect().await;
    let mut new = ask(&second, &Wish::Resume { ticket, received: 0 }).await;
    let playing = async {
        player.ready(true, false).await.unwrap();
        let mut heard = [0; 4];
        let count = player.try_read(&mut heard).unwrap();
        assert_eq!(heard[..count], wire::frame::INIT_CODE);
    };
    let relay = async {
        let heard = answer(&mut new).await;
        assert!(matches!(heard, Answer::Resumed { received: 0 }), "{heard:?}");
        let mut expected = Vec::new();
        crate::message::Message::Raw(words).write(&mut expected);
        let mut read = vec![0; expected.len()];
        new.read_exact(&mut read).await.unwrap();
        assert_eq!(read, expected, "what was said on the old stream too");
        let mut said = Vec::new();
        crate::message::Message::Raw(&wire::frame::INIT_CODE).write(&mut said);
        new.write_all(&said).await.unwrap();
    };
    timeout(SOON, async { tokio::join!(playing, relay) }).await.unwrap();
    timeout(SOON, old.reading.read_to_end(100)).await.unwrap().expect("the old stream ends in order");
}

#[test]
fn a_relay_hears_at_once_that_the_process_of_its_edge_was_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let identity = || Identity::self_made(folder.path(), "edge-1").unwrap();
    let gate: Gate = Arc::new(|_| Some(Box::new(()) as Guard));
    let streams = || Streams::new(SOON, Arc::new(|_| {}));
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let process =
        || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (relay, killed, next) = (process(), process(), process());
    let listener =
        killed.block_on(async { Listener::bind(any, identity(), Arc::clone(&gate), streams()) }).unwrap();
    let address = listener.local_addr();
    let connection = relay.block_on(async {
        let mut relays = Endpoint::client(any).unwrap();
        relays.set_default_client_config(Trust::Pinned(identity().fingerprint).config().unwrap());
        timeout(SOON, relays.connect(address, "edge").unwrap()).await.unwrap().unwrap()
    });
    // what it has to say last gets nowhere
    killed.shutdown_background();
    drop(listener);
    let connected = std::time::Instant::now();
    let listener = next.block_on(async {
        timeout(SOON, async {
            loop {
                match Listener::bind(address, identity(), Arc::clone(&gate), streams()) {
                    Ok(listener) => return listener,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        })
        .await
        .expect("the address is free in time")
    });
    let why = relay.block_on(async {
        let (mut writing, _reading) = connection.open_bi().await.unwrap();
        let _ = writing.write_all(b"are you there?").await;
        timeout(SOON, connection.closed()).await.unwrap()
    });
    assert!(matches!(why, quinn::ConnectionError::Reset), "{why}");
    assert!(connected.elapsed() < Duration::from_millis(crate::transport::SILENCE_MS.into()));
    drop(listener);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_of_before_is_told_what_is_spoken_here() {
    let edge = edge(SOON);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    let certificate = std::fs::read(edge._folder.path().join("edge-1.pem")).unwrap();
    let certificate = rustls::pki_types::pem::PemObject::from_pem_slice(&certificate).unwrap();
    roots.add(certificate).unwrap();
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"wydbr-players/1".to_vec()];
    let config = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let config = quinn::ClientConfig::new(Arc::new(config));
    let connecting = edge.relays.connect_with(config, edge.listener.local_addr(), "edge-1").unwrap();
    let connection = timeout(SOON, connecting).await.unwrap().unwrap();
    let why = timeout(SOON, connection.closed()).await.unwrap();
    assert!(is_closed_with(&why, code::VERSION), "{why}");
    let text = why.to_string();
    assert!(text.contains("speaks wydbr-players/1, expected wydbr-players/2"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_comes_late_on_a_connection_of_before_does_not_take_the_stream_back() {
    let mut edge = edge(SOON);
    let first = edge.connect().await;
    let (_old, player, ticket) = granted(&mut edge, &first).await;
    let _playing = tokio::spawn(echo(player));
    let second = edge.connect().await;
    let wish = Wish::Resume { ticket, received: 0 };
    let mut new = ask(&second, &wish).await;
    let heard = answer(&mut new).await;
    assert!(matches!(heard, Answer::Resumed { received: 0 }), "{heard:?}");
    let mut late = ask(&first, &wish).await;
    let heard = timeout(SOON, Answer::read(&mut late.reading)).await.unwrap();
    assert!(heard.is_err(), "{heard:?}");
    echoes(&mut new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_without_players_does_not_stay_and_one_with_a_silent_player_does() {
    let mut edge = edge(SOON);
    let (silent, left, deserted, undecided, never) = (
        edge.connect().await,
        edge.connect().await,
        edge.connect().await,
        edge.connect().await,
        edge.connect().await,
    );
    let (mut begun, player, _) = granted(&mut edge, &silent).await;
    let _playing = tokio::spawn(echo(player));
    let (_old, player, ticket) = granted(&mut edge, &left).await;
    let _playing_too = tokio::spawn(echo(player));
    let moved = edge.connect().await;
    let mut resumed = ask(&moved, &Wish::Resume { ticket, received: 0 }).await;
    assert!(matches!(answer(&mut resumed).await, Answer::Resumed { received: 0 }));
    drop(granted(&mut edge, &deserted).await);
    let (mut writing, _reading) = undecided.open_bi().await.unwrap();
    writing.write_all(&Wish::Resume { ticket: Ticket::issue(), received: 0 }.bytes()[..9]).await.unwrap();
    for connection in [left, deserted, undecided, never] {
        let why = timeout(2 * FIRST_STREAM, connection.closed()).await.expect("it is closed in time");
        assert!(is_come_back(&why), "{why}");
    }
    for lane in [&mut begun, &mut resumed] {
        echoes(lane).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_not_proven_its_address_takes_no_place() {
    let place = Arc::new(());
    let gate = move |_| (Arc::strong_count(&place) == 1).then(|| Box::new(Arc::clone(&place)) as Guard);
    let mut edge = edge_behind(Arc::new(gate), SOON);
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let [nowhere, stranger] =
        [tokio::net::UdpSocket::bind(any).await.unwrap(), tokio::net::UdpSocket::bind(any).await.unwrap()];
    let _connecting = edge.relays.connect(nowhere.local_addr().unwrap(), "edge").unwrap();
    let mut packet = [0; 2_048];
    let length = timeout(SOON, nowhere.recv(&mut packet)).await.unwrap().unwrap();
    stranger.send_to(&packet[..length], edge.listener.local_addr()).await.unwrap();
    timeout(SOON, stranger.recv(&mut packet)).await.unwrap().unwrap();
    assert_eq!(packet[0] & 0xF0, 0xF0, "a Retry");
    let connection = edge.connect().await;
    granted(&mut edge, &connection).await;
}

/// Counts what the listener writes into the log.
struct Lines(Arc<AtomicUsize>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "relay::listener" && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

// on one thread, for which the lines are counted
#[tokio::test]
async fn all_players_of_a_relay_may_have_expired_but_whoever_shows_more_tickets_is_sent_away_in_one_line() {
    let lines = Arc::new(AtomicUsize::new(0));
    let _counting = tracing::subscriber::set_default(Lines(Arc::clone(&lines)));
    let mut edge = edge(SOON);
    let connection = edge.connect().await;
    let unknown = || Wish::Resume { ticket: Ticket::issue(), received: 0 };
    for _ in 0..STREAMS {
        let mut lane = ask(&connection, &unknown()).await;
        assert!(matches!(answer(&mut lane).await, Answer::Refused));
    }
    granted(&mut edge, &connection).await;
    let mut lane = ask(&connection, &unknown()).await;
    assert!(matches!(answer(&mut lane).await, Answer::Refused));
    let why = timeout(SOON, connection.closed()).await.expect("it is sent away");
    assert!(is_closed_with(&why, code::OVER), "{why}");
    assert_eq!(edge.refused.load(Ordering::SeqCst), STREAMS as usize + 1);
    assert_eq!(lines.load(Ordering::SeqCst), 1);
}
