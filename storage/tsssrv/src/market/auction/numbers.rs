//! Numbers of lots as players type them, see [`model::words`].

use model::{LotId, words};

/// The shortest beginning of its number that none of the neighbours has.
pub(super) fn shortest(lot: LotId, neighbours: impl Iterator<Item = LotId>) -> String {
    words::shortest(lot.0, neighbours.map(|neighbour| neighbour.0))
}

/// Lowest and highest id whose number begins so.
pub(super) fn range(beginning: &str) -> Option<(LotId, LotId)> {
    words::range(beginning).map(|(low, high)| (LotId(low), LotId(high)))
}
