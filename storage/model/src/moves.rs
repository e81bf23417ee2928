//! How entities move: walks, and which of its movements one is in, so that nobody believes an older one.

use crate::id::Epoch;
use crate::place::{Route, Tile};
use serde::{Deserialize, Serialize};

/// Which of an entity's movements something tells of; later ones are greater.
///
/// The zone that has it counts what it tells: walks, stops, placements. What begins with another node begins under
/// another epoch of the character, so that numbers go on over a handover, and over the death of a node, by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MoveMark {
    /// Under which its zone has it: that of the character, for creatures that of the zone.
    pub epoch: Epoch,
    /// Number of the movement under that epoch.
    pub number: u64,
}

impl MoveMark {
    /// The first one under an epoch.
    pub const fn first(epoch: Epoch) -> Self {
        Self { epoch, number: 0 }
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { epoch: self.epoch, number: self.number + 1 }
    }
}

/// A walk as clients need it to show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walk {
    /// Start tile.
    pub from: Tile,
    /// The steps from there.
    pub route: Route,
    /// Last tile.
    pub to: Tile,
    /// Tiles a second.
    pub speed: u8,
}

impl Walk {
    /// What is left of it from a tile on its way; `None` when it does not lead over the tile, or ends there.
    pub fn rest_from(&self, tile: Tile) -> Option<Self> {
        let steps = self.route.steps();
        let on_the_way = std::iter::once(self.from).chain(self.route.tiles(self.from));
        let done = on_the_way.take(steps.len() + 1).position(|passed| passed == tile)?;
        let route = Route::from_steps(steps.iter().skip(done).copied());
        (!route.is_empty()).then_some(Self { from: tile, route, to: self.to, speed: self.speed })
    }

    /// True when it is the last part of another walk, or all of it, and as fast: whoever was told that one knows this one.
    pub fn is_rest_of(&self, all: &Self) -> bool {
        all.rest_from(self.from).is_some_and(|rest| rest == *self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_has_the_character_later_tells_later_movements() {
        let first = MoveMark::first(Epoch(3));
        assert!(first < first.next());
        assert!(first.next().next() < MoveMark::first(Epoch(4)));
    }

    #[test]
    fn a_walk_goes_on_from_where_it_was_cut() {
        let route = Route::from_ascii(b"6698").expect("digits");
        let walk = Walk { from: Tile::new(10, 10), route, to: Tile::new(13, 12), speed: 3 };
        let rest = walk.rest_from(Tile::new(12, 10)).expect("on the way");
        assert_eq!((rest.from, rest.to, rest.speed), (Tile::new(12, 10), Tile::new(13, 12), 3));
        assert_eq!(rest.route, Route::from_ascii(b"98").expect("digits"));
        assert_eq!(walk.rest_from(Tile::new(10, 10)).as_ref(), Some(&walk));
        assert_eq!(walk.rest_from(Tile::new(13, 12)), None, "it is over");
        assert_eq!(walk.rest_from(Tile::new(50, 50)), None, "a teleport");
    }
}
