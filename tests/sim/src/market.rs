//! The scenario of the market: TSSSrv and BISrv between nodes and the store, with a Redis.
//!
//! ```text
//!  player-0 .. player-n (a node each) ──▶ tsssrv-0, tsssrv-1 ──▶ redis
//!        └──────────────────────────────▶ bisrv │
//!                                           └───┴──▶ dbsrv-0 .. ──▶ shard-0 .., metadata
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`service`], [`redis`], [`store`] | the hosts, and what the services see of the others |
//! | [`node`], [`line`] | a node: what it knows of its player, how it asks, its push stream |
//! | [`trader`], [`talk`], [`wishes`] | a player's life, its trades, its other wishes |
//! | [`board`], [`judge`] | what is noted, and what must hold |

pub mod board;
pub mod judge;
pub mod line;
pub mod node;
pub mod redis;
pub mod service;
pub mod store;
pub mod talk;
pub mod trader;
pub mod wishes;

use crate::faults::{self, Fault, Victim};
use crate::oracle::{self, Found};
use crate::player::{Player, item};
use crate::run::{Cluster, Plan, Report};
use crate::shard::SharedDisk;
use crate::trace::Trace;
use crate::{coordinator, held};
use ::store::testing::memory::{Disk, MemoryShard};
use board::{Board, SharedBoard};
use model::id::{AccountId, CharacterId, ItemId};
use model::item::GOLD_MAX;
use model::ledger::GoldAccount;
use model::transfer::Transfer;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use redis::Redis;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use trader::Life;

/// Markets: one serves, one stands by.
const MARKETS: u16 = 2;
/// Gold that each player carries at first.
const GOLD: i64 = 3_000;
/// Things that each player carries at first.
const THINGS: u8 = 3;
/// So long after the breaking the markets start once more: what waits for a later look is looked at then.
const RESTART_AFTER: Duration = Duration::from_millis(8_500);

/// Of so many seeds one ends with [`blow`].
const BLOWS: f64 = 0.35;
/// So long before the end of the breaking nothing else breaks in these.
const BLOW: Duration = Duration::from_millis(1_500);
/// Then no market reaches the store: trades are decided, and none is swapped.
const UNSWAPPED_MS: u64 = 1_200;

/// What everybody has at first.
#[derive(Default)]
struct First {
    items: BTreeMap<ItemId, oracle::Spot>,
    gold: BTreeMap<GoldAccount, i64>,
}

/// Runs a seed of the market to its end.
pub fn run(plan: Plan) -> Report {
    let mut dice = ChaCha8Rng::seed_from_u64(plan.seed);
    let cluster = Cluster::thrown(&mut dice, 2);
    let players = dice.random_range(3..=5);
    let (board, first) = people(players, &cluster.disks, &mut dice);
    let board = Arc::new(Mutex::new(Board { trace: Trace::told(plan.told), ..board }));
    let mut sim = cluster.sim(&plan, &mut dice);
    cluster.hosts(&mut sim, &mut dice);
    let redis = Redis::default();
    let values = redis.clone();
    sim.host(redis::HOST, move || redis::run(values.clone()));
    let coordinators = cluster.coordinators;
    sim.host(service::BANK, move || service::bank(coordinators));
    for index in 0..MARKETS {
        let own = Arc::new(Mutex::new(ChaCha8Rng::seed_from_u64(dice.random())));
        sim.host(service::host(index), move || service::market(index, coordinators, own.clone()));
    }
    for index in 0..players {
        let (seed, breaking) = (dice.random(), plan.breaking);
        let (shards, markets) = (cluster.shards(), MARKETS);
        let life = Life { index, shards, coordinators, markets, breaking, seed, board: board.clone() };
        sim.client(format!("player-{index}"), life.live());
    }
    let faults = schedule(&mut dice, &cluster, players, &plan);
    let strikes = Strikes { redis, board: board.clone() };
    let broken = crate::run::play(&mut sim, &faults, |at, fault| {
        strikes.note(at, fault);
        Vec::new()
    });
    let simulated_ms = sim.elapsed().as_millis() as u64;
    drop(sim);
    let board = held(&board);
    let done = judge::performed(&cluster.disks);
    let mut wrong = Vec::new();
    judge::judge(&board, &done, &mut wrong);
    conserved(&first, &done, &cluster.disks, &mut wrong);
    wrong.extend(broken);
    Report {
        done: done.len() as u64,
        refused: board.orders.iter().filter(|(_, _, told)| *told == board::Told::Not).count() as u64,
        faults: faults.len() as u64 / 2,
        simulated_ms,
        bytes: board.trace.bytes(),
        wrong,
    }
}

