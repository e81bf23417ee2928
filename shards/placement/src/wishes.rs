//! Wishes of the operator: whether one can be followed, and what it changes.

mod instance;

pub use instance::opened_before;

use crate::instances::{instance_name, is_instance};
use crate::parts::SIDE_MIN;
use crate::plan::nodes_of;
use crate::weights::recount;
use crate::zones::ZoneTable;
use model::ZoneId;
use model::calls::cluster::{ClusterReport, CutBy, Hold, Placed, Wish, WishGranted, WishRefusal, Wishes};
use model::membership::{ProcessName, Role};
use std::collections::BTreeSet;

/// Names that a refusal tells at most.
const NAMES: usize = 8;

/// A wish that can be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What holds from now on.
    pub wishes: Wishes,
    /// What to tell the operator.
    pub granted: WishGranted,
}

/// Judges a wish by what the cluster is at that moment.
///
/// A drain outranks a pin: what is pinned to a drained node comes back when the drain ends.
pub fn judge(report: &ClusterReport, wish: &Wish) -> Result<Judged, WishRefusal> {
    let zones = wished_zones(report);
    let mut wishes = report.wishes.clone();
    let (before, after, undo) = match wish {
        Wish::Drain { node } => drain(report, &mut wishes, node)?,
        Wish::Join { node } => join(report, &mut wishes, node)?,
        Wish::Move { zone, node } => place(report, &zones, &mut wishes, zone, (node, Hold::Moved))?,
        Wish::Pin { zone, node } => place(report, &zones, &mut wishes, zone, (node, Hold::Pinned))?,
        Wish::Unpin { zone } => unpin(&zones, &mut wishes, zone)?,
        Wish::Rebalance => rebalance(report, &mut wishes),
        Wish::Split { zone, by } => split(&zones, &mut wishes, zone, *by)?,
        Wish::Merge { zone } => merge(&zones, &mut wishes, zone)?,
        Wish::OpenInstance { place, life_s, guests, .. } => {
            instance::open(&zones, &mut wishes, report.now_ms, (place, *life_s, guests))?
        }
        Wish::CloseInstance { instance, why } => {
            instance::close(&mut wishes, report.now_ms, *instance, *why)?
        }
        Wish::LimitInstances { limits } => instance::limit(&mut wishes, *limits)?,
    };
    let recounts = *wish == Wish::Rebalance && counted_otherwise(report, &wishes) > 0;
    let changed = wishes != report.wishes || recounts;
    wishes.version += u64::from(changed);
    let undo = if changed { undo } else { Vec::new() };
    Ok(Judged { wishes, granted: WishGranted { changed, before, after, undo } })
}

/// The map of a cluster as it is to be cut; the stored table follows.
pub fn wished_zones(report: &ClusterReport) -> ZoneTable {
    let now = ZoneTable::new(report.table.named_zones.clone());
    wished(&now, &report.wishes)
}

/// A map of the same content, cut and with the instances as they are wished.
pub fn wished(zones: &ZoneTable, wishes: &Wishes) -> ZoneTable {
    let open = wishes.instances.iter().map(|(id, open)| instance_name(&open.place, *id));
    let open: Vec<String> = open.collect();
    let cut = zones.cut_as(wishes.cut.keys().map(String::as_str));
    cut.with_instances(open.iter().map(String::as_str))
}

/// What was, what is, and how to go back.
type Change = (String, String, Vec<Wish>);

fn drain(report: &ClusterReport, wishes: &mut Wishes, node: &ProcessName) -> Result<Change, WishRefusal> {
    is_usable(report, node)?;
    let before = word(wishes, node);
    wishes.drained.insert(node.clone());
    let others = usable(report).filter(|other| !wishes.drained.contains(other)).count();
    if others == 0 {
        return Err(WishRefusal(format!(
            "draining {node} would leave no node to play the zones; expected another live node that is not drained, \
             found {}",
            found(usable(report).filter(|other| other != node).map(|other| format!("{other} (drained)")))
        )));
    }
    Ok((before, word(wishes, node), vec![Wish::Join { node: node.clone() }]))
}

fn join(report: &ClusterReport, wishes: &mut Wishes, node: &ProcessName) -> Result<Change, WishRefusal> {
    let before = word(wishes, node);
    if !wishes.drained.remove(node) {
        is_usable(report, node)?;
    }
    Ok((before, word(wishes, node), vec![Wish::Drain { node: node.clone() }]))
}

fn word(wishes: &Wishes, node: &ProcessName) -> String {
    let not = if wishes.drained.contains(node) { "" } else { "not " };
    format!("{node} is {not}drained")
}

