//! The score of an entity.

use crate::form::{I16, I32, U8, U16, all, each, many, newer};
use crate::record::{AFFECTS, SCORE, Score, scaled_for_748};
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// The score of the entity of the header's id. Only its own client looks at more than score, affects and guild.
    UpdateScore = "update_score", shapes(ToClient, 0x0336, [152, 152, 92]), fit = UpdateScore::narrow;
    /// Score.
    score: Score = all(12, SCORE);
    /// Chance of a critical hit.
    critical: u8 = each(60, 60, 40, U8);
    /// Percent of mana saved.
    save_mana: u8 = each(61, 61, 41, U8);
    /// What works on it: see `record::affect_word`.
    affects: [u16; AFFECTS] = newer(62, 62, many(&U16, 32)).v748(42, many(&U16, 16));
    /// Guild number in the low 12 bits, its channel above.
    guild: u16 = each(126, 126, 74, U16);
    /// Rank in the guild.
    guild_level: u16 = each(128, 128, 76, U16);
    /// Resistances: fire, ice, holy, thunder.
    resist: [u8; 4] = each(130, 130, 78, many(&U8, 4));
    /// Hit points that the bar moves to; the same as in the score when nothing is pending.
    req_hp: i32 = newer(136, 136, I32).v748(82, I16);
    /// Mana points that the bar moves to.
    req_mp: i32 = newer(140, 140, I32).v748(84, I16);
    /// Percent of magic attack.
    magic: u16 = newer(144, 144, U16).v748(86, U8);
    /// A visible effect.
    avatar_flag: u8 = each(148, 148, 90, U8);
}

impl UpdateScore {
    fn narrow(&mut self) {
        self.req_hp = scaled_for_748(self.req_hp, self.score.hp_max);
        self.req_mp = scaled_for_748(self.req_mp, self.score.mp_max);
    }
}
