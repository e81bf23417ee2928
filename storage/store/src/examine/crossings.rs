//! What goes from one bucket to another: it leaves the one and arrives in the other by the same operation.
//!
//! Each bucket is read at its own moment, so while a store is in use some sides are always missing. Sums of digests
//! say cheaply which operations to look at; those are listed, and what stays unmatched after a while is wrong.

use crate::ledger::{CASH, ELSEWHERE, Line, Spot, Subject, ledger_columns};
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
    " FROM ledger WHERE (from_kind = 8 OR to_kind = 8) AND operation BETWEEN $1 AND $2 LIMIT $3"
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
    let operation = OperationId(operation);
    Ok(match (other(from), other(to)) {
        (None, Some(there)) => Some(Crossing { operation, what, from: here, to: there, is_departure: true }),
        (Some(there), None) => Some(Crossing { operation, what, from: there, to: here, is_departure: false }),
        _ => None,
    })
}

/// Adds the digest of a side to the sum of its operation's first byte.
pub(crate) fn digest(side: &Crossing, sums: &mut BTreeMap<u8, i128>) {
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
    let digest = (1 << 64) + i128::from(placement::stable_hash(&bytes));
    let class = class(side.operation);
    add(sums, class, if side.is_departure { digest } else { -digest });
}

/// Adds to a sum; one that is zero is not kept.
pub(crate) fn add(sums: &mut BTreeMap<u8, i128>, class: u8, digest: i128) {
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
    })
}

/// Sides that have no other side.
#[derive(Debug, Default)]
pub(crate) struct Unmatched {
    /// Departures less arrivals.
    counts: BTreeMap<(OperationId, Crossed, u16, u16), i64>,
}

impl Unmatched {
    /// Takes in more sides.
    pub(crate) fn extend(&mut self, sides: &[Crossing]) {
        for side in sides {
            let key = (side.operation, side.what, side.from, side.to);
            let count = self.counts.entry(key).or_default();
            *count += if side.is_departure { 1 } else { -1 };
            if *count == 0 {
                self.counts.remove(&key);
            }
        }
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
        self.counts
            .iter()
            .map(|((operation, what, from, to), count)| Crossing {
                operation: *operation,
                what: *what,
                from: *from,
                to: *to,
                is_departure: *count < 0,
            })
            .collect()
    }

    /// Says what is wrong.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.counts
            .iter()
            .map(|((operation, what, from, to), count)| {
                let thing = match what {
                    Crossed::Item(..) => "it".to_owned(),
                    Crossed::Gold(amount) => format!("{amount} gold"),
                    Crossed::Cash(amount) => format!("{amount} cash"),
                };
                let what_happened = if *count > 0 {
                    format!("{thing} left bucket {from} for bucket {to} and did not arrive there")
                } else {
                    format!("{thing} arrived in bucket {to} and had not left bucket {from}")
                };
                let item = match what {
                    Crossed::Item(item, ..) => Some(*item),
                    _ => None,
                };
                Finding { item, operation: Some(*operation), ..Finding::new(Wrong::Crossing, what_happened) }
            })
            .collect()
    }
}
