//! An operator's mistakes: one line that names what was found and expected, and exit 64.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn wydbr(arguments: &[&str]) -> Output {
    Command::new(e2e::wydbr_binary()).args(arguments).output().unwrap()
}

fn refused(output: &Output, words: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is missing in: {said}");
    }
    assert!(!said.contains("panicked") && !said.contains("backtrace"), "{said}");
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Edge.conf");
    std::fs::write(&file, "listenn = \"0.0.0.0:8281\"\n").unwrap();
    let output = wydbr(&["run", "Edge", "--check", "--config", file.to_str().unwrap()]);
    refused(&output, &["Edge.conf", "listenn", "listen"]);
}

#[test]
fn a_value_of_the_wrong_type_is_named() {
    let output = wydbr(&["run", "TMSrv", "--check", "--set", "save_every_seconds=often"]);
    refused(&output, &["save_every_seconds", "often"]);
}

#[test]
fn a_value_that_can_never_work_is_found_by_check() {
    for (program, set, words) in [
        ("NRSrv", "hashing.lanes=0", ["flag hashing.lanes", "found 0", "expected 1 to 16"]),
        ("Edge", "view.players=5000", ["flag view.players", "found 5000", "expected 0 to 998"]),
        ("DBSrv", "storage=postgres", ["postgres", "found 0 addresses", "one address for each shard"]),
        ("TSSSrv", "values=http://:hunter2@redis", ["flag values", "something else", "redis://"]),
        ("NRSrv", "sessions=redis+sentinel://:hunter2@a", ["flag sessions", "without the name", "/MASTER"]),
    ] {
        let output = wydbr(&["run", program, "--check", "--set", set]);
        refused(&output, &words);
        assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"));
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let output = wydbr(&["run", "DBSrv", "--check", "--config", "nowhere/DBSrv.conf"]);
    refused(&output, &["nowhere/DBSrv.conf"]);
}

#[test]
fn the_defaults_of_every_process_check_out() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["Edge", "TMSrv", "DBSrv", "NRSrv", "BISrv", "TSSSrv", "LogSrv"] {
        let defaults = wydbr(&["run", program, "--print-defaults"]);
        assert!(defaults.status.success(), "{program}");
        let file = folder.path().join(format!("{program}.conf"));
        std::fs::write(&file, &defaults.stdout).unwrap();
        let checked = wydbr(&["run", program, "--check", "--config", file.to_str().unwrap()]);
        assert!(checked.status.success(), "{program}: {}", String::from_utf8_lossy(&checked.stderr));
    }
}

#[test]
fn a_content_folder_that_is_not_there_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let output = wydbr(&["up", "--data", data.to_str().unwrap(), "--content", "no/such/folder"]);
    refused(&output, &["--content", "no/such/folder"]);
}
