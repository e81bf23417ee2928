//! Districts are weighed by what their zones cost: bounds, what moves, and what does not.
#![allow(clippy::unwrap_used)]

use model::calls::cluster::{Hold, Placed, Wishes};
use model::calls::weights::{Costs, Counts, KeepCosts, Weights};
use model::membership::{NamedZone, ProcessName, Slot};
use model::{Rect, Tile, ZoneId};
use placement::{Basis, LONG, Node, NodeCosts, Ring, Seen, Weigher, ZoneTable, counts, plan_slots, recount};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

const TOWNS: u16 = 12;

/// A dozen towns in a row, in a map of blocks.
fn zones() -> &'static ZoneTable {
    &MAP
}

static MAP: LazyLock<ZoneTable> = LazyLock::new(|| {
    let town = |number: u16| NamedZone {
        name: format!("Town {number}"),
        area: Rect::new(Tile::new(number * 100, 10), Tile::new(number * 100 + 79, 89)),
    };
    ZoneTable::new((0..TOWNS).map(town).collect())
});

static NAMES: LazyLock<BTreeMap<ZoneId, String>> =
    LazyLock::new(|| zones().all().into_iter().map(|zone| (zone, zones().name(zone))).collect());

fn nodes(count: usize) -> Vec<Node> {
    (1..=count).map(|index| Node { name: ProcessName(format!("tmsrv-{index}")), weight: 1 }).collect()
}

fn node(number: usize) -> ProcessName {
    ProcessName(format!("tmsrv-{number}"))
}

/// As a controller would have the table in the end, with what is measured.
fn settle(current: &[Slot], nodes: &[Node], wishes: &Wishes, weights: &mut Weights) -> Vec<Slot> {
    let zones = zones();
    let mut slots = current.to_vec();
    for _ in 0..10 {
        weights.counts = counts(weights, nodes, wishes);
        let basis = Basis { zones, nodes, wishes, counts: &weights.counts };
        let next = plan_slots(&slots, basis, usize::MAX);
        if next == slots {
            return slots;
        }
        slots = next;
    }
    panic!("it never settles");
}

fn measured(costs: &[(u16, u32)]) -> Weights {
    let measured = costs.iter().map(|(town, cost)| (format!("Town {town}"), *cost)).collect();
    Weights { measured, counts: Counts::default() }
}

/// What each node has, as zones are measured.
fn loads(slots: &[Slot], costs: &Costs) -> BTreeMap<ProcessName, u32> {
    let zones = zones();
    let mut loads = BTreeMap::new();
    for slot in slots {
        let cost = costs.get(&zones.name(slot.zone)).copied().unwrap_or(0);
        *loads.entry(slot.owner.clone().unwrap()).or_default() += cost;
    }
    loads
}

fn moved(before: &[Slot], after: &[Slot]) -> usize {
    before.iter().zip(after).filter(|(old, new)| old.owner != new.owner).count()
}

/// The proposal as it was while districts were counted: each to the first of its preference that has less than 1.25 times its share.
fn by_area(nodes: &[Node]) -> BTreeMap<Vec<u8>, ProcessName> {
    let zones = zones();
    let districts: BTreeSet<Vec<u8>> = zones.all().into_iter().map(|zone| zones.district(zone)).collect();
    let ring = Ring::new(nodes.iter().map(|node| (node.name.as_str(), node.weight)));
    let shares: usize = nodes.iter().map(|node| node.weight as usize).sum();
    let most = |node: &Node| (districts.len() * node.weight as usize * 5).div_ceil(shares * 4);
    let mut room: BTreeMap<&str, usize> = nodes.iter().map(|node| (node.name.as_str(), most(node))).collect();
    let mut wanted = BTreeMap::new();
    for key in &districts {
        let preference = ring.preference(key);
        let name = preference.iter().find(|name| room[**name] > 0).unwrap();
        *room.get_mut(name).unwrap() -= 1;
        wanted.insert(key.clone(), ProcessName((*name).to_owned()));
    }
    wanted
}

#[test]
fn without_costs_districts_lie_where_they_always_lay() {
    let zones = zones();
    for count in 1..=16 {
        let mut nodes = nodes(count);
        nodes[0].weight = 1 + (count % 3) as u32;
        let slots = settle(&[], &nodes, &Wishes::default(), &mut Weights::default());
        let wanted = by_area(&nodes);
        for slot in slots {
            assert_eq!(slot.owner.as_ref(), wanted.get(&zones.district(slot.zone)), "{count} nodes");
        }
    }
}

