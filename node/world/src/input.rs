//! What a zone is told.

use crate::effects::JobId;
use model::event::{Arrival, Departure};
use model::{Character, Command, SessionId};
use rules::Derived;

/// One input of a tick. Inputs are worked off in the order in which they lie.
#[derive(Clone, Debug)]
pub enum Input {
    /// A player enters. A second one of the same session replaces the first.
    Enter(Box<Entering>),
    /// A player asks for something.
    Command {
        /// Whose.
        session: SessionId,
        /// What.
        command: Command,
    },
    /// A player leaves: its last state comes out in `Effects::left`.
    Leave {
        /// Whose.
        session: SessionId,
        /// What the others see.
        departure: Departure,
    },
    /// A crossing could not be done: the player goes on in this zone.
    TurnBack {
        /// Whose.
        session: SessionId,
    },
    /// What came of a job.
    JobDone {
        /// Whose.
        session: SessionId,
        /// Which.
        job: JobId,
        /// What came of it.
        outcome: JobOutcome,
    },
}

/// A player on its way into a zone.
#[derive(Clone, Debug)]
pub struct Entering {
    /// Its session.
    pub session: SessionId,
    /// All of it; `soft.tile` is where it wants to stand.
    pub character: Character,
    /// Its numbers.
    pub derived: Derived,
    /// What the others see.
    pub arrival: Arrival,
    /// True when it walked over the border of another zone: its client is still walking.
    pub on_foot: bool,
}

/// What came of a [`crate::Job`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// Done: the gold that the character carries now.
    Gold(i64),
    /// Refused: not enough gold.
    NotEnoughGold,
    /// Not done, and it never will be.
    Failed,
}
