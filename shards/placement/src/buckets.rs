//! Accounts to buckets, buckets to PostgreSQL shards.

use crate::ring::{Ring, stable_hash};
use model::AccountId;
use serde::{Deserialize, Serialize};

/// Buckets that accounts hash to. Fixed for ever: a bucket is the unit that moves between shards.
pub const BUCKETS: u16 = 4096;

/// The bucket of an account: it and everything that belongs to it live there.
pub fn bucket_of(account: AccountId) -> u16 {
    (stable_hash(&account.0.to_le_bytes()) % u64::from(BUCKETS)) as u16
}

/// Which shard holds which bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketMap {
    /// Raised by every change.
    pub version: u64,
    /// Index into the list of shards, for each of the [`BUCKETS`] buckets.
    pub owner: Vec<u16>,
}

impl BucketMap {
    /// The first map over a list of shards with their weights.
    ///
    /// # Panics
    /// When the list is empty: a store without shards is refused long before.
    pub fn propose(shards: &[(String, u32)]) -> Self {
        assert!(!shards.is_empty(), "a bucket map needs at least one shard");
        let ring = Ring::new(shards.iter().map(|(name, weight)| (name.as_str(), *weight)));
        let weights: u64 = shards.iter().map(|(_, weight)| u64::from((*weight).max(1))).sum();
        let mut room: Vec<u64> = shards
            .iter()
            .map(|(_, weight)| (u64::from(BUCKETS) * u64::from((*weight).max(1)) * 5).div_ceil(weights * 4))
            .collect();
        let owner = (0..BUCKETS)
            .map(|bucket| {
                let key = format!("bucket:{bucket}");
                let preference = ring.preference(key.as_bytes());
                let index_of = |name: &str| shards.iter().position(|(shard, _)| shard == name).unwrap_or(0);
                let index =
                    preference.iter().map(|name| index_of(name)).find(|index| room[*index] > 0).unwrap_or(0);
                room[index] = room[index].saturating_sub(1);
                index as u16
            })
            .collect();
        Self { version: 1, owner }
    }

    /// The shard that holds an account.
    pub fn shard_of(&self, account: AccountId) -> u16 {
        self.owner[usize::from(bucket_of(account))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(count: usize) -> Vec<(String, u32)> {
        (0..count).map(|index| (format!("shard-{index}"), 1)).collect()
    }

    #[test]
    fn no_shard_gets_more_than_five_quarters_of_its_share() {
        for count in 1..=8 {
            let map = BucketMap::propose(&shards(count));
            for shard in 0..count as u16 {
                let held = map.owner.iter().filter(|owner| **owner == shard).count();
                assert!(
                    held <= (4096_usize * 5).div_ceil(4 * count),
                    "shard {shard} of {count} holds {held}"
                );
                assert!(held > 0, "shard {shard} of {count} holds nothing");
            }
        }
    }

    #[test]
    fn accounts_stay_in_their_buckets_for_ever() {
        // computed by another implementation of xxh3
        let golden = [(1_u64, 2350), (2, 579), (0x7fff_ffff_ffff_ffff, 3910), (0x0123_4567_89ab_cdef, 1958)];
        for (account, bucket) in golden {
            assert_eq!(bucket_of(AccountId(account)), bucket, "account {account:x}");
        }
    }

    #[test]
    fn the_first_map_is_pinned() {
        let map = BucketMap::propose(&shards(3));
        let bytes: Vec<u8> = map.owner.iter().flat_map(|owner| owner.to_le_bytes()).collect();
        assert_eq!(stable_hash(&bytes), GOLDEN_MAP);
    }
    const GOLDEN_MAP: u64 = 0x43af70f3a3974ab;
}
