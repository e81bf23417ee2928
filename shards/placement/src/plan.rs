//! From the ring's proposal to the next slot table.

use crate::instances::is_instance;
use crate::propose::{Takers, propose, propose_for_instances};
use crate::weights::takers;
use crate::zones::ZoneTable;
use model::calls::cluster::Wishes;
use model::calls::weights::Counts;
use model::membership::{Member, ProcessName, Role, Slot};
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

/// Live nodes that zones can be given to: those on the wanted content, when one is wanted.
pub fn nodes_of<'a>(members: impl Iterator<Item = &'a Member>, content_hash: Option<u64>) -> Vec<Node> {
    let is_node = |member: &&Member| {
        member.role == Role::TmSrv && content_hash.is_none_or(|wanted| wanted == member.content_hash)
    };
    let node = |member: &Member| Node { name: member.name.clone(), weight: member.weight.max(1) };
    members.filter(is_node).map(node).collect()
}

/// What a plan goes by.
#[derive(Clone, Copy, Debug)]
pub struct Basis<'a> {
    /// How the map is to be cut.
    pub zones: &'a ZoneTable,
    /// Live nodes.
    pub nodes: &'a [Node],
    /// What the operator wishes.
    pub wishes: &'a Wishes,
    /// What zones are counted as.
    pub counts: &'a Counts,
}

/// The next slot table: zones without a live owner are given away at once; of the others at most
/// `moves_max` districts move to where they are wanted, those first that the operator wants elsewhere.
///
/// A zone is wanted where the operator has placed it, while that node lives and is not drained, and else where the
/// ring proposes. A drained node is given nothing, unless no other is left. No node is proposed more than 1.25 times
/// its fair share (rounded up) of what the districts weigh, unless one district alone is more: see `weights`. Whoever gets a zone gets it under a higher epoch. Without live nodes
/// all zones lose their owner. An instance stays where it was born while its node lives and is not drained, unless the operator has
/// placed it: a move would begin it anew. Equal to `current` when there is nothing to do.
pub fn plan_slots(current: &[Slot], by: Basis<'_>, moves_max: usize) -> Vec<Slot> {
    let plan = Plan::new(current, by);
    let moving = plan.moving(moves_max);
    let mut next = Vec::with_capacity(plan.now.len());
    for (key, members) in &plan.districts {
        for zone in members {
            let keeps = !plan.is_orphaned(*zone) && !moving.contains(key.as_slice());
            let (old, wanted) = (plan.owner_of(*zone), plan.wanted(key, *zone));
            let owner = if keeps { old } else { wanted };
            let old_epoch = plan.now.get(zone).map_or(Epoch(0), |slot| slot.epoch);
            let epoch = if old == owner { old_epoch } else { Epoch(old_epoch.0 + 1) };
            next.push(Slot { zone: *zone, owner: owner.cloned(), epoch });
        }
    }
    next.sort_by_key(|slot| slot.zone);
    next
}

/// What is and what is wanted.
struct Plan<'a> {
    now: BTreeMap<ZoneId, &'a Slot>,
    districts: Districts,
    alive: BTreeSet<&'a ProcessName>,
    /// Of those that live, the ones that are given zones.
    hosts: BTreeSet<&'a ProcessName>,
    proposed: BTreeMap<Vec<u8>, ProcessName>,
    placed: BTreeMap<ZoneId, &'a ProcessName>,
}

impl<'a> Plan<'a> {
    fn new(current: &'a [Slot], by: Basis<'a>) -> Self {
        let Basis { zones, nodes, wishes, counts } = by;
        let takers = takers(nodes, wishes);
        let is_taker = |node: &&Node| takers.iter().any(|taker| taker.name == node.name);
        let hosts: BTreeSet<&ProcessName> = nodes.iter().filter(is_taker).map(|node| &node.name).collect();
        let districts = group_by_district(zones);
        let (of_instances, of_map): (Districts, Districts) =
            districts.clone().into_iter().partition(|(_, zones)| zones.iter().copied().all(is_instance));
        let ring = Takers::new(&takers);
        let mut proposed = propose(&of_map, &ring, zones, counts);
        proposed.extend(propose_for_instances(&of_instances, &ring, current));
        let mut placed = BTreeMap::new();
        if !wishes.placed.is_empty() {
            for zone in zones.all() {
                let wish = wishes.placed.get(&zones.name(zone)).filter(|wish| hosts.contains(&wish.node));
                placed.extend(wish.map(|wish| (zone, &wish.node)));
            }
        }
        let now = current.iter().map(|slot| (slot.zone, slot)).collect();
        let alive = nodes.iter().map(|node| &node.name).collect();
        Self { now, districts, alive, hosts, proposed, placed }
    }

