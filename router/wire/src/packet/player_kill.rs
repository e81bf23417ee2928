//! Players against players.

use crate::form::{I32, all, newer};
use crate::table::{Direction::ToClient, Direction::ToServer, shapes};

packet! {
    /// The player wants to be able to attack players, or no more.
    PkMode = "pk_mode", shapes(ToServer, 0x0399, [16, 16, 16]);
    /// Whether.
    on: bool = all(12, I32);
}

packet! {
    /// Whether the entity of the header's id is shown as one that may be attacked. 7.48 has no such packet.
    PkInfo = "pk_info", shapes(ToClient, 0x0166, [16, 16, 0]);
    /// Whether.
    attackable: bool = newer(12, 12, I32);
}
