//! Failover as a program: `scripts/failover [--players P] [--times N] [--nodes N] [--how WHAT] [--away S] [--seed X]
//! [--json FILE]`, where WHAT is `kill`, `stop`, `partition` or `control-plane`.
//!
//! Prints as it goes, ends with one JSON object, exit 0 only when everything held.

use anyhow::Context;
use e2e::failover::{self, How, Options};
use e2e::{Cluster, Options as ClusterOptions, control_plane, hosts, partition};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Clone, Copy)]
enum What {
    ToANode(How),
    Partition,
    ControlPlane,
}

struct Args {
    options: Options,
    what: What,
    nodes: u16,
    away: Duration,
    file: Option<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let Args { options, what, nodes, away, file } = parse(std::env::args().skip(1))?;
    let (json, failures) = match what {
        What::ToANode(how) => {
            let cluster = Cluster::start(ClusterOptions { nodes, ..ClusterOptions::default() });
            failover::run(&cluster, &Options { how, ..options })
        }
        What::Partition => {
            hosts::enter()?;
            let cluster = Cluster::start_apart(nodes)?;
            partition::run(&cluster, &options, nodes)?
        }
        What::ControlPlane => {
            let (players, seed) = (options.players, options.seed);
            control_plane::run(&control_plane::Options { players, nodes, away, seed })?
        }
    };
    e2e::script::end(&json, &failures, file.as_deref())
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
    let (mut what, mut nodes, mut away, mut file) = (What::ToANode(How::Kill), 4, 60, None);
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
                what = match value()?.as_str() {
                    "kill" => What::ToANode(How::Kill),
                    "stop" => What::ToANode(How::Stop),
                    "partition" => What::Partition,
                    "control-plane" => What::ControlPlane,
                    other => {
                        anyhow::bail!(
                            "--how: found `{other}`, expected kill, stop, partition or control-plane"
                        )
                    }
                }
            }
            "--away" => away = number(value()?)?,
            "--seed" => options.seed = number(value()?)?.into(),
            "--json" => file = Some(value()?),
            other => anyhow::bail!(
                "found `{other}`, expected --players, --times, --nodes, --how, --away, --seed or --json"
            ),
        }
    }
    anyhow::ensure!(nodes > 1, "--nodes: found {nodes}, expected at least 2");
    Ok(Args { options, what, nodes, away: Duration::from_secs(away.into()), file })
}
