//! Entities coming into view.

use crate::form::{Form, I16, NOWHERE, U8, U16, all, each, many, newer, text, text_most};
use crate::record::{AFFECTS, EQUIP_SLOTS, Nameplate, SCORE, Score};
use crate::table::{Direction::ToClient, Direction::ToServer, shapes};

packet! {
    /// Somebody stands there. The header's id is that of the field; the entity is in the plate. 0 hit points show a
    /// corpse.
    CreateMob = "create_mob", shapes(ToClient, 0x0364, [232, 236, 176]);
    /// Tile, west to east.
    x: u16 = newer(12, 12, I16).v748(12, U16);
    /// Tile, south to north.
    y: u16 = newer(14, 14, I16).v748(14, U16);
    /// Short id, name, PK marks.
    plate: Nameplate = all(16, Form::Nameplate);
    /// What is worn: see `record::look`.
    equip: [u16; EQUIP_SLOTS] = newer(34, 34, many(&U16, 16)).v769(34, many(&U16, 18)).v748(34, many(&U16, 16));
    /// What works on it: see `record::affect_word`.
    affects: [u16; AFFECTS] = each(66, 70, 66, many(&U16, 32)).v748(66, many(&U16, 16));
    /// Guild number in the low 12 bits, its channel above.
    guild: u16 = each(130, 134, 98, U16);
    /// Rank in the guild.
    guild_level: u8 = newer(132, 136, U8);
    /// Score.
    score: Score = each(136, 140, 100, SCORE);
    /// 0 was there before, 2 appears with a glow; 0x40 and 0x80 mark leaders of a guild in newer clients.
    create_type: u16 = each(184, 188, 128, U16);
    /// Colour of each thing worn.
    colors: [u8; EQUIP_SLOTS] = newer(186, 190, many(&U8, 16)).v769(190, many(&U8, 18)).v748(130, many(&U8, 16));
    /// Line under the name.
    title: String = each(202, 208, 146, text(26));
    /// Citizenship.
    citizenship: u8 = each(228, 234, 172, U8);
}

packet! {
    /// The client was told of an entity that it does not know. The answer is `create_mob` or `remove_mob`.
    RequestMob = "request_mob", shapes(ToServer, 0x0369, [16, 16, 16]);
    /// The unknown short id.
    target: u16 = all(12, U16);
}

packet! {
    /// A player who sits in a personal shop stands there: `create_mob` with the title of the shop.
    CreateMobTrade = "create_mob_trade", shapes(ToClient, 0x0363, [252, 260, 200]);
    /// Tile, west to east.
    x: u16 = newer(12, 12, I16).v748(12, U16);
    /// Tile, south to north.
    y: u16 = newer(14, 14, I16).v748(14, U16);
    /// Short id, name, PK marks.
    plate: Nameplate = all(16, Form::Nameplate);
    /// What is worn: see `record::look`.
    equip: [u16; EQUIP_SLOTS] = newer(34, 34, many(&U16, 16)).v769(34, many(&U16, 18)).v748(34, many(&U16, 16));
    /// What works on it: see `record::affect_word`.
    affects: [u16; AFFECTS] = each(66, 70, 66, many(&U16, 32)).v748(66, many(&U16, 16));
    /// Guild number in the low 12 bits, its channel above.
    guild: u16 = each(130, 134, 98, U16);
    /// Rank in the guild.
    guild_level: u8 = newer(132, 136, U8);
    /// Score.
    score: Score = each(136, 140, 100, SCORE);
    /// As in `create_mob`.
    create_type: u16 = each(184, 188, 128, U16);
    /// Colour of each thing worn.
    colors: [u8; EQUIP_SLOTS] = newer(186, 190, many(&U8, 16)).v769(190, many(&U8, 18)).v748(130, many(&U8, 16));
    /// Line under the name.
    title: String = each(202, 208, 146, text(26));
    /// Title of the shop. 7.48 keeps 22 bytes of it.
    stall: String = newer(228, 234, text(24)).v748(172, text_most(24, 22));
    /// Citizenship; 7.59 has no room for it here.
    citizenship: u8 = NOWHERE.v769(258, U8).v748(196, U8);
}
