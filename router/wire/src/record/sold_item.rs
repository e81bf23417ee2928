//! What a merchant bought of the player.

use super::{ITEM, Item};
use crate::form::{Form, I32, newer};

/// [`SoldItem`] as a form.
pub const SOLD_ITEM: Form = Form::Record(&SoldItem::RECORD);

record! {
    /// Something that can be bought back. Not in 7.48.
    SoldItem = "sold_item", sizes [16, 16, 16];
    /// Its place in the list.
    order: i32 = newer(0, 0, I32);
    /// The item.
    item: Item = newer(4, 4, ITEM);
    /// What it costs.
    price: i64 = newer(12, 12, I32);
}
