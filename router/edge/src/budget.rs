//! Token buckets, strikes and the timing of walks. Pure: the caller says what time it is.

use crate::settings::Rate;

/// A bucket of tokens that refills with time.
#[derive(Clone, Debug)]
pub struct Bucket {
    tokens: f64,
    refilled_ms: u64,
}

impl Bucket {
    /// A full bucket.
    pub fn full(rate: Rate, now_ms: u64) -> Self {
        Self { tokens: rate.burst, refilled_ms: now_ms }
    }

    /// Takes `amount` tokens, or takes nothing and says no.
    pub fn take(&mut self, amount: f64, rate: Rate, now_ms: u64) -> bool {
        self.refill(rate, now_ms);
        if self.tokens < amount {
            return false;
        }
        self.tokens -= amount;
        true
    }

    /// True when nothing was taken lately: such a bucket can be forgotten.
    pub fn is_full(&mut self, rate: Rate, now_ms: u64) -> bool {
        self.refill(rate, now_ms);
        self.tokens >= rate.burst
    }

    fn refill(&mut self, rate: Rate, now_ms: u64) {
        let passed_ms = now_ms.saturating_sub(self.refilled_ms);
        self.refilled_ms = self.refilled_ms.max(now_ms);
        self.tokens = (self.tokens + passed_ms as f64 / 1000.0 * rate.per_second).min(rate.burst);
    }
}

/// Counts what a client does wrong; a strike is forgiven after a while.
#[derive(Clone, Debug, Default)]
pub struct Strikes {
    count: u32,
    since_ms: u64,
}

impl Strikes {
    /// One more; true when that is too many.
    pub fn strike(&mut self, strikes_max: u32, forgiven_ms: u64, now_ms: u64) -> bool {
        self.forgive(forgiven_ms, now_ms);
        if self.count == 0 {
            self.since_ms = now_ms;
        }
        self.count += 1;
        self.count >= strikes_max
    }

    /// Strikes that count now.
    pub fn count(&self) -> u32 {
        self.count
    }

    fn forgive(&mut self, forgiven_ms: u64, now_ms: u64) {
        let steps = now_ms.saturating_sub(self.since_ms) / forgiven_ms.max(1);
        let forgiven = u32::try_from(steps).unwrap_or(u32::MAX).min(self.count);
        self.count -= forgiven;
        self.since_ms += u64::from(forgiven) * forgiven_ms;
    }
}

/// Least time between two walks by the client's own clock.
const WALK_TICKS_MIN: i64 = 900;
/// Least time between two walks on average as they arrive; the network may bunch them.
const WALK_ARRIVAL_MS: u64 = 750;
/// The same for a walk with another packet before it, which clients hold back no longer than a click takes.
const WALK_AFTER_OTHER_MS: u64 = 300;
/// How far ahead of that average the walks may run.
const WALK_BUNCH_MS: u64 = 1_500;
/// A client's clock may be this far ahead of the edge's.
const TICK_AHEAD_MS: i64 = 15_000;
/// A client's clock may be this far behind the edge's.
const TICK_BEHIND_MS: i64 = 120_000;
/// "Do not check" inside old servers; no honest client sends it.
const TICK_MARKER: u32 = 235_543_242;

/// What the gate says of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalkVerdict {
    /// Let it through.
    Pass,
    /// Too soon after the last one: drop it.
    TooSoon,
    /// Too soon, and so was the one before: drop it with a strike.
    TooSoonAgain,
    /// Its clock cannot be right: drop it with a strike.
    BadTick,
}

/// Watches the timing of one client's walks. A stop is not a walk and is never too soon.
///
/// Clients hold back a walk that follows a walk, and only that: who walks, stops and clicks again sends the
/// second walk at once. To drop it would leave that player on a way that nobody else sees.
#[derive(Clone, Debug, Default)]
pub struct WalkGate {
    /// The clock of the last walk, when no other packet came after it.
    last_tick: Option<u32>,
    arrival_debt_until_ms: u64,
    was_too_soon: bool,
}

impl WalkGate {
    /// Judges the clock of any movement packet.
    pub fn tick_is_sane(client_tick: u32, now_ms: u64) -> bool {
        let ahead = i64::from(client_tick.wrapping_sub(crate::clock::tick(now_ms)).cast_signed());
        client_tick != TICK_MARKER && (-TICK_BEHIND_MS..=TICK_AHEAD_MS).contains(&ahead)
    }

    /// Another packet than a walk came.
    pub fn other(&mut self) {
        self.last_tick = None;
    }

