//! Personal shops of players.

use crate::form::{I32, NOWHERE, U8, U16, all, many, text, text_most};
use crate::record::{ITEM, Item};
use crate::table::{Direction::Both, Direction::ToClient, Direction::ToServer, shapes};

/// Wares of a personal shop.
pub const STALL_ITEMS: usize = 12;

packet! {
    /// A personal shop: opened by its owner, and shown to a visitor, then under the header's id of the field. The wares
    /// stay in the storage of their owner.
    Autotrade = "autotrade", shapes(Both, 0x0397, [196, 196, 196]);
    /// Title. 7.48 keeps 22 bytes of it.
    title: String = NOWHERE.v759(12, text(24)).v769(12, text(24)).v748(12, text_most(24, 22));
    /// By position in the window.
    items: Box<[Item; STALL_ITEMS]> = all(36, many(&ITEM, 12));
    /// Storage place of each; 0xFF is none.
    slots: [u8; STALL_ITEMS] = all(132, many(&U8, 12));
    /// Price of each.
    prices: [i64; STALL_ITEMS] = all(144, many(&I32, 12));
    /// Tax in percent.
    tax: u16 = all(192, U16);
    /// Short id of the owner.
    owner: u16 = all(194, U16);
}

packet! {
    /// Buy from a personal shop what was shown, for what was asked.
    AutotradeBuy = "autotrade_buy", shapes(ToServer, 0x0398, [36, 36, 36]);
    /// Position in the shop.
    position: u8 = all(12, I32);
    /// Short id of the owner.
    owner: u16 = all(16, U16);
    /// Price as shown.
    price: i64 = all(20, I32);
    /// Tax as shown.
    tax: i32 = all(24, I32);
    /// Item as shown.
    item: Item = all(28, ITEM);
}

packet! {
    /// Look at somebody's personal shop.
    AutotradeOpen = "autotrade_open", shapes(ToServer, 0x039A, [16, 16, 16]);
    /// Short id of the owner.
    owner: u16 = all(12, I32);
}

packet! {
    /// A ware of a personal shop was sold.
    AutotradeSold = "autotrade_sold", shapes(ToClient, 0x039B, [20, 20, 20]);
    /// Short id of the owner.
    owner: u16 = all(12, I32);
    /// Position in the shop.
    position: u8 = all(16, I32);
}
