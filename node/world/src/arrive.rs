//! Coming to rest: one entity on a tile.

use crate::effects::Effects;
use crate::path;
use crate::zone::Zone;
use model::Tile;
use model::sight::Manner;

impl Zone {
    /// True when somebody else rests on a tile. Walkers pass through each other and through who rests.
    pub(crate) fn is_occupied(&self, tile: Tile, by_other_than: Option<usize>) -> bool {
        self.grid
            .on(tile)
            .map(|entry| (entry.slot, &self.entities[entry.slot]))
            .any(|(slot, other)| Some(slot) != by_other_than && other.walk.is_none() && !other.is_ghost())
    }

    /// The nearest tile on which an entity can come to rest; `None` when everything around is full.
    ///
    /// From a tile where one can stand, only tiles that one can walk to count; `only_inside` leaves out those
    /// of other zones.
    pub(crate) fn free_tile(&self, wanted: Tile, me: Option<usize>, only_inside: bool) -> Option<Tile> {
        let terrain = &self.content.terrain;
        let good = |tile: &Tile| {
            !terrain.is_blocked(*tile)
                && (!only_inside || self.contains(*tile))
                && self.grid.holds(*tile)
                && !self.is_occupied(*tile, me)
        };
        if terrain.is_blocked(wanted) {
            return path::rings(wanted).find(good);
        }
        path::reachable(wanted, |a, b| terrain.can_step(a, b)).find(good)
    }

    /// Ends an entity's movement on its tile, or beside it when somebody rests there; true when it was put
    /// beside, which everybody has been told then.
    pub(crate) fn settle(&mut self, slot: usize, at_ms: u64, fx: &mut Effects) -> bool {
        self.entities[slot].walk = None;
        let tile = self.entities[slot].tile;
        if !self.is_occupied(tile, Some(slot)) {
            return false;
        }
        let only_inside = !self.entities[slot].is_player() || self.contains(tile);
        match self.free_tile(tile, Some(slot), only_inside) {
            Some(free) if free != tile => {
                self.relocate(slot, free, at_ms, Manner::Placed, fx);
                true
            }
            _ => false,
        }
    }
}
