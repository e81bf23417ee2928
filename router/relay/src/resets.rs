//! How an edge tells relays that the process which they were connected to is gone.
//!
//! A process that ends says so, but that may be lost, and who is killed says nothing. Whatever process listens on the
//! address next is asked for connections that it does not know. QUIC has an answer for that, the stateless reset: it is
//! believed when it has a token that only an edge with the same key can make of the id of the connection. The key follows
//! from the one of the certificate, so that it is the same in the next process.

use crate::Identity;
use crate::ticket::random;
use hmac::{Hmac, KeyInit, Mac};
use quinn::crypto::{CryptoError, HmacKey};
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;

/// What the key is for; another use of the certificate's key gives another one.
const PURPOSE: &[u8] = b"wydbr relay: connection ids and stateless resets";
/// Bytes of a connection id.
const ID: usize = 8;
/// One reset in this time at most: all relays of an edge ask when its process is another one. A reset is smaller than what
/// asked for it.
const RESET_EVERY: Duration = Duration::from_millis(1);

/// Answers for connections of processes with the same certificate.
pub(crate) fn endpoint(identity: &Identity) -> EndpointConfig {
    let key = Key(signature(identity.key.secret_der(), PURPOSE));
    let mut config = EndpointConfig::new(Arc::new(key));
    config.cid_generator(|| Box::new(Ids)).min_reset_interval(RESET_EVERY);
    config
}

struct Key([u8; 32]);

fn signature(key: &[u8], data: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

impl HmacKey for Key {
    fn sign(&self, data: &[u8], out: &mut [u8]) {
        out.copy_from_slice(&signature(&self.0, data));
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], found: &[u8]) -> Result<(), CryptoError> {
        let expected = signature(&self.0, data);
        let differ = expected.iter().zip(found).fold(0, |differ, (one, other)| differ | (one ^ other));
        if differ == 0 && found.len() == expected.len() { Ok(()) } else { Err(CryptoError) }
    }
}

/// Ids of connections that no process of this edge finds strange; those of quinn are known to the process that made them.
struct Ids;

impl ConnectionIdGenerator for Ids {
    fn generate_cid(&mut self) -> ConnectionId {
        ConnectionId::new(&random::<ID>())
    }

    fn cid_len(&self) -> usize {
        ID
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
