//! The core: keeps callers to the limits, and answers from the values.

use crate::market::MARKET_KEYS;
use crate::values::{PutFailure, Unanswered, Values};
use model::calls::market;
use model::calls::temporary::{KEY_MAX, LIFE_MS_MAX, Reply, Request, VALUE_MAX};
use prometheus::{IntCounterVec, IntGauge, Opts};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often expired values are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What TSSSrv counts; `wydbr_tsssrv_` goes before each name.
#[derive(Clone)]
pub struct Metrics {
    /// `requests_total{operation, outcome}`
    pub requests: IntCounterVec,
    /// `values_count`
    pub values: IntGauge,
    /// `values_bytes`
    pub bytes: IntGauge,
}

impl Metrics {
    /// Registers them with a process.
    pub fn register(metrics: &telemetry::Metrics) -> Self {
        Self {
            requests: metrics.counter_vec("requests_total", "Requests", &["operation", "outcome"]),
            values: metrics.gauge("values_count", "Values in this process"),
            bytes: metrics.gauge("values_bytes", "Bytes of keys and values in this process"),
        }
    }

    /// Counts for nobody: for tests.
    pub fn unregistered() -> Result<Self, prometheus::Error> {
        Ok(Self {
            requests: IntCounterVec::new(Opts::new("requests_total", "requests"), &["operation", "outcome"])?,
            values: IntGauge::new("values_count", "values")?,
            bytes: IntGauge::new("values_bytes", "bytes")?,
        })
    }
}

/// Values, and the limits that callers are kept to.
pub struct Cabinet {
    values: Arc<dyn Values>,
    metrics: Metrics,
}

fn limit(what: &str, found: u64, min: u64, max: u64, unit: &str) -> Result<(), Reply> {
    match (min..=max).contains(&found) {
        true => Ok(()),
        false => Err(Reply::Refused(format!("{what} is {found} {unit}; expected {min} to {max}"))),
    }
}

fn check_key(key: &str) -> Result<(), Reply> {
    if key.starts_with(MARKET_KEYS) {
        return Err(Reply::Refused(format!("keys that begin with {MARKET_KEYS} are the market's")));
    }
    limit("key", key.len() as u64, 1, KEY_MAX as u64, "bytes")
}

fn check_put(key: &str, value: &[u8], life_ms: u64) -> Result<Duration, Reply> {
    check_key(key)?;
    limit("value", value.len() as u64, 0, VALUE_MAX as u64, "bytes")?;
    limit("life_ms", life_ms, 1, LIFE_MS_MAX, "ms")?;
    Ok(Duration::from_millis(life_ms))
}

fn put_failure(failure: PutFailure) -> Reply {
    match failure {
        full @ PutFailure::Full { .. } => Reply::Refused(full.to_string()),
        PutFailure::Unanswered(unanswered) => self::unanswered(&unanswered),
    }
}

fn unanswered(unanswered: &Unanswered) -> Reply {
    tracing::warn!(%unanswered, "request not answered");
    Reply::Unavailable
}

impl Cabinet {
    /// Over these values.
    pub fn new(values: Arc<dyn Values>, metrics: Metrics) -> Self {
        Self { values, metrics }
    }

    /// Counts an answer of the market.
    pub(crate) fn count_market(&self, reply: &market::Reply) {
        let outcome = match reply {
            market::Reply::Refused(_) => "refused",
            market::Reply::Unavailable => "unavailable",
            _ => "answered",
        };
        self.metrics.requests.with_label_values(&["market", outcome]).inc();
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Reply {
        let operation = match &request {
            Request::Put { .. } => "put",
            Request::PutIfAbsent { .. } => "put_if_absent",
            Request::Get { .. } => "get",
            Request::Take { .. } => "take",
            Request::Market(_) => "market",
        };
        let reply = self.perform(request).await.unwrap_or_else(|refused| refused);
        let outcome = match &reply {
            Reply::Stored => "stored",
            Reply::Occupied => "occupied",
            Reply::Value(Some(_)) => "found",
            Reply::Value(None) => "missing",
            Reply::Refused(_) => "refused",
            Reply::Unavailable => "unavailable",
            Reply::Market(_) => "answered",
        };
        self.metrics.requests.with_label_values(&[operation, outcome]).inc();
        reply
    }

    async fn perform(&self, request: Request) -> Result<Reply, Reply> {
        match request {
            Request::Put { key, value, life_ms } => {
                let life = check_put(&key, &value, life_ms)?;
                self.values.put(&key, value, life).await.map_err(put_failure)?;
                Ok(Reply::Stored)
            }
            Request::PutIfAbsent { key, value, life_ms } => {
                let life = check_put(&key, &value, life_ms)?;
                let stored = self.values.put_if_absent(&key, value, life).await.map_err(put_failure)?;
                Ok(if stored { Reply::Stored } else { Reply::Occupied })
            }
            Request::Get { key } => {
                check_key(&key)?;
                self.values.get(&key).await.map(Reply::Value).map_err(|error| unanswered(&error))
            }
            Request::Take { key } => {
                check_key(&key)?;
                self.values.take(&key).await.map(Reply::Value).map_err(|error| unanswered(&error))
            }
            Request::Market(_) => Err(Reply::Refused("the market is asked elsewhere".to_owned())),
        }
    }

    /// Removes expired values and counts what is left, until stopped; `answers` hears whether the storage
    /// behind answers.
    pub async fn maintain(&self, stop: CancellationToken, answers: impl Fn(bool) + Send) {
        let mut every = tokio::time::interval(SWEEP_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = every.tick() => {}
            }
            self.values.sweep();
            if let Some((values, bytes)) = self.values.size() {
                self.metrics.values.set(i64::try_from(values).unwrap_or(i64::MAX));
                self.metrics.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
            }
            answers(self.values.probe().await);
        }
    }
}
