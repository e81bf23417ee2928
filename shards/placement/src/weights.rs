//! What districts weigh for the ring: by what their zones are counted to cost.
//!
//! A district weighs [`IDLE`] and ten for each percent of a tick budget that its zones are counted as. What zones are counted as is kept
//! with the slot table and changes with it alone: when nodes come or go, and by a rebalance. So nothing ever moves only because something
//! costs more or less than before, and a new controller counts like the former one.
//!
//! ```text
//! measured --(nodes come or go, rebalance)--> counted --> weights --> ring
//! ```

use crate::plan::Node;
use crate::zones::ZoneTable;
use model::ZoneId;
use model::calls::cluster::Wishes;
use model::calls::weights::{Costs, Counted, Counts, Weights};
use model::membership::ProcessName;
use std::collections::{BTreeMap, BTreeSet};

/// Weight of a district that costs next to nothing: a tenth of a percent of a tick budget.
pub const IDLE: u64 = 1;
/// Weight of a percent of a tick budget.
pub const PERCENT: u64 = 10;

/// The nodes that are given zones: those that are not drained, or all when no other is left. A zone that nobody plays is worse than a
/// drain that is not kept.
pub(crate) fn takers(nodes: &[Node], wishes: &Wishes) -> Vec<Node> {
    let free: Vec<Node> = nodes.iter().filter(|node| !wishes.drained.contains(&node.name)).cloned().collect();
    if free.is_empty() { nodes.to_vec() } else { free }
}

/// What zones are to be counted as with these nodes and wishes: as ever while they are the same nodes, and else anew.
pub fn counts(weights: &Weights, nodes: &[Node], wishes: &Wishes) -> Counts {
    let takers = takers(nodes, wishes);
    let are_same = takers.len() == weights.counts.nodes.len()
        && takers.iter().all(|node| weights.counts.nodes.contains(&node.name));
    if are_same { weights.counts.clone() } else { recount(&weights.measured, nodes, wishes) }
}

/// Counts zones anew, by what they are measured to cost.
pub fn recount(measured: &Costs, nodes: &[Node], wishes: &Wishes) -> Counts {
    let nodes: BTreeSet<ProcessName> = takers(nodes, wishes).into_iter().map(|node| node.name).collect();
    let counted = |(zone, cost): (&String, &u32)| {
        let placed = wishes.placed.get(zone).map(|placed| &placed.node);
        let placed = placed.filter(|node| nodes.contains(*node)).cloned();
        (zone.clone(), Counted { cost: *cost, placed })
    };
    let zones = measured.iter().filter(|(_, cost)| **cost > 0).map(counted).collect();
    Counts { zones, nodes }
}

/// What each zone is counted as.
pub(crate) struct Weighing<'a> {
    counted: BTreeMap<ZoneId, &'a Counted>,
}

impl<'a> Weighing<'a> {
    pub(crate) fn new(zones: &ZoneTable, counts: &'a Counts) -> Self {
        let mut counted = BTreeMap::new();
        if !counts.zones.is_empty() {
            let known = |zone: ZoneId| Some((zone, counts.zones.get(&zones.name(zone))?));
            counted.extend(zones.all().into_iter().filter_map(known));
        }
        Self { counted }
    }

    /// Of a district, without those of its zones that were placed elsewhere.
    pub(crate) fn district(&self, zones: &[ZoneId]) -> u64 {
        let of_ring = zones.iter().filter_map(|zone| self.counted.get(zone)).filter(|of| of.placed.is_none());
        IDLE + of_ring.map(|of| weight_of(of.cost)).sum::<u64>()
    }

    /// Of the zones that were placed, by the node.
    pub(crate) fn placed(&self) -> BTreeMap<&'a ProcessName, u64> {
        let mut placed = BTreeMap::new();
        for of in self.counted.values() {
            if let Some(node) = &of.placed {
                *placed.entry(node).or_default() += weight_of(of.cost);
            }
        }
        placed
    }
}

fn weight_of(cost: u32) -> u64 {
    u64::from(cost) * PERCENT
}
