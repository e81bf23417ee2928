//! Merchants: what they sell, buying, selling, buying back.

use crate::Profile::{V759, V769};
use crate::form::{I16, I32, U16, all, many, newer};
use crate::record::{ITEM, Item, SOLD_ITEM, SoldItem};
use crate::table::{Accept::Also, Direction::Both, Direction::ToClient, Direction::ToServer, shapes};

/// Places of a shop's window.
pub const SHOP_ITEMS: usize = 27;
/// Things that a merchant remembers to have bought of a player.
pub const SOLD_ITEMS: usize = 10;

packet! {
    /// Open the shop of a merchant.
    ShopOpen = "shop_open", shapes(ToServer, 0x027B, [16, 16, 16]);
    /// Short id of the merchant.
    target: u16 = all(12, U16);
}

packet! {
    /// What a merchant sells: opens the window. The header's id is that of the field. Clients know the prices.
    ShopList = "shop_list", shapes(ToClient, 0x017C, [236, 236, 236]);
    /// 1 goods, 3 skills.
    kind: i32 = all(12, I32);
    /// Entry `i` is the merchant's inventory slot `i % 9 + 27 * (i / 9)`.
    items: Box<[Item; SHOP_ITEMS]> = all(16, many(&ITEM, 27));
    /// Tax in percent.
    tax: i32 = all(232, I32);
}

packet! {
    /// Buy from a merchant; the echo says that it was done. With the own short id as the target it buys back: the
    /// shelf counts the list of `repurchase` then.
    ShopBuy = "shop_buy", shapes(Both, 0x0379, [24, 24, 24]);
    /// Short id of the merchant; 0 is the one whose shop was opened last.
    target: u16 = all(12, U16);
    /// Inventory slot of the merchant.
    shelf: u8 = all(14, I16);
    /// Own inventory slot.
    slot: u8 = all(16, I16);
    /// In the echo: gold carried now.
    gold: i64 = all(20, I32);
}

packet! {
    /// Sell to a merchant; the echo says that it was done.
    ShopSell = "shop_sell", shapes(Both, 0x037A, [20, 20, 20]);
    /// Short id of the merchant; 0 is the one whose shop was opened last.
    target: u16 = all(12, U16);
    /// 0 equipment, 1 inventory, 2 storage.
    container: u8 = all(14, I16);
    /// Place in it.
    slot: u8 = all(16, I16);
}

packet! {
    /// The shop's window closes.
    ShopClose = "shop_close", shapes(ToClient, 0x0196, [12, 12, 12]);
}

packet! {
    /// Asks for what was sold lately, as a bare header or in full, and the answer. Stock 7.48 cannot.
    Repurchase = "repurchase", shapes(Both, 0x03E8, [176, 176, 0])
        .accepting(V759, Also(&[12]))
        .accepting(V769, Also(&[12]));
    /// Short id of the merchant.
    target: i32 = newer(12, 12, I32);
    /// The newest first; all zero is none.
    items: Box<[SoldItem; SOLD_ITEMS]> = newer(16, 16, many(&SOLD_ITEM, 10));
}
