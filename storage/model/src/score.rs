//! The numbers that clients show of a character or a monster.

use serde::{Deserialize, Serialize};

/// What a client shows of an entity; derived by `rules` for players, given by the content for creatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Zero based: 0 is shown as 1.
    pub level: u16,
    /// Armour class.
    pub defence: i32,
    /// Attack.
    pub attack: i32,
    /// Kind of NPC, 0 for players and monsters (low nibble of the wire's merchant byte).
    pub merchant: u8,
    /// Facing as a keypad digit 0..9 (high nibble of the wire's merchant byte).
    pub facing: u8,
    /// Running speed in tiles a second, 1..6.
    pub run_speed: u8,
    /// Attack speed nibble, 0..15.
    pub attack_speed: u8,
    /// Maximum hit points.
    pub hp_max: i32,
    /// Maximum mana.
    pub mp_max: i32,
    /// Hit points; 0 is dead.
    pub hp: i32,
    /// Mana.
    pub mp: i32,
    /// Strength.
    pub strength: u16,
    /// Intelligence.
    pub intelligence: u16,
    /// Dexterity.
    pub dexterity: u16,
    /// Constitution.
    pub constitution: u16,
    /// Weapon mastery and the three trees of the class.
    pub mastery: [u16; 4],
}
