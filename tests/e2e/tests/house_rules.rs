//! The style of the house, as tests over the source tree.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                files(&path, extension, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn rust_files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), "rs", &mut found);
    found
}

/// Names of the workspace crates that a crate depends on, tests apart.
fn dependencies(manifest: &str) -> Vec<String> {
    let section = manifest.split("[dependencies]").nth(1).unwrap_or_default();
    let section = section.split("\n[").next().unwrap_or_default();
    let names = section.lines().filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(str::to_owned).collect()
}

fn crates() -> BTreeMap<String, Vec<String>> {
    let mut manifests = Vec::new();
    files(&root(), "toml", &mut manifests);
    let mut found = BTreeMap::new();
    for path in manifests.into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = fs::read_to_string(&path).unwrap();
        let Some(package) = text.split("[package]").nth(1) else { continue };
        let name = package.split("name = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        found.insert(name, dependencies(&text));
    }
    found
}

#[test]
fn pure_crates_have_no_async_no_clock_and_no_entropy() {
    let crates = crates();
    for pure in ["wire", "rules", "world", "placement", "model"] {
        for forbidden in ["tokio", "rand", "rusqlite", "tokio-postgres", "link", "store", "telemetry"] {
            assert!(!crates[pure].iter().any(|name| name == forbidden), "{pure} depends on {forbidden}");
        }
    }
    let folders =
        ["router/wire/src", "node/rules/src", "node/world/src", "shards/placement/src", "storage/model/src"];
    for folder in folders {
        let mut sources = Vec::new();
        files(&root().join(folder), "rs", &mut sources);
        for path in sources {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for forbidden in
                ["Instant::now", "SystemTime", "TcpStream", "UdpSocket", "HashMap<", "HashSet<", "thread_rng"]
            {
                assert!(!code.contains(forbidden), "{} uses {forbidden}", path.display());
            }
        }
    }
}

#[test]
fn services_never_depend_on_each_other() {
    let crates = crates();
    let services = ["edge", "tmsrv", "dbsrv", "nrsrv", "bisrv", "tsssrv", "logsrv"];
    for service in services {
        for other in services.iter().filter(|other| **other != service) {
            assert!(!crates[service].iter().any(|name| name == other), "{service} depends on {other}");
        }
    }
}

#[test]
fn only_tests_use_the_support_of_tests() {
    for (name, dependencies) in crates() {
        let uses = dependencies.iter().any(|dependency| dependency == "support");
        assert!(!uses || name == "e2e", "{name} depends on support outside of its tests");
    }
}

#[test]
fn no_file_is_a_hall() {
    for path in rust_files() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines; split it by what it is for", path.display());
    }
}

#[test]
fn nothing_is_left_unsaid() {
    let own = Path::new(file!()).file_name().unwrap();
    for path in rust_files().into_iter().filter(|path| path.file_name() != Some(own)) {
        let text = fs::read_to_string(&path).unwrap();
        for word in ["todo!(", "unimplemented!(", "FIXME", "dbg!("] {
            assert!(!text.contains(word), "{} contains {word}", path.display());
        }
    }
}

#[test]
fn every_crate_says_what_it_is() {
    for (name, _) in crates() {
        let mut found = Vec::new();
        files(&root(), "toml", &mut found);
        let manifest = found
            .into_iter()
            .filter(|path| path.ends_with("Cargo.toml"))
            .find(|path| fs::read_to_string(path).unwrap().contains(&format!("name = \"{name}\"")))
            .unwrap();
        let source = manifest.parent().unwrap().join("src");
        let entry = ["lib.rs", "main.rs"].iter().map(|file| source.join(file)).find(|path| path.exists());
        let Some(entry) = entry else { continue };
        assert!(
            fs::read_to_string(&entry).unwrap().starts_with("//!"),
            "{} has no first words",
            entry.display()
        );
    }
}
