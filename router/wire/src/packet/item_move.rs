//! What a player does with the items that it has.

use crate::Profile::{V748, V759, V769};
use crate::form::{I32, U8, U16, all, newer};
use crate::table::{Accept::Also, Direction::Both, Direction::ToServer, shapes};

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

packet! {
    /// Use an item, on another one or on its owner. The client takes a piece off the stack by itself: who refuses has to
    /// send the slot again. Some builds leave out the last two bytes.
    UseItem = "use_item", shapes(Both, 0x0373, [36, 36, 36])
        .going(V748, ToServer)
        .accepting(V759, Also(&[34]))
        .accepting(V769, Also(&[34]))
        .accepting(V748, Also(&[34]));
    /// Container of the item: 0 equipment, 1 inventory, 2 storage.
    container: u8 = all(12, I32);
    /// Place in it.
    slot: u8 = all(16, I32);
    /// Container of what it is used on.
    on_container: i32 = all(20, I32);
    /// Place in it.
    on_slot: i32 = all(24, I32);
    /// Tile, west to east.
    x: u16 = all(28, U16);
    /// Tile, south to north.
    y: u16 = all(30, U16);
    /// A destination chosen from a list.
    choice: u16 = all(32, U16);
}
