//! What must hold after a storm.

use super::killer::Killer;
use super::{Options, Stage};
use crate::Cluster;
use bot::fleet::Report;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use store::testing::PgServer;
use store::two_phase::Attempt;

/// Violations that are told in the JSON.
const TOLD: usize = 40;
/// How long a recoverer may take to end the last prepared transactions.
const RECOVERY: Duration = Duration::from_secs(15);

/// Judges what the storm left; adds what does not hold to `failures`.
pub fn judge(
    options: &Options,
    stage: &Stage,
    report: &Report,
    killer: &Killer,
    failures: &mut Vec<String>,
) -> Value {
    let mut holds = |so: bool, otherwise: String| {
        if !so {
            failures.push(otherwise);
        }
    };
    let economy = report.economy.clone().unwrap_or_default();
    holds(economy.acknowledged >= options.ops, format!("{} operations acknowledged", economy.acknowledged));
    holds(killer.kills() >= options.kills, format!("{} kills", killer.kills()));
    for slow in killer.slow_revivals() {
        holds(false, slow.clone());
    }
    for point in killer.spared_points(options.shards) {
        holds(false, format!("no coordinator was killed at {point}"));
    }
    failures.extend(bots_failures(report, options.players));
    let prepared = left_prepared(stage);
    if prepared > 0 {
        failures.push(format!("{prepared} transactions are still prepared"));
    }
    let fsck = examine(&stage.cluster);
    if fsck["clean"] != true {
        failures.push(format!("fsck found {:?}", fsck["findings"].as_u64()));
    }
    let mut json = bots_json(report);
    let own = json!({
        "seed": options.seed,
        "players": options.players,
        "shards": options.shards,
        "haste": options.haste,
        "tmpfs": options.tmpfs,
        "kills": killer.kills(),
        "killed": killer.by_victim(),
        "stopped_first": killer.stopped_first(),
        "coordinator_killed_at": killer.by_point(),
        "coordinator_missed": killer.missed(),
        "left_prepared": prepared,
        "fsck": fsck,
    });
    merge(&mut json, own);
    json
}

/// What every fleet with an economy must show at its end, in words where it does not.
pub fn bots_failures(report: &Report, players: usize) -> Vec<String> {
    let economy = report.economy.clone().unwrap_or_default();
    let (players, same) = (players as u64, economy.as_before + economy.delivered);
    let rows = [
        (report.counts.entered == players, format!("{} of {players} entered", report.counts.entered)),
        (report.counts.dropped == 0, format!("{} players were disconnected", report.counts.dropped)),
        (report.violation_count == 0, format!("{} violations", report.violation_count)),
        (economy.compared == players, format!("{} of {players} came back", economy.compared)),
        (same == economy.compared, format!("{same} of {} were as before", economy.compared)),
    ];
    rows.into_iter().filter(|(holds, _)| !holds).map(|(_, otherwise)| otherwise).collect()
}

/// The counts of a fleet with an economy.
pub fn bots_json(report: &Report) -> Value {
    let economy = report.economy.clone().unwrap_or_default();
    json!({
        "entered": report.counts.entered,
        "acknowledged": economy.acknowledged,
        "acknowledged_by_kind": economy.acknowledged_by_kind,
        "refused": economy.refused,
        "refusals": economy.refusals,
        "unanswered": economy.unanswered,
        "looks_unanswered": economy.looks_unanswered,
        "trades_ended": economy.trades_ended,
        "trades_unclear": economy.trades_unclear,
        "compared": economy.compared,
        "as_before": economy.as_before,
        "delivered": economy.delivered,
        "deliveries": economy.deliveries,
        "gold_at_first": economy.gold_at_first,
        "gold_at_last": economy.gold_at_last,
        "items_at_last": economy.items_at_last,
        "dropped": report.counts.dropped,
        "reentered": report.counts.reentered,
        "tolerated": report.counts.tolerated,
        "longest_gap_ms": report.counts.longest_gap_ms,
        "violations": report.violations.iter().take(TOLD).collect::<Vec<_>>(),
        "violation_count": report.violation_count,
    })
}

/// Adds the keys of an object to another one.
pub fn merge(to: &mut Value, from: Value) {
    if let (Value::Object(to), Value::Object(mut from)) = (to, from) {
        to.append(&mut from);
    }
}

/// Prepared transactions of ours that are left on all shards when everybody is at rest.
fn left_prepared(stage: &Stage) -> u64 {
    let sql = format!("SELECT count(*) FROM pg_prepared_xacts WHERE starts_with(gid, '{}')", Attempt::OURS);
    let on_shard = |shard: &PgServer| shard.psql("postgres", &sql).parse::<u64>().unwrap_or(u64::MAX);
    let end = Instant::now() + RECOVERY;
    loop {
        let left = stage.shards.iter().map(on_shard).fold(0, u64::saturating_add);
        if left == 0 || Instant::now() > end {
            return left;
        }
        std::thread::sleep(Duration::from_millis(100)); // pacing of the poll
    }
}

/// The report of `wydbr fsck`, or why there is none; `clean` says whether it found nothing.
pub fn examine(cluster: &Cluster) -> Value {
    let file = cluster.data().join("fsck.json");
    let path = file.to_string_lossy().into_owned();
    let output = cluster.with_data(&["fsck", "--json", &path], None);
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default();
    let mut found = serde_json::from_str(last)
        .unwrap_or_else(|_| json!({ "error": format!("{text}{}", String::from_utf8_lossy(&output.stderr)) }));
    if !output.status.success() {
        println!("{text}");
    }
    found["clean"] = json!(output.status.success());
    found
}