#[test]
fn towns_that_cost_half_a_node_are_not_stacked_when_a_node_dies_or_comes() {
    for others in 0..40_u16 {
        // which towns they are decides what the ring would like
        let towns = [others % TOWNS, (others / 2 + 5) % TOWNS, (others * 7 + 3) % TOWNS];
        let towns: BTreeSet<u16> = towns.into_iter().collect();
        let costs: Vec<(u16, u32)> = towns.iter().map(|town| (*town, 50)).collect();
        let mut weights = measured(&costs);
        let mut slots = settle(&[], &nodes(4), &Wishes::default(), &mut weights);
        let most = |slots: &[Slot], weights: &Weights| loads(slots, &weights.measured).into_values().max();
        assert_eq!(most(&slots, &weights), Some(50), "{towns:?} on 4 nodes");
        for count in [3, 5, 3, 6] {
            slots = settle(&slots, &nodes(count), &Wishes::default(), &mut weights);
            assert_eq!(most(&slots, &weights), Some(50), "{towns:?} on {count} nodes");
        }
    }
}

#[test]
fn what_is_placed_takes_room_where_it_is() {
    let mut wishes = Wishes::default();
    let costs: Vec<(u16, u32)> = (0..4).map(|town| (town, 40)).collect();
    for town in [0, 1] {
        wishes.placed.insert(format!("Town {town}"), Placed { node: node(1), hold: Hold::Moved });
    }
    let mut weights = measured(&costs);
    let slots = settle(&[], &nodes(3), &wishes, &mut weights);
    let found = loads(&slots, &weights.measured);
    assert_eq!([1, 2, 3].map(|number| found[&node(number)]), [80, 40, 40]);
    // its node dies: then the ring has it
    let slots = settle(&slots, &nodes(3)[1..], &wishes, &mut weights);
    assert_eq!(loads(&slots, &weights.measured)[&node(2)], 80);
}

#[test]
fn costs_that_change_move_nothing_until_a_node_comes_or_goes_or_all_is_counted_anew() {
    let mut weights = measured(&[(0, 70), (1, 10), (2, 5)]);
    let slots = settle(&[], &nodes(3), &Wishes::default(), &mut weights);
    for round in 0..50 {
        weights.measured = measured(&[(round % TOWNS, 90), ((round * 5 + 1) % TOWNS, 90)]).measured;
        assert_eq!(settle(&slots, &nodes(3), &Wishes::default(), &mut weights), slots, "round {round}");
    }
    weights.measured = measured(&(0..TOWNS).map(|town| (town, 30)).collect::<Vec<_>>()).measured;
    let before = loads(&slots, &weights.measured).into_values().max();
    weights.counts.nodes.clear();
    let after = settle(&slots, &nodes(3), &Wishes::default(), &mut weights);
    let after = loads(&after, &weights.measured).into_values().max();
    assert!(before > after && after <= Some(150), "{before:?} before, {after:?} after");
}

/// Nodes that say what their zones cost.
fn say(slots: &[Slot], costs: impl Fn(&str) -> u32) -> BTreeMap<ProcessName, NodeCosts> {
    let mut said: BTreeMap<ProcessName, NodeCosts> = BTreeMap::new();
    for slot in slots {
        let of = said.entry(slot.owner.clone().unwrap()).or_default();
        of.threads = 2;
        let cost = costs(&NAMES[&slot.zone]);
        of.zones.extend((cost > 0).then_some((slot.zone, cost)));
    }
    said
}

struct Watched {
    weigher: Weigher,
    slots: Vec<Slot>,
    nodes: Vec<Node>,
    weights: Weights,
}

impl Watched {
    fn new(count: usize) -> Self {
        let (nodes, mut weights) = (nodes(count), Weights::default());
        let slots = settle(&[], &nodes, &Wishes::default(), &mut weights);
        Self { weigher: Weigher::default(), slots, nodes, weights }
    }

    /// One look, and what is kept by it.
    fn look(&mut self, costs: &BTreeMap<ProcessName, NodeCosts>) -> Option<KeepCosts> {
        let kept = self.weigher.look(Seen {
            slots: &self.slots,
            zones: zones(),
            nodes: &self.nodes,
            costs,
            wishes: &Wishes::default(),
            weights: &self.weights,
        });
        if let Some(kept) = &kept {
            self.weights.measured = kept.measured.clone();
        }
        kept
    }

    fn looks(&mut self, count: u32, costs: impl Fn(&str) -> u32) -> Vec<KeepCosts> {
        let said = say(&self.slots, costs);
        (0..count).filter_map(|_| self.look(&said)).collect()
    }
}

