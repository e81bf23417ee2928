//! Answers calls: admission, the operation, and how long it took.

use crate::Settings;
use crate::admission::Admission;
use crate::announce::Announcer;
use crate::callers;
use crate::complaints::Complaints;
use async_trait::async_trait;
use link::{Peer, Service, Stream};
use model::calls::database::{
    Cargo, Checked, CheckedItems, CheckedNames, ClusterChanged, ClusterReport, Crossings, Failure,
    HeldPopulations, ListedEntries, Located, ProgressThen, Repaired, Reply, Request, ShardsReport,
};
use model::membership::ClusterView;
use prometheus::{HistogramVec, IntCounter, IntGauge};
use settings::Live;
use std::sync::Arc;
use std::time::Instant;
use store::Store;
use telemetry::Metrics;

/// Upper bounds in seconds: from a cached read to the deadline of a call.
const BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0];

/// What other processes call.
pub(crate) struct Desk {
    store: Arc<dyn Store>,
    settings: Live<Settings>,
    admission: Admission,
    complaints: Complaints,
    announcer: Arc<Announcer>,
    numbers: Numbers,
}

struct Numbers {
    seconds: HistogramVec,
    running: IntGauge,
    refused: IntCounter,
    elsewhere: IntCounter,
}

impl Desk {
    /// Over an open store.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        metrics: &Metrics,
        settings: Live<Settings>,
        announcer: Arc<Announcer>,
    ) -> Self {
        let numbers = Numbers {
            seconds: metrics.histogram_vec(
                "operation_seconds",
                "Time that operations of the store took, by their outcome.",
                &["operation", "outcome"],
                &BUCKETS,
            ),
            running: metrics.gauge("operations_running", "Operations of the store that run now."),
            refused: metrics.counter(
                "operations_not_admitted_total",
                "Operations refused because too many were running.",
            ),
            elsewhere: metrics.counter(
                "operations_from_elsewhere_total",
                "Operations and streams of processes on other machines, which are refused on SQLite.",
            ),
        };
        let (admission, complaints) = (Admission::default(), Complaints::default());
        Self { store, settings, admission, complaints, announcer, numbers }
    }
}

#[async_trait]
impl Service for Desk {
    type Request = Request;
    type Reply = Reply;
    type In = ();
    type Out = ClusterChanged;

    async fn call(&self, peer: &Peer, request: Request) -> Reply {
        if let Some(why) = callers::refusal(&self.settings.get(), peer, &self.complaints) {
            self.numbers.elsewhere.inc();
            return failed(&request, Failure::Unavailable(why));
        }
        let Some(_admitted) = self.admission.admit(self.settings.get().operations_max) else {
            self.numbers.refused.inc();
            return failed(&request, Failure::Unavailable("DBSrv has too many operations running".into()));
        };
        self.numbers.running.set(self.admission.running() as i64);
        let (operation, since) = (request.operation(), Instant::now());
        let reply = store::dispatch(self.store.as_ref(), request).await;
        self.announcer.after(&reply);
        let outcome = outcome(&reply);
        if let Outcome::Failed(label, failure) = &outcome
            && let Some(held_back) = self.complaints.allow()
        {
            tracing::warn!(operation, peer = %peer.name, outcome = label, %failure, held_back, "an operation failed");
        }
        let seconds = since.elapsed().as_secs_f64();
        self.numbers.seconds.with_label_values(&[operation, outcome.label()]).observe(seconds);
        self.numbers.running.set(self.admission.running().saturating_sub(1) as i64);
        reply
    }

    async fn stream(&self, peer: Peer, stream: Stream<(), ClusterChanged>) {
        if callers::refusal(&self.settings.get(), &peer, &self.complaints).is_some() {
            self.numbers.elsewhere.inc();
            return;
        }
        self.announcer.tell(stream).await;
    }
}

/// What came of an operation, for metrics and logs.
#[derive(Debug)]
enum Outcome<'a> {
    Ok,
    Refused,
    Failed(&'static str, &'a Failure),
}

impl Outcome<'_> {
    fn label(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed(label, _) => label,
        }
    }

    fn of<T: MayRefuse>(result: &Result<T, Failure>) -> Outcome<'_> {
        match result {
            Ok(answer) if answer.is_refusal() => Outcome::Refused,
            Ok(_) => Outcome::Ok,
            Err(failure @ Failure::Unavailable(_)) => Outcome::Failed("unavailable", failure),
            Err(failure @ Failure::Corrupt(_)) => Outcome::Failed("corrupt", failure),
        }
    }
}

/// Answers among which some are a "no".
trait MayRefuse {
    fn is_refusal(&self) -> bool;
}

impl<T, E> MayRefuse for Result<T, E> {
    fn is_refusal(&self) -> bool {
        self.is_err()
    }
}

macro_rules! never_refuse {
    ($($answer:ty),*) => {
        $(impl MayRefuse for $answer {
            fn is_refusal(&self) -> bool {
                false
            }
        })*
    };
}
never_refuse!(
    (),
    bool,
    i64,
    Cargo,
    ClusterView,
    ClusterReport,
    ListedEntries,
    Located,
    ProgressThen,
    Repaired,
    Checked,
    CheckedItems,
    CheckedNames,
    Crossings,
    ShardsReport,
    HeldPopulations
);

impl<T> MayRefuse for Option<T> {
    fn is_refusal(&self) -> bool {
        false
    }
}

impl<T> MayRefuse for Vec<T> {
    fn is_refusal(&self) -> bool {
        false
    }
}

macro_rules! per_operation {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        fn outcome(reply: &Reply) -> Outcome<'_> {
            match reply {
                $(Reply::$request(result) => Outcome::of(result),)*
            }
        }

        /// The answer to a request that was not even tried.
        fn failed(request: &Request, failure: Failure) -> Reply {
            match request {
                $(Request::$request(_) => Reply::$request(Err(failure)),)*
            }
        }
    };
}

model::for_each_operation!(per_operation);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::calls::database::GetAccount;
    use model::id::AccountId;
    use model::membership::{ProcessName, Role};
    use store::Sqlite;

    #[tokio::test]
    async fn on_sqlite_a_node_of_another_machine_is_told_why_it_is_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(&folder.path().join("wydbr.sqlite")).unwrap());
        let settings = Live::new(Settings::default());
        let common = support::common(folder.path(), "dbsrv-1");
        let process = telemetry::start(Role::DbSrv, &common).await.unwrap().process;
        let desk = Desk::new(store, &process.metrics, settings.clone(), Arc::default());
        let asks = async |address: &str| {
            let name = ProcessName("tmsrv-1".to_owned());
            let peer = Peer { name, address: address.parse().unwrap() };
            let reply = desk.call(&peer, Request::GetAccount(GetAccount { account: AccountId(1) })).await;
            let Reply::GetAccount(answer) = reply else { panic!("{reply:?}") };
            answer
        };
        assert_eq!(asks("127.0.0.1:4000").await, Ok(None));
        let why = match asks("192.0.2.7:4000").await {
            Err(Failure::Unavailable(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(why.contains("found tmsrv-1 at 192.0.2.7") && why.contains("postgres"), "{why}");
        assert_eq!(desk.numbers.elsewhere.get(), 1);
        settings.set(Settings { sqlite_elsewhere: true, ..Settings::default() });
        assert_eq!(asks("192.0.2.7:4000").await, Ok(None), "whoever sets it vouches for that");
        telemetry::stop(process).await;
    }
}
