//! Who one is and whom one talks to.

use crate::Policy;
use model::Secret;
use model::membership::ProcessName;
use std::net::SocketAddr;

/// What a process shows to its peers.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Its own name.
    pub name: ProcessName,
    /// The cluster key; the text itself is the HMAC key.
    pub key: Secret,
    /// What all its links share.
    pub policy: Policy,
}

impl Credentials {
    /// Of a process whose links are plain.
    pub fn new(name: ProcessName, key: Secret) -> Self {
        Self { name, key, policy: Policy::default() }
    }
}

/// The other end of an accepted connection, after it has proven that it holds the cluster key.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The name that it proved.
    pub name: ProcessName,
    /// Where it connects from.
    pub address: SocketAddr,
}

/// A process to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name. A server whose name says another role is refused; the number in the name is not compared,
    /// because addresses from a configuration file come without it.
    pub name: ProcessName,
    /// Where its link listens.
    pub address: SocketAddr,
}
