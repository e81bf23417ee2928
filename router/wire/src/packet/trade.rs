//! Trades between two players.

use crate::form::{I32, U8, U16, all, many};
use crate::record::{ITEM, Item};
use crate::table::{Direction::Both, Direction::ToClient, shapes};

/// Items that a side of a trade can offer.
pub const TRADE_ITEMS: usize = 15;
/// In place of a slot: nothing is offered here.
pub const NO_SLOT: u8 = 0xFF;

packet! {
    /// What a side offers. The first one invites, its answer opens both windows; each change is sent in full and
    /// takes both checks back. From the server the header's id is the receiver's own.
    Trade = "trade", shapes(Both, 0x0383, [156, 156, 156]);
    /// By position in the window.
    items: Box<[Item; TRADE_ITEMS]> = all(12, many(&ITEM, 15));
    /// Inventory slot of each; 0xFF is none.
    slots: [u8; TRADE_ITEMS] = all(132, many(&U8, 15));
    /// Gold.
    gold: i64 = all(148, I32);
    /// Whether this side agrees.
    checked: bool = all(152, U8);
    /// Short id of the other player.
    opponent: u16 = all(154, U16);
}

packet! {
    /// Ends the trade; from a client also its own personal shop.
    TradeQuit = "trade_quit", shapes(Both, 0x0384, [12, 12, 12]);
}

packet! {
    /// The own check counts.
    TradeChecked = "trade_checked", shapes(ToClient, 0x0386, [12, 12, 12]);
}
