//! Refinement: one effect of an item (code 43 or a glow colour 116..125) says how far it was refined.
//!
//! Values 0..9 are plain; 230..253 stand for +10..+15 in groups of four, one for each kind of gem.

use crate::effect;
use model::event::EquipLook;
use model::{Effect, Item, ItemKind};

/// Highest refinement.
pub const LEVEL_MAX: u8 = 15;

const MULTIPLIER: [i32; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 22, 27];

fn carrier(effects: &[Effect; 3]) -> Option<Effect> {
    let carries =
        |code: u8| code == effect::SANC || (effect::COLOR_FIRST..=effect::COLOR_LAST).contains(&code);
    effects.iter().find(|found| carries(found.code)).copied()
}

/// Refinement 0..15 of an effect value: 230..233 is 10, 234..237 is 11 and so on, below that value modulo 10.
pub fn level_of_value(value: u8) -> u8 {
    match value {
        230..=253 => 10 + (value - 230) / 4,
        254.. => LEVEL_MAX,
        plain => plain % 10,
    }
}

/// Refinement 0..15 that three effects carry.
pub fn level_of(effects: &[Effect; 3]) -> u8 {
    carrier(effects).map_or(0, |found| level_of_value(found.value))
}

/// Refinement 0..15 of an item.
pub fn level(item: &Item) -> u8 {
    level_of(&item.effects)
}

/// How much a refinement multiplies: an ability is multiplied with (10 + this) / 10.
pub fn multiplier(level: u8) -> i32 {
    MULTIPLIER[usize::from(level.min(LEVEL_MAX))]
}

/// The glow colour that three effects carry: a code 116..125, or 0 when there is none.
pub fn color(effects: &[Effect; 3]) -> u8 {
    carrier(effects).map(|found| found.code).filter(|code| *code != effect::SANC).unwrap_or(0)
}

/// What others see of an item.
pub fn look(kind: ItemKind, effects: &[Effect; 3]) -> EquipLook {
    EquipLook { kind: kind.0, refine: level_of(effects), color: color(effects) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effects(code: u8, value: u8) -> [Effect; 3] {
        [Effect { code: 59, value: 99 }, Effect { code, value }, Effect::default()]
    }

    #[test]
    fn groups_of_four_values_stand_for_ten_to_fifteen() {
        for (value, level) in [
            (0, 0),
            (9, 9),
            (19, 9),
            (229, 9),
            (230, 10),
            (233, 10),
            (234, 11),
            (241, 12),
            (242, 13),
            (246, 14),
            (250, 15),
            (253, 15),
            (255, 15),
        ] {
            assert_eq!(level_of_value(value), level, "value {value}");
        }
    }

    #[test]
    fn the_multiplier_follows_the_published_row() {
        let row: Vec<i32> = (0..=16).map(multiplier).collect();
        assert_eq!(row, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 18, 22, 27, 27]);
    }

    #[test]
    fn a_glow_colour_carries_the_refinement_too() {
        let kind = ItemKind(1104);
        assert_eq!(look(kind, &effects(effect::SANC, 7)), EquipLook { kind: 1104, refine: 7, color: 0 });
        assert_eq!(look(kind, &effects(120, 250)), EquipLook { kind: 1104, refine: 15, color: 120 });
        assert_eq!(look(kind, &effects(126, 250)), EquipLook { kind: 1104, refine: 0, color: 0 });
    }
}
