//! What one item gives its wearer: the effects of its kind and its own, raised by refinement.
//!
//! Source: game-rules, "Score derivation" (W).

use crate::effect;
use crate::item::{ItemDef, position};
use crate::refine;
use model::{Effect, Item};

/// Sum of one effect over an item's kind and its own three effects, multiplied by its refinement.
pub fn ability(item: &Item, def: &ItemDef, code: u8) -> i32 {
    if matches!(code, effect::DAMAGEADD | effect::MAGICADD) && !(41..=50).contains(&def.unique) {
        return 0;
    }
    let code = switched(item, def, code);
    let mut value = sum(item, def, code);
    if (effect::RESIST1..=effect::RESIST1 + 3).contains(&code) {
        value += sum(item, def, effect::RESISTALL);
    }
    let level = refine::level(item);
    if !effect::is_flat(code) {
        let jewel = level >= 9 && def.position & position::JEWELS != 0;
        let multiplier = refine::multiplier(level) + i32::from(jewel);
        // Twelve effects of a kind and three of its own stay far below what i64 holds.
        value = clamped(i64::from(value) * i64::from(multiplier + 10) / 10);
    }
    if code == effect::RUNSPEED {
        value = value.min(2) + i32::from(value > 0 && level >= 9);
    }
    value
}

/// Some abilities are counted under a second code when the item itself carries that code.
fn switched(item: &Item, def: &ItemDef, code: u8) -> u8 {
    let carries = |code: u8| item.effects.iter().any(|found| found.code == code);
    match code {
        effect::CRITICAL if carries(effect::CRITICAL2) => effect::CRITICAL2,
        effect::DAMAGE if def.position == position::BOOTS && carries(effect::DAMAGE2) => effect::DAMAGE2,
        effect::ACADD if carries(effect::ACADD2) => effect::ACADD2,
        other => other,
    }
}

fn sum(item: &Item, def: &ItemDef, code: u8) -> i32 {
    // In lists an attack speed of 1 stands for 10.
    let counted = |value: i32| if code == effect::ATTSPEED && value == 1 { 10 } else { value };
    let of_kind =
        def.effects.iter().filter(|(found, _)| *found == code).map(|(_, value)| counted(i32::from(*value)));
    let own = |found: &Effect| (found.code == code && code != 0).then(|| counted(i32::from(found.value)));
    of_kind.chain(item.effects.iter().filter_map(own)).sum()
}

fn clamped(value: i64) -> i32 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::tests::def;
    use model::{ItemId, ItemKind};

    fn item(effects: [(u8, u8); 3]) -> Item {
        let effects = effects.map(|(code, value)| Effect { code, value });
        Item { id: ItemId(1), kind: ItemKind(1), effects }
    }

    #[test]
    fn refinement_raises_an_ability_in_tenths() {
        let coat = def(1, position::COAT, &[(effect::AC, 41)]);
        for (sanc, expected) in [(0, 41), (1, 45), (9, 77), (230, 82), (250, 151)] {
            let worn = item([(effect::SANC, sanc), (0, 0), (0, 0)]);
            assert_eq!(ability(&worn, &coat, effect::AC), expected, "refinement value {sanc}");
        }
    }

    #[test]
    fn own_effects_add_to_those_of_the_kind() {
        let coat = def(1, position::COAT, &[(effect::AC, 10), (effect::AC, 2)]);
        let worn = item([(effect::SANC, 5), (effect::AC, 8), (effect::AC, 10)]);
        assert_eq!(ability(&worn, &coat, effect::AC), 45);
    }

    #[test]
    fn a_jewel_gains_one_step_more_from_nine_on() {
        let ring = def(1, position::RING, &[(effect::HP, 100)]);
        assert_eq!(ability(&item([(effect::SANC, 8), (0, 0), (0, 0)]), &ring, effect::HP), 180);
        assert_eq!(ability(&item([(effect::SANC, 9), (0, 0), (0, 0)]), &ring, effect::HP), 200);
    }

    #[test]
    fn what_describes_an_item_is_not_raised() {
        let bow = def(1, position::LEFT_HAND, &[(effect::RANGE, 5), (21, 101)]);
        let worn = item([(effect::SANC, 250), (0, 0), (0, 0)]);
        assert_eq!(ability(&worn, &bow, effect::RANGE), 5);
        assert_eq!(ability(&worn, &bow, 21), 101);
    }

    #[test]
    fn running_speed_is_at_most_two_and_one_more_at_nine() {
        let boots = def(1, position::BOOTS, &[(effect::RUNSPEED, 1)]);
        for (sanc, speed) in [(0, 1), (9, 2), (230, 3), (250, 3)] {
            let worn = item([(effect::SANC, sanc), (0, 0), (0, 0)]);
            assert_eq!(ability(&worn, &boots, effect::RUNSPEED), speed, "refinement value {sanc}");
        }
        assert_eq!(ability(&item([(0, 0); 3]), &def(1, 0, &[]), effect::RUNSPEED), 0);
    }

    #[test]
    fn all_resistances_count_for_each() {
        let ring = def(1, position::RING, &[(effect::RESIST1, 3), (effect::RESISTALL, 4)]);
        let worn = item([(effect::RESISTALL, 5), (0, 0), (0, 0)]);
        assert_eq!(ability(&worn, &ring, effect::RESIST1), 12);
        assert_eq!(ability(&worn, &ring, effect::RESIST1 + 3), 9);
    }

    #[test]
    fn a_second_code_on_the_item_replaces_the_first() {
        let coat = def(1, position::COAT, &[(effect::CRITICAL, 5)]);
        assert_eq!(ability(&item([(0, 0); 3]), &coat, effect::CRITICAL), 5);
        assert_eq!(ability(&item([(effect::CRITICAL2, 20), (0, 0), (0, 0)]), &coat, effect::CRITICAL), 20);
    }

    #[test]
    fn only_special_weapons_have_additional_damage() {
        let mut sword = def(1, position::LEFT_HAND, &[(effect::DAMAGEADD, 9)]);
        assert_eq!(ability(&item([(0, 0); 3]), &sword, effect::DAMAGEADD), 0);
        sword.unique = 41;
        assert_eq!(ability(&item([(0, 0); 3]), &sword, effect::DAMAGEADD), 9);
    }

    #[test]
    fn an_attack_speed_of_one_stands_for_ten() {
        let gloves = def(1, position::GLOVES, &[(effect::ATTSPEED, 1)]);
        assert_eq!(ability(&item([(effect::ATTSPEED, 1), (0, 0), (0, 0)]), &gloves, effect::ATTSPEED), 20);
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        let all = [(effect::HP, i16::MAX); 12];
        let worn = item([(effect::SANC, 255), (effect::HP, 255), (effect::HP, 255)]);
        assert_eq!(ability(&worn, &def(1, position::RING, &all), effect::HP), 1_496_113);
        let low = [(effect::HP, i16::MIN); 12];
        assert!(ability(&worn, &def(1, position::RING, &low), effect::HP) < 0);
    }
}
