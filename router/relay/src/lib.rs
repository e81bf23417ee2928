//! Players over QUIC: the legacy protocol, byte for byte, inside of TLS 1.3.
//!
//! ```text
//! client --TCP on its own machine--> Relay ==QUIC, one stream a player==> Listener of the edge
//! ```
//! The edge proves itself by a certificate whose fingerprint the relay was told, or by one of a CA. A relay shows
//! none: whoever plays proves itself by its password, as over TCP. The connection survives a change of the
//! address of the relay. This crate must never know what the bytes mean.

mod fingerprint;
mod identity;
mod listener;
mod relay;
mod transport;
mod trust;

pub use fingerprint::{BadFingerprint, Fingerprint};
pub use identity::{Identity, IdentityError};
pub use listener::{Gate, Guard, ListenError, Listener, PlayerStream};
pub use relay::{Options, Relay, RelayError};
pub use trust::{Trust, TrustError};

/// What both ends call the protocol in their TLS handshake.
pub(crate) const ALPN: &[u8] = b"wydbr-players/1";
