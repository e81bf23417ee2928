//! From the ring's proposal to the next slot table.

use crate::ring::Ring;
use crate::zones::ZoneTable;
use model::membership::{ProcessName, Slot};
use model::{Epoch, ZoneId};
use std::collections::{BTreeMap, BTreeSet};

/// A live node that can own zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: ProcessName,
    /// Share of the zones it should get, at least 1.
    pub weight: u32,
}

/// The next slot table: zones without a live owner are given away at once; of the others at most
/// `moves_max` districts move to where the ring wants them.
///
/// No node is given more than 1.25 times its fair share of districts (rounded up). Whoever gets a zone
/// gets it under a higher epoch. Without live nodes all zones lose their owner. Equal to `current` when
/// there is nothing to do.
pub fn plan_slots(current: &[Slot], zones: &ZoneTable, nodes: &[Node], moves_max: usize) -> Vec<Slot> {
    let now: BTreeMap<ZoneId, &Slot> = current.iter().map(|slot| (slot.zone, slot)).collect();
    let districts = group_by_district(zones);
    let wanted = propose(&districts, nodes);
    let alive: BTreeSet<&ProcessName> = nodes.iter().map(|node| &node.name).collect();
    let mut moves_left = moves_max;
    let mut next = Vec::with_capacity(now.len());
    for (key, members) in &districts {
        let target = wanted.get(key);
        let owner_of = |zone: &ZoneId| now.get(zone).and_then(|slot| slot.owner.as_ref());
        let orphaned = |zone: &ZoneId| owner_of(zone).is_none_or(|owner| !alive.contains(owner));
        let misplaced = members.iter().any(|zone| !orphaned(zone) && owner_of(zone) != target);
        let moves = misplaced && moves_left > 0;
        moves_left -= usize::from(moves);
        for zone in members {
            let keeps = !orphaned(zone) && !moves;
            let owner = if keeps { owner_of(zone).cloned() } else { target.cloned() };
            let old_epoch = now.get(zone).map_or(Epoch(0), |slot| slot.epoch);
            let epoch = if owner_of(zone) == owner.as_ref() { old_epoch } else { Epoch(old_epoch.0 + 1) };
            next.push(Slot { zone: *zone, owner, epoch });
        }
    }
    next.sort_by_key(|slot| slot.zone);
    next
}

fn group_by_district(zones: &ZoneTable) -> BTreeMap<Vec<u8>, Vec<ZoneId>> {
    let mut districts: BTreeMap<Vec<u8>, Vec<ZoneId>> = BTreeMap::new();
    for zone in zones.all() {
        districts.entry(zones.district(zone)).or_default().push(zone);
    }
    districts
}

/// Where the ring wants each district, with bounded load.
fn propose(districts: &BTreeMap<Vec<u8>, Vec<ZoneId>>, nodes: &[Node]) -> BTreeMap<Vec<u8>, ProcessName> {
    let ring = Ring::new(nodes.iter().map(|node| (node.name.as_str(), node.weight)));
    let weights: usize = nodes.iter().map(|node| node.weight.max(1) as usize).sum();
    let mut room: BTreeMap<&str, usize> = nodes
        .iter()
        .map(|node| {
            (
                node.name.as_str(),
                (districts.len() * node.weight.max(1) as usize * 5).div_ceil(weights.max(1) * 4),
            )
        })
        .collect();
    let mut wanted = BTreeMap::new();
    for key in districts.keys() {
        let preference = ring.preference(key);
        let Some(name) = preference.iter().find(|name| room.get(**name).is_some_and(|left| *left > 0)) else {
            continue;
        };
        if let Some(left) = room.get_mut(name) {
            *left -= 1;
        }
        wanted.insert(key.clone(), ProcessName((*name).to_owned()));
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::membership::NamedZone;
    use model::{Rect, Tile};

    fn zones() -> ZoneTable {
        let area = Rect::new(Tile::new(2048, 1920), Tile::new(2303, 2303));
        ZoneTable::new(vec![NamedZone { name: "Armia".into(), area }])
    }

    fn nodes(count: usize) -> Vec<Node> {
        (1..=count).map(|index| Node { name: ProcessName(format!("tmsrv-{index}")), weight: 1 }).collect()
    }

    fn load(slots: &[Slot], node: &Node) -> usize {
        slots.iter().filter(|slot| slot.owner.as_ref() == Some(&node.name)).count()
    }

    #[test]
    fn every_zone_gets_an_owner_and_loads_stay_bounded() {
        let zones = zones();
        for count in 1..=8 {
            let slots = plan_slots(&[], &zones, &nodes(count), 0);
            assert_eq!(slots.len(), zones.all().len());
            assert!(slots.iter().all(|slot| slot.owner.is_some() && slot.epoch == Epoch(1)));
            for node in nodes(count) {
                let held = load(&slots, &node);
                assert!(held > 0, "{} of {count} holds nothing", node.name);
                assert!(
                    held <= (65_usize * 5).div_ceil(4 * count) * 4,
                    "{} of {count} holds {held}",
                    node.name
                );
            }
        }
    }

    #[test]
    fn nothing_changes_when_nothing_happened() {
        let zones = zones();
        let first = plan_slots(&[], &zones, &nodes(3), 0);
        assert_eq!(plan_slots(&first, &zones, &nodes(3), 100), first);
    }

    #[test]
    fn a_dead_nodes_zones_go_to_the_living_and_nobody_elses_move() {
        let zones = zones();
        let before = plan_slots(&[], &zones, &nodes(3), 0);
        let living = &nodes(3)[..2];
        let after = plan_slots(&before, &zones, living, 0);
        for (old, new) in before.iter().zip(&after) {
            let owner_lives = living.iter().any(|node| Some(&node.name) == old.owner.as_ref());
            assert_eq!(owner_lives, old == new, "zone {}", zones.name(old.zone));
            assert!(new.owner.as_ref().is_some_and(|owner| living.iter().any(|node| node.name == *owner)));
            assert_eq!(new.epoch.0, old.epoch.0 + u64::from(!owner_lives));
        }
    }

    #[test]
    fn a_new_node_gets_its_share_a_few_districts_at_a_time() {
        let zones = zones();
        let mut slots = plan_slots(&[], &zones, &nodes(1), 0);
        let mut rounds = 0;
        loop {
            let next = plan_slots(&slots, &zones, &nodes(2), 4);
            let moved = next.iter().zip(&slots).filter(|(new, old)| new != old).count();
            assert!(moved <= 4 * 4, "{moved} zones moved in one round");
            if moved == 0 {
                break;
            }
            slots = next;
            rounds += 1;
            assert!(rounds < 100, "it never settles");
        }
        assert!(load(&slots, &nodes(2)[1]) > 60);
    }

    #[test]
    fn without_nodes_nobody_owns_anything() {
        let zones = zones();
        let before = plan_slots(&[], &zones, &nodes(2), 0);
        let after = plan_slots(&before, &zones, &[], 10);
        assert!(after.iter().all(|slot| slot.owner.is_none() && slot.epoch == Epoch(2)));
    }
}
