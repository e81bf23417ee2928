//! What the server says.

use crate::form::{NOWHERE, text_most};
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// A line for the player. The header's id has to be 0. `!` as first letter puts it into the chat, `^` opens a box.
    MessagePanel = "message_panel", shapes(ToClient, 0x0101, [140, 140, 108]);
    /// The line.
    text: String = NOWHERE
        .v759(12, text_most(128, 126))
        .v769(12, text_most(128, 126))
        .v748(12, text_most(96, 94));
}
