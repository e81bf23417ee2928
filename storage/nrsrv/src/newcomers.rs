//! New characters: what they carry and where they stand.

use content::{Content, Starter, Terrain};
use model::item::{CARRY_SLOTS, EQUIP_SLOTS, Item, ItemSpec};
use model::{AccountId, Character, CharacterId, CharacterName, Class, ItemId, SoftState, Tile};
use rand::Rng;
use rand::seq::IndexedRandom;
use rules::ItemTable;

/// Most tiles that are remembered; a larger area is sampled evenly.
const TILES_MAX: usize = 65_536;

/// Nobody could stand where new characters appear.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content {content} has no tile in {area} where a new character can stand")]
pub struct NewcomerError {
    /// Name of the content.
    pub content: String,
    /// The area it names.
    pub area: String,
}

/// The part of the content that NRSrv needs.
#[derive(Debug)]
pub struct Newcomers {
    starters: [Starter; 4],
    tiles: Vec<Tile>,
    items: ItemTable,
    home_city: u8,
}

impl Newcomers {
    /// Takes what is needed, so that the rest of the content can be dropped.
    pub fn new(content: &Content) -> Result<Self, NewcomerError> {
        let tiles = walkable(&content.terrain, content.newcomers.min, content.newcomers.max);
        let Some(first) = tiles.first().copied() else {
            let area = format!("{}-{}", content.newcomers.min, content.newcomers.max);
            return Err(NewcomerError { content: content.name.clone(), area });
        };
        let home = content.cities.iter().position(|city| city.area.contains(first)).unwrap_or(0);
        Ok(Self {
            starters: content.starters.clone(),
            tiles,
            items: content.items.clone(),
            home_city: u8::try_from(home).unwrap_or(0),
        })
    }

    /// A new character with ids of its own.
    pub fn create(&self, account: AccountId, slot: u8, name: CharacterName, class: Class) -> Character {
        let mut rng = rand::rng();
        let starter = &self.starters[usize::from(class.number())];
        let tile = self.tiles.choose(&mut rng).copied().unwrap_or(self.tiles[0]);
        let mut character = Character {
            id: CharacterId(rng.random_range(1..1 << 62)),
            account,
            slot,
            name,
            class,
            hard: starter.hard.clone(),
            soft: SoftState::fresh(tile, self.home_city, 1, 1),
            equip: give(&starter.equip, EQUIP_SLOTS, &mut rng),
            carry: give(&starter.carry, CARRY_SLOTS, &mut rng),
        };
        let full = rules::score::derive(&character, &self.items).score;
        character.soft.hp = full.hp_max.max(1);
        character.soft.mp = full.mp_max.max(0);
        character
    }
}

fn give(specs: &[Option<ItemSpec>], slots: usize, rng: &mut impl Rng) -> Vec<Option<Item>> {
    let mut items = vec![None; slots];
    for (item, spec) in items.iter_mut().zip(specs) {
        *item = spec.map(|spec| spec.with_id(ItemId(rng.random())));
    }
    items
}

fn walkable(terrain: &Terrain, min: Tile, max: Tile) -> Vec<Tile> {
    let side = |low: u16, high: u16| usize::from(high.saturating_sub(low)) + 1;
    let area = side(min.x, max.x) * side(min.y, max.y);
    let every = area.div_ceil(TILES_MAX).max(1);
    (min.y..=max.y)
        .flat_map(|y| (min.x..=max.x).map(move |x| Tile::new(x, y)))
        .filter(|tile| tile.is_on_map() && !terrain.is_blocked(*tile))
        .step_by(every)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(attribute: u8) -> Terrain {
        Terrain::from_bytes(&vec![attribute; content_cells()], None).expect("a whole map")
    }

    fn content_cells() -> usize {
        1024 * 1024
    }

    #[test]
    fn newcomers_stand_inside_their_area_and_never_on_blocked_tiles() {
        let (min, max) = (Tile::new(2110, 2040), Tile::new(2114, 2044));
        let tiles = walkable(&map(Terrain::SAFE), min, max);
        assert_eq!(tiles.len(), 25);
        assert!(walkable(&map(Terrain::BLOCKED), min, max).is_empty());
    }

    #[test]
    fn a_huge_area_is_sampled() {
        let tiles = walkable(&map(0), Tile::new(0, 0), Tile::new(4095, 4095));
        assert_eq!(tiles.len(), TILES_MAX);
    }
}
