//! A parcel as its receiver sees it.

use model::calls::bank::Parcel;
use model::calls::database::{Failure, HeldRecord};
use model::transfer::RecordKey;
pub(crate) use store::letter::Letter;

pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

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
