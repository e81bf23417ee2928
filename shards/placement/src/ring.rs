//! `consistent_hash_ring` with everything that its defaults leave open nailed down.
//!
//! Keys and nodes are hashed as canonical bytes by xxh3 (whose output is fixed), every node has 160
//! virtual nodes per unit of weight, and nothing has weight 0 (the crate loops for ever on it).

use std::hash::{BuildHasher, Hash, Hasher};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

/// Virtual nodes per unit of weight.
pub const VIRTUAL_NODES: usize = 160;

/// Hash of bytes that never changes: for buckets and for anything else that is stored by hash.
pub fn stable_hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Bytes that hash as themselves: no length, no separator, nothing that depends on the platform.
#[derive(Clone, PartialEq, Eq)]
struct Bytes(Vec<u8>);

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

#[derive(Clone, Copy)]
struct Xxh3;

impl BuildHasher for Xxh3 {
    type Hasher = FixedHasher;
    fn build_hasher(&self) -> FixedHasher {
        FixedHasher(Xxh3Default::new())
    }
}

struct FixedHasher(Xxh3Default);

impl Hasher for FixedHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn write_u64(&mut self, value: u64) {
        self.0.update(&value.to_le_bytes()); // the crate hashes hashes: fix the byte order
    }
    fn finish(&self) -> u64 {
        self.0.digest()
    }
}

/// A consistent hash ring over named nodes.
pub struct Ring {
    inner: consistent_hash_ring::Ring<Bytes, Xxh3>,
}

impl Ring {
    /// From names and weights; a weight of 0 counts as 1.
    pub fn new<'a>(nodes: impl IntoIterator<Item = (&'a str, u32)>) -> Self {
        let weighted: Vec<(Bytes, usize)> = nodes
            .into_iter()
            .map(|(name, weight)| (Bytes(name.as_bytes().to_vec()), weight.max(1) as usize * VIRTUAL_NODES))
            .collect();
        let inner = consistent_hash_ring::RingBuilder::new(Xxh3).weighted_nodes(&weighted).build();
        Self { inner }
    }

    /// The node that a key proposes; `None` when there are no nodes.
    pub fn first(&self, key: &[u8]) -> Option<&str> {
        self.inner.try_get(Bytes(key.to_vec())).and_then(|node| std::str::from_utf8(&node.0).ok())
    }

    /// All nodes in the order in which a key prefers them.
    pub fn preference(&self, key: &[u8]) -> Vec<&str> {
        if self.inner.is_empty() {
            return Vec::new();
        }
        let nodes = self.inner.replicas(Bytes(key.to_vec())).take(self.inner.len());
        nodes.filter_map(|node| std::str::from_utf8(&node.0).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_fixed_for_ever() {
        assert_eq!(stable_hash(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(stable_hash(b"wydbr"), 0x5818c408d7a9ca01);
    }

    #[test]
    fn an_empty_ring_proposes_nobody() {
        let ring = Ring::new([]);
        assert_eq!(ring.first(b"armia"), None);
        assert!(ring.preference(b"armia").is_empty());
    }

    #[test]
    fn every_node_is_in_the_preference_once() {
        let ring = Ring::new([("tmsrv-1", 1), ("tmsrv-2", 0), ("tmsrv-3", 3)]);
        for key in 0..100_u32 {
            let mut nodes = ring.preference(&key.to_le_bytes());
            assert_eq!(nodes.first().copied(), ring.first(&key.to_le_bytes()));
            nodes.sort_unstable();
            assert_eq!(nodes, ["tmsrv-1", "tmsrv-2", "tmsrv-3"]);
        }
    }

    #[test]
    fn losing_a_node_moves_only_its_own_keys() {
        let three = Ring::new([("a", 1), ("b", 1), ("c", 1)]);
        let two = Ring::new([("a", 1), ("c", 1)]);
        for key in 0..2_000_u32 {
            let key = key.to_le_bytes();
            if three.first(&key) != Some("b") {
                assert_eq!(three.first(&key), two.first(&key));
            }
        }
    }
}
