//! Ids that follow from others: every copy of BISrv, and every repeat, makes the same ones.

use model::OperationId;
pub(crate) use store::derive::{operation, parcel};

/// The operation of a turn: another try of the same, after others took its place. The first is the operation itself.
pub(crate) fn turn(first: OperationId, turn: u32) -> OperationId {
    match turn {
        0 => first,
        turn => operation("turn", &[&first.0.to_le_bytes(), &turn.to_le_bytes()]),
    }
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
