//! Failover as a program: `scripts/failover [--players P] [--times N] [--nodes N] [--how kill|stop] [--seed X] [--json FILE]`.
//!
//! Prints as it goes, ends with one JSON object, exit 0 only when everything held.

use anyhow::Context;
use e2e::failover::{self, How, Options};
use e2e::{Cluster, Options as ClusterOptions};
use std::process::ExitCode;

struct Args {
    options: Options,
    nodes: u16,
    file: Option<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = parse(std::env::args().skip(1))?;
    let cluster = Cluster::start(ClusterOptions { nodes: args.nodes, ..ClusterOptions::default() });
    let (json, failures) = failover::run(&cluster, &args.options);
    for failure in &failures {
        println!("FAILED: {failure}");
    }
    if let Some(path) = &args.file {
        let text = serde_json::to_string_pretty(&json)?;
        std::fs::write(path, text + "\n").with_context(|| format!("cannot write {path}"))?;
    }
    println!("{json}");
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Args> {
    let mut options = Options {
        players: 300,
        times: 10,
        how: How::Kill,
        seed: rand::random::<u32>().into(),
        act_again_ms: 1_500.0,
        rollback_ms: 1_000.0,
    };
    let (mut nodes, mut file) = (4, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        let number = |text: String| {
            text.parse::<u32>().ok().with_context(|| format!("{argument}: found `{text}`, expected a number"))
        };
        match argument.as_str() {
            "--players" => options.players = number(value()?)? as usize,
            "--times" => options.times = number(value()?)?,
            "--nodes" => nodes = u16::try_from(number(value()?)?)?,
            "--how" => {
                options.how = match value()?.as_str() {
                    "kill" => How::Kill,
                    "stop" => How::Stop,
                    other => anyhow::bail!("--how: found `{other}`, expected kill or stop"),
                }
            }
            "--seed" => options.seed = number(value()?)?.into(),
            "--json" => file = Some(value()?),
            other => anyhow::bail!(
                "found `{other}`, expected --players, --times, --nodes, --how, --seed or --json"
            ),
        }
    }
    anyhow::ensure!(nodes > 1, "--nodes: found {nodes}, expected at least 2");
    Ok(Args { options, nodes, file })
}