fn place(
    report: &ClusterReport,
    zones: &ZoneTable,
    wishes: &mut Wishes,
    zone: &str,
    (node, hold): (&ProcessName, Hold),
) -> Result<Change, WishRefusal> {
    is_usable(report, node)?;
    if wishes.drained.contains(node) {
        return Err(WishRefusal(format!(
            "{node} is drained and is given nothing; expected one that is not, or first `wydbr cluster join {node}`"
        )));
    }
    let found = find(zones, zone)?;
    let zone = zones.name(found);
    let owner = report.table.slots.iter().find(|slot| slot.zone == found).and_then(|slot| slot.owner.clone());
    let undo = match owner.filter(|_| is_instance(found) && !wishes.placed.contains_key(&zone)) {
        // the ring does not take it back
        Some(node) => Wish::Move { zone: zone.clone(), node },
        None => back(wishes, &zone),
    };
    let before = whose(wishes, &zone);
    wishes.placed.insert(zone.clone(), Placed { node: node.clone(), hold });
    Ok((before, whose(wishes, &zone), vec![undo]))
}

fn unpin(zones: &ZoneTable, wishes: &mut Wishes, zone: &str) -> Result<Change, WishRefusal> {
    // also a zone that the content does not have any more
    let known = wishes.placed.keys().find(|name| name.eq_ignore_ascii_case(zone)).cloned();
    let zone = known.map_or_else(|| name_of(zones, zone), Ok)?;
    let undo = back(wishes, &zone);
    let before = whose(wishes, &zone);
    wishes.placed.remove(&zone);
    Ok((before, whose(wishes, &zone), vec![undo]))
}

/// Zones that would be counted as something else now.
fn counted_otherwise(report: &ClusterReport, wishes: &Wishes) -> usize {
    let nodes = nodes_of(report.live(), report.content_hash());
    let (now, then) = (&report.weights.counts.zones, recount(&report.weights.measured, &nodes, wishes).zones);
    let zones: BTreeSet<&String> = now.keys().chain(then.keys()).collect();
    zones.into_iter().filter(|zone| now.get(*zone) != then.get(*zone)).count()
}

fn rebalance(report: &ClusterReport, wishes: &mut Wishes) -> Change {
    let is_moved = |placed: &Placed| placed.hold == Hold::Moved;
    let moved: Vec<String> =
        wishes.placed.iter().filter(|(_, placed)| is_moved(placed)).map(|(zone, _)| zone.clone()).collect();
    let tell = |wishes: &Wishes| {
        let texts: Vec<String> = moved.iter().map(|zone| whose(wishes, zone)).collect();
        if texts.is_empty() { "no zone was moved by an operator".to_owned() } else { texts.join("; ") }
    };
    let before = tell(wishes);
    let undo = moved.iter().map(|zone| back(wishes, zone)).collect();
    wishes.placed.retain(|_, placed| !is_moved(placed));
    let after = match counted_otherwise(report, wishes) {
        0 => tell(wishes),
        count => format!("{}; {count} zones are counted by what they cost now", tell(wishes)),
    };
    (before, after, undo)
}

fn split(zones: &ZoneTable, wishes: &mut Wishes, text: &str, by: CutBy) -> Result<Change, WishRefusal> {
    let zone = find(zones, text)?;
    if is_instance(zone) {
        return Err(WishRefusal(format!("{} is an instance, and instances are not cut", zones.name(zone))));
    }
    let Some((cut, part)) = zones.cut(zone) else {
        return Err(WishRefusal(format!(
            "{} cannot be cut: found {}, expected a longer side of at least {} tiles and fewer parts",
            zones.name(zone),
            size_of(zones, zone),
            2 * SIDE_MIN
        )));
    };
    let (before, part_name) = (size_of(zones, zone), cut.name(part));
    let after = format!("{} and {}", size_of(&cut, zone), size_of(&cut, part));
    wishes.cut.insert(part_name.clone(), by);
    Ok((before, after, vec![Wish::Merge { zone: part_name }]))
}

fn merge(zones: &ZoneTable, wishes: &mut Wishes, text: &str) -> Result<Change, WishRefusal> {
    let zone = find(zones, text)?;
    let Some((joined, both, gone)) = zones.join(zone) else {
        let parts: Vec<_> = zones.parts().map(|part| format!("`{}`", zones.name(part))).collect();
        return Err(WishRefusal(format!(
            "{} is not one of two halves that are whole themselves; parts at present: {}",
            zones.name(zone),
            found(parts.into_iter())
        )));
    };
    let gone_name = zones.name(gone);
    let before = format!("{} and {}", size_of(zones, both), size_of(zones, gone));
    let by = wishes.cut.remove(&gone_name).unwrap_or(CutBy::Operator);
    let mut undo = vec![Wish::Split { zone: joined.name(both), by }];
    if wishes.placed.contains_key(&gone_name) {
        undo.push(back(wishes, &gone_name));
        wishes.placed.remove(&gone_name);
    }
    Ok((before, size_of(&joined, both), undo))
}

