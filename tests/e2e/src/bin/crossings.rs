//! Crossings as a program: `scripts/crossings [--players P] [--for S] [--nodes N] [--seed X] [--json FILE]`.
//!
//! Prints as it goes, ends with one JSON object, exit 0 only when everything held.

use anyhow::Context;
use e2e::borders::{CutTown, Options};
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let (options, file) = parse(std::env::args().skip(1))?;
    let town = CutTown::start(options.nodes)?;
    let (json, failures) = town.cross(&options);
    e2e::script::end(&json, &failures, file.as_deref())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<(Options, Option<String>)> {
    let mut options = Options {
        players: 300,
        seconds: 60,
        nodes: 4,
        seed: rand::random::<u32>().into(),
        gap_ms: 50.0,
        crossings: 1.0,
    };
    let mut file = None;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        let number = |text: String| {
            text.parse::<u32>().ok().with_context(|| format!("{argument}: found `{text}`, expected a number"))
        };
        match argument.as_str() {
            "--players" => options.players = number(value()?)? as usize,
            "--for" => options.seconds = number(value()?)?.into(),
            "--nodes" => options.nodes = u16::try_from(number(value()?)?)?,
            "--seed" => options.seed = number(value()?)?.into(),
            "--json" => file = Some(value()?),
            other => {
                anyhow::bail!("found `{other}`, expected --players, --for, --nodes, --seed or --json")
            }
        }
    }
    anyhow::ensure!(options.nodes > 0, "--nodes: found 0, expected at least 1");
    Ok((options, file))
}
