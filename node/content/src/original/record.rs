//! Raw character records: monsters, merchants, summons and the four starting characters.
//!
//! The length of a file tells its version: 756, 816 and 1040 bytes are known. Files of 920 bytes hold the
//! 756 layout (gold at 24, 28-byte scores at 36 and 64, skill bar at 744) followed by 164 bytes of leftover
//! memory: this was found by comparing them with their neighbours, and every such file is reported.

use crate::creature::key;
use crate::text::{latin, shown};
use crate::{Creature, Report};
use model::event::EquipLook;
use model::item::{CARRY_SLOTS, EQUIP_SLOTS, ItemSpec};
use model::{Effect, ItemKind, Score};

/// Bytes of a name in a record.
const NAME: usize = 16;
/// Letters of a name that clients show.
const NAME_SHOWN: usize = 15;
/// Levels above this are not levels but the sign of a record that is something else.
const LEVEL_MAX: i64 = 9_999;

/// A decoded record, before it becomes a creature or a starter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) clan: u8,
    pub(crate) merchant: u8,
    pub(crate) class: u8,
    pub(crate) gold: i64,
    pub(crate) experience: i64,
    pub(crate) base: Score,
    pub(crate) current: Score,
    pub(crate) equip: Vec<Option<ItemSpec>>,
    pub(crate) carry: Vec<Option<ItemSpec>>,
    pub(crate) learned: [u32; 2],
    pub(crate) bonus: [u16; 3],
    pub(crate) skill_bar: [u8; 4],
    pub(crate) critical: u8,
    pub(crate) resist: [u8; 4],
}

/// Where the parts of a record lie.
struct Layout {
    gold: usize,
    experience: usize,
    experience_wide: bool,
    base: usize,
    score: ScoreLayout,
    equip: usize,
    equip_slots: usize,
    carry: usize,
    learned: usize,
    learned_second: Option<usize>,
    bonus: usize,
    critical: usize,
    bar: usize,
    resist: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ScoreLayout {
    /// 28 bytes, everything 16 bits.
    Narrow,
    /// 48 bytes, level, armour, damage and health 32 bits.
    Wide,
}

impl ScoreLayout {
    fn len(self) -> usize {
        match self {
            Self::Narrow => 28,
            Self::Wide => 48,
        }
    }
}

const BYTES_756: Layout = Layout {
    gold: 24,
    experience: 28,
    experience_wide: false,
    base: 36,
    score: ScoreLayout::Narrow,
    equip: 92,
    equip_slots: 16,
    carry: 220,
    learned: 732,
    learned_second: None,
    bonus: 736,
    critical: 742,
    bar: 744,
    resist: 752,
};

const BYTES_816: Layout = Layout {
    gold: 28,
    experience: 32,
    experience_wide: true,
    base: 44,
    score: ScoreLayout::Wide,
    equip: 140,
    equip_slots: 16,
    carry: 268,
    learned: 780,
    learned_second: Some(784),
    bonus: 788,
    critical: 794,
    bar: 796,
    resist: 806,
};

const BYTES_1040: Layout = Layout {
    gold: 24,
    experience: 32,
    experience_wide: true,
    base: 44,
    score: ScoreLayout::Wide,
    equip: 140,
    equip_slots: 18,
    carry: 284,
    learned: 796,
    learned_second: Some(800),
    bonus: 804,
    critical: 810,
    bar: 812,
    resist: 820,
};

/// Decodes a record; what is wrong with it is reported under the file's name. `None` when nothing of it
/// can be used.
pub(crate) fn parse(bytes: &[u8], file: &str, report: &mut Report) -> Option<Record> {
    let layout = match bytes.len() {
        756 => &BYTES_756,
        816 => &BYTES_816,
        1040 => &BYTES_1040,
        920 => {
            report.file(file, "920 bytes: read as a record of 756, the last 164 bytes are left out");
            &BYTES_756
        }
        0 => {
            report.file(file, "empty; not loaded");
            return None;
        }
        length => {
            report.file(file, format!("{length} bytes is no known length of a record; not loaded"));
            return None;
        }
    };
    let fields = Fields(bytes);
    let level = fields.level(layout)?;
    if !(0..=LEVEL_MAX).contains(&level) {
        report.file(file, format!("level {level}: this is not a character record; not loaded"));
        return None;
    }
    let name_bytes = bytes[..NAME].split(|byte| *byte == 0).next().unwrap_or_default();
    if name_bytes.is_empty() {
        report.file(file, "the record has no name; not loaded");
        return None;
    }
    let mut name: String = latin(name_bytes).chars().map(|c| if c == '_' { ' ' } else { c }).collect();
    if name.chars().any(char::is_control) {
        report.file(file, format!("name `{}` has control characters; not loaded", shown(name_bytes)));
        return None;
    }
    if name.chars().count() > NAME_SHOWN {
        name = name.chars().take(NAME_SHOWN).collect();
        report.file(file, format!("name has no end; shortened to `{name}`"));
    }
    Some(fields.record(layout, name.trim().to_owned()))
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn u8(&self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.bytes(at))
    }

