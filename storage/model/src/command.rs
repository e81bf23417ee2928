//! What a player asks of the world, free of client versions and short ids.

use crate::character::SKILL_BAR;
use crate::id::EntityId;
use crate::place::{Route, Tile};
use serde::{Deserialize, Serialize};

/// Longest text of a chat line, in characters.
pub const CHAT_TEXT_MAX: usize = 94;

/// One request of a player in the world. The edge has checked phase, size and rate; the world decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Walk along a route.
    Walk {
        /// Where the client believes that it stands.
        from: Tile,
        /// The steps.
        route: Route,
        /// Where the client expects to end.
        to: Tile,
        /// Speed that the client claims, in tiles a second.
        speed: u8,
    },
    /// Stop on a tile of the current route.
    Stop {
        /// The tile it wants to stand on.
        at: Tile,
    },
    /// An emote or another animation.
    Motion {
        /// Animation number.
        motion: i16,
        /// Its parameter.
        parameter: i16,
        /// Facing in radians.
        direction: f32,
    },
    /// Near chat.
    Say {
        /// The line, at most [`CHAT_TEXT_MAX`] characters.
        text: String,
    },
    /// Recall to the home city (and revive, once there is death).
    Recall,
    /// The client entered a city: it becomes the home.
    EnterCity {
        /// City number 0..4.
        city: u8,
    },
    /// Use the portal under the player's feet.
    UsePortal,
    /// The client heard of an entity that it does not know.
    Inspect {
        /// Which one.
        entity: EntityId,
    },
    /// New content of the skill bar.
    SetSkillBar {
        /// All entries, 0xFF empty.
        bar: [u8; SKILL_BAR],
    },
}
