//! What goes from one bucket to another: it leaves the one and arrives in the other by the same operation.
//!
//! Each bucket is read at its own moment, so while a store is in use some sides are always missing. Sums of digests
//! say cheaply which operations to look at; those are listed, and what stays unmatched after a while is wrong.

use super::base::{Horizon, Sums};
use crate::ledger::{CASH, ELSEWHERE, Line, Spot, Subject, ledger_columns, within_retention};
use crate::rows;
use model::calls::database::{Failure, Finding};
use model::calls::ledger::{CROSSINGS_MAX, Crossed, Crossing, Crossings, Wrong};
use model::id::{AccountId, ItemId, OperationId};
use model::item::ItemKind;
use std::collections::BTreeMap;

/// Lines that are sides: the first operation, the last one, limit.
pub(crate) const SIDES: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM ledger WHERE (from_kind = 8 OR to_kind = 8) AND operation BETWEEN $1 AND $2 AND ",
    within_retention!(),
    " LIMIT $3"
);

/// A line as a side; `None` when it is none, or makes no sense and is found for that.
pub(crate) fn side(line: &Line) -> Result<Option<Crossing>, Failure> {
    let Some(operation) = line.operation else { return Ok(None) };
    let (what, from, to) = match &line.subject {
        Subject::Gold { amount, from, to } => {
            let spots = (from.map(|(spot, _)| spot), to.map(|(spot, _)| spot));
            let is_cash = |spot: Option<Spot>| spot.is_some_and(|spot| spot.kind == CASH);
            let what = if is_cash(spots.0) || is_cash(spots.1) { Crossed::Cash } else { Crossed::Gold };
            (what(*amount), spots.0, spots.1)
        }
        Subject::Item { item, kind, before, after } => {
            let is_away = |side: &&(Vec<u8>, Spot)| side.1.kind == ELSEWHERE;
            let away = before.as_ref().filter(is_away).or(after.as_ref().filter(is_away));
            let Some((effects, _)) = away else { return Ok(None) };
            let kind =
                u16::try_from(*kind).map_err(|_| Failure::Corrupt(format!("an item of kind {kind}")))?;
            let what = Crossed::Item(ItemId(*item), ItemKind(kind), rows::effects(effects)?);
            (what, before.as_ref().map(|side| side.1), after.as_ref().map(|side| side.1))
        }
    };
    let here = line.bucket as u16;
    let other = |spot: Option<Spot>| {
        let spot = spot.filter(|spot| spot.kind == ELSEWHERE)?;
        Some(placement::bucket_of(AccountId(spot.owner as u64)))
    };
    let (operation, at_ms) = (OperationId(operation), line.at_ms);
    Ok(match (other(from), other(to)) {
        (None, Some(there)) => {
            Some(Crossing { operation, what, from: here, to: there, is_departure: true, at_ms })
        }
        (Some(there), None) => {
            Some(Crossing { operation, what, from: there, to: here, is_departure: false, at_ms })
        }
        _ => None,
    })
}

/// Adds the digest of a side to the sum of its operation's first byte.
pub(crate) fn digest(side: &Crossing, sums: &mut Sums) {
    let digest = digest_of(side);
    add(sums, class(side.operation), if side.is_departure { digest } else { -digest });
}

fn digest_of(side: &Crossing) -> i128 {
    let mut bytes = side.operation.0.to_le_bytes().to_vec();
    bytes.extend(side.from.to_le_bytes());
    bytes.extend(side.to.to_le_bytes());
    match side.what {
        Crossed::Item(item, kind, effects) => {
            bytes.push(0);
            bytes.extend(item.0.to_le_bytes());
            bytes.extend(kind.0.to_le_bytes());
            bytes.extend(effects.iter().flat_map(|effect| [effect.code, effect.value]));
        }
        Crossed::Gold(amount) => {
            bytes.push(1);
            bytes.extend(amount.to_le_bytes());
        }
        Crossed::Cash(amount) => {
            bytes.push(2);
            bytes.extend(amount.to_le_bytes());
        }
    }
    // the high half counts, the low half tells apart
    (1 << 64) + i128::from(placement::stable_hash(&bytes))
}

