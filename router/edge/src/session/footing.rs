//! Where a client comes to rest by all that it said and was told, and what it said before it heard that it is elsewhere. Pure.

use model::Tile;
use serde::{Deserialize, Serialize};

/// So long after a client was set down by another node something that it sent before may come: its round trip.
const ON_ITS_WAY_MS: u64 = 2_000;

/// See the module.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Footing {
    rests: Tile,
    /// Where it was set down, and until when what it sends may not know that yet.
    set_down: Option<(Tile, u64)>,
}

impl Footing {
    /// It was set down there.
    pub(super) fn on(tile: Tile) -> Self {
        Self { rests: tile, set_down: None }
    }

    /// It was set down there because another node than before has it, which knows nothing of what it did last.
    pub(super) fn anew(tile: Tile, now_ms: u64) -> Self {
        Self { rests: tile, set_down: Some((tile, now_ms + ON_ITS_WAY_MS)) }
    }

    /// True when its client comes to rest there by itself: to set it down would break off what it begins meanwhile, and the
    /// node, which lets it begin there, would not know.
    pub(super) fn rests_on(&self, tile: Tile) -> bool {
        self.rests == tile
    }

    /// It moves from a tile to another; false when it began that before it was set down elsewhere, and does not do it.
    pub(super) fn moves(&mut self, from: Tile, to: Tile, now_ms: u64) -> bool {
        if let Some((tile, until_ms)) = self.set_down
            && now_ms < until_ms
            && from != tile
        {
            return false;
        }
        *self = Self::on(to);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Tile = Tile::new(100, 100);
    const THERE: Tile = Tile::new(112, 100);
    const BESIDE: Tile = Tile::new(101, 100);

    #[test]
    fn a_client_rests_where_its_last_walk_ends() {
        let mut footing = Footing::on(HERE);
        assert!(footing.rests_on(HERE));
        assert!(footing.moves(HERE, THERE, 10));
        assert!(footing.rests_on(THERE) && !footing.rests_on(HERE));
        assert!(footing.moves(BESIDE, BESIDE, 20), "it stops");
        assert!(footing.rests_on(BESIDE));
    }

    #[test]
    fn what_it_began_before_it_was_set_down_is_over() {
        let mut footing = Footing::anew(BESIDE, 1_000);
        assert!(!footing.moves(HERE, THERE, 1_100), "it did not know yet");
        assert!(footing.rests_on(BESIDE));
        assert!(footing.moves(BESIDE, THERE, 1_200));
        assert!(footing.moves(HERE, THERE, 1_300), "it has heard: the node judges");
        let mut silent = Footing::anew(BESIDE, 1_000);
        assert!(silent.moves(HERE, THERE, 1_000 + ON_ITS_WAY_MS), "later the node judges");
    }
}
