//! The overload ladder: measured load in, how much the zones of a game thread are relieved out.
//!
//! ```text
//!  rung   0     1          2              3           4      5      6     7     8     9
//!       calm  shed idle  postpone     far updates   view   view   75 %  50 %  25 %  refuse
//!             updates    non-urgent   once a second  12      8    ---- clock -----  logins
//! ```
//!
//! One rung up for each look at a load that is too high; one rung down after a number of calm looks in a row. A rung that has
//! to be climbed again soon after it was left has its patience doubled, up to [`PATIENCE_MAX`]: what does not fit is not tried
//! again and again. Between the two bounds of the load nothing changes.

/// Sight of a player who is not relieved of anything, in tiles.
pub const VIEW_MAX: u16 = model::place::VIEW_RADIUS;
/// Calm looks before a rung is left are at most so many times the ordinary number.
pub const PATIENCE_MAX: u32 = 8;
/// A rung that is climbed within so many times the calm looks after it was left was left too early.
const RELAPSE: u32 = 4;

/// The steps of the ladder, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Nothing is held back.
    #[default]
    Calm,
    /// Creatures rest more, gestures are shown to those near.
    ShedIdle,
    /// Mail and listings wait.
    PostponeTrade,
    /// Who is far is told of walks once a second.
    WidenFar,
    /// Players see less far.
    ShrinkView,
    /// The clock of the zone goes slower.
    SlowClock,
    /// Nobody new is let in.
    RefuseLogins,
}

impl Step {
    /// All, in their order.
    pub const ALL: [Self; 7] = [
        Self::Calm,
        Self::ShedIdle,
        Self::PostponeTrade,
        Self::WidenFar,
        Self::ShrinkView,
        Self::SlowClock,
        Self::RefuseLogins,
    ];

    /// Its name in metrics and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::ShedIdle => "shed_idle",
            Self::PostponeTrade => "postpone_trade",
            Self::WidenFar => "widen_far",
            Self::ShrinkView => "shrink_view",
            Self::SlowClock => "slow_clock",
            Self::RefuseLogins => "refuse_logins",
        }
    }
}

/// The step of each rung, with the sight and the pace of the clock (percent) there.
const RUNGS: [(Step, u16, u32); 10] = [
    (Step::Calm, VIEW_MAX, 100),
    (Step::ShedIdle, VIEW_MAX, 100),
    (Step::PostponeTrade, VIEW_MAX, 100),
    (Step::WidenFar, VIEW_MAX, 100),
    (Step::ShrinkView, 12, 100),
    (Step::ShrinkView, 8, 100),
    (Step::SlowClock, 8, 75),
    (Step::SlowClock, 8, 50),
    (Step::SlowClock, 8, 25),
    (Step::RefuseLogins, 8, 25),
];

/// When the ladder is climbed, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A load above this climbs, in percent of the tick budget.
    pub climb_percent: u32,
    /// A load up to this is calm; below `climb_percent`.
    pub calm_percent: u32,
    /// Calm looks before a rung is left, at least 1.
    pub calm_looks: u32,
    /// Sight is never shrunk below this, in tiles.
    pub view_min: u16,
    /// The clock never goes slower than this, in percent.
    pub pace_min_percent: u32,
}

/// What the zones of a thread are relieved of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Relief {
    /// How far the ladder is climbed.
    pub step: Step,
    /// How far players see, in tiles.
    pub view: u16,
    /// How fast the clock goes, in percent of real time.
    pub pace_percent: u32,
}

impl Relief {
    /// Of nothing.
    pub const NONE: Self = Self { step: Step::Calm, view: VIEW_MAX, pace_percent: 100 };
}

impl Default for Relief {
    fn default() -> Self {
        Self::NONE
    }
}

/// One game thread's place on the ladder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    rung: usize,
    /// Calm looks in a row.
    calm: u32,
    /// Looks since a rung was left, until one is climbed.
    since_left: Option<u32>,
    /// Factor on the calm looks that are waited for, from 1.
    patience: u32,
}

impl Ladder {
    /// Takes a measurement; the rung after it.
    pub fn look(&mut self, load_percent: u32, limits: &Limits) -> usize {
        let patience = self.patience.max(1);
        let wait = limits.calm_looks.max(1).saturating_mul(patience);
        let relapse = wait.saturating_mul(RELAPSE);
        self.since_left = self.since_left.map(|looks| looks.saturating_add(1));
        if load_percent > limits.climb_percent {
            self.calm = 0;
            if self.rung + 1 < RUNGS.len() {
                self.rung += 1;
                if self.since_left.take().is_some_and(|looks| looks <= relapse) {
                    self.patience = (patience * 2).min(PATIENCE_MAX);
                }
            }
        } else if load_percent <= limits.calm_percent {
            self.calm = self.calm.saturating_add(1);
            if self.rung > 0 && self.calm >= wait {
                self.rung -= 1;
                self.calm = 0;
                self.since_left = Some(0);
            } else if self.rung == 0 && self.calm > relapse {
                (self.patience, self.since_left) = (1, None);
            }
        } else {
            self.calm = 0;
        }
        self.rung
    }

