//! Items from slot to slot.

use crate::form::{I32, U8, U16, all, newer};
use crate::table::{Direction::Both, Direction::ToServer, shapes};

packet! {
    /// Move an item to another slot, or swap two; the echo says that it was done, and the client swaps the slots then.
    /// Clients put the slot that the item is dropped on first and the one that it was taken from second, whatever
    /// their own names for the four bytes say.
    MoveItem = "move_item", shapes(Both, 0x0376, [20, 20, 20]);
    /// Container that it goes to: 0 equipment, 1 inventory, 2 storage.
    to_container: u8 = all(12, U8);
    /// Place in that.
    to_slot: u8 = all(13, U8);
    /// Container that it comes from.
    from_container: u8 = all(14, U8);
    /// Place in that.
    from_slot: u8 = all(15, U8);
    /// Short id of the keeper of the storage; 0 when neither is in it.
    keeper: u16 = all(16, U16);
}

packet! {
    /// Throw an item of the inventory away. Stock 7.48 cannot.
    DeleteItem = "delete_item", shapes(ToServer, 0x02E4, [20, 20, 0]);
    /// Place in the inventory.
    slot: u8 = newer(12, 12, I32);
    /// Number of the item that the client shows there.
    kind: u16 = newer(16, 16, I32);
}

packet! {
    /// Split a stack of the inventory. Stock 7.48 cannot.
    SplitItem = "split_item", shapes(ToServer, 0x02E5, [24, 24, 0]);
    /// Place in the inventory.
    slot: u8 = newer(12, 12, I32);
    /// Number of the item that the client shows there.
    kind: u16 = newer(16, 16, I32);
    /// Pieces to take off.
    amount: u16 = newer(20, 20, I32);
}
