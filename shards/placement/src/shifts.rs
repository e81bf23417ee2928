//! Which buckets move when shards come and go: as few as can be.

use crate::buckets::BucketMap;

/// Buckets that go from one shard to another, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// From which shard.
    pub from: u16,
    /// To which.
    pub to: u16,
    /// Which buckets.
    pub buckets: Vec<u16>,
}

impl BucketMap {
    /// How many buckets each of `shards` shards holds.
    pub fn held(&self, shards: usize) -> Vec<usize> {
        let mut held = vec![0; shards];
        for owner in &self.owner {
            if let Some(count) = held.get_mut(usize::from(*owner)) {
                *count += 1;
            }
        }
        held
    }

    /// Gives a new shard its fair share, taken from those that hold most; nothing else moves. Shards that hold
    /// nothing count for nothing.
    pub fn plan_join(&self, new: u16) -> Vec<Shift> {
        let last = self.owner.iter().copied().max().unwrap_or(0).max(new);
        let mut held = self.held(usize::from(last) + 1);
        let serving =
            held.iter().enumerate().filter(|(shard, held)| *shard == usize::from(new) || **held > 0);
        let share = self.owner.len() / serving.count().max(1);
        let mut owner = self.owner.clone();
        // each bucket once at most
        for _ in held[usize::from(new)]..share {
            let largest =
                (0..=last).filter(|shard| *shard != new).max_by_key(|shard| held[usize::from(*shard)]);
            let Some(from) = largest else { break };
            let Some(bucket) = owner.iter().rposition(|owner| *owner == from) else { break };
            owner[bucket] = new;
            held[usize::from(from)] -= 1;
        }
        self.shifts_to(&owner)
    }

    /// Gives everything of a shard to the others, each bucket to the one that holds least; `None` when no other is
    /// left.
    pub fn plan_drain(&self, leaving: u16, others: &[u16]) -> Option<Vec<Shift>> {
        let last = self.owner.iter().chain(others).copied().max().unwrap_or(0).max(leaving);
        let mut held = self.held(usize::from(last) + 1);
        let mut owner = self.owner.clone();
        for bucket in owner.iter_mut().filter(|owner| **owner == leaving) {
            let to = others.iter().copied().filter(|other| *other != leaving);
            let to = to.min_by_key(|other| held[usize::from(*other)])?;
            *bucket = to;
            held[usize::from(to)] += 1;
        }
        Some(self.shifts_to(&owner))
    }

    /// What leads from this map to another.
    fn shifts_to(&self, wanted: &[u16]) -> Vec<Shift> {
        let mut shifts: Vec<Shift> = Vec::new();
        for (bucket, (from, to)) in self.owner.iter().copied().zip(wanted.iter().copied()).enumerate() {
            if from == to {
                continue;
            }
            match shifts.iter_mut().find(|shift| (shift.from, shift.to) == (from, to)) {
                Some(shift) => shift.buckets.push(bucket as u16),
                None => shifts.push(Shift { from, to, buckets: vec![bucket as u16] }),
            }
        }
        shifts.sort_by_key(|shift| (shift.from, shift.to));
        shifts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(shards: usize) -> BucketMap {
        let shards: Vec<_> = (0..shards).map(|index| (format!("shard-{index}"), 1)).collect();
        BucketMap::propose(&shards)
    }

    fn after(map: &BucketMap, shifts: &[Shift]) -> BucketMap {
        let mut map = map.clone();
        for Shift { from, to, buckets } in shifts {
            for bucket in buckets {
                assert_eq!(map.owner[usize::from(*bucket)], *from);
                map.owner[usize::from(*bucket)] = *to;
            }
        }
        map
    }

    #[test]
    fn a_new_shard_gets_its_share_and_nothing_else_moves() {
        let mut map = map(1);
        for new in 1..=9 {
            let shifts = map.plan_join(new);
            let moved: usize = shifts.iter().map(|shift| shift.buckets.len()).sum();
            assert_eq!(moved, 4096 / (usize::from(new) + 1));
            assert!(shifts.iter().all(|shift| shift.to == new));
            map = after(&map, &shifts);
        }
        let held = map.held(10);
        assert!(
            held.iter().max().zip(held.iter().min()).is_some_and(|(most, least)| most - least <= 1),
            "{held:?}"
        );
        assert!(map.plan_join(9).is_empty(), "a shard that has its share gets no more");
    }

    #[test]
    fn a_drained_shard_is_empty_and_the_others_stay_even() {
        let map = map(3);
        let shifts = map.plan_drain(1, &[0, 1, 2]).unwrap_or_default();
        assert!(shifts.iter().all(|shift| shift.from == 1 && shift.to != 1));
        let after = after(&map, &shifts);
        let held = after.held(3);
        assert_eq!(held[1], 0);
        assert!(held[0].abs_diff(held[2]) <= 1, "{held:?}");
        assert!(after.plan_drain(1, &[0, 2]).is_some_and(|shifts| shifts.is_empty()));
        assert_eq!(map.plan_drain(1, &[1]), None);
    }
}
