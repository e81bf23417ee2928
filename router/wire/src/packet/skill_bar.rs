//! The skill bar.

use crate::form::{U8, all, many};
use crate::table::{Direction::Both, shapes};

packet! {
    /// The whole skill bar, changed by the player or as it was saved.
    SkillBar = "skill_bar", shapes(Both, 0x0378, [32, 32, 32]);
    /// Its entries; 0xFF is empty.
    skills: [u8; 20] = all(12, many(&U8, 20));
}
