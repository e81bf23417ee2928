//! Wishes for instances: whether one may be opened, and what is told of it.

use super::{Change, found};
use crate::instances::{instance_name, zone_of};
use crate::zones::ZoneTable;
use model::OperationId;
use model::calls::cluster::{
    CloseReason, ClusterReport, Guest, Instance, InstanceLimits, Wish, WishGranted, WishRefusal, Wishes,
};
use model::social::PARTY_MAX;
use std::collections::BTreeSet;

/// Shortest life, in seconds.
const LIFE_MIN_S: u32 = 5;
/// Bounds of the bounds.
const OPEN_MOST: u32 = 10_000;
const PER_PLAYER_MOST: u32 = 16;
const LIFE_MOST_S: u32 = 24 * 3_600;
const EMPTY_MOST_S: u32 = 3_600;

pub(super) fn open(
    zones: &ZoneTable,
    wishes: &mut Wishes,
    now_ms: i64,
    (place, life_s, guests): (&str, u32, &[Guest]),
) -> Result<Change, WishRefusal> {
    let limits = wishes.limits;
    let Some(place) = zones.place(place) else {
        let whole = zones.named().iter().filter(|zone| zones.place(&zone.name).is_some());
        return Err(WishRefusal(format!(
            "there is no place `{place}` to open an instance of; expected a named zone of the content: {}",
            found(whole.map(|zone| format!("`{}`", zone.name)))
        )));
    };
    if !(LIFE_MIN_S..=limits.life_max_s).contains(&life_s) {
        return Err(WishRefusal(format!(
            "an instance cannot live for {life_s} s; expected {LIFE_MIN_S} to {} s",
            limits.life_max_s
        )));
    }
    let different: BTreeSet<u64> = guests.iter().map(|guest| guest.character.0).collect();
    if !(1..=PARTY_MAX).contains(&guests.len()) || different.len() != guests.len() {
        return Err(WishRefusal(format!(
            "an instance cannot be opened for {} players, {} of them different; expected 1 to {PARTY_MAX} different ones",
            guests.len(),
            different.len()
        )));
    }
    if wishes.instances.len() >= limits.open_max as usize {
        return Err(WishRefusal(format!(
            "{} instances are open, and there may be {}; see `wydbr cluster instance limits`",
            wishes.instances.len(),
            limits.open_max
        )));
    }
    for guest in guests {
        let is_in = |open: &&Instance| open.guests.iter().any(|other| other.character == guest.character);
        let in_others = wishes.instances.values().filter(is_in).count();
        if in_others >= limits.per_player_max as usize {
            return Err(WishRefusal(format!(
                "{} is a guest of {in_others} open instances, and a player may be of {}",
                guest.name, limits.per_player_max
            )));
        }
    }
    let mut id = wishes.last_instance + 1;
    while wishes.instances.keys().any(|other| zone_of(*other) == zone_of(id)) {
        id += 1; // after a million of them: its zone would have the number of one that is open
    }
    wishes.last_instance = id;
    let place = place.name.clone();
    let until_ms = now_ms + i64::from(life_s) * 1_000;
    let open = Instance { place, opened_ms: now_ms, until_ms, guests: guests.to_vec() };
    let after = told(id, &open, now_ms);
    wishes.instances.insert(id, open);
    let undo = Wish::CloseInstance { instance: id, why: CloseReason::Wished };
    Ok(("not open".to_owned(), after, vec![undo]))
}

/// What to say of an instance that the same operation has opened before.
pub fn opened_before(report: &ClusterReport, instance: u64) -> WishGranted {
    let open = report.wishes.instances.get(&instance);
    let after = match open {
        Some(open) => told(instance, open, report.now_ms),
        None => format!("instance {instance} is closed already"),
    };
    let undo = Wish::CloseInstance { instance, why: CloseReason::Wished };
    let undo = open.map(|_| undo).into_iter().collect();
    WishGranted { changed: false, before: after.clone(), after, undo }
}

