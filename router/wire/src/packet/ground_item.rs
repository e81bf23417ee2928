//! Items on the ground.

use crate::form::{I32, U8, U16, all};
use crate::record::{ITEM, Item};
use crate::table::{Direction::ToClient, Direction::ToServer, shapes};

packet! {
    /// An item lies there. The header's id is that of the field.
    GroundItemCreate = "ground_item_create", shapes(ToClient, 0x026E, [32, 32, 32]);
    /// Tile, west to east.
    x: u16 = all(12, U16);
    /// Tile, south to north.
    y: u16 = all(14, U16);
    /// Short id, from 10000, apart from those of entities.
    item_id: u16 = all(16, U16);
    /// The item.
    item: Item = all(18, ITEM);
    /// Orientation, 0..4.
    rotate: u8 = all(26, U8);
    /// 0 none, 1 open, 2 closed, 3 locked.
    state: u8 = all(27, U8);
    /// Height above the ground.
    height: u8 = all(28, U8);
    /// How it appears.
    create: u8 = all(29, U8);
    /// Short id of its owner.
    owner: u16 = all(30, U16);
}

packet! {
    /// The item is gone.
    GroundItemRemove = "ground_item_remove", shapes(ToClient, 0x016F, [16, 16, 16]);
    /// Short id.
    item_id: u16 = all(12, U16);
}

packet! {
    /// Pick an item up.
    PickItem = "pick_item", shapes(ToServer, 0x0270, [28, 28, 28]);
    /// Container that it goes to: always 1, the inventory.
    container: u8 = all(12, I32);
    /// Place that the client wants it in.
    slot: u8 = all(16, I32);
    /// Short id.
    item_id: u16 = all(20, U16);
    /// Tile, west to east.
    x: u16 = all(22, U16);
    /// Tile, south to north.
    y: u16 = all(24, U16);
}

packet! {
    /// The item was picked up.
    PickItemOk = "pick_item_ok", shapes(ToClient, 0x0171, [28, 28, 28]);
    /// Container that it went to.
    container: u8 = all(12, I32);
    /// Place in it.
    slot: u8 = all(16, I32);
    /// The item.
    item: Item = all(20, ITEM);
}

packet! {
    /// Lay an item on the ground.
    DropItem = "drop_item", shapes(ToServer, 0x0272, [32, 32, 32]);
    /// Container that it comes from: 0 equipment, 1 inventory.
    container: u8 = all(12, I32);
    /// Place in it.
    slot: u8 = all(16, I32);
    /// Orientation, 0..4.
    rotate: u8 = all(20, I32);
    /// Tile, west to east.
    x: u16 = all(24, U16);
    /// Tile, south to north.
    y: u16 = all(26, U16);
    /// Of no use here.
    item_id: u16 = all(28, U16);
}

packet! {
    /// The item was laid down; the client empties the place.
    DropItemOk = "drop_item_ok", shapes(ToClient, 0x0175, [28, 28, 28]);
    /// Container that it came from.
    container: u8 = all(12, I32);
    /// Place in it.
    slot: u8 = all(16, I32);
    /// Orientation, 0..4.
    rotate: u8 = all(20, I32);
    /// Tile, west to east.
    x: u16 = all(24, U16);
    /// Tile, south to north.
    y: u16 = all(26, U16);
}
