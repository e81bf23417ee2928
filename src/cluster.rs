//! `wydbr cluster`: who is in the cluster, who plays which zone, and what the operator wishes of both.

mod instance;
mod tell;
mod wish;

use crate::cli::in_runtime;
use crate::data_dir::DataDir;
use crate::probe;
use crate::stored::{self, Opened};
use clap::{Args, Subcommand};
use model::calls::cluster::{ClusterReport, CutBy, Hold, ReadCluster, Wish, Wishes};
use model::calls::weights::Counts;
use model::membership::{Member, ProcessName, Role, Slot};
use placement::{Basis, Node, ZoneTable, counts, nodes_of, plan_slots, recount, wished_zones};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::task::JoinSet;

/// What a node calls the number of its players.
const PLAYERS: &str = "wydbr_tmsrv_players_count";

/// Arguments of `wydbr cluster`.
#[derive(Args)]
pub struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
    /// End with one JSON object; `status` and `map` print nothing else.
    #[arg(long, global = true)]
    json: bool,
    /// Enter the wish and come back at once; the controller carries it out.
    #[arg(long, global = true)]
    no_wait: bool,
    /// Folder with everything that the cluster keeps.
    #[arg(long, default_value = "data", value_name = "DIR", global = true)]
    data: PathBuf,
}

#[derive(Subcommand)]
enum ClusterCommand {
    /// Show members with their leases, zones and players; exit 0 only when every zone has a live owner.
    Status,
    /// Show zones with their tiles, owners and epochs, and what is pinned.
    Map,
    /// Move the zones of a node away, a few a second, and give it nothing more; its players stay connected.
    Drain {
        /// Which, like tmsrv-2.
        node: String,
    },
    /// End a drain: the node gets its share of the zones again.
    Join {
        /// Which, like tmsrv-2.
        node: String,
    },
    /// Move a zone to a node, where it stays until the next rebalance.
    Move {
        /// Its name or number, as `map` prints them.
        zone: String,
        /// Where to, like tmsrv-2.
        node: String,
    },
    /// Move a zone to a node, where it stays until it is unpinned; a drain of the node comes first.
    Pin {
        /// Its name or number, as `map` prints them.
        zone: String,
        /// Where to, like tmsrv-2.
        node: String,
    },
    /// Give a zone that was pinned or moved back to the ring.
    Unpin {
        /// Its name or number, as `map` prints them.
        zone: String,
    },
    /// Cut a zone in two along its longer side while people stand in it; another split of a half cuts again.
    Split {
        /// Its name or number, as `map` prints them.
        zone: String,
    },
    /// Join a zone that was cut with its other half.
    Merge {
        /// Name or number of either half, as `map` prints them.
        zone: String,
    },
    /// Open, list and close copies of a place that live for a while: party dungeons.
    Instance {
        #[command(subcommand)]
        command: instance::InstanceCommand,
    },
    /// Give all zones that were moved back to the ring; pinned ones stay.
    Rebalance {
        /// Only show what would move.
        #[arg(long)]
        dry_run: bool,
    },
}

impl ClusterCommand {
    /// What is to be entered; `None` for what only looks.
    fn wish(&self) -> Option<Wish> {
        let node = |name: &String| ProcessName(name.clone());
        Some(match self {
            Self::Status | Self::Map | Self::Instance { .. } | Self::Rebalance { dry_run: true } => {
                return None;
            }
            Self::Drain { node: name } => Wish::Drain { node: node(name) },
            Self::Join { node: name } => Wish::Join { node: node(name) },
            Self::Move { zone, node: name } => Wish::Move { zone: zone.clone(), node: node(name) },
            Self::Pin { zone, node: name } => Wish::Pin { zone: zone.clone(), node: node(name) },
            Self::Unpin { zone } => Wish::Unpin { zone: zone.clone() },
            Self::Rebalance { dry_run: false } => Wish::Rebalance,
            Self::Split { zone } => Wish::Split { zone: zone.clone(), by: CutBy::Operator },
            Self::Merge { zone } => Wish::Merge { zone: zone.clone() },
        })
    }
}

