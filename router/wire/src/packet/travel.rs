//! Portals and cities.

use crate::form::{I32, all};
use crate::table::{Direction::ToServer, shapes};

packet! {
    /// Take the portal that the player stands on.
    TeleportRequest = "teleport_request", shapes(ToServer, 0x0290, [16, 16, 16]);
    /// Always 0.
    parm: i32 = all(12, I32);
}

packet! {
    /// The player came into a city.
    ChangeCity = "change_city", shapes(ToServer, 0x0291, [16, 16, 16]);
    /// Which, 0..5.
    city: i32 = all(12, I32);
}
