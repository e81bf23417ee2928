//! What NRSrv counts.

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

const HASH_BUCKETS: [f64; 9] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0];

/// All of them; `wydbr_nrsrv_` goes before each name.
#[derive(Clone)]
pub struct Metrics {
    /// `logins_total{outcome}`
    pub logins: IntCounterVec,
    /// `signups_total{outcome}`
    pub signups: IntCounterVec,
    /// `pins_total{outcome}`
    pub pins: IntCounterVec,
    /// `whispers_total{outcome}`
    pub whispers: IntCounterVec,
    /// `lines_total{channel,outcome}`
    pub lines: IntCounterVec,
    /// `friend_deeds_total{deed}`
    pub friends: IntCounterVec,
    /// `parties_count`
    pub parties: IntGauge,
    /// `kicks_total{reason}`
    pub kicks: IntCounterVec,
    /// `sessions_count`
    pub sessions: IntGauge,
    /// `hash_seconds`
    pub hash_seconds: Histogram,
    /// `hash_queue_count`
    pub hash_queue: IntGauge,
    /// `unavailable_total`: requests that the store or the session store did not answer.
    pub unavailable: IntCounter,
}

impl Metrics {
    /// Registers them with a process.
    pub fn register(metrics: &telemetry::Metrics) -> Self {
        Self {
            logins: metrics.counter_vec("logins_total", "Login attempts", &["outcome"]),
            signups: metrics.counter_vec("signups_total", "Attempts to create an account", &["outcome"]),
            pins: metrics.counter_vec("pins_total", "PINs given", &["outcome"]),
            whispers: metrics.counter_vec("whispers_total", "Whispers", &["outcome"]),
            lines: metrics.counter_vec("lines_total", "Lines of channels", &["channel", "outcome"]),
            friends: metrics.counter_vec("friend_deeds_total", "What players did about friends", &["deed"]),
            parties: metrics.gauge("parties_count", "Parties"),
            kicks: metrics.counter_vec("kicks_total", "Sessions told to end", &["reason"]),
            sessions: metrics.gauge("sessions_count", "Live sessions"),
            hash_seconds: metrics.histogram("hash_seconds", "Time of one argon2id hash", &HASH_BUCKETS),
            hash_queue: metrics.gauge("hash_queue_count", "Hashes that wait for a thread"),
            unavailable: metrics.counter("unavailable_total", "Requests that storage did not answer"),
        }
    }

    /// Counts for nobody: for tests.
    pub fn unregistered() -> Result<Self, prometheus::Error> {
        let vec = |name: &str, label: &str| IntCounterVec::new(Opts::new(name, name), &[label]);
        Ok(Self {
            logins: vec("logins_total", "outcome")?,
            signups: vec("signups_total", "outcome")?,
            pins: vec("pins_total", "outcome")?,
            whispers: vec("whispers_total", "outcome")?,
            lines: IntCounterVec::new(Opts::new("lines_total", "lines"), &["channel", "outcome"])?,
            friends: vec("friend_deeds_total", "deed")?,
            parties: IntGauge::new("parties_count", "parties")?,
            kicks: vec("kicks_total", "reason")?,
            sessions: IntGauge::new("sessions_count", "sessions")?,
            hash_seconds: Histogram::with_opts(HistogramOpts::new("hash_seconds", "seconds"))?,
            hash_queue: IntGauge::new("hash_queue_count", "hashes")?,
            unavailable: IntCounter::new("unavailable_total", "requests")?,
        })
    }
}
