//! Tiles to zones: named rectangles first, then blocks of 256 x 256 tiles.

use crate::instances::{self, is_instance, parse_instance};
use crate::parts::{self, Cuts};
use model::membership::{NamedZone, Slot, SlotTable};
use model::place::WORLD_SIDE;
use model::{Epoch, Rect, SoftState, Tile, ZoneId};
use std::collections::BTreeMap;

/// Tiles along one side of a block.
pub const BLOCK_SIDE: u16 = 256;
/// Blocks have ids from here; named zones are numbered from 1.
const FIRST_BLOCK: u32 = 0x1_0000;

/// The division of the map into zones; the same on every process that has the same named zones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneTable {
    /// Those of the content, then the parts that were cut off, then the instances.
    named: Vec<NamedZone>,
    /// How many are of the content.
    whole: usize,
    /// Where zones are cut.
    cuts: BTreeMap<ZoneId, Cuts>,
    /// Zones beside the map.
    instances: BTreeMap<ZoneId, InstanceZone>,
    block_side: u16,
}

/// The zone of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceZone {
    /// Number of the instance.
    pub instance: u64,
    /// The place of which it is a copy, with all tiles of its rectangle.
    pub place: NamedZone,
}

/// Blocks alone.
impl Default for ZoneTable {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl ZoneTable {
    /// From the named zones of the content, in the order that decides overlaps.
    pub fn new(named: Vec<NamedZone>) -> Self {
        Self::of_blocks(named, BLOCK_SIDE)
    }

    /// With blocks of another size, for studies of the placement; the game has blocks of [`BLOCK_SIDE`].
    ///
    /// # Panics
    /// When that many tiles do not divide the side of the world.
    pub fn of_blocks(named: Vec<NamedZone>, block_side: u16) -> Self {
        assert!(
            block_side > 0 && WORLD_SIDE.is_multiple_of(block_side),
            "blocks of {block_side} tiles leave a rest"
        );
        let (cuts, instances) = Default::default();
        let mut table = Self { whole: named.len(), named, cuts, instances, block_side };
        table.tell_apart();
        table
    }

    /// Tiles along one side of a block.
    pub fn block_side(&self) -> u16 {
        self.block_side
    }

    fn blocks_per_side(&self) -> u32 {
        u32::from(WORLD_SIDE / self.block_side)
    }

    /// Tells parts and instances from the zones of the content, by their names.
    fn tell_apart(&mut self) {
        let all = std::mem::take(&mut self.named);
        let is_part = |zone: &NamedZone| {
            parts::parse(&zone.name).is_some_and(|(base, _)| {
                base.starts_with("block ") || all.iter().any(|other| other.name == base)
            })
        };
        let is_open = |zone: &NamedZone| {
            parse_instance(&zone.name).is_some_and(|(place, _)| all.iter().any(|other| other.name == place))
        };
        let (open, others): (Vec<NamedZone>, Vec<NamedZone>) = all.iter().cloned().partition(is_open);
        let (found, of_content): (Vec<NamedZone>, Vec<NamedZone>) = others.into_iter().partition(is_part);
        self.whole = of_content.len();
        self.named = of_content;
        self.open(open.iter().map(|zone| zone.name.as_str()));
        self.divide(found.iter().map(|zone| zone.name.as_str()));
    }

    /// Has instances of these names and no others; names that say nothing here are left out.
    fn open<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let zone = |(place, instance): (&str, u64)| {
            let place = self.place(place)?.clone();
            Some((instances::zone_of(instance), InstanceZone { instance, place }))
        };
        self.instances = names.filter_map(parse_instance).filter_map(zone).collect();
    }

