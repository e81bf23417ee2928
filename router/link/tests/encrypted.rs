//! Links with certificates: who gets in, who does not and what is said of them, and what a listener sees.
#![allow(clippy::unwrap_used)]

#[path = "common/authority.rs"]
mod authority;
mod common;

use authority::{Authority, write_key};
use common::{Ask, KEY, Proxy, Running, SOON, Tap, any_port, credentials, server_of, text};
use link::{CertificateFiles, Client, Credentials, Policy, Target, open_stream};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;

fn with(name: &str, files: Option<&CertificateFiles>) -> Credentials {
    let credentials = credentials(name);
    credentials.policy.set_certificates(files).unwrap();
    credentials
}

async fn encrypted(authority: &Authority) -> Running {
    server_of(with("nrsrv-1", Some(&authority.host("a"))), any_port()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_reads_everything_on_a_plain_link_and_nothing_on_an_encrypted_one() {
    const WORDS: &str = "ana whispers: meet me in Armia";
    let authority = Authority::new();
    for encrypted in [false, true] {
        let (near, far) = (authority.host("near"), authority.host("far"));
        let files = |files| encrypted.then_some(files);
        let server = server_of(with("nrsrv-1", files(&near)), any_port()).await;
        let tap = Tap::before(server.target.address).await;
        let target = Target { address: tap.address, ..server.target.clone() };
        let client = Client::<Ask, common::Told>::fixed(with("edge-1", files(&far)), target);
        assert_eq!(client.call(&Ask::Echo(WORDS.to_owned()), SOON).await, Ok(text(WORDS)));
        assert!(tap.bytes() > 2 * WORDS.len(), "the tap saw {} bytes", tap.bytes());
        assert!(!tap.saw(KEY), "the key itself is never said");
        for readable in [WORDS, "edge-1", "nrsrv-1", link::DEFAULT_CLUSTER] {
            assert_eq!(tap.saw(readable), !encrypted, "{readable}, encrypted: {encrypted}");
        }
        drop(client);
        server.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_large_messages_pass_through_tls_and_are_packed() {
    let authority = Authority::new();
    let server = encrypted(&authority).await;
    let own = with("edge-1", Some(&authority.host("b")));
    let mut stream = open_stream::<u32, u32>(&own, &server.target).await.unwrap();
    for number in 2..200 {
        stream.send(&number).await.unwrap();
        assert_eq!(stream.recv().await, Some(2 * number));
    }
    drop(stream);
    let client = Client::<Ask, common::Told>::fixed(own.clone(), server.target.clone());
    let large = "a tile, and another tile. ".repeat(100_000);
    assert_eq!(client.call(&Ask::Echo(large.clone()), SOON).await, Ok(text(&large)));
    let (sent, received) = (own.policy.traffic().sent(), own.policy.traffic().received());
    for moved in [sent, received] {
        assert!(moved.whole > large.len() as u64 && moved.packed < moved.whole / 20, "{moved:?}");
    }
    drop(client);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_packs_is_sent_nothing_packed() {
    let server = server_of(credentials("nrsrv-1"), any_port()).await;
    let own = credentials("edge-1");
    own.policy.set_compress_from(0);
    let client = Client::<Ask, common::Told>::fixed(own.clone(), server.target.clone());
    let large = "x".repeat(100_000);
    assert_eq!(client.call(&Ask::Echo(large.clone()), SOON).await, Ok(text(&large)));
    let received = own.policy.traffic().received();
    assert_eq!(received.whole, received.packed);
    drop(client);
    server.end().await;
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    async fn until_it_says(&self, words: &str) -> String {
        let says = async {
            while !self.text().contains(words) {
                tokio::task::yield_now().await;
            }
        };
        let said = tokio::time::timeout(SOON, says).await;
        assert!(said.is_ok(), "`{words}` is not in the log: {}", self.text());
        self.text()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What a client is told, and what the server's log says of it.
async fn refused(
    client: &Credentials,
    server: Credentials,
) -> (String, Log, tracing::subscriber::DefaultGuard) {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let server = server_of(server, any_port()).await;
    let opened = open_stream::<u32, u32>(client, &server.target).await;
    let told = opened.err().expect("it is refused").to_string();
    assert!(told.contains(&server.target.address.to_string()), "{told}");
    (told, log, guard)
}

async fn is_refused(client: Credentials, server: Credentials, told: &str, logged: &str) {
    let (found, log, _guard) = refused(&client, server).await;
    assert!(found.contains(told), "{found}");
    let line = log.until_it_says(logged).await;
    assert!(line.contains("peer refused") && line.contains("address=127.0.0.1:"), "{line}");
    assert!(!line.contains(KEY) && !found.contains(KEY));
}

#[tokio::test]
async fn a_peer_of_another_ca_is_refused_by_name() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let server = with("nrsrv-1", Some(&ours.host("a")));
    // it believes in our CA, but its own certificate is of another one
    let mut files = theirs.host("b");
    is_refused(
        with("edge-1", Some(&files)),
        server.clone(),
        "the certificate is of an unknown CA",
        "does not know the CA of our",
    )
    .await;
    let both = theirs.folder.path().join("both.pem");
    let text = [&ours, &theirs].map(|ca| std::fs::read_to_string(ca.folder.path().join("ca.pem")).unwrap());
    std::fs::write(&both, text.concat()).unwrap();
    files.ca = both;
    is_refused(with("edge-1", Some(&files)), server, "does not know the CA of our", "is of an unknown CA")
        .await;
}

#[tokio::test]
async fn a_plain_peer_at_a_port_with_tls_is_refused_by_name() {
    let authority = Authority::new();
    let server = with("nrsrv-1", Some(&authority.host("a")));
    is_refused(
        with("edge-1", None),
        server,
        "wants TLS, but we have no certificates",
        "a peer without TLS on a port with TLS",
    )
    .await;
}

#[tokio::test]
async fn a_tls_peer_at_a_plain_port_is_refused_by_name() {
    let authority = Authority::new();
    let client = with("edge-1", Some(&authority.host("a")));
    is_refused(
        client,
        with("nrsrv-1", None),
        "does not speak TLS, but we have certificates",
        "a peer with TLS on a port without TLS",
    )
    .await;
}

#[tokio::test]
async fn another_cluster_is_refused_by_name_with_and_without_tls() {
    let authority = Authority::new();
    for files in [None, Some(authority.host("a"))] {
        let of = |name: &str, cluster: &str| {
            let policy = Policy::new(cluster);
            policy.set_certificates(files.as_ref()).unwrap();
            Credentials { policy, ..credentials(name) }
        };
        let (client, server) = (of("edge-1", "south"), of("nrsrv-1", "north"));
        is_refused(client, server, "cluster `north`, expected `south`", "cluster `south`, expected `north`")
            .await;
    }
}

#[tokio::test]
async fn a_server_at_another_address_than_its_certificate_says_is_refused_by_name() {
    let authority = Authority::new();
    let server = with("nrsrv-1", Some(&authority.issue("far", "10.9.9.9", 2090)));
    let client = with("edge-1", Some(&authority.host("near")));
    is_refused(client, server, "the certificate is for other addresses", "the peer refuses our certificate")
        .await;
}

#[tokio::test]
async fn a_stranger_is_refused_by_name() {
    let authority = Authority::new();
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = encrypted(&authority).await;
    let mut socket = tokio::net::TcpStream::connect(server.target.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut socket, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    log.until_it_says("not a link peer").await;
    server.end().await;
}

#[tokio::test]
async fn a_peer_of_the_ca_without_the_key_is_refused_inside_of_tls() {
    let authority = Authority::new();
    let server = with("nrsrv-1", Some(&authority.host("a")));
    let key = model::Secret::new("ffffffffffffffffffffffffffffffff");
    let client = Credentials { key, ..with("edge-1", Some(&authority.host("b"))) };
    let (told, ..) = refused(&client, server).await;
    assert!(told.contains("wrong cluster key"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_goes_silent_is_noticed_through_tls() {
    let authority = Authority::new();
    let server = encrypted(&authority).await;
    let proxy = Proxy::to(server.target.address).await;
    let target = Target { address: proxy.address, ..server.target.clone() };
    let own = with("edge-1", Some(&authority.host("b")));
    let mut stream = open_stream::<u32, u32>(&own, &target).await.unwrap();
    stream.send(&21).await.unwrap();
    assert_eq!(stream.recv().await, Some(42));
    proxy.freeze();
    assert_eq!(tokio::time::timeout(SOON, stream.recv()).await.unwrap(), None);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_replaced_while_links_run() {
    let (old, new) = (Authority::new(), Authority::new());
    let own = with("nrsrv-1", Some(&old.host("a")));
    let server = server_of(own.clone(), any_port()).await;
    let before = with("edge-1", Some(&old.host("b")));
    let mut running = open_stream::<u32, u32>(&before, &server.target).await.unwrap();
    own.policy.set_certificates(Some(&new.host("a"))).unwrap();
    running.send(&2).await.unwrap();
    assert_eq!(running.recv().await, Some(4), "what runs goes on");
    assert!(open_stream::<u32, u32>(&before, &server.target).await.is_err());
    let after = with("edge-1", Some(&new.host("b")));
    assert!(open_stream::<u32, u32>(&after, &server.target).await.is_ok());
    let missing = own.policy.set_certificates(Some(&new.files("nobody"))).unwrap_err().to_string();
    assert!(missing.contains("nobody"), "{missing}");
    assert!(open_stream::<u32, u32>(&after, &server.target).await.is_ok(), "bad files change nothing");
    drop(running);
    server.end().await;
}

#[test]
fn bad_files_are_refused_before_they_are_used_and_say_what_is_wrong() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let load =
        |files: &CertificateFiles| Policy::default().set_certificates(Some(files)).unwrap_err().to_string();
    let good = ours.host("good");
    assert!(Policy::default().set_certificates(Some(&good)).is_ok());

    let expired = load(&ours.issue("old", "127.0.0.1", 2001));
    assert!(expired.contains("old.pem") && expired.contains("has expired"), "{expired}");
    let foreign = load(&CertificateFiles { ca: theirs.files("").ca, ..good.clone() });
    assert!(foreign.contains("good.pem") && foreign.contains("unknown CA"), "{foreign}");
    let other = load(&CertificateFiles { key: ours.host("other").key, ..good.clone() });
    assert!(other.contains("other.key") && other.contains("does not belong to"), "{other}");

    let open = ours.folder.path().join("open.key");
    let secret = std::fs::read_to_string(&good.key).unwrap();
    write_key(&open, &secret, 0o640);
    let exposed = load(&CertificateFiles { key: open, ..good.clone() });
    assert!(exposed.contains("mode 640") && exposed.contains("chmod 600"), "{exposed}");
    let empty = ours.folder.path().join("empty.pem");
    write_key(&empty, "nothing", 0o600);
    let nothing = load(&CertificateFiles { key: empty, ..good });
    assert!(nothing.contains("expected a private key in PEM"), "{nothing}");
}

/// Servers that come back do not meet all their clients in the same moment: see `backoff`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_when_an_encrypted_server_comes_back() {
    let authority = Authority::new();
    let own = with("nrsrv-1", Some(&authority.host("a")));
    let server = server_of(own.clone(), any_port()).await;
    let target = server.target.clone();
    let client =
        Client::<Ask, common::Told>::fixed(with("edge-1", Some(&authority.host("b"))), target.clone());
    assert_eq!(client.call(&Ask::Echo("one".to_owned()), SOON).await, Ok(text("one")));
    server.end().await;
    let away = client.call(&Ask::Echo("two".to_owned()), Duration::from_millis(300)).await;
    assert!(away.is_err(), "{away:?}");
    let server = server_of(own, target.address).await;
    assert_eq!(client.call(&Ask::Echo("three".to_owned()), SOON).await, Ok(text("three")));
    drop(client);
    server.end().await;
}
