//! Ids that follow from others: every copy of BISrv, and every repeat, makes the same ones.

use model::{OperationId, ParcelId};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// The operation that these parts name within a domain.
pub(crate) fn operation(domain: &str, parts: &[&[u8]]) -> OperationId {
    let mut bytes = Vec::with_capacity(64);
    for part in std::iter::once(&domain.as_bytes()).chain(parts) {
        bytes.extend((part.len() as u64).to_le_bytes()); // no two lists of parts have the same bytes
        bytes.extend(*part);
    }
    OperationId(xxh3_128(&bytes))
}

/// The operation of a turn: another try of the same, after others took its place. The first is the operation itself.
pub(crate) fn turn(first: OperationId, turn: u32) -> OperationId {
    match turn {
        0 => first,
        turn => operation("turn", &[&first.0.to_le_bytes(), &turn.to_le_bytes()]),
    }
}

/// The parcel that an operation sends; never 0, and never the highest number.
pub(crate) fn parcel(sent: OperationId) -> ParcelId {
    ParcelId((xxh3_64(&sent.0.to_le_bytes()) >> 1).clamp(1, i64::MAX as u64 - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_in_any_part_is_another_operation() {
        let all = [
            operation("a", &[b"bc", b""]),
            operation("a", &[b"b", b"c"]),
            operation("ab", &[b"c"]),
            operation("a", &[b"bc"]),
            turn(OperationId(7), 0),
            turn(OperationId(7), 1),
            turn(OperationId(7), 2),
            turn(OperationId(8), 1),
        ];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{index}");
        }
        assert_eq!(turn(OperationId(7), 0), OperationId(7));
        assert_eq!(turn(OperationId(7), 1), turn(OperationId(7), 1));
        assert!(parcel(OperationId(7)) != parcel(OperationId(8)));
        assert!((0..1_000).all(|n| (1..=i64::MAX as u64).contains(&parcel(OperationId(n)).0)));
    }
}
