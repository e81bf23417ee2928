//! The internal network: framed bincode over TCP between the processes of one cluster.
//!
//! Typed calls ([`Client`]) and typed streams ([`open_stream`]) to a [`Server`] that hosts one [`Service`].
//! Both ends prove that they hold the cluster key before any payload is read; the key authenticates peers,
//! it does not encrypt what they say, so links belong on a private network. This crate must never know what
//! the messages mean.
//!
//! ```text
//! connect -> handshake (3 s) -> calls:   Request(id) ->  <- Reply(id) | Refused(id)
//!                            \> stream:  Message <->  Message
//! both:   Heartbeat each second that nothing else is written; 3 s of silence is death
//! ```
//!
//! Every queue is bounded twice: in frames and in bytes. A full queue is backpressure for `send`, and
//! [`TrySendError::Full`] for `try_send`.

mod backoff;
mod client;
mod connection;
mod credentials;
mod error;
mod frame;
mod handshake;
mod queue;
mod rated;
mod server;
mod service;
mod stream;

pub use client::Client;
pub use credentials::{Credentials, Peer, Target};
pub use error::{BindError, CallError, Closed, HandshakeError, OpenError, TrySendError};
pub use frame::MAX_FRAME;
pub use server::Server;
pub use service::Service;
pub use stream::{Receiver, Sender, Stream, open_stream};

/// Calls of one connection that a server works on at the same time; further ones wait in the network.
pub const MAX_CALLS_IN_FLIGHT: usize = 1024;
