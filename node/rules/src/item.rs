//! The item list: what every item of a kind has in common.

use model::ItemKind;
use serde::{Deserialize, Serialize};

/// Largest item number, exclusive, that clients have room for.
pub const KINDS_MAX: u16 = 6500;
/// Effects that one row of the item list can hold.
pub const DEF_EFFECTS_MAX: usize = 12;

/// What a character must have to wear an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    /// Zero based level.
    pub level: u16,
    /// Strength.
    pub strength: u16,
    /// Intelligence.
    pub intelligence: u16,
    /// Dexterity.
    pub dexterity: u16,
    /// Constitution.
    pub constitution: u16,
}

/// One row of the item list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemDef {
    /// Its number.
    pub kind: ItemKind,
    /// Its name as in the list.
    pub name: String,
    /// Model that clients show.
    pub mesh: i16,
    /// Texture of the model.
    pub texture: i16,
    /// What a wearer must have.
    pub requires: Requirements,
    /// Family of the item: weapon kind, gem family... (41..50 are weapons with extra abilities).
    pub unique: i16,
    /// List price in gold.
    pub price: i32,
    /// Bit mask of the slots that it can be worn in, see [`position`]; 0 cannot be worn.
    pub position: u32,
    /// A number that the family gives meaning to: result of a combination, for example.
    pub extra: i16,
    /// 1 normal .. 4 legendary, 5..8 ancient.
    pub grade: i16,
    /// Up to [`DEF_EFFECTS_MAX`] pairs of effect code (see [`crate::effect`]) and value.
    pub effects: Vec<(u8, i16)>,
}

impl ItemDef {
    /// Sum of the row's effects with a code.
    pub fn effect(&self, code: u8) -> i32 {
        self.effects.iter().filter(|(found, _)| *found == code).map(|(_, value)| i32::from(*value)).sum()
    }

    /// True when the item may lie in an equipment slot (0..15): the slot's bit is in the mask.
    pub fn fits_slot(&self, slot: usize) -> bool {
        u32::try_from(slot)
            .ok()
            .and_then(|slot| 1u32.checked_shl(slot))
            .is_some_and(|bit| self.position & bit != 0)
    }
}

/// Bits of [`ItemDef::position`]: bit n is equipment slot n.
pub mod position {
    /// The face, which is the class or the monster.
    pub const FACE: u32 = 1;
    /// Helmet.
    pub const HELMET: u32 = 2;
    /// Coat.
    pub const COAT: u32 = 4;
    /// Pants.
    pub const PANTS: u32 = 8;
    /// Gloves.
    pub const GLOVES: u32 = 16;
    /// Boots.
    pub const BOOTS: u32 = 32;
    /// Left hand: a weapon that needs both, see [`crate::wear`].
    pub const LEFT_HAND: u32 = 64;
    /// Right hand: shield or second weapon.
    pub const RIGHT_HAND: u32 = 128;
    /// Either hand.
    pub const EITHER_HAND: u32 = 192;
    /// Ring.
    pub const RING: u32 = 256;
    /// Necklace.
    pub const NECKLACE: u32 = 512;
    /// Orb.
    pub const ORB: u32 = 1024;
    /// Stone.
    pub const STONE: u32 = 2048;
    /// Guild medal.
    pub const GUILD: u32 = 4096;
    /// Fairy or event item.
    pub const FAIRY: u32 = 8192;
    /// Mount.
    pub const MOUNT: u32 = 16384;
    /// Cape.
    pub const CAPE: u32 = 32768;
    /// Ring, necklace, orb and stone.
    pub const JEWELS: u32 = 0xF00;
}

/// The item list, found by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemTable {
    /// Index into `rows` plus one, by kind; 0 is absent.
    index: Vec<u32>,
    rows: Vec<ItemDef>,
}

impl ItemTable {
    /// From rows in any order; of two rows with one number the later replaces the earlier.
    pub fn new(rows: impl IntoIterator<Item = ItemDef>) -> Self {
        let mut table = Self::default();
        for row in rows {
            let kind = usize::from(row.kind.0);
            if table.index.len() <= kind {
                table.index.resize(kind + 1, 0);
            }
            match table.index[kind].checked_sub(1) {
                Some(at) => table.rows[at as usize] = row,
                None => {
                    table.rows.push(row);
                    table.index[kind] = table.rows.len() as u32;
                }
            }
        }
        table
    }

    /// The row of a kind.
    pub fn get(&self, kind: ItemKind) -> Option<&ItemDef> {
        let at = self.index.get(usize::from(kind.0))?.checked_sub(1)?;
        self.rows.get(at as usize)
    }

    /// How many kinds there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows by ascending number.
    pub fn iter(&self) -> impl Iterator<Item = &ItemDef> {
        self.index.iter().filter_map(|at| self.rows.get(at.checked_sub(1)? as usize))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn def(kind: u16, position: u32, effects: &[(u8, i16)]) -> ItemDef {
        ItemDef {
            kind: ItemKind(kind),
            name: format!("item {kind}"),
            mesh: 0,
            texture: 0,
            requires: Requirements::default(),
            unique: 0,
            price: 0,
            position,
            extra: 0,
            grade: 0,
            effects: effects.to_vec(),
        }
    }

    #[test]
    fn a_later_row_replaces_an_earlier_one_of_the_same_number() {
        let table = ItemTable::new([def(7, 1, &[]), def(3, 2, &[]), def(7, 64, &[(2, 5)])]);
        assert_eq!(table.len(), 2);
        assert_eq!(table.get(ItemKind(7)).map(|row| row.position), Some(64));
        assert_eq!(table.get(ItemKind(4)), None);
        assert_eq!(table.get(ItemKind(u16::MAX)), None);
        assert_eq!(table.iter().map(|row| row.kind.0).collect::<Vec<_>>(), [3, 7]);
    }

    #[test]
    fn a_knife_fits_either_hand_and_nothing_else() {
        let knife = def(1, position::EITHER_HAND, &[]);
        let slots: Vec<usize> = (0..40).filter(|slot| knife.fits_slot(*slot)).collect();
        assert_eq!(slots, [6, 7]);
    }
}