    fn owner_of(&self, zone: ZoneId) -> Option<&ProcessName> {
        self.now.get(&zone).and_then(|slot| slot.owner.as_ref())
    }

    fn is_orphaned(&self, zone: ZoneId) -> bool {
        self.owner_of(zone).is_none_or(|owner| !self.alive.contains(owner))
    }

    fn wanted(&self, district: &[u8], zone: ZoneId) -> Option<&ProcessName> {
        self.placed.get(&zone).copied().or_else(|| self.proposed.get(district))
    }

    /// Districts that move now: those with something that lives elsewhere than it is wanted.
    fn moving(&self, moves_max: usize) -> BTreeSet<&[u8]> {
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for (key, members) in &self.districts {
            let misplaced = |zone: &&ZoneId| {
                !self.is_orphaned(**zone) && self.owner_of(**zone) != self.wanted(key, **zone)
            };
            let by_wish = |zone: &ZoneId| {
                self.placed.contains_key(zone)
                    || self.owner_of(*zone).is_some_and(|owner| !self.hosts.contains(owner))
            };
            let mut misplaced = members.iter().filter(misplaced).peekable();
            if misplaced.peek().is_some() {
                let list = if misplaced.any(by_wish) { &mut first } else { &mut later };
                list.push(key.as_slice());
            }
        }
        first.into_iter().chain(later).take(moves_max).collect()
    }
}

/// Zones by the district that they belong to.
pub(crate) type Districts = BTreeMap<Vec<u8>, Vec<ZoneId>>;

