//! Leases as stored.

/// The longest lease: whatever a process asks for, its name is free a day after it was last heard of.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// Milliseconds of a lease, within bounds.
pub(crate) fn milliseconds(asked: u64) -> i64 {
    asked.min(LONGEST_MS) as i64
}
