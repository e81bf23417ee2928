//! Enters a wish, and tells of its way until nothing has to move any more.

use super::{finish, left_to_move, players, read, zones_of};
use crate::operator;
use crate::stored::Opened;
use anyhow::{Context, bail};
use model::calls::cluster::{ClusterReport, MakeWish, Wish};
use model::calls::database::Failure;
use model::membership::ProcessName;
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How often progress is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Without any progress for this long this gives up; the wish holds without it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    /// Zones that are not where they are wanted.
    to_move: usize,
    /// Zones of the node that is drained.
    zones: usize,
    /// Its players, as far as it answers.
    players: u64,
}

/// Enters a wish; waits for it while a cluster runs.
pub(super) async fn make(
    opened: &Opened,
    wish: Wish,
    as_json: bool,
    waits: bool,
) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let granted = opened.store.make_wish(MakeWish { by: operator::name(), wish: wish.clone() }).await??;
    if granted.changed {
        println!("{} (before: {})", granted.after, granted.before);
        for undo in &granted.undo {
            println!("undo with: wydbr cluster {undo}");
        }
    } else {
        println!("nothing to change: {}", granted.after);
    }
    if waits && !opened.cluster_runs() {
        println!("the cluster does not run; the controller carries it out when it does");
    }
    let drained = if let Wish::Drain { node } = &wish { Some(node) } else { None };
    let waits = waits && opened.cluster_runs();
    let left = if waits { Some(wait(opened, drained).await?) } else { None };
    let undo: Vec<String> = granted.undo.iter().map(ToString::to_string).collect();
    let in_json = || {
        json!({
            "wish": wish.to_string(),
            "changed": granted.changed,
            "before": granted.before,
            "after": granted.after,
            "undo": undo,
            "waited": waits,
            "zones_left": left.map(|left| left.zones),
            "players_left": left.map(|left| left.players),
            "seconds": began.elapsed().as_secs_f64(),
            "ok": true,
        })
    };
    Ok(finish(as_json, in_json, true))
}

async fn look(report: &ClusterReport, drained: Option<&ProcessName>) -> Left {
    let to_move = left_to_move(report).len();
    let Some(node) = drained else { return Left { to_move, ..Left::default() } };
    let players = players(report).await.get(node).copied().unwrap_or(0);
    Left { to_move, zones: zones_of(report, node), players }
}

/// Tells of progress until every zone is where it is wanted and a drained node is empty.
async fn wait(opened: &Opened, drained: Option<&ProcessName>) -> anyhow::Result<Left> {
    let (mut told, mut since) = (None, Instant::now());
    loop {
        match read(opened).await {
            Ok(report) => {
                let left = look(&report, drained).await;
                if told.replace(left) != Some(left) {
                    since = Instant::now();
                    tell(left, drained);
                }
                if left == Left::default() {
                    return Ok(left);
                }
                let kept = drained.is_some_and(|node| !report.wishes.drained.contains(node));
                if kept {
                    bail!("somebody else has ended the drain meanwhile");
                }
            }
            Err(error) if !matches!(error.downcast_ref(), Some(Failure::Unavailable(_))) => {
                return Err(error).context("the wish holds, but cannot be watched");
            }
            Err(_) => {}
        }
        if since.elapsed() > PATIENCE {
            bail!(
                "nothing has moved for {} s; the wish holds: look at `wydbr cluster status`",
                PATIENCE.as_secs()
            );
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn tell(left: Left, drained: Option<&ProcessName>) {
    match drained {
        Some(node) => println!("{node}: zones {}, players {}", left.zones, left.players),
        None if left.to_move == 0 => println!("every zone is where it is wanted"),
        None => println!("zones that have to move: {}", left.to_move),
    }
}
