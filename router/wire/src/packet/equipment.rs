//! What an entity wears.

use crate::form::{U8, U16, all, many};
use crate::record::EQUIP_SLOTS;
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// The entity of the header's id wears other things.
    UpdateEquip = "update_equip", shapes(ToClient, 0x036B, [60, 68, 60]);
    /// What is worn: see `record::look`.
    equip: [u16; EQUIP_SLOTS] = all(12, many(&U16, 16)).v769(12, many(&U16, 18));
    /// Colour of each.
    colors: [u8; EQUIP_SLOTS] = all(44, many(&U8, 16)).v769(48, many(&U8, 18));
}
