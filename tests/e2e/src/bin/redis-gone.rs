//! Redis gone as a program: `scripts/redis-gone [--players P] [--for S] [--away S] [--seed X] [--json FILE]`.
//!
//! Prints as it goes, ends with one JSON object, exit 0 only when everything held.

use anyhow::Context;
use e2e::redis_gone::{self, Options};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> anyhow::Result<ExitCode> {
    let (options, file) = parse(std::env::args().skip(1))?;
    let (json, failures) = redis_gone::run(&options)?;
    e2e::script::end(&json, &failures, file.as_deref())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<(Options, Option<String>)> {
    let mut options = Options {
        players: 60,
        play: Duration::from_secs(60),
        away: Duration::from_secs(60),
        seed: rand::random::<u32>().into(),
    };
    let mut file = None;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        let number = |text: String| {
            text.parse::<u64>().ok().with_context(|| format!("{argument}: found `{text}`, expected a number"))
        };
        match argument.as_str() {
            "--players" => options.players = number(value()?)? as usize,
            "--for" => options.play = Duration::from_secs(number(value()?)?),
            "--away" => options.away = Duration::from_secs(number(value()?)?),
            "--seed" => options.seed = number(value()?)?,
            "--json" => file = Some(value()?),
            other => anyhow::bail!("found `{other}`, expected --players, --for, --away, --seed, --json"),
        }
    }
    anyhow::ensure!(options.players > 1, "--players: found {}, expected at least 2", options.players);
    Ok((options, file))
}
