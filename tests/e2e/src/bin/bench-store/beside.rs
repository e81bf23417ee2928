//! Purchases beside bots that walk a whole cluster on the same database.

use crate::ours::{self, DbSrv, Load};
use crate::sample::Sample;
use crate::world::{CHARACTERS, FIRST, World};
use anyhow::ensure;
use e2e::{Cluster, Options};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Logins of bots a second.
const RAMP: u32 = 40;
/// How long the bots may take to arrive beyond that.
const ARRIVAL: Duration = Duration::from_secs(60);
/// From one purchase of a client to its next when they do not go as fast as they can: a player who clicks twice a second.
const CLICKS: Duration = Duration::from_millis(500);

/// What was measured, and who walked.
pub struct Beside {
    /// Clients that begin the next purchase as soon as one is done.
    pub saturated: Sample,
    /// Clients that buy twice a second.
    pub clicking: Sample,
    /// The bots' own report.
    pub bots: Value,
}

/// Two rounds of purchases while `bots` walk.
pub fn measure(
    world: &World,
    dbsrv: &DbSrv,
    runtime: &tokio::runtime::Runtime,
    (clients, bots, seed): (u32, u32, u64),
    load: Load,
) -> anyhow::Result<Beside> {
    let cluster =
        Cluster::start(Options { nodes: 2, postgres: vec![world.ours.clone()], ..Options::default() });
    let arrival = Duration::from_secs((bots / RAMP).into()) + ARRIVAL;
    // as long as both rounds, and some time to begin and to end
    let walk = load.lasts * 2 + Duration::from_secs(20);
    let (players, seconds) = (bots.to_string(), walk.as_secs().to_string());
    let (ramp, seed) = (RAMP.to_string(), seed.to_string());
    let walking = cluster.start_bots(&[
        "--players",
        &players,
        "--for",
        &seconds,
        "--ramp",
        &ramp,
        "--seed",
        &seed,
        "--profile",
        "mixed",
    ]);
    let end = Instant::now() + arrival;
    while arrived(world) < bots {
        ensure!(Instant::now() < end, "{} of {bots} bots arrived in {arrival:?}", arrived(world));
        std::thread::sleep(Duration::from_millis(200)); // pacing of the poll
    }
    let saturated = runtime.block_on(ours::buy(world, dbsrv, Load { clients, ..load }))?;
    println!("beside {bots} bots, as fast as they can: {saturated}");
    let clicking = Load { clients, round: load.round + 1, every: Some(CLICKS), ..load };
    let clicking = runtime.block_on(ours::buy(world, dbsrv, clicking))?;
    println!("beside {bots} bots, twice a second each: {clicking}");
    let (report, _) = walking.finish();
    let bots = json!({
        "players": bots,
        "entered": report["entered"],
        "dropped": report["dropped"],
        "latency_ms": report["latency_ms"],
    });
    println!("the bots: {bots}");
    Ok(Beside { saturated, clicking, bots })
}

/// Bots that a node plays now.
fn arrived(world: &World) -> u32 {
    let last = FIRST + CHARACTERS;
    let sql = format!(
        "SELECT count(*) FROM characters WHERE owner IS NOT NULL AND NOT id BETWEEN {FIRST} AND {last}"
    );
    world.server.psql("ours", &sql).trim().parse().unwrap_or(0)
}
