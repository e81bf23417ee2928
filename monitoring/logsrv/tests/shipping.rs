//! From a process to the files of LogSrv, with everything that can die on the way.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Machine, say, until};
use link::Stream;
use logsrv::Settings;
use model::Incarnation;
use model::calls::log::{FromLog, Level, Record, ToLog};
use model::membership::{ProcessName, Role};
use settings::Common;
use std::path::PathBuf;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_says_is_in_its_file() {
    let machine = Machine::new();
    let logsrv = machine.start_logsrv(Settings::default()).await;
    let process = machine.process("tmsrv-1").await;
    say(&process, 1..=300).await;
    machine.until_numbers("tmsrv-1", 1..=300).await;
    assert!(machine.logs().join("tmsrv-1/tmsrv-1.jsonl").exists());
    telemetry::stop(process).await;
    assert_eq!(machine.spool_files(), 0, "nothing is left to ship after a clean stop");
    logsrv.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_while_logsrv_is_away_arrives_once_when_it_is_back() {
    let machine = Machine::new();
    let process = machine.process("tmsrv-1").await;
    say(&process, 1..=200).await;
    let logsrv = machine.start_logsrv(Settings::default()).await;
    machine.until_numbers("tmsrv-1", 1..=200).await;
    logsrv.kill().await;
    say(&process, 201..=400).await;
    let logsrv = machine.start_logsrv(Settings::default()).await;
    machine.until_numbers("tmsrv-1", 1..=400).await;
    telemetry::stop(process).await;
    logsrv.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_logsrv_takes_over_from_one_that_dies() {
    let (machine, other) = (Machine::new(), Machine::new());
    let first = machine.start_logsrv_as("logsrv-1", Settings::default()).await;
    let second = other.start_logsrv_as("logsrv-2", Settings::default()).await;
    let both = Common { logsrv: vec![machine.logsrv, other.logsrv], ..machine.common("tmsrv-1") };
    let process = telemetry::start(Role::TmSrv, &both).await.unwrap().process;
    say(&process, 1..=100).await;
    machine.until_numbers("tmsrv-1", 1..=100).await;
    assert!(other.numbers("tmsrv-1").is_empty(), "one of them is enough");
    first.kill().await;
    say(&process, 101..=200).await;
    // what the first one had stored and not acknowledged is sent to the other one as well
    let lost = || (101..=200).filter(|number| !other.numbers("tmsrv-1").contains(number)).count();
    until("the other one has all since then", || lost() == 0).await;
    second.kill().await;
    say(&process, 201..=300).await;
    let first = machine.start_logsrv_as("logsrv-1", Settings::default()).await;
    let lost = || (201..=300).filter(|number| !machine.numbers("tmsrv-1").contains(number)).count();
    until("and back", || lost() == 0).await;
    telemetry::stop(process).await;
    assert_eq!(machine.spool_files(), 0, "nothing is left to ship");
    first.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_run_left_on_disk_is_shipped_by_the_next_one() {
    let machine = Machine::new();
    let first = machine.process("tmsrv-1").await;
    say(&first, 1..=50).await;
    telemetry::stop(first).await;
    assert_eq!(machine.spool_files(), 1, "LogSrv was away: the spool stays");
    // A run that was killed in the middle of a line.
    let spool = std::fs::read_dir(machine.common("").data.join("spool")).unwrap().next().unwrap().unwrap();
    let mut text = std::fs::read(spool.path()).unwrap();
    text.extend_from_slice(b"{\"sequence\":51,\"time_");
    std::fs::write(spool.path(), text).unwrap();

    let logsrv = machine.start_logsrv(Settings::default()).await;
    let second = machine.process("tmsrv-1").await;
    say(&second, 51..=60).await;
    machine.until_numbers("tmsrv-1", 1..=60).await;
    until("the old spool is deleted", || machine.spool_files() == 1).await;
    telemetry::stop(second).await;
    assert_eq!(machine.spool_files(), 0);
    logsrv.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logsrv_that_dies_again_and_again_neither_loses_nor_doubles() {
    let machine = Machine::new();
    let process = machine.process("tmsrv-1").await;
    let saying = {
        let process = process.clone();
        tokio::spawn(async move {
            for block in 0..60u64 {
                say(&process, block * 50 + 1..=block * 50 + 50).await;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        })
    };
    for round in 1..=4 {
        let logsrv =
            machine.start_logsrv(Settings { rotate_bytes: 40_000, keep: 100, ..Settings::default() }).await;
        until("some arrives", || machine.numbers("tmsrv-1").len() >= round * 300).await;
        logsrv.kill().await;
    }
    saying.await.unwrap();
    let logsrv = machine.start_logsrv(Settings::default()).await;
    machine.until_numbers("tmsrv-1", 1..=3000).await;
    telemetry::stop(process).await;
    logsrv.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_stored_but_not_acknowledged_before_a_death_is_not_stored_again() {
    let machine = Machine::new();
    let logsrv = machine.start_logsrv(Settings::default()).await;
    let source = ToLog::Source { process: ProcessName("tmsrv-1".into()), incarnation: Incarnation(5) };
    let batch = |last: u64| {
        let record = |number: u64| Record {
            sequence: number,
            time_ms: 1000 + i64::try_from(number).unwrap(),
            level: Level::Info,
            target: "test".into(),
            message: "said".into(),
            fields: vec![("number".into(), number.to_string())],
        };
        ToLog::Records((1..=last).map(record).collect())
    };
    let open = || async {
        let stream: Stream<FromLog, ToLog> =
            link::open_stream(&machine.credentials("tmsrv-1"), &machine.target()).await.unwrap();
        stream.send(&source).await.unwrap();
        stream
    };
    let stream = open().await;
    stream.send(&batch(100)).await.unwrap();
    until("it is in the file", || machine.numbers("tmsrv-1").len() == 100).await;
    logsrv.kill().await; // the acknowledgement was never read

    let logsrv = machine.start_logsrv(Settings::default()).await;
    let mut stream = open().await;
    assert_eq!(stream.recv().await, Some(FromLog::Stored { sequence: 100 }), "it says what it has");
    stream.send(&batch(120)).await.unwrap();
    assert_eq!(stream.recv().await, Some(FromLog::Stored { sequence: 120 }));
    machine.until_numbers("tmsrv-1", 1..=120).await;
    logsrv.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_rotated_and_the_oldest_go() {
    let machine = Machine::new();
    let logsrv = machine.start_logsrv(Settings { rotate_bytes: 8192, keep: 3, ..Settings::default() }).await;
    let process = machine.process("tmsrv-1").await;
    let folder = machine.logs().join("tmsrv-1");
    for block in 0..40u64 {
        say(&process, block * 20 + 1..=block * 20 + 20).await;
        until("the block arrives", || machine.numbers("tmsrv-1").last() == Some(&(block * 20 + 20))).await;
    }
    let is_log = |path: PathBuf| path.extension().is_some_and(|extension| extension == "jsonl");
    let count =
        || std::fs::read_dir(&folder).unwrap().filter(|entry| is_log(entry.as_ref().unwrap().path())).count();
    until("three rotated and the current one are left", || count() == 4).await;
    let numbers = machine.numbers("tmsrv-1");
    assert!(numbers.len() < 800 && numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    telemetry::stop(process).await;
    logsrv.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_cannot_write_under_the_name_of_another() {
    let machine = Machine::new();
    let logsrv = machine.start_logsrv(Settings::default()).await;
    for name in ["tmsrv-2", "../../outside"] {
        let mut stream: Stream<FromLog, ToLog> =
            link::open_stream(&machine.credentials("tmsrv-1"), &machine.target()).await.unwrap();
        let source = ToLog::Source { process: ProcessName(name.into()), incarnation: Incarnation(5) };
        stream.send(&source).await.unwrap();
        assert_eq!(stream.recv().await, None);
    }
    assert_eq!(std::fs::read_dir(machine.logs()).unwrap().count(), 0);
    logsrv.kill().await;
}
