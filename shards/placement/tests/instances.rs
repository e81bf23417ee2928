//! Instances are zones beside the map: where they are placed, and that the map does not notice.
#![allow(clippy::unwrap_used)]

use model::calls::cluster::{Guest, Hold, Instance, Placed, Wishes};
use model::calls::weights::Counts;
use model::membership::{NamedZone, ProcessName, Slot, SlotTable};
use model::{CharacterId, Epoch, Rect, SoftState, Stay, Tile, ZoneId};
use placement::{Basis, Node, ZoneTable, plan_slots, wished};
use std::collections::BTreeMap;

const DUNGEON: Rect = Rect { min: Tile::new(128, 3712), max: Tile::new(511, 4091) };

fn content() -> ZoneTable {
    let zone = |name: &str, area| NamedZone { name: name.into(), area };
    let hall = Rect::new(Tile::new(200, 3800), Tile::new(209, 3809));
    ZoneTable::new(vec![zone("Hall", hall), zone("Dungeon 1", DUNGEON)])
}

fn wishes(open: impl IntoIterator<Item = u64>) -> Wishes {
    let guest = Guest { character: CharacterId(1), name: "ana".into() };
    let instance =
        Instance { place: "Dungeon 1".into(), opened_ms: 0, until_ms: 60_000, guests: vec![guest] };
    let instances: BTreeMap<u64, Instance> = open.into_iter().map(|id| (id, instance.clone())).collect();
    Wishes { instances, ..Wishes::default() }
}

fn nodes(count: usize) -> Vec<Node> {
    (1..=count).map(|index| Node { name: ProcessName(format!("tmsrv-{index}")), weight: 1 }).collect()
}

/// The next table under some wishes, planned until it rests.
fn settle(table: &SlotTable, nodes: &[Node], wishes: &Wishes) -> SlotTable {
    let mut table = table.clone();
    for _ in 0..200 {
        let stored = ZoneTable::new(table.named_zones.clone());
        let zones = wished(&content(), wishes);
        let basis = Basis { zones: &zones, nodes, wishes, counts: &Counts::default() };
        let slots = plan_slots(&zones.carry_over(&stored, &table), basis, 4);
        if slots == table.slots && table.named_zones == zones.named() {
            return table;
        }
        table = SlotTable { version: table.version + 1, named_zones: zones.named().to_vec(), slots };
    }
    panic!("it never settles");
}

fn start(nodes: &[Node], wishes: &Wishes) -> SlotTable {
    let empty = SlotTable { named_zones: content().named().to_vec(), ..SlotTable::default() };
    settle(&empty, nodes, wishes)
}

fn of_instances(table: &SlotTable) -> Vec<&Slot> {
    table.slots.iter().filter(|slot| placement::is_instance(slot.zone)).collect()
}

fn of_map(table: &SlotTable) -> Vec<&Slot> {
    table.slots.iter().filter(|slot| !placement::is_instance(slot.zone)).collect()
}

#[test]
fn an_instance_is_a_zone_that_no_tile_leads_to() {
    let zones = wished(&content(), &wishes([17]));
    let zone = zones.zone_of_instance(17).unwrap();
    assert_eq!(zones.name(zone), "Dungeon 1#17");
    assert_eq!(zones.find("dungeon 1#17"), Some(zone));
    assert_eq!(zones.bounds(zone), Some(DUNGEON));
    assert_eq!(zones.before(zone).count(), 0, "what lies in the place in the world is its own there");
    assert!(
        zones.zone_at(DUNGEON.min) != zone && zones.zone_at(DUNGEON.min) == content().zone_at(DUNGEON.min)
    );
    assert!(zones.cut(zone).is_none(), "it is not cut");
    assert_eq!(placement::whole_of(zone), zone);
    assert!(zones.divides_like(&content()) && zones.is_of_same_content(&content()));
    assert_eq!(ZoneTable::new(zones.named().to_vec()), zones, "the map follows from its list");
    assert_eq!(content().heir(zone), ZoneId(1), "who looks for one that is gone finds somebody to ask");
    assert_eq!(zones.heir(zone), zone);
    // its number is taken again, but it is another one
    let later = wished(&content(), &wishes([17 + 0x10_0000]));
    assert_eq!(later.zone_of_instance(17), None);
    assert_eq!(later.zone_of_instance(17 + 0x10_0000), Some(zone));
    assert!(u64::from(zone.0) < 1 << 23, "ids of creatures have 23 bits for it");
    let strange = NamedZone { name: "Cave#3".into(), area: DUNGEON };
    assert!(ZoneTable::new(vec![strange]).instances().is_empty(), "a copy of nothing is a zone");
}

