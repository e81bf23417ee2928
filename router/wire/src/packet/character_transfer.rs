//! Moving to another channel, and renaming a character that was moved.

use crate::form::{I32, U8, all, many, text};
use crate::secret::Token;
use crate::table::{Direction::Both, Direction::ToClient, shapes};

packet! {
    /// Go to another channel: the client connects there and logs in with the token and no password.
    ServerChange = "server_change", shapes(ToClient, 0x052A, [80, 80, 80]);
    /// Account.
    account: String = all(12, text(16));
    /// Begins with `*`, the number of the channel and a space.
    token: Token = all(28, many(&U8, 52));
}

packet! {
    /// Rename a character on the selection screen, and the answer.
    TransferCharacter = "transfer_character", shapes(Both, 0x0FAA, [52, 52, 52]);
    /// 0 in a request and when it worked, 1 name taken, 2 no room, 3 error.
    result: i32 = all(12, I32);
    /// Slot of the selection screen, 0..4.
    slot: u8 = all(16, I32);
    /// Its name.
    old_name: String = all(20, text(16));
    /// The name it shall have.
    new_name: String = all(36, text(16));
}
