//! Which tiles of a zone a neighbour sees.

use crate::zone::Zone;
use model::place::VIEW_RADIUS;
use model::sight::SIGHT_AHEAD;
use model::{EntityId, Rect, Tile, ZoneId};
use placement::ZoneTable;
use std::collections::BTreeSet;

/// Tiles along one side of a square that is seen or not.
const SQUARE: u16 = 16;
/// How far a neighbour is told of somebody.
const FAR: u16 = VIEW_RADIUS + SIGHT_AHEAD;
/// Territory is looked for on every so many tiles; no zone is narrower.
const SAMPLE: usize = 4;

/// A neighbour that watches a zone.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) by: ZoneId,
    /// Of whom it was told.
    pub(crate) shown: BTreeSet<EntityId>,
    squares: Squares,
}

/// Squares of a zone's rectangle from which the neighbour is near.
#[derive(Debug)]
struct Squares {
    origin: (u16, u16),
    width: u16,
    height: u16,
    near: Vec<bool>,
}

impl Watcher {
    /// `None` when no tile of the zone is near the neighbour.
    pub(crate) fn new(by: ZoneId, zone: &Zone) -> Option<Self> {
        let squares = Squares::of(zone.bounds(), by, &zone.zones)?;
        Some(Self { by, shown: BTreeSet::new(), squares })
    }

    /// True when the neighbour is told of who stands on a tile.
    pub(crate) fn sees(&self, tile: Tile) -> bool {
        let Squares { origin, width, height, near } = &self.squares;
        let column = (tile.x / SQUARE).saturating_sub(origin.0).min(width - 1);
        let row = (tile.y / SQUARE).saturating_sub(origin.1).min(height - 1);
        near[usize::from(row) * usize::from(*width) + usize::from(column)]
    }
}

impl Squares {
    fn of(bounds: Rect, by: ZoneId, zones: &ZoneTable) -> Option<Self> {
        let theirs = zones.bounds(by)?;
        let origin = (bounds.min.x / SQUARE, bounds.min.y / SQUARE);
        let (width, height) = (bounds.max.x / SQUARE - origin.0 + 1, bounds.max.y / SQUARE - origin.1 + 1);
        let mut near = Vec::with_capacity(usize::from(width) * usize::from(height));
        for row in 0..height {
            for column in 0..width {
                let corner = Tile::new((origin.0 + column) * SQUARE, (origin.1 + row) * SQUARE);
                near.push(is_near(corner, by, &theirs, zones));
            }
        }
        near.contains(&true).then_some(Self { origin, width, height, near })
    }
}

/// True when a tile of a zone is near a square.
fn is_near(corner: Tile, by: ZoneId, theirs: &Rect, zones: &ZoneTable) -> bool {
    let low = |at: u16, min: u16| at.saturating_sub(FAR).max(min);
    let high = |at: u16, max: u16| (at + SQUARE - 1 + FAR).min(max);
    let (left, right) = (low(corner.x, theirs.min.x), high(corner.x, theirs.max.x));
    let (top, bottom) = (low(corner.y, theirs.min.y), high(corner.y, theirs.max.y));
    if left > right || top > bottom {
        return false;
    }
    let samples = |from: u16, to: u16| (from..=to).step_by(SAMPLE).chain([to]);
    samples(top, bottom).any(|y| samples(left, right).any(|x| zones.zone_at(Tile::new(x, y)) == by))
}

/// Zones of which some tile is near a zone.
pub fn neighbours(zones: &ZoneTable, zone: ZoneId) -> Vec<ZoneId> {
    if placement::is_instance(zone) {
        return Vec::new();
    }
    let Some(bounds) = zones.bounds(zone) else { return Vec::new() };
    let low = |at: u16| at.saturating_sub(FAR);
    let around = Rect::new(
        Tile::new(low(bounds.min.x), low(bounds.min.y)),
        Tile::new(bounds.max.x + FAR, bounds.max.y + FAR),
    );
    let touches = |theirs: Rect| {
        theirs.min.x <= around.max.x
            && around.min.x <= theirs.max.x
            && theirs.min.y <= around.max.y
            && around.min.y <= theirs.max.y
    };
    let all = zones.all().into_iter().filter(|other| *other != zone);
    let near = all.filter(|other| zones.bounds(*other).is_some_and(touches));
    near.filter(|other| Squares::of(bounds, *other, zones).is_some()).collect()
}
