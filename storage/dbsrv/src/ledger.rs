//! Keeps the ledger in order: months made ahead, and what is past the retention removed.

use crate::Settings;
use crate::settings_of::Opened;
use settings::Live;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use store::Trimmed;
use telemetry::{IntCounter, IntCounterVec, IntGauge, Metrics, Process};

/// How often it is looked whether a round is due, and how often one is when nothing changed.
const LOOK: Duration = Duration::from_millis(500);
const EVERY: Duration = Duration::from_secs(300);

struct Numbers {
    entries: IntCounterVec,
    partitions: IntCounterVec,
    outcomes: IntCounter,
    oldest: IntGauge,
    kept: IntGauge,
}

impl Numbers {
    fn new(metrics: &Metrics) -> Self {
        Self {
            entries: metrics.counter_vec(
                "ledger_entries_total",
                "Entries past the retention, by what was done: folded into the base, or removed one by one.",
                &["done"],
            ),
            partitions: metrics.counter_vec(
                "ledger_partitions_total",
                "Months of the ledger made ahead and removed.",
                &["done"],
            ),
            outcomes: metrics.counter(
                "operations_forgotten_total",
                "Outcomes of operations removed because they are past the retention.",
            ),
            oldest: metrics.gauge("ledger_oldest_seconds", "Age of the oldest entry of the ledger."),
            kept: metrics.gauge(
                "ledger_kept_reasons",
                "Reasons why something past the retention was not removed in the last round.",
            ),
        }
    }

    fn count(&self, trimmed: &Trimmed) {
        self.entries.with_label_values(&["folded"]).inc_by(trimmed.folded);
        self.entries.with_label_values(&["removed"]).inc_by(trimmed.entries);
        self.partitions.with_label_values(&["made"]).inc_by(trimmed.made);
        self.partitions.with_label_values(&["removed"]).inc_by(trimmed.partitions);
        self.outcomes.inc_by(trimmed.operations);
        self.oldest.set(trimmed.oldest_ms.unwrap_or_default() / 1_000);
        self.kept.set(trimmed.kept.len() as i64);
    }
}

/// A round every five minutes, and at once when the retention changes or there is more to do.
pub(crate) async fn tend(process: Process, store: Opened, settings: Live<Settings>) {
    let numbers = Numbers::new(&process.metrics);
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut last, mut kept): (Option<(Instant, Option<Duration>)>, _) = (None, BTreeSet::new());
    while process.stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let retention = settings.get().ledger.retention();
        if last.is_some_and(|(at, by)| by == retention && at.elapsed() < EVERY) {
            continue;
        }
        let Some(trimmed) = process.stop.run_until_cancelled(store.trim_ledger(retention)).await else {
            break;
        };
        numbers.count(&trimmed);
        let Trimmed { made, folded, partitions, entries, operations, .. } = trimmed;
        if made + folded + partitions + entries + operations > 0 {
            tracing::info!(made, folded, partitions, entries, operations, "the ledger is in order");
        }
        // said when it begins, not in every round
        let now: BTreeSet<String> = trimmed.kept.into_iter().collect();
        for why in now.difference(&kept) {
            tracing::warn!(why, "a part of the ledger stays though it is past the retention");
        }
        kept = now;
        last = (!trimmed.more).then(|| (Instant::now(), retention));
    }
}
