//! Items on the ground.

use crate::form::{U8, U16, all};
use crate::record::{ITEM, Item};
use crate::table::{Direction::ToClient, shapes};

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
