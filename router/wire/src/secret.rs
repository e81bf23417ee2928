//! What must never reach a log: passwords, PINs, transfer tokens.

use crate::Profile;
use crate::packet::{AccountLogin, AccountPin, DeleteCharacter, ServerChange, TransferCharacter, Whisper};
use crate::table::{Packet, Row};
use std::fmt;

/// Packets with something that only their receiver may learn.
static PRIVATE: [Row; 6] = [
    AccountLogin::ROW,
    AccountPin::ROW,
    DeleteCharacter::ROW,
    ServerChange::ROW,
    TransferCharacter::ROW,
    Whisper::ROW,
];

/// Whether a packet of this number carries, in any profile, a password, a PIN, a token or a whisper.
pub fn is_private(opcode: u16) -> bool {
    PRIVATE.iter().any(|row| {
        let mut shapes = Profile::ALL.iter().filter_map(|profile| row.shapes.in_profile(*profile));
        shapes.any(|shape| shape.opcode == opcode)
    })
}

/// Text that `Debug` does not show.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Hidden(String);

impl Hidden {
    /// Wraps a secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that checks it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(..)")
    }
}

/// The 52 bytes by which a client that changes channel proves who it is; all zero when there is none.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub [u8; 52]);

impl Token {
    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&byte| byte == 0)
    }
}

impl Default for Token {
    fn default() -> Self {
        Self([0; 52])
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Token(none)" } else { "Token(..)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet;

    #[test]
    fn every_packet_with_a_secret_field_is_private_and_a_step_is_not() {
        let secret = ["password", "pin", "token"];
        for row in
            packet::ROWS.iter().filter(|row| row.fields.iter().any(|field| secret.contains(&field.name)))
        {
            for shape in Profile::ALL.iter().filter_map(|profile| row.shapes.in_profile(*profile)) {
                assert!(is_private(shape.opcode), "{}", row.name);
            }
        }
        for row in [packet::Action::ROW, packet::CreateMob::ROW, packet::Chat::ROW] {
            let shape = row.shapes.in_profile(Profile::V759);
            assert!(shape.is_some_and(|shape| !is_private(shape.opcode)), "{}", row.name);
        }
    }
}
