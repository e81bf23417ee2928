//! The fleet finds what a server does wrong, and finds nothing when it does nothing wrong.
#![allow(clippy::unwrap_used)]

mod support;

use bot::fleet::{self, Deadlines, Kind, Options, Report};
use bot::protocol::place::{Area, Tile};
use bot::protocol::profile::{Mix, Profile};
use std::time::Duration;
use support::{Fake, Flaw};
use tokio::task::JoinSet;

fn options(fake: &Fake, profile: Mix) -> Options {
    Options {
        seed: Some(7),
        ramp: 500.0,
        area: Some(Area { low: Tile::new(2095, 2095), high: Tile::new(2106, 2106) }),
        pace: 0.2,
        progress: false,
        deadlines: Deadlines { late: Duration::from_millis(700), missing: Duration::from_millis(1200) },
        ..Options::new(&fake.edge(), 6, 3, profile)
    }
}

/// A story: what the server does wrong, how long it is watched, and what the report has to say.
struct Story {
    name: &'static str,
    flaw: Flaw,
    faults: bool,
    seconds: u64,
    /// The only kind of violation that may be found.
    finds: Kind,
    /// What all of their texts say.
    saying: &'static str,
}

const fn story(name: &'static str, flaw: Flaw, finds: Kind, saying: &'static str) -> Story {
    Story { name, flaw, faults: false, seconds: 4, finds, saying }
}

#[rustfmt::skip]
const STORIES: &[Story] = &[
    story("an entity told twice is doubled", Flaw::DoublesEntities, Kind::Doubled, "created while in view"),
    story("chat that reaches nobody is missing", Flaw::DropsChat, Kind::Missing, "did not hear chat"),
    story("chat that comes late is late", Flaw::DelaysChat(900), Kind::Late, "late: chat"),
    story("chat that comes twice is doubled", Flaw::DoublesChat, Kind::Doubled, "twice"),
    story("a packet of a wrong size is wrong", Flaw::WrongSize, Kind::Wrong, "the client reads"),
    story("a whisper that does not arrive is missing", Flaw::DropsWhispers, Kind::Missing, "whisper"),
    story("silence about an absent player is missing", Flaw::SilentAboutNobody, Kind::Missing, "no answer about"),
    story("an inventory not sent on entering is missing", Flaw::ForgetsInventory, Kind::Missing, "0x185 on entering"),
    story("a closed connection is a drop", Flaw::Hangs, Kind::Dropped, "dropped: "),
    Story { faults: true, ..story("a character that comes back poorer is changed", Flaw::Robs, Kind::Changed, "gold") },
];

async fn run_with(flaw: Flaw, faults: bool, seconds: u64) -> Report {
    let fake = Fake::start(flaw).await;
    fleet::run(Options { faults, seconds, ..options(&fake, Mix::Mixed) }).await.unwrap()
}

/// What is wrong with the report of a story, if anything.
async fn tell(story: &'static Story) -> Option<String> {
    let report = run_with(story.flaw, story.faults, story.seconds).await;
    let kinds: Vec<Kind> = report.violations_by_kind.keys().copied().collect();
    let said = report.violations.iter().all(|text| text.contains(story.saying));
    let right = kinds == [story.finds] && said && !report.is_clean();
    (!right).then(|| format!("{}: {:#?}", story.name, report.violations))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_a_server_does_wrong_is_found_and_nothing_else() {
    let mut telling = JoinSet::new();
    STORIES.iter().for_each(|story| drop(telling.spawn(tell(story))));
    let wrong: Vec<String> = telling.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_shows_in_many_ways_is_found_in_the_right_one() {
    let found = |report: &Report, what: &str| {
        assert!(report.violations.iter().any(|text| text.contains(what)), "{what}: {:#?}", report.violations);
    };
    let (second, nobody, walks, hidden) = tokio::join!(
        run_with(Flaw::SecondId, false, 3),
        run_with(Flaw::ChatFromNobody, false, 3),
        run_with(Flaw::DropsWalks, false, 4),
        run_with(Flaw::HidesArrivals, false, 5),
    );
    found(&second, "in view under the ids");
    found(&nobody, "never created");
    found(&walks, "walk from");
    found(&hidden, "does not see");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correct_server_gives_a_clean_report_in_all_versions() {
    let mixes = [Mix::Mixed, Mix::One(Profile::V748), Mix::One(Profile::V759), Mix::One(Profile::V769)];
    let mut runs = JoinSet::new();
    for profile in mixes {
        runs.spawn(async move {
            let fake = Fake::start(Flaw::None).await;
            fleet::run(options(&fake, profile)).await.unwrap()
        });
    }
    for report in runs.join_all().await {
        assert!(report.is_clean(), "{}: {:#?}", report.profile, report.violations);
        assert_eq!(report.counts.entered, 6);
        assert!(
            report.counts.walked > 6 && report.counts.chats > 3,
            "{}: {:?}",
            report.profile,
            report.counts
        );
        assert!(report.latency_ms.count > 30 && report.latency_ms.p50 > 0.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_faults_a_bot_that_comes_back_is_excused() {
    let report = run_with(Flaw::Hangs, true, 4).await;
    assert!(report.is_clean(), "{:#?}", report.violations);
    assert!(report.counts.reentered > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn walls_are_obeyed_and_no_violation() {
    let report = run_with(Flaw::Walls, false, 4).await;
    assert!(report.is_clean(), "{:#?}", report.violations);
    assert!(report.counts.corrections > 0 && report.counts.walked > report.counts.corrections);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_a_reason_not_a_panic() {
    let fleet = Options { progress: false, pace: 0.05, ..Options::new("127.0.0.1:1", 1, 1, Mix::Mixed) };
    let report = fleet::run(fleet).await.unwrap();
    assert_eq!(report.counts.entered, 0);
    assert!(report.violations[0].contains("cannot connect"), "{:?}", report.violations);
}

#[tokio::test]
async fn impossible_options_are_named() {
    let none = Options { players: 0, ..Options::new("127.0.0.1:1", 1, 1, Mix::Mixed) };
    assert_eq!(fleet::run(none).await.unwrap_err().to_string(), "players: found 0, expected 1 to 10000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_has_the_shape_that_scripts_rely_on() {
    let fake = Fake::start(Flaw::None).await;
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let run = Options { seconds: 1, json: Some(json.clone()), ..options(&fake, Mix::Mixed) };
    fleet::run(run).await.unwrap();
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    for key in ["entered", "dropped", "walked", "chats", "reentered", "corrections", "seed", "late"] {
        assert!(report[key].is_u64(), "{key} in {report}");
    }
    assert!(report["violations"].is_array() && report["profile"] == "mixed");
    for key in ["p50", "p95", "p99", "max"] {
        assert!(report["latency_ms"][key].is_number(), "{key} in {report}");
    }
}
