//! The border oracle as a program: `scripts/oracle [--crossings C] [--nodes N] [--players P] [--round S] [--tolerance MS]
//! [--seed X] [--json FILE]`.
//!
//! Prints as it goes, ends with one JSON object, exit 0 only when everything held.

use anyhow::Context;
use e2e::oracle::{self, Options};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> anyhow::Result<ExitCode> {
    let (options, file) = parse(std::env::args().skip(1))?;
    let (json, failures) = oracle::run(&options)?;
    e2e::script::end(&json, &failures, file.as_deref())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<(Options, Option<String>)> {
    let mut options = Options {
        crossings: 2_000.0,
        nodes: 4,
        players: 60,
        seed: rand::random::<u32>().into(),
        round: Duration::from_secs(60),
        tolerance: Duration::from_millis(300),
    };
    let mut file = None;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        let number = |text: String| {
            text.parse::<u32>().ok().with_context(|| format!("{argument}: found `{text}`, expected a number"))
        };
        match argument.as_str() {
            "--crossings" => options.crossings = number(value()?)?.into(),
            "--nodes" => options.nodes = u16::try_from(number(value()?)?)?,
            "--players" => options.players = number(value()?)? as usize,
            "--round" => options.round = Duration::from_secs(number(value()?)?.into()),
            "--tolerance" => options.tolerance = Duration::from_millis(number(value()?)?.into()),
            "--seed" => options.seed = number(value()?)?.into(),
            "--json" => file = Some(value()?),
            other => anyhow::bail!(
                "found `{other}`, expected --crossings, --nodes, --players, --round, --tolerance, --seed or --json"
            ),
        }
    }
    anyhow::ensure!(options.nodes > 1, "--nodes: found {}, expected at least 2", options.nodes);
    anyhow::ensure!((2..=500).contains(&options.players), "--players: found {}", options.players);
    anyhow::ensure!(options.round >= Duration::from_secs(15), "--round: found {:?}", options.round);
    Ok((options, file))
}
