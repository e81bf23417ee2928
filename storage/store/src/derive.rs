//! Ids that follow from others: whoever does the same again makes the same ones.

use model::id::AmendmentId;
use model::{ItemId, OperationId, ParcelId};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The operation that these parts name within a domain.
pub fn operation(domain: &str, parts: &[&[u8]]) -> OperationId {
    let mut bytes = Vec::with_capacity(64);
    for part in std::iter::once(&domain.as_bytes()).chain(parts) {
        bytes.extend((part.len() as u64).to_le_bytes()); // no two lists of parts have the same bytes
        bytes.extend(*part);
    }
    OperationId(xxh3_128(&bytes))
}

/// The parcel that an operation sends; never 0, and never the highest number.
pub fn parcel(sent: OperationId) -> ParcelId {
    ParcelId((xxh3_64(&sent.0.to_le_bytes()) >> 1).clamp(1, i64::MAX as u64 - 1))
}

/// The record of something that is taken back; never that of all.
pub fn amendment(of: OperationId) -> AmendmentId {
    AmendmentId((xxh3_64(&of.0.to_le_bytes()) >> 1).clamp(AmendmentId::ALL.0 + 1, i64::MAX as u64 - 1))
}

/// The item that lives on for one that an operation had ended.
pub fn reborn(dead: ItemId, ended_by: OperationId) -> ItemId {
    ItemId(operation("reborn", &[&dead.0.to_le_bytes(), &ended_by.0.to_le_bytes()]).0)
}
