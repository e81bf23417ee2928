//! Shards and moves of buckets between them: what an operator sees and orders.

use crate::secret::Secret;
use serde::{Deserialize, Serialize};

/// Shards, the map of buckets and the moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadShards;

/// The answer to [`ReadShards`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardsReport {
    /// False for a store that is one file: the rest is empty then.
    pub sharded: bool,
    /// Raised by every change of the map.
    pub map_version: u64,
    /// The shard of each bucket.
    pub owner: Vec<u16>,
    /// By index.
    pub shards: Vec<ShardInfo>,
    /// By number: those that have not ended, and the newest that have.
    pub moves: Vec<MoveInfo>,
}

/// One shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// Its index.
    pub shard: u16,
    /// Host, port and database, without user and password.
    pub address: String,
    /// What it holds; `None` when it does not answer.
    pub held: Option<ShardHeld>,
}

/// What a shard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardHeld {
    /// Accounts.
    pub accounts: u64,
    /// Size of its database.
    pub bytes: u64,
}

/// What a move is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MoveState {
    /// It goes on, or waits for its turn.
    Going,
    /// It will stop after the step that it is in.
    Stopping,
    /// What has moved stays; the rest was not touched. It can go on.
    Stopped,
    /// What has moved will go back, by a move of its own.
    Backing,
    /// That move has been ordered.
    Back,
    /// All has moved.
    Done,
    /// It was given up; what has moved stays. It can be tried again.
    Failed,
}

impl MoveState {
    /// All of them with their stored names.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Going, "going"),
        (Self::Stopping, "stopping"),
        (Self::Stopped, "stopped"),
        (Self::Backing, "backing"),
        (Self::Back, "back"),
        (Self::Done, "done"),
        (Self::Failed, "failed"),
    ];

    /// From its stored name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, other)| *other == name).map(|(state, _)| state)
    }

    /// As stored.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// True when nothing more happens by itself.
    pub fn has_ended(self) -> bool {
        !matches!(self, Self::Going | Self::Stopping | Self::Backing)
    }
}

/// One move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveInfo {
    /// Its number.
    pub number: u64,
    /// From which shard.
    pub from: u16,
    /// To which.
    pub to: u16,
    /// Buckets in all.
    pub buckets: u32,
    /// Buckets that are there.
    pub moved: u32,
    /// What it is doing.
    pub state: MoveState,
    /// Its step: `mark`, `copy`, `follow`, `verify`, `close`, `clean`.
    pub step: String,
    /// The process that does it.
    pub mover: Option<String>,
    /// Rows copied so far.
    pub rows: u64,
    /// How long writers of some buckets waited, each time, in microseconds.
    pub pauses_us: Vec<u64>,
    /// By the clock of the metadata database.
    pub started_ms: i64,
    /// The same.
    pub ended_ms: Option<i64>,
    /// What holds it up, or why it was given up.
    pub error: Option<String>,
}

/// An order of the operator. Ordering the same twice is refused or does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChangeShards {
    /// Prepares an empty database as a new shard, and moves its fair share to it.
    Add {
        /// Its address, kept in the metadata database.
        dsn: Secret,
    },
    /// Moves buckets to a shard.
    Move {
        /// Which.
        buckets: Vec<u16>,
        /// Where to.
        to: u16,
    },
    /// Moves everything from a shard to the others.
    Drain {
        /// Which.
        shard: u16,
    },
    /// Stops a move after its step.
    Stop {
        /// Its number.
        number: u64,
    },
    /// Lets a stopped or failed move go on.
    Go {
        /// Its number.
        number: u64,
    },
    /// Moves back what a move has moved.
    Back {
        /// Its number.
        number: u64,
    },
}

/// What was ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardsChanged {
    /// The new shard.
    pub added: Option<u16>,
    /// Numbers of moves that go on now.
    pub moves: Vec<u64>,
}

/// Why an order is not followed, for the operator; without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct ShardsRefusal(pub String);
