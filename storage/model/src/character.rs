//! Characters: hard state (rows and columns) and soft state (one versioned column).

use crate::account::{BadName, check_name};
use crate::id::{AccountId, CharacterId, Epoch};
use crate::item::{CARRY_SLOTS, EQUIP_SLOTS, Item};
use crate::place::{Rect, Tile};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Characters of one account.
pub const CHARACTER_SLOTS: usize = 4;
/// Longest character name that every client shows (the field is 12 bytes on the 7.48 wire).
pub const CHARACTER_NAME_MAX: usize = 12;
/// Shortest character name.
pub const CHARACTER_NAME_MIN: usize = 4;
/// Entries of the skill bar; 0xFF is empty.
pub const SKILL_BAR: usize = 20;
/// Affects that the newer clients show.
pub const AFFECTS: usize = 32;

/// The four classes, numbered as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Class {
    /// TK
    TransKnight = 0,
    /// FM
    Foema = 1,
    /// BM
    BeastMaster = 2,
    /// HT
    Huntress = 3,
}

impl Class {
    /// All classes by number.
    pub const ALL: [Self; 4] = [Self::TransKnight, Self::Foema, Self::BeastMaster, Self::Huntress];

    /// From the number on the wire.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|n| Self::ALL.get(n)).copied()
    }

    /// The number on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A valid character name; unique over all accounts whatever its case.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CharacterName(String);

impl CharacterName {
    /// Checks a name: ASCII letters and digits, 4 to 12.
    pub fn new(text: &str) -> Result<Self, BadName> {
        check_name(text, CHARACTER_NAME_MIN, CHARACTER_NAME_MAX)?;
        Ok(Self(text.to_owned()))
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folded form that is unique.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for CharacterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CharacterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CharacterName({})", self.0)
    }
}

/// One timed effect on a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affect {
    /// Kind, 0 when the slot is empty.
    pub kind: u8,
    /// Level of the caster.
    pub level: u8,
    /// Amount.
    pub value: i16,
    /// Remaining time in units of 8 s.
    pub time: u32,
}

/// Which of an owner's states a soft state is: under its epoch, and counted from 1 by it. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SoftMark {
    /// Epoch of the owner.
    pub epoch: Epoch,
    /// Number under that epoch.
    pub number: u64,
}

impl SoftMark {
    /// Of a state that no owner wrote, or that was written before states were counted.
    pub const NONE: Self = Self { epoch: Epoch(0), number: 0 };
}

/// State that may be a few seconds old after a crash: it is written behind and never decides economy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoftState {
    /// Where the character stands.
    pub tile: Tile,
    /// Facing as a keypad digit.
    pub facing: u8,
    /// Hit points; clamped to the maximum on load, at least 1.
    pub hp: i32,
    /// Mana.
    pub mp: i32,
    /// Home city 0..4, where recall leads.
    pub home_city: u8,
    /// Skill bar, 0xFF empty.
    pub skill_bar: [u8; SKILL_BAR],
    /// Running affects, at most [`AFFECTS`].
    pub affects: Vec<Affect>,
    /// The instance that it entered last, if any.
    pub stay: Option<Stay>,
}

/// A stay of a character in an instance, kept when it is over: nobody is brought into the same instance twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// Number of the instance.
    pub instance: u64,
    /// The tiles of the instance.
    pub area: Rect,
    /// Where it stood in the world when it entered, and stands again when the instance is gone.
    pub back: Tile,
    /// It has left.
    pub over: bool,
}

impl SoftState {
    /// The instance that it is in. Who stands on a tile that the instance does not have has left by a way that was paid for.
    pub fn inside(&self) -> Option<&Stay> {
        self.stay.as_ref().filter(|stay| !stay.over && stay.area.contains(self.tile))
    }

    /// A fresh character at a tile: full health comes from the rules, an empty bar, no affects.
    pub fn fresh(tile: Tile, home_city: u8, hp: i32, mp: i32) -> Self {
        let skill_bar = [0xFF; SKILL_BAR];
        Self { tile, facing: 2, hp, mp, home_city, skill_bar, affects: Vec::new(), stay: None }
    }
}

