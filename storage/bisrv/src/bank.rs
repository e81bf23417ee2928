//! The core: answers requests from a store.

use crate::settings::Settings;
use async_trait::async_trait;
use link::{Peer, Service, Stream};
use model::AccountId;
use model::calls::bank::{Reply, Request};
use model::calls::database::{Failure, LoadCargo};
use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::Store;
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
const SECONDS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1.0, 3.0];

/// What BISrv counts; `wydbr_bisrv_` goes before each name.
#[derive(Clone)]
pub struct Metrics {
    /// `loads_total{outcome}`
    pub loads: IntCounterVec,
    /// `load_seconds`
    pub seconds: Histogram,
}

impl Metrics {
    /// Registers them with a process.
    pub fn register(metrics: &telemetry::Metrics) -> Self {
        Self {
            loads: metrics.counter_vec("loads_total", "Cargo loads", &["outcome"]),
            seconds: metrics.histogram("load_seconds", "Time of one cargo load", &SECONDS),
        }
    }

    /// Counts for nobody: for tests.
    pub fn unregistered() -> Result<Self, prometheus::Error> {
        Ok(Self {
            loads: IntCounterVec::new(Opts::new("loads_total", "loads"), &["outcome"])?,
            seconds: Histogram::with_opts(HistogramOpts::new("load_seconds", "seconds"))?,
        })
    }
}

/// The bank over any store.
pub struct Bank {
    store: Arc<dyn Store>,
    settings: settings::Live<Settings>,
    metrics: Metrics,
    waiting: AtomicUsize,
}

/// Counts a waiting request for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Bank {
    /// Over this store.
    pub fn new(store: Arc<dyn Store>, settings: settings::Live<Settings>, metrics: Metrics) -> Self {
        Self { store, settings, metrics, waiting: AtomicUsize::new(0) }
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Reply {
        match request {
            Request::LoadCargo { account } => self.load_cargo(account).await,
            _ => Reply::Unavailable, // being built: nothing is done, and nobody is told otherwise
        }
    }

    async fn load_cargo(&self, account: AccountId) -> Reply {
        let settings = self.settings.get();
        let _timer = self.metrics.seconds.start_timer();
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        let (label, reply) = if before >= settings.requests_max {
            ("busy", Reply::Unavailable)
        } else {
            let deadline = Duration::from_millis(settings.store_deadline_ms);
            match ask(&*self.store, account, deadline).await {
                Ok(Some(cargo)) => ("ok", Reply::Cargo(cargo)),
                Ok(None) => ("no_account", Reply::NoSuchAccount),
                Err(failure @ Failure::Unavailable(_)) => {
                    tracing::warn!(%account, %failure, "cargo not loaded");
                    ("unavailable", Reply::Unavailable)
                }
                Err(failure @ Failure::Corrupt(_)) => {
                    tracing::error!(%account, %failure, "cargo not loaded");
                    ("corrupt", Reply::Unavailable)
                }
            }
        };
        self.metrics.loads.with_label_values(&[label]).inc();
        reply
    }
}

/// Asks again while the store does not answer; reading twice changes nothing.
async fn ask(
    store: &dyn Store,
    account: AccountId,
    deadline: Duration,
) -> Result<Option<model::calls::bank::Cargo>, Failure> {
    let deadline = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    loop {
        let outcome = tokio::time::timeout_at(deadline, store.load_cargo(LoadCargo { account }))
            .await
            .unwrap_or_else(|_| Err(Failure::Unavailable("no answer before the deadline".to_owned())));
        match outcome {
            Err(Failure::Unavailable(_)) if Instant::now() + pause < deadline => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            decided => return decided,
        }
    }
}

#[async_trait]
impl Service for Bank {
    type Request = Request;
    type Reply = Reply;
    type In = ();
    type Out = ();

    async fn call(&self, _peer: &Peer, request: Request) -> Reply {
        self.handle(request).await
    }

    async fn stream(&self, peer: Peer, _stream: Stream<(), ()>) {
        tracing::warn!(peer = %peer.name, "BISrv has no streams");
    }
}
