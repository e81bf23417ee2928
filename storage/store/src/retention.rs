//! What is older than the retention of the ledger is removed, and nothing that it proved is lost.
//!
//! ```text
//!   fold     entries of some buckets -> the base of each; its horizon moves      one transaction, bounded
//!   remove   entries before the horizon: whole months (PostgreSQL), rows (SQLite, with the fold)
//!   forget   outcomes of operations a day older than the horizon
//! ```
//! The horizon of a bucket decides what counts ([`crate::examine`] begins from the base there), so a crash between the
//! steps leaves rows that nobody looks at, and the next round removes them.

use std::time::Duration;

/// Operations whose outcomes are forgotten. Those of names stay: by them it is settled what became of a name, and
/// there are as many as accounts and characters.
pub(crate) const FORGOTTEN: [&str; 4] =
    [crate::transfer::KIND, crate::transfer::PART_KIND, "change_gold", "change_progress"];
/// How much longer an outcome is kept than the entries that it explains, which are written a moment before.
pub(crate) const OUTCOMES_LONGER_MS: i64 = 86_400_000;
/// Outcomes that are forgotten at once, and buckets that are looked at for them.
pub(crate) const FORGOTTEN_ROWS: i64 = 5_000;
pub(crate) const FORGOTTEN_BUCKETS: i64 = 256;
/// Steps of one round, on each shard.
pub(crate) const STEPS: usize = 64;

/// The shortest retention: whoever repeats an operation does so within it.
pub const RETENTION_MIN: Duration = Duration::from_secs(7 * 86_400);

/// What one round over the ledger did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Partitions made ahead of time.
    pub made: u64,
    /// Entries that went past the retention: they are in the base now.
    pub folded: u64,
    /// Partitions removed.
    pub partitions: u64,
    /// Entries removed one by one.
    pub entries: u64,
    /// Outcomes of operations forgotten.
    pub operations: u64,
    /// Age of the oldest entry that is stored, in milliseconds.
    pub oldest_ms: Option<i64>,
    /// What stays though it is old enough, and why.
    pub kept: Vec<String>,
    /// True when there is more to do at once.
    pub more: bool,
}

impl Trimmed {
    /// With what was done elsewhere.
    pub(crate) fn add(&mut self, other: Self) {
        self.made += other.made;
        self.folded += other.folded;
        self.partitions += other.partitions;
        self.entries += other.entries;
        self.operations += other.operations;
        self.oldest_ms = self.oldest_ms.max(other.oldest_ms);
        self.kept.extend(other.kept);
        self.more |= other.more;
    }
}

/// The retention in milliseconds, never less than [`RETENTION_MIN`].
pub(crate) fn retention_ms(retention: Duration) -> i64 {
    i64::try_from(retention.max(RETENTION_MIN).as_millis()).unwrap_or(i64::MAX)
}

/// What a step of folding did.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// Where the next one begins: after this bucket; `None` after the last.
    pub(crate) next: Option<i16>,
    pub(crate) folded: u64,
    pub(crate) kept: Vec<String>,
}

impl Step {
    /// A bucket stays as it is.
    pub(crate) fn keep(&mut self, bucket: i16, why: &str) {
        self.kept.push(format!("bucket {bucket}: {why}"));
    }
}
