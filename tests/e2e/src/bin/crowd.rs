//! A crowd as a program: `scripts/crowd [--players P] [--for S] [--nodes N] [--seed X] [--cool] [--json FILE]`.
//!
//! Prints as it goes, ends with one JSON object, exit 0 only when everything held.

use anyhow::Context;
use e2e::crowd::{Options, run};
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let (options, file) = parse(std::env::args().skip(1))?;
    let (json, failures) = run(&options);
    e2e::script::end(&json, &failures, file.as_deref())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<(Options, Option<String>)> {
    let seed = rand::random::<u32>().into();
    let mut options = Options { players: 500, seconds: 40, nodes: 2, seed, cools: false };
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
            "--cool" => options.cools = true,
            "--json" => file = Some(value()?),
            other => {
                anyhow::bail!("found `{other}`, expected --players, --for, --nodes, --seed, --cool or --json")
            }
        }
    }
    anyhow::ensure!(options.nodes > 0, "--nodes: found 0, expected at least 1");
    anyhow::ensure!((1..=900).contains(&options.players), "--players: expected 1 to 900");
    Ok((options, file))
}
