//! Choosing a character to play.

use crate::Profile::{V748, V759, V769};
use crate::form::{I32, U8, all, many, newer};
use crate::table::{Accept::AtLeast, Direction::ToClient, Direction::ToServer, shapes};

packet! {
    /// Enter the world with a character. Some clients leave out the tail.
    CharacterLogin = "character_login", shapes(ToServer, 0x0213, [36, 36, 36])
        .accepting(V759, AtLeast(20))
        .accepting(V769, AtLeast(20))
        .accepting(V748, AtLeast(20));
    /// Slot of the selection screen, 0..4.
    slot: u8 = all(12, I32);
    /// Whether a session that plays it is to be ended.
    force: bool = newer(16, 16, I32);
    /// Key indexes that the client still holds.
    key_queue: [u8; 16] = newer(20, 20, many(&U8, 16));
}

packet! {
    /// The character cannot enter.
    CharacterLoginFail = "character_login_fail", shapes(ToClient, 0x0119, [12, 12, 12]);
}
