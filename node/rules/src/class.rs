//! The four classes: what they start with and what a level gives them.

use model::Class;
use model::character::Attributes;

/// What a class starts with. Source: game-rules, "Classes and base stats" (W, J).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Starting {
    /// Attributes of a new character.
    pub attributes: Attributes,
    /// Hit points at level 0.
    pub hp: i32,
    /// Mana at level 0.
    pub mp: i32,
    /// Hit points that a level adds.
    pub hp_per_level: i32,
    /// Mana that a level adds.
    pub mp_per_level: i32,
    /// Running speed in tiles a second, before items.
    pub run_speed: u8,
    /// The item whose model is the face of the class.
    pub face: u16,
}

const fn row(stats: [u16; 4], hp: i32, mp: i32, per_level: (i32, i32), face: u16) -> Starting {
    let [strength, intelligence, dexterity, constitution] = stats;
    Starting {
        attributes: Attributes { strength, intelligence, dexterity, constitution },
        hp,
        mp,
        hp_per_level: per_level.0,
        mp_per_level: per_level.1,
        run_speed: 2,
        face,
    }
}

/// What a class starts with.
pub const fn starting(class: Class) -> Starting {
    match class {
        Class::TransKnight => row([8, 4, 7, 6], 80, 45, (3, 1), 1),
        Class::Foema => row([5, 8, 5, 5], 60, 65, (1, 3), 11),
        Class::BeastMaster => row([6, 6, 9, 5], 70, 55, (1, 2), 21),
        Class::Huntress => row([8, 9, 13, 6], 75, 60, (2, 1), 31),
    }
}

/// Maximum hit points and mana before items: base + 2 x (attribute over the class's own) + level x growth.
pub fn base_health(class: Class, level: u16, attributes: &Attributes) -> (i32, i32) {
    let start = starting(class);
    let over = |now: u16, base: u16| 2 * (i32::from(now) - i32::from(base)).max(0);
    let level = i32::from(level);
    (
        start.hp + over(attributes.constitution, start.attributes.constitution) + level * start.hp_per_level,
        start.mp + over(attributes.intelligence, start.attributes.intelligence) + level * start.mp_per_level,
    )
}