#[test]
fn who_is_in_one_is_there_while_it_is_open_and_else_where_it_came_from() {
    let zones = wished(&content(), &wishes([17]));
    let (inside, back) = (Tile::new(140, 3800), Tile::new(2100, 2100));
    let stay = Stay { instance: 17, area: DUNGEON, back, over: false };
    let soft = SoftState { stay: Some(stay), ..SoftState::fresh(inside, 0, 1, 1) };
    assert_eq!(zones.whereabouts(&soft), (zones.zone_of_instance(17).unwrap(), inside));
    assert_eq!(content().whereabouts(&soft), (content().zone_at(back), back));
    let left = SoftState { stay: Some(Stay { over: true, ..stay }), ..soft.clone() };
    assert_eq!(zones.whereabouts(&left), (zones.zone_at(inside), inside), "it walks in the world's dungeon");
    let paid = SoftState { tile: back, ..soft };
    assert_eq!(zones.whereabouts(&paid), (zones.zone_at(back), back), "it has paid for a way out");
}

#[test]
fn births_and_deaths_of_instances_move_nothing_else() {
    for count in 1..=4 {
        let nodes = nodes(count);
        let mut table = start(&nodes, &wishes([]));
        let map = of_map(&table).into_iter().cloned().collect::<Vec<_>>();
        let mut owners: BTreeMap<ZoneId, Slot> = BTreeMap::new();
        let open: Vec<u64> = (1..=24).collect();
        for last in 1..=24_usize {
            // three live at a time at first, all later
            let from = if last <= 12 { last.saturating_sub(3) } else { 9 };
            table = settle(&table, &nodes, &wishes(open[from..last].iter().copied()));
            assert_eq!(of_map(&table), map.iter().collect::<Vec<_>>());
            let born = of_instances(&table);
            assert_eq!(born.len(), last - from);
            for slot in born {
                assert!(slot.owner.is_some());
                assert!(slot.epoch.0 > 1, "above all epochs that its number may have had");
                let known = owners.entry(slot.zone).or_insert_with(|| slot.clone());
                assert_eq!(known, slot, "it stays where it was born");
            }
            for node in &nodes {
                let has = of_instances(&table)
                    .iter()
                    .filter(|slot| slot.owner.as_ref() == Some(&node.name))
                    .count();
                assert!(has <= ((last - from) * 5).div_ceil(count * 4) + 3, "{} has {has}", node.name);
            }
        }
        let after = settle(&table, &nodes, &wishes([]));
        assert_eq!(after.slots, map);
        assert_eq!(after.named_zones, content().named());
    }
}

#[test]
fn they_move_only_when_their_node_dies_is_drained_or_the_operator_says_so() {
    let three = nodes(3);
    let mut held = wishes(1..=12);
    let before = start(&three, &held);
    let owner = |table: &SlotTable, zone| table.slots.iter().find(|slot| slot.zone == zone).unwrap().clone();
    let four = settle(&before, &nodes(4), &held);
    assert_eq!(of_instances(&four), of_instances(&before), "a new node gets new ones");
    for slot in of_instances(&before) {
        let home = slot.owner.clone().unwrap();
        let others: Vec<Node> = three.iter().filter(|node| node.name != home).cloned().collect();
        let dead = owner(&settle(&before, &others, &held), slot.zone);
        assert!(dead.owner.is_some_and(|now| now != home) && dead.epoch == Epoch(slot.epoch.0 + 1));
        let drained = Wishes { drained: [home.clone()].into(), ..held.clone() };
        assert!(owner(&settle(&before, &three, &drained), slot.zone).owner.is_some_and(|now| now != home));
    }
    let slot = of_instances(&before)[0].clone();
    let other = three.iter().find(|node| Some(&node.name) != slot.owner.as_ref()).unwrap().name.clone();
    let name = wished(&content(), &held).name(slot.zone);
    held.placed.insert(name.clone(), Placed { node: other.clone(), hold: Hold::Pinned });
    let pinned = settle(&before, &three, &held);
    assert_eq!(owner(&pinned, slot.zone).owner, Some(other.clone()));
    held.placed.remove(&name);
    assert_eq!(owner(&settle(&pinned, &three, &held), slot.zone).owner, Some(other), "and there it stays");
}
