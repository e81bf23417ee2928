//! Ends what a crash left between the steps of a two-phase commit, whichever DBSrv it was that died.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::Postgres;
use telemetry::{IntCounterVec, IntGauge, Process};

/// The pause between two rounds.
const PAUSE: Duration = Duration::from_secs(1);

struct Numbers {
    in_doubt: IntGauge,
    oldest: IntGauge,
    ended: IntCounterVec,
}

/// Looks every second until the process stops.
pub(crate) async fn tend(process: Process, store: Arc<Postgres>) {
    let metrics = &process.metrics;
    let numbers = Numbers {
        in_doubt: metrics
            .gauge("prepared_transactions", "Prepared transactions on all shards, young ones too."),
        oldest: metrics.gauge("prepared_oldest_milliseconds", "Age of the oldest prepared transaction."),
        ended: metrics.counter_vec(
            "recovered_transactions_total",
            "Prepared transactions that a crash left and this process ended.",
            &["end"],
        ),
    };
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut away = BTreeSet::new();
    while process.stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let Some(round) = process.stop.run_until_cancelled(store.recover_once()).await else { break };
        numbers.in_doubt.set(round.in_doubt as i64);
        numbers.oldest.set(round.oldest_ms);
        numbers.ended.with_label_values(&["commit"]).inc_by(round.committed as u64);
        numbers.ended.with_label_values(&["rollback"]).inc_by(round.rolled_back as u64);
        if round.committed + round.rolled_back > 0 {
            let (committed, rolled_back) = (round.committed, round.rolled_back);
            tracing::warn!(committed, rolled_back, "ended what a crash left");
        }
        // said when it begins, not every second
        let now: BTreeSet<String> = round.away.into_iter().collect();
        for reason in now.difference(&away) {
            tracing::warn!(reason, "transactions in doubt stay until the next round");
        }
        away = now;
    }
}
