//! `wydbr shards`: shards and the moves of buckets between them, through DBSrv.

mod tell;

use crate::cli::in_runtime;
use crate::data_dir::DataDir;
use crate::stored::{self, Opened};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use model::Secret;
use model::calls::database::{ChangeShards, Failure, ReadShards, ShardsChanged, ShardsReport};
use model::calls::shards::{MoveInfo, MoveState};
use placement::{BUCKETS, BucketMap, Shift};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Looks in a row without an answer before this gives up; the moves go on without it.
const LOOKS_IN_VAIN: u32 = 120;

/// Arguments of `wydbr shards`.
#[derive(Args)]
pub struct ShardsArgs {
    #[command(subcommand)]
    command: ShardsCommand,
    /// End with one JSON object.
    #[arg(long, global = true)]
    json: bool,
    /// Give the order and come back at once.
    #[arg(long, global = true)]
    no_wait: bool,
    /// Folder with everything that the cluster keeps.
    #[arg(long, default_value = "data", value_name = "DIR", global = true)]
    data: PathBuf,
}

#[derive(Subcommand)]
enum ShardsCommand {
    /// Show shards with their buckets, accounts and sizes, and moves.
    Status,
    /// Show what `add` or `drain` would move, and move nothing.
    Plan {
        /// A new shard.
        #[arg(long, conflicts_with = "drain", required_unless_present = "drain")]
        add: bool,
        /// A shard that is to be emptied.
        #[arg(long, value_name = "SHARD")]
        drain: Option<u16>,
    },
    /// Move buckets to a shard.
    Move {
        /// One bucket; may be repeated.
        #[arg(long, value_name = "N", required_unless_present = "buckets")]
        bucket: Vec<u16>,
        /// A range of buckets, both ends included.
        #[arg(long, value_name = "A-B", value_parser = range)]
        buckets: Option<(u16, u16)>,
        /// Where to.
        #[arg(long, value_name = "SHARD")]
        to: u16,
    },
    /// Make an empty PostgreSQL database a shard, and move its fair share to it.
    Add {
        /// Its address; `-` reads it from the standard input, so that no password stands in a list of processes.
        dsn: String,
    },
    /// Move everything from a shard to the others.
    Drain {
        /// Which.
        shard: u16,
    },
    /// Stop a move after its step; what has moved stays where it is.
    Stop {
        /// Its number.
        number: u64,
    },
    /// Let a stopped or failed move go on.
    Go {
        /// Its number.
        number: u64,
    },
    /// Move back what a move has moved.
    Back {
        /// Its number.
        number: u64,
    },
}

fn range(text: &str) -> Result<(u16, u16), String> {
    let read = |part: &str| part.trim().parse::<u16>().ok().filter(|bucket| *bucket < BUCKETS);
    let ends = text.split_once('-').and_then(|(first, last)| Some((read(first)?, read(last)?)));
    ends.filter(|(first, last)| first <= last)
        .ok_or_else(|| format!("found `{text}`, expected A-B with 0 <= A <= B < {BUCKETS}"))
}

/// Does what the command line asks.
pub fn main(args: &ShardsArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data);
    in_runtime(async {
        let opened = stored::reach(&data).await?;
        match &args.command {
            ShardsCommand::Status => status(&opened, args.json).await,
            ShardsCommand::Plan { drain, .. } => plan(&opened, *drain, args.json).await,
            command => order(&opened, &data, request(command)?, args).await,
        }
    })?
}

fn request(command: &ShardsCommand) -> anyhow::Result<ChangeShards> {
    Ok(match command {
        ShardsCommand::Move { bucket, buckets, to } => {
            let ranged = buckets.map(|(first, last)| first..=last).into_iter().flatten();
            ChangeShards::Move { buckets: bucket.iter().copied().chain(ranged).collect(), to: *to }
        }
        ShardsCommand::Add { dsn } if dsn == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).context("cannot read the address")?;
            ChangeShards::Add { dsn: Secret::new(text.trim()) }
        }
        ShardsCommand::Add { dsn } => ChangeShards::Add { dsn: Secret::new(dsn.as_str()) },
        ShardsCommand::Drain { shard } => ChangeShards::Drain { shard: *shard },
        ShardsCommand::Stop { number } => ChangeShards::Stop { number: *number },
        ShardsCommand::Go { number } => ChangeShards::Go { number: *number },
        ShardsCommand::Back { number } => ChangeShards::Back { number: *number },
        ShardsCommand::Status | ShardsCommand::Plan { .. } => bail!("nothing to order"),
    })
}

async fn read(opened: &Opened) -> anyhow::Result<ShardsReport> {
    let report = opened.store.read_shards(ReadShards).await?;
    if !report.sharded {
        bail!("this cluster keeps everything in one SQLite file; shards need storage = \"postgres\"");
    }
    Ok(report)
}

