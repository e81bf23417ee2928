//! The way into the world.

use crate::form::{I16, I32, U8, U16, U32, all, each, many, newer};
use crate::record::{AFFECT, AFFECTS, Affect, MOB, Mob};
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// The character stands in the world. The client takes its own short id from `client_id` and its clock from the
    /// header.
    EnterWorld = "enter_world", shapes(ToClient, 0x0114, [1712, 1728, 1244]);
    /// Tile, west to east.
    x: u16 = newer(12, 12, I16).v748(12, U16);
    /// Tile, south to north.
    y: u16 = newer(14, 14, I16).v748(14, U16);
    /// The character.
    mob: Box<Mob> = all(16, MOB);
    /// Slot of the selection screen.
    slot: u16 = each(1040, 1056, 772, U16);
    /// Short id of the own character.
    client_id: u16 = each(1042, 1058, 774, U16);
    /// 0 clear, 1 rain, 2 snow.
    weather: u16 = each(1044, 1060, 776, U16);
    /// Entries 4..20 of the skill bar; 0xFF is empty.
    skill_bar_rest: [u8; 16] = each(1046, 1062, 778, many(&U8, 16));
    /// Experience to be earned back before more counts.
    exp_hold: i32 = each(1064, 1080, 796, I32);
    /// What works on the character.
    affects: Box<[Affect; AFFECTS]> = newer(1096, 1112, many(&AFFECT, 32));
    /// Quest bytes.
    quests: [u8; 12] = newer(1352, 1368, many(&U8, 12));
    /// When the character was last here, in seconds.
    last_seen: u32 = newer(1364, 1380, U32);
}
