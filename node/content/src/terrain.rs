//! Where one can walk and what a place is for.

use model::Tile;
use model::place::WORLD_SIDE;
use std::sync::Arc;

/// Cells of the attribute map along one side: a cell is 4 x 4 tiles.
pub const CELLS: usize = WORLD_SIDE as usize / 4;
/// Bytes of an attribute map.
pub const ATTRIBUTE_BYTES: usize = CELLS * CELLS;
/// Bytes of a height map.
pub const HEIGHT_BYTES: usize = WORLD_SIDE as usize * WORLD_SIDE as usize;
/// A step is legal when heights differ by less than this.
pub const HEIGHT_STEP: i16 = 8;

/// Attributes of every cell and, when known, heights of every tile. Cheap to clone.
#[derive(Clone)]
pub struct Terrain {
    attributes: Arc<[u8]>,
    heights: Option<Arc<[i8]>>,
}

impl Terrain {
    /// A town or another place without fighting.
    pub const SAFE: u8 = 0x01;
    /// Nobody can stand here.
    pub const BLOCKED: u8 = 0x02;
    /// Players cannot be summoned here.
    pub const NO_SUMMON: u8 = 0x04;
    /// A house.
    pub const INDOOR: u8 = 0x08;
    /// A portal's pad.
    pub const PORTAL: u8 = 0x10;
    /// Only for the guild that owns the city.
    pub const GUILD: u8 = 0x20;
    /// Fighting between players.
    pub const PVP: u8 = 0x40;
    /// Only for newcomers.
    pub const NEWBIE: u8 = 0x80;

    /// A map where nobody can stand anywhere.
    pub fn blocked() -> Self {
        Self { attributes: vec![Self::BLOCKED; ATTRIBUTE_BYTES].into(), heights: None }
    }

    /// From the bytes of an attribute map and a height map; `None` when either is shorter than its map.
    /// Bytes behind the map are left out.
    pub fn from_bytes(attributes: &[u8], heights: Option<&[u8]>) -> Option<Self> {
        let attributes = attributes.get(..ATTRIBUTE_BYTES)?.into();
        let heights = match heights {
            Some(bytes) => Some(bytes.get(..HEIGHT_BYTES)?.iter().map(|byte| byte.cast_signed()).collect()),
            None => None,
        };
        Some(Self { attributes, heights })
    }

    /// Attribute bits of a tile; off the map everything is blocked.
    pub fn attributes(&self, tile: Tile) -> u8 {
        if !tile.is_on_map() {
            return Self::BLOCKED;
        }
        self.attributes[usize::from(tile.y >> 2) * CELLS + usize::from(tile.x >> 2)]
    }

    /// True when all of these bits are set on a tile.
    pub fn has(&self, tile: Tile, bits: u8) -> bool {
        self.attributes(tile) & bits == bits
    }

    /// True when nobody can stand on a tile.
    pub fn is_blocked(&self, tile: Tile) -> bool {
        self.has(tile, Self::BLOCKED)
    }

    /// Height of a tile; 0 when heights are not known.
    pub fn height(&self, tile: Tile) -> i8 {
        match &self.heights {
            Some(heights) if tile.is_on_map() => {
                heights[usize::from(tile.y) * usize::from(WORLD_SIDE) + usize::from(tile.x)]
            }
            _ => 0,
        }
    }

    /// True when heights were loaded.
    pub fn knows_heights(&self) -> bool {
        self.heights.is_some()
    }

    /// True when a step from one tile to a neighbouring one is possible: the target is on the map, not
    /// blocked, and not too high or too low.
    pub fn can_step(&self, from: Tile, to: Tile) -> bool {
        let difference = i16::from(self.height(from)) - i16::from(self.height(to));
        !self.is_blocked(to) && difference.abs() < HEIGHT_STEP
    }
}

impl std::fmt::Debug for Terrain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terrain").field("heights", &self.heights.is_some()).finish_non_exhaustive()
    }
}
