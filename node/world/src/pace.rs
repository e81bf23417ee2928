//! Real ticks and the ticks of a zone whose clock is slowed.

use crate::tick::Tick;

/// The clock of a zone: as fast as real time, or slower. It never goes back and never jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    real: Tick,
    zone: Tick,
    percent: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { real: Tick(0), zone: Tick(0), percent: 100 }
    }
}

impl Pace {
    /// The zone's tick at a real one, which is never before the last change.
    pub fn at(&self, real: Tick) -> Tick {
        self.zone.plus(real.0.saturating_sub(self.real.0) * self.percent / 100)
    }

    /// The first real tick at which the zone has come to one of its own.
    pub fn real(&self, zone: Tick) -> Tick {
        self.real.plus((zone.0.saturating_sub(self.zone.0) * 100).div_ceil(self.percent))
    }

    /// Goes on at another speed from a real tick; percent of real time, 1 to 100.
    pub fn change(&mut self, now: Tick, percent: u32) {
        let percent = u64::from(percent.clamp(1, 100));
        if percent != self.percent {
            *self = Self { real: now, zone: self.at(now), percent };
        }
    }

    /// Percent of real time.
    pub fn percent(&self) -> u64 {
        self.percent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_slowed_zone_lives_so_much_less() {
        let mut pace = Pace::default();
        assert_eq!(pace.at(Tick(1_000)), Tick(1_000));
        pace.change(Tick(1_000), 25);
        assert_eq!((pace.at(Tick(1_003)), pace.at(Tick(1_004))), (Tick(1_000), Tick(1_001)));
        assert_eq!(pace.at(Tick(1_400)), Tick(1_100));
        assert_eq!(pace.real(Tick(1_100)), Tick(1_400));
        pace.change(Tick(1_400), 100);
        assert_eq!(pace.at(Tick(1_500)), Tick(1_200));
    }

    proptest! {
        #[test]
        fn it_never_goes_back_and_what_is_due_comes(
            changes in proptest::collection::vec((0_u64..500, 0_u32..=130), 1..40)
        ) {
            let (mut pace, mut now, mut last) = (Pace::default(), Tick(77), Tick(77));
            for (ticks, percent) in changes {
                pace.change(now, percent);
                prop_assert_eq!(pace.at(now), last, "a change is no jump");
                let due = last.plus(ticks);
                let real = pace.real(due);
                prop_assert!(real >= now && pace.at(real) >= due);
                prop_assert!(real == now || pace.at(Tick(real.0 - 1)) < due, "not later than needed");
                now = now.plus(ticks);
                prop_assert!(pace.at(now) >= last && pace.at(now).0 - last.0 <= ticks);
                last = pace.at(now);
            }
        }
    }
}
