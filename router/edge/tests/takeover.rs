//! An edge of a new binary takes over from the one that runs, and nobody notices.
#![allow(clippy::unwrap_used)]

mod support;

use model::calls::node::ToEdge;
use model::event::{Event, Notice};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::{Stage, eventually, settings, soon};
use tokio_util::sync::CancellationToken;
use wire::Profile;
use wire::packet::{Chat, ClientPacket, ServerPacket};

/// What the successor says first, and when it is ready: length, variant and version.
const BEGIN: [u8; 6] = [2, 0, 0, 0, 0, 3];
const TAKE: [u8; 5] = [1, 0, 0, 0, 1];

fn bytes_of(packet: impl Into<ClientPacket>, profile: Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.into().encode(profile, 0, 60_000, &mut bytes).unwrap();
    wire::codec::encode_in_place(&mut bytes, 7);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_goes_on_at_the_successor_whatever_they_were_doing() {
    let stage = Stage::new(settings()).await;
    let address = stage.edge.players();
    let mut anna = stage.enter(Profile::V759, "anna").await;
    let mut bert = stage.enter(Profile::V748, "bert").await;
    anna.until("create_mob").await;
    let mut carl = stage.log_in(Profile::V769, "carl").await;
    let mut dora = stage.connect(Profile::V759).await;
    // half of a packet is on its way
    let said = bytes_of(Chat { text: "half before".to_owned() }, Profile::V759);
    anna.bytes(&said[..9]).await;
    let session = stage.registry.session_of("anna").unwrap();

    let (process, edge) = soon("the successor", stage.successor()).await;
    assert_eq!(edge.players(), address, "the same socket");
    soon("the end of the edge before", stage.process.stop.cancelled()).await;
    let node = &stage.nodes[0];
    eventually("all are adopted", || node.parked_and_adopted() == (2, 2)).await;
    assert_eq!(node.attaches().len(), 2, "nobody was loaded again");
    let registry = &stage.registry;
    eventually("the registry knows all", || registry.reported().len() == 3).await;

    anna.bytes(&said[9..]).await;
    let (_, ServerPacket::Chat(heard)) = bert.until("chat").await else { panic!("a chat") };
    assert_eq!(heard.text, "half before");
    bert.say("and after").await;
    anna.until("chat").await;
    carl.choose(0).await;
    carl.until("enter_world").await;
    dora.log_in("dora", "secret", false).await;
    dora.until("char_list").await;
    let mut emil = support::Client::connect(address, Profile::V748).await;
    emil.log_in("emil", "secret", false).await;
    emil.until("char_list").await;
    node.tell(session, Event::Notice(Notice::Text("to the end".to_owned()))).await;
    assert_eq!(anna.panel().await, "to the end");
    assert!(!node.was_told_to_detach(session) && !registry.has_logged_out(session));
    process.stop.cancel();
    edge.drained().await;
}

/// A successor that takes everybody and dies before it says that it goes on.
async fn take_and_die(path: &Path) {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || {
        let mut socket = UnixStream::connect(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.write_all(&BEGIN).unwrap();
        let mut read = [0; 1024];
        assert!(socket.read(&mut read).unwrap() > 0, "a welcome");
        socket.write_all(&TAKE).unwrap();
        assert!(socket.read(&mut read).unwrap() > 0, "a player");
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_successor_fails_everybody_stays() {
    let stage = Stage::new(settings()).await;
    let mut anna = stage.enter(Profile::V759, "anna").await;
    let mut bert = stage.enter(Profile::V769, "bert").await;
    let path = stage.folder().join("run/edge-1.takeover");
    eventually("it can be succeeded", || path.exists()).await;
    for _ in 0..2 {
        let before = stage.nodes[0].parked_and_adopted();
        take_and_die(&path).await;
        let node = &stage.nodes[0];
        // those of the two who were parked by then
        eventually("all are adopted again", || {
            let (parked, adopted) = node.parked_and_adopted();
            parked > before.0 && adopted == parked
        })
        .await;
        anna.say("still here").await;
        bert.until("chat").await;
    }
    assert!(!stage.process.stop.is_cancelled());
    let mut carl = stage.log_in(Profile::V748, "carl").await;
    carl.choose(0).await;
    carl.until("enter_world").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_plays_through_a_relay_stays_when_a_successor_fails_and_goes_on_at_one_that_does_not() {
    let mut settings = settings();
    let quic = SocketAddr::from(([127, 0, 0, 1], ::support::free_port()));
    settings.quic.listen = Some(quic);
    let stage = Stage::new(settings).await;
    let fingerprint = std::fs::read_to_string(stage.folder().join("quic/edge-1.fingerprint")).unwrap();
    let options = relay::Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        edge: quic,
        edge_name: "edge-1".to_owned(),
        trust: relay::Trust::Pinned(fingerprint.parse().unwrap()),
    };
    let relay = relay::Relay::start(&options).await.unwrap();
    let address = relay.local_addr().unwrap();
    let stop = CancellationToken::new();
    let until = stop.clone();
    let carrying = tokio::spawn(async move { relay.run(until).await });
    let mut anna = stage.enter_at(address, Profile::V759, "anna").await;
    let mut bert = stage.enter(Profile::V748, "bert").await;
    let node = &stage.nodes[0];
    let session = stage.registry.session_of("anna").unwrap();
    let path = stage.folder().join("run/edge-1.takeover");
    eventually("it can be succeeded", || path.exists()).await;

    take_and_die(&path).await;
    eventually("all are adopted again", || {
        let (parked, adopted) = node.parked_and_adopted();
        parked > 0 && adopted == parked
    })
    .await;
    anna.say("still here").await;
    bert.until("chat").await;

    let (before, _) = node.parked_and_adopted();
    let said = bytes_of(Chat { text: "half before".to_owned() }, Profile::V759);
    anna.bytes(&said[..9]).await;
    let (process, edge) = soon("the successor", stage.successor()).await;
    assert_eq!(edge.quic(), Some(quic), "the same address");
    eventually("all are adopted", || node.parked_and_adopted() == (before + 2, before + 2)).await;
    assert_eq!(node.attaches().len(), 2, "nobody was loaded again");
    anna.bytes(&said[9..]).await;
    let (_, ServerPacket::Chat(heard)) = bert.until("chat").await else { panic!("a chat") };
    assert_eq!(heard.text, "half before");
    node.tell(session, Event::Notice(Notice::Text("to the end".to_owned()))).await;
    assert_eq!(anna.panel().await, "to the end");
    assert!(!node.was_told_to_detach(session) && !stage.registry.has_logged_out(session));
    stop.cancel();
    soon("the end of the relay", carrying).await.unwrap();
    eventually("the session is logged out", || stage.registry.has_logged_out(session)).await;
    process.stop.cancel();
    edge.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_dies_while_players_are_being_parked_leaves_them_as_they_were() {
    let stage = Stage::new(settings()).await;
    let node = &stage.nodes[0];
    let mut anna = stage.enter(Profile::V759, "anna").await;
    let mut bert = stage.enter(Profile::V769, "bert").await;
    let path = stage.folder().join("run/edge-1.takeover");
    eventually("it can be succeeded", || path.exists()).await;
    node.parks_late.store(true, Ordering::SeqCst);
    let mut socket = UnixStream::connect(path).unwrap();
    socket.write_all(&BEGIN).unwrap();
    socket.write_all(&TAKE).unwrap();
    eventually("both are asked for", || node.parked_and_adopted() == (2, 0)).await;
    drop(socket);
    eventually("both are taken back", || node.parked_and_adopted() == (2, 2)).await;
    // what the node says late of the first wish
    for name in ["anna", "bert"] {
        let session = stage.registry.session_of(name).unwrap();
        node.send(ToEdge::Parked { session }).await;
        node.tell(session, Event::Notice(Notice::Text("it was late".to_owned()))).await;
    }
    assert_eq!(anna.panel().await, "it was late");
    assert_eq!(bert.panel().await, "it was late");
    anna.say("still here").await;
    bert.until("chat").await;
    bert.say("so am I").await;
    anna.until("chat").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_speaks_otherwise_is_refused() {
    let stage = Stage::new(settings()).await;
    let path = stage.folder().join("run/edge-1.takeover");
    eventually("it can be succeeded", || path.exists()).await;
    let answer = tokio::task::spawn_blocking(move || {
        let mut socket = UnixStream::connect(path).unwrap();
        socket.write_all(&[2, 0, 0, 0, 0, 99]).unwrap();
        let mut read = Vec::new();
        socket.read_to_end(&mut read).unwrap();
        read
    });
    let answer = soon("the answer", answer).await.unwrap();
    assert_eq!(answer, [2, 0, 0, 0, 0, 3], "refused, with its own version");
    stage.log_in(Profile::V759, "anna").await;
}
