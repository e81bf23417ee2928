//! What can go wrong, one small type per operation.

use std::io;
use std::net::SocketAddr;
use thiserror::Error;

/// The server could not listen.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// Why not.
    pub source: io::Error,
}

/// A call that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// No connection until the deadline; the request was never sent.
    #[error("not connected")]
    NotConnected,
    /// Sent, but no answer came in time; it may have been done.
    #[error("no answer before the deadline")]
    Deadline,
    /// Sent, but the connection broke or the callee failed; it may have been done.
    #[error("the answer was lost")]
    Lost,
    /// The request or the reply is over the frame limit.
    #[error("message too large")]
    TooLarge,
    /// One end could not decode the other's message.
    #[error("the peers do not understand each other")]
    Protocol,
}

/// A stream that could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// No TCP connection.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// Where to.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// It did not finish in time.
    #[error("{address} did not finish the handshake in time")]
    Timeout {
        /// Who.
        address: SocketAddr,
    },
    /// The peer is not one of us, or we are not one of them.
    #[error("handshake with {address} failed: {source}")]
    Handshake {
        /// Who.
        address: SocketAddr,
        /// Why.
        source: HandshakeError,
    },
}

/// Why a peer was refused.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// It went away or the network failed.
    #[error("connection lost: {0}")]
    Io(#[from] io::Error),
    /// It does not speak this protocol at all.
    #[error("not a link peer")]
    Stranger,
    /// It speaks another version.
    #[error("protocol version {found}, expected {expected}")]
    Version {
        /// Theirs.
        found: u16,
        /// Ours.
        expected: u16,
    },
    /// It does not hold the cluster key.
    #[error("wrong cluster key")]
    WrongKey,
    /// It belongs to another cluster.
    #[error("cluster `{found}`, expected `{expected}`")]
    OtherCluster {
        /// Theirs.
        found: String,
        /// Ours.
        expected: String,
    },
    /// A client without TLS at a port with TLS.
    #[error("a peer without TLS on a port with TLS")]
    PlainPeer,
    /// A client with TLS at a port without.
    #[error("a peer with TLS on a port without TLS")]
    TlsPeer,
    /// A server without TLS, found by a client with certificates.
    #[error("the server does not speak TLS, but we have certificates")]
    PlainServer,
    /// A server with TLS, found by a client without certificates.
    #[error("the server wants TLS, but we have no certificates")]
    TlsWanted,
    /// A certificate, theirs or ours, was refused, or TLS could not be agreed on.
    #[error("{0}")]
    Certificate(String),
    /// Its name or purpose is malformed.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// Another role answers at the address.
    #[error("found {found} where {expected} was expected")]
    WrongRole {
        /// Who answered.
        found: String,
        /// Who should have.
        expected: String,
    },
}

/// The stream is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the stream is closed")]
pub struct Closed;

/// A message that was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TrySendError {
    /// The peer is slower than the sender.
    #[error("the queue is full")]
    Full,
    /// The stream is closed.
    #[error("the stream is closed")]
    Closed,
    /// Over the frame limit.
    #[error("message too large")]
    TooLarge,
}
