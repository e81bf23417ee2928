//! What proves that a stream is the one of before.

use rustls::crypto::ring;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a ticket.
pub(crate) const TICKET: usize = 32;

/// 256 bits that only the edge and one relay know; never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket(pub(crate) [u8; TICKET]);

/// What a ticket is found by: comparing hashes tells nobody in how many bytes a guess was right.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TicketHash([u8; 32]);

impl Ticket {
    /// One that nobody can guess.
    pub(crate) fn issue() -> Self {
        Self(random())
    }

    pub(crate) fn hash(&self) -> TicketHash {
        TicketHash(Sha256::digest(self.0).into())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fill(0);
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ticket(..)")
    }
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = ring::default_provider().secure_random.fill(&mut bytes);
    assert!(filled.is_ok(), "the operating system gives no random bytes; TLS would not work either");
    bytes
}
