//! The live tail.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Machine, SOON, number, say, until};
use link::Stream;
use logsrv::{Settings, Tail};
use model::calls::log::{FromLog, Level, TailFilter, ToLog};
use tokio::time::timeout;

async fn next(tail: &mut Tail) -> (String, u64) {
    let (process, record) = timeout(SOON, tail.next()).await.unwrap().unwrap();
    (process.to_string(), number(&record))
}

fn said(process: &str, last: u32) -> TailFilter {
    TailFilter { process: Some(process.into()), level: None, grep: Some("said".into()), last }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_the_last_lines_and_then_what_comes() {
    let machine = Machine::new();
    let logsrv = machine.start_logsrv(Settings { rotate_bytes: 8192, ..Settings::default() }).await;
    let process = machine.process("tmsrv-1").await;
    say(&process, 1..=200).await;
    machine.until_numbers("tmsrv-1", 1..=200).await;
    let mut tail =
        logsrv::tail(&machine.credentials("admin"), &machine.target(), said("tm", 120)).await.unwrap();
    for expected in 81..=200 {
        assert_eq!(next(&mut tail).await, ("tmsrv-1".to_owned(), expected));
    }
    say(&process, 201..=250).await;
    for expected in 201..=250 {
        assert_eq!(next(&mut tail).await.1, expected);
    }
    logsrv.kill().await;
    assert!(timeout(SOON, tail.next()).await.unwrap().is_none());
    telemetry::stop(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_sees_only_what_it_asked_for() {
    let machine = Machine::new();
    let logsrv = machine.start_logsrv(Settings::default()).await;
    let (one, two) = (machine.process("tmsrv-1").await, machine.process("edge-1").await);
    let watch = |filter| {
        let (credentials, target) = (machine.credentials("admin"), machine.target());
        async move { logsrv::tail(&credentials, &target, filter).await.unwrap() }
    };
    let mut edges = watch(said("edge", 0)).await;
    let mut loud = watch(TailFilter { level: Some(Level::Warn), ..said("", 0) }).await;
    let mut exact = watch(TailFilter { grep: Some("number=42".into()), ..said("", 0) }).await;
    until("all watch", || logsrv.process.metrics.gauge("watchers_count", "").get() == 3).await;

    say(&one, 1..=60).await;
    say(&two, 101..=103).await;
    let warning = two.tasks.spawn("warn", async { tracing::warn!(number = 7, "said loudly") });
    warning.await.unwrap();
    for expected in [101, 102, 103, 7] {
        assert_eq!(next(&mut edges).await, ("edge-1".to_owned(), expected));
    }
    assert_eq!(next(&mut loud).await, ("edge-1".to_owned(), 7));
    assert_eq!(next(&mut exact).await, ("tmsrv-1".to_owned(), 42));

    drop((edges, loud, exact));
    until("they left", || logsrv.process.metrics.gauge("watchers_count", "").get() == 0).await;
    telemetry::stop(one).await;
    telemetry::stop(two).await;
    logsrv.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_does_not_read_is_dropped_and_holds_nobody_up() {
    let machine = Machine::new();
    let logsrv = machine.start_logsrv(Settings { keep: 100, ..Settings::default() }).await;
    let process = machine.process("tmsrv-1").await;
    let stuck: Stream<FromLog, ToLog> =
        link::open_stream(&machine.credentials("admin"), &machine.target()).await.unwrap();
    stuck
        .send(&ToLog::Tail(TailFilter { process: Some("tmsrv-1".into()), ..TailFilter::default() }))
        .await
        .unwrap();
    until("it watches", || logsrv.process.metrics.gauge("watchers_count", "").get() == 1).await;

    let dropped = logsrv.process.metrics.counter("dropped_watchers", "");
    let shipped = process.metrics.counter("log_shipped_records", "");
    let filler = "x".repeat(4000);
    let mut said = 0;
    while dropped.get() == 0 && said < 60_000 {
        let text = filler.clone();
        let saying = process.tasks.spawn("say", async move {
            for _ in 0..1000 {
                tracing::info!(text, "filling");
            }
        });
        saying.await.unwrap();
        said += 1000;
        until("the source is not held up", || shipped.get() >= said).await;
    }
    assert_eq!(dropped.get(), 1);
    until("it is gone", || logsrv.process.metrics.gauge("watchers_count", "").get() == 0).await;
    drop(stuck);
    telemetry::stop(process).await;
    logsrv.kill().await;
}