    /// The same map with instances of these names and no others.
    pub fn with_instances<'a>(&self, names: impl Iterator<Item = &'a str>) -> Self {
        let mut table = self.clone();
        table.open(names);
        table.list_parts();
        table
    }

    /// The zone of the content of a name, whatever its case.
    pub fn place(&self, name: &str) -> Option<&NamedZone> {
        let mut of_content = self.named.iter().take(self.whole);
        of_content.find(|zone| zone.name.eq_ignore_ascii_case(name.trim()))
    }

    /// The zones of instances, by the numbers of the zones.
    pub fn instances(&self) -> &BTreeMap<ZoneId, InstanceZone> {
        &self.instances
    }

    /// The zone of an instance.
    pub fn zone_of_instance(&self, instance: u64) -> Option<ZoneId> {
        let zone = instances::zone_of(instance);
        self.instances.get(&zone).filter(|found| found.instance == instance).map(|_| zone)
    }

    /// True when both divide the map alike, whatever instances there are.
    pub fn divides_like(&self, other: &Self) -> bool {
        self.is_of_same_content(other) && self.cuts == other.cuts
    }

    /// Where a character is by its soft state: in the instance that it entered, or where it came from when that is gone, or in the world.
    pub fn whereabouts(&self, soft: &SoftState) -> (ZoneId, Tile) {
        let Some(stay) = soft.inside() else { return (self.zone_at(soft.tile), soft.tile) };
        match self.zone_of_instance(stay.instance) {
            Some(zone) => (zone, soft.tile),
            None => (self.zone_at(stay.back), stay.back),
        }
    }

    /// Cuts where parts of these names are to be; names that say nothing here are left out.
    fn divide<'a>(&mut self, parts: impl Iterator<Item = &'a str>) {
        self.cuts.clear();
        self.named.truncate(self.whole);
        let mut codes: BTreeMap<ZoneId, Vec<u32>> = BTreeMap::new();
        for (base, code) in parts.filter_map(parts::parse) {
            if let Some(base) = self.find(base) {
                codes.entry(base).or_default().push(code);
            }
        }
        self.cuts = codes.into_iter().map(|(base, codes)| (base, Cuts::of(codes))).collect();
        self.cuts.retain(|_, cuts| !cuts.is_empty());
        self.list_parts();
    }

    /// The same zones of the content, cut where parts of these names are to be.
    pub fn cut_as<'a>(&self, parts: impl Iterator<Item = &'a str>) -> Self {
        let mut table = self.clone();
        table.divide(parts);
        table
    }

    /// True when both have the same zones of the content, however they are cut.
    pub fn is_of_same_content(&self, other: &Self) -> bool {
        let of_content = |table: &Self| table.named.iter().take(table.whole).cloned().collect::<Vec<_>>();
        self.block_side == other.block_side && of_content(self) == of_content(other)
    }

    fn list_parts(&mut self) {
        self.named.truncate(self.whole);
        let parts = self
            .parts()
            .filter_map(|zone| Some(NamedZone { name: self.name(zone), area: self.bounds(zone)? }));
        let parts: Vec<NamedZone> = parts.collect();
        self.named.extend(parts);
        let open = self
            .instances
            .iter()
            .map(|(zone, open)| NamedZone { name: self.name(*zone), area: open.place.area });
        let open: Vec<NamedZone> = open.collect();
        self.named.extend(open);
    }

    /// The zones that were cut off from others, by number.
    pub fn parts(&self) -> impl Iterator<Item = ZoneId> + '_ {
        self.cuts.iter().flat_map(|(base, cuts)| cuts.cut_off().map(|code| parts::zone_of(*base, code)))
    }

    /// The same map with a zone cut along its longer side, and the number of the half that is cut off; `None` when the halves would be
    /// too narrow, or there is no such zone. The lower half keeps the number.
    pub fn cut(&self, zone: ZoneId) -> Option<(Self, ZoneId)> {
        let (base, code) = parts::code_of(zone);
        let whole = self.whole_bounds(base).filter(|_| !is_instance(zone))?;
        let mut table = self.clone();
        let new = table.cuts.entry(base).or_default().cut(code, whole)?;
        table.list_parts();
        Some((table, parts::zone_of(base, new)))
    }

    /// The same map with a zone joined with its other half: what both are together, and which part is no more; `None` when the other
    /// half is cut further, or the zone is not cut.
    pub fn join(&self, zone: ZoneId) -> Option<(Self, ZoneId, ZoneId)> {
        let (base, code) = parts::code_of(zone);
        let whole = self.whole_bounds(base)?;
        let mut table = self.clone();
        let (both, gone) = table.cuts.get_mut(&base)?.join(code, whole)?;
        table.cuts.retain(|_, cuts| !cuts.is_empty());
        table.list_parts();
        Some((table, parts::zone_of(base, both), parts::zone_of(base, gone)))
    }

    /// The zone that has now what a zone had: itself, or what it was joined with. Of an instance that is gone it is any zone: whoever has
    /// that one finds where its players belong.
    pub fn heir(&self, zone: ZoneId) -> ZoneId {
        if is_instance(zone) && !self.instances.contains_key(&zone) {
            return ZoneId(if self.whole > 0 { 1 } else { FIRST_BLOCK });
        }
        let (base, code) = parts::code_of(zone);
        self.cuts.get(&base).map_or(base, |cuts| parts::zone_of(base, cuts.heir(code)))
    }

    /// The rows of this map that follow from those of another one, before anything is placed: who has other tiles now is its owner's under
    /// a higher epoch; what is new has no owner yet and an epoch that no zone of that number ever had, since none is above the version of its
    /// table; everything is given away anew when the other one is of another content, whose numbers mean other tiles.
    pub fn carry_over(&self, other: &Self, table: &SlotTable) -> Vec<Slot> {
        if !self.is_of_same_content(other) {
            return table.slots.iter().map(|slot| Slot { owner: None, ..slot.clone() }).collect();
        }
        let mut slots = table.slots.clone();
        slots.retain(|slot| self.bounds(slot.zone).is_some());
        for slot in &mut slots {
            if self.bounds(slot.zone) != other.bounds(slot.zone) {
                slot.epoch = Epoch(slot.epoch.0 + 1);
            }
        }
        let new = self.parts().chain(self.instances.keys().copied());
        let new = new.filter(|part| other.bounds(*part).is_none());
        slots.extend(new.map(|zone| Slot { zone, owner: None, epoch: Epoch(table.version) }));
        slots
    }

    /// Rectangles of the zones of the content that come before a zone where they overlap.
    pub fn before(&self, zone: ZoneId) -> impl Iterator<Item = Rect> + '_ {
        let (base, _) = parts::code_of(zone);
        let of_content = self.named.iter().take(self.whole).map(|named| named.area);
        // nothing lies in an instance but the instance
        let before = if is_instance(zone) { 0 } else { (base.0 as usize).saturating_sub(1) };
        of_content.take(before)
    }

    /// The zone of a tile.
    pub fn zone_at(&self, tile: Tile) -> ZoneId {
        self.part_of(self.whole_zone_at(tile), tile)
    }

    /// The part of a zone of the content that a tile belongs to, or is nearest to when it lies beyond the zone's border.
    pub fn part_of(&self, whole: ZoneId, tile: Tile) -> ZoneId {
        let (Some(cuts), Some(area)) = (self.cuts.get(&whole), self.whole_bounds(whole)) else {
            return whole;
        };
        let (x, y) = (tile.x.clamp(area.min.x, area.max.x), tile.y.clamp(area.min.y, area.max.y));
        parts::zone_of(whole, parts::named_by(cuts.leaf_at(area, Tile::new(x, y))))
    }

    fn whole_zone_at(&self, tile: Tile) -> ZoneId {
        match self.named.iter().take(self.whole).position(|zone| zone.area.contains(tile)) {
            Some(index) => ZoneId(index as u32 + 1),
            None => {
                let (bx, by) = (u32::from(tile.x / self.block_side), u32::from(tile.y / self.block_side));
                ZoneId(FIRST_BLOCK + by * self.blocks_per_side() + bx)
            }
        }
    }

    /// A rectangle that holds every tile of a zone (others may lie in it too); `None` for an unknown id.
    pub fn bounds(&self, zone: ZoneId) -> Option<Rect> {
        let (base, code) = parts::code_of(zone);
        let whole = self.whole_bounds(base)?;
        match self.cuts.get(&base) {
            Some(cuts) => cuts.leaf_of(code, whole).map(|(_, rect)| rect),
            None => (code == 1).then_some(whole),
        }
    }

    fn whole_bounds(&self, zone: ZoneId) -> Option<Rect> {
        if is_instance(zone) {
            return self.instances.get(&zone).map(|open| open.place.area);
        }
        if zone.0 >= FIRST_BLOCK {
            let index = zone.0 - FIRST_BLOCK;
            let (side, per_side) = (self.block_side, self.blocks_per_side());
            if index >= per_side * per_side {
                return None;
            }
            let corner = Tile::new((index % per_side) as u16 * side, (index / per_side) as u16 * side);
            return Some(Rect::new(corner, Tile::new(corner.x + side - 1, corner.y + side - 1)));
        }
        let index = (zone.0 as usize).checked_sub(1)?;
        self.named.iter().take(self.whole).nth(index).map(|zone| zone.area)
    }

    /// A name for logs and operators: `Armia`, `block 8,8`.
    pub fn name(&self, zone: ZoneId) -> String {
        let (base, code) = parts::code_of(zone);
        if code != 1 {
            return parts::part_name(&self.name(base), code);
        }
        if let Some(open) = self.instances.get(&zone) {
            return instances::instance_name(&open.place.name, open.instance);
        }
        if zone.0 >= FIRST_BLOCK && !is_instance(zone) {
            let index = zone.0 - FIRST_BLOCK;
            let per_side = self.blocks_per_side();
            return format!("block {},{}", index % per_side, index / per_side);
        }
        (zone.0 as usize)
            .checked_sub(1)
            .and_then(|index| self.named.get(index))
            .map_or_else(|| format!("zone {}", zone.0), |zone| zone.name.clone())
    }

    /// The zone of a name, whatever its case, or of a number. Of several with one name it is the first.
    pub fn find(&self, text: &str) -> Option<ZoneId> {
        let text = text.trim();
        let number = text.parse().ok().map(ZoneId).filter(|zone| self.bounds(*zone).is_some());
        let named = || self.all().into_iter().find(|zone| self.name(*zone).eq_ignore_ascii_case(text));
        number.or_else(named)
    }

    /// Every zone of the map, ordered by id.
    pub fn all(&self) -> Vec<ZoneId> {
        let named = 1..=self.whole as u32;
        let blocks = FIRST_BLOCK..FIRST_BLOCK + self.blocks_per_side() * self.blocks_per_side();
        named.chain(blocks).map(ZoneId).chain(self.parts()).chain(self.instances.keys().copied()).collect()
    }

    /// Canonical bytes of the district that a zone belongs to: a named zone with its parts, an instance, or 2 x 2 blocks. Zones of
    /// one district are placed together, so that neighbours mostly share a node; parts go elsewhere by wish alone.
    pub fn district(&self, zone: ZoneId) -> Vec<u8> {
        if is_instance(zone) {
            return format!("instance-district:{}", self.name(zone)).into_bytes();
        }
        let zone = parts::whole_of(zone);
        if zone.0 >= FIRST_BLOCK {
            let index = zone.0 - FIRST_BLOCK;
            let per_side = self.blocks_per_side();
            let (dx, dy) = (index % per_side / 2, index / per_side / 2);
            return format!("block-district:{dx}:{dy}").into_bytes();
        }
        format!("named-district:{}", self.name(zone)).into_bytes()
    }

    /// The named zones in order, then the parts that were cut off, then the instances: all that the map follows from.
    pub fn named(&self) -> &[NamedZone] {
        &self.named
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table() -> ZoneTable {
        let zone = |name: &str, area| NamedZone { name: name.into(), area };
        ZoneTable::new(vec![
            zone("Arena", Rect::new(Tile::new(2100, 2100), Tile::new(2109, 2109))),
            zone("Armia", Rect::new(Tile::new(2052, 2052), Tile::new(2171, 2163))),
        ])
    }

    #[test]
    fn a_cut_map_follows_from_its_list_and_joins_without_a_trace() {
        let whole = table();
        let armia = whole.find("Armia").unwrap();
        let (once, east) = whole.cut(armia).unwrap();
        assert_eq!((once.name(east), once.zone_at(Tile::new(2150, 2060))), ("Armia/3".to_owned(), east));
        assert_eq!(once.zone_at(Tile::new(2060, 2060)), armia, "the lower half keeps its number");
        assert_eq!(once.zone_at(Tile::new(2105, 2105)), ZoneId(1), "who comes first still does");
        assert_eq!(once.before(east).collect::<Vec<_>>(), whole.before(armia).collect::<Vec<_>>());
        let (twice, _) = once.cut(east).unwrap();
        let (block, corner) = twice.cut(twice.find("block 3,3").unwrap()).unwrap();
        assert_eq!(block.name(corner), "block 3,3/3");
        for table in [&once, &twice, &block] {
            assert_eq!(ZoneTable::new(table.named().to_vec()), *table);
            assert_eq!(table.all().len(), whole.all().len() + table.named().len() - whole.named().len());
            assert!(table.all().iter().all(|zone| table.find(&table.name(*zone)) == Some(*zone)));
        }
        let corner = twice.find("Armia/7").unwrap();
        let (back, both, gone) = twice.join(corner).unwrap();
        assert_eq!((back.clone(), both, gone), (once.clone(), east, corner));
        assert_eq!(back.join(armia), Some((whole.clone(), armia, east)), "either half says which");
        assert_eq!(whole.join(armia), None, "it is not cut");
        assert_eq!((twice.heir(corner), once.heir(corner), whole.heir(corner)), (corner, east, armia));
        assert_eq!(whole.heir(ZoneId(0x1_0003)), ZoneId(0x1_0003));
    }

    #[test]
    fn who_is_cut_keeps_its_owner_under_a_higher_epoch_and_no_epoch_comes_twice() {
        let whole = table();
        let armia = whole.find("Armia").unwrap();
        let owner = model::membership::ProcessName("tmsrv-1".into());
        let slot = |zone| Slot { zone, owner: Some(owner.clone()), epoch: Epoch(4) };
        let mut stored = SlotTable {
            version: 9,
            named_zones: whole.named().to_vec(),
            slots: whole.all().into_iter().map(slot).collect(),
        };
        let (cut, part) = whole.cut(armia).unwrap();
        stored.slots = cut.carry_over(&whole, &stored);
        let found = |stored: &SlotTable, zone| stored.slots.iter().find(|slot| slot.zone == zone).cloned();
        assert_eq!(
            found(&stored, armia),
            Some(Slot { zone: armia, owner: Some(owner.clone()), epoch: Epoch(5) })
        );
        assert_eq!(
            found(&stored, part),
            Some(Slot { zone: part, owner: None, epoch: Epoch(9) }),
            "placing raises it"
        );
        assert_eq!(found(&stored, ZoneId(1)), Some(slot(ZoneId(1))), "nobody else is touched");
        stored.version = 10;
        stored.slots = whole.carry_over(&cut, &stored);
        assert_eq!(found(&stored, armia).unwrap().epoch, Epoch(6));
        assert_eq!(found(&stored, part), None);
        let other = ZoneTable::default().carry_over(&whole, &stored);
        assert!(other.iter().all(|slot| slot.owner.is_none()));
    }

    #[test]
    fn what_lies_beyond_a_border_belongs_to_the_nearest_part_of_its_zone() {
        let whole = table();
        let armia = whole.find("Armia").unwrap();
        let (cut, east) = whole.cut(armia).unwrap();
        let (west_of_it, east_of_it) = (Tile::new(2050, 2100), Tile::new(2174, 2170));
        for (table, part) in [(&whole, armia), (&cut, east)] {
            assert_ne!(table.zone_at(east_of_it), part, "another zone has the tile");
            assert_eq!(table.part_of(armia, east_of_it), part);
        }
        assert_eq!(cut.part_of(armia, west_of_it), armia);
        assert_eq!(cut.part_of(ZoneId(1), west_of_it), ZoneId(1), "who is not cut has it all");
    }

    #[test]
    fn a_map_is_cut_by_names_and_its_parts_stay_in_the_district() {
        let whole = table();
        let cut = whole.cut_as(["Armia/3", "block 3,3/3", "Armia/13", "Nowhere/3", "Armia/x"].into_iter());
        let names: Vec<String> = cut.parts().map(|zone| cut.name(zone)).collect();
        assert_eq!(names, ["Armia/3", "block 3,3/3"], "who has no parent and who is none is left out");
        assert!(cut.is_of_same_content(&whole) && cut != whole);
        assert_eq!(cut.cut_as([].into_iter()), whole);
        assert!(!cut.is_of_same_content(&ZoneTable::default()));
        for part in cut.parts() {
            assert_eq!(cut.district(part), whole.district(parts::whole_of(part)));
        }
    }

    #[test]
    fn a_zone_that_is_called_like_a_part_of_nothing_is_a_zone() {
        let area = Rect::new(Tile::new(10, 10), Tile::new(20, 20));
        let table = ZoneTable::new(vec![NamedZone { name: "Gate/3".into(), area }]);
        assert_eq!(table.zone_at(Tile::new(12, 12)), ZoneId(1));
        assert_eq!(table.name(ZoneId(1)), "Gate/3");
    }
}
