//! What zones cost, and how overloaded their game threads are.
//!
//! A game thread measures what it does for each zone: the steps, and its share of what is sent to the edges by its events. Twice a
//! second that becomes a share of the tick budget, smoothed; the sum over its zones is the load that the ladder of
//! `world::overload` looks at. What the ladder says is told to the zones that are the cause.

use crate::metrics::Metrics;
use model::ZoneId;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use world::overload::{Limits, Step};
use world::{Ladder, Relief, Tick};

/// Ticks between two looks at the load.
const WINDOW: u64 = Tick::PER_SECOND / 2;
/// A zone with at least this share of the load of its thread is a cause of it.
const CAUSE: f64 = 0.1;
/// Weight of the newest window in the smoothed cost.
const NEWEST: f64 = 0.5;
/// Costs below this are forgotten.
const NOTHING: f64 = 0.0005;

/// The measuring of one game thread.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Time that was spent on each zone since the last look.
    spent: BTreeMap<ZoneId, Duration>,
    /// Smoothed shares of the tick budget.
    costs: BTreeMap<ZoneId, f64>,
    since: Tick,
    ladder: Ladder,
    /// Zones that are relieved: who once was a cause is one until all is calm.
    hot: BTreeSet<ZoneId>,
}

impl Meter {
    /// Time was spent on a zone.
    pub(crate) fn spend(&mut self, zone: ZoneId, time: Duration) {
        *self.spent.entry(zone).or_default() += time;
    }

    /// A zone is not played here any more.
    pub(crate) fn forget(&mut self, zone: ZoneId) {
        self.spent.remove(&zone);
        self.costs.remove(&zone);
        self.hot.remove(&zone);
    }

    /// When the load is looked at next.
    pub(crate) fn next_look(&self) -> Tick {
        self.since.plus(WINDOW)
    }

    /// True while there is something to look at even when no zone has anything to do.
    pub(crate) fn is_warm(&self) -> bool {
        !self.costs.is_empty() || self.ladder.rung() > 0
    }

    /// What the zones that are a cause of the load are relieved of.
    pub(crate) fn relief(&self, limits: &Limits) -> Relief {
        self.ladder.relief(limits)
    }

    /// Looks at the load when it is time: what each of these zones is relieved of from now on. `budget` is what a tick may take.
    pub(crate) fn look(
        &mut self,
        now: Tick,
        budget: Duration,
        limits: &Limits,
    ) -> Option<Vec<(ZoneId, Relief)>> {
        if now < self.next_look() {
            return None;
        }
        let window = budget.as_secs_f64() * (now.0 - self.since.0) as f64;
        self.since = now;
        self.smooth(window);
        let load = self.load();
        self.ladder.look((load * 100.0).min(1e6) as u32, limits);
        let relief = self.ladder.relief(limits);
        let told = if relief.step == Step::Calm {
            std::mem::take(&mut self.hot)
        } else {
            let cause = |(zone, cost): (&ZoneId, &f64)| (*cost >= load * CAUSE).then_some(*zone);
            self.hot.extend(self.costs.iter().filter_map(cause));
            self.hot.clone()
        };
        Some(told.into_iter().map(|zone| (zone, relief)).collect())
    }

    fn smooth(&mut self, window: f64) {
        let spent = std::mem::take(&mut self.spent);
        for zone in spent.keys() {
            self.costs.entry(*zone).or_default();
        }
        for (zone, cost) in &mut self.costs {
            let share = spent.get(zone).map_or(0.0, |time| time.as_secs_f64() / window.max(1e-9));
            *cost += (share - *cost) * NEWEST;
        }
        self.costs.retain(|_, cost| *cost >= NOTHING);
    }

    /// Share of the tick budget that all zones of the thread take.
    pub(crate) fn load(&self) -> f64 {
        self.costs.values().sum()
    }

    fn shown(&self, limits: &Limits, postponed: usize) -> Shown {
        Shown {
            costs: self.costs.clone(),
            load: self.load(),
            rung: self.ladder.rung(),
            relief: self.ladder.relief(limits),
            hot: self.hot.clone(),
            postponed,
        }
    }
}

/// What a game thread shows of itself.
#[derive(Clone, Debug, Default)]
struct Shown {
    costs: BTreeMap<ZoneId, f64>,
    load: f64,
    rung: usize,
    relief: Relief,
    hot: BTreeSet<ZoneId>,
    /// Mail and listings that wait.
    postponed: usize,
}

/// What the rest of the node knows of its game threads.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    threads: Mutex<BTreeMap<usize, Shown>>,
}