/// Does what the command line asks.
pub fn main(args: &ClusterArgs) -> anyhow::Result<ExitCode> {
    let data = DataDir::new(&args.data);
    in_runtime(async {
        let opened = stored::reach(&data).await?;
        if let Some(wish) = args.command.wish() {
            return wish::make(&opened, wish, args.json, !args.no_wait).await;
        }
        if let ClusterCommand::Instance { command } = &args.command {
            return instance::main(&data, &opened, command, args.json, !args.no_wait).await;
        }
        let report = read(&opened).await?;
        Ok(match args.command {
            ClusterCommand::Status => status(&report, args.json).await,
            ClusterCommand::Map => map(&report, args.json),
            _ => dry_run(&report, args.json),
        })
    })?
}

async fn read(opened: &Opened) -> anyhow::Result<ClusterReport> {
    Ok(opened.store.read_cluster(ReadCluster).await?)
}

async fn status(report: &ClusterReport, as_json: bool) -> ExitCode {
    let players = players(report).await;
    show(&if as_json {
        tell::status_in_json(report, &players).to_string()
    } else {
        tell::status(report, &players)
    });
    if unowned(report) == 0 && !report.table.slots.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn map(report: &ClusterReport, as_json: bool) -> ExitCode {
    show(&if as_json { tell::map_in_json(report).to_string() } else { tell::map(report) });
    ExitCode::SUCCESS
}

fn dry_run(report: &ClusterReport, as_json: bool) -> ExitCode {
    let mut wishes = report.wishes.clone();
    wishes.placed.retain(|_, placed| placed.hold == Hold::Pinned);
    let counts = recount(&report.weights.measured, &nodes(report), &wishes);
    let shifts = shifts(report, &wishes, &counts);
    show(&tell::shifts(report, &shifts, &counts));
    finish(as_json, || tell::shifts_in_json(report, &shifts, &counts), true)
}

/// A zone that would change its node.
struct Shift<'a> {
    old: Option<&'a Slot>,
    new: Slot,
}

/// Nodes that may be given zones.
fn nodes(report: &ClusterReport) -> Vec<Node> {
    nodes_of(report.live(), report.content_hash())
}

/// What is still to move, as the controller counts zones.
fn left_to_move(report: &ClusterReport) -> Vec<Shift<'_>> {
    shifts(report, &report.wishes, &counts(&report.weights, &nodes(report), &report.wishes))
}

/// What would move, all at once, if some wishes held and zones were counted so.
fn shifts<'a>(report: &'a ClusterReport, wishes: &Wishes, counts: &Counts) -> Vec<Shift<'a>> {
    let zones = wished_zones(report);
    let nodes = nodes(report);
    let slots = &report.table.slots;
    let stored = ZoneTable::new(report.table.named_zones.clone());
    let basis = Basis { zones: &zones, nodes: &nodes, wishes, counts };
    let wanted = plan_slots(&zones.carry_over(&stored, &report.table), basis, usize::MAX);
    let now: BTreeMap<_, &Slot> = slots.iter().map(|slot| (slot.zone, slot)).collect();
    let shift = |new: Slot| Shift { old: now.get(&new.zone).copied(), new };
    wanted.into_iter().map(shift).filter(|shift| shift.old != Some(&shift.new)).collect()
}

/// The live owner of a zone.
fn owner<'a>(report: &'a ClusterReport, slot: &Slot) -> Option<&'a Member> {
    report.live().find(|member| Some(&member.name) == slot.owner.as_ref())
}

fn unowned(report: &ClusterReport) -> usize {
    report.table.slots.iter().filter(|slot| owner(report, slot).is_none()).count()
}

fn zones_of(report: &ClusterReport, node: &ProcessName) -> usize {
    report.table.slots.iter().filter(|slot| slot.owner.as_ref() == Some(node)).count()
}

fn name_of_owner(slot: Option<&Slot>) -> &str {
    slot.and_then(|slot| slot.owner.as_ref()).map_or("-", ProcessName::as_str)
}

/// How many players each live node has; those that do not answer are left out.
async fn players(report: &ClusterReport) -> BTreeMap<ProcessName, u64> {
    let mut asked = JoinSet::new();
    for member in report.live().filter(|member| member.role == Role::TmSrv) {
        let (name, http) = (member.name.clone(), member.http);
        asked.spawn(async move { probe::gauge(http, PLAYERS).await.map(|players| (name, players)) });
    }
    asked.join_all().await.into_iter().flatten().collect()
}

/// Prints all at once; who has closed the pipe, like `head`, has read enough.
fn show(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn finish(as_json: bool, value: impl FnOnce() -> Value, went_well: bool) -> ExitCode {
    if as_json {
        println!("{}", value());
    }
    if went_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
