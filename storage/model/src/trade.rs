//! What players offer each other: trades and personal shops, as both sides see them.

use crate::item::{Item, ItemSpec};
use serde::{Deserialize, Serialize};

/// Items that one side of a trade can offer.
pub const OFFER_ITEMS: usize = 15;
/// Inventory slots from this one on hold what is bound to a character; never traded.
pub const BOUND_SLOTS_FROM: u8 = 60;
/// Wares of a personal shop.
pub const STALL_WARES: usize = 12;
/// Longest title of a personal shop in characters.
pub const STALL_TITLE_MAX: usize = 23;

/// What one side of a trade asks for: what its client shows in its half of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Inventory slots with what the client believes to lie there, at most [`OFFER_ITEMS`], by position in the
    /// window.
    pub items: Vec<OfferItem>,
    /// Gold.
    pub gold: i64,
}

/// One item of an [`Offer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferItem {
    /// Position in the window, below [`OFFER_ITEMS`].
    pub position: u8,
    /// Inventory slot.
    pub slot: u8,
    /// What is shown.
    pub shown: ItemSpec,
}

/// An offer whose items are known: what a trade swaps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirmOffer {
    /// Position in the window, inventory slot, item.
    pub items: Vec<(u8, u8, Item)>,
    /// Gold.
    pub gold: i64,
    /// Free inventory slots in which it can be given items, in order.
    pub free_slots: Vec<u8>,
}

/// One ware of a personal shop, as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ware {
    /// Position in the shop, below [`STALL_WARES`].
    pub position: u8,
    /// Bank slot of the owner.
    pub cargo_slot: u8,
    /// What is shown.
    pub shown: ItemSpec,
    /// What it costs.
    pub price: i64,
}
