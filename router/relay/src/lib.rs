//! Players over QUIC: the legacy protocol, byte for byte, inside of TLS 1.3, compressed, and on one connection after the
//! other.
//!
//! ```text
//! client --TCP on its own machine--> Relay ==QUIC, one stream a player==> Listener of the edge
//! ```
//! The edge proves itself by a certificate whose fingerprint the relay was told, or by one of a CA. A relay shows
//! none: whoever plays proves itself by its password, as over TCP. A player outlives the QUIC connection that carries it:
//! its relay comes back with a ticket, and both ends go on where they were.
//!
//! | module | holds |
//! |---|---|
//! | `relay`, `uplink` | the player's end |
//! | `listener`, `streams`, `resets` | the edge's end: who comes in, who comes back, and who is told to |
//! | `seats`, `rated` | the same: which connections carry nobody, and which lines strangers cannot flood the log with |
//! | `carried`, `berth`, `lane` | a stream that outlives its QUIC streams: IO |
//! | `flow`, `message`, `packing`, `walker`, `queue` | the same without IO: counting, keeping, packing |
//! | `opening`, `ticket`, `version` | what is said before a stream carries a player |
//! | `identity`, `trust`, `fingerprint` | certificates |
//!
//! This crate knows the frames of the client protocol, as `wire` cuts them and undoes their obfuscation, and which of them hold
//! secrets. It must never know what else is in them, and what comes out is what went in, whatever it is.

mod berth;
mod carried;
mod fingerprint;
mod flow;
mod identity;
mod lane;
mod listener;
mod message;
mod opening;
mod packing;
mod queue;
mod rated;
mod relay;
mod resets;
mod seats;
mod streams;
mod ticket;
mod traffic;
mod transport;
mod trust;
mod uplink;
mod version;
mod walker;

pub use carried::{Carried, Kept};
pub use fingerprint::{BadFingerprint, Fingerprint};
pub use identity::{Identity, IdentityError};
pub use lane::Lane;
pub use listener::{Gate, Guard, ListenError, Listener, PlayerStream};
pub use relay::{Options, Relay, RelayError};
pub use streams::Streams;
pub use traffic::{Note, Watcher};
pub use trust::{Trust, TrustError};
