//! Walking, stopping, jumping, gestures. 7.48 has other numbers for the first two.

use crate::form::{F32, I16, I32, all};
use crate::record::{MOVEMENT, Movement};
use crate::table::{Direction::Both, Direction::ToServer, renumbered, shapes};

packet! {
    /// Walk. From the server, the header's id walks; with effect 1 it is set down.
    Action = "action", renumbered(Both, [0x036C, 0x036C, 0x0366], [52, 52, 52]);
    /// The way.
    movement: Movement = all(12, MOVEMENT);
}

packet! {
    /// Stop before the end of a walk. The target is where it stands; 7.48 names the given up target as its start.
    ActionStop = "action_stop", renumbered(Both, [0x0366, 0x0366, 0x0367], [52, 52, 52]);
    /// The way.
    movement: Movement = all(12, MOVEMENT);
}

packet! {
    /// The Huntress's jump, and how the server corrects a position.
    ActionIllusion = "action_illusion", shapes(Both, 0x0368, [52, 52, 52]);
    /// The way.
    movement: Movement = all(12, MOVEMENT);
}

packet! {
    /// A gesture. From the server, the header's id makes it.
    Motion = "motion", shapes(Both, 0x036A, [20, 20, 20]);
    /// Which one; 14 with parameter 3 glows, 100 is a firework.
    motion: i16 = all(12, I16);
    /// Its parameter.
    parm: i16 = all(14, I16);
    /// Facing, in radians.
    direction: f32 = all(16, F32);
}

packet! {
    /// Where a client was before an attack. Nothing follows from it.
    MoveStop = "move_stop", shapes(ToServer, 0x02CB, [36, 36, 36]);
    /// Next tile, west to east.
    next_x: i32 = all(12, I32);
    /// Next tile, south to north.
    next_y: i32 = all(16, I32);
    /// This tile, west to east.
    current_x: i32 = all(20, I32);
    /// This tile, south to north.
    current_y: i32 = all(24, I32);
    /// Last tile, west to east.
    last_x: i32 = all(28, I32);
    /// Last tile, south to north.
    last_y: i32 = all(32, I32);
}
