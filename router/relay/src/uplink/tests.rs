#![allow(clippy::unwrap_used)]
use super::*;
use crate::{Identity, Trust};
use std::net::Ipv4Addr;
use std::sync::Arc;

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
