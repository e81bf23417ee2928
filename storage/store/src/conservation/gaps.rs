//! Which entries of a ledger were seen, when their numbers do not come in the order of their commits.
//!
//! Numbers are taken in order and appear when their transaction commits, so between those that were seen there are
//! gaps: of transactions under way (a prepared one may stay so for long), and of those that never committed. A gap
//! is looked into again until every transaction has ended that can have taken its numbers.

use std::time::{Duration, Instant};

/// Gaps that are kept; more than that is nothing that happens by itself.
const MOST: usize = 4_096;
/// How long a gap is kept at least: a number is taken a moment before its transaction has a number itself.
const KEPT: Duration = Duration::from_secs(10);

/// Numbers of entries, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) low: i64,
    pub(crate) high: i64,
}

#[derive(Clone, Copy, Debug)]
struct Gap {
    range: Range,
    /// Transactions from here on began after these numbers were taken.
    until: i64,
    since: Instant,
}

/// What was not seen yet.
#[derive(Debug)]
pub(super) struct Gaps {
    gaps: Vec<Gap>,
    /// The highest number that was seen.
    high: i64,
}

impl Gaps {
    /// Everything up to here counts as seen.
    pub(super) fn above(high: i64) -> Self {
        Self { gaps: Vec::new(), high }
    }

    /// What is to be looked into, by number.
    pub(super) fn ranges(&self) -> Vec<Range> {
        let rest = Range { low: self.high.saturating_add(1), high: i64::MAX };
        self.gaps.iter().map(|gap| gap.range).chain([rest]).collect()
    }

    /// These numbers of the gaps are taken, by a look at that moment of the database's transactions.
    pub(super) fn fill(&mut self, taken: &[(i64, i64)], clock: (i64, i64), now: Instant) {
        let highest = taken.iter().map(|(_, last)| *last).max().unwrap_or(self.high).max(self.high);
        let rest = Range { low: self.high.saturating_add(1), high: highest };
        self.gaps.push(Gap { range: rest, until: clock.1, since: now });
        self.high = highest;
        let mut taken = taken.to_vec();
        taken.sort_unstable();
        let gaps = std::mem::take(&mut self.gaps);
        for gap in gaps.into_iter().filter(|gap| gap.range.low <= gap.range.high) {
            let ended = gap.until <= clock.0 && now.saturating_duration_since(gap.since) >= KEPT;
            if !ended {
                self.keep(gap, &taken);
            }
        }
        self.gaps.sort_by_key(|gap| gap.range.low);
        let much = self.gaps.len().saturating_sub(MOST);
        self.gaps.drain(..much);
    }

    /// Keeps what of a gap is not taken.
    fn keep(&mut self, gap: Gap, taken: &[(i64, i64)]) {
        let Range { mut low, high } = gap.range;
        for (first, last) in taken {
            if *last < low || *first > high {
                continue;
            }
            if *first > low {
                self.gaps.push(Gap { range: Range { low, high: first - 1 }, ..gap });
            }
            if *last >= high {
                return;
            }
            low = last + 1;
        }
        self.gaps.push(Gap { range: Range { low, high }, ..gap });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(gaps: &Gaps) -> Vec<(i64, i64)> {
        gaps.ranges().into_iter().map(|range| (range.low, range.high)).collect()
    }

    #[test]
    fn a_late_entry_is_seen_once_and_a_lost_number_is_forgotten_when_it_cannot_come() {
        let now = Instant::now();
        let mut gaps = Gaps::above(10);
        assert_eq!(shown(&gaps), [(11, i64::MAX)]);
        gaps.fill(&[(13, 14), (18, 20)], (100, 105), now);
        assert_eq!(shown(&gaps), [(11, 12), (15, 17), (21, i64::MAX)]);
        gaps.fill(&[(16, 16)], (101, 106), now + KEPT);
        // somebody from before transaction 105 goes on
        assert_eq!(shown(&gaps), [(11, 12), (15, 15), (17, 17), (21, i64::MAX)]);
        gaps.fill(&[(11, 12), (21, 22)], (104, 107), now + KEPT * 2);
        assert_eq!(shown(&gaps), [(15, 15), (17, 17), (23, i64::MAX)]);
        gaps.fill(&[], (105, 107), now + KEPT - Duration::from_secs(1));
        assert_eq!(shown(&gaps), [(15, 15), (17, 17), (23, i64::MAX)], "too young");
        gaps.fill(&[(24, 24)], (105, 108), now + KEPT * 2);
        assert_eq!(shown(&gaps), [(23, 23), (25, i64::MAX)]);
    }

    #[test]
    fn numbers_at_the_very_end_and_gaps_without_end_are_bounded() {
        let now = Instant::now();
        let mut gaps = Gaps::above(0);
        let taken: Vec<(i64, i64)> = (1..=6_000).map(|number| (number * 2, number * 2)).collect();
        gaps.fill(&taken, (1, 2), now);
        assert_eq!(gaps.gaps.len(), MOST);
        let mut gaps = Gaps::above(i64::MAX - 1);
        gaps.fill(&[(i64::MAX, i64::MAX)], (1, 2), now);
        assert_eq!(shown(&gaps), [(i64::MAX, i64::MAX)]);
    }
}
