//! The four characters of an account, as the selection screen shows them.

use super::{EQUIP_SLOTS, ITEM, Item, SCORE, Score};
use crate::form::{Form, I32, I64, NOWHERE, U16, U32, all, each, many, newer, text};

/// Characters of an account.
pub const SLOTS: usize = 4;

/// [`CharacterList`] as a form.
pub const CHARACTER_LIST: Form = Form::Record(&CharacterList::RECORD);

const NAME: Form = text(16);
const EQUIP_16: Form = many(&ITEM, 16);
const EQUIP_18: Form = many(&ITEM, 18);

record! {
    /// The characters of an account, one column a slot. An empty slot is all zero; [`CharacterList::show`] fills one.
    CharacterList = "character_list", sizes [840, 904, 744];
    /// Where each was left, west to east.
    x: [u16; SLOTS] = all(0, many(&U16, SLOTS));
    /// Where each was left, south to north.
    y: [u16; SLOTS] = all(8, many(&U16, SLOTS));
    /// Names.
    names: [String; SLOTS] = all(16, many(&NAME, SLOTS));
    /// Scores.
    scores: [Score; SLOTS] = all(80, many(&SCORE, SLOTS));
    /// Equipment.
    equips: [[Item; EQUIP_SLOTS]; SLOTS] = NOWHERE
        .v759(272, many(&EQUIP_16, SLOTS))
        .v769(272, many(&EQUIP_18, SLOTS))
        .v748(192, many(&EQUIP_16, SLOTS));
    /// Guild numbers.
    guilds: [u16; SLOTS] = each(784, 848, 704, many(&U16, SLOTS));
    /// Gold of each.
    golds: [i64; SLOTS] = each(792, 856, 712, many(&I32, SLOTS));
    /// Experience of each.
    experiences: [i64; SLOTS] = newer(808, 872, many(&I64, SLOTS)).v748(728, many(&U32, SLOTS));
}

/// One character of a [`CharacterList`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CharacterSummary {
    /// Where it was left, west to east.
    pub x: u16,
    /// Where it was left, south to north.
    pub y: u16,
    /// Its name; empty for an empty slot.
    pub name: String,
    /// Its score.
    pub score: Score,
    /// What it wears.
    pub equip: [Item; EQUIP_SLOTS],
    /// Its guild.
    pub guild: u16,
    /// Its gold.
    pub gold: i64,
    /// Its experience.
    pub experience: i64,
}

impl CharacterList {
    /// Puts a character into a slot. A slot that does not exist is left alone.
    pub fn show(&mut self, slot: usize, character: CharacterSummary) {
        if slot >= SLOTS {
            return;
        }
        self.x[slot] = character.x;
        self.y[slot] = character.y;
        self.names[slot] = character.name;
        self.scores[slot] = character.score;
        self.equips[slot] = character.equip;
        self.guilds[slot] = character.guild;
        self.golds[slot] = character.gold;
        self.experiences[slot] = character.experience;
    }

    /// The character of a slot; `None` when the slot is empty or does not exist.
    pub fn get(&self, slot: usize) -> Option<CharacterSummary> {
        let name = self.names.get(slot).filter(|name| !name.is_empty())?.clone();
        Some(CharacterSummary {
            x: self.x[slot],
            y: self.y[slot],
            name,
            score: self.scores[slot].clone(),
            equip: self.equips[slot].clone(),
            guild: self.guilds[slot],
            gold: self.golds[slot],
            experience: self.experiences[slot],
        })
    }
}
