//! What an operator can set.

use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, within};
use std::path::PathBuf;

/// Settings of TMSrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Threads that play zones; 0 means one less than the machine has cores, at most 8. Read at the start.
    pub game_threads: usize,
    /// Most players of this node; more are told that it is overloaded. Reloads live.
    pub max_players: usize,
    /// Every player that changed is saved once in this time. Reloads live.
    pub save_every_seconds: u64,
    /// Directory of the content; empty means the pack that is built in. Read at the start.
    pub content: PathBuf,
    /// Operations that wait for the store at the same time. Read at the start.
    pub store_concurrency: usize,
    /// Share of the world that this node should get. Read at the start.
    pub weight: u32,
    /// True to let every generator that only events use make one group when a zone is opened. Read at the
    /// start.
    pub event_groups_at_start: bool,
    /// How long a stop may take to save everybody. Reloads live.
    pub stop_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            game_threads: 0,
            max_players: 2_000,
            save_every_seconds: 30,
            content: PathBuf::new(),
            store_concurrency: 64,
            weight: 1,
            event_groups_at_start: true,
            stop_seconds: 15,
        }
    }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        within("game_threads", self.game_threads as u64, 0..=64, "0 to 64")?;
        within("save_every_seconds", self.save_every_seconds, 1..=86_400, "1 to 86400")?;
        within("store_concurrency", self.store_concurrency as u64, 1..=4_096, "1 to 4096")?;
        within("weight", u64::from(self.weight), 1..=1_000, "1 to 1000")?;
        within("stop_seconds", self.stop_seconds, 1..=3_600, "1 to 3600")
    }
}

impl Settings {
    /// Threads that play zones.
    pub(crate) fn thread_count(&self) -> usize {
        if self.game_threads > 0 {
            return self.game_threads.min(64);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        cores.saturating_sub(1).clamp(1, 8)
    }
}
