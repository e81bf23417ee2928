//! The cluster and its map, in words and in JSON.

use super::{Shift, instance, name_of_owner, owner, unowned, zones_of};
use crate::moment;
use model::calls::cluster::{ClusterReport, Hold, Leased};
use model::membership::{ProcessName, Role};
use placement::{ZoneTable, wished_zones};
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Players = BTreeMap<ProcessName, u64>;

/// Members, wishes and the newest wishes of the log.
pub(super) fn status(report: &ClusterReport, players: &Players) -> String {
    let mut lines = vec![heading(report)];
    lines.push(format!(
        "{:<12} {:<7} {:>18} {:>10} {:>6} {:>6} {:>7}",
        "name", "role", "incarnation", "lease left", "weight", "zones", "players"
    ));
    for leased in &report.members {
        let member = &leased.member;
        let is_node = member.role == Role::TmSrv;
        let zones = if is_node { zones_of(report, &member.name).to_string() } else { String::new() };
        let playing = players.get(&member.name).map(u64::to_string).unwrap_or_default();
        let row = format!(
            "{:<12} {:<7} {:>18x} {:>10} {:>6} {zones:>6} {playing:>7}  {}",
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
        "log": report.log,
    })
}

/// A line for each zone.
pub(super) fn map(report: &ClusterReport) -> String {
    let mut lines = Vec::new();
    let zones = ZoneTable::new(report.table.named_zones.clone());
    lines.push(heading(report));
    lines.push(format!("{:>6}  {:<20} {:<20} {:<12} {:>6}", "zone", "name", "tiles", "owner", "epoch"));
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
        let row = format!("{id:>6}  {name:<20} {tiles:<20} {held:<12} {epoch:>6}  {gone}{wish}");
        lines.push(row.trim_end().to_owned());
    }
    lines.join("\n")
}

/// The map for a program.
pub(super) fn map_in_json(report: &ClusterReport) -> Value {
    let zones = ZoneTable::new(report.table.named_zones.clone());
    let rows = report.table.slots.iter().map(|slot| {
        let name = zones.name(slot.zone);
        let wish = report.wishes.placed.get(&name);
        let area = zones.bounds(slot.zone);
        json!({
            "zone": slot.zone.0,
            "name": name,
            "min": area.map(|area| [area.min.x, area.min.y]),
            "max": area.map(|area| [area.max.x, area.max.y]),
            "owner": slot.owner.as_ref().map(ProcessName::as_str),
            "epoch": slot.epoch.0,
            "live": owner(report, slot).is_some(),
            "pinned": wish.is_some_and(|placed| placed.hold == Hold::Pinned),
            "moved": wish.is_some_and(|placed| placed.hold == Hold::Moved),
        })
    });
    json!({ "version": report.table.version, "zones": rows.collect::<Vec<_>>() })
}

/// What would move.
pub(super) fn shifts(report: &ClusterReport, shifts: &[Shift<'_>]) -> String {
    let mut lines = Vec::new();
    let zones = wished_zones(report);
    for Shift { old, new } in shifts {
        let (from, to) = (name_of_owner(*old), name_of_owner(Some(new)));
        lines.push(format!("zone {} would go from {from} to {to}", zones.name(new.zone)));
    }
    for (node, [now, then]) in loads(report, shifts) {
        lines.push(format!("{node}: {now} zones now, {then} then"));
    }
    lines.join("\n")
}

/// Zones of each node, now and then.
fn loads(report: &ClusterReport, shifts: &[Shift<'_>]) -> BTreeMap<String, [usize; 2]> {
    let mut loads: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for member in report.live().filter(|member| member.role == Role::TmSrv) {
        loads.entry(member.name.to_string()).or_default();
    }
    for slot in &report.table.slots {
        let load = loads.entry(name_of_owner(Some(slot)).to_owned()).or_default();
        load[0] += 1;
        load[1] += 1;
    }
    for Shift { old, new } in shifts {
        if old.is_some() {
            loads.entry(name_of_owner(*old).to_owned()).or_default()[1] -= 1;
        }
        loads.entry(name_of_owner(Some(new)).to_owned()).or_default()[1] += 1;
    }
    loads
}

/// What would move, for a program.
pub(super) fn shifts_in_json(report: &ClusterReport, shifts: &[Shift<'_>]) -> Value {
    let zones = wished_zones(report);
    let moves = shifts.iter().map(|Shift { old, new }| {
        json!({
            "zone": new.zone.0,
            "name": zones.name(new.zone),
            "from": old.and_then(|slot| slot.owner.as_ref()).map(ProcessName::as_str),
            "to": new.owner.as_ref().map(ProcessName::as_str),
        })
    });
    let nodes = loads(report, shifts)
        .into_iter()
        .map(|(node, [now, then])| json!({ "node": node, "zones": now, "then": then }));
    json!({ "moves": moves.collect::<Vec<_>>(), "nodes": nodes.collect::<Vec<_>>() })
}
