//! Settings from the environment and their reload; alone in a process because both belong to all of it.
#![allow(clippy::unwrap_used)]

use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, Live, Source, follow_with, load, within};
use std::fs::File;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(10);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Own {
    rate: u32,
    limits: Limits,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Limits {
    logins_per_minute: u32,
}

impl Check for Own {
    fn check(&self) -> Result<(), BadValue> {
        within("rate", u64::from(self.rate), 0..=1_000, "0 to 1000")
    }
}

/// This test runs itself with another environment.
#[test]
fn variables_win_over_the_file_and_bad_ones_are_named() {
    if std::env::var_os("TEST_INNER").is_some() {
        let source = Source { env_prefix: "WYDBR_TEST", ..Source::default() };
        match load::<Own>(&source) {
            Ok(loaded) => println!("got {} {}", loaded.own.limits.logins_per_minute, loaded.common.name),
            Err(error) => println!("error {error}"),
        }
        return;
    }
    let run = |name: &str, value: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "variables_win_over_the_file_and_bad_ones_are_named", "--nocapture"])
            .envs([("TEST_INNER", "1"), (name, value), ("WYDBR_TEST__PROCESS__NAME", "7")])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run("WYDBR_TEST__LIMITS__LOGINS_PER_MINUTE", "5").contains("got 5 7"));
    assert!(run("WYDBR_TESTING__WHATEVER", "5").contains("got 0 7"));
    let error = "error environment variable WYDBR_TEST__RATES: unknown key `rates`, did you mean `rate`?";
    assert!(run("WYDBR_TEST__RATES", "5").contains(error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_followed_a_bad_one_is_not_and_a_hangup_reads_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Test.conf");
    std::fs::write(&file, "rate = 1\n").unwrap();
    let source = Source { file: Some(file.clone()), ..Source::default() };
    let live = Live::new(load::<Own>(&source).unwrap().own);
    let (stop, level) = (CancellationToken::new(), Arc::new(Mutex::new(String::new())));
    let seen = Arc::clone(&level);
    let following = tokio::spawn(follow_with(
        source,
        live.clone(),
        move |common| common.log_level.clone_into(&mut seen.lock().unwrap()),
        stop.clone(),
    ));
    let mut changes = live.watch();

    std::fs::write(&file, "rate = 22\n[process]\nlog_level = \"debug\"\n").unwrap();
    timeout(SOON, changes.wait_for(|own| own.rate == 22)).await.unwrap().unwrap();
    assert_eq!(*level.lock().unwrap(), "debug");

    // A bad file is ignored, and so is a value that cannot work; the good one after them is taken.
    std::fs::write(&file, "rate = \"many\"\n").unwrap();
    assert!(timeout(Duration::from_millis(2500), changes.changed()).await.is_err());
    std::fs::write(&file, "rate = 1001\n").unwrap();
    assert!(timeout(Duration::from_millis(2500), changes.changed()).await.is_err());
    std::fs::write(&file, "rate = 333\n").unwrap();
    timeout(SOON, changes.wait_for(|own| own.rate == 333)).await.unwrap().unwrap();
    assert_eq!(live.get().rate, 333);

    // Same length, same time: only the signal tells.
    let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
    std::fs::write(&file, "rate = 444\n").unwrap();
    File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    assert!(Command::new("kill").args(["-HUP", &std::process::id().to_string()]).status().unwrap().success());
    timeout(SOON, changes.wait_for(|own| own.rate == 444)).await.unwrap().unwrap();

    stop.cancel();
    timeout(SOON, following).await.unwrap().unwrap();
}
