//! What must hold after a storm.

use super::killer::Killer;
use super::{Options, Stage};
use bot::fleet::Report;
use serde_json::{Value, json};

/// Violations that are told in the JSON.
const TOLD: usize = 40;

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
    let players = options.players as u64;
    holds(report.counts.entered == players, format!("{} of {players} entered", report.counts.entered));
    holds(report.counts.dropped == 0, format!("{} players were disconnected", report.counts.dropped));
    holds(report.violation_count == 0, format!("{} violations", report.violation_count));
    holds(economy.compared == players, format!("{} of {players} came back", economy.compared));
    let same = economy.as_before + economy.delivered;
    holds(same == economy.compared, format!("{same} of {} were as before", economy.compared));
    holds(economy.acknowledged >= options.ops, format!("{} operations acknowledged", economy.acknowledged));
    holds(killer.kills() >= options.kills, format!("{} kills", killer.kills()));
    for slow in killer.slow_revivals() {
        holds(false, slow.clone());
    }
    let fsck = examine(stage);
    let findings = fsck["findings"].as_u64();
    holds(fsck["clean"] == true, format!("fsck found {findings:?}"));
    json!({
        "seed": options.seed,
        "players": players,
        "shards": options.shards,
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
        "kills": killer.kills(),
        "killed": killer.by_victim(),
        "stopped_first": killer.stopped_first(),
        "dropped": report.counts.dropped,
        "reentered": report.counts.reentered,
        "tolerated": report.counts.tolerated,
        "longest_gap_ms": report.counts.longest_gap_ms,
        "violations": report.violations.iter().take(TOLD).collect::<Vec<_>>(),
        "violation_count": report.violation_count,
        "fsck": fsck,
    })
}

/// The report of `wydbr fsck`, or why there is none; `clean` says whether it found nothing.
pub fn examine(stage: &Stage) -> Value {
    let file = stage.cluster.data().join("fsck.json");
    let path = file.to_string_lossy().into_owned();
    let output = stage.cluster.with_data(&["fsck", "--json", &path], None);
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
