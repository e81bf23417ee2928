//! Clicks on people of the world.

use crate::form::{I32, all};
use crate::table::{Direction::ToServer, shapes};

packet! {
    /// Talk to somebody.
    NpcClick = "npc_click", shapes(ToServer, 0x028B, [20, 20, 20]);
    /// Short id.
    npc: u16 = all(12, I32);
    /// 0 the first click, 1 the player said yes.
    step: i32 = all(16, I32);
}
