//! What a parcel's record says. Stored as JSON, so that later fields can be added with a default.

use model::AccountId;
use model::calls::database::Failure;
use serde::{Deserialize, Serialize};

/// The label of a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// To whom it goes back.
    pub from: AccountId,
    /// The sending character.
    pub sender: String,
    /// The receiving character.
    pub to: String,
    /// The sender's line.
    pub text: String,
    /// When it was sent.
    pub sent_ms: i64,
    /// True when nobody took it and it came back.
    pub returned: bool,
}

impl Letter {
    /// As it is stored.
    pub fn encode(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self)
            .map_err(|error| Failure::Corrupt(format!("a letter cannot be written: {error}")))
    }

    /// As it was stored.
    pub fn decode(body: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(body)
            .map_err(|error| Failure::Corrupt(format!("a letter cannot be read: {error}")))
    }
}