    fn level(&self, layout: &Layout) -> Option<i64> {
        Some(match layout.score {
            ScoreLayout::Narrow => i64::from(self.u16(layout.base + layout.score.len())),
            ScoreLayout::Wide => i64::from(self.i32(layout.base + layout.score.len())),
        })
    }

    fn record(&self, layout: &Layout, name: String) -> Record {
        let experience = if layout.experience_wide {
            i64::from_le_bytes(self.bytes(layout.experience))
        } else {
            i64::from(u32::from_le_bytes(self.bytes(layout.experience)))
        };
        let mut equip = self.items(layout.equip, layout.equip_slots);
        equip.resize(EQUIP_SLOTS, None);
        Record {
            name,
            clan: self.u8(16),
            merchant: self.u8(17),
            class: self.u8(20),
            gold: i64::from(self.i32(layout.gold)),
            experience,
            base: self.score(layout.base, layout.score),
            current: self.score(layout.base + layout.score.len(), layout.score),
            equip,
            carry: self.items(layout.carry, CARRY_SLOTS),
            learned: [
                u32::from_le_bytes(self.bytes(layout.learned)),
                layout.learned_second.map_or(0, |at| u32::from_le_bytes(self.bytes(at))),
            ],
            bonus: [self.u16(layout.bonus), self.u16(layout.bonus + 2), self.u16(layout.bonus + 4)],
            skill_bar: self.bytes(layout.bar),
            critical: self.u8(layout.critical),
            resist: self.bytes(layout.resist),
        }
    }

    fn items(&self, at: usize, count: usize) -> Vec<Option<ItemSpec>> {
        (0..count)
            .map(|slot| {
                let [low, high, effects @ ..] = self.bytes::<8>(at + 8 * slot);
                let kind = u16::from_le_bytes([low, high]);
                let effects = [0, 2, 4].map(|at| Effect { code: effects[at], value: effects[at + 1] });
                (kind != 0).then_some(ItemSpec { kind: ItemKind(kind), effects })
            })
            .collect()
    }

    fn score(&self, at: usize, layout: ScoreLayout) -> Score {
        let wide = layout == ScoreLayout::Wide;
        let number = |index: usize| match wide {
            true => self.i32(at + 4 * index),
            false => i32::from(self.u16(at + 2 * index)),
        };
        let (bytes, health, stats) =
            if wide { (at + 12, at + 16, at + 32) } else { (at + 6, at + 8, at + 16) };
        let health = |index: usize| match wide {
            true => self.i32(health + 4 * index),
            false => i32::from(self.u16(health + 2 * index)),
        };
        let stat = |index: usize| self.u16(stats + 2 * index).min(i16::MAX as u16);
        let mastery = |index: usize| match wide {
            true => self.u16(stats + 8 + 2 * index).min(i16::MAX as u16),
            false => u16::from(self.u8(stats + 8 + index)),
        };
        let (kind, motion) = (self.u8(bytes), self.u8(bytes + 1));
        Score {
            level: u16::try_from(number(0)).unwrap_or(0),
            defence: number(1),
            attack: number(2),
            merchant: kind & 15,
            facing: kind >> 4,
            run_speed: (motion & 15).clamp(1, 6),
            attack_speed: motion >> 4,
            hp_max: health(0),
            mp_max: health(1),
            hp: health(2),
            mp: health(3),
            strength: stat(0),
            intelligence: stat(1),
            dexterity: stat(2),
            constitution: stat(3),
            mastery: [0, 1, 2, 3].map(mastery),
        }
    }
}

