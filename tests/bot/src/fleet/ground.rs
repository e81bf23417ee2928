//! Where bots walk: an area, and tiles that the server refused.

use crate::client::World;
use crate::protocol::place::{Area, ROUTE_MAX, Steps, Tile};
use rand::Rng;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Tiles remembered as refused.
const REFUSED_MAX: usize = 4096;
/// Refusals after which a tile is left out.
const STRIKES: u8 = 2;
/// So long after the last of them a tile is tried again: the server may have had another reason, the death of a node.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// Destinations tried for one walk.
const ATTEMPTS: usize = 12;

/// The ground that all bots of a fleet share. Bots have no map, they learn where they cannot go.
#[derive(Debug)]
pub struct Ground {
    area: OnceLock<Area>,
    radius: u16,
    refused: Mutex<HashMap<Tile, Refused>>,
}

#[derive(Clone, Copy, Debug)]
struct Refused {
    strikes: u8,
    last: Instant,
}

impl Refused {
    fn counts(&self, now: Instant) -> bool {
        self.strikes >= STRIKES && !self.is_forgotten(now)
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= FORGOTTEN_AFTER
    }
}

impl Ground {
    /// A given area, or the square of a radius around the place where the first bot enters.
    pub fn new(area: Option<Area>, radius: u16) -> Ground {
        let cell = OnceLock::new();
        if let Some(area) = area {
            cell.get_or_init(|| area);
        }
        Ground { area: cell, radius, refused: Mutex::new(HashMap::new()) }
    }

    /// The area; fixed by the first bot that asks.
    pub fn area(&self, entered_at: Tile) -> Area {
        *self.area.get_or_init(|| Area::around(entered_at, self.radius))
    }

    /// A walk was broken off by the server: the tile after the place where it put the walker is to blame.
    pub fn refused(&self, from: Tile, steps: &Steps, put_at: Tile, now: Instant) {
        let way = (0..=steps.len()).map(|count| steps.after(from, count));
        let blame = match way.clone().position(|tile| tile == put_at) {
            Some(index) => way.clone().nth(index + 1),
            None => Some(steps.end(from)),
        };
        let Some(tile) = blame else { return };
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= REFUSED_MAX {
            refused.retain(|_, known| !known.is_forgotten(now));
        }
        if refused.len() < REFUSED_MAX || refused.contains_key(&tile) {
            let known = refused.entry(tile).or_insert(Refused { strikes: 0, last: now });
            let strikes = if known.is_forgotten(now) { 0 } else { known.strikes };
            *known = Refused { strikes: strikes.saturating_add(1), last: now };
        }
    }

    /// A way of 1..=12 steps toward a random tile, inside the area when the bot is; `None` when nothing is free.
    pub fn random_way(&self, world: &World, rng: &mut impl Rng) -> Option<Steps> {
        let from = world.tile(Instant::now());
        let area = self.area(from);
        let reach = ROUTE_MAX as u16;
        for _ in 0..ATTEMPTS {
            let target = if area.contains(from) {
                let near = Area::around(from, reach);
                let low = Tile::new(near.low.x.max(area.low.x), near.low.y.max(area.low.y));
                let high = Tile::new(near.high.x.min(area.high.x), near.high.y.min(area.high.y));
                Tile::new(rng.random_range(low.x..=high.x), rng.random_range(low.y..=high.y))
            } else {
                Tile::new(
                    rng.random_range(area.low.x..=area.high.x),
                    rng.random_range(area.low.y..=area.high.y),
                )
            };
            if let Some(steps) = self.way(world, from, target) {
                return Some(steps);
            }
        }
        None
    }

    /// The straight way toward a tile, if its end is free and nothing on it was refused.
    pub fn way(&self, world: &World, from: Tile, target: Tile) -> Option<Steps> {
        let steps = Steps::straight(from, target);
        if steps.is_empty() || world.is_taken(steps.end(from)) {
            return None;
        }
        let now = Instant::now();
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let is_refused = |tile: Tile| refused.get(&tile).is_some_and(|known| known.counts(now));
        (1..=steps.len()).all(|count| !is_refused(steps.after(from, count))).then_some(steps)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_tile_that_was_refused_is_left_out_for_a_while() {
        let ground = Ground::new(None, 10);
        let (from, wall) = (Tile::new(100, 100), Tile::new(102, 100));
        let steps = Steps::straight(from, Tile::new(104, 100));
        let begin = Instant::now();
        let is_refused =
            |now| ground.refused.lock().unwrap().get(&wall).is_some_and(|known| known.counts(now));
        let strike = |now| ground.refused(from, &steps, Tile::new(101, 100), now);
        strike(begin);
        assert!(!is_refused(begin), "once may be chance");
        strike(begin);
        assert!(is_refused(begin));
        let later = begin + FORGOTTEN_AFTER;
        assert!(!is_refused(later));
        strike(later);
        assert!(!is_refused(later), "what was before does not count any more");
    }
}