impl Loads {
    /// A game thread has looked at its load; so much mail and so many listings wait on it.
    pub(crate) fn show(
        &self,
        thread: usize,
        meter: &Meter,
        postponed: usize,
        limits: &Limits,
        metrics: &Metrics,
    ) {
        let mut threads = self.threads.lock();
        let shown = meter.shown(limits, postponed);
        let before = threads.insert(thread, shown.clone()).unwrap_or_default();
        if shown.relief.step > before.relief.step {
            metrics.overload_steps.with_label_values(&[shown.relief.step.label()]).inc();
        }
        if shown.relief != before.relief {
            tracing::info!(
                thread,
                step = shown.relief.step.label(),
                view = shown.relief.view,
                pace_percent = shown.relief.pace_percent,
                load_percent = (shown.load * 100.0) as u64,
                "the overload ladder moved"
            );
        }
        let most = |of: fn(&Shown) -> f64| threads.values().map(of).fold(0.0, f64::max);
        let percent = |share: f64| (share * 100.0).min(1e9) as i64;
        metrics.load.set(percent(most(|shown| shown.load)));
        metrics.zone_cost.set(percent(most(|shown| shown.costs.values().copied().fold(0.0, f64::max))));
        metrics.overload_level.set(most(|shown| shown.relief.step as u8 as f64) as i64);
        metrics.overload_rung.set(most(|shown| shown.rung as f64) as i64);
        let least = |of: fn(&Relief) -> u32| {
            threads.values().map(|shown| of(&shown.relief)).min().unwrap_or_default().into()
        };
        metrics.view_tiles.set(least(|relief| relief.view.into()));
        metrics.pace.set(least(|relief| relief.pace_percent));
        let waiting: usize = threads.values().map(|shown| shown.postponed).sum();
        metrics.postponed.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// True while nobody new is let into a zone.
    pub(crate) fn refuses(&self, zone: ZoneId) -> bool {
        let threads = self.threads.lock();
        threads.values().any(|shown| shown.relief.step == Step::RefuseLogins && shown.hot.contains(&zone))
    }

    /// What zones cost, in percent of the tick budget; those that cost next to nothing are left out.
    pub(crate) fn costs(&self) -> BTreeMap<ZoneId, u32> {
        let threads = self.threads.lock();
        let costs = threads.values().flat_map(|shown| &shown.costs);
        costs
            .map(|(zone, cost)| (*zone, (cost * 100.0).min(1e6) as u32))
            .filter(|(_, cost)| *cost > 0)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BUDGET: Duration = Duration::from_millis(Tick::MS);
    const LIMITS: Limits =
        Limits { climb_percent: 80, calm_percent: 50, calm_looks: 2, view_min: 8, pace_min_percent: 25 };
    const TOWN: ZoneId = ZoneId(1);
    const WILD: ZoneId = ZoneId(2);

    /// One window in which each tick took so long for the town and the wild.
    fn window(meter: &mut Meter, at: &mut Tick, town_ms: u64, wild_ms: u64) -> Vec<(ZoneId, Relief)> {
        for _ in 0..WINDOW {
            meter.spend(TOWN, Duration::from_millis(town_ms));
            meter.spend(WILD, Duration::from_millis(wild_ms));
        }
        *at = at.plus(WINDOW);
        meter.look(*at, BUDGET, &LIMITS).unwrap()
    }

    #[test]
    fn a_cost_is_a_smoothed_share_of_the_budget() {
        let (mut meter, mut at) = (Meter::default(), Tick(0));
        assert_eq!(meter.look(Tick(WINDOW - 1), BUDGET, &LIMITS), None, "not yet");
        for _ in 0..10 {
            window(&mut meter, &mut at, 20, 5);
        }
        assert!((meter.costs[&TOWN] - 0.4).abs() < 0.01 && (meter.load() - 0.5).abs() < 0.01);
        // half a budget is twice the cost
        meter.spend(TOWN, Duration::from_millis(10 * 20));
        at = at.plus(WINDOW);
        meter.look(at, BUDGET / 2, &LIMITS).unwrap();
        assert!((meter.costs[&TOWN] - 0.6).abs() < 0.01, "{:?}", meter.costs);
        for _ in 0..20 {
            window(&mut meter, &mut at, 0, 0);
        }
        assert!(!meter.is_warm(), "what costs nothing any more is forgotten");
    }

    #[test]
    fn only_the_zones_that_are_the_cause_are_relieved_and_all_of_them_in_the_end() {
        let (mut meter, mut at) = (Meter::default(), Tick(0));
        let mut told = Vec::new();
        for _ in 0..4 {
            told = window(&mut meter, &mut at, 60, 1);
        }
        let steps: Vec<(ZoneId, Step)> = told.iter().map(|(zone, relief)| (*zone, relief.step)).collect();
        assert!(matches!(steps[..], [(TOWN, step)] if step >= Step::ShedIdle), "{steps:?}");
        // a zone that becomes a cause later is relieved as well
        told = window(&mut meter, &mut at, 60, 40);
        assert_eq!(told.iter().map(|(zone, _)| *zone).collect::<Vec<_>>(), [TOWN, WILD]);
        let mut last = Vec::new();
        for _ in 0..200 {
            let told = window(&mut meter, &mut at, 0, 0);
            if !told.is_empty() {
                last = told;
            }
        }
        assert_eq!(last, [(TOWN, Relief::NONE), (WILD, Relief::NONE)]);
    }
}
