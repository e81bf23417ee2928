//! What a parcel's record says. Stored as JSON, so that later fields can be added with a default.

use model::AccountId;
use model::calls::bank::Parcel;
use model::calls::database::{Failure, HeldRecord};
use model::transfer::RecordKey;
use serde::{Deserialize, Serialize};

pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The label of a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// To whom it goes back.
    pub(crate) from: AccountId,
    /// The sending character.
    pub(crate) sender: String,
    /// The receiving character.
    pub(crate) to: String,
    /// The sender's line.
    pub(crate) text: String,
    /// When it was sent.
    pub(crate) sent_ms: i64,
    /// True when nobody took it and it came back.
    pub(crate) returned: bool,
}

impl Letter {
    /// As it is stored.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self)
            .map_err(|error| Failure::Corrupt(format!("a letter cannot be written: {error}")))
    }

    /// As it was stored.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(body)
            .map_err(|error| Failure::Corrupt(format!("a letter cannot be read: {error}")))
    }
}

/// A parcel as its receiver sees it at that time; `None` for a record of another kind.
pub(crate) fn shown(held: &HeldRecord, now_ms: i64) -> Result<Option<Parcel>, Failure> {
    let RecordKey::Parcel(parcel) = held.record.key else { return Ok(None) };
    let letter = Letter::decode(&held.record.body)?;
    let until_ms = Some(held.record.until_ms).filter(|until| *until != i64::MAX);
    let days =
        |until: i64| u32::try_from(until.saturating_sub(now_ms).max(0) / DAY_MS + 1).unwrap_or(u32::MAX);
    Ok(Some(Parcel {
        parcel,
        sender: letter.sender,
        to: letter.to,
        returned: letter.returned,
        text: letter.text,
        items: held.items.iter().map(|(_, item)| *item).collect(),
        gold: held.gold,
        sent_ms: letter.sent_ms,
        until_ms,
        days_left: until_ms.map(days),
    }))
}
