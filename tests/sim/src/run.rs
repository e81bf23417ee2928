//! One run: build the cluster, let it be played and broken, heal it, judge what is left.

use crate::faults::{Fault, schedule};
use crate::player::{BANK, Board, GOLD, Life, Player, SLOTS, item};
use crate::shard::SharedDisk;
use crate::trace::Trace;
use crate::{control, coordinator, decider, faults, held, market, oracle, shard};
use model::id::{AccountId, CharacterId, ItemId};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use store::testing::memory::{Disk, MemoryShard};
use store::two_phase::Rules;

/// What a run is made of.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// From what everything follows.
    pub seed: u64,
    /// How long things break, in simulated time.
    pub breaking: Duration,
    /// What is played.
    pub scenario: Scenario,
    /// Whether everything that happens is printed.
    pub told: bool,
}

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Transfers, by players who send them themselves.
    Storage,
    /// Trades, shops, auctions and the bank, by the services.
    Market,
    /// Who is a member and who owns which zone, by nodes and the arbiter.
    Cluster,
}

impl Scenario {
    /// What a seed plays when nothing else is asked for: half of them each.
    pub fn of(seed: u64) -> Self {
        if seed.is_multiple_of(2) { Self::Market } else { Self::Storage }
    }
}

impl Plan {
    /// What a seed plays, broken for so long.
    pub fn of(seed: u64, breaking: Duration) -> Self {
        Self { seed, breaking, scenario: Scenario::of(seed), told: false }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Transfers that were done.
    pub done: u64,
    /// Transfers that were refused.
    pub refused: u64,
    /// Faults.
    pub faults: u64,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Hash of everything that happened: the same for the same seed.
    pub bytes: u64,
    /// What is wrong; empty is good.
    pub wrong: Vec<String>,
}

/// How often hosts are looked at, in simulated time.
const TICK: Duration = Duration::from_millis(4);
/// After the breaking everything is healed; so long the rest may take.
const HEALING: Duration = Duration::from_secs(120);

/// The hosts of the storage, as a seed throws them.
pub struct Cluster {
    /// What lies on the disks of the shards.
    pub disks: Vec<SharedDisk>,
    /// How many coordinators there are.
    pub coordinators: u16,
}

impl Cluster {
    /// Some shards and at most so many coordinators.
    pub fn thrown(dice: &mut ChaCha8Rng, coordinators_max: u16) -> Self {
        let shards = dice.random_range(2..=coordinators_max + 1);
        let coordinators = dice.random_range(1..=coordinators_max);
        let disks = (0..shards).map(|_| Arc::new(Mutex::new(Disk::default()))).collect();
        Self { disks, coordinators }
    }

    /// How many shards there are.
    pub fn shards(&self) -> u16 {
        self.disks.len() as u16
    }

    /// An empty simulation.
    pub fn sim<'a>(&self, plan: &Plan, dice: &mut ChaCha8Rng) -> turmoil::Sim<'a> {
        turmoil::Builder::new()
            .rng_seed(dice.random())
            .tick_duration(TICK)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(dice.random_range(3..40)))
            .simulation_duration(plan.breaking + HEALING)
            .build()
    }

    /// Puts the hosts into it.
    pub fn hosts(&self, sim: &mut turmoil::Sim<'_>, dice: &mut ChaCha8Rng) {
        let shards = self.shards();
        for (index, disk) in self.disks.iter().enumerate() {
            let disk = disk.clone();
            sim.host(shard::host(index as u16), move || shard::run(disk.clone(), index as u16, shards));
        }
        // impatient recoverers meet coordinators that are still at work
        let rules = Rules {
            in_doubt_ms: if dice.random_bool(0.5) { 150 } else { 3_000 },
            retention_ms: if dice.random_bool(0.5) { 300 } else { 20_000 },
        };
        let decisions = decider::Disk::default();
        sim.host(decider::HOST, move || decider::run(decisions.clone()));
        for index in 0..self.coordinators {
            let own = Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(dice.random())));
            sim.host(coordinator::host(index), move || coordinator::run(shards, rules, own.clone()));
        }
    }
}

/// Runs a seed to its end.
pub fn run(plan: Plan) -> Report {
    match plan.scenario {
        Scenario::Storage => storage(plan),
        Scenario::Market => market::run(plan),
        Scenario::Cluster => control::run(plan),
    }
}

