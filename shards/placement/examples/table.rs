//! The placement as a table: 1,024 zones on 3 to 64 nodes, beside naive hashing (hash of the zone modulo nodes).
//!
//! For each number of nodes: the fullest node in shares of the fair load, the part of the steps over borders that leads to
//! another node, and the part of the zones that moves when a node joins and when one dies.
//!
//! See `scripts/placement-table`.

use anyhow::{Context, bail};
use model::calls::cluster::Wishes;
use model::membership::{ProcessName, Slot};
use model::{Epoch, ZoneId};
use placement::{Borders, Node, ZoneTable, plan_slots, stable_hash};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Sides of blocks that make 32 x 32 of them.
const BLOCK_SIDE: u16 = 128;
const NODES: [usize; 10] = [3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/// Districts that move in a round.
const MOVES: usize = 4;
/// Rounds after which a placement that goes on changing is a failure.
const ROUNDS_MAX: usize = 1_000;

#[derive(Default)]
struct Options {
    seed: u64,
    json: Option<String>,
}

fn options() -> anyhow::Result<Options> {
    let mut options = Options { seed: 1, json: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("found `{word}` without a value"))?;
        match word.as_str() {
            "--seed" => {
                options.seed =
                    value.parse().with_context(|| format!("found --seed {value}, expected a number"))?
            }
            "--json" => options.json = Some(value),
            _ => bail!("found `{word}`, expected --seed N or --json FILE"),
        }
    }
    Ok(options)
}

/// A way to place zones on nodes.
struct Measured {
    /// Zones of the fullest node, in shares of the fair load.
    fullest: f64,
    /// Part of the steps over borders that leads to another node.
    crossing: f64,
    /// Part of the zones that moves when a node joins.
    joined: f64,
    /// Part of the zones that moves when a node dies.
    died: f64,
}

struct Stage {
    zones: ZoneTable,
    borders: Borders,
    seed: u64,
}

impl Stage {
    fn nodes(&self, count: usize) -> Vec<Node> {
        let name = |index: usize| ProcessName(format!("node-{}-{index}", self.seed));
        (0..count).map(|index| Node { name: name(index), weight: 1 }).collect()
    }

    /// Plans like the controller until nothing changes.
    fn settle(&self, mut slots: Vec<Slot>, nodes: &[Node]) -> anyhow::Result<Vec<Slot>> {
        for _ in 0..ROUNDS_MAX {
            let next = plan_slots(&slots, &self.zones, nodes, &Wishes::default(), MOVES);
            if next == slots {
                return Ok(slots);
            }
            slots = next;
        }
        bail!("with {} nodes the placement never settles (seed {})", nodes.len(), self.seed)
    }

    fn naive(&self, nodes: &[Node]) -> Vec<Slot> {
        let owner = |zone: ZoneId| {
            let hash = stable_hash(&zone.0.to_le_bytes()) ^ self.seed;
            nodes.get((hash % nodes.len() as u64) as usize).map(|node| node.name.clone())
        };
        self.zones.all().into_iter().map(|zone| Slot { zone, owner: owner(zone), epoch: Epoch(1) }).collect()
    }

    fn measure(
        &self,
        count: usize,
        place: impl Fn(Vec<Slot>, &[Node]) -> anyhow::Result<Vec<Slot>>,
    ) -> anyhow::Result<Measured> {
        let (nodes, more) = (self.nodes(count), self.nodes(count + 1));
        let slots = place(Vec::new(), &nodes)?;
        let mut loads: BTreeMap<&str, usize> = BTreeMap::new();
        for owner in slots.iter().filter_map(|slot| slot.owner.as_ref()) {
            *loads.entry(owner.as_str()).or_default() += 1;
        }
        let fullest = loads.values().copied().max().unwrap_or(0) as f64;
        Ok(Measured {
            fullest: fullest * count as f64 / slots.len() as f64,
            crossing: self.borders.crossings(&slots).share(),
            joined: moved(&slots, &place(slots.clone(), &more)?),
            died: moved(&slots, &place(slots.clone(), &nodes[..count - 1])?),
        })
    }
}

fn moved(before: &[Slot], after: &[Slot]) -> f64 {
    let changed = before.iter().zip(after).filter(|(old, new)| old.owner != new.owner).count();
    changed as f64 / before.len() as f64
}

impl Measured {
    fn in_json(&self) -> Value {
        let Self { fullest, crossing, joined, died } = self;
        json!({ "fullest": fullest, "crossing": crossing, "moved_on_join": joined, "moved_on_death": died })
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let Options { seed, json: file } = options()?;
    let zones = ZoneTable::of_blocks(Vec::new(), BLOCK_SIDE);
    let borders = Borders::of(&zones);
    let stage = Stage { zones, borders, seed };
    println!(
        "{} zones in districts of 2 x 2, seed {seed}; naive hashing in brackets",
        stage.zones.all().len()
    );
    println!(
        "nodes   fullest/fair   borders between nodes    moved by a join    moved by a death   fair join"
    );
    let (mut rows, mut wrong) = (Vec::new(), Vec::new());
    for count in NODES {
        let ours = stage.measure(count, |slots, nodes| stage.settle(slots, nodes))?;
        let naive = stage.measure(count, |_, nodes| Ok(stage.naive(nodes)))?;
        println!(
            "{count:>5}    {:>4.2} ({:>4.2})       {:>5.1} % ({:>5.1} %)    {:>5.1} % ({:>5.1} %)   {:>5.1} % ({:>5.1} %)    {:>5.1} %",
            ours.fullest,
            naive.fullest,
            100.0 * ours.crossing,
            100.0 * naive.crossing,
            100.0 * ours.joined,
            100.0 * naive.joined,
            100.0 * ours.died,
            100.0 * naive.died,
            100.0 / (count + 1) as f64,
        );
        // bounded by districts, which are placed whole
        let districts = stage.zones.all().len() / 4;
        let bound = (districts * 5).div_ceil(count * 4) as f64 * count as f64 / districts as f64;
        if ours.fullest > bound + 1e-9 {
            wrong.push(format!(
                "{count} nodes: the fullest has {:.2} times its share, bound {bound:.2}",
                ours.fullest
            ));
        }
        if ours.crossing >= naive.crossing || ours.joined >= naive.joined || ours.died >= naive.died {
            wrong.push(format!("{count} nodes: no better than naive hashing"));
        }
        rows.push(json!({ "nodes": count, "placement": ours.in_json(), "naive": naive.in_json() }));
    }
    for line in &wrong {
        eprintln!("{line}");
    }
    let report = json!({ "seed": seed, "zones": stage.zones.all().len(), "rows": rows, "wrong": wrong });
    if let Some(file) = file {
        std::fs::write(&file, report.to_string()).with_context(|| format!("cannot write {file}"))?;
    }
    println!("{report}");
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