/// Adds to a sum; one that is zero is not kept.
pub(crate) fn add(sums: &mut Sums, class: u8, digest: i128) {
    let sum = sums.entry(class).or_default();
    *sum = sum.wrapping_add(digest);
    if *sum == 0 {
        sums.remove(&class);
    }
}

/// The sum that an operation belongs to.
fn class(operation: OperationId) -> u8 {
    (operation.0 >> 120) as u8
}

/// The operations of a sum, the first and the last.
pub(crate) fn operations_of(class: u8) -> (OperationId, OperationId) {
    let first = u128::from(class) << 120;
    (OperationId(first), OperationId(first | (u128::MAX >> 8)))
}

/// The answer of one database to a question for sides.
pub(crate) fn listed(lines: &[Line]) -> Result<Crossings, Failure> {
    let sides: Vec<Option<Crossing>> = lines.iter().map(side).collect::<Result<_, _>>()?;
    Ok(Crossings {
        sides: sides.into_iter().flatten().collect(),
        more: lines.len() >= CROSSINGS_MAX as usize,
        ..Crossings::default()
    })
}

/// The answer with what is past the retention in the class of an operation.
pub(crate) fn with_folded(answer: Crossings, first: OperationId, horizons: &[Horizon]) -> Crossings {
    let sums = horizons.iter().filter_map(|horizon| horizon.crossings.get(&class(first)));
    Crossings {
        folded: sums.fold(0, |sum: i128, digest| sum.wrapping_add(*digest)),
        folded_until_ms: horizons.iter().map(|horizon| horizon.until_ms).max(),
        ..answer
    }
}

/// How long before the horizon of one bucket the other side of something may be past that of another: clocks of shards
/// differ, and a part may be prepared for a while.
const ASTRIDE_MS: i64 = 3_600_000;

/// Sides that have no other side.
#[derive(Debug, Default)]
pub(crate) struct Unmatched {
    /// Departures less arrivals, and when the last of them was.
    counts: BTreeMap<(OperationId, Crossed, u16, u16), (i64, i64)>,
    /// Digests of what is past the retention, in the class that was asked for, and until when.
    folded: i128,
    folded_until_ms: Option<i64>,
}

impl Unmatched {
    /// Takes in more sides, of one shard or of all.
    pub(crate) fn extend(&mut self, answer: &Crossings) {
        for side in &answer.sides {
            let key = (side.operation, side.what, side.from, side.to);
            let (count, at_ms) = self.counts.entry(key).or_default();
            *count += if side.is_departure { 1 } else { -1 };
            *at_ms = side.at_ms.max(*at_ms);
            if *count == 0 {
                self.counts.remove(&key);
            }
        }
        self.folded = self.folded.wrapping_add(answer.folded);
        self.folded_until_ms = self.folded_until_ms.max(answer.folded_until_ms);
    }

    /// Operations with such sides, each once.
    pub(crate) fn operations(&self) -> Vec<OperationId> {
        let mut found: Vec<_> = self.counts.keys().map(|(operation, ..)| *operation).collect();
        found.dedup();
        found
    }

    /// True when everything has its other side.
    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Takes an operation out.
    pub(crate) fn forget(&mut self, operation: OperationId) {
        self.counts.retain(|(other, ..), _| *other != operation);
    }

    /// Adds others.
    pub(crate) fn join(&mut self, others: Self) {
        self.counts.extend(others.counts);
    }

    /// The sides that are not there.
    pub(crate) fn missing(&self) -> Vec<Crossing> {
        let other = |(side, _): (Crossing, i64)| Crossing { is_departure: !side.is_departure, ..side };
        self.each().map(other).collect()
    }