fn group_by_district(zones: &ZoneTable) -> Districts {
    let mut districts = Districts::new();
    for zone in zones.all() {
        districts.entry(zones.district(zone)).or_default().push(zone);
    }
    districts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::calls::cluster::{Hold, Placed};
    use model::membership::NamedZone;
    use model::{Rect, Tile};

    fn zones() -> ZoneTable {
        let area = Rect::new(Tile::new(2048, 1920), Tile::new(2303, 2303));
        ZoneTable::new(vec![NamedZone { name: "Armia".into(), area }])
    }

    fn plan(current: &[Slot], zones: &ZoneTable, nodes: &[Node], wishes: &Wishes, moves: usize) -> Vec<Slot> {
        plan_slots(current, Basis { zones, nodes, wishes, counts: &Counts::default() }, moves)
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
            let slots = plan(&[], &zones, &nodes(count), &Wishes::default(), 0);
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
        let first = plan(&[], &zones, &nodes(3), &Wishes::default(), 0);
        assert_eq!(plan(&first, &zones, &nodes(3), &Wishes::default(), 100), first);
    }

    #[test]
    fn a_dead_nodes_zones_go_to_the_living_and_nobody_elses_move() {
        let zones = zones();
        let before = plan(&[], &zones, &nodes(3), &Wishes::default(), 0);
        let living = &nodes(3)[..2];
        let after = plan(&before, &zones, living, &Wishes::default(), 0);
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
        let mut slots = plan(&[], &zones, &nodes(1), &Wishes::default(), 0);
        let mut rounds = 0;
        loop {
            let next = plan(&slots, &zones, &nodes(2), &Wishes::default(), 4);
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
        let before = plan(&[], &zones, &nodes(2), &Wishes::default(), 0);
        let after = plan(&before, &zones, &[], &Wishes::default(), 10);
        assert!(after.iter().all(|slot| slot.owner.is_none() && slot.epoch == Epoch(2)));
    }

    fn wish(drained: &[usize], placed: &[(&str, usize, Hold)]) -> Wishes {
        let name = |index: usize| ProcessName(format!("tmsrv-{index}"));
        let place = |(zone, index, hold): &(&str, usize, Hold)| {
            ((*zone).to_owned(), Placed { node: name(*index), hold: *hold })
        };
        Wishes {
            version: 1,
            drained: drained.iter().map(|index| name(*index)).collect(),
            placed: placed.iter().map(place).collect(),
            ..Wishes::default()
        }
    }

    /// Plans again until nothing changes; how often it changed.
    fn settle(slots: &mut Vec<Slot>, nodes: &[Node], wishes: &Wishes) -> usize {
        for round in 0..100 {
            let next = plan(slots, &zones(), nodes, wishes, 4);
            assert!(next.iter().all(|slot| slot.owner.is_some()));
            if next == *slots {
                return round;
            }
            *slots = next;
        }
        panic!("it never settles");
    }

    fn owner<'a>(slots: &'a [Slot], zone: &str) -> &'a str {
        let zone = zones().find(zone).unwrap();
        slots.iter().find(|slot| slot.zone == zone).unwrap().owner.as_ref().unwrap().as_str()
    }

    #[test]
    fn a_drained_node_ends_empty_a_few_districts_at_a_time_and_gets_all_back() {
        let three = nodes(3);
        let before = plan(&[], &zones(), &three, &Wishes::default(), 0);
        let mut slots = plan(&before, &zones(), &three, &wish(&[2], &[]), 4);
        let moved = slots.iter().zip(&before).filter(|(new, old)| new != old).count();
        assert!((1..=16).contains(&moved), "{moved} zones moved in one round");
        assert!(settle(&mut slots, &three, &wish(&[2], &[])) > 3);
        assert_eq!(load(&slots, &three[1]), 0);
        settle(&mut slots, &three, &Wishes::default());
        let owners = |slots: &[Slot]| slots.iter().map(|slot| slot.owner.clone()).collect::<Vec<_>>();
        assert_eq!(owners(&slots), owners(&before));
    }

    #[test]
    fn a_drained_node_plays_only_what_nobody_else_can() {
        let two = nodes(2);
        let mut slots = plan(&[], &zones(), &two, &wish(&[2], &[]), 0);
        assert_eq!(load(&slots, &two[1]), 0);
        settle(&mut slots, &two[1..], &wish(&[2], &[]));
        assert_eq!(load(&slots, &two[1]), slots.len());
        settle(&mut slots, &two, &wish(&[2], &[]));
        assert_eq!(load(&slots, &two[1]), 0);
    }

    #[test]
    fn a_placed_zone_moves_first_and_comes_back_to_its_node() {
        let three = nodes(3);
        let mut slots = plan(&[], &zones(), &three, &Wishes::default(), 0);
        let ring = owner(&slots, "Armia").to_owned();
        let index = (1..=3).find(|index| format!("tmsrv-{index}") != ring).unwrap();
        let other = format!("tmsrv-{index}");
        let pinned = wish(&[], &[("Armia", index, Hold::Pinned), ("block 8,8", index, Hold::Moved)]);
        // a new node wants a quarter of everything; the two zones go before
        let four = nodes(4);
        slots = plan(&slots, &zones(), &four, &pinned, 2);
        assert_eq!((owner(&slots, "Armia"), owner(&slots, "block 8,8")), (&*other, &*other));
        settle(&mut slots, &four, &pinned);
        assert_eq!(owner(&slots, "Armia"), other);
        let without: Vec<Node> = four.iter().filter(|node| node.name.as_str() != other).cloned().collect();
        settle(&mut slots, &without, &pinned);
        assert_ne!(owner(&slots, "Armia"), other);
        settle(&mut slots, &four, &pinned);
        assert_eq!(owner(&slots, "Armia"), other);
        settle(&mut slots, &three, &Wishes::default());
        assert_eq!(owner(&slots, "Armia"), ring);
    }

    #[test]
    fn one_zone_of_a_district_may_be_placed_alone() {
        let two = nodes(2);
        let mut slots = plan(&[], &zones(), &two, &Wishes::default(), 0);
        let index = if owner(&slots, "block 2,2") == "tmsrv-1" { 2 } else { 1 };
        settle(&mut slots, &two, &wish(&[], &[("block 2,2", index, Hold::Moved)]));
        assert_ne!(owner(&slots, "block 2,2"), owner(&slots, "block 3,3"));
    }
}
