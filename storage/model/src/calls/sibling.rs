//! Calls between game nodes (TMSrv): each keeps the journal of another one, its buddy, in memory.
//!
//! ```text
//! node                                     buddy (the next node by name)
//!  | Keep(states that changed)               |
//!  |---------------------------------------->|   the newest of each character by epoch and number
//!  x dies
//!            whoever loads a character  -- Recall(character) -->  buddy
//! ```
//! The store decides who owns a character; the journal only says where it stood last.

use crate::character::{SoftMark, SoftState};
use crate::id::CharacterId;
use serde::{Deserialize, Serialize};

/// Most states of one [`Request::Keep`].
pub const KEEP_MAX: usize = 256;

/// A call to another node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Keeps the states that are newer than those it has; at most [`KEEP_MAX`]. [`Reply::Kept`]
    Keep(Vec<Journalled>),
    /// The newest state that it has of a character. [`Reply::Recalled`]
    Recall(CharacterId),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// What is kept is newest; what was not is older than what was there.
    Kept,
    /// `None`: it has nothing of that character.
    Recalled(Option<Journalled>),
    /// Too many at once, or there is no room for more.
    Refused,
}

/// A soft state as its owner had it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Journalled {
    /// Whose.
    pub character: CharacterId,
    /// Under which epoch and number the owner had it.
    pub mark: SoftMark,
    /// What it is.
    pub soft: SoftState,
}