fn town(of: u16, cost: u32) -> impl Fn(&str) -> u32 {
    move |zone| if zone == format!("Town {of}") { cost } else { 0 }
}

#[test]
fn a_burst_weighs_nothing_and_a_night_does_not_make_a_town_cheap() {
    let mut watched = Watched::new(3);
    assert_eq!(watched.looks(1, town(1, 95)), [], "the start of a node");
    assert_eq!(watched.looks(100, town(1, 0)), []);
    watched.looks(720, town(1, 60));
    let evening = watched.weights.measured["Town 1"];
    assert!((45..=60).contains(&evening), "{evening}");
    watched.looks(12 * 60 * 3, town(1, 0));
    let night = watched.weights.measured["Town 1"];
    assert!((30..=50).contains(&night), "{night} three hours later");
    watched.looks(12 * 60 * 48, town(1, 0));
    assert_eq!(watched.weights.measured, Costs::new(), "two days later");
}

#[test]
fn a_controller_that_hears_nobody_knows_what_the_former_one_knew() {
    let mut watched = Watched::new(3);
    watched.looks(500, town(4, 70));
    let known = watched.weights.measured.clone();
    assert!(known["Town 4"] > 60);
    watched.weigher = Weigher::default();
    for _ in 0..1_000 {
        assert_eq!(watched.look(&BTreeMap::new()), None);
    }
    // one that says that it costs nothing is believed slowly
    watched.weigher = Weigher::default();
    watched.looks(12, town(4, 0));
    assert_eq!(watched.weights.measured, known);
    let counted = recount(&watched.weights.measured, &watched.nodes, &Wishes::default());
    assert_eq!(counted.zones["Town 4"].cost, known["Town 4"]);
}

#[test]
fn a_table_that_is_beyond_its_bound_for_long_is_counted_anew_once() {
    let mut watched = Watched::new(3);
    // all of them on one node, by area alone
    let crowded = watched.slots.iter().fold(BTreeMap::new(), |mut towns, slot| {
        if zones().name(slot.zone).starts_with("Town") {
            towns.entry(slot.owner.clone().unwrap()).or_insert_with(Vec::new).push(zones().name(slot.zone));
        }
        towns
    });
    let towns = crowded.into_values().max_by_key(Vec::len).unwrap();
    assert!(towns.len() >= 3, "{towns:?}");
    let costs = |zone: &str| if towns.iter().any(|town| town == zone) { 30 } else { 0 };
    let recounts = |kept: &[KeepCosts]| kept.iter().filter(|kept| kept.recount).count();
    assert_eq!(recounts(&watched.looks(LONG, costs)), 0, "not at once");
    assert_eq!(recounts(&watched.looks(LONG, costs)), 1);
    watched.weights.counts.nodes.clear();
    let before = loads(&watched.slots, &watched.weights.measured).into_values().max();
    watched.slots = settle(&watched.slots, &watched.nodes, &Wishes::default(), &mut watched.weights);
    let after = loads(&watched.slots, &watched.weights.measured).into_values().max();
    assert!(after < before, "{after:?} {before:?}");
    assert_eq!(recounts(&watched.looks(5 * LONG, costs)), 0, "then it is well");
}

