//! From a character and its items to the numbers that everybody sees.
//!
//! Source: game-rules, "Score derivation" (W): the order of the steps matters and is kept. Everything is
//! summed in 64 bits and cut to its range at the end, so no content can make it overflow.
//!
//! Not part of it, because characters do not have it yet: evolution (all are mortals) and the choice of a
//! soul. Evasion, reflection and absorption belong to the fight.

mod affects;

use crate::ability::ability;
use crate::item::{ItemDef, ItemTable, position};
use crate::{class, effect, mount, refine};
use model::character::HardState;
use model::event::EquipLook;
use model::item::EQUIP_SLOTS;
use model::{Character, Class, Item, Score};

/// Armour class of a naked character at level 0; a level adds one. Source: the starting records.
pub const BASE_DEFENCE: i32 = 4;
/// Attack of a naked character before attributes. Source: the starting records.
pub const BASE_ATTACK: i32 = 5;
/// Attack speed nibble of a naked character. Source: the starting records.
pub const BASE_ATTACK_SPEED: u8 = 5;
/// Most hit points and mana.
pub const HEALTH_MAX: i32 = 2_000_000_000;
/// Highest running speed in tiles a second.
pub const RUN_SPEED_MAX: u8 = 6;
/// Highest mastery by items.
const MASTERY_MAX: i64 = 320;
/// Slots of the two hands.
const HANDS: [usize; 2] = [6, 7];

/// Everything that follows from a character, its items and its affects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    /// Numbers before items and affects.
    pub base: Score,
    /// Numbers as shown.
    pub score: Score,
    /// Critical chance byte: an attack is critical when a roll of 0..254 is lower.
    pub critical: u8,
    /// Percent of mana saved.
    pub save_mana: u8,
    /// Magic attack percent, in quarters.
    pub magic: u8,
    /// Regeneration of hit points and mana.
    pub regen: (u8, u8),
    /// Resistances 0..100: fire, ice, holy, thunder.
    pub resist: [u8; 4],
    /// Kingdom of the cape: 7 blue, 8 red, 0 no cape of a kingdom.
    pub kingdom: u8,
    /// What others see of the equipment.
    pub look: [EquipLook; EQUIP_SLOTS],
}

/// Derives everything. Hit points and mana are those of the soft state, cut to the derived maxima; 0 stays 0.
pub fn derive(character: &Character, items: &ItemTable) -> Derived {
    let base = base(character);
    let worn = Worn::new(character, items);
    let mut sheet = Sheet::new(&base);
    sheet.wear(&worn, &character.hard, character.class);
    let mut look = look(character);
    for affect in character.soft.affects.iter().take(model::character::AFFECTS) {
        affects::apply(affect, character, &mut sheet, &mut look);
        sheet.bound();
    }
    sheet.finish(character, base, worn.kingdom(), look)
}

fn base(character: &Character) -> Score {
    let hard = &character.hard;
    let (hp, mp) = class::base_health(character.class, hard.level, &hard.attributes);
    Score {
        level: hard.level,
        defence: BASE_DEFENCE + i32::from(hard.level),
        attack: BASE_ATTACK,
        merchant: 0,
        facing: character.soft.facing,
        run_speed: class::starting(character.class).run_speed,
        attack_speed: BASE_ATTACK_SPEED,
        hp_max: hp,
        mp_max: mp,
        hp,
        mp,
        strength: hard.attributes.strength,
        intelligence: hard.attributes.intelligence,
        dexterity: hard.attributes.dexterity,
        constitution: hard.attributes.constitution,
        mastery: hard.mastery,
    }
}

/// What others see of the equipment. The bytes of a mount are no refinement.
fn look(character: &Character) -> [EquipLook; EQUIP_SLOTS] {
    let mut look = [EquipLook::default(); EQUIP_SLOTS];
    for (shown, item) in look.iter_mut().zip(&character.equip) {
        let Some(item) = item else { continue };
        *shown = match mount::is_mount(item) {
            true => EquipLook { kind: item.kind.0, refine: 0, color: 0 },
            false => refine::look(item.kind, &item.effects),
        };
    }
    look
}

/// The equipment with what the item list says of it.
struct Worn<'a> {
    pieces: Vec<(usize, &'a Item, &'a ItemDef)>,
    riding: mount::Riding,
}

impl<'a> Worn<'a> {
    fn new(character: &'a Character, items: &'a ItemTable) -> Self {
        let slots = character.equip.iter().take(EQUIP_SLOTS).enumerate();
        let pieces = slots
            .filter_map(|(slot, item)| item.as_ref().map(|item| (slot, item)))
            .filter(|(_, item)| !mount::is_mount(item))
            .filter_map(|(slot, item)| Some((slot, item, items.get(item.kind)?)))
            .collect();
        let mount = character.equip.get(mount::SLOT).and_then(Option::as_ref);
        Self { pieces, riding: mount.and_then(mount::riding).unwrap_or_default() }
    }