/// Points not yet spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unspent {
    /// For strength, intelligence, dexterity, constitution.
    pub stat: u16,
    /// For the four masteries.
    pub mastery: u16,
    /// For skills.
    pub skill: u16,
}

/// Base attributes before items and affects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// Strength.
    pub strength: u16,
    /// Intelligence.
    pub intelligence: u16,
    /// Dexterity.
    pub dexterity: u16,
    /// Constitution.
    pub constitution: u16,
}

/// Hard state of a character: durable before it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HardState {
    /// Zero based level.
    pub level: u16,
    /// Experience.
    pub experience: i64,
    /// Gold carried, 0..=[`crate::item::GOLD_MAX`].
    pub gold: i64,
    /// Base attributes.
    pub attributes: Attributes,
    /// Weapon mastery and the three trees.
    pub mastery: [u16; 4],
    /// Points not yet spent.
    pub unspent: Unspent,
    /// Learned skills: 24 bits of the class, 8 special bits; then the second mask.
    pub learned: [u32; 2],
    /// Kingdom or clan: 0 none, 7 blue, 8 red.
    pub clan: u8,
    /// Guild id, 0 none.
    pub guild: u16,
    /// Rank in the guild.
    pub guild_rank: u8,
    /// Chaos points 0..150, 75 neutral.
    pub chaos: u8,
}

/// What a character has become: its hard state without gold, of which the ledger tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Zero based level.
    pub level: u16,
    /// Experience.
    pub experience: i64,
    /// Base attributes.
    pub attributes: Attributes,
    /// Weapon mastery and the three trees.
    pub mastery: [u16; 4],
    /// Points not yet spent.
    pub unspent: Unspent,
    /// Learned skills.
    pub learned: [u32; 2],
    /// Kingdom or clan.
    pub clan: u8,
    /// Guild id, 0 none.
    pub guild: u16,
    /// Rank in the guild.
    pub guild_rank: u8,
    /// Chaos points.
    pub chaos: u8,
}

impl HardState {
    /// All of it but the gold.
    pub fn progress(&self) -> Progress {
        let Self { level, experience, gold: _, attributes, mastery, unspent, .. } = *self;
        let Self { learned, clan, guild, guild_rank, chaos, .. } = *self;
        Progress { level, experience, attributes, mastery, unspent, learned, clan, guild, guild_rank, chaos }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Attributes { strength, intelligence, dexterity, constitution } = self.attributes;
        let Unspent { stat, mastery, skill } = self.unspent;
        write!(
            f,
            "level {}, experience {}, attributes {strength}/{intelligence}/{dexterity}/{constitution}, \
             mastery {:?}, unspent {stat}/{mastery}/{skill}, learned {:08x}/{:08x}, clan {}, guild {} rank {}, \
             chaos {}",
            self.level,
            self.experience,
            self.mastery,
            self.learned[0],
            self.learned[1],
            self.clan,
            self.guild,
            self.guild_rank,
            self.chaos
        )
    }
}

/// A character with everything it carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Character {
    /// Its id.
    pub id: CharacterId,
    /// The account it belongs to.
    pub account: AccountId,
    /// Slot 0..3 in the selection screen.
    pub slot: u8,
    /// Its name.
    pub name: CharacterName,
    /// Its class.
    pub class: Class,
    /// Durable before visible.
    pub hard: HardState,
    /// Written behind.
    pub soft: SoftState,
    /// Equipment, `EQUIP_SLOTS` long; slot 0 is the face.
    pub equip: Vec<Option<Item>>,
    /// Inventory, `CARRY_SLOTS` long.
    pub carry: Vec<Option<Item>>,
}

impl Character {
    /// Empty equipment of the right length.
    pub fn no_equip() -> Vec<Option<Item>> {
        vec![None; EQUIP_SLOTS]
    }

    /// Empty inventory of the right length.
    pub fn no_carry() -> Vec<Option<Item>> {
        vec![None; CARRY_SLOTS]
    }
}
