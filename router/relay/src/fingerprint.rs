//! The fingerprint of a certificate.

use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// SHA-256 over a certificate in DER; written as 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected a fingerprint of 64 hex digits")]
pub struct BadFingerprint;

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    /// Colons between the digits, as other tools print them, are left out.
    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| BadFingerprint)?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_written_and_with_colons() {
        let own = Fingerprint::of(b"certificate");
        assert_eq!(own.to_string().parse(), Ok(own));
        let text = own.to_string();
        let pairs: Vec<&str> = (0..32).map(|byte| &text[2 * byte..2 * byte + 2]).collect();
        assert_eq!(pairs.join(":").to_uppercase().parse(), Ok(own));
        for bad in ["", "abcd", &text[1..], "zz"] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(BadFingerprint));
        }
    }
}