    fn sum(&self, code: u8) -> i64 {
        self.pieces.iter().map(|(_, item, def)| i64::from(ability(item, def, code))).sum()
    }

    /// The same without one slot.
    fn sum_without(&self, code: u8, slots: &[usize]) -> i64 {
        let counted = self.pieces.iter().filter(|(slot, ..)| !slots.contains(slot));
        counted.map(|(_, item, def)| i64::from(ability(item, def, code))).sum()
    }

    fn hand(&self, slot: usize) -> (i64, i16) {
        let piece = self.pieces.iter().find(|(found, ..)| *found == slot);
        piece.map_or((0, 0), |(_, item, def)| {
            let damage = ability(item, def, effect::DAMAGE) + ability(item, def, effect::DAMAGE2);
            (i64::from(damage), def.unique)
        })
    }

    /// Damage of both hands: the better one, and of the other 50 % when both are of one family, else
    /// 30 %; all of it for a TransKnight with bit 9 or a Huntress with bit 10.
    fn weapons(&self, hard: &HardState, class: Class) -> i64 {
        let [(left, left_family), (right, right_family)] = HANDS.map(|slot| self.hand(slot));
        let (better, other) = (left.max(right), left.min(right));
        if left_family == 0 || right_family == 0 {
            return better;
        }
        let master = match class {
            Class::TransKnight => hard.learned[0] & (1 << 9) != 0,
            Class::Huntress => hard.learned[0] & (1 << 10) != 0,
            Class::Foema | Class::BeastMaster => false,
        };
        let percent = match (master, left_family == right_family) {
            (true, _) => 100,
            (false, true) => 50,
            (false, false) => 30,
        };
        better + other * percent / 100
    }

    fn kingdom(&self) -> u8 {
        self.pieces
            .iter()
            .map(|(_, item, _)| match item.kind.0 {
                543 | 545 | 734 | 736 | 3191 | 3194 | 3197 => 7,
                544 | 546 | 735 | 737 | 3192 | 3195 | 3198 => 8,
                _ => 0,
            })
            .find(|kingdom| *kingdom != 0)
            .unwrap_or(0)
    }
}

/// The numbers while they are summed up.
struct Sheet {
    level: i64,
    defence: i64,
    attack: i64,
    attack_percent: i64,
    hp: i64,
    mp: i64,
    strength: i64,
    intelligence: i64,
    dexterity: i64,
    constitution: i64,
    mastery: [i64; 4],
    run: i64,
    attack_speed: i64,
    magic: i64,
    critical: i64,
    save_mana: i64,
    regen: (i64, i64),
    resist: [i64; 4],
}

impl Sheet {
    fn new(base: &Score) -> Self {
        Self {
            level: i64::from(base.level),
            defence: i64::from(base.defence),
            attack: i64::from(base.attack),
            attack_percent: 100,
            hp: i64::from(base.hp_max),
            mp: i64::from(base.mp_max),
            strength: i64::from(base.strength),
            intelligence: i64::from(base.intelligence),
            dexterity: i64::from(base.dexterity),
            constitution: i64::from(base.constitution),
            mastery: base.mastery.map(i64::from),
            run: i64::from(base.run_speed),
            attack_speed: i64::from(base.attack_speed) * 10,
            magic: 0,
            critical: 0,
            save_mana: 0,
            regen: (0, 0),
            resist: [0; 4],
        }
    }

    fn wear(&mut self, worn: &Worn<'_>, hard: &HardState, class: Class) {
        let riding = worn.riding;
        self.defence += worn.sum(effect::AC) + worn.sum(effect::ACADD);
        self.attack += worn.weapons(hard, class) + i64::from(riding.attack);
        self.attack += worn.sum_without(effect::DAMAGE, &HANDS) + worn.sum(effect::DAMAGEADD);
        self.hp += worn.sum(effect::HP);
        self.mp += worn.sum(effect::MP);
        self.attributes(worn);
        self.mastery(worn);
        self.magic = (worn.sum_without(effect::MAGIC, &HANDS[1..])
            + worn.sum(effect::MAGICADD)
            + i64::from(riding.magic)
            + 1)
            / 4;
        self.magic = self.magic.min(254);
        self.run = (self.run + worn.sum(effect::RUNSPEED)).max(i64::from(riding.speed));
        self.attack_speed += worn.sum(effect::ATTSPEED) + self.dexterity / 5;
        self.critical = worn.sum(effect::CRITICAL) / 4;
        self.save_mana = worn.sum(effect::SAVEMANA);
        self.regen = (worn.sum(effect::REGENHP), worn.sum(effect::REGENMP));
        for (code, resist) in (effect::RESIST1..).zip(&mut self.resist) {
            *resist = worn.sum(code) + i64::from(riding.resist);
        }
        let learned = |bit: u32| hard.learned[0] & (1 << bit) != 0;
        if class == Class::TransKnight && learned(15) {
            self.defence = self.defence * 11 / 10;
            self.critical += 24;
        }
        self.hp = self.hp * (100 + worn.sum(effect::HPADD) + worn.sum(effect::HPADD2)) / 100;
        self.mp = self.mp * (100 + worn.sum(effect::MPADD) + worn.sum(effect::MPADD2)) / 100;
        self.refined_gear(worn);
        if class == Class::Huntress {
            self.huntress(worn, learned);
        }
    }