impl Record {
    /// The creature that generators call `file_name`, with full health.
    pub(crate) fn into_creature(self, file_name: &str) -> Creature {
        let percent = |value: u16| u8::try_from(value.min(100)).unwrap_or(100);
        let mut score = self.current;
        (score.hp, score.mp) = (score.hp_max, score.mp_max);
        let mut look = [EquipLook::default(); EQUIP_SLOTS];
        for (slot, item) in look.iter_mut().zip(&self.equip) {
            if let Some(spec) = item {
                *slot = rules::refine::look(spec.kind, &spec.effects);
            }
        }
        Creature {
            key: key(file_name),
            name: self.name,
            look,
            merchant: self.merchant,
            score,
            clan: self.clan,
            class: self.class,
            experience: self.experience,
            gold: self.gold,
            carry: self.carry,
            equip: self.equip,
            chance_to_act: percent(self.base.intelligence),
            chance_to_stay: percent(self.base.dexterity),
            learned: self.learned,
            skill_bar: self.skill_bar,
            critical: self.critical,
            resist: self.resist.map(u8::cast_signed),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// A record in which every field has a value of its own.
    fn bytes(length: usize) -> Vec<u8> {
        let layout = match length {
            756 | 920 => &BYTES_756,
            816 => &BYTES_816,
            _ => &BYTES_1040,
        };
        let mut bytes = vec![0xCC; length];
        bytes[layout.equip..layout.learned].fill(0);
        bytes[..16].copy_from_slice(b"Lobo_Cinza\0xxxxx");
        (bytes[16], bytes[17], bytes[20]) = (3, 100, 2);
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(layout.gold, &777i32.to_le_bytes());
        if layout.experience_wide {
            put(layout.experience, &5_000_000_000i64.to_le_bytes());
        } else {
            put(layout.experience, &4_000_000_000u32.to_le_bytes());
        }
        for (at, intelligence) in [(layout.base, 70u16), (layout.base + layout.score.len(), 71)] {
            let stats = [5, intelligence, 30, 600].map(u16::to_le_bytes).concat();
            match layout.score {
                ScoreLayout::Wide => {
                    put(at, &[41i32, 42, 43].map(i32::to_le_bytes).concat());
                    put(at + 12, &[0x64, 0x53, 0xCC, 0xCC]);
                    put(at + 16, &[100_000i32, 45, 6, 7].map(i32::to_le_bytes).concat());
                    put(at + 32, &stats);
                    put(at + 40, &[9u16, 8, 7, 6].map(u16::to_le_bytes).concat());
                }
                ScoreLayout::Narrow => {
                    put(at, &[41u16, 42, 43].map(u16::to_le_bytes).concat());
                    put(at + 6, &[0x64, 0x53]);
                    put(at + 8, &[50_000u16, 45, 6, 7].map(u16::to_le_bytes).concat());
                    put(at + 16, &stats);
                    put(at + 24, &[9, 8, 7, 6]);
                }
            }
        }
        put(layout.equip, &[0xDC, 0x00, 43, 9, 0, 0, 0, 0]);
        put(layout.carry + 8 * 63, &[0x91, 0x01, 61, 120, 0, 0, 0, 0]);
        put(layout.learned, &0x55AAu32.to_le_bytes());
        put(layout.bonus, &[1u16, 2, 3].map(u16::to_le_bytes).concat());
        put(layout.critical, &[77]);
        put(layout.bar, &[1, 2, 3, 4]);
        put(layout.resist, &[5, 6, 0xF5, 8]);
        bytes
    }

    #[test]
    fn records_of_every_length_hold_the_same() {
        for length in [756, 816, 920, 1040] {
            let mut report = Report::default();
            let record = parse(&bytes(length), "npc/Lobo", &mut report).unwrap();
            assert_eq!(report.oddities.len(), usize::from(length == 920), "{length} bytes");
            assert_eq!(record.name, "Lobo Cinza");
            assert_eq!((record.clan, record.merchant, record.class, record.gold), (3, 100, 2, 777));
            assert_eq!(record.bonus, [1, 2, 3]);
            let creature = record.into_creature("Lobo_");
            assert_eq!(
                (creature.key.as_str(), creature.chance_to_act, creature.chance_to_stay),
                ("lobo ", 70, 30)
            );
            let score = creature.score;
            assert_eq!((score.level, score.defence, score.attack), (41, 42, 43), "{length} bytes");
            assert_eq!((score.merchant, score.facing, score.run_speed, score.attack_speed), (4, 6, 3, 5));
            let wide = matches!(length, 816 | 1040);
            assert_eq!(score.hp_max, if wide { 100_000 } else { 50_000 });
            assert_eq!((score.hp, score.mp), (score.hp_max, 45));
            assert_eq!((score.intelligence, score.constitution, score.mastery), (71, 600, [9, 8, 7, 6]));
            assert_eq!(creature.experience, if wide { 5_000_000_000 } else { 4_000_000_000 });
            assert_eq!((creature.look[0].kind, creature.look[0].refine), (220, 9));
            assert_eq!(creature.carry[63].unwrap().kind, ItemKind(401));
            assert_eq!(creature.learned[0], 0x55AA);
            assert_eq!(
                (creature.critical, creature.skill_bar, creature.resist),
                (77, [1, 2, 3, 4], [5, 6, -11, 8])
            );
            assert_eq!((creature.equip.len(), creature.carry.len()), (EQUIP_SLOTS, CARRY_SLOTS));
        }
    }

    #[test]
    fn what_is_no_record_is_reported_once_and_not_loaded() {
        let mut nameless = bytes(816);
        nameless[0] = 0;
        let mut text = bytes(816);
        text[92..96].copy_from_slice(b"text");
        let mut control = bytes(816);
        control[0] = b'\n';
        for bad in [vec![], vec![0; 815], vec![1; 2450], nameless, text, control] {
            let mut report = Report::default();
            assert_eq!(parse(&bad, "npc/Bad", &mut report), None);
            assert_eq!(report.oddities.len(), 1);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(
            length in prop_oneof![Just(756usize), Just(816), Just(920), Just(1040), 0usize..1100],
            seed in proptest::collection::vec(any::<u8>(), 1100),
        ) {
            let mut report = Report::default();
            if let Some(record) = parse(&seed[..length], "npc/Any", &mut report) {
                let creature = record.into_creature("Any");
                prop_assert!((1..=6).contains(&creature.score.run_speed));
            } else {
                prop_assert!(!report.oddities.is_empty());
            }
        }
    }
}
