//! A parcel as its receiver sees it.

use model::calls::bank::Parcel;
use model::calls::database::{Failure, HeldRecord};
use model::transfer::RecordKey;
pub(crate) use store::letter::Letter;

/// A parcel as its receiver sees it; `None` for a record of another kind.
pub(crate) fn shown(held: &HeldRecord) -> Result<Option<Parcel>, Failure> {
    let RecordKey::Parcel(parcel) = held.record.key else { return Ok(None) };
    let letter = Letter::decode(&held.record.body)?;
    Ok(Some(Parcel {
        parcel,
        sender: letter.sender,
        to: letter.to,
        returned: letter.returned,
        text: letter.text,
        items: held.items.iter().map(|(_, item)| *item).collect(),
        gold: held.gold,
        sent_ms: letter.sent_ms,
        until_ms: Some(held.record.until_ms).filter(|until| *until != i64::MAX),
    }))
}
