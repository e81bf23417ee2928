//! What zones cost over time: the controller's memory of what the nodes measure.
//!
//! Pure: one look after the other, each 5 s. What comes out is kept in the metadata database. Nothing moves by it until zones are
//! counted anew (see `weights`).
//!
//! | so that nothing flaps | |
//! |---|---|
//! | a cost is smoothed over some three minutes ([`NEWEST`]) | the start of a node and a burst weigh next to nothing |
//! | it falls by half in six hours ([`FADE`]) | who restarts nodes at night does not put the towns of the evening on one node |
//! | what is kept holds within a quarter, or [`BAND`] percent | a cost that wobbles changes nothing |
//! | who does not answer has what it had | a controller that has heard nobody knows what the former one knew |
//! | zones are counted anew without a node that comes or goes only after [`LONG`] looks | in which the fullest node has more than its bound, and would have [`GAIN`] percent less |

use crate::balance::NodeCosts;
use crate::plan::{Basis, Node, plan_slots};
use crate::weights::recount;
use crate::zones::ZoneTable;
use crate::{is_instance, weights};
use model::ZoneId;
use model::calls::cluster::Wishes;
use model::calls::weights::{Costs, KeepCosts, Weights};
use model::membership::{ProcessName, Slot};
use std::collections::{BTreeMap, BTreeSet};

/// Weight of the newest look in the smoothed cost.
pub const NEWEST: f64 = 1.0 / 32.0;
/// What is left of what is remembered after a look: half of it after six hours.
pub const FADE: f64 = 0.999_84;
/// A kept cost holds while it is no further than this from the smoothed one, in percent of a tick budget; of dear zones a quarter.
pub const BAND: f64 = 3.0;
/// Who costs less than this has no cost.
const LEAST: f64 = 1.0;
/// Looks in a row until a table that is beyond its bound is planned anew: ten minutes.
pub const LONG: u32 = 120;
/// Percent of a tick budget that the fullest node must have less then.
pub const GAIN: f64 = 20.0;

/// Remembers what zones cost.
#[derive(Clone, Debug, Default)]
pub struct Weigher {
    /// By name.
    zones: BTreeMap<String, Cost>,
    /// Looks for which the table has been beyond its bound.
    beyond: u32,
}

#[derive(Clone, Copy, Debug)]
struct Cost {
    /// At present.
    now: f64,
    /// At its height, faded.
    high: f64,
}

/// What a look goes by.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Who owns what.
    pub slots: &'a [Slot],
    /// How the map is to be cut.
    pub zones: &'a ZoneTable,
    /// Live nodes.
    pub nodes: &'a [Node],
    /// What those say that answer.
    pub costs: &'a BTreeMap<ProcessName, NodeCosts>,
    /// What holds.
    pub wishes: &'a Wishes,
    /// What is kept.
    pub weights: &'a Weights,
}

impl Weigher {
    /// What is to be kept from now on, if that is anything else.
    pub fn look(&mut self, seen: Seen<'_>) -> Option<KeepCosts> {
        let names: BTreeMap<ZoneId, String> = seen
            .slots
            .iter()
            .map(|slot| slot.zone)
            .filter(|zone| !is_instance(*zone))
            .map(|zone| (zone, seen.zones.name(zone)))
            .collect();
        self.smooth(seen, &names);
        let measured = self.held(&seen.weights.measured);
        let recount = self.is_beyond_for_long(seen, &names, &measured);
        (recount || measured != seen.weights.measured).then_some(KeepCosts { measured, recount })
    }

    fn smooth(&mut self, seen: Seen<'_>, names: &BTreeMap<ZoneId, String>) {
        let Self { zones, .. } = self;
        let known: BTreeSet<&String> = names.values().collect();
        zones.retain(|zone, _| known.contains(zone));
        for name in names.values() {
            if let Some(kept) = seen.weights.measured.get(name) {
                let kept = f64::from(*kept);
                zones.entry(name.clone()).or_insert(Cost { now: kept, high: kept });
            }
        }
        for slot in seen.slots {
            let Some(of) = slot.owner.as_ref().and_then(|owner| seen.costs.get(owner)) else { continue };
            let Some(name) = names.get(&slot.zone) else { continue };
            let cost = of.zones.get(&slot.zone).copied().unwrap_or(0);
            if cost == 0 && !zones.contains_key(name) {
                continue;
            }
            let known = zones.entry(name.clone()).or_insert(Cost { now: 0.0, high: 0.0 });
            known.now += (f64::from(cost) - known.now) * NEWEST;
            known.high = (known.high * FADE).max(known.now);
        }
        zones.retain(|_, cost| cost.high >= LEAST / 100.0);
    }

    /// The kept costs, where they hold, and the smoothed ones elsewhere.
    fn held(&self, kept: &Costs) -> Costs {
        let mut held = Costs::new();
        for (name, cost) in &self.zones {
            let before = kept.get(name).copied().unwrap_or(0);
            let band = (f64::from(before) / 4.0).max(BAND);
            let holds = (cost.high - f64::from(before)).abs() <= band && (before == 0 || cost.high >= LEAST);
            let cost = if holds { before } else { cost.high.round().min(1e6) as u32 };
            if cost > 0 {
                held.insert(name.clone(), cost);
            }
        }
        held
    }

    /// True when the fullest node has had more than its bound for long, and would have less if all were counted anew. By what zones cost at
    /// present: what was dear once is no reason to move anything.
    fn is_beyond_for_long(
        &mut self,
        seen: Seen<'_>,
        names: &BTreeMap<ZoneId, String>,
        measured: &Costs,
    ) -> bool {
        let Seen { slots, zones, nodes, wishes, .. } = seen;
        let takers = weights::takers(nodes, wishes);
        let fullest = |slots: &[Slot]| {
            let mut loads: BTreeMap<&ProcessName, f64> = BTreeMap::new();
            for slot in slots {
                let cost = names.get(&slot.zone).and_then(|name| self.zones.get(name));
                if let (Some(owner), Some(cost)) = (&slot.owner, cost) {
                    *loads.entry(owner).or_default() += cost.now;
                }
            }
            let loads = takers
                .iter()
                .map(|node| loads.get(&node.name).copied().unwrap_or(0.0) / f64::from(node.weight.max(1)));
            loads.fold(0.0, f64::max)
        };
        let total: f64 = self.zones.values().map(|cost| cost.now).sum();
        let shares: f64 = takers.iter().map(|node| f64::from(node.weight.max(1))).sum();
        let found = fullest(slots);
        let is_beyond = found > (1.25 * total / shares.max(1.0)).max(GAIN) && {
            let counts = recount(measured, nodes, wishes);
            let then = plan_slots(slots, Basis { zones, nodes, wishes, counts: &counts }, usize::MAX);
            fullest(&then) + GAIN <= found
        };
        self.beyond = if is_beyond { self.beyond + 1 } else { 0 };
        let is_long = self.beyond >= LONG;
        if is_long {
            self.beyond = 0;
        }
        is_long
    }
}
