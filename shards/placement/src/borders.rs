//! Borders between zones, and how much of them lies between nodes.

use crate::zones::ZoneTable;
use model::membership::{ProcessName, Slot};
use model::place::WORLD_SIDE;
use model::{Tile, ZoneId};
use std::collections::{BTreeMap, BTreeSet};

/// Pairs of zones that touch, with the number of steps from a tile of one onto a tile of the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Borders {
    steps: BTreeMap<(ZoneId, ZoneId), u64>,
}

/// Steps over borders: all, and those that lead to another node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crossings {
    /// Between zones.
    pub all: u64,
    /// Of these, between nodes.
    pub between_nodes: u64,
}

impl Crossings {
    /// The part that leads to another node, 0 to 1; 0 when there are no borders.
    pub fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.between_nodes as f64 / self.all as f64 }
    }
}

impl Borders {
    /// The borders of a map.
    pub fn of(zones: &ZoneTable) -> Self {
        let grid = Grid::of(zones);
        let mut borders = Self::default();
        for y in 0..grid.ys.len() - 1 {
            for x in 0..grid.xs.len() - 1 {
                let zone = grid.zone(x, y);
                if x + 2 < grid.xs.len() {
                    borders.add(zone, grid.zone(x + 1, y), grid.ys[y + 1] - grid.ys[y]);
                }
                if y + 2 < grid.ys.len() {
                    borders.add(zone, grid.zone(x, y + 1), grid.xs[x + 1] - grid.xs[x]);
                }
            }
        }
        borders
    }

    fn add(&mut self, one: ZoneId, other: ZoneId, steps: u32) {
        if one != other {
            *self.steps.entry((one.min(other), one.max(other))).or_default() += u64::from(steps);
        }
    }

    /// How much of them lies between the nodes of a slot table. A zone without an owner is on no node.
    pub fn crossings(&self, slots: &[Slot]) -> Crossings {
        let owners: BTreeMap<ZoneId, Option<&ProcessName>> =
            slots.iter().map(|slot| (slot.zone, slot.owner.as_ref())).collect();
        let mut crossings = Crossings::default();
        for ((one, other), steps) in &self.steps {
            crossings.all += steps;
            if owners.get(one) != owners.get(other) {
                crossings.between_nodes += steps;
            }
        }
        crossings
    }
}

/// The map cut wherever a zone may begin or end: each cell lies in one zone.
struct Grid {
    /// Where columns begin, and the end of the last one.
    xs: Vec<u32>,
    /// Where rows begin, and the end of the last one.
    ys: Vec<u32>,
    cells: Vec<ZoneId>,
}

impl Grid {
    fn of(zones: &ZoneTable) -> Self {
        let end = u32::from(WORLD_SIDE);
        let blocks = || (0..=end).step_by(usize::from(zones.block_side()));
        let (mut xs, mut ys): (BTreeSet<u32>, BTreeSet<u32>) = (blocks().collect(), blocks().collect());
        for zone in zones.named() {
            xs.extend([u32::from(zone.area.min.x), u32::from(zone.area.max.x) + 1]);
            ys.extend([u32::from(zone.area.min.y), u32::from(zone.area.max.y) + 1]);
        }
        let within = |cuts: BTreeSet<u32>| cuts.into_iter().filter(|cut| *cut <= end).collect::<Vec<u32>>();
        let (xs, ys) = (within(xs), within(ys));
        let corner = |x: u32, y: u32| zones.zone_at(Tile::new(x as u16, y as u16));
        let rows = ys[..ys.len() - 1].iter();
        let cells = rows.flat_map(|y| xs[..xs.len() - 1].iter().map(move |x| corner(*x, *y))).collect();
        Self { xs, ys, cells }
    }

    fn zone(&self, x: usize, y: usize) -> ZoneId {
        self.cells[y * (self.xs.len() - 1) + x]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::membership::NamedZone;
    use model::{Epoch, Rect};

    fn slots(zones: &ZoneTable, owner: impl Fn(ZoneId) -> &'static str) -> Vec<Slot> {
        let slot = |zone| Slot { zone, owner: Some(ProcessName(owner(zone).to_owned())), epoch: Epoch(1) };
        zones.all().into_iter().map(slot).collect()
    }

    #[test]
    fn borders_of_blocks_are_the_lines_between_them() {
        let zones = ZoneTable::default();
        let borders = Borders::of(&zones);
        let alone = borders.crossings(&slots(&zones, |_| "a"));
        // 15 lines each way, each as long as the world
        assert_eq!(alone, Crossings { all: 2 * 15 * 4096, between_nodes: 0 });
        let halves = |zone: ZoneId| if zones.bounds(zone).unwrap().min.x < 2048 { "a" } else { "b" };
        let halved = borders.crossings(&slots(&zones, halves));
        assert_eq!(halved, Crossings { all: 2 * 15 * 4096, between_nodes: 4096 });
        assert!((halved.share() - 1.0 / 30.0).abs() < 1e-9);
        assert_eq!(borders.crossings(&[]).between_nodes, 0);
    }

    #[test]
    fn a_named_zone_has_its_own_border() {
        let area = Rect::new(Tile::new(300, 300), Tile::new(309, 319));
        let zones = ZoneTable::new(vec![NamedZone { name: "Armia".into(), area }]);
        let town = |zone: ZoneId| if zone == ZoneId(1) { "b" } else { "a" };
        let found = Borders::of(&zones).crossings(&slots(&zones, town));
        assert_eq!(found, Crossings { all: 2 * 15 * 4096 + 60, between_nodes: 60 });
    }
}
