//! A player who walks over the border between two nodes: its client goes on walking and is not stopped. Pure.

use model::event::Walk;
use model::{Route, Tile};

/// What is left of a walk from a tile on its way; `None` when the walk does not lead over the tile, or ends
/// there.
pub(crate) fn rest_of(walk: &Walk, tile: Tile) -> Option<Walk> {
    let on_the_way = std::iter::once(walk.from).chain(walk.route.tiles(walk.from));
    let done = on_the_way.take(walk.route.steps().len() + 1).position(|passed| passed == tile)?;
    let rest = Route::from_steps(walk.route.steps().iter().skip(done).copied());
    (!rest.is_empty()).then_some(Walk { from: tile, route: rest, to: walk.to, speed: walk.speed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_goes_on_from_where_it_was_cut() {
        let route = Route::from_ascii(b"6698").expect("digits");
        let walk = Walk { from: Tile::new(10, 10), route, to: Tile::new(13, 12), speed: 3 };
        let rest = rest_of(&walk, Tile::new(12, 10)).expect("on the way");
        assert_eq!((rest.from, rest.to, rest.speed), (Tile::new(12, 10), Tile::new(13, 12), 3));
        assert_eq!(rest.route, Route::from_ascii(b"98").expect("digits"));
        assert_eq!(rest_of(&walk, Tile::new(10, 10)).as_ref(), Some(&walk));
        assert_eq!(rest_of(&walk, Tile::new(13, 12)), None, "it is over");
        assert_eq!(rest_of(&walk, Tile::new(50, 50)), None, "a teleport");
    }
}
