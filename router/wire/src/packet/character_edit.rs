//! Making and deleting characters.

use crate::form::{I32, all, newer, text};
use crate::secret::Hidden;
use crate::table::{Direction::ToClient, Direction::ToServer, shapes};

packet! {
    /// Make a character.
    CreateCharacter = "create_character", shapes(ToServer, 0x020F, [36, 36, 36]);
    /// Slot of the selection screen, 0..4.
    slot: u8 = all(12, I32);
    /// Its name.
    name: String = all(16, text(16));
    /// 0 TransKnight, 1 Foema, 2 BeastMaster, 3 Huntress.
    class: u8 = all(32, I32);
}

packet! {
    /// The character was not made.
    CreateCharacterFail = "create_character_fail", shapes(ToClient, 0x011A, [12, 12, 12]);
}

packet! {
    /// Delete a character.
    DeleteCharacter = "delete_character", shapes(ToServer, 0x0211, [44, 48, 44]);
    /// Slot of the selection screen, 0..4.
    slot: u8 = all(12, I32);
    /// Its name.
    name: String = all(16, text(16));
    /// The account's password.
    password: Hidden = newer(32, 32, text(12)).v769(32, text(16)).v748(32, text(12));
}

packet! {
    /// The character was not deleted.
    DeleteCharacterFail = "delete_character_fail", shapes(ToClient, 0x011B, [12, 12, 12]);
}