pub(super) fn close(
    wishes: &mut Wishes,
    now_ms: i64,
    instance: u64,
    why: CloseReason,
) -> Result<Change, WishRefusal> {
    let Some(open) = wishes.instances.remove(&instance) else {
        if (1..=wishes.last_instance).contains(&instance) {
            let closed = format!("instance {instance} is closed");
            return Ok((closed.clone(), closed, Vec::new()));
        }
        let open = wishes.instances.iter().map(|(id, open)| format!("`{}`", instance_name(&open.place, *id)));
        return Err(WishRefusal(format!("there is no instance {instance}; open: {}", found(open))));
    };
    let before = told(instance, &open, now_ms);
    let name = instance_name(&open.place, instance);
    wishes.placed.remove(&name);
    let left_s = u32::try_from((open.until_ms - now_ms) / 1_000).unwrap_or(0);
    let again = Wish::OpenInstance {
        // closing and opening again is another opening, and always the same one
        operation: OperationId((u128::from(instance) << 64) | u128::from(open.until_ms.unsigned_abs())),
        place: open.place,
        life_s: left_s,
        guests: open.guests,
    };
    let undo = (left_s >= LIFE_MIN_S).then_some(again);
    Ok((before, format!("{name} is closed ({})", why.name()), undo.into_iter().collect()))
}

pub(super) fn limit(wishes: &mut Wishes, limits: InstanceLimits) -> Result<Change, WishRefusal> {
    let InstanceLimits { open_max, per_player_max, life_max_s, empty_s } = limits;
    let bounds = [
        ("open instances", open_max, 0, OPEN_MOST),
        ("open instances of one player", per_player_max, 1, PER_PLAYER_MOST),
        ("the longest life, in seconds", life_max_s, LIFE_MIN_S, LIFE_MOST_S),
        ("seconds without players", empty_s, 1, EMPTY_MOST_S),
    ];
    for (what, value, least, most) in bounds {
        if !(least..=most).contains(&value) {
            return Err(WishRefusal(format!("{what}: found {value}, expected {least} to {most}")));
        }
    }
    let before = std::mem::replace(&mut wishes.limits, limits);
    Ok((bounded(before), bounded(limits), vec![Wish::LimitInstances { limits: before }]))
}

fn told(id: u64, open: &Instance, now_ms: i64) -> String {
    let names: Vec<&str> = open.guests.iter().map(|guest| guest.name.as_str()).collect();
    let left_s = ((open.until_ms - now_ms) / 1_000).max(0);
    format!("{} for {}, {left_s} s left", instance_name(&open.place, id), names.join(", "))
}

