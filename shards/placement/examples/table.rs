//! The placement as a table: 1,024 zones on 3 to 64 nodes, beside naive hashing (hash of the zone modulo nodes).
//!
//! For each number of nodes: the fullest node in shares of the fair load, the part of the steps over borders that leads to
//! another node, and the part of the zones that moves when a node joins and when one dies. Then the same by cost, when a few zones cost
//! nearly all (the zone of rank `r` costs a share of `1/r`): the fullest node in shares of the fair cost, and the part of the cost that moves.
//!
//! See `scripts/placement-table`.

use anyhow::{Context, bail};
use model::calls::cluster::Wishes;
use model::calls::weights::{Costs, Counts};
use model::membership::{ProcessName, Slot};
use model::{Epoch, ZoneId};
use placement::{Basis, Borders, Node, ZoneTable, plan_slots, recount, stable_hash};
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
/// What a node has to do on average where a few zones cost nearly all, in percent of a tick budget.
const MEAN: f64 = 200.0;

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

    /// Plans like the controller until nothing changes, with zones counted by these costs.
    fn settle(&self, mut slots: Vec<Slot>, nodes: &[Node], costs: &Costs) -> anyhow::Result<Vec<Slot>> {
        let wishes = Wishes::default();
        let counts: Counts = recount(costs, nodes, &wishes);
        let basis = Basis { zones: &self.zones, nodes, wishes: &wishes, counts: &counts };
        for _ in 0..ROUNDS_MAX {
            let next = plan_slots(&slots, basis, MOVES);
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

impl Stage {
    /// What zones cost when that of rank `r` costs a share of `1/r`.
    fn skewed(&self, nodes: usize) -> Costs {
        let mut names: Vec<String> = self.zones.all().into_iter().map(|zone| self.zones.name(zone)).collect();
        names.sort_by_key(|name| stable_hash(format!("{name}/{}", self.seed).as_bytes()));
        let harmonic: f64 = (1..=names.len()).map(|rank| 1.0 / rank as f64).sum();
        let all = MEAN * nodes as f64 / harmonic;
        let cost = |rank: usize| (all / (rank + 1) as f64) as u32;
        let costs = names.into_iter().enumerate().map(|(rank, name)| (name, cost(rank)));
        costs.filter(|(_, cost)| *cost > 0).collect()
    }

    fn measure_costs(
        &self,
        count: usize,
        costs: &Costs,
        place: impl Fn(Vec<Slot>, &[Node]) -> anyhow::Result<Vec<Slot>>,
    ) -> anyhow::Result<ByCost> {
        let (nodes, more) = (self.nodes(count), self.nodes(count + 1));
        let slots = place(Vec::new(), &nodes)?;
        let cost = |slot: &Slot| costs.get(&self.zones.name(slot.zone)).copied().unwrap_or(0);
        let mut loads: BTreeMap<&ProcessName, u32> = BTreeMap::new();
        for slot in &slots {
            *loads.entry(slot.owner.as_ref().context("a zone without an owner")?).or_default() += cost(slot);
        }
        let total: u32 = costs.values().sum();
        let moved = |after: &[Slot]| {
            let pairs = slots.iter().zip(after).filter(|(old, new)| old.owner != new.owner);
            f64::from(pairs.map(|(old, _)| cost(old)).sum::<u32>()) / f64::from(total)
        };
        let fullest = loads.values().copied().max().unwrap_or(0);
        Ok(ByCost {
            fullest: f64::from(fullest) * count as f64 / f64::from(total),
            joined: moved(&place(slots.clone(), &more)?),
            died: moved(&place(slots.clone(), &nodes[..count - 1])?),
        })
    }
}

/// A way to place zones on nodes, by what they cost.
struct ByCost {
    /// Cost of the fullest node, in shares of the fair one.
    fullest: f64,
    /// Part of the cost that moves when a node joins.
    joined: f64,
    /// Part of the cost that moves when a node dies.
    died: f64,
}

impl ByCost {
    fn in_json(&self) -> Value {
        let Self { fullest, joined, died } = self;
        json!({ "fullest": fullest, "moved_on_join": joined, "moved_on_death": died })
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
        let ours = stage.measure(count, |slots, nodes| stage.settle(slots, nodes, &Costs::new()))?;
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
    let skewed = by_cost(&stage, &mut wrong)?;
    for line in &wrong {
        eprintln!("{line}");
    }
    let report = json!({ "seed": seed, "zones": stage.zones.all().len(), "rows": rows, "skewed": skewed, "wrong": wrong });
    if let Some(file) = file {
        std::fs::write(&file, report.to_string()).with_context(|| format!("cannot write {file}"))?;
    }
    println!("{report}");
    Ok(if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The rows by cost.
fn by_cost(stage: &Stage, wrong: &mut Vec<String>) -> anyhow::Result<Vec<Value>> {
    println!("zones that cost 1/rank, {MEAN:.0} % of a tick budget for each node on average");
    println!(
        "nodes   fullest/fair cost: ours, by area, (naive)   dearest zone   cost moved by a join   by a death"
    );
    let mut rows = Vec::new();
    for count in NODES {
        let costs = stage.skewed(count);
        let ours = stage.measure_costs(count, &costs, |slots, nodes| stage.settle(slots, nodes, &costs))?;
        let by_area = |slots, nodes: &[Node]| stage.settle(slots, nodes, &Costs::new());
        let by_area = stage.measure_costs(count, &costs, by_area)?;
        let naive = stage.measure_costs(count, &costs, |_, nodes| Ok(stage.naive(nodes)))?;
        let (total, top): (u32, u32) = (costs.values().sum(), costs.values().copied().max().unwrap_or(0));
        let dearest = f64::from(top) * count as f64 / f64::from(total);
        println!(
            "{count:>5}           {:>13.2} {:>9.2} ({:>5.2})        {dearest:>6.2}        {:>5.1} % ({:>5.1} %)   {:>5.1} % ({:>5.1} %)",
            ours.fullest,
            by_area.fullest,
            naive.fullest,
            100.0 * ours.joined,
            100.0 * naive.joined,
            100.0 * ours.died,
            100.0 * naive.died,
        );
        // nobody can have less than the dearest zone; idle districts are counted, too
        let bound = 1.25_f64.max(1.0 + dearest) + 0.1;
        if ours.fullest > bound || ours.fullest > naive.fullest.max(1.25 + 0.1) {
            wrong.push(format!(
                "{count} nodes: the fullest has {:.2} times its share of the cost, naive hashing {:.2}, bound {bound:.2}",
                ours.fullest, naive.fullest
            ));
        }
        rows.push(json!({
            "nodes": count,
            "placement": ours.in_json(),
            "by_area": by_area.in_json(),
            "naive": naive.in_json(),
            "dearest": dearest,
        }));
    }
    Ok(rows)
}
