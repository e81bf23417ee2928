//! The own affects.

use crate::form::{all, many};
use crate::record::{AFFECT, AFFECTS, Affect};
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// Icons and timers of what works on the player. The header's id is its own.
    UpdateAffects = "update_affects", shapes(ToClient, 0x03B9, [268, 268, 140]);
    /// The affects.
    affects: Box<[Affect; AFFECTS]> = all(12, many(&AFFECT, 32)).v748(12, many(&AFFECT, 16));
}