async fn status(opened: &Opened, as_json: bool) -> anyhow::Result<ExitCode> {
    let report = read(opened).await?;
    tell::status(&report);
    finish(as_json, || tell::status_in_json(&report), true)
}

async fn plan(opened: &Opened, drain: Option<u16>, as_json: bool) -> anyhow::Result<ExitCode> {
    let report = read(opened).await?;
    let shards = report.shards.len() as u16;
    let map = BucketMap { version: report.map_version, owner: report.owner };
    let shifts = match drain {
        None => map.plan_join(shards),
        Some(leaving) if leaving >= shards => bail!("there is no shard {leaving}"),
        Some(leaving) => {
            let held = map.held(usize::from(shards));
            let others: Vec<u16> = (0..shards).filter(|shard| held[usize::from(*shard)] > 0).collect();
            let Some(shifts) = map.plan_drain(leaving, &others) else {
                bail!("shard {leaving} holds everything; add another one first");
            };
            shifts
        }
    };
    for Shift { from, to, buckets } in &shifts {
        println!("{} buckets would go from shard {from} to shard {to}", buckets.len());
    }
    let in_json = || {
        let shifts = shifts
            .iter()
            .map(|Shift { from, to, buckets }| json!({ "from": from, "to": to, "buckets": buckets }));
        json!({ "shifts": shifts.collect::<Vec<_>>() })
    };
    finish(as_json, in_json, true)
}

async fn order(
    opened: &Opened,
    data: &DataDir,
    request: ChangeShards,
    args: &ShardsArgs,
) -> anyhow::Result<ExitCode> {
    let changed: ShardsChanged = opened.store.change_shards(request).await??;
    if let Some(shard) = changed.added {
        println!("the database is shard {shard} now");
    }
    match changed.moves.as_slice() {
        [] => println!("no bucket has to move"),
        moves => println!("moves {moves:?} are ordered"),
    }
    let waits = !args.no_wait && !changed.moves.is_empty();
    let served = data.is_served()?;
    if waits && !served {
        println!("the cluster does not run; DBSrv carries them out when it does");
    }
    let moves = if waits && served { wait(opened, &changed.moves).await? } else { Vec::new() };
    let went_well = moves.iter().all(|moved| moved.state != MoveState::Failed);
    let in_json = || {
        let moves: Vec<Value> = moves.iter().map(tell::move_in_json).collect();
        json!({ "added": changed.added, "ordered": changed.moves, "moves": moves, "ok": went_well })
    };
    finish(args.json, in_json, went_well)
}

/// Tells of progress until some moves have ended, and those that they led to.
async fn wait(opened: &Opened, numbers: &[u64]) -> anyhow::Result<Vec<MoveInfo>> {
    let first = numbers.iter().copied().min().unwrap_or(0);
    let (mut told, mut in_vain): (BTreeMap<u64, String>, u32) = (BTreeMap::new(), 0);
    loop {
        match opened.store.read_shards(ReadShards).await {
            Ok(report) => {
                in_vain = 0;
                let moves: Vec<MoveInfo> =
                    report.moves.into_iter().filter(|moved| moved.number >= first).collect();
                for moved in &moves {
                    let line = tell::progress(moved);
                    if told.get(&moved.number) != Some(&line) {
                        println!("{line}");
                        told.insert(moved.number, line);
                    }
                }
                if moves.iter().all(|moved| moved.state.has_ended()) {
                    return Ok(moves);
                }
            }
            Err(Failure::Unavailable(_)) if in_vain < LOOKS_IN_VAIN => in_vain += 1,
            Err(failure) => return Err(failure).context("the moves go on, but cannot be watched"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn finish(as_json: bool, value: impl FnOnce() -> Value, went_well: bool) -> anyhow::Result<ExitCode> {
    if as_json {
        println!("{}", value());
    }
    Ok(if went_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_range_of_buckets_has_two_ends() {
        assert_eq!(range("0-4095"), Ok((0, 4095)));
        assert_eq!(range("7-7"), Ok((7, 7)));
        for wrong in ["", "5", "5-4", "0-4096", "-1-4", "a-b"] {
            assert!(range(wrong).unwrap_err().contains("expected A-B"), "{wrong}");
        }
    }

    #[test]
    fn buckets_are_named_one_by_one_or_as_a_range() {
        let command = ShardsCommand::Move { bucket: vec![9], buckets: Some((3, 5)), to: 1 };
        assert_eq!(request(&command).unwrap(), ChangeShards::Move { buckets: vec![9, 3, 4, 5], to: 1 });
    }
}
