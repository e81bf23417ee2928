//! The skill list.

use serde::{Deserialize, Serialize};

/// Skills that clients have room for.
pub const SKILLS_MAX: usize = 248;

/// One row of the skill list; columns in the order of `SkillData.csv`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SkillDef {
    /// Its number: class * 24 + n for 0..95, 96..103 common.
    pub id: u16,
    /// Skill points that learning costs.
    pub points: i32,
    /// How a target is chosen.
    pub target: i32,
    /// Mana before mastery and saving.
    pub mana: i32,
    /// Seconds until it can be used again.
    pub delay_s: i32,
    /// Reach in tiles.
    pub range: i32,
    /// What it does at once: 1..5 element damage, 6 heal, 7.. others; 0 nothing.
    pub instance_kind: i32,
    /// Amount of that.
    pub instance_value: i32,
    /// What it does every 8 s; 0 nothing.
    pub tick_kind: i32,
    /// Amount of that.
    pub tick_value: i32,
    /// Affect that it leaves; 0 none.
    pub affect_kind: i32,
    /// Amount of the affect.
    pub affect_value: i32,
    /// Base duration of the affect as in the list.
    pub affect_time: i32,
    /// Animations of the caster by weapon.
    pub act_first: [u8; 8],
    /// The second set of animations.
    pub act_second: [u8; 8],
    /// Element of the instance.
    pub instance_attribute: i32,
    /// Element of the tick.
    pub tick_attribute: i32,
    /// True when it is an attack.
    pub aggressive: bool,
    /// Most targets of one cast.
    pub targets_max: i32,
    /// True when it works on the party.
    pub party: bool,
    /// Added to the chance that a victim resists the affect.
    pub affect_resist: i32,
    /// True when it works by being learned.
    pub passive: bool,
    /// The last number column; what it means is not established.
    pub unknown: i32,
    /// Its name as in the list.
    pub name: String,
}

/// The skill list, found by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkillTable {
    rows: Vec<Option<SkillDef>>,
}

impl SkillTable {
    /// From rows in any order; of two rows with one number the later replaces the earlier, and numbers that
    /// clients have no room for are left out.
    pub fn new(rows: impl IntoIterator<Item = SkillDef>) -> Self {
        let mut table = Self::default();
        for row in rows.into_iter().filter(|row| usize::from(row.id) < SKILLS_MAX) {
            let id = usize::from(row.id);
            if table.rows.len() <= id {
                table.rows.resize(id + 1, None);
            }
            table.rows[id] = Some(row);
        }
        table
    }

    /// The row of a skill.
    pub fn get(&self, id: u16) -> Option<&SkillDef> {
        self.rows.get(usize::from(id))?.as_ref()
    }

    /// How many skills there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All rows by ascending number.
    pub fn iter(&self) -> impl Iterator<Item = &SkillDef> {
        self.rows.iter().flatten()
    }
}
