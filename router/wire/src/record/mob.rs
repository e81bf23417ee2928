//! The character record of the way into the world.

use super::{CARRY_SLOTS, EQUIP_SLOTS, ITEM, Item, SCORE, Score};
use crate::form::{Form, I16, I32, I64, NOWHERE, U8, U16, U32, all, each, many, newer, text, text_most};

/// [`Mob`] as a form.
pub const MOB: Form = Form::Record(&Mob::RECORD);

record! {
    /// Everything that a client is told of its own character when it enters the world.
    Mob = "mob", sizes [1024, 1040, 756];
    /// Name. 7.48 keeps twelve bytes of it.
    name: String = newer(0, 0, text(16)).v748(0, text_most(12, 12));
    /// PK points, shown by the colour of the name.
    chaos: u8 = NOWHERE.v748(12, U8);
    /// Kingdom.
    clan: u8 = all(16, U8);
    /// Kind of merchant; of players the two highest bits are the home city.
    merchant: u8 = all(17, U8);
    /// Guild number in the low 12 bits, its channel above.
    guild: u16 = all(18, U16);
    /// 0 TransKnight, 1 Foema, 2 BeastMaster, 3 Huntress.
    class: u8 = all(20, U8);
    /// Bits of what works on the character.
    status_flags: u8 = all(21, U8);
    /// Quest bits.
    quest: u16 = all(22, U16);
    /// Gold carried.
    gold: i64 = all(24, I32);
    /// Experience.
    experience: i64 = newer(32, 32, I64).v748(28, U32);
    /// Saved tile, west to east.
    save_x: u16 = each(40, 40, 32, U16);
    /// Saved tile, south to north.
    save_y: u16 = each(42, 42, 34, U16);
    /// Score without items and affects.
    base_score: Score = each(44, 44, 36, SCORE);
    /// Score with them.
    current_score: Score = each(92, 92, 64, SCORE);
    /// Equipment.
    equip: [Item; EQUIP_SLOTS] = NOWHERE
        .v759(140, many(&ITEM, 16))
        .v769(140, many(&ITEM, 18))
        .v748(92, many(&ITEM, 16));
    /// Inventory.
    carry: [Item; CARRY_SLOTS] = each(268, 284, 220, many(&ITEM, 64));
    /// Bits of learned skills, 24 for the class; the second word is of newer clients.
    learned_skills: [u32; 2] = newer(780, 796, many(&U32, 2)).v748(732, many(&U32, 1));
    /// Attribute points to spend.
    score_bonus: u16 = newer(788, 804, I16).v748(736, U16);
    /// Mastery points to spend.
    mastery_bonus: u16 = newer(790, 806, I16).v748(738, U16);
    /// Skill points to spend.
    skill_bonus: u16 = newer(792, 808, I16).v748(740, U16);
    /// Chance of a critical hit.
    critical: u8 = each(794, 810, 742, U8);
    /// Percent of mana saved.
    save_mana: u8 = each(795, 811, 743, U8);
    /// Entries 0..4 of the skill bar; 0xFF is empty, below 24 counts from the class's first skill.
    skill_bar_first: [u8; 4] = each(796, 812, 744, many(&U8, 4));
    /// Rank in the guild.
    guild_level: u8 = each(800, 816, 748, U8);
    /// Percent of magic attack.
    magic: u8 = each(801, 817, 749, U8);
    /// Regeneration of hit points.
    regen_hp: u8 = each(802, 818, 750, U8);
    /// Regeneration of mana points.
    regen_mp: u8 = each(803, 819, 751, U8);
    /// Resistances: fire, ice, holy, thunder.
    resist: [u8; 4] = each(804, 820, 752, many(&U8, 4));
    /// Kills of this life.
    current_kills: u16 = newer(1020, 1036, U16).v748(13, U8);
    /// Kills in all.
    total_kills: u16 = each(1022, 1038, 14, U16);
}