    /// Number of the rung, 0 to 9.
    pub fn rung(&self) -> usize {
        self.rung
    }

    /// What the zones are relieved of on it.
    pub fn relief(&self, limits: &Limits) -> Relief {
        let (step, view, pace_percent) = RUNGS[self.rung];
        Relief {
            step,
            view: view.max(limits.view_min).min(VIEW_MAX),
            pace_percent: pace_percent.max(limits.pace_min_percent).min(100),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits =
        Limits { climb_percent: 80, calm_percent: 50, calm_looks: 6, view_min: 8, pace_min_percent: 25 };

    fn looks(ladder: &mut Ladder, load: u32, count: u32) -> usize {
        (0..count).fold(ladder.rung(), |_, _| ladder.look(load, &LIMITS))
    }

    #[test]
    fn steps_come_in_the_order_of_the_design_and_go_in_reverse() {
        let mut ladder = Ladder::default();
        let mut steps = vec![ladder.relief(&LIMITS).step];
        for _ in 0..20 {
            ladder.look(120, &LIMITS);
            steps.push(ladder.relief(&LIMITS).step);
        }
        steps.dedup();
        assert_eq!(steps, Step::ALL);
        assert_eq!(ladder.rung(), 9);
        assert_eq!(looks(&mut ladder, 10, LIMITS.calm_looks - 1), 9, "down is slow");
        assert_eq!(looks(&mut ladder, 10, 1), 8);
        assert_eq!(looks(&mut ladder, 10, LIMITS.calm_looks * 8), 0);
    }

    #[test]
    fn between_the_bounds_nothing_changes() {
        let mut ladder = Ladder::default();
        looks(&mut ladder, 90, 3);
        assert_eq!(looks(&mut ladder, 65, 1_000), 3);
        // calm looks count only in a row
        for _ in 0..100 {
            looks(&mut ladder, 10, LIMITS.calm_looks - 1);
            assert_eq!(looks(&mut ladder, 65, 1), 3);
        }
    }

    #[test]
    fn what_does_not_fit_is_tried_less_and_less_often() {
        let mut ladder = Ladder::default();
        looks(&mut ladder, 90, 4);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let mut waited = 0;
            while ladder.rung() == 4 {
                ladder.look(10, &LIMITS);
                waited += 1;
            }
            waits.push(waited / LIMITS.calm_looks);
            looks(&mut ladder, 90, 1);
        }
        assert_eq!(waits, [1, 2, 4, 8, 8, 8]);
        // once it was calm for long all is forgiven
        looks(&mut ladder, 10, 10_000);
        assert_eq!((ladder.rung(), ladder.patience), (0, 1));
    }

    proptest! {
        #[test]
        fn never_more_than_one_rung_at_a_time_and_never_past_the_floors(
            loads in proptest::collection::vec(0_u32..400, 1..400),
            view_min in 4_u16..=20,
            pace_min_percent in 1_u32..=100,
        ) {
            let limits = Limits { view_min, pace_min_percent, ..LIMITS };
            let mut ladder = Ladder::default();
            for load in loads {
                let before = (ladder.rung(), ladder.relief(&limits));
                let after = (ladder.look(load, &limits), ladder.relief(&limits));
                prop_assert!(before.0.abs_diff(after.0) <= 1);
                if load > limits.climb_percent {
                    prop_assert!(after.0 == (before.0 + 1).min(9));
                } else {
                    prop_assert!(after.0 <= before.0, "it climbed at {load} percent");
                }
                if load > limits.calm_percent {
                    prop_assert!(after.0 >= before.0, "it was left at {load} percent");
                }
                prop_assert!(after.1.view >= view_min.min(VIEW_MAX) && after.1.view <= VIEW_MAX);
                prop_assert!(after.1.pace_percent >= pace_min_percent && after.1.pace_percent <= 100);
            }
        }

        #[test]
        fn more_rungs_never_relieve_of_less(rungs in 1_u32..12) {
            let mut ladder = Ladder::default();
            let mut last = ladder.relief(&LIMITS);
            for _ in 0..rungs {
                ladder.look(100, &LIMITS);
                let relief = ladder.relief(&LIMITS);
                prop_assert!(relief.step >= last.step);
                prop_assert!(relief.view <= last.view && relief.pace_percent <= last.pace_percent);
                last = relief;
            }
        }

        #[test]
        fn it_comes_down_to_calm_from_wherever_it_was(loads in proptest::collection::vec(0_u32..400, 0..300)) {
            let mut ladder = Ladder::default();
            for load in loads {
                ladder.look(load, &LIMITS);
            }
            prop_assert_eq!(looks(&mut ladder, 0, LIMITS.calm_looks * PATIENCE_MAX * 9), 0);
        }
    }
}
