//! Items.

use crate::form::{Form, U8, U16, all, many};

/// [`Item`] as a form.
pub const ITEM: Form = Form::Record(&Item::RECORD);

record! {
    /// One effect of an item.
    ItemEffect = "item_effect", sizes [2, 2, 2];
    /// Which effect; 0 is none.
    kind: u8 = all(0, U8);
    /// How much of it.
    value: u8 = all(1, U8);
}

record! {
    /// An item; all zero is an empty place.
    Item = "item", sizes [8, 8, 8];
    /// Number of the item in the item list; 0 is no item.
    kind: u16 = all(0, U16);
    /// Its three effects.
    effects: [ItemEffect; 3] = all(2, many(&Form::Record(&ItemEffect::RECORD), 3));
}

/// What others see of a worn item: its number and how far it is refined (0..=15).
pub const fn look(kind: u16, refine: u8) -> u16 {
    kind & 0x0FFF | (refine as u16) << 12
}
