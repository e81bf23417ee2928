//! Who is served: everybody, or those of this machine alone.
//!
//! On SQLite who has which character and who is a member is on the disk a moment later. That is safe because those whom it is
//! about die with the machine (ADR 0032); a node on another machine would not.

use crate::Settings;
use crate::complaints::Complaints;
use link::Peer;
use std::net::{SocketAddr, UdpSocket};

/// Why a call is refused, if it is; for its answer. At most so often also told in the log.
pub(crate) fn refusal(settings: &Settings, peer: &Peer, complaints: &Complaints) -> Option<String> {
    if !settings.is_for_this_machine() || is_here(peer.address) {
        return None;
    }
    let address = peer.address.ip().to_canonical();
    if let Some(held_back) = complaints.allow() {
        tracing::warn!(peer = %peer.name, %address, held_back,
            "refused: the store is SQLite, which serves processes of its own machine only; expected an address of this \
             machine, or storage = \"postgres\"");
    }
    Some(format!(
        "DBSrv on SQLite serves processes of its own machine only; found {} at {address}, expected an address of that \
         machine, or storage = \"postgres\"",
        peer.name
    ))
}

/// True for an address of this machine: only such a one can be bound to.
fn is_here(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let mut own = address;
    own.set_port(0);
    if ip.is_ipv4() {
        own.set_ip(ip);
    }
    ip.is_loopback() || UdpSocket::bind(own).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::membership::ProcessName;

    fn peer(address: &str) -> Peer {
        Peer { name: ProcessName("tmsrv-1".to_owned()), address: address.parse().unwrap() }
    }

    /// The address from which this machine would reach others, if it is on a network.
    fn own() -> Option<SocketAddr> {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).ok()?;
        // nothing is sent: it only asks for the way
        socket.connect(("192.0.2.1", 9)).ok()?;
        socket.local_addr().ok()
    }

    #[test]
    fn sqlite_serves_this_machine_and_postgres_everybody() {
        let complaints = Complaints::default();
        let refused = |settings: &Settings, at: &str| refusal(settings, &peer(at), &complaints);
        let sqlite = Settings::default();
        for own in ["127.0.0.1:4000", "127.3.2.1:4000", "[::1]:4000", "[::ffff:127.0.0.1]:4000"] {
            assert_eq!(refused(&sqlite, own), None, "{own}");
        }
        if let Some(own) = own() {
            assert_eq!(refused(&sqlite, &own.to_string()), None, "{own} is an address of this machine");
        }
        // of networks that are for documents only
        for other in ["192.0.2.7:4000", "[2001:db8::7]:4000", "[::ffff:192.0.2.7]:4000"] {
            let why = refused(&sqlite, other).unwrap();
            assert!(why.contains("tmsrv-1 at ") && why.contains("storage = \"postgres\""), "{why}");
            let told_otherwise = Settings { sqlite_elsewhere: true, ..Settings::default() };
            assert_eq!(refused(&told_otherwise, other), None);
            let postgres = Settings { storage: "postgres".to_owned(), ..Settings::default() };
            assert_eq!(refused(&postgres, other), None);
        }
    }
}
