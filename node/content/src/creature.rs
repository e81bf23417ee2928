//! Monsters, merchants and what new characters start with.

use model::character::HardState;
use model::event::EquipLook;
use model::item::{CARRY_SLOTS, EQUIP_SLOTS, ItemSpec};
use model::{Class, Effect, ItemKind, Score};
use serde::{Deserialize, Serialize};

/// A kind of monster or merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creature {
    /// What generators call it: the name in lower case with spaces for `_`.
    pub key: String,
    /// What clients show over its head, at most 15 Latin letters.
    pub name: String,
    /// Face and clothes.
    pub look: [EquipLook; EQUIP_SLOTS],
    /// Kind of merchant: 0 none, 1 shop, 2 cargo, 19 skill master, 100 quest...; the whole byte.
    pub merchant: u8,
    /// Numbers as shown, with full health; its `merchant` is what clients see, the low nibble (3 skill
    /// master).
    pub score: Score,
    /// Who its friends are: a row of the clan matrix.
    pub clan: u8,
    /// Class byte; matters for element damage.
    pub class: u8,
    /// Experience that it is worth.
    pub experience: i64,
    /// Base of the gold that it drops.
    pub gold: i64,
    /// What it drops or sells, by slot.
    pub carry: Vec<Option<ItemSpec>>,
    /// What it wears; slot 0 is its model.
    pub equip: Vec<Option<ItemSpec>>,
    /// Percent of its turns in which it acts.
    pub chance_to_act: u8,
    /// Percent of its turns in which a ranged one stays instead of stepping away.
    pub chance_to_stay: u8,
    /// Learned skills.
    pub learned: [u32; 2],
    /// Skills that it uses, 0xFF empty.
    pub skill_bar: [u8; 4],
    /// Critical chance byte.
    pub critical: u8,
    /// Resistances: fire, ice, holy, thunder; below zero it suffers more.
    pub resist: [i8; 4],
}

/// How names are compared: case, `_` and space do not matter.
pub(crate) fn key(name: &str) -> String {
    name.trim().chars().map(|c| if c == '_' { ' ' } else { c.to_ascii_lowercase() }).collect()
}

/// What a new character of a class has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starter {
    /// The class.
    pub class: Class,
    /// Level, attributes, gold and points.
    pub hard: HardState,
    /// Equipment, slot 0 is the face.
    pub equip: Vec<Option<ItemSpec>>,
    /// Inventory.
    pub carry: Vec<Option<ItemSpec>>,
}

/// Hard state of a fresh character of a class.
pub(crate) fn fresh(class: Class) -> HardState {
    HardState {
        level: 0,
        experience: 0,
        gold: 0,
        attributes: rules::class::starting(class).attributes,
        mastery: [0; 4],
        unspent: model::character::Unspent::default(),
        learned: [0; 2],
        clan: 0,
        guild: 0,
        guild_rank: 0,
        chaos: 75,
    }
}

impl Starter {
    /// A class with its published numbers, its face and nothing else.
    pub(crate) fn bare(class: Class) -> Self {
        let mut equip = vec![None; EQUIP_SLOTS];
        let face = ItemKind(rules::class::starting(class).face);
        equip[0] = Some(ItemSpec { kind: face, effects: [Effect::default(); 3] });
        Self { class, hard: fresh(class), equip, carry: vec![None; CARRY_SLOTS] }
    }
}
