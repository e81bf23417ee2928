//! What rows or entries come to.

use crate::rows::Fields;
use model::calls::database::Failure;
use std::ops::AddAssign;

/// What rows or entries of a bucket come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) items: i64,
    pub(crate) gold: i64,
    pub(crate) cash: i64,
    /// A sum of hashes of up to 64 bits: no number of rows makes it overflow.
    pub(crate) digest: i128,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.items = self.items.saturating_add(other.items);
        self.gold = self.gold.saturating_add(other.gold);
        self.cash = self.cash.saturating_add(other.cash);
        self.digest = self.digest.saturating_add(other.digest);
    }
}

impl Sums {
    /// From the columns bucket, items, gold, cash, digest (as text).
    pub(crate) fn read(row: &impl Fields) -> Result<(u16, Self), Failure> {
        let digest = row.text(4)?;
        let digest =
            digest.parse().map_err(|_| Failure::Corrupt(format!("a digest {digest:?} of a bucket")))?;
        Ok((row.number(0)?, Self { items: row.int(1)?, gold: row.int(2)?, cash: row.int(3)?, digest }))
    }
}
