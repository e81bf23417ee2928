//! Where the ring wants districts, with a bounded load by weight.

use crate::plan::{Districts, Node};
use crate::ring::Ring;
use crate::weights::{IDLE, Weighing};
use crate::zones::ZoneTable;
use model::ZoneId;
use model::calls::weights::Counts;
use model::membership::{ProcessName, Slot};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The nodes that are given zones, and their ring.
pub(crate) struct Takers<'a> {
    nodes: &'a [Node],
    ring: Ring,
}

impl<'a> Takers<'a> {
    pub(crate) fn new(nodes: &'a [Node]) -> Self {
        let ring = Ring::new(nodes.iter().map(|node| (node.name.as_str(), node.weight)));
        Self { nodes, ring }
    }
}

/// Where the ring wants each district of the map: the heaviest first, each to the first node of its preference that has room for it, or,
/// when none has, to the one that has least with it.
pub(crate) fn propose(
    districts: &Districts,
    takers: &Takers<'_>,
    zones: &ZoneTable,
    counts: &Counts,
) -> BTreeMap<Vec<u8>, ProcessName> {
    let weighing = Weighing::new(zones, counts);
    let mut order: Vec<(u64, &Vec<u8>)> =
        districts.iter().map(|(key, zones)| (weighing.district(zones), key)).collect();
    order.sort_by_key(|(weight, key)| (Reverse(*weight), *key));
    let placed = weighing.placed();
    let total = order.iter().map(|(weight, _)| weight).chain(placed.values()).sum();
    let mut loads = Loads::new(takers, total);
    for (node, weight) in placed {
        loads.add(node.as_str(), weight);
    }
    let mut wanted = BTreeMap::new();
    for (weight, key) in order {
        if let Some(node) = loads.take(key, weight) {
            wanted.insert(key.clone(), node);
        }
    }
    wanted
}

/// Where instances are wanted: where they are, and new ones where the ring wants them, with a bounded load of their own, so that none of
/// the map moves when one is born. They weigh the same.
pub(crate) fn propose_for_instances(
    districts: &Districts,
    takers: &Takers<'_>,
    current: &[Slot],
) -> BTreeMap<Vec<u8>, ProcessName> {
    if districts.is_empty() {
        return BTreeMap::new();
    }
    let mut loads = Loads::new(takers, districts.len() as u64 * IDLE);
    let owners: BTreeMap<ZoneId, &ProcessName> =
        current.iter().filter_map(|slot| Some((slot.zone, slot.owner.as_ref()?))).collect();
    let mut wanted = BTreeMap::new();
    for (key, zones) in districts {
        let owner = zones.iter().find_map(|zone| owners.get(zone));
        if let Some(owner) = owner.filter(|owner| loads.add(owner.as_str(), IDLE)) {
            wanted.insert(key.clone(), (*owner).clone());
        }
    }
    for key in districts.keys() {
        if !wanted.contains_key(key)
            && let Some(node) = loads.take(key, IDLE)
        {
            wanted.insert(key.clone(), node);
        }
    }
    wanted
}

/// What each node has been given.
struct Loads<'a> {
    ring: &'a Ring,
    by_node: BTreeMap<&'a str, Load>,
}

struct Load {
    /// What it has.
    has: u64,
    /// 1.25 times its fair share.
    most: u64,
    /// Its own weight.
    share: u64,
}

impl<'a> Loads<'a> {
    /// Nothing yet, of so much in all.
    fn new(takers: &'a Takers<'_>, total: u64) -> Self {
        let share = |node: &Node| u64::from(node.weight.max(1));
        let shares: u64 = takers.nodes.iter().map(share).sum();
        let load = |node: &'a Node| {
            let most = (total * share(node) * 5).div_ceil(shares.max(1) * 4);
            (node.name.as_str(), Load { has: 0, most, share: share(node) })
        };
        Self { ring: &takers.ring, by_node: takers.nodes.iter().map(load).collect() }
    }

    /// A node has something already; false when there is no such node.
    fn add(&mut self, node: &str, weight: u64) -> bool {
        self.by_node.get_mut(node).map(|load| load.has += weight).is_some()
    }

    /// The node that a district is given to.
    fn take(&mut self, key: &[u8], weight: u64) -> Option<ProcessName> {
        let preference = self.ring.preference(key);
        let load = |name: &&&str| self.by_node.get(**name);
        let has_room = |name: &&&str| load(name).is_some_and(|load| load.has + weight <= load.most);
        // as much for its share as any other has; of equals the first of its preference
        let filled = |name: &&&str| {
            load(name)
                .map_or(u128::MAX, |load| (u128::from(load.has + weight) << 32) / u128::from(load.share))
        };
        let name = preference.iter().find(has_room).or_else(|| preference.iter().min_by_key(filled))?;
        self.add(name, weight).then(|| ProcessName((*name).to_owned()))
    }
}