    /// Takes out what is so old that its other side may be past the retention. All of a class must be known here.
    pub(crate) fn split_old(&mut self) -> Old {
        let Some(until_ms) = self.folded_until_ms else { return Old::default() };
        let (old, young) = std::mem::take(&mut self.counts)
            .into_iter()
            .partition(|(_, (_, at_ms))| *at_ms < until_ms.saturating_add(ASTRIDE_MS));
        self.counts = young;
        let counts: Vec<_> = Self { counts: old, ..Self::default() }.each().collect();
        let left = counts.iter().map(|(side, count)| digest_of(side).wrapping_mul((*count).into()));
        let left = left.fold(self.folded, i128::wrapping_add);
        Old { sides: counts, left, until_ms }
    }

    /// Each as one side, and how often.
    fn each(&self) -> impl Iterator<Item = (Crossing, i64)> {
        self.counts.iter().map(|((operation, what, from, to), (count, at_ms))| {
            let (operation, what, from, to, at_ms) = (*operation, *what, *from, *to, *at_ms);
            (Crossing { operation, what, from, to, is_departure: *count > 0, at_ms }, *count)
        })
    }

    /// Says what is wrong.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.each().map(|(side, _)| lost(&side)).collect()
    }
}

/// Sides without another side that may be past the retention, and what must be so.
#[derive(Debug, Default)]
pub(crate) struct Old {
    sides: Vec<(Crossing, i64)>,
    /// Their digests and those of what is past the retention.
    left: i128,
    until_ms: i64,
}

impl Old {
    /// True when what is past the retention is the other side of all of them.
    pub(crate) fn adds_up(&self) -> bool {
        self.left == 0
    }

    /// Says what is wrong: the one without which all would add up, or else that something is.
    pub(crate) fn finding(&self) -> Option<Finding> {
        if self.adds_up() {
            return None;
        }
        let is_it =
            |(side, count): &&(Crossing, i64)| digest_of(side).wrapping_mul((*count).into()) == self.left;
        if let Some((side, _)) = self.sides.iter().find(is_it) {
            return Some(lost(side));
        }
        let what = format!(
            "what left buckets and what arrived does not add up, and entries before {} are past the retention",
            self.until_ms
        );
        Some(Finding::new(Wrong::Crossing, what))
    }
}

fn lost(side: &Crossing) -> Finding {
    let Crossing { operation, what, from, to, is_departure, .. } = side;
    let thing = match what {
        Crossed::Item(..) => "it".to_owned(),
        Crossed::Gold(amount) => format!("{amount} gold"),
        Crossed::Cash(amount) => format!("{amount} cash"),
    };
    let what_happened = if *is_departure {
        format!("{thing} left bucket {from} for bucket {to} and did not arrive there")
    } else {
        format!("{thing} arrived in bucket {to} and had not left bucket {from}")
    };
    let item = match what {
        Crossed::Item(item, ..) => Some(*item),
        _ => None,
    };
    Finding { item, operation: Some(*operation), ..Finding::new(Wrong::Crossing, what_happened) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn side(operation: u128, is_departure: bool, at_ms: i64) -> Crossing {
        let (operation, what) = (OperationId(operation), Crossed::Gold(10));
        Crossing { operation, what, from: 1, to: 2, is_departure, at_ms }
    }

    fn unmatched(sides: Vec<Crossing>, folded: i128) -> Unmatched {
        let mut all = Unmatched::default();
        all.extend(&Crossings { sides, more: false, folded, folded_until_ms: Some(1_000) });
        all
    }

    #[test]
    fn what_has_its_other_side_past_the_retention_is_not_lost() {
        let (old, young) = (side(1, false, 900), side(2, true, 1_000 + ASTRIDE_MS));
        let gone = digest_of(&old);
        let mut all = unmatched(vec![old, young], gone);
        assert!(all.split_old().adds_up());
        assert_eq!(all.operations(), [OperationId(2)], "what is younger has lost it");

        // one more that is old, of which nothing is folded, is the one
        let lost = unmatched(vec![old, side(3, true, 800)], gone).split_old().finding().unwrap();
        assert_eq!(lost.operation, Some(OperationId(3)));
        // and two more cannot be told from the others
        let sides = vec![old, side(3, true, 800), side(4, true, 800)];
        let finding = unmatched(sides, gone).split_old().finding().unwrap();
        assert!(finding.operation.is_none() && finding.what.contains("does not add up"));
    }
}
