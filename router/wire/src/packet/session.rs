//! Beginning and end of a session.

use crate::Profile::V748;
use crate::form::{I32, all};
use crate::table::{Direction::Both, Direction::ToClient, Direction::ToServer, shapes};

packet! {
    /// Back to the selection screen.
    CharacterLogout = "character_logout", shapes(ToServer, 0x0215, [12, 12, 12]);
}

packet! {
    /// The character left the world. The header's id is its own.
    CharacterLogoutOk = "character_logout_ok", shapes(ToClient, 0x0116, [12, 12, 12]);
}

packet! {
    /// The account is in use; the client may try again.
    AlreadyPlaying = "already_playing", shapes(ToClient, 0x011C, [12, 12, 12]);
}

packet! {
    /// The account is still being left; the client tries again.
    StillPlaying = "still_playing", shapes(ToClient, 0x011D, [12, 12, 12]);
}

packet! {
    /// The client is alive. There is no answer.
    Ping = "ping", shapes(ToServer, 0x03A0, [12, 12, 12]);
}

packet! {
    /// A countdown to leave began. From the server, newer clients close their window on it.
    QuitDelay = "quit_delay", shapes(Both, 0x03AE, [16, 16, 16]).going(V748, ToServer);
    /// Which countdown.
    reason: i32 = all(12, I32);
}