    /// Attributes, and what constitution and intelligence beyond the base give; then health is doubled.
    fn attributes(&mut self, worn: &Worn<'_>) {
        let (constitution, intelligence) = (worn.sum(effect::CON), worn.sum(effect::INT));
        self.strength += worn.sum(effect::STR);
        self.intelligence += intelligence;
        self.dexterity += worn.sum(effect::DEX);
        self.constitution += constitution;
        self.hp = 2 * self.hp + 2 * constitution;
        self.mp = 2 * self.mp + 2 * intelligence;
    }

    fn mastery(&mut self, worn: &Worn<'_>) {
        let all = worn.sum(effect::SPECIALALL);
        for (tree, (mastery, code)) in self.mastery.iter_mut().zip(effect::SPECIAL1..).enumerate() {
            let more = worn.sum(code) + if tree > 0 { all } else { 0 };
            *mastery = (*mastery + more).min(MASTERY_MAX.max(*mastery));
        }
    }

    /// Coat, pants and shield of +9 and more protect, weapons hit harder, staffs carry magic.
    fn refined_gear(&mut self, worn: &Worn<'_>) {
        for (_, item, def) in &worn.pieces {
            if refine::level(item) < 9 {
                continue;
            }
            match def.position {
                position::COAT | position::PANTS | position::RIGHT_HAND => self.defence += 25,
                position::LEFT_HAND | position::EITHER_HAND if def.unique == 47 => self.magic += 8,
                position::LEFT_HAND | position::EITHER_HAND => self.attack += 40,
                _ => {}
            }
        }
    }

    fn huntress(&mut self, worn: &Worn<'_>, learned: impl Fn(u32) -> bool) {
        let holds_family = |family: i16| HANDS.iter().any(|slot| worn.hand(*slot).1 == family);
        if learned(2) && holds_family(64) {
            self.attack += self.mastery[1] + 10;
        }
        if learned(7) {
            self.attack += 2 * self.mastery[1];
        }
        if learned(18) {
            self.critical += ((self.mastery[3] + 1) / 10 + self.dexterity / 75).max(4);
        }
        if learned(22) {
            self.defence += self.mastery[3] / 3 + 10;
        }
    }

    /// Keeps the numbers that affects multiply far from the end of 64 bits, however many affects there are.
    fn bound(&mut self) {
        const FAR: i64 = 1_000_000_000_000;
        for number in [
            &mut self.defence,
            &mut self.attack,
            &mut self.hp,
            &mut self.mp,
            &mut self.dexterity,
            &mut self.magic,
        ] {
            *number = (*number).clamp(-FAR, FAR);
        }
    }

    fn finish(
        mut self,
        character: &Character,
        base: Score,
        kingdom: u8,
        look: [EquipLook; EQUIP_SLOTS],
    ) -> Derived {
        self.attack += self.strength / 2 + self.dexterity / 3 + self.mastery[0] + self.level;
        self.attack = self.attack * self.attack_percent / 100;
        let hp_max = self.hp.clamp(1, i64::from(HEALTH_MAX)) as i32;
        let mp_max = self.mp.clamp(0, i64::from(HEALTH_MAX)) as i32;
        let amount = |value: i64| value.clamp(0, i64::from(HEALTH_MAX)) as i32;
        let byte = |value: i64| value.clamp(0, 255) as u8;
        let stat = |value: i64| value.clamp(0, i64::from(i16::MAX)) as u16;
        let score = Score {
            defence: amount(self.defence),
            attack: amount(self.attack),
            run_speed: self.run.clamp(1, i64::from(RUN_SPEED_MAX)) as u8,
            attack_speed: (self.attack_speed.clamp(0, 150) / 10) as u8,
            hp_max,
            mp_max,
            hp: character.soft.hp.clamp(0, hp_max),
            mp: character.soft.mp.clamp(0, mp_max),
            strength: stat(self.strength),
            intelligence: stat(self.intelligence),
            dexterity: stat(self.dexterity),
            constitution: stat(self.constitution),
            mastery: self.mastery.map(stat),
            ..base
        };
        Derived {
            base,
            score,
            critical: byte(self.critical),
            save_mana: self.save_mana.clamp(0, 100) as u8,
            magic: byte(self.magic),
            regen: (byte(self.regen.0), byte(self.regen.1)),
            resist: self.resist.map(|resist| resist.clamp(0, 100) as u8),
            kingdom,
            look,
        }
    }
}
