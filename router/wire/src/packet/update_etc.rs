//! Experience, points to spend, gold.

use crate::form::{I16, I32, I64, NOWHERE, U16, U32, all, each, many, newer};
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// What the player earned. The header's id is its own.
    UpdateEtc = "update_etc", shapes(ToClient, 0x0337, [48, 48, 36]);
    /// Experience to be earned back before more counts.
    exp_hold: i32 = all(12, I32);
    /// Experience.
    experience: i64 = newer(16, 16, I64).v748(16, U32);
    /// Bits of learned skills, 24 for the class; the second word is of newer clients.
    learned_skills: [u32; 2] = newer(24, 24, many(&U32, 2)).v748(20, many(&U32, 1));
    /// Attribute points to spend.
    score_bonus: u16 = newer(32, 32, I16).v748(24, U16);
    /// Mastery points to spend.
    mastery_bonus: u16 = newer(34, 34, I16).v748(26, U16);
    /// Skill points to spend.
    skill_bonus: u16 = newer(36, 36, I16).v748(28, U16);
    /// Percent of magic attack. 7.48 does not show it.
    magic: u16 = NOWHERE.v759(38, U16).v748(30, U16);
    /// Gold carried.
    gold: i64 = each(40, 40, 32, I32);
}
