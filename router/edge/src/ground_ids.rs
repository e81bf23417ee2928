//! The short ids that one client knows items on the ground by. Pure.
//!
//! They are a number space of their own on the wire. Some clients remove whatever has the number all the same, so
//! no entity is lent one of these: see [`crate::view_ids`]. As there, an id that was taken back is lent again only
//! after all others.

use model::GroundId;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Short ids of items on the ground.
pub const GROUND_IDS: std::ops::RangeInclusive<u16> = wire::GROUND_ITEM_BASE..=14_999;

/// Ids lent to one client, both ways.
#[derive(Debug, Serialize, Deserialize)]
pub struct GroundIds {
    by_ground: HashMap<GroundId, u16>,
    by_id: HashMap<u16, GroundId>,
    last: u16,
    /// Lent ones of which the player's new zone has not told yet.
    doubted: HashSet<GroundId>,
}

impl Default for GroundIds {
    fn default() -> Self {
        Self {
            by_ground: HashMap::new(),
            by_id: HashMap::new(),
            last: *GROUND_IDS.end(),
            doubted: HashSet::new(),
        }
    }
}

impl GroundIds {
    /// Lends an id, or gives the one that the item has. `None` when all are lent.
    pub fn lend(&mut self, ground: GroundId) -> Option<u16> {
        if let Some(id) = self.by_ground.get(&ground) {
            return Some(*id);
        }
        let after = (self.last + 1)..=*GROUND_IDS.end();
        let mut candidates = after.chain(*GROUND_IDS.start()..=self.last);
        let id = candidates.find(|id| !self.by_id.contains_key(id))?;
        self.last = id;
        self.by_ground.insert(ground, id);
        self.by_id.insert(id, ground);
        Some(id)
    }

    /// Takes an item's id back.
    pub fn take_back(&mut self, ground: GroundId) -> Option<u16> {
        let id = self.by_ground.remove(&ground)?;
        self.by_id.remove(&id);
        self.doubted.remove(&ground);
        Some(id)
    }

    /// Another zone has the player: what it does not tell of does not lie there any more.
    pub fn doubt(&mut self) {
        self.doubted = self.by_ground.keys().copied().collect();
    }

    /// True for an item that is shown since before the last [`GroundIds::doubt`]: it lies there still.
    pub fn confirm(&mut self, ground: GroundId) -> bool {
        self.doubted.remove(&ground)
    }

    /// The new zone has told of all: the ids of those that are still in doubt, which are gone.
    pub fn end_doubt(&mut self) -> Vec<u16> {
        let gone: Vec<GroundId> = self.doubted.drain().collect();
        let mut ids: Vec<u16> = gone.into_iter().filter_map(|ground| self.take_back(ground)).collect();
        ids.sort_unstable();
        ids
    }

    /// The item behind an id that the client names.
    pub fn ground_of(&self, id: u16) -> Option<GroundId> {
        self.by_id.get(&id).copied()
    }

    /// Takes all ids back: those that were lent, in order.
    pub fn clear(&mut self) -> Vec<u16> {
        self.by_ground.clear();
        self.doubted.clear();
        let mut ids: Vec<u16> = self.by_id.drain().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_has_one_id_until_it_is_taken_back() {
        let mut ids = GroundIds::default();
        let first = ids.lend(GroundId(7)).expect("free");
        assert_eq!(first, 10_000);
        assert_eq!(ids.lend(GroundId(7)), Some(first));
        assert_eq!(ids.ground_of(first), Some(GroundId(7)));
        assert_eq!(ids.lend(GroundId(8)), Some(first + 1));
        assert_eq!(ids.take_back(GroundId(7)), Some(first));
        assert_eq!((ids.take_back(GroundId(7)), ids.ground_of(first)), (None, None));
    }

    #[test]
    fn an_id_comes_back_only_after_all_the_others_also_when_all_were_taken_back_at_once() {
        let mut ids = GroundIds::default();
        for ground in 0..3 {
            ids.lend(GroundId(ground)).expect("free");
        }
        assert_eq!(ids.clear(), [10_000, 10_001, 10_002]);
        for ground in 0..GROUND_IDS.len() as u64 - 3 {
            assert!(ids.lend(GroundId(ground)).expect("free") > 10_002);
        }
        assert_eq!(ids.lend(GroundId(99_999)), Some(10_000));
    }

    #[test]
    fn when_all_are_lent_there_is_none() {
        let mut ids = GroundIds::default();
        let count = GROUND_IDS.len() as u64;
        assert!((0..count).all(|ground| ids.lend(GroundId(ground)).is_some()));
        assert_eq!(ids.lend(GroundId(count)), None);
        ids.take_back(GroundId(3));
        assert!(ids.lend(GroundId(count)).is_some());
    }
}
