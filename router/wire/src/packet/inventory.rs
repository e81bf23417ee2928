//! Inventory and gold.

use crate::form::{I16, I32, all, many};
use crate::record::{CARRY_SLOTS, ITEM, Item};
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// The whole inventory. Without it a client cannot move items.
    UpdateCarry = "update_carry", shapes(ToClient, 0x0185, [528, 528, 528]);
    /// The items.
    carry: Box<[Item; CARRY_SLOTS]> = all(12, many(&ITEM, 64));
    /// Gold carried.
    gold: i64 = all(524, I32);
}

packet! {
    /// One place holds this now.
    SendItem = "send_item", shapes(ToClient, 0x0182, [24, 24, 24]);
    /// 0 equipment, 1 inventory, 2 storage.
    container: u8 = all(12, I16);
    /// Place in it.
    slot: u8 = all(14, I16);
    /// The item.
    item: Item = all(16, ITEM);
}

packet! {
    /// Gold carried.
    UpdateGold = "update_gold", shapes(ToClient, 0x03AF, [16, 16, 16]);
    /// How much.
    gold: i64 = all(12, I32);
}
