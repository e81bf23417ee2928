//! The running check: a cheap watch beside the players that says within a second when items, gold or cash are not what
//! the ledger leads to.
//!
//! For each bucket there is a *book*: how many items, how much gold and cash, and a digest of every item and purse as they
//! must be. The digest is a sum over items and purses of a hash of all that the row says, so an entry of the ledger takes
//! the state before out of it and puts the state after into it. One look at a shard reads, at one moment:
//!
//! ```text
//!   news     entries that were not seen before, summed up by bucket         -> into the books
//!   rows     what the rows of some buckets come to, in turn                 == the books of these?
//!   base     what all entries of some buckets come to, in turn              == the books of these? (none yet: a new one)
//!   touched  whether rows are as the newest of these entries say            while the rows take several looks
//! ```
//! Nothing is written, and writers do nothing for it. What differs is only a suspicion: the examiner of `fsck` looks at
//! the bucket at a newer moment, and what it finds is the alarm. When it finds nothing the book was wrong, and is made
//! anew. So whatever this overlooks or mistakes, a false alarm would be one of `fsck`.
//!
//! How much is read in one look follows from a share of one core ([`Pace`]), so what is large takes longer instead
//! of costing more.

mod book;
mod gaps;
mod pace;
pub(crate) mod sql;
#[cfg(test)]
mod tests;
mod watch;

pub(crate) use book::Sums;
pub(crate) use gaps::Range;
pub use watch::{Options, Round, Watch};

use crate::examine::Judged;
use async_trait::async_trait;
use model::calls::database::Failure;
use std::time::Duration;

/// A store that can be watched, shard by shard.
#[async_trait]
pub trait Site: Send + Sync + 'static {
    /// Shards that have buckets.
    fn shards(&self) -> Vec<u16>;
    /// Reads what one look wants, at one moment.
    async fn look(&self, shard: u16, wanted: &Wanted) -> Result<Seen, Failure>;
    /// Examines one bucket, at one moment.
    async fn judge(&self, shard: u16, bucket: u16) -> Result<Judged, Failure>;
}

/// What a look is to read.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Numbers of entries that were not seen yet; `None` at the first look.
    pub(crate) gaps: Option<Vec<Range>>,
    /// Buckets whose rows are counted.
    pub(crate) rows: Option<(u16, u16)>,
    /// Buckets whose entries are summed up.
    pub(crate) base: Option<(u16, u16)>,
    /// Whether rows are compared with the newest entries.
    pub(crate) touched: bool,
}

/// What a look saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Transactions below the first have ended; those from the second on had not begun.
    pub(crate) clock: (i64, i64),
    /// Buckets at home.
    pub(crate) homes: Vec<u16>,
    /// At the first look: the number up to which entries are taken for seen.
    pub(crate) start: i64,
    /// Numbers in the gaps that are taken now, first and last.
    pub(crate) taken: Vec<(i64, i64)>,
    /// What new entries come to.
    pub(crate) news: Vec<(u16, Sums)>,
    /// Buckets with a row that is not as its newest entry says.
    pub(crate) touched: Vec<u16>,
    /// What rows come to.
    pub(crate) rows: Vec<(u16, Sums)>,
    /// What all entries come to.
    pub(crate) base: Vec<(u16, Sums)>,
    /// How long counting rows, summing up entries, and the whole look took.
    pub(crate) rows_took: Duration,
    pub(crate) base_took: Duration,
    pub(crate) took: Duration,
}