/// As `Armia of 120 x 112 tiles`.
fn size_of(zones: &ZoneTable, zone: ZoneId) -> String {
    let sides =
        zones.bounds(zone).map_or((0, 0), |area| (area.max.x - area.min.x + 1, area.max.y - area.min.y + 1));
    format!("{} of {} x {} tiles", zones.name(zone), sides.0, sides.1)
}

fn whose(wishes: &Wishes, zone: &str) -> String {
    match wishes.placed.get(zone) {
        Some(placed) => format!("{zone} is {} to {}", placed.hold.name(), placed.node),
        None => format!("{zone} is where the ring wants it"),
    }
}

/// The wish that puts a zone back where it is wished now.
fn back(wishes: &Wishes, zone: &str) -> Wish {
    let zone = zone.to_owned();
    match wishes.placed.get(&zone) {
        None => Wish::Unpin { zone },
        Some(Placed { node, hold: Hold::Moved }) => Wish::Move { zone, node: node.clone() },
        Some(Placed { node, hold: Hold::Pinned }) => Wish::Pin { zone, node: node.clone() },
    }
}

fn name_of(zones: &ZoneTable, text: &str) -> Result<String, WishRefusal> {
    find(zones, text).map(|zone| zones.name(zone))
}

fn find(zones: &ZoneTable, text: &str) -> Result<ZoneId, WishRefusal> {
    zones.find(text).ok_or_else(|| {
        let known = zones.named().iter().map(|zone| format!("`{}`", zone.name));
        WishRefusal(format!(
            "there is no zone `{text}`; expected a name or number as `wydbr cluster map` prints it, like `block 8,8`, {}",
            found(known)
        ))
    })
}

/// Live nodes on the content of the cluster.
fn usable(report: &ClusterReport) -> impl Iterator<Item = ProcessName> {
    nodes_of(report.live(), report.content_hash()).into_iter().map(|node| node.name)
}

fn is_usable(report: &ClusterReport, node: &ProcessName) -> Result<(), WishRefusal> {
    let nodes = || report.live().filter(|member| member.role == Role::TmSrv);
    let Some(member) = nodes().find(|member| member.name == *node) else {
        return Err(WishRefusal(format!(
            "there is no live node `{node}`; expected one of: {}",
            found(nodes().map(|member| member.name.to_string()))
        )));
    };
    match report.content_hash() {
        Some(wanted) if wanted != member.content_hash => Err(WishRefusal(format!(
            "{node} runs on other content and is given no zones: found {:016x}, expected {wanted:016x}",
            member.content_hash
        ))),
        _ => Ok(()),
    }
}

