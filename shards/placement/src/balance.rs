//! By what zones cost: a node that has more than it can do gives a zone to one that has room, or half of one that is too much for any thread.
//!
//! Pure: one look after the other, with what the nodes say of their zones. What comes out is a wish like an operator's, so it is
//! stored and logged, outlives the controller, and a rebalance takes it back.
//!
//! | so that nothing flaps | |
//! |---|---|
//! | a node has too much only after [`HOT_LOOKS`] looks in a row | one burst moves nothing |
//! | the fullest thread of the two must have at least [`GAIN`] percent less afterwards | who is alone on a thread stays |
//! | after a move nothing moves for [`REST_LOOKS`] looks | its effect is measured first |
//! | a zone that was moved stays for [`STAY_LOOKS`] looks | and what an operator has placed stays for good, whole |
//! | only when no move helps a zone is cut | and only when some thread has room for half of it |
//! | halves are joined when both together cost at most [`COLD`] for [`COLD_LOOKS`] looks | much less than what cut them; those of an operator stay |

use model::calls::cluster::{CutBy, Hold, Wish, Wishes};
use model::membership::ProcessName;
use model::{ZoneId, membership::Slot};
use std::collections::BTreeMap;

use crate::parts::thread_of;
use crate::zones::ZoneTable;

/// A game thread with more than this, in percent of its tick budget, has too much.
pub const HOT: u32 = 80;
/// Looks in a row until that counts.
pub const HOT_LOOKS: u32 = 6;
/// Looks after a move in which nothing moves.
pub const REST_LOOKS: u32 = 12;
/// Looks that a zone stays where it was moved to.
pub const STAY_LOOKS: u32 = 120;
/// Percent that must be gained.
pub const GAIN: u32 = 10;
/// Two halves that cost no more than this together, in percent of a tick budget, are one zone again.
pub const COLD: u32 = 30;
/// Looks in a row until that counts.
pub const COLD_LOOKS: u32 = 60;

/// What the zones of a node cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeCosts {
    /// Game threads: which one plays a zone follows from its number. At least 1.
    pub threads: u32,
    /// Percent of the tick budget of a thread, without those that cost next to nothing.
    pub zones: BTreeMap<ZoneId, u32>,
}

impl NodeCosts {
    fn thread_of(&self, zone: ZoneId) -> u32 {
        thread_of(zone, self.threads)
    }

    /// What a thread has to do.
    fn load_of(&self, thread: u32) -> u32 {
        let on_it = self.zones.iter().filter(|(zone, _)| self.thread_of(**zone) == thread);
        on_it.fold(0_u32, |sum, (_, cost)| sum.saturating_add(*cost))
    }

    /// The fullest thread and what it has to do.
    fn fullest(&self) -> (u32, u32) {
        let loads = (0..self.threads.max(1)).map(|thread| (thread, self.load_of(thread)));
        loads.max_by_key(|(_, load)| *load).unwrap_or_default()
    }
}

/// Looks at the costs again and again.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    hot: BTreeMap<ProcessName, u32>,
    rest: u32,
    stays: BTreeMap<ZoneId, u32>,
    /// Looks for which parts and their other halves have been cold.
    cold: BTreeMap<String, u32>,
}

/// What a look goes by.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Who owns what.
    pub slots: &'a [Slot],
    /// How the map is to be cut.
    pub zones: &'a ZoneTable,
    /// What the nodes say that may be given zones.
    pub costs: &'a BTreeMap<ProcessName, NodeCosts>,
    /// What holds.
    pub wishes: &'a Wishes,
    /// True when zones may be cut.
    pub splits: bool,
}

