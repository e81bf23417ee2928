//! Entities leaving view.

use crate::form::{I32, all};
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// The entity of the header's id is gone.
    RemoveMob = "remove_mob", shapes(ToClient, 0x0165, [16, 16, 16]);
    /// 0 out of view, 1 dead, 2 logged out, 3 at once.
    reason: i32 = all(12, I32);
}