/// As many seeds as run at a time without waiting for each other.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Runs many seeds, so many at a time: each on a thread of its own, which changes nothing of it. `hear` is told of each
/// in the order in which they end.
pub fn many(
    seeds: Range<u64>,
    threads: usize,
    run: impl Fn(u64) -> Report + Sync,
    mut hear: impl FnMut(u64, Report),
) {
    let next = AtomicU64::new(seeds.start);
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(threads.max(1));
        for _ in 0..threads.max(1) {
            let (sender, next, run) = (sender.clone(), &next, &run);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || sender.send((seed, run(seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        receiver.into_iter().for_each(|(seed, report)| hear(seed, report));
    });
}

fn storage(plan: Plan) -> Report {
    let mut dice = ChaCha8Rng::seed_from_u64(plan.seed);
    let cluster = Cluster::thrown(&mut dice, 3);
    let players = dice.random_range(4..=8);
    let (board, first) = people(players, &cluster.disks, &mut dice);
    let board = Arc::new(Mutex::new(Board { trace: Trace::told(plan.told), ..board }));
    let mut sim = cluster.sim(&plan, &mut dice);
    cluster.hosts(&mut sim, &mut dice);
    for index in 0..players {
        let (seed, until) = (dice.random(), plan.breaking + Duration::from_secs(1));
        let (shards, coordinators) = (cluster.shards(), cluster.coordinators);
        let life = Life { index, shards, coordinators, until, seed, board: board.clone() };
        sim.client(format!("player-{index}"), life.live());
    }

    let victims = faults::of_storage(cluster.shards(), cluster.coordinators);
    let faults = schedule(&mut dice, &victims, plan.breaking);
    let broken = play(&mut sim, &faults, |at, fault| {
        held(&board).trace.note(format_args!("{} {fault:?}", at.as_millis()));
        Vec::new()
    });
    let simulated_ms = sim.elapsed().as_millis() as u64;
    let board = held(&board);
    let mut wrong = oracle::judge(&board, &first, &cluster.disks);
    wrong.extend(broken);
    Report {
        done: board.journal.iter().filter(|(_, outcome)| outcome.is_ok()).count() as u64,
        refused: board.journal.iter().filter(|(_, outcome)| outcome.is_err()).count() as u64,
        faults: faults.len() as u64 / 2,
        simulated_ms,
        bytes: board.trace.bytes(),
        wrong,
    }
}

/// Runs until all players are done; what stopped it before, if anything did. `struck` hears of each fault, and may say what is done
/// instead, and what follows from that when.
pub fn play(
    sim: &mut turmoil::Sim<'_>,
    faults: &[(Duration, Fault)],
    struck: impl Fn(Duration, &Fault) -> Vec<(Duration, Fault)>,
) -> Option<String> {
    let mut next = faults.iter().cloned().collect::<VecDeque<_>>();
    loop {
        while let Some((at, fault)) = next.pop_front_if(|(at, _)| *at <= sim.elapsed()) {
            let further = struck(at, &fault);
            fault.strike(sim);
            for (at, fault) in further {
                let place = next.partition_point(|(other, _)| *other <= at);
                next.insert(place, (at, fault));
            }
        }
        match sim.step() {
            Ok(true) => return None,
            Ok(false) => {}
            Err(error) => return Some(format!("it did not come to rest: {error}")),
        }
    }
}

/// Players with their things, on the shards of their accounts.
fn people(
    count: usize,
    disks: &[SharedDisk],
    dice: &mut ChaCha8Rng,
) -> (Board, BTreeMap<ItemId, (i64, i64, i64)>) {
    let (mut board, mut first) = (Board::default(), BTreeMap::new());
    for index in 0..count as u64 {
        let player =
            Player { account: AccountId(dice.random::<u64>() >> 1), character: CharacterId(0xC000 + index) };
        let shard = MemoryShard::of(player.account, disks.len() as u16);
        let mut disk = held(&disks[usize::from(shard)]);
        disk.account(player.account, BANK);
        disk.character(player.account, player.character, GOLD);
        for slot in 0..SLOTS / 2 {
            let item = item(index * 10 + u64::from(slot));
            let at = player.carry(slot);
            disk.item(player.account, &item, at.place);
            first.insert(item.id, Disk::spot(&at.place));
            board.items.insert(item.id, (item, at));
        }
        board.players.push(player);
    }
    (board, first)
}
