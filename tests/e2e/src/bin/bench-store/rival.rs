//! pgbench with prepared statements: the same row changes as one purchase.

use crate::sample::Sample;
use crate::world::{CHARACTERS, EPOCH, FIRST, World};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A fresh place for each transaction of each client; `first`, `n` and `k` are given.
const SCRIPT: &str = r"
\set place :first + :client_id + :clients * :k
\set k :k + 1
\set id :base + :place % :n
\set slot 2 + :place / :n
\set bucket abs(hash(:id)) % 4096
BEGIN;
SELECT gold FROM characters WHERE id = :id AND account = :id AND epoch = :epoch FOR NO KEY UPDATE;
INSERT INTO operations (operation, bucket, kind, outcome, at_ms) VALUES (gen_random_uuid(), :bucket, 'transfer', '\x0100010203040506', (extract(epoch from clock_timestamp()) * 1000)::bigint);
UPDATE characters SET gold = gold - 10 WHERE id = :id;
INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) VALUES (gen_random_uuid(), :bucket, 400, '\x000000000000', 2, :id, :slot);
INSERT INTO ledger (operation, actor_kind, actor_id, reason, bucket, amount, from_kind, from_owner, from_balance, at_ms) VALUES (gen_random_uuid(), 1, :id, 'shop-buy', :bucket, 10, 2, :id, 1, (extract(epoch from clock_timestamp()) * 1000)::bigint);
INSERT INTO ledger (operation, actor_kind, actor_id, reason, bucket, item, kind, effects_after, to_kind, to_owner, to_slot, at_ms) VALUES (gen_random_uuid(), 1, :id, 'shop-buy', :bucket, gen_random_uuid(), 400, '\x000000000000', 2, :id, :slot, (extract(epoch from clock_timestamp()) * 1000)::bigint);
COMMIT;
";

/// One round.
pub fn run(world: &World, clients: u32, lasts: Duration, round: u32) -> anyhow::Result<Sample> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("purchase.sql");
    std::fs::write(&script, SCRIPT)?;
    let defined = [
        ("first", world.first_place(round)),
        ("clients", clients.into()),
        ("k", 0),
        ("base", FIRST),
        ("n", CHARACTERS),
        ("epoch", EPOCH),
    ];
    let mut command = Command::new(program()?);
    command.args(["-n", "-M", "prepared", "-j", "2", "-c"]).arg(clients.to_string());
    command.arg("-T").arg(lasts.as_secs().to_string()).arg("-f").arg(&script);
    command.args(defined.iter().flat_map(|(name, value)| ["-D".to_owned(), format!("{name}={value}")]));
    command.arg("-l").arg("--log-prefix").arg(folder.path().join("log"));
    let output = command.arg(world.server.dsn("theirs")).output().context("pgbench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(
        output.status.success() && said.contains("number of failed transactions: 0"),
        "pgbench: {said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench tells no tps")?;
    let tps: f64 = tps.split(' ').next().unwrap_or_default().parse()?;
    let micros = read(folder.path())?;
    // by its own count, without the time of connecting
    let lasted = Duration::from_secs_f64(micros.len() as f64 / tps);
    Ok(Sample { micros, lasted })
}

/// Microseconds of each transaction, from the files of all threads.
fn read(folder: &Path) -> anyhow::Result<Vec<u32>> {
    let mut micros = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let path = file?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log")) {
            continue;
        }
        for line in std::fs::read_to_string(&path)?.lines() {
            let field = line.split(' ').nth(2).with_context(|| format!("{line:?} of pgbench"))?;
            micros.push(field.parse()?);
        }
    }
    Ok(micros)
}

fn program() -> anyhow::Result<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let folders = told.into_iter().chain(versions.map(|version| version.path().join("bin")));
    folders
        .map(|folder| folder.join("pgbench"))
        .find(|path| path.is_file())
        .context("pgbench is not installed")
}
