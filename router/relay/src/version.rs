//! Which version of the protocol two ends speak.
//!
//! Each end offers the names of all versions that it knows of, so that TLS finds one, and refuses those that it does not
//! speak: who is refused is told by name what was found and what was expected.

use quinn::Connection;
use quinn::crypto::rustls::HandshakeData;

/// What this program speaks.
const OURS: &str = "wydbr-players/2";
/// What programs before it spoke: one bare stream of bytes a player.
const BEFORE: [&str; 1] = ["wydbr-players/1"];

/// What a connection was agreed to speak.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Ours,
    Other(String),
}

/// Everything that is known by name, for the handshake.
pub(crate) fn offered() -> Vec<Vec<u8>> {
    std::iter::once(OURS).chain(BEFORE).map(|name| name.as_bytes().to_vec()).collect()
}

/// What both ends agreed on.
pub(crate) fn of(connection: &Connection) -> Version {
    let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
    match data.and_then(|data| data.protocol) {
        Some(name) if name == OURS.as_bytes() => Version::Ours,
        Some(name) => Version::Other(String::from_utf8_lossy(&name).into_owned()),
        None => Version::Other("no protocol".to_owned()),
    }
}

/// Why an end of another version is refused; `who` is that end.
pub(crate) fn refusal(who: &str, found: &str) -> String {
    format!("the {who} speaks {found}, expected {OURS}: the older of the two has to be upgraded")
}