fn bounded(limits: InstanceLimits) -> String {
    let InstanceLimits { open_max, per_player_max, life_max_s, empty_s } = limits;
    format!(
        "{open_max} instances, {per_player_max} of one player, {life_max_s} s at most, closed after {empty_s} s without players"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::wishes::{judge, wished_zones};
    use model::calls::cluster::{
        CloseReason, ClusterReport, Guest, InstanceLimits, Wish, WishGranted, Wishes,
    };
    use model::membership::{NamedZone, SlotTable};
    use model::{CharacterId, OperationId, Rect, Tile};

    fn report() -> ClusterReport {
        let area = Rect::new(Tile::new(128, 3712), Tile::new(511, 4091));
        let named_zones = vec![NamedZone { name: "Dungeon 1".into(), area }];
        let table = SlotTable { version: 3, named_zones, slots: Vec::new() };
        ClusterReport { table, now_ms: 5_000, ..ClusterReport::default() }
    }

    fn guests(of: &[u64]) -> Vec<Guest> {
        of.iter().map(|id| Guest { character: CharacterId(*id), name: format!("hero{id}") }).collect()
    }

    fn open(place: &str, life_s: u32, of: &[u64]) -> Wish {
        Wish::OpenInstance { operation: OperationId(1), place: place.into(), life_s, guests: guests(of) }
    }

    fn close(instance: u64) -> Wish {
        Wish::CloseInstance { instance, why: CloseReason::Wished }
    }

    fn grant(report: &mut ClusterReport, wish: &Wish) -> WishGranted {
        let judged = judge(report, wish).unwrap();
        report.wishes = judged.wishes;
        judged.granted
    }

    fn refusal(report: &ClusterReport, wish: &Wish) -> String {
        judge(report, wish).unwrap_err().to_string()
    }

    #[test]
    fn numbers_grow_and_come_once() {
        let mut report = report();
        let granted = grant(&mut report, &open("dungeon 1", 60, &[7, 8]));
        assert_eq!(granted.after, "Dungeon 1#1 for hero7, hero8, 60 s left");
        assert_eq!(granted.undo, [close(1)]);
        let zones = wished_zones(&report);
        assert!(zones.zone_of_instance(1).is_some() && zones.zone_of_instance(2).is_none());
        report.now_ms += 20_000;
        let closed = grant(&mut report, &close(1));
        assert_eq!(closed.after, "Dungeon 1#1 is closed (wished)");
        assert!(
            matches!(&closed.undo[..], [Wish::OpenInstance { life_s: 40, guests, .. }] if guests.len() == 2)
        );
        assert!(!grant(&mut report, &close(1)).changed, "it is closed already");
        assert_eq!(grant(&mut report, &closed.undo[0]).undo, [close(2)]);
    }

    #[test]
    fn a_placed_instance_leaves_no_wish_behind() {
        let mut report = report();
        grant(&mut report, &open("Dungeon 1", 60, &[7]));
        let node = model::membership::ProcessName("tmsrv-1".into());
        let placed = model::calls::cluster::Placed { node, hold: model::calls::cluster::Hold::Moved };
        report.wishes.placed.insert("Dungeon 1#1".into(), placed);
        assert!(
            refusal(
                &report,
                &Wish::Split { zone: "Dungeon 1#1".into(), by: model::calls::cluster::CutBy::Cost }
            )
            .contains("instances are not cut")
        );
        grant(&mut report, &close(1));
        assert_eq!(report.wishes.placed, Wishes::default().placed);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_was_found_and_expected() {
        let mut report = report();
        let told = refusal(&report, &open("Dungeon 9", 60, &[7]));
        assert!(told.contains("no place `Dungeon 9`") && told.ends_with("`Dungeon 1`"), "{told}");
        assert!(refusal(&report, &open("block 1,1", 60, &[7])).contains("no place"));
        assert!(refusal(&report, &open("Dungeon 1", 4, &[7])).contains("for 4 s; expected 5 to 14400 s"));
        assert!(refusal(&report, &open("Dungeon 1", 14_401, &[7])).contains("expected 5 to 14400"));
        assert!(refusal(&report, &open("Dungeon 1", 60, &[])).contains("for 0 players"));
        assert!(refusal(&report, &open("Dungeon 1", 60, &[7, 7])).contains("2 players, 1 of them different"));
        let fourteen: Vec<u64> = (1..=14).collect();
        assert!(refusal(&report, &open("Dungeon 1", 60, &fourteen)).contains("expected 1 to 13"));
        grant(&mut report, &open("Dungeon 1", 60, &[7, 8]));
        let told = refusal(&report, &open("Dungeon 1", 60, &[9, 8]));
        assert!(told.contains("hero8 is a guest of 1 open instances, and a player may be of 1"), "{told}");
        let limits = InstanceLimits { open_max: 1, ..InstanceLimits::default() };
        let granted = grant(&mut report, &Wish::LimitInstances { limits });
        assert_eq!(granted.undo, [Wish::LimitInstances { limits: InstanceLimits::default() }]);
        let told = refusal(&report, &open("Dungeon 1", 60, &[9]));
        assert!(told.contains("1 instances are open, and there may be 1"), "{told}");
        let limits = InstanceLimits { empty_s: 0, ..limits };
        let told = refusal(&report, &Wish::LimitInstances { limits });
        assert!(told.contains("found 0, expected 1 to 3600"), "{told}");
        assert!(refusal(&report, &close(9)).contains("no instance 9; open: `Dungeon 1#1`"));
    }
}