/// Costs as they are: few zones have nearly all of it.
fn skewed() -> impl Strategy<Value = Vec<(u16, u32)>> {
    (20..150_u32, any::<u64>(), 0..4_u32).prop_map(|(top, seed, steep)| {
        let order = |town: u16| (u64::from(town) + 1).wrapping_mul(seed | 1) % 1_009;
        let mut towns: Vec<u16> = (0..TOWNS).collect();
        towns.sort_by_key(|town| order(*town));
        let cost = |rank: usize| (f64::from(top) / ((rank + 1) as f64).powf(f64::from(steep) / 2.0)) as u32;
        towns.into_iter().enumerate().map(|(rank, town)| (town, cost(rank))).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_node_has_more_than_its_bound_by_weight(
        count in 1..10_usize, big in 1..4_u32, costs in skewed(), placed in prop::collection::vec((0..TOWNS, 1..10_usize), 0..3),
    ) {
        let mut nodes = nodes(count);
        nodes[0].weight = big;
        let mut wishes = Wishes::default();
        for (town, number) in placed {
            wishes.placed.insert(format!("Town {town}"), Placed { node: node(number), hold: Hold::Pinned });
        }
        let mut weights = measured(&costs);
        let slots = settle(&[], &nodes, &wishes, &mut weights);
        let zones = zones();
        // ten for a percent, and one for each district
        let mut has: BTreeMap<ProcessName, u64> = BTreeMap::new();
        let mut by_wish = BTreeMap::new();
        let mut districts: BTreeMap<Vec<u8>, (ProcessName, u64)> = BTreeMap::new();
        for slot in &slots {
            let (name, owner) = (zones.name(slot.zone), slot.owner.clone().unwrap());
            let cost = u64::from(weights.measured.get(&name).copied().unwrap_or(0)) * 10;
            let is_placed = wishes.placed.get(&name).is_some_and(|placed| placed.node == owner);
            let entry = districts.entry(zones.district(slot.zone)).or_insert((owner.clone(), 1));
            if is_placed {
                *by_wish.entry(owner).or_default() += cost;
            } else {
                entry.1 += cost;
            }
        }
        let heaviest = districts.values().map(|(_, weight)| *weight).max().unwrap();
        for (owner, weight) in districts.into_values() {
            *has.entry(owner).or_default() += weight;
        }
        for (owner, weight) in &by_wish {
            *has.entry(owner.clone()).or_default() += *weight;
        }
        let total: u64 = has.values().sum();
        let shares: u64 = nodes.iter().map(|node| u64::from(node.weight)).sum();
        // the district of a zone that is placed elsewhere has a weight of 1 that counts where the ring has it
        let slack = wishes.placed.len() as u64;
        for node in &nodes {
            let share = u64::from(node.weight);
            let bound = (total * share * 5).div_ceil(shares * 4);
            let one_alone = (total + count as u64 * heaviest) * share / shares + 1;
            let wished: u64 = by_wish.get(&node.name).copied().unwrap_or(0);
            let found = has.get(&node.name).copied().unwrap_or(0);
            let most = bound.max(if heaviest * 5 > bound { one_alone } else { 0 }).max(wished) + slack;
            prop_assert!(found <= most, "{} has {found} of {total}, at most {most}", node.name);
        }
    }

    #[test]
    fn what_is_kept_does_not_follow_costs_that_wobble(
        costs in skewed(), wobble in prop::collection::vec(-20..=20_i64, 97),
    ) {
        let mut watched = Watched::new(4);
        let means: BTreeMap<String, u32> =
            costs.iter().map(|(town, cost)| (format!("Town {town}"), *cost)).collect();
        let at = |zone: &str| means.get(zone).copied().unwrap_or(0);
        watched.looks(200, at);
        watched.weights.counts.nodes.clear();
        let slots = settle(&watched.slots, &watched.nodes, &Wishes::default(), &mut watched.weights);
        watched.slots.clone_from(&slots);
        let mut changes: BTreeMap<String, u32> = BTreeMap::new();
        for look in 0..300_usize {
            let said = say(&watched.slots, |zone| {
                let number = zone.bytes().map(usize::from).sum::<usize>();
                let percent = 100 + wobble[(look + number) % wobble.len()];
                (i64::from(at(zone)) * percent / 100) as u32
            });
            let before = watched.weights.measured.clone();
            prop_assert!(watched.look(&said).is_none_or(|kept| !kept.recount));
            for zone in means.keys().filter(|zone| before.get(*zone) != watched.weights.measured.get(*zone)) {
                *changes.entry(zone.clone()).or_default() += 1;
            }
        }
        // one that had come to the edge of its band is taken into the middle of it
        prop_assert!(changes.values().all(|count| *count == 1), "{:?}", changes);
        prop_assert_eq!(settle(&slots, &watched.nodes, &Wishes::default(), &mut watched.weights), slots);
    }

    #[test]
    fn a_node_that_comes_or_goes_moves_a_few_districts_at_a_time_and_then_no_more(
        count in 2..10_usize, costs in skewed(), later in skewed(),
    ) {
        let zones = zones();
        let mut weights = measured(&costs);
        let slots = settle(&[], &nodes(count), &Wishes::default(), &mut weights);
        weights.measured = measured(&later).measured;
        let more = nodes(count + 1);
        weights.counts = counts(&weights, &more, &Wishes::default());
        let basis = Basis { zones, nodes: &more, wishes: &Wishes::default(), counts: &weights.counts };
        prop_assert!(moved(&slots, &plan_slots(&slots, basis, 4)) <= 16);
        let joined = settle(&slots, &more, &Wishes::default(), &mut weights);
        prop_assert!(joined.iter().any(|slot| slot.owner == Some(node(count + 1))));
        prop_assert_eq!(&settle(&joined, &more, &Wishes::default(), &mut weights), &joined);
        // and back: where everything was, when it costs what it did
        weights.measured = measured(&costs).measured;
        let back = settle(&joined, &nodes(count), &Wishes::default(), &mut weights);
        prop_assert_eq!(moved(&slots, &back), 0);
    }
}