    /// Judges a walk that the client stamped `client_tick` and that arrived now.
    pub fn walk(&mut self, client_tick: u32, now_ms: u64) -> WalkVerdict {
        if !Self::tick_is_sane(client_tick, now_ms) {
            return WalkVerdict::BadTick;
        }
        let by_tick = self
            .last_tick
            .is_none_or(|last| i64::from(client_tick.wrapping_sub(last).cast_signed()) >= WALK_TICKS_MIN);
        let by_arrival = self.arrival_debt_until_ms <= now_ms + WALK_BUNCH_MS;
        if !(by_tick && by_arrival) {
            let again = std::mem::replace(&mut self.was_too_soon, true);
            return if again { WalkVerdict::TooSoonAgain } else { WalkVerdict::TooSoon };
        }
        let cost_ms = if self.last_tick.is_some() { WALK_ARRIVAL_MS } else { WALK_AFTER_OTHER_MS };
        self.was_too_soon = false;
        self.last_tick = Some(client_tick);
        self.arrival_debt_until_ms = self.arrival_debt_until_ms.max(now_ms) + cost_ms;
        WalkVerdict::Pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate::new(10.0, 5.0);

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::full(RATE, 0);
        assert_eq!((0..9).filter(|_| bucket.take(1.0, RATE, 0)).count(), 5);
        assert!(!bucket.take(1.0, RATE, 99));
        assert!(bucket.take(1.0, RATE, 100));
        assert!(!bucket.take(1.0, RATE, 100));
        assert!(!bucket.is_full(RATE, 200));
        assert!(bucket.is_full(RATE, 10_000));
    }

    #[test]
    fn strikes_are_forgiven_with_time() {
        let mut strikes = Strikes::default();
        assert!(!strikes.strike(3, 1_000, 0));
        assert!(!strikes.strike(3, 1_000, 10));
        assert!(!strikes.strike(3, 1_000, 1_500), "the first is forgiven by now");
        assert!(strikes.strike(3, 1_000, 1_600));
        let mut patient = Strikes::default();
        for at in 0..100 {
            assert!(!patient.strike(3, 1_000, at * 1_000), "one a second is forgiven as it comes");
        }
    }

    #[test]
    fn an_honest_walker_passes_and_a_hasty_one_is_dropped() {
        let mut gate = WalkGate::default();
        for step in 0..50_u64 {
            let now = 60_000 + step * 1_000;
            assert_eq!(gate.walk(now as u32, now), WalkVerdict::Pass);
        }
        let now = 60_000 + 49 * 1_000 + 500;
        assert_eq!(gate.walk(now as u32, now), WalkVerdict::TooSoon);
        assert_eq!(gate.walk(now as u32 + 10, now + 10), WalkVerdict::TooSoonAgain);
        assert_eq!(gate.walk(now as u32 + 600, now + 600), WalkVerdict::Pass);
    }

    #[test]
    fn who_stops_may_walk_on_at_once_but_not_without_end() {
        let mut gate = WalkGate::default();
        for click in 0..20_u64 {
            let now = 60_000 + click * 400;
            assert_eq!(gate.walk(now as u32, now), WalkVerdict::Pass, "click {click}");
            gate.other();
        }
        let now = 100_000;
        let passed = (0..100_u64)
            .filter(|i| {
                gate.other();
                gate.walk((now + i) as u32, now + i) == WalkVerdict::Pass
            })
            .count();
        assert!(passed <= 6, "{passed} walks in 100 ms");
    }

    #[test]
    fn bunched_walks_of_a_bad_line_pass_but_forged_clocks_do_not_help() {
        let mut gate = WalkGate::default();
        let now = 200_000;
        assert_eq!(gate.walk(198_000, now), WalkVerdict::Pass);
        assert_eq!(gate.walk(199_000, now + 5), WalkVerdict::Pass);
        assert_eq!(gate.walk(200_000, now + 10), WalkVerdict::Pass);
        let mut forged = 201_000;
        let passed = (0..100_u64)
            .filter(|i| {
                forged += 900;
                gate.walk((now + 14_000).min(forged) as u32, now + 20 + i) == WalkVerdict::Pass
            })
            .count();
        assert!(passed <= 1, "{passed} walks in 100 ms");
    }

    #[test]
    fn a_clock_out_of_the_window_is_never_served() {
        let mut gate = WalkGate::default();
        for tick in [TICK_MARKER, 60_000 + 15_001, 0] {
            assert_eq!(gate.walk(tick, 60_000 + if tick == 0 { 70_000 } else { 0 }), WalkVerdict::BadTick);
        }
        assert!(WalkGate::tick_is_sane(10, (1 << 32) + 5), "the clock wraps");
    }
}
