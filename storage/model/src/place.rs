//! Tiles, rectangles and walking routes of the 4096 x 4096 world.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Tiles along one side of the world.
pub const WORLD_SIDE: u16 = 4096;
/// A player sees this many tiles in each direction: a window of 33 x 33.
pub const VIEW_RADIUS: u16 = 16;

/// One tile; `x` grows to the east, `y` grows with the keypad digit 8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tile {
    /// 0..4095
    pub x: u16,
    /// 0..4095
    pub y: u16,
}

impl Tile {
    /// A tile by its coordinates.
    pub const fn new(x: u16, y: u16) -> Self {
        Self { x, y }
    }

    /// True when the tile lies on the map.
    pub fn is_on_map(self) -> bool {
        self.x < WORLD_SIDE && self.y < WORLD_SIDE
    }

    /// Steps between two tiles when diagonals count one (Chebyshev distance).
    pub fn distance(self, other: Self) -> u16 {
        self.x.abs_diff(other.x).max(self.y.abs_diff(other.y))
    }

    /// True when `other` is inside this tile's 33 x 33 window.
    pub fn sees(self, other: Self) -> bool {
        self.distance(other) <= VIEW_RADIUS
    }

    /// The neighbour in a direction, if it is still on the map.
    pub fn step(self, step: Step) -> Option<Self> {
        let (dx, dy) = step.delta();
        let x = self.x.checked_add_signed(dx)?;
        let y = self.y.checked_add_signed(dy)?;
        Some(Self { x, y }).filter(|tile| tile.is_on_map())
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.x, self.y)
    }
}

impl fmt::Debug for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One step of a route, a digit of the numeric keypad (1..9 without 5) as clients send it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Step(u8);

impl Step {
    /// From the keypad digit, as an ASCII character `b'1'..=b'9'` without `b'5'`.
    pub fn from_ascii(digit: u8) -> Option<Self> {
        matches!(digit, b'1'..=b'4' | b'6'..=b'9').then_some(Self(digit))
    }

    /// The keypad digit as an ASCII character.
    pub fn ascii(self) -> u8 {
        self.0
    }

    /// From one tile to a neighbouring one; `None` when they are equal or further apart.
    pub fn between(from: Tile, to: Tile) -> Option<Self> {
        let dx = i32::from(to.x) - i32::from(from.x);
        let dy = i32::from(to.y) - i32::from(from.y);
        if (dx, dy) == (0, 0) || dx.abs() > 1 || dy.abs() > 1 {
            return None;
        }
        let digit = 5 + dx + 3 * dy;
        Some(Self(b'0' + digit as u8))
    }

    /// The change of (x, y).
    pub fn delta(self) -> (i16, i16) {
        let digit = i16::from(self.0 - b'0') - 1;
        (digit % 3 - 1, digit / 3 - 1)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.0))
    }
}

/// Longest route that the wire can carry (24 bytes, NUL ended).
pub const ROUTE_STEPS_MAX: usize = 23;

/// A walking route: at most [`ROUTE_STEPS_MAX`] steps, each to a neighbouring tile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route(Vec<Step>);

impl Route {
    /// Parses ASCII keypad digits up to the first NUL; `None` at the first byte that is not a direction.
    pub fn from_ascii(bytes: &[u8]) -> Option<Self> {
        let steps: Option<Vec<Step>> =
            bytes.iter().take_while(|b| **b != 0).map(|b| Step::from_ascii(*b)).collect();
        steps.filter(|steps| steps.len() <= ROUTE_STEPS_MAX).map(Self)
    }

    /// From steps; keeps the first [`ROUTE_STEPS_MAX`].
    pub fn from_steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().take(ROUTE_STEPS_MAX).collect())
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// True when there is no step.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tiles that are entered, in order, starting beside `from`; stops at the edge of the map.
    pub fn tiles(&self, from: Tile) -> impl Iterator<Item = Tile> + '_ {
        let mut at = from;
        self.0.iter().map_while(move |step| {
            at = at.step(*step)?;
            Some(at)
        })
    }

    /// Digits and NULs as they stand in the 24 bytes of the wire.
    pub fn to_wire(&self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (byte, step) in bytes.iter_mut().zip(&self.0) {
            *byte = step.ascii();
        }
        bytes
    }
}

/// A rectangle of tiles; all four borders belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rect {
    /// Lower corner.
    pub min: Tile,
    /// Upper corner, inclusive.
    pub max: Tile,
}

impl Rect {
    /// From two opposite corners, in any order.
    pub fn new(a: Tile, b: Tile) -> Self {
        Self { min: Tile::new(a.x.min(b.x), a.y.min(b.y)), max: Tile::new(a.x.max(b.x), a.y.max(b.y)) }
    }

    /// True when the tile lies inside or on the border.
    pub fn contains(&self, tile: Tile) -> bool {
        (self.min.x..=self.max.x).contains(&tile.x) && (self.min.y..=self.max.y).contains(&tile.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_the_keypad() {
        for (digit, delta) in [
            (b'7', (-1, 1)),
            (b'8', (0, 1)),
            (b'9', (1, 1)),
            (b'4', (-1, 0)),
            (b'6', (1, 0)),
            (b'1', (-1, -1)),
            (b'2', (0, -1)),
            (b'3', (1, -1)),
        ] {
            let step = Step::from_ascii(digit).expect("a keypad digit");
            assert_eq!(step.delta(), delta, "digit {}", char::from(digit));
            let from = Tile::new(100, 100);
            let to = from.step(step).expect("on the map");
            assert_eq!(Step::between(from, to), Some(step));
        }
        for bad in [b'0', b'5', b':', 0] {
            assert!(Step::from_ascii(bad).is_none());
        }
    }

    #[test]
    fn the_recorded_walk_ends_where_the_client_said() {
        let route = Route::from_ascii(b"1444\0\0").expect("digits");
        assert_eq!(route.tiles(Tile::new(2100, 2091)).last(), Some(Tile::new(2096, 2090)));
    }
}
