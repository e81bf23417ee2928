//! Shards and moves, in words and in JSON.

use model::calls::database::ShardsReport;
use model::calls::shards::MoveInfo;
use serde_json::{Value, json};

/// Prints shards and moves.
pub(super) fn status(report: &ShardsReport) {
    println!("map {}", report.map_version);
    for shard in &report.shards {
        let buckets = buckets(report, shard.shard);
        let held = shard.held.map_or("does not answer".to_owned(), |held| {
            format!("{} accounts, {:.1} MiB", held.accounts, held.bytes as f64 / 1_048_576.0)
        });
        println!("shard {} at {}: {buckets} buckets, {held}", shard.shard, shard.address);
    }
    for moved in &report.moves {
        println!("{}", progress(moved));
    }
}

fn buckets(report: &ShardsReport, shard: u16) -> usize {
    report.owner.iter().filter(|owner| **owner == shard).count()
}

/// A move in one line.
pub(super) fn progress(moved: &MoveInfo) -> String {
    let MoveInfo { number, from, to, buckets, moved: there, state, step, .. } = moved;
    let mut line = format!(
        "move {number}: {there} of {buckets} buckets from shard {from} to shard {to}, {}",
        state.name()
    );
    if !state.has_ended() {
        line += &format!(" ({step})");
    }
    if let Some([_, p99, most]) = pauses_ms(moved) {
        line += &format!(", writers waited at most {most:.1} ms (p99 {p99:.1} ms)");
    }
    if let Some(error) = &moved.error {
        line += &format!(": {error}");
    }
    line
}

/// Half, 99 of 100, and all of the pauses were at most that long.
fn pauses_ms(moved: &MoveInfo) -> Option<[f64; 3]> {
    let mut pauses = moved.pauses_us.clone();
    pauses.sort_unstable();
    let last = pauses.len().checked_sub(1)?;
    Some(
        [0.5, 0.99, 1.0]
            .map(|share| pauses[((pauses.len() as f64 * share) as usize).min(last)] as f64 / 1_000.0),
    )
}

/// A move for a program.
pub(super) fn move_in_json(moved: &MoveInfo) -> Value {
    let [p50, p99, most] = pauses_ms(moved).map_or([None; 3], |pauses| pauses.map(Some));
    json!({
        "move": moved.number,
        "from": moved.from,
        "to": moved.to,
        "buckets": moved.buckets,
        "moved": moved.moved,
        "state": moved.state.name(),
        "step": moved.step,
        "mover": moved.mover,
        "rows": moved.rows,
        "pauses": moved.pauses_us.len(),
        "pause_p50_ms": p50,
        "pause_p99_ms": p99,
        "pause_max_ms": most,
        "started_ms": moved.started_ms,
        "ended_ms": moved.ended_ms,
        "error": moved.error,
    })
}

/// Everything for a program.
pub(super) fn status_in_json(report: &ShardsReport) -> Value {
    let shards = report.shards.iter().map(|shard| {
        json!({
            "shard": shard.shard,
            "address": shard.address,
            "buckets": buckets(report, shard.shard),
            "answers": shard.held.is_some(),
            "accounts": shard.held.map(|held| held.accounts),
            "bytes": shard.held.map(|held| held.bytes),
        })
    });
    json!({
        "map_version": report.map_version,
        "shards": shards.collect::<Vec<_>>(),
        "moves": report.moves.iter().map(move_in_json).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::calls::shards::MoveState;

    #[test]
    fn a_move_is_told_with_its_pauses() {
        let moved = MoveInfo {
            number: 3,
            from: 0,
            to: 2,
            buckets: 100,
            moved: 40,
            state: MoveState::Going,
            step: "copy".into(),
            mover: Some("pid 7".into()),
            rows: 1_000,
            pauses_us: vec![9_000, 5_000, 20_500],
            started_ms: 1,
            ended_ms: None,
            error: None,
        };
        let told = "move 3: 40 of 100 buckets from shard 0 to shard 2, going (copy), \
                    writers waited at most 20.5 ms (p99 20.5 ms)";
        assert_eq!(progress(&moved), told);
        assert_eq!(move_in_json(&moved)["pause_p50_ms"], json!(9.0));
        let unmoved = MoveInfo { pauses_us: Vec::new(), state: MoveState::Failed, ..moved };
        assert_eq!(progress(&unmoved), "move 3: 40 of 100 buckets from shard 0 to shard 2, failed");
    }
}
