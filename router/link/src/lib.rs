//! The internal network: framed bincode over TCP between the processes of one cluster.
//!
//! Typed calls ([`Client`]) and typed streams ([`open_stream`]) to a [`Server`] that hosts one [`Service`].
//! With certificates ([`Policy`]) a link is TLS 1.3, and both ends show a certificate of the CA of the cluster.
//! Inside of that, or without it, both prove that they hold the cluster key before any payload is read; the key
//! alone does not encrypt what they say, so plain links belong on a private network. This crate must never know
//! what the messages mean.
//!
//! ```text
//! connect -> (TLS) -> handshake (3 s) -> calls:   Request(id) ->  <- Reply(id) | Refused(id)
//!                                     \> stream:  Message <->  Message
//! both:   Heartbeat each 200 ms that nothing else is written; 3 s of silence is death
//! ```
//!
//! Every queue is bounded twice: in frames and in bytes. A full queue is backpressure for `send`, and
//! [`TrySendError::Full`] for `try_send`.

mod backoff;
mod certificates;
mod client;
mod connection;
mod credentials;
mod error;
mod frame;
mod handshake;
mod packing;
mod policy;
mod queue;
mod rated;
mod server;
mod service;
mod socket;
mod stream;
mod tls;
mod traffic;

pub use certificates::{CertificateError, CertificateFiles};
pub use client::Client;
pub use credentials::{Credentials, Peer, Target};
pub use error::{BindError, CallError, Closed, HandshakeError, OpenError, TrySendError};
pub use frame::MAX_FRAME;
pub use policy::{COMPRESS_FROM, DEFAULT_CLUSTER, Policy};
pub use server::Server;
pub use service::Service;
pub use stream::{Receiver, Sender, Stream, open_stream};
pub use traffic::{Moved, Traffic};

/// Calls of one connection that a server works on at the same time; further ones wait in the network.
pub const MAX_CALLS_IN_FLIGHT: usize = 1024;