impl Balancer {
    /// What is to be wished, in this order, if anything.
    pub fn look(&mut self, look: Look<'_>) -> Vec<Wish> {
        self.rest = self.rest.saturating_sub(1);
        self.stays.retain(|_, looks| {
            *looks -= 1;
            *looks > 0
        });
        self.hot.retain(|node, _| look.costs.contains_key(node));
        for (node, of) in look.costs {
            let looks = self.hot.entry(node.clone()).or_default();
            *looks = if of.fullest().1 > HOT { *looks + 1 } else { 0 };
        }
        let cold = self.cold(look);
        if self.rest > 0 {
            return Vec::new();
        }
        let is_hot = |node: &ProcessName| self.hot.get(node).is_some_and(|looks| *looks >= HOT_LOOKS);
        let hottest = look.costs.iter().filter(|(node, _)| is_hot(node)).max_by_key(|(_, of)| of.fullest().1);
        let Some((source, of_source)) = hottest else {
            let Some(part) = cold else { return Vec::new() };
            self.rest = REST_LOOKS;
            return vec![Wish::Merge { zone: part }];
        };
        let wishes = if let Some((zone, node)) = self.best_move(source, of_source, look) {
            self.stays.insert(zone, STAY_LOOKS);
            vec![Wish::Move { zone: look.zones.name(zone), node }]
        } else if let Some((zone, part, node)) = self.best_split(source, of_source, look) {
            vec![Wish::Split { zone, by: CutBy::Cost }, Wish::Move { zone: part, node }]
        } else {
            return Vec::new();
        };
        self.rest = REST_LOOKS;
        self.hot.remove(source);
        wishes
    }

    /// Zones that may be taken from the fullest thread of a node: its own, placed there by nobody, and not lately.
    fn free_of_thread<'a>(
        &'a self,
        source: &'a ProcessName,
        of_source: &'a NodeCosts,
        look: Look<'a>,
    ) -> impl Iterator<Item = (ZoneId, u32)> + 'a {
        let (thread, _) = of_source.fullest();
        let owns = |zone: ZoneId| {
            look.slots.iter().any(|slot| slot.zone == zone && slot.owner.as_ref() == Some(source))
        };
        let is_pinned = move |zone: ZoneId| {
            let placed = look.wishes.placed.get(&look.zones.name(zone));
            placed.is_some_and(|placed| placed.hold == Hold::Pinned)
        };
        let on_thread = of_source.zones.iter().map(|(zone, cost)| (*zone, *cost));
        on_thread
            .filter(move |(zone, _)| of_source.thread_of(*zone) == thread)
            .filter(move |(zone, _)| owns(*zone) && !is_pinned(*zone))
    }

    fn best_move(
        &self,
        source: &ProcessName,
        of_source: &NodeCosts,
        look: Look<'_>,
    ) -> Option<(ZoneId, ProcessName)> {
        let (_, load) = of_source.fullest();
        let mut best: Option<(u32, ZoneId, &ProcessName)> = None;
        let free = self.free_of_thread(source, of_source, look);
        for (zone, cost) in free.filter(|(zone, _)| !self.stays.contains_key(zone)) {
            for (node, of) in look.targets().filter(|(node, _)| *node != source) {
                let there = of.load_of(of.thread_of(zone)).saturating_add(cost);
                let after = there.max(load - cost);
                let gains = after.saturating_add(GAIN) <= load;
                if gains && best.is_none_or(|(least, ..)| after < least) {
                    best = Some((after, zone, node));
                }
            }
        }
        best.map(|(_, zone, node)| (zone, node.clone()))
    }

    /// The zone that costs most is cut, when that helps: its name, that of the part, and where that goes.
    fn best_split(
        &self,
        source: &ProcessName,
        of_source: &NodeCosts,
        look: Look<'_>,
    ) -> Option<(String, String, ProcessName)> {
        if !look.splits {
            return None;
        }
        let (thread, load) = of_source.fullest();
        let (zone, cost) = self.free_of_thread(source, of_source, look).max_by_key(|(_, cost)| *cost)?;
        let (cut, part) = look.zones.cut(zone)?;
        // nobody knows yet who stands where
        let half = cost / 2;
        let mut best: Option<(u32, bool, &ProcessName)> = None;
        for (node, of) in look.targets() {
            let is_source = node == source;
            let on = of.thread_of(part);
            if is_source && on == thread {
                continue;
            }
            let after = of.load_of(on).saturating_add(half).max(load - half);
            let better = best.is_none_or(|(least, at_source, _)| {
                after < least || (after == least && is_source && !at_source)
            });
            if after.saturating_add(GAIN) <= load && better {
                best = Some((after, is_source, node));
            }
        }
        best.map(|(_, _, node)| (look.zones.name(zone), cut.name(part), node.clone()))
    }

    /// Counts for how long halves have been cold; the part that is to be joined first.
    fn cold(&mut self, look: Look<'_>) -> Option<String> {
        let of = |zone: ZoneId| {
            let owner = look.slots.iter().find(|slot| slot.zone == zone)?.owner.as_ref()?;
            // who does not answer may have anything
            look.costs.get(owner).map(|costs| costs.zones.get(&zone).copied().unwrap_or(0))
        };
        let is_cold = |part: &String| {
            let halves = look.zones.find(part).and_then(|part| look.zones.join(part));
            let sum = halves.and_then(|(_, both, gone)| Some(of(both)?.saturating_add(of(gone)?)));
            sum.is_some_and(|sum| sum <= COLD)
        };
        let by_cost = look.wishes.cut.iter().filter(|(_, by)| **by == CutBy::Cost).map(|(part, _)| part);
        let before = std::mem::take(&mut self.cold);
        let looks = |part: &String| before.get(part).copied().unwrap_or(0) + 1;
        self.cold = by_cost.filter(|part| is_cold(part)).map(|part| (part.clone(), looks(part))).collect();
        self.cold.iter().find(|(_, looks)| **looks >= COLD_LOOKS).map(|(part, _)| part.clone())
    }
}