fn found(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (_, 0) => names.join(", "),
        _ => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::calls::cluster::Leased;
    use model::membership::{Member, NamedZone, SlotTable};
    use model::{Incarnation, Rect, Tile};

    fn node(index: usize) -> ProcessName {
        ProcessName::numbered(Role::TmSrv, index)
    }

    fn leased(index: usize, content_hash: u64, left_ms: i64) -> Leased {
        let nowhere = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let member = Member {
            name: node(index),
            role: Role::TmSrv,
            incarnation: Incarnation(1),
            link: nowhere,
            http: nowhere,
            weight: 1,
            content_hash,
        };
        Leased { member, left_ms }
    }

    /// Two nodes, one on other content, one whose lease has ended.
    fn report() -> ClusterReport {
        let area = Rect::new(Tile::new(2048, 1920), Tile::new(2303, 2303));
        let named_zones = vec![NamedZone { name: "Armia".into(), area }];
        ClusterReport {
            members: vec![leased(1, 7, 900), leased(2, 7, 2_000), leased(3, 8, 2_000), leased(4, 7, -5)],
            controller: Some(node(1)),
            table: SlotTable { version: 3, named_zones, slots: Vec::new() },
            ..ClusterReport::default()
        }
    }

    fn grant(report: &mut ClusterReport, wish: &Wish) -> WishGranted {
        let judged = judge(report, wish).unwrap();
        report.wishes = judged.wishes;
        judged.granted
    }

    fn refusal(report: &ClusterReport, wish: &Wish) -> String {
        judge(report, wish).unwrap_err().to_string()
    }

    fn pin(zone: &str, index: usize) -> Wish {
        Wish::Pin { zone: zone.into(), node: node(index) }
    }

    fn split(zone: &str) -> Wish {
        Wish::Split { zone: zone.into(), by: CutBy::Cost }
    }

    #[test]
    fn a_cut_tells_its_halves_and_is_refused_where_they_would_be_too_narrow() {
        let mut report = report();
        let granted = grant(&mut report, &split("armia"));
        assert_eq!(granted.before, "Armia of 256 x 384 tiles");
        assert_eq!(granted.after, "Armia of 256 x 192 tiles and Armia/3 of 256 x 192 tiles");
        assert_eq!(
            wished_zones(&report).name(wished_zones(&report).zone_at(Tile::new(2100, 2200))),
            "Armia/3"
        );
        let again = grant(&mut report, &split("armia"));
        assert_eq!(again.after, "Armia of 128 x 192 tiles and Armia/5 of 128 x 192 tiles");
        let told = refusal(&report, &Wish::Merge { zone: "Armia/3".into() });
        assert!(told.contains("parts at present: `Armia/3`, `Armia/5`"), "{told}");
        for _ in 0..4 {
            grant(&mut report, &split("Armia"));
        }
        let told = refusal(&report, &split("Armia"));
        assert!(
            told.contains("found Armia of 32 x 48 tiles, expected a longer side of at least 64"),
            "{told}"
        );
    }

    #[test]
    fn every_wish_can_be_undone_by_what_it_names() {
        let moved = |zone: &str, index| Wish::Move { zone: zone.into(), node: node(index) };
        let wishes = [
            pin("armia", 2),
            pin("Armia", 1),
            moved("block 8,8", 2),
            moved("Armia", 2),
            Wish::Rebalance,
            split("Armia"),
            moved("armia/3", 2),
            split("Armia/3"),
            Wish::Merge { zone: "Armia/7".into() },
            Wish::Merge { zone: "Armia".into() },
            Wish::Drain { node: node(2) },
        ];
        let mut report = report();
        let mut trail = Vec::new();
        for wish in &wishes {
            let before = report.wishes.clone();
            let granted = grant(&mut report, wish);
            assert!(granted.changed && report.wishes.version == before.version + 1, "{wish}");
            trail.push((before, granted.undo));
        }
        for (before, undo) in trail.into_iter().rev() {
            for wish in &undo {
                grant(&mut report, wish);
            }
            let (now, then) = (&report.wishes, &before);
            let all = |wishes: &Wishes| (wishes.drained.clone(), wishes.placed.clone(), wishes.cut.clone());
            assert_eq!(all(now), all(then), "{undo:?}");
        }
    }

    #[test]
    fn what_is_so_already_changes_nothing() {
        let mut report = report();
        for wish in [Wish::Drain { node: node(2) }, Wish::Join { node: node(2) }] {
            assert!(grant(&mut report, &wish).changed);
            let again = grant(&mut report, &wish);
            assert!(!again.changed && again.undo.is_empty() && again.before == again.after);
        }
        assert!(!grant(&mut report, &Wish::Unpin { zone: "Armia".into() }).changed);
        assert!(!grant(&mut report, &Wish::Rebalance).changed);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_was_found_and_expected() {
        let mut report = report();
        let told = refusal(&report, &Wish::Drain { node: node(9) });
        assert_eq!(told, "there is no live node `tmsrv-9`; expected one of: tmsrv-1, tmsrv-2, tmsrv-3");
        assert!(refusal(&report, &pin("Armia", 4)).contains("no live node"), "its lease has ended");
        let told = refusal(&report, &pin("Armia", 3));
        assert!(told.contains("found 0000000000000008, expected 0000000000000007"), "{told}");
        let told = refusal(&report, &pin("Armai", 1));
        assert!(told.contains("no zone `Armai`") && told.contains("`Armia`"), "{told}");
        grant(&mut report, &Wish::Drain { node: node(2) });
        let told = refusal(&report, &Wish::Drain { node: node(1) });
        assert!(told.contains("would leave no node") && told.contains("found tmsrv-2 (drained)"), "{told}");
        assert!(refusal(&report, &pin("Armia", 2)).contains("tmsrv-2 is drained"));
        assert!(refusal(&report, &Wish::Join { node: node(9) }).contains("no live node"));
        assert_eq!(report.wishes.version, 1, "a refusal changes nothing");
    }

    #[test]
    fn a_drain_ends_although_its_node_is_gone() {
        let mut report = report();
        grant(&mut report, &Wish::Drain { node: node(2) });
        report.members.remove(1);
        assert!(grant(&mut report, &Wish::Join { node: node(2) }).changed);
    }
}
