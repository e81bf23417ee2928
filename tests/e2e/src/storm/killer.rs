//! Who kills: a random process, a shard's server with all its children, or Redis.

use super::Stage;
use crate::signal;
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Processes that die; the edge holds the players' connections and lives.
const PROCESSES: [&str; 6] = ["tmsrv-1", "tmsrv-2", "dbsrv-1", "bisrv-1", "tsssrv-1", "nrsrv-1"];
/// How long what died may take to run again.
const REVIVAL: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
enum Victim {
    Process(&'static str),
    Shard(usize),
    Redis,
}

/// The killer.
pub struct Killer {
    rng: StdRng,
    pause_ms: std::ops::Range<u64>,
    due: Instant,
    by_victim: BTreeMap<String, u32>,
    stopped_first: u32,
    slow_revivals: Vec<String>,
}

impl Killer {
    /// With a seed of its own.
    pub fn new(rng: StdRng, pause_ms: std::ops::Range<u64>) -> Killer {
        let by_victim = BTreeMap::new();
        Killer { rng, pause_ms, due: Instant::now(), by_victim, stopped_first: 0, slow_revivals: Vec::new() }
    }

    /// How many died.
    pub fn kills(&self) -> u32 {
        self.by_victim.values().sum()
    }

    /// Who died how often.
    pub fn by_victim(&self) -> &BTreeMap<String, u32> {
        &self.by_victim
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
        let count = PROCESSES.len() + stage.shards.len() + 1;
        let victim = match self.rng.random_range(0..count) {
            index if index < PROCESSES.len() => Victim::Process(PROCESSES[index]),
            index if index < PROCESSES.len() + stage.shards.len() => Victim::Shard(index - PROCESSES.len()),
            _ => Victim::Redis,
        };
        let stops = self.rng.random_bool(0.4);
        let agony = Duration::from_millis(self.rng.random_range(100..1500));
        let away = Duration::from_millis(self.rng.random_range(100..2000));
        let name = match victim {
            Victim::Process(name) => name.to_owned(),
            Victim::Shard(index) => format!("shard-{index}"),
            Victim::Redis => "redis".to_owned(),
        };
        println!(
            "     kill  {name}{}",
            if stops { format!(", stopped for {agony:?} first") } else { String::new() }
        );
        match victim {
            Victim::Process(name) => self.kill_process(stage, name, stops.then_some(agony)),
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
