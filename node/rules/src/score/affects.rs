//! What the running affects change. Source: game-rules, "Score derivation", the line of affects.
//!
//! `v` is the affect's value and `level` the level of its caster. Kinds that only matter in a fight
//! (19 block, 26 evasion, 27 frost, 28 hiding, 36 drain, 37 force...) change nothing here.

use super::Sheet;
use model::character::Affect;
use model::event::EquipLook;
use model::item::EQUIP_SLOTS;
use model::{Character, Class};

/// Highest mastery by affects.
const MASTERY_MAX: i64 = 400;
/// Bits of the jewel affect.
mod jewel {
    pub(super) const RESIST: i64 = 1 << 1;
    pub(super) const HP_AND_DEFENCE: i64 = 1 << 4;
    pub(super) const HP_AND_ATTACK: i64 = 1 << 5;
    pub(super) const MANA_TO_HP: i64 = 1 << 7;
}

/// Applies one affect.
pub(super) fn apply(
    affect: &Affect,
    character: &Character,
    sheet: &mut Sheet,
    look: &mut [EquipLook; EQUIP_SLOTS],
) {
    let (v, level) = (i64::from(affect.value), i64::from(affect.level));
    let learned =
        |class: Class, bit: u32| character.class == class && character.hard.learned[0] & (1 << bit) != 0;
    match affect.kind {
        1 => {
            sheet.run -= v;
            sheet.attack_speed -= 30;
        }
        2 => sheet.run += v,
        3 => sheet.resist.iter_mut().for_each(|resist| *resist -= v / 2),
        4 => potion(v, sheet),
        5 => sheet.dexterity -= sheet.dexterity * v / 100,
        6 => sheet.dexterity += sheet.dexterity * v / 100,
        7 => sheet.attack_speed -= level / 10 + 10,
        8 => jewels(v, sheet),
        9 => {
            let twice = learned(Class::Foema, 19);
            sheet.attack += (level * 5 / 20 + v) * if twice { 3 } else { 1 } * 3 / 2;
            sheet.attack_percent += if twice { 10 } else { 5 };
        }
        10 => sheet.attack -= level / 5 + v,
        11 => sheet.defence += level / 3 + v,
        12 => sheet.defence -= sheet.defence * v / 100,
        13 => {
            sheet.attack_percent += level / 10 + v;
            sheet.hp = sheet.hp * 9 / 10;
        }
        14 => {
            let more = level * 3 / 4 + v;
            sheet.hp += 2 * more;
            sheet.constitution += more;
        }
        15 => {
            for mastery in &mut sheet.mastery {
                *mastery = (*mastery + level / 10 + v).min(MASTERY_MAX);
            }
        }
        16 => transform(v, look),
        21 => {
            sheet.defence -= level / 3 + 10;
            sheet.attack_percent += level / 10 + v;
        }
        24 => sheet.defence += sheet.defence / 4 + v,
        25 => {
            let more = (v + level / 4) / 10 + if level == 255 { 20 } else { 0 };
            // Fire, ice and thunder; not holy.
            for element in [0, 1, 3] {
                sheet.resist[element] += more;
            }
        }
        29 => soul(sheet),
        31 => sheet.defence += level / 2 + v,
        34 => {
            sheet.hp = sheet.hp * 12 / 10;
            sheet.mp = sheet.mp * 12 / 10;
            sheet.attack = sheet.attack * 12 / 10;
            sheet.magic = sheet.magic * 11 / 10;
        }
        35 => {
            sheet.hp = sheet.hp * 11 / 10;
            sheet.mp = sheet.mp * 11 / 10;
        }
        38 => mana_to_hp(2, sheet),
        42 => mana_to_hp(5, sheet),
        _ => {}
    }
}

/// Kappa, fighter and mental potions.
fn potion(v: i64, sheet: &mut Sheet) {
    match v {
        1 => sheet.attack_percent += 4,
        2 => sheet.attack += 30,
        3 => sheet.magic += 5,
        _ => {}
    }
}

fn jewels(bits: i64, sheet: &mut Sheet) {
    if bits & jewel::RESIST != 0 {
        sheet.resist.iter_mut().for_each(|resist| *resist += 25);
    }
    if bits & jewel::HP_AND_DEFENCE != 0 {
        sheet.hp = sheet.hp * 11 / 10;
        sheet.defence = sheet.defence * 11 / 10;
    }
    if bits & jewel::HP_AND_ATTACK != 0 {
        sheet.hp = sheet.hp * 11 / 10;
        sheet.attack = sheet.attack * 11 / 10;
    }
    if bits & jewel::MANA_TO_HP != 0 {
        mana_to_hp(2, sheet);
    }
}

/// A part of the mana becomes hit points.
fn mana_to_hp(part: i64, sheet: &mut Sheet) {
    let moved = sheet.mp / part;
    sheet.mp -= moved;
    sheet.hp += moved;
}

/// The face becomes that of a beast: 22..25, or 32 for the fifth.
fn transform(v: i64, look: &mut [EquipLook; EQUIP_SLOTS]) {
    let face = match v {
        1..=4 => 21 + v as u16,
        5 => 32,
        _ => return,
    };
    look[0] = EquipLook { kind: face, refine: 0, color: 0 };
}

/// The soul of a mortal below level 369, before it is chosen. Chosen souls need what characters do not have yet.
fn soul(sheet: &mut Sheet) {
    if sheet.level < 369 {
        (sheet.strength, sheet.intelligence, sheet.hp) = (2_000, 2_000, 10_000);
    }
}
