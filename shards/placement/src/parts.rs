//! Zones that are cut in two along their longer side, again and again down to a floor.
//!
//! ```text
//!          1 Armia                 cut once:   2 | 3       2 is Armia still (the lower half keeps the number),
//!        /   \                                 4 | 3       3 is the new zone Armia/3
//!       2     3                    cut again: ---+
//!      / \                                     5 | 3       5 is the new zone Armia/5
//!     4   5
//! ```
//!
//! Halves are numbered as in a heap. What is stored of a cut is the name and the rectangle of the new zone; the tree follows from the
//! names, so the same list of named zones means the same map everywhere.

use crate::instances::is_instance;
use model::{Rect, Tile, ZoneId};
use std::collections::BTreeSet;

/// No half has a side shorter than this: more than the sight of a player and the way of a handover.
pub const SIDE_MIN: u16 = 32;
/// Parts have numbers from here: above those of named zones and of blocks. The ids of creatures have 23 bits for the number of
/// their zone: 65,536 named zones and as many blocks as the map has find room below.
const FIRST_PART: u32 = 0x20_0000;
/// Most parts of one zone.
const CODES: u32 = 64;

/// Where a zone is cut: the inner nodes of the heap of its halves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cuts(BTreeSet<u32>);

impl Cuts {
    /// From the codes of the zones that were cut off; those whose parent is not cut are left out.
    pub(crate) fn of(cut_off: impl IntoIterator<Item = u32>) -> Self {
        let mut cuts = Self::default();
        let sorted: BTreeSet<u32> = cut_off.into_iter().collect();
        for code in sorted {
            let parent = code / 2;
            if parent == 1 || cuts.0.contains(&(parent / 2)) {
                cuts.0.insert(parent);
            }
        }
        cuts
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The half that holds a tile.
    pub(crate) fn leaf_at(&self, whole: Rect, tile: Tile) -> u32 {
        let (mut node, mut rect) = (1, whole);
        while self.0.contains(&node) {
            let (low, high) = halves(rect);
            (node, rect) = if low.contains(tile) { (2 * node, low) } else { (2 * node + 1, high) };
        }
        node
    }

    /// What the zone of a code is now: its half and the rectangle of it; `None` when it was not cut off.
    pub(crate) fn leaf_of(&self, code: u32, whole: Rect) -> Option<(u32, Rect)> {
        if code != 1 && (code.is_multiple_of(2) || !self.0.contains(&(code / 2))) {
            return None;
        }
        let mut node = code;
        while self.0.contains(&node) {
            node *= 2; // the lower half keeps the number
        }
        Some((node, rect_of(node, whole)))
    }

    /// Codes of the zones that were cut off, in order.
    pub(crate) fn cut_off(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().map(|node| 2 * node + 1)
    }

    /// Cuts the zone of a code; the code of the new one, or `None` when its halves would be too narrow or too many.
    pub(crate) fn cut(&mut self, code: u32, whole: Rect) -> Option<u32> {
        let (leaf, rect) = self.leaf_of(code, whole)?;
        let new = 2 * leaf + 1;
        let longer = side(rect.min.x, rect.max.x).max(side(rect.min.y, rect.max.y));
        if longer < 2 * SIDE_MIN || new > 2 * CODES {
            return None;
        }
        self.0.insert(leaf);
        Some(new)
    }

    /// Joins the zone of a code with its other half, when that is not cut further: the code of both together, and the one that was
    /// cut off.
    pub(crate) fn join(&mut self, code: u32, whole: Rect) -> Option<(u32, u32)> {
        let (leaf, _) = self.leaf_of(code, whole)?;
        if leaf == 1 || self.0.contains(&(leaf ^ 1)) {
            return None;
        }
        let parent = leaf / 2;
        self.0.remove(&parent);
        Some((named_by(parent), leaf | 1))
    }

    /// The code of the zone that has now what that of a code had: itself, or what it was joined with.
    pub(crate) fn heir(&self, code: u32) -> u32 {
        let mut node = code;
        while node > 1 && !self.0.contains(&(node / 2)) {
            node /= 2;
        }
        named_by(node)
    }
}

/// The code under which a half is known: the lower halves keep that of their parents.
pub(crate) fn named_by(mut node: u32) -> u32 {
    while node.is_multiple_of(2) && node > 1 {
        node /= 2;
    }
    node
}

/// The number of the zone of a code.
pub(crate) fn zone_of(base: ZoneId, code: u32) -> ZoneId {
    if code == 1 { base } else { ZoneId(FIRST_PART + base.0 * CODES + (code - 3) / 2) }
}

/// Of which zone a number is which part.
pub(crate) fn code_of(zone: ZoneId) -> (ZoneId, u32) {
    match zone.0.checked_sub(FIRST_PART) {
        None => (zone, 1),
        Some(_) if is_instance(zone) => (zone, 1),
        Some(rest) => (ZoneId(rest / CODES), rest % CODES * 2 + 3),
    }
}

/// The zone of the content that a zone is, or is a part of.
pub fn whole_of(zone: ZoneId) -> ZoneId {
    code_of(zone).0
}

/// Which of the game threads of a node plays a zone: a zone and the first part that is cut off from it are on two.
pub fn thread_of(zone: ZoneId, threads: u32) -> u32 {
    let (base, code) = code_of(zone);
    base.0.wrapping_add(code / 2) % threads.max(1)
}

/// Name of a part as it is stored and shown.
pub(crate) fn part_name(base: &str, code: u32) -> String {
    if code == 1 { base.to_owned() } else { format!("{base}/{code}") }
}

/// The name of the zone of which this is a part, and its code; `None` for a name that is none of a part.
pub(crate) fn parse(name: &str) -> Option<(&str, u32)> {
    let (base, code) = name.rsplit_once('/')?;
    let code: u32 = code.parse().ok()?;
    let is_code = code >= 3 && !code.is_multiple_of(2) && code <= 2 * CODES;
    (is_code && !base.is_empty()).then_some((base, code))
}

fn side(from: u16, to: u16) -> u16 {
    to - from + 1
}

/// A rectangle cut along its longer side; along x when it is a square.
fn halves(rect: Rect) -> (Rect, Rect) {
    let (wide, high) = (side(rect.min.x, rect.max.x), side(rect.min.y, rect.max.y));
    if wide >= high {
        let last = rect.min.x + wide / 2 - 1;
        let low = Rect::new(rect.min, Tile::new(last, rect.max.y));
        (low, Rect::new(Tile::new(last + 1, rect.min.y), rect.max))
    } else {
        let last = rect.min.y + high / 2 - 1;
        let low = Rect::new(rect.min, Tile::new(rect.max.x, last));
        (low, Rect::new(Tile::new(rect.min.x, last + 1), rect.max))
    }
}

fn rect_of(node: u32, whole: Rect) -> Rect {
    if node <= 1 {
        return whole;
    }
    let (low, high) = halves(rect_of(node / 2, whole));
    if node.is_multiple_of(2) { low } else { high }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TOWN: Rect = Rect { min: Tile::new(2052, 2052), max: Tile::new(2171, 2163) };

    #[test]
    fn no_zone_of_the_content_is_called_like_a_part_or_an_instance() {
        use model::membership::NamedZone;
        for code in [3, 5, 2 * CODES - 1] {
            let name = part_name("Armia", code);
            assert!(parse(&name).is_some() && NamedZone::is_reserved(&name), "{name}");
        }
        let name = crate::instance_name("Dungeon 1", 17);
        assert!(crate::parse_instance(&name).is_some() && NamedZone::is_reserved(&name), "{name}");
        for name in ["Armia", "Armia/", "/3", "#1", "Armia/b", "Armia #", "Armia 3"] {
            assert!(parse(name).is_none() && crate::parse_instance(name).is_none(), "{name}");
            assert!(!NamedZone::is_reserved(name), "{name}");
        }
    }

    #[test]
    fn the_lower_half_keeps_its_number_and_the_upper_one_gets_a_new_one() {
        let mut cuts = Cuts::default();
        assert_eq!(cuts.cut(1, TOWN), Some(3));
        assert_eq!(cuts.leaf_of(1, TOWN), Some((2, Rect::new(TOWN.min, Tile::new(2111, 2163)))));
        assert_eq!(cuts.leaf_of(3, TOWN), Some((3, Rect::new(Tile::new(2112, 2052), TOWN.max))));
        assert_eq!(cuts.cut(1, TOWN), Some(5), "its longer side is the other one now");
        assert_eq!(cuts.leaf_of(5, TOWN).unwrap().1.min, Tile::new(2052, 2108));
        assert_eq!(cuts.cut(1, TOWN), None, "it is narrow enough");
        assert_eq!(cuts.join(3, TOWN), None, "its other half is cut further");
        assert_eq!((cuts.heir(5), cuts.heir(7), cuts.heir(4)), (5, 3, 1));
        assert_eq!((cuts.join(1, TOWN), cuts.join(3, TOWN)), (Some((1, 5)), Some((1, 3))));
        assert!(cuts.is_empty() && cuts.join(1, TOWN).is_none());
        assert_eq!((cuts.heir(5), cuts.heir(3)), (1, 1));
    }

    #[test]
    fn the_first_part_is_on_another_thread_than_the_rest() {
        for base in [1, 6, 0x1_0003] {
            let (zone, part) = (zone_of(ZoneId(base), 1), zone_of(ZoneId(base), 3));
            for threads in 2..9 {
                assert_ne!(thread_of(zone, threads), thread_of(part, threads));
            }
            assert_eq!((thread_of(zone, 8), thread_of(part, 0)), (base % 8, 0));
        }
    }

    #[test]
    fn numbers_and_codes_are_each_others_inverse_and_never_meet_those_of_other_zones() {
        for base in [1, 77, 0xFFFF, 0x1_0000, 0x1_00FF] {
            for code in (3..=2 * CODES).step_by(2).chain([1]) {
                let zone = zone_of(ZoneId(base), code);
                assert_eq!(code_of(zone), (ZoneId(base), code));
                assert!(code == 1 || zone.0 >= FIRST_PART);
                assert!(zone.0 < 1 << 23, "the ids of its creatures are its own");
            }
        }
    }

    proptest! {
        #[test]
        fn however_it_is_cut_and_joined_each_tile_is_in_exactly_one_part(
            (x, y, wide, high) in (0_u16..2000, 0_u16..2000, 1_u16..600, 1_u16..600),
            steps in proptest::collection::vec((any::<bool>(), any::<u16>()), 0..40),
        ) {
            let whole = Rect::new(Tile::new(x, y), Tile::new(x + wide - 1, y + high - 1));
            let mut cuts = Cuts::default();
            for (cut, which) in steps {
                let codes: Vec<u32> = std::iter::once(1).chain(cuts.cut_off()).collect();
                let code = codes[usize::from(which) % codes.len()];
                if cut { cuts.cut(code, whole); } else { cuts.join(code, whole); }
            }
            let codes: Vec<u32> = std::iter::once(1).chain(cuts.cut_off()).collect();
            let parts: Vec<(u32, Rect)> = codes.iter().map(|code| (*code, cuts.leaf_of(*code, whole).unwrap().1)).collect();
            let area = |rect: &Rect| u32::from(side(rect.min.x, rect.max.x)) * u32::from(side(rect.min.y, rect.max.y));
            prop_assert_eq!(parts.iter().map(|(_, rect)| area(rect)).sum::<u32>(), area(&whole));
            for (code, rect) in &parts {
                for corner in [rect.min, rect.max, Tile::new(rect.min.x, rect.max.y), Tile::new(rect.max.x, rect.min.y)] {
                    prop_assert_eq!(named_by(cuts.leaf_at(whole, corner)), *code);
                    prop_assert_eq!(parts.iter().filter(|(_, other)| other.contains(corner)).count(), 1);
                }
                prop_assert!(parts.len() == 1 || side(rect.min.x, rect.max.x).max(side(rect.min.y, rect.max.y)) >= SIDE_MIN);
            }
            prop_assert_eq!(Cuts::of(cuts.cut_off().collect::<Vec<_>>()), cuts, "it follows from what is stored");
        }
    }
}
