//! Ways around obstacles, found in a bounded neighbourhood.

use model::{Step, Tile};
use std::collections::VecDeque;

/// A search looks this many tiles in each direction.
const RADIUS: u16 = 16;
const SIDE: usize = 2 * RADIUS as usize + 1;

/// Steps in a fixed order: straight ones first, so that ways look natural.
const DIGITS: [u8; 8] = *b"86427913";

/// The straight way: diagonal steps as long as both axes differ; at most `most` steps. `None` when a step is
/// not possible.
pub(crate) fn straight(
    from: Tile,
    to: Tile,
    most: usize,
    can_step: impl Fn(Tile, Tile) -> bool,
) -> Option<Vec<Step>> {
    let mut at = from;
    let mut steps = Vec::new();
    while at != to && steps.len() < most {
        let next = Tile::new(toward(at.x, to.x), toward(at.y, to.y));
        if !can_step(at, next) {
            return None;
        }
        steps.push(Step::between(at, next)?);
        at = next;
    }
    Some(steps)
}

fn toward(at: u16, to: u16) -> u16 {
    match at.cmp(&to) {
        std::cmp::Ordering::Less => at + 1,
        std::cmp::Ordering::Equal => at,
        std::cmp::Ordering::Greater => at - 1,
    }
}

/// The shortest way within the neighbourhood to the tile that comes nearest to `to`; empty when no tile
/// comes nearer than `from`.
pub(crate) fn around(from: Tile, to: Tile, can_step: impl Fn(Tile, Tile) -> bool) -> Vec<Step> {
    let mut came: Vec<Option<Step>> = vec![None; SIDE * SIDE];
    let mut queue = VecDeque::from([from]);
    let mut best = (from.distance(to), from);
    while let Some(at) = queue.pop_front() {
        if at.distance(to) < best.0 {
            best = (at.distance(to), at);
            if at == to {
                break;
            }
        }
        for step in DIGITS.into_iter().filter_map(Step::from_ascii) {
            let Some(next) = at.step(step) else { continue };
            let Some(cell) = cell(from, next) else { continue };
            if next == from || came[cell].is_some() || !can_step(at, next) {
                continue;
            }
            came[cell] = Some(step);
            queue.push_back(next);
        }
    }
    trace_back(from, best.1, &came)
}

fn trace_back(from: Tile, to: Tile, came: &[Option<Step>]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut at = to;
    while at != from {
        let Some(step) = cell(from, at).and_then(|cell| came[cell]) else { return Vec::new() };
        let (dx, dy) = step.delta();
        steps.push(step);
        at = Tile::new(at.x.wrapping_add_signed(-dx), at.y.wrapping_add_signed(-dy));
    }
    steps.reverse();
    steps
}

/// Tiles that can be reached from a tile, nearest first, the tile itself included; bounded.
pub(crate) fn reachable(from: Tile, can_step: impl Fn(Tile, Tile) -> bool) -> impl Iterator<Item = Tile> {
    let mut seen = vec![false; SIDE * SIDE];
    let mut queue = VecDeque::from([from]);
    if let Some(cell) = cell(from, from) {
        seen[cell] = true;
    }
    std::iter::from_fn(move || {
        let at = queue.pop_front()?;
        for step in DIGITS.into_iter().filter_map(Step::from_ascii) {
            let Some(next) = at.step(step) else { continue };
            let Some(cell) = cell(from, next) else { continue };
            if !seen[cell] && can_step(at, next) {
                seen[cell] = true;
                queue.push_back(next);
            }
        }
        Some(at)
    })
}

/// Tiles around a tile ring by ring, whatever lies between.
pub(crate) fn rings(center: Tile) -> impl Iterator<Item = Tile> {
    (0..=i32::from(RADIUS)).flat_map(move |radius| {
        (-radius..=radius).flat_map(move |dy| {
            (-radius..=radius).filter(move |dx| dx.abs().max(dy.abs()) == radius).filter_map(move |dx| {
                let x = u16::try_from(i32::from(center.x) + dx).ok()?;
                let y = u16::try_from(i32::from(center.y) + dy).ok()?;
                Some(Tile::new(x, y)).filter(|tile| tile.is_on_map())
            })
        })
    })
}

fn cell(center: Tile, tile: Tile) -> Option<usize> {
    let column = (tile.x + RADIUS).checked_sub(center.x)?;
    let row = (tile.y + RADIUS).checked_sub(center.y)?;
    let inside = usize::from(column) < SIDE && usize::from(row) < SIDE;
    inside.then_some(usize::from(row) * SIDE + usize::from(column))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wall at x = 105 from y = 95 to 105.
    fn beside_the_wall(_: Tile, to: Tile) -> bool {
        !(to.x == 105 && (95..=105).contains(&to.y))
    }

    #[test]
    fn a_straight_way_is_taken_when_it_is_free() {
        let steps = straight(Tile::new(100, 100), Tile::new(103, 101), 12, |_, _| true).expect("free");
        assert_eq!(steps.iter().map(|s| char::from(s.ascii())).collect::<String>(), "966");
        assert!(straight(Tile::new(100, 100), Tile::new(110, 100), 12, beside_the_wall).is_none());
    }

    #[test]
    fn a_wall_is_walked_around() {
        let steps = around(Tile::new(100, 100), Tile::new(110, 100), beside_the_wall);
        let mut at = Tile::new(100, 100);
        for step in steps {
            let next = at.step(step).expect("on the map");
            assert!(beside_the_wall(at, next), "{next} is in the wall");
            at = next;
        }
        assert_eq!(at, Tile::new(110, 100));
    }

    #[test]
    fn an_enclosed_target_is_approached() {
        let fence = |_: Tile, to: Tile| to.distance(Tile::new(110, 100)) != 2;
        let steps = around(Tile::new(100, 100), Tile::new(110, 100), fence);
        let end = steps.into_iter().try_fold(Tile::new(100, 100), Tile::step).expect("on the map");
        assert_eq!(end.distance(Tile::new(110, 100)), 3);
    }

    #[test]
    fn nearest_tiles_come_first_and_walls_are_not_jumped() {
        let tiles: Vec<Tile> = reachable(Tile::new(104, 100), beside_the_wall).collect();
        assert_eq!(tiles[0], Tile::new(104, 100));
        assert!(!tiles.contains(&Tile::new(105, 100)));
        let at = |tile: Tile| tiles.iter().position(|t| *t == tile);
        assert!(at(Tile::new(106, 100)) > at(Tile::new(100, 100)), "behind the wall is further");
    }
}
