//! The cluster and its map, in words and in JSON.

use super::{Shift, instance, name_of_owner, owner, unowned, zones_of};
use crate::moment;
use model::calls::cluster::{ClusterReport, Hold, Leased};
use model::calls::weights::{Counted, Counts, Weights};
use model::membership::{ProcessName, Role, Slot};
use placement::{ZoneTable, wished_zones};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Zones that `status` tells the cost of.
const DEAREST: usize = 10;

type Players = BTreeMap<ProcessName, u64>;

/// Members, wishes and the newest wishes of the log.
pub(super) fn status(report: &ClusterReport, players: &Players) -> String {
    let mut lines = vec![heading(report)];
    lines.push(format!(
        "{:<12} {:<7} {:>18} {:>10} {:>6} {:>6} {:>6} {:>7}",
        "name", "role", "incarnation", "lease left", "weight", "zones", "cost", "players"
    ));
    let costs = costs_of_nodes(report);
    for leased in &report.members {
        let member = &leased.member;
        let is_node = member.role == Role::TmSrv;
        let zones = if is_node { zones_of(report, &member.name).to_string() } else { String::new() };
        let cost = if is_node { percent(costs.get(&member.name).copied()) } else { String::new() };
        let playing = players.get(&member.name).map(u64::to_string).unwrap_or_default();
        let row = format!(
            "{:<12} {:<7} {:>18x} {:>10} {:>6} {zones:>6} {cost:>6} {playing:>7}  {}",
            member.name.as_str(),
            member.role.program(),
            member.incarnation.0,
            lease(leased),
            member.weight,
            remarks(report, leased).join(", "),
        );
        lines.push(row.trim_end().to_owned());
    }
    for (zone, placed) in &report.wishes.placed {
        lines.push(format!("zone {zone} is {} to {}", placed.hold.name(), placed.node));
    }
    for (part, by) in &report.wishes.cut {
        lines.push(format!("zone {part} is cut off by {}", by.name()));
    }
    lines.extend(dearest(report));
    lines.extend(instance::lines(report));
    for wish in &report.log {
        let ago = (moment::now_ms() - wish.at_ms).max(0) / 1_000;
        lines.push(format!(
            "wish {}, {ago} s ago, by {}: {} (before: {})",
            wish.number, wish.by, wish.wish, wish.before
        ));
    }
    lines.join("\n")
}

/// Percent of the tick budget of a game thread that the zones of each node are measured to cost.
fn costs_of_nodes(report: &ClusterReport) -> BTreeMap<ProcessName, u32> {
    let zones = ZoneTable::new(report.table.named_zones.clone());
    let mut costs = BTreeMap::new();
    for slot in &report.table.slots {
        if let (Some(owner), Some(cost)) = (&slot.owner, report.weights.measured.get(&zones.name(slot.zone)))
        {
            *costs.entry(owner.clone()).or_default() += cost;
        }
    }
    costs
}

fn percent(cost: Option<u32>) -> String {
    format!("{} %", cost.unwrap_or(0))
}

/// The dearest zones, and what the ring counts them as.
fn dearest(report: &ClusterReport) -> Vec<String> {
    let Weights { measured, counts } = &report.weights;
    let names: BTreeSet<&String> = measured.keys().chain(counts.zones.keys()).collect();
    let cost = |zone: &String| measured.get(zone).copied();
    let counted = |zone: &String| counts.zones.get(zone).map(|counted| counted.cost);
    let mut zones: Vec<&String> = names.into_iter().collect();
    zones.sort_by_key(|zone| Reverse(cost(zone).max(counted(zone))));
    let line = |zone: &&String| {
        let (cost, counted) = (percent(cost(zone)), percent(counted(zone)));
        format!("zone {zone} costs {cost} of a game thread and is counted as {counted}")
    };
    let mut lines: Vec<String> = zones.iter().take(DEAREST).map(line).collect();
    if zones.len() > DEAREST {
        lines.push(format!("{} zones more cost something: see `map`", zones.len() - DEAREST));
    }
    lines
}

fn heading(report: &ClusterReport) -> String {
    let zones = report.table.slots.len();
    let owners = match (zones, unowned(report)) {
        (0, _) => "no slot table yet".to_owned(),
        (_, 0) => format!("{zones} zones, each has a live owner"),
        (_, without) => format!("{zones} zones, {without} WITHOUT A LIVE OWNER"),
    };
    let controller = report.controller.as_ref().map_or("nobody", ProcessName::as_str);
    format!("table {}: {owners}; controller: {controller}", report.table.version)
}

