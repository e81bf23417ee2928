//! Redis dies in play and comes back empty: nobody is disconnected, nothing is lost, and trades are possible again.

use crate::Fleet;
use crate::storm::{Stage, traders, verdict};
use anyhow::ensure;
use bot::fleet::Report;
use bot::fleet::economy::Deed;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long everybody may take to arrive and to trade, and how soon trades have to be possible again.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is told how it is going.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// What is done.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bots.
    pub players: usize,
    /// How long they play, half of it before Redis dies and half of it after it came back.
    pub play: Duration,
    /// How long there is no Redis.
    pub away: Duration,
    /// Of the bots.
    pub seed: u64,
}

/// Does it; the report, and what did not hold in words.
pub fn run(options: &Options) -> anyhow::Result<(Value, Vec<String>)> {
    println!("redis-gone with seed {}: {options:?}", options.seed);
    let mut stage = Stage::new(2, false, false)?;
    let mut bots = traders(&stage.cluster, options.players);
    bots.seed = Some(options.seed);
    let fleet = Fleet::start(bots);
    let enough = options.players as u64 * 2;
    until_traded(&fleet, 0, || fleet.acknowledged() >= enough)?;
    play(&fleet, options.play / 2, "with Redis")?;

    let (before, trades) = (fleet.acknowledged(), fleet.acknowledged_of(Deed::Trade));
    println!("     kill  redis for {:?}, after {before} operations and {trades} trades", options.away);
    stage.redis.stop();
    play(&fleet, options.away, "without Redis")?;
    stage.redis.run();
    let (back, trades_meanwhile) = (fleet.acknowledged(), fleet.acknowledged_of(Deed::Trade) - trades);
    println!("     redis is back and empty: {} operations meanwhile", back - before);
    let since = Instant::now();
    let again = until_traded(&fleet, trades + trades_meanwhile, || true);
    let first_trade_ms = since.elapsed().as_millis() as u64;
    play(&fleet, options.play / 2, "with Redis again")?;
    let trades_after = fleet.acknowledged_of(Deed::Trade) - trades - trades_meanwhile;

    fleet.close();
    let report = fleet.finish()?;
    let fsck = verdict::examine(&stage.cluster);
    let mut failures = verdict::bots_failures(&report, options.players);
    failures.extend(own_failures(&report, again.err(), &fsck));
    let mut json = verdict::bots_json(&report);
    let own = json!({
        "seed": options.seed,
        "players": options.players,
        "away_seconds": options.away.as_secs_f64(),
        "acknowledged_meanwhile": back - before,
        "trades_before": trades,
        "trades_meanwhile": trades_meanwhile,
        "trades_after": trades_after,
        "first_trade_ms_after": first_trade_ms,
        "fsck": fsck,
    });
    verdict::merge(&mut json, own);
    let code = stage.cluster.stop();
    if code != Some(0) {
        failures.push(format!("the cluster stopped with {code:?}"));
    }
    json["failures"] = json!(failures);
    json["held"] = json!(failures.is_empty());
    Ok((json, failures))
}

fn own_failures(report: &Report, no_trade: Option<anyhow::Error>, fsck: &Value) -> Vec<String> {
    let mut failures = Vec::new();
    if report.counts.reentered > 0 {
        failures.push(format!("{} players had to come back", report.counts.reentered));
    }
    if let Some(error) = no_trade {
        failures.push(format!("after Redis came back: {error}"));
    }
    if fsck["clean"] != true {
        failures.push(format!("fsck found {:?}", fsck["findings"].as_u64()));
    }
    failures
}

/// Waits for a trade beyond so many, and for more.
fn until_traded(fleet: &Fleet, trades: u64, more: impl Fn() -> bool) -> anyhow::Result<()> {
    let end = Instant::now() + PATIENCE;
    while fleet.acknowledged_of(Deed::Trade) <= trades || !more() {
        ensure!(Instant::now() < end, "no trade, or not enough else, in {PATIENCE:?}");
        ensure!(!fleet.has_ended(), "the bots ended");
        std::thread::sleep(Duration::from_millis(20)); // pacing of the poll
    }
    Ok(())
}

/// Lets them play for so long.
fn play(fleet: &Fleet, time: Duration, how: &str) -> anyhow::Result<()> {
    let (began, mut told) = (Instant::now(), (fleet.acknowledged(), Instant::now()));
    while began.elapsed() < time {
        ensure!(!fleet.has_ended(), "the bots ended");
        if told.1.elapsed() >= REPORT_INTERVAL {
            let done = fleet.acknowledged();
            let rate = (done - told.0) as f64 / told.1.elapsed().as_secs_f64();
            println!(
                "{:7.1} s  {how}: {done} acknowledged, {rate:.0} a second",
                began.elapsed().as_secs_f64()
            );
            told = (done, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(50)); // pacing of the poll
    }
    Ok(())
}
