//! The storm as a program: `scripts/storm --ops N --kills K [--players P] [--shards S] [--seed X] [--json FILE]`.
//!
//! Prints as it goes, ends with one JSON object, exit 0 only when everything held.

use anyhow::Context;
use e2e::storm::{self, Options};
use std::process::ExitCode;
use std::time::Duration;

struct Args {
    options: Options,
    json: Option<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = parse(std::env::args().skip(1))?;
    let outcome = storm::run(&args.options)?;
    e2e::script::end(&outcome.json, &outcome.failures, args.json.as_deref())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Args> {
    let mut options = Options {
        ops: 20_000,
        kills: 20,
        players: 60,
        shards: 3,
        seed: rand::random::<u32>().into(),
        without: Vec::new(),
        haste: 0.1,
        tmpfs: false,
        pause_ms: 2_000..8_000,
        at_most: Duration::from_secs(6 * 3600),
    };
    let mut json = None;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--ops" => options.ops = number(&argument, &value()?)?,
            "--kills" => options.kills = number(&argument, &value()?)?,
            "--players" => options.players = number(&argument, &value()?)?,
            "--shards" => options.shards = number(&argument, &value()?)?,
            "--seed" => options.seed = number(&argument, &value()?)?,
            "--at-most" => options.at_most = Duration::from_secs(number(&argument, &value()?)?),
            "--haste" => options.haste = number(&argument, &value()?)?,
            "--tmpfs" => options.tmpfs = true,
            "--without" => options.without = storm::deeds(&value()?)?,
            "--json" => json = Some(value()?),
            other => anyhow::bail!(
                "found `{other}`, expected --ops, --kills, --players, --shards, --seed, --at-most (seconds), \
                 --haste (0 to 1), --tmpfs, --without (deeds), --json"
            ),
        }
    }
    anyhow::ensure!(options.players > 0 && options.shards > 0, "at least one player and one shard");
    Ok(Args { options, json })
}

fn number<T: std::str::FromStr>(option: &str, text: &str) -> anyhow::Result<T> {
    text.parse().ok().with_context(|| format!("{option}: found `{text}`, expected a number"))
}