/// Items and gold are where what was done has put them; nothing is left in doubt, and no lot.
fn conserved(
    first: &First,
    done: &BTreeMap<model::OperationId, Transfer>,
    disks: &[SharedDisk],
    wrong: &mut Vec<String>,
) {
    let (found, done) = (Found::on(disks), done.values().collect::<Vec<_>>());
    oracle::items(&first.items, &done, &found, wrong);
    oracle::gold(&first.gold, &done, &found, wrong);
    for (shard, disk) in disks.iter().enumerate() {
        let disk = held(disk);
        let (doubt, lots) = (disk.in_doubt(), disk.records());
        if doubt > 0 || lots > 0 {
            wrong.push(format!("shard {shard} has {doubt} transactions in doubt and {lots} lots"));
        }
    }
}

struct Strikes {
    redis: Redis,
    board: SharedBoard,
}

impl Strikes {
    fn note(&self, at: Duration, fault: &Fault) {
        let mut board = held(&self.board);
        board.trace.note(format_args!("{} {fault:?}", at.as_millis()));
        let market = |host: &String| host.strip_prefix("tsssrv-").and_then(|index| index.parse::<u16>().ok());
        match fault {
            Fault::Crash(host) => board.down.extend(market(host)),
            Fault::Bounce(host) => {
                if let Some(index) = market(host) {
                    board.down.remove(&index);
                }
            }
            Fault::Flush => self.redis.flush(),
            _ => {}
        }
    }
}

/// Everybody may die; the Redis may also forget.
fn schedule(dice: &mut ChaCha8Rng, cluster: &Cluster, players: usize, plan: &Plan) -> Vec<(Duration, Fault)> {
    // thrown apart: what else a seed throws stays what it was
    let has_blow = ChaCha8Rng::seed_from_u64(plan.seed ^ 0xB10).random_bool(BLOWS);
    let until = plan.breaking.saturating_sub(if has_blow { BLOW } else { Duration::ZERO });
    let coordinators: Vec<String> = (0..cluster.coordinators).map(coordinator::host).collect();
    let markets: Vec<String> = (0..MARKETS).map(service::host).collect();
    let nodes: Vec<String> = (0..players).map(|index| format!("player-{index}")).collect();
    let mut victims = faults::of_storage(cluster.shards(), cluster.coordinators);
    // markets more often than the rest: they are what is looked at
    for market in markets.iter().chain(&markets) {
        let others = nodes.iter().chain(&coordinators).cloned().chain([redis::HOST.to_owned()]);
        victims.push(Victim(market.clone(), others.collect()));
    }
    victims.push(Victim(redis::HOST.to_owned(), markets.clone()));
    victims.push(Victim(service::BANK.to_owned(), nodes.iter().chain(&coordinators).cloned().collect()));
    let mut faults = faults::schedule(dice, &victims, until);
    let mut at = Duration::ZERO;
    loop {
        at += Duration::from_millis(dice.random_range(300..2_500));
        if at >= until {
            break;
        }
        faults.push((at, Fault::Flush));
    }
    if has_blow {
        faults.extend(blow(until, &markets, &coordinators));
    }
    for market in markets {
        let at = plan.breaking + RESTART_AFTER;
        faults.push((at, Fault::Crash(market.clone())));
        faults.push((at + Duration::from_millis(20), Fault::Bounce(market)));
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// Markets that cannot reach the store decide trades, and die before they can swap them; their Redis forgets nothing any
/// more. Whoever waits then is told how its trade ended only if the next market goes on with it.
fn blow(from: Duration, markets: &[String], coordinators: &[String]) -> Vec<(Duration, Fault)> {
    let at = |ms: u64| from + Duration::from_millis(ms);
    let mut faults = Vec::new();
    for market in markets {
        for store in coordinators {
            faults.push((at(50), Fault::Partition(market.clone(), store.clone())));
            faults.push((at(UNSWAPPED_MS + 10), Fault::Repair(market.clone(), store.clone())));
        }
        faults.push((at(UNSWAPPED_MS), Fault::Crash(market.clone())));
        faults.push((at(UNSWAPPED_MS + 50), Fault::Bounce(market.clone())));
    }
    faults
}

/// Players with their things, on the shards of their accounts. Some banks are full of gold.
fn people(count: usize, disks: &[SharedDisk], dice: &mut ChaCha8Rng) -> (Board, First) {
    let (mut board, mut first) = (Board::default(), First::default());
    for index in 0..count as u64 {
        let player =
            Player { account: AccountId(dice.random::<u64>() >> 1), character: CharacterId(0xC000 + index) };
        let shard = MemoryShard::of(player.account, disks.len() as u16);
        let mut disk = held(&disks[usize::from(shard)]);
        let banked = if dice.random_bool(0.2) { GOLD_MAX - 100 } else { 500 };
        disk.account(player.account, banked);
        disk.character(player.account, player.character, GOLD);
        first.gold.insert(player.purse().account, GOLD);
        first.gold.insert(player.bank().account, banked);
        for slot in 0..THINGS {
            let item = item(index * 10 + u64::from(slot));
            let at = player.carry(slot);
            disk.item(player.account, &item, at.place);
            first.items.insert(item.id, Disk::spot(&at.place));
        }
        board.players.push(player);
    }
    (board, first)
}
