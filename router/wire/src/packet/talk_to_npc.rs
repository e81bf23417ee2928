//! Clicks on merchants and other people of the world.

use crate::form::{I32, U16, all};
use crate::table::{Direction::ToServer, shapes};

packet! {
    /// Open the shop of a merchant.
    ShopOpen = "shop_open", shapes(ToServer, 0x027B, [16, 16, 16]);
    /// Short id of the merchant.
    target: u16 = all(12, U16);
}

packet! {
    /// Talk to somebody.
    NpcClick = "npc_click", shapes(ToServer, 0x028B, [20, 20, 20]);
    /// Short id.
    npc: u16 = all(12, I32);
    /// 0 the first click, 1 the player said yes.
    step: i32 = all(16, I32);
}
