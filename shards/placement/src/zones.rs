//! Tiles to zones: named rectangles first, then blocks of 256 x 256 tiles.

use model::membership::NamedZone;
use model::place::WORLD_SIDE;
use model::{Rect, Tile, ZoneId};

/// Tiles along one side of a block.
pub const BLOCK_SIDE: u16 = 256;
/// Blocks have ids from here; named zones are numbered from 1.
const FIRST_BLOCK: u32 = 0x1_0000;

/// The division of the map into zones; the same on every process that has the same named zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneTable {
    named: Vec<NamedZone>,
    block_side: u16,
}

/// Blocks alone.
impl Default for ZoneTable {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl ZoneTable {
    /// From the named zones of the content, in the order that decides overlaps.
    pub fn new(named: Vec<NamedZone>) -> Self {
        Self::of_blocks(named, BLOCK_SIDE)
    }

    /// With blocks of another size, for studies of the placement; the game has blocks of [`BLOCK_SIDE`].
    ///
    /// # Panics
    /// When that many tiles do not divide the side of the world.
    pub fn of_blocks(named: Vec<NamedZone>, block_side: u16) -> Self {
        assert!(
            block_side > 0 && WORLD_SIDE.is_multiple_of(block_side),
            "blocks of {block_side} tiles leave a rest"
        );
        Self { named, block_side }
    }

    /// Tiles along one side of a block.
    pub fn block_side(&self) -> u16 {
        self.block_side
    }

    fn blocks_per_side(&self) -> u32 {
        u32::from(WORLD_SIDE / self.block_side)
    }

    /// The zone of a tile.
    pub fn zone_at(&self, tile: Tile) -> ZoneId {
        match self.named.iter().position(|zone| zone.area.contains(tile)) {
            Some(index) => ZoneId(index as u32 + 1),
            None => {
                let (bx, by) = (u32::from(tile.x / self.block_side), u32::from(tile.y / self.block_side));
                ZoneId(FIRST_BLOCK + by * self.blocks_per_side() + bx)
            }
        }
    }

    /// A rectangle that holds every tile of a zone (others may lie in it too); `None` for an unknown id.
    pub fn bounds(&self, zone: ZoneId) -> Option<Rect> {
        if zone.0 >= FIRST_BLOCK {
            let index = zone.0 - FIRST_BLOCK;
            let (side, per_side) = (self.block_side, self.blocks_per_side());
            if index >= per_side * per_side {
                return None;
            }
            let corner = Tile::new((index % per_side) as u16 * side, (index / per_side) as u16 * side);
            return Some(Rect::new(corner, Tile::new(corner.x + side - 1, corner.y + side - 1)));
        }
        let index = (zone.0 as usize).checked_sub(1)?;
        self.named.get(index).map(|zone| zone.area)
    }

    /// A name for logs and operators: `Armia`, `block 8,8`.
    pub fn name(&self, zone: ZoneId) -> String {
        if zone.0 >= FIRST_BLOCK {
            let index = zone.0 - FIRST_BLOCK;
            let per_side = self.blocks_per_side();
            return format!("block {},{}", index % per_side, index / per_side);
        }
        (zone.0 as usize)
            .checked_sub(1)
            .and_then(|index| self.named.get(index))
            .map_or_else(|| format!("zone {}", zone.0), |zone| zone.name.clone())
    }

    /// The zone of a name, whatever its case, or of a number. Of several with one name it is the first.
    pub fn find(&self, text: &str) -> Option<ZoneId> {
        let text = text.trim();
        let number = text.parse().ok().map(ZoneId).filter(|zone| self.bounds(*zone).is_some());
        let named = || self.all().into_iter().find(|zone| self.name(*zone).eq_ignore_ascii_case(text));
        number.or_else(named)
    }

    /// Every zone of the map, ordered by id.
    pub fn all(&self) -> Vec<ZoneId> {
        let named = 1..=self.named.len() as u32;
        let blocks = FIRST_BLOCK..FIRST_BLOCK + self.blocks_per_side() * self.blocks_per_side();
        named.chain(blocks).map(ZoneId).collect()
    }

    /// Canonical bytes of the district that a zone belongs to: a named zone, or 2 x 2 blocks. Zones of
    /// one district are placed together, so that neighbours mostly share a node.
    pub fn district(&self, zone: ZoneId) -> Vec<u8> {
        if zone.0 >= FIRST_BLOCK {
            let index = zone.0 - FIRST_BLOCK;
            let per_side = self.blocks_per_side();
            let (dx, dy) = (index % per_side / 2, index / per_side / 2);
            return format!("block-district:{dx}:{dy}").into_bytes();
        }
        format!("named-district:{}", self.name(zone)).into_bytes()
    }

    /// The named zones, in order.
    pub fn named(&self) -> &[NamedZone] {
        &self.named
    }
}
