//! What a run found.

use super::economy::EconomyReport;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;

/// Most violations whose text is kept.
const TEXTS_MAX: usize = 200;

/// Latencies of own actions as neighbours saw them, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half were faster.
    pub p50: f64,
    /// 95 of 100 were faster.
    pub p95: f64,
    /// 99 of 100 were faster.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
    /// How many were measured.
    pub count: u64,
}

impl Latency {
    /// Of a histogram of microseconds.
    pub fn of(histogram: &Histogram<u64>) -> Latency {
        let at = |quantile: f64| ms(histogram.value_at_quantile(quantile));
        Latency {
            p50: at(0.50),
            p95: at(0.95),
            p99: at(0.99),
            max: ms(histogram.max()),
            count: histogram.len(),
        }
    }
}

fn ms(micros: u64) -> f64 {
    (micros as f64 / 100.0).round() / 10.0
}

/// Kinds of violations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something that had to arrive did not.
    Missing,
    /// Something arrived twice, or somebody is there twice.
    Doubled,
    /// Something arrived too late.
    Late,
    /// A connection was lost.
    Dropped,
    /// A bot never got into the world.
    NeverEntered,
    /// A packet or an id that a client cannot make sense of.
    Wrong,
    /// Somebody is seen who is not there, or elsewhere than it is.
    Misplaced,
    /// The character is not as it was.
    Changed,
}

/// Things counted during a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Bots that got into the world.
    pub entered: u64,
    /// Connections that were lost and not excused.
    pub dropped: u64,
    /// Walks sent.
    pub walked: u64,
    /// Chat lines sent.
    pub chats: u64,
    /// Whispers sent to other bots.
    pub whispers: u64,
    /// Emotes sent.
    pub emotes: u64,
    /// Chat lines, walks and whispers of others that arrived.
    pub heard: u64,
    /// Times that the server put a bot elsewhere.
    pub corrections: u64,
    /// Times that a bot came back after it lost its connection.
    pub reentered: u64,
    /// Findings excused because faults are being made.
    pub tolerated: u64,
    /// Logins that had to be tried again.
    pub login_retries: u64,
    /// Longest time that a bot in the world heard nothing.
    pub longest_gap_ms: u64,
}

/// The result of a run, as it is written in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Bots asked for.
    pub players: usize,
    /// Client versions: `759`, `769`, `748` or `mixed`.
    pub profile: String,
    /// Seed that everything random came from.
    pub seed: u64,
    /// Prefix of the accounts.
    pub prefix: String,
    /// Seconds that all played together.
    pub seconds: u64,
    /// Counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// Things that did not arrive.
    pub missing: u64,
    /// Things that arrived twice.
    pub doubled: u64,
    /// Things that arrived too late.
    pub late: u64,
    /// Violations by kind.
    pub violations_by_kind: BTreeMap<Kind, u64>,
    /// All violations counted.
    pub violation_count: u64,
    /// The first violations in words.
    pub violations: Vec<String>,
    /// Latencies.
    pub latency_ms: Latency,
    /// How long bots heard nothing before they were shown where they are, beside enough others.
    pub held_ms: Latency,
    /// How far back in their own time that was.
    pub rolled_back_ms: Latency,
    /// The first of those who were put back more than a second, in words.
    pub put_far_back: Vec<String>,
    /// The most that this process itself woke up too late: latencies contain it.
    pub own_lag_ms_max: f64,
    /// Counts of the economy, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub economy: Option<EconomyReport>,
}

impl Report {
    /// True when all entered and nothing was missing, doubled, late, dropped or otherwise wrong.
    pub fn is_clean(&self) -> bool {
        self.violation_count == 0 && self.counts.dropped == 0 && self.counts.entered == self.players as u64
    }

    /// A line for people.
    pub fn summary(&self) -> String {
        let latency = &self.latency_ms;
        let deals = self.economy.as_ref().map_or(String::new(), |economy| {
            let count = |by: &BTreeMap<_, u64>| by.values().sum::<u64>();
            let (refused, open) = (count(&economy.refused), count(&economy.unanswered));
            format!("acknowledged {}, refused {refused}, unanswered {open}, ", economy.acknowledged)
        });
        deals
            + &format!(
                "entered {}/{}, dropped {}, walked {}, chats {}, heard {}, reentered {}, violations {}, \
             latency p50 {} p95 {} p99 {} max {} ms (own lag up to {} ms)",
                self.counts.entered,
                self.players,
                self.counts.dropped,
                self.counts.walked,
                self.counts.chats,
                self.counts.heard,
                self.counts.reentered,
                self.violation_count,
                latency.p50,
                latency.p95,
                latency.p99,
                latency.max,
                self.own_lag_ms_max,
            )
    }
}

/// Violations found so far: all counted, the first ones in words.
#[derive(Debug, Default)]
pub struct Violations {
    /// Counts by kind.
    pub by_kind: BTreeMap<Kind, u64>,
    /// The first ones in words.
    pub texts: Vec<String>,
}

impl Violations {
    /// Notes one.
    pub fn add(&mut self, kind: Kind, text: impl FnOnce() -> String) {
        *self.by_kind.entry(kind).or_default() += 1;
        if self.texts.len() < TEXTS_MAX {
            self.texts.push(text());
        }
    }

    /// How many of a kind.
    pub fn count(&self, kind: Kind) -> u64 {
        self.by_kind.get(&kind).copied().unwrap_or(0)
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.by_kind.values().sum()
    }
}
