//! A rolling upgrade as a program: `scripts/rolling [--players P] [--for S] [--nodes N] [--only NAMES] [--seed X] [--json FILE]`.
//!
//! Prints as it goes, ends with one JSON object, exit 0 only when everything held.

use anyhow::Context;
use e2e::rolling::{self, Options};
use e2e::{Cluster, Options as ClusterOptions};
use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let (options, nodes, file) = parse(std::env::args().skip(1))?;
    let cluster = Cluster::start(ClusterOptions { nodes, ..ClusterOptions::default() });
    let (json, failures) = rolling::run(&cluster, &options);
    e2e::script::end(&json, &failures, file.as_deref())
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<(Options, u16, Option<String>)> {
    let seed = rand::random::<u32>().into();
    let mut options = Options { players: 300, seconds: 300, only: Vec::new(), seed };
    let (mut nodes, mut file) = (4, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        let number = |text: String| {
            text.parse::<u32>().ok().with_context(|| format!("{argument}: found `{text}`, expected a number"))
        };
        match argument.as_str() {
            "--players" => options.players = number(value()?)? as usize,
            "--for" => options.seconds = number(value()?)?.into(),
            "--nodes" => nodes = u16::try_from(number(value()?)?)?,
            "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
            "--seed" => options.seed = number(value()?)?.into(),
            "--json" => file = Some(value()?),
            other => {
                anyhow::bail!("found `{other}`, expected --players, --for, --nodes, --only, --seed or --json")
            }
        }
    }
    anyhow::ensure!(nodes > 0, "--nodes: found 0, expected at least 1");
    Ok((options, nodes, file))
}
