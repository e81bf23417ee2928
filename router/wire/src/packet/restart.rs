//! After death.

use crate::table::{Direction::ToServer, shapes};

packet! {
    /// Rise again in town.
    Restart = "restart", shapes(ToServer, 0x0289, [12, 12, 12]);
}
