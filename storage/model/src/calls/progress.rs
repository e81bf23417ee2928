//! What characters have become, now and at any time before: levels, attributes, skills, guild.
//!
//! Every change is kept with its time, in the transaction that makes it, so that an operator can restore a character.

use crate::character::Progress;
use crate::id::{AccountId, CharacterId, Epoch, OperationId};
use crate::ledger::Actor;
use serde::{Deserialize, Serialize};

/// What a character had become at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadProgress {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

/// An answer to [`ReadProgress`]; all empty for a character that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgressThen {
    /// As it was then; `None` when nothing is known of that time.
    pub then: Option<Progress>,
    /// The first that is known of it: since when, and why it was written.
    pub first: Option<(i64, String)>,
    /// Since when it is as it is now.
    pub newest_ms: i64,
    /// Entries of the ledger before that are past the retention; `None` when none are.
    pub horizon_ms: Option<i64>,
}

/// Sets what a character has become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeProgress {
    /// Doing it twice returns the first outcome.
    pub operation: OperationId,
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// As loaded.
    pub epoch: Epoch,
    /// Who does it.
    pub actor: Actor,
    /// Why, a short word as in the ledger.
    pub reason: String,
    /// What it is from now on.
    pub progress: Progress,
}

/// Another owner has the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("another owner has the character")]
pub struct StaleProgress;