fn lease(leased: &Leased) -> String {
    match leased.left_ms {
        left if left > 0 => format!("{:.1} s", left as f64 / 1_000.0),
        _ => "ended".to_owned(),
    }
}

fn remarks(report: &ClusterReport, leased: &Leased) -> Vec<&'static str> {
    let member = &leased.member;
    let mut remarks = Vec::new();
    if report.controller.as_ref() == Some(&member.name) {
        remarks.push("controller");
    }
    if report.wishes.drained.contains(&member.name) {
        remarks.push(if zones_of(report, &member.name) == 0 { "drained" } else { "draining" });
    }
    if is_strange(report, leased) {
        remarks.push("other content: is given nothing");
    }
    remarks
}

fn is_strange(report: &ClusterReport, leased: &Leased) -> bool {
    let differs = report.content_hash().is_some_and(|wanted| wanted != leased.member.content_hash);
    leased.member.role == Role::TmSrv && differs
}

/// Everything for a program.
pub(super) fn status_in_json(report: &ClusterReport, players: &Players) -> Value {
    let costs = costs_of_nodes(report);
    let members = report.members.iter().map(|leased| {
        let member = &leased.member;
        let is_node = member.role == Role::TmSrv;
        json!({
            "name": member.name.as_str(),
            "role": member.role.program(),
            "incarnation": member.incarnation.0,
            "link": member.link,
            "http": member.http,
            "weight": member.weight,
            "content": is_node.then(|| format!("{:016x}", member.content_hash)),
            "other_content": is_strange(report, leased),
            "lease_left_ms": leased.left_ms,
            "live": leased.left_ms > 0,
            "zones": is_node.then(|| zones_of(report, &member.name)),
            "cost_percent": is_node.then(|| costs.get(&member.name).copied().unwrap_or(0)),
            "players": players.get(&member.name),
            "drained": report.wishes.drained.contains(&member.name),
        })
    });
    let placed = report.wishes.placed.iter().map(
        |(zone, placed)| json!({ "zone": zone, "node": placed.node.as_str(), "hold": placed.hold.name() }),
    );
    let cut = report.wishes.cut.iter().map(|(part, by)| json!({ "part": part, "by": by.name() }));
    json!({
        "version": report.table.version,
        "controller": report.controller.as_ref().map(ProcessName::as_str),
        "zones": report.table.slots.len(),
        "zones_without_owner": unowned(report),
        "members": members.collect::<Vec<_>>(),
        "drained": report.wishes.drained.iter().map(ProcessName::as_str).collect::<Vec<_>>(),
        "placed": placed.collect::<Vec<_>>(),
        "cut": cut.collect::<Vec<_>>(),
        "instances": instance::in_json(report),
        "costs": report.weights.measured,
        "counted": counted_in_json(&report.weights.counts),
        "counted_for": report.weights.counts.nodes.iter().map(ProcessName::as_str).collect::<Vec<_>>(),
        "log": report.log,
    })
}

fn counted_in_json(counts: &Counts) -> Value {
    let counted = |(zone, counted): (&String, &Counted)| {
        let placed = counted.placed.as_ref().map(ProcessName::as_str);
        json!({ "zone": zone, "percent": counted.cost, "placed": placed })
    };
    counts.zones.iter().map(counted).collect()
}

/// A line for each zone.
pub(super) fn map(report: &ClusterReport) -> String {
    let mut lines = Vec::new();
    let zones = ZoneTable::new(report.table.named_zones.clone());
    lines.push(heading(report));
    lines.push(format!(
        "{:>6}  {:<20} {:<20} {:<12} {:>6} {:>6} {:>8}",
        "zone", "name", "tiles", "owner", "epoch", "cost", "counted"
    ));
    for slot in &report.table.slots {
        let tiles = zones.bounds(slot.zone).map_or_else(String::new, |area| {
            format!("{},{}-{},{}", area.min.x, area.min.y, area.max.x, area.max.y)
        });
        let name = zones.name(slot.zone);
        let wish = report.wishes.placed.get(&name);
        let wish =
            wish.map(|placed| format!("{} to {}", placed.hold.name(), placed.node)).unwrap_or_default();
        let gone = if owner(report, slot).is_none() { "NO LIVE OWNER " } else { "" };
        let (id, held, epoch) = (slot.zone.0, name_of_owner(Some(slot)), slot.epoch.0);
        let [cost, counted] = costs_of(report, &name).map(|cost| percent(Some(cost)));
        let row = format!(
            "{id:>6}  {name:<20} {tiles:<20} {held:<12} {epoch:>6} {cost:>6} {counted:>8}  {gone}{wish}"
        );
        lines.push(row.trim_end().to_owned());
    }
    lines.join("\n")
}

