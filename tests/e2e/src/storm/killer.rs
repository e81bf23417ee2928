//! Who kills: a random process, a shard's server with all its children, Redis, or DBSrv in the middle of a two-phase
//! commit.

use super::Stage;
use super::coordinator::{Coordinator, POINTS, Reached};
use crate::signal;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Processes that die; the edge holds the players' connections and lives.
const PROCESSES: [&str; 6] = ["tmsrv-1", "tmsrv-2", "dbsrv-1", "bisrv-1", "tsssrv-1", "nrsrv-1"];
/// The one that coordinates two-phase commits.
const DBSRV: &str = "dbsrv-1";
/// How long what died may take to run again.
const REVIVAL: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
enum Victim {
    Process(&'static str),
    Shard(usize),
    Redis,
    Coordinator(&'static str),
}

/// The killer.
pub struct Killer {
    rng: StdRng,
    /// Whose turn it is next, from the end: everybody dies before anybody dies twice.
    deck: Vec<Victim>,
    pause_ms: std::ops::Range<u64>,
    due: Instant,
    by_victim: BTreeMap<String, u32>,
    /// Present when a coordinator can be held at a point.
    coordinator: Option<Coordinator>,
    by_point: BTreeMap<&'static str, u32>,
    missed: Vec<String>,
    stopped_first: u32,
    slow_revivals: Vec<String>,
}

impl Killer {
    /// With a seed of its own.
    pub fn new(rng: StdRng, pause_ms: std::ops::Range<u64>) -> Killer {
        let by_victim = BTreeMap::new();
        Killer {
            rng,
            coordinator: Coordinator::of_environment(),
            by_point: BTreeMap::new(),
            missed: Vec::new(),
            deck: Vec::new(),
            pause_ms,
            due: Instant::now(),
            by_victim,
            stopped_first: 0,
            slow_revivals: Vec::new(),
        }
    }

    /// How many died.
    pub fn kills(&self) -> u32 {
        self.by_victim.values().sum()
    }

    /// Who died how often.
    pub fn by_victim(&self) -> &BTreeMap<String, u32> {
        &self.by_victim
    }

    /// How often a coordinator died at which point of a two-phase commit; empty when none can be held.
    pub fn by_point(&self) -> &BTreeMap<&'static str, u32> {
        &self.by_point
    }

    /// Points at which no coordinator died although everybody had a turn.
    pub fn spared_points(&self, shards: usize) -> Vec<&'static str> {
        let full_turn = PROCESSES.len() + shards + 1 + POINTS.len();
        let expected = self.coordinator.is_some() && self.kills() as usize >= full_turn;
        let spared = |point: &&str| expected && !self.by_point.contains_key(*point);
        POINTS.into_iter().filter(spared).collect()
    }

    /// Deaths that were meant for a coordinator at a point and came elsewhere, in words.
    pub fn missed(&self) -> &[String] {
        &self.missed
    }

    /// How many were stopped before they were killed.
    pub fn stopped_first(&self) -> u32 {
        self.stopped_first
    }

    /// What did not come back in time.
    pub fn slow_revivals(&self) -> &[String] {
        &self.slow_revivals
    }

    /// Kills somebody if it is time; false when it is not.
    pub fn strike(&mut self, stage: &mut Stage) -> bool {
        if Instant::now() < self.due {
            return false;
        }
        if self.deck.is_empty() {
            self.deck.extend(PROCESSES.map(Victim::Process));
            self.deck.extend((0..stage.shards.len()).map(Victim::Shard));
            self.deck.push(Victim::Redis);
            if self.coordinator.is_some() {
                self.deck.extend(POINTS.map(Victim::Coordinator));
            }
            self.deck.shuffle(&mut self.rng);
        }
        let Some(victim) = self.deck.pop() else { return false };
        let stops = self.rng.random_bool(0.4) || matches!(victim, Victim::Coordinator(_));
        let agony = Duration::from_millis(self.rng.random_range(100..1500));
        let away = Duration::from_millis(self.rng.random_range(100..2000));
        let name = match victim {
            Victim::Process(name) => name.to_owned(),
            Victim::Shard(index) => format!("shard-{index}"),
            Victim::Redis => "redis".to_owned(),
            Victim::Coordinator(_) => DBSRV.to_owned(),
        };
        let place =
            if let Victim::Coordinator(point) = victim { format!(" at {point}") } else { String::new() };
        let first = if stops { format!(", stopped for {agony:?} first") } else { String::new() };
        println!("     kill  {name}{place}{first}");
        match victim {
            Victim::Process(name) => self.kill_process(stage, name, stops.then_some(agony)),
            Victim::Coordinator(point) => self.kill_coordinator(stage, point, agony),
            Victim::Shard(index) => {
                let shard = &mut stage.shards[index];
                if stops {
                    shard.freeze();
                    std::thread::sleep(agony);
                }
                shard.kill();
                std::thread::sleep(away);
                shard.resume();
            }
            Victim::Redis => {
                stage.redis.stop();
                std::thread::sleep(away);
                stage.redis.run();
            }
        }
        *self.by_victim.entry(name).or_default() += 1;
        self.stopped_first += u32::from(stops);
        self.due = Instant::now() + Duration::from_millis(self.rng.random_range(self.pause_ms.clone()));
        true
    }

    fn kill_coordinator(&mut self, stage: &Stage, point: &'static str, agony: Duration) {
        let pid = stage.cluster.process(DBSRV).pid;
        if let Some(coordinator) = self.coordinator.as_ref().filter(|_| pid != 0) {
            match coordinator.stop_at(point, stage, pid) {
                Reached::AsItShould => *self.by_point.entry(point).or_default() += 1,
                other => self.missed.push(format!("{point}: {other:?}")),
            }
        }
        self.kill_process(stage, DBSRV, Some(agony));
    }

    fn kill_process(&mut self, stage: &Stage, name: &str, agony: Option<Duration>) {
        let before = stage.cluster.process(name);
        if before.pid == 0 {
            return;
        }
        if let Some(agony) = agony {
            signal(before.pid, "STOP");
            std::thread::sleep(agony);
        }
        signal(before.pid, "KILL");
        let end = Instant::now() + REVIVAL;
        loop {
            let now = stage.cluster.process(name);
            if now.pid != 0 && now.pid != before.pid && now.state == "running" {
                return;
            }
            if Instant::now() > end {
                self.slow_revivals.push(format!("{name} is {} {REVIVAL:?} after its death", now.state));
                return;
            }
            std::thread::sleep(Duration::from_millis(100)); // pacing of the poll
        }
    }
}
