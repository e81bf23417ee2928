//! Structures that several packets share.

mod affect;
mod character_list;
mod item;
mod mob;
mod movement;
mod nameplate;
mod score;
mod sold_item;

pub use affect::{AFFECT, Affect, affect_word};
pub use character_list::{CHARACTER_LIST, CharacterList, CharacterSummary, SLOTS};
pub use item::{ITEM, Item, ItemEffect, look};
pub use mob::{MOB, Mob};
pub use movement::{MOVEMENT, Movement, Route};
pub use nameplate::Nameplate;
pub use score::{SCORE, Score, V748_MAX, scaled_for_748};
pub use sold_item::{SOLD_ITEM, SoldItem};

use crate::table::Field;

/// Equipment places on the wire; 7.59 and 7.48 have the first 16 of them.
pub const EQUIP_SLOTS: usize = 18;
/// Inventory places.
pub const CARRY_SLOTS: usize = 64;
/// Storage places on the wire; 7.69 has the first 120 of them, and no version uses more.
pub const CARGO_SLOTS: usize = 128;
/// Affects on the wire; 7.48 has the first 16 of them.
pub const AFFECTS: usize = 32;

/// The layout of a shared structure.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Bytes in 7.59, 7.69 and 7.48.
    pub sizes: [usize; 3],
    /// Its fields, with offsets from its own start.
    pub fields: &'static [Field],
}

/// Every shared structure, for the documentation.
pub static RECORDS: &[Record] = &[
    Item::RECORD,
    ItemEffect::RECORD,
    Affect::RECORD,
    Score::RECORD,
    CharacterList::RECORD,
    Mob::RECORD,
    Movement::RECORD,
    SoldItem::RECORD,
];

/// Two numbers of 0..=15 in one byte, as `merchant_dir` and `attack_run` of a [`Score`] hold them.
pub const fn nibbles(low: u8, high: u8) -> u8 {
    low & 0x0F | high << 4
}