/// What a zone is measured to cost, and counted as.
fn costs_of(report: &ClusterReport, zone: &str) -> [u32; 2] {
    let Weights { measured, counts } = &report.weights;
    let counted = counts.zones.get(zone).map_or(0, |counted| counted.cost);
    [measured.get(zone).copied().unwrap_or(0), counted]
}

/// The map for a program.
pub(super) fn map_in_json(report: &ClusterReport) -> Value {
    let zones = ZoneTable::new(report.table.named_zones.clone());
    let rows = report.table.slots.iter().map(|slot| {
        let name = zones.name(slot.zone);
        let wish = report.wishes.placed.get(&name);
        let area = zones.bounds(slot.zone);
        let [cost, counted] = costs_of(report, &name);
        json!({
            "zone": slot.zone.0,
            "name": name,
            "min": area.map(|area| [area.min.x, area.min.y]),
            "max": area.map(|area| [area.max.x, area.max.y]),
            "owner": slot.owner.as_ref().map(ProcessName::as_str),
            "epoch": slot.epoch.0,
            "cost_percent": cost,
            "counted_percent": counted,
            "live": owner(report, slot).is_some(),
            "pinned": wish.is_some_and(|placed| placed.hold == Hold::Pinned),
            "moved": wish.is_some_and(|placed| placed.hold == Hold::Moved),
        })
    });
    json!({ "version": report.table.version, "zones": rows.collect::<Vec<_>>() })
}

/// What would move.
pub(super) fn shifts(report: &ClusterReport, shifts: &[Shift<'_>], counts: &Counts) -> String {
    let mut lines = Vec::new();
    let zones = wished_zones(report);
    for Shift { old, new } in shifts {
        let (from, to) = (name_of_owner(*old), name_of_owner(Some(new)));
        lines.push(format!("zone {} would go from {from} to {to}", zones.name(new.zone)));
    }
    for (node, [now, then]) in loads(report, shifts, counts) {
        let Load { zones, cost } = now;
        lines.push(format!(
            "{node}: {zones} zones that cost {cost} % of a game thread now, {} that cost {} % then",
            then.zones, then.cost
        ));
    }
    lines.join("\n")
}

/// What a node has.
#[derive(Clone, Copy, Default)]
struct Load {
    zones: i64,
    /// Percent of the tick budget of a game thread, as zones are counted.
    cost: i64,
}

impl Load {
    fn add(&mut self, cost: i64, times: i64) {
        self.zones += times;
        self.cost += cost * times;
    }
}

/// Load of each node, now and then.
fn loads(report: &ClusterReport, shifts: &[Shift<'_>], counts: &Counts) -> BTreeMap<String, [Load; 2]> {
    let mut loads: BTreeMap<String, [Load; 2]> = BTreeMap::new();
    let zones = wished_zones(report);
    let cost =
        |slot: &Slot| counts.zones.get(&zones.name(slot.zone)).map_or(0, |counted| counted.cost.into());
    for member in report.live().filter(|member| member.role == Role::TmSrv) {
        loads.entry(member.name.to_string()).or_default();
    }
    for slot in &report.table.slots {
        let load = loads.entry(name_of_owner(Some(slot)).to_owned()).or_default();
        load[0].add(cost(slot), 1);
        load[1].add(cost(slot), 1);
    }
    for Shift { old, new } in shifts {
        if let Some(old) = old {
            loads.entry(name_of_owner(Some(old)).to_owned()).or_default()[1].add(cost(old), -1);
        }
        loads.entry(name_of_owner(Some(new)).to_owned()).or_default()[1].add(cost(new), 1);
    }
    loads
}

/// What would move, for a program.
pub(super) fn shifts_in_json(report: &ClusterReport, shifts: &[Shift<'_>], counts: &Counts) -> Value {
    let zones = wished_zones(report);
    let moves = shifts.iter().map(|Shift { old, new }| {
        json!({
            "zone": new.zone.0,
            "name": zones.name(new.zone),
            "from": old.and_then(|slot| slot.owner.as_ref()).map(ProcessName::as_str),
            "to": new.owner.as_ref().map(ProcessName::as_str),
        })
    });
    let nodes = loads(report, shifts, counts).into_iter().map(|(node, [now, then])| {
        json!({
            "node": node,
            "zones": now.zones,
            "then": then.zones,
            "cost_percent": now.cost,
            "cost_percent_then": then.cost,
        })
    });
    json!({
        "moves": moves.collect::<Vec<_>>(),
        "nodes": nodes.collect::<Vec<_>>(),
        "counted": counted_in_json(counts),
    })
}