impl<'a> Look<'a> {
    /// Nodes that something may be given to.
    fn targets(self) -> impl Iterator<Item = (&'a ProcessName, &'a NodeCosts)> {
        self.costs.iter().filter(move |(node, _)| !self.wishes.drained.contains(*node))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::calls::cluster::Placed;
    use model::{Epoch, Rect, Tile, membership::NamedZone};

    fn node(number: u32) -> ProcessName {
        ProcessName(format!("tmsrv-{number}"))
    }

    fn table() -> ZoneTable {
        let zone = |number: u16| NamedZone {
            name: format!("Zone {number}"),
            area: Rect::new(Tile::new(number * 10, 10), Tile::new(number * 10 + 9, 19)),
        };
        ZoneTable::new((1..=6).map(zone).collect())
    }

    /// Costs of zones by node; the table in which they own them.
    fn state(of: &[(u32, &[(u32, u32)])]) -> (Vec<Slot>, BTreeMap<ProcessName, NodeCosts>) {
        let slots = of.iter().flat_map(|(owner, zones)| {
            zones.iter().map(|(zone, _)| Slot {
                zone: ZoneId(*zone),
                owner: Some(node(*owner)),
                epoch: Epoch(1),
            })
        });
        let costs = of.iter().map(|(owner, zones)| {
            let zones = zones.iter().map(|(zone, cost)| (ZoneId(*zone), *cost)).collect();
            (node(*owner), NodeCosts { threads: 1, zones })
        });
        (slots.collect(), costs.collect())
    }

    fn moves(zone: u32, to: u32) -> Option<Wish> {
        Some(Wish::Move { zone: format!("Zone {zone}"), node: node(to) })
    }

    /// The first wish within so many looks.
    fn wish(
        balancer: &mut Balancer,
        state: &(Vec<Slot>, BTreeMap<ProcessName, NodeCosts>),
        wishes: &Wishes,
        looks: u32,
    ) -> Option<Wish> {
        (0..looks).find_map(|_| {
            let all = look(balancer, state, &table(), wishes);
            assert!(all.len() < 2, "{all:?}");
            all.into_iter().next()
        })
    }

    fn look(
        balancer: &mut Balancer,
        (slots, costs): &(Vec<Slot>, BTreeMap<ProcessName, NodeCosts>),
        zones: &ZoneTable,
        wishes: &Wishes,
    ) -> Vec<Wish> {
        balancer.look(Look { slots, zones, costs, wishes, splits: true })
    }

    #[test]
    fn what_relieves_most_goes_where_there_is_room_after_a_while() {
        let hot = state(&[(1, &[(1, 60), (2, 35), (3, 20)]), (2, &[(4, 30)]), (3, &[(5, 10)])]);
        let mut balancer = Balancer::default();
        assert_eq!(wish(&mut balancer, &hot, &Wishes::default(), HOT_LOOKS - 1), None, "not at once");
        // 115 on one thread: zone 1 on node 3 leaves 55 here and 70 there
        assert_eq!(wish(&mut balancer, &hot, &Wishes::default(), 1), moves(1, 3));
        assert_eq!(wish(&mut balancer, &hot, &Wishes::default(), REST_LOOKS - 1), None, "then it rests");
        // if it did not help the next one goes: a zone that was moved stays
        let next = wish(&mut balancer, &hot, &Wishes::default(), 2 * REST_LOOKS);
        assert!(next.is_some() && next != moves(1, 3), "{next:?}");
    }

    #[test]
    fn a_zone_that_is_too_hot_by_itself_stays_and_so_does_all_when_nobody_has_room() {
        let alone = state(&[(1, &[(1, 150)]), (2, &[(4, 5)])]);
        assert_eq!(wish(&mut Balancer::default(), &alone, &Wishes::default(), 500), None);
        let full = state(&[(1, &[(1, 60), (2, 40)]), (2, &[(4, 75)])]);
        assert_eq!(wish(&mut Balancer::default(), &full, &Wishes::default(), 500), None);
        let calm = state(&[(1, &[(1, 40), (2, 40)]), (2, &[])]);
        assert_eq!(wish(&mut Balancer::default(), &calm, &Wishes::default(), 500), None);
    }

    #[test]
    fn pinned_zones_stay_and_drained_nodes_get_nothing() {
        let hot = state(&[(1, &[(1, 60), (2, 35)]), (2, &[]), (3, &[(5, 30)])]);
        let mut wishes = Wishes::default();
        wishes.placed.insert("Zone 1".into(), Placed { node: node(1), hold: Hold::Pinned });
        wishes.drained.insert(node(2));
        // only zone 2 may go, and only to node 3: 65 there
        assert_eq!(wish(&mut Balancer::default(), &hot, &wishes, HOT_LOOKS), moves(2, 3));
    }

    /// A town that can be cut twice, beside the zones of the others.
    fn town() -> ZoneTable {
        let mut named = table().named().to_vec();
        named.push(NamedZone {
            name: "Town".into(),
            area: Rect::new(Tile::new(512, 512), Tile::new(639, 575)),
        });
        ZoneTable::new(named)
    }

    #[test]
    fn what_is_too_hot_for_any_thread_is_cut_and_half_of_it_goes_where_there_is_room() {
        let (zones, wishes) = (town(), Wishes::default());
        let hot = state(&[(1, &[(7, 150)]), (2, &[(4, 40)]), (3, &[(5, 60)])]);
        let mut balancer = Balancer::default();
        for _ in 1..HOT_LOOKS {
            assert_eq!(look(&mut balancer, &hot, &zones, &wishes), []);
        }
        let split = Wish::Split { zone: "Town".into(), by: CutBy::Cost };
        let there = Wish::Move { zone: "Town/3".into(), node: node(2) };
        assert_eq!(look(&mut balancer, &hot, &zones, &wishes), [split.clone(), there]);
        // another thread of the same node comes first when it has as much room
        let mut threads = hot.clone();
        threads.1.get_mut(&node(1)).unwrap().threads = 2;
        threads.1.get_mut(&node(1)).unwrap().zones.insert(ZoneId(4), 40);
        let wished: Vec<Vec<Wish>> =
            (0..HOT_LOOKS).map(|_| look(&mut Balancer::default(), &threads, &zones, &wishes)).collect();
        assert!(wished.iter().all(Vec::is_empty), "each is new");
        let mut balancer = Balancer::default();
        let here = Wish::Move { zone: "Town/3".into(), node: node(1) };
        let wished: Vec<Wish> =
            (0..HOT_LOOKS).flat_map(|_| look(&mut balancer, &threads, &zones, &wishes)).collect();
        assert_eq!(wished, [split, here]);
        // nobody has room for half of it, or it is pinned, or it may not be
        let full = state(&[(1, &[(7, 150)]), (2, &[(4, 78)])]);
        let mut pinned = Wishes::default();
        pinned.placed.insert("Town".into(), Placed { node: node(1), hold: Hold::Pinned });
        let (mut one, mut other, mut third) = (Balancer::default(), Balancer::default(), Balancer::default());
        for _ in 0..100 {
            assert_eq!(look(&mut one, &full, &zones, &wishes), []);
            assert_eq!(look(&mut other, &hot, &zones, &pinned), []);
            let (slots, costs) = &hot;
            assert_eq!(third.look(Look { slots, zones: &zones, costs, wishes: &wishes, splits: false }), []);
        }
    }

    #[test]
    fn halves_that_have_cooled_are_joined_after_a_while_and_those_of_an_operator_stay() {
        let zones = town().cut_as(["Town/3"].into_iter());
        let part = zones.find("Town/3").unwrap();
        let cold = state(&[(1, &[(7, 10)]), (2, &[(part.0, 15)])]);
        let warm = state(&[(1, &[(7, 10)]), (2, &[(part.0, 25)])]);
        let mut wishes = Wishes::default();
        wishes.cut.insert("Town/3".into(), CutBy::Cost);
        let mut balancer = Balancer::default();
        for state in [&cold, &warm] {
            for _ in 1..COLD_LOOKS {
                assert_eq!(look(&mut balancer, state, &zones, &wishes), []);
            }
        }
        let wished: Vec<Wish> =
            (0..COLD_LOOKS).flat_map(|_| look(&mut balancer, &cold, &zones, &wishes)).collect();
        assert_eq!(wished, [Wish::Merge { zone: "Town/3".into() }]);
        // one of the owners does not answer
        let (slots, mut costs) = cold.clone();
        costs.remove(&node(2));
        wishes.cut.insert("Town/3".into(), CutBy::Operator);
        let mut unheard = wishes.clone();
        unheard.cut.insert("Town/3".into(), CutBy::Cost);
        let (mut one, mut other) = (Balancer::default(), Balancer::default());
        for _ in 0..2 * COLD_LOOKS {
            assert_eq!(look(&mut one, &cold, &zones, &wishes), []);
            assert_eq!(look(&mut other, &(slots.clone(), costs.clone()), &zones, &unheard), []);
        }
    }

    #[test]
    fn threads_are_looked_at_one_by_one() {
        let (slots, mut costs) = state(&[(1, &[(1, 60), (2, 60), (3, 50)]), (2, &[])]);
        costs.get_mut(&node(1)).unwrap().threads = 2;
        // thread 1 has zones 1 and 3, thread 0 has zone 2 alone
        let found = wish(&mut Balancer::default(), &(slots, costs), &Wishes::default(), HOT_LOOKS);
        assert_eq!(found, moves(1, 2));
    }

    #[test]
    fn carried_out_again_and_again_it_comes_to_rest() {
        let mut of: Vec<(u32, Vec<(u32, u32)>)> =
            vec![(1, vec![(1, 50), (2, 45), (3, 40), (4, 20), (5, 15), (6, 10)]), (2, vec![]), (3, vec![])];
        let mut balancer = Balancer::default();
        let mut moved = 0;
        for _ in 0..2_000 {
            let borrowed: Vec<(u32, &[(u32, u32)])> = of.iter().map(|(n, zones)| (*n, &zones[..])).collect();
            let (slots, costs) = state(&borrowed);
            let Some(Wish::Move { zone, node: to }) =
                look(&mut balancer, &(slots, costs), &table(), &Wishes::default()).pop()
            else {
                continue;
            };
            moved += 1;
            let zone: u32 = zone.trim_start_matches("Zone ").parse().unwrap();
            let from = of.iter_mut().find(|(_, zones)| zones.iter().any(|(id, _)| *id == zone)).unwrap();
            let index = from.1.iter().position(|(id, _)| *id == zone).unwrap();
            let taken = from.1.remove(index);
            of.iter_mut().find(|(number, _)| node(*number) == to).unwrap().1.push(taken);
        }
        let loads: Vec<u32> = of.iter().map(|(_, zones)| zones.iter().map(|(_, cost)| cost).sum()).collect();
        assert!(loads.iter().all(|load| *load <= HOT), "{loads:?}");
        assert!((2..=4).contains(&moved), "{moved} moves");
    }
}
