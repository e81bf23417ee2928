//! How much to read in one look, so that all of it costs no more than a share of one core.

use placement::BUCKETS;
use std::time::{Duration, Instant};

/// What a bucket is believed to cost before anything is known.
const FIRST_GUESS: Duration = Duration::from_millis(1);

/// Goes through the buckets in turn.
#[derive(Debug)]
pub(super) struct Pace {
    next: u16,
    per_bucket: f64,
    /// The shortest time of a read so far: what asking costs, whatever is read.
    least: Duration,
    began: Instant,
    circle: Option<Duration>,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: 0,
            per_bucket: FIRST_GUESS.as_secs_f64(),
            least: Duration::MAX,
            began: now,
            circle: None,
        }
    }

    /// The next buckets that fit into a time, at least so many: the first and the last one.
    pub(super) fn range(&self, time: Duration, least: u16) -> (u16, u16) {
        let fit = time.as_secs_f64() / self.per_bucket;
        let count = (fit.min(f64::from(BUCKETS)) as u16).max(least).clamp(1, BUCKETS);
        if count > BUCKETS / 4 * 3 {
            // nearly all is read as fast as all
            return (0, BUCKETS - 1);
        }
        (self.next, self.next.saturating_add(count - 1).min(BUCKETS - 1))
    }

    /// Goes on at a bucket.
    pub(super) fn jump(&mut self, to: u16) {
        self.next = to;
    }

    /// That range was read within that time.
    pub(super) fn took(&mut self, (first, last): (u16, u16), time: Duration, now: Instant) {
        self.least = self.least.min(time);
        let read = time.saturating_sub(self.least);
        let per_bucket = read.as_secs_f64() / f64::from(last - first + 1);
        // believed at once when it is more, bit by bit when it is less
        let weight = if per_bucket > self.per_bucket { 1.0 } else { 0.7 };
        self.per_bucket = (self.per_bucket * (1.0 - weight) + per_bucket * weight).max(1e-9);
        self.next = if last == BUCKETS - 1 { 0 } else { last + 1 };
        if last == BUCKETS - 1 {
            self.circle = Some(now.saturating_duration_since(self.began));
            self.began = now;
        }
    }

    /// How long it took to read everything once; `None` before that.
    pub(super) fn circle(&self) -> Option<Duration> {
        self.circle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_store_is_read_at_once_and_a_large_one_in_turn() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let time = Duration::from_millis(15);
        assert_eq!(pace.range(time, 1), (0, 14));
        for _ in 0..6 {
            let range = pace.range(time, 1);
            pace.took(range, Duration::from_micros(500), now);
        }
        assert_eq!(pace.range(time, 1), (0, BUCKETS - 1));
        pace.took((0, BUCKETS - 1), Duration::from_millis(4_096), now);
        assert_eq!(pace.range(time, 1), (0, 14));
        assert_eq!(pace.range(time, 100), (0, 99), "so many at least");
        let mut looks = 0;
        let mut later = now;
        loop {
            let range = pace.range(time, 1);
            looks += 1;
            later += Duration::from_millis(300);
            pace.took(range, Duration::from_millis(u64::from(range.1 - range.0 + 1)), later);
            if range.1 == BUCKETS - 1 {
                break;
            }
            assert!(looks < 400, "it comes round");
        }
        assert_eq!(pace.circle(), Some(Duration::from_millis(300) * looks));
    }
}
