//! What an operator can set.

use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, within};
use std::path::PathBuf;
use std::time::Duration;
use world::overload::Limits;

/// Settings of TMSrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Threads that play zones; 0 means one less than the machine has cores, at most 8. Read at the start.
    pub game_threads: usize,
    /// Most players of this node; more cannot log in or walk over to it. Who plays and has to be somewhere (its node died, its instance
    /// ended) is let in beyond it. Reloads live.
    pub max_players: usize,
    /// Every player that changed is saved once in this time. Reloads live.
    pub save_every_seconds: u64,
    /// The creatures of every zone in which somebody is are stored once in this time: who plays it after the death of this node goes
    /// on with them. Reloads live.
    pub creatures_every_seconds: u64,
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
    /// When zones that are too busy do less. Reloads live.
    pub overload: Overload,
}

/// The overload ladder: when it is climbed and how far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Overload {
    /// What all zones of one game thread may take of a tick of 50 ms, in microseconds.
    pub tick_budget_us: u64,
    /// One step more is taken for each half second with a load above this, in percent of the budget.
    pub climb_percent: u32,
    /// A load up to this is calm, in percent of the budget.
    pub calm_percent: u32,
    /// One step is taken back after so many calm seconds; longer when it had to be taken again soon.
    pub calm_seconds: u32,
    /// Players see at least so many tiles far.
    pub view_min: u16,
    /// The clock of a zone never goes slower than this, in percent of real time.
    pub clock_min_percent: u32,
    /// True to let the controller move zones from a node that has too much to one that has room.
    pub balance: bool,
    /// True to let it cut zones that are too much for any thread, and join their halves when they have cooled; only with `balance`.
    pub split: bool,
    /// Players who waited in the queue come in so fast.
    pub queued_logins_per_second: u32,
}

impl Default for Overload {
    fn default() -> Self {
        Self {
            tick_budget_us: 50_000,
            climb_percent: 80,
            calm_percent: 50,
            calm_seconds: 5,
            view_min: 8,
            clock_min_percent: 25,
            balance: true,
            split: true,
            queued_logins_per_second: 5,
        }
    }
}

impl Overload {
    /// For the ladder, which looks twice a second.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            climb_percent: self.climb_percent,
            calm_percent: self.calm_percent,
            calm_looks: self.calm_seconds * 2,
            view_min: self.view_min,
            pace_min_percent: self.clock_min_percent,
        }
    }

    /// What a tick may take.
    pub(crate) fn tick_budget(&self) -> Duration {
        Duration::from_micros(self.tick_budget_us)
    }

    /// Between two who waited and come in.
    pub(crate) fn login_pause(&self) -> Duration {
        Duration::from_secs(1) / self.queued_logins_per_second.max(1)
    }

    fn check(&self) -> Result<(), BadValue> {
        within("overload.tick_budget_us", self.tick_budget_us, 1..=1_000_000, "1 to 1000000")?;
        within("overload.climb_percent", u64::from(self.climb_percent), 1..=1_000_000, "1 to 1000000")?;
        let below = u64::from(self.climb_percent) - 1;
        within("overload.calm_percent", u64::from(self.calm_percent), 0..=below, "less than climb_percent")?;
        within("overload.calm_seconds", u64::from(self.calm_seconds), 1..=3_600, "1 to 3600")?;
        within("overload.view_min", u64::from(self.view_min), 4..=16, "4 to 16")?;
        within("overload.clock_min_percent", u64::from(self.clock_min_percent), 10..=100, "10 to 100")?;
        let queued = u64::from(self.queued_logins_per_second);
        within("overload.queued_logins_per_second", queued, 1..=1_000, "1 to 1000")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            game_threads: 0,
            max_players: 2_000,
            save_every_seconds: 30,
            creatures_every_seconds: 300,
            content: PathBuf::new(),
            store_concurrency: 64,
            weight: 1,
            event_groups_at_start: true,
            stop_seconds: 15,
            overload: Overload::default(),
        }
    }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        within("game_threads", self.game_threads as u64, 0..=64, "0 to 64")?;
        within("save_every_seconds", self.save_every_seconds, 1..=86_400, "1 to 86400")?;
        within("creatures_every_seconds", self.creatures_every_seconds, 1..=86_400, "1 to 86400")?;
        within("store_concurrency", self.store_concurrency as u64, 1..=4_096, "1 to 4096")?;
        within("weight", u64::from(self.weight), 1..=1_000, "1 to 1000")?;
        within("stop_seconds", self.stop_seconds, 1..=3_600, "1 to 3600")?;
        self.overload.check()
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
