//! Values in the process itself: the default. Bounded in number and bytes.

use super::{PutFailure, Swap, Unanswered, Values};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

struct Value {
    bytes: Vec<u8>,
    until: Instant,
}

#[derive(Default)]
struct Shelf {
    values: HashMap<String, Value>,
    /// The same values in the order in which they expire.
    order: BTreeSet<(Instant, String)>,
    bytes: usize,
}

/// Lost when the process ends.
pub struct MemoryValues {
    shelf: Mutex<Shelf>,
    entries_max: usize,
    bytes_max: usize,
}

impl Shelf {
    fn remove(&mut self, key: &str) -> Option<Value> {
        let value = self.values.remove(key)?;
        self.order.remove(&(value.until, key.to_owned()));
        self.bytes -= key.len() + value.bytes.len();
        Some(value)
    }

    fn insert(&mut self, key: &str, value: Value) {
        self.bytes += key.len() + value.bytes.len();
        self.order.insert((value.until, key.to_owned()));
        self.values.insert(key.to_owned(), value);
    }

    fn expire(&mut self, now: Instant) {
        while let Some((until, key)) = self.order.first().cloned()
            && until <= now
        {
            self.remove(&key);
        }
    }
}

impl MemoryValues {
    /// Empty, with room for so many values and bytes.
    pub fn new(entries_max: usize, bytes_max: usize) -> Self {
        Self { shelf: Mutex::new(Shelf::default()), entries_max, bytes_max }
    }

    fn store(&self, shelf: &mut Shelf, key: &str, bytes: Vec<u8>, until: Instant) -> Result<(), PutFailure> {
        let old = shelf.values.get(key).map(|old| key.len() + old.bytes.len());
        let entries = shelf.values.len() + usize::from(old.is_none());
        let size = shelf.bytes - old.unwrap_or(0) + key.len() + bytes.len();
        if entries > self.entries_max {
            let used = shelf.values.len();
            return Err(PutFailure::Full { used, limit: self.entries_max, unit: "values" });
        }
        if size > self.bytes_max {
            return Err(PutFailure::Full { used: shelf.bytes, limit: self.bytes_max, unit: "bytes" });
        }
        shelf.remove(key);
        shelf.insert(key, Value { bytes, until });
        Ok(())
    }
}

impl MemoryValues {
    fn put_at(&self, key: &str, value: Vec<u8>, life: Duration, now: Instant) -> Result<(), PutFailure> {
        let mut shelf = self.shelf.lock();
        shelf.expire(now);
        self.store(&mut shelf, key, value, now + life)
    }

    /// Refuses a step that does not fit as a whole.
    fn check_room(&self, shelf: &Shelf, swaps: &[Swap]) -> Result<(), PutFailure> {
        let (mut entries, mut bytes) = (shelf.values.len(), shelf.bytes);
        for Swap { key, expected, value } in swaps {
            if let Some(old) = expected {
                entries -= 1;
                bytes -= key.len() + old.len();
            }
            if let Some((new, _)) = value {
                entries += 1;
                bytes += key.len() + new.len();
            }
        }
        if entries > self.entries_max && entries > shelf.values.len() {
            let used = shelf.values.len();
            return Err(PutFailure::Full { used, limit: self.entries_max, unit: "values" });
        }
        if bytes > self.bytes_max && bytes > shelf.bytes {
            return Err(PutFailure::Full { used: shelf.bytes, limit: self.bytes_max, unit: "bytes" });
        }
        Ok(())
    }

    fn get_at(&self, key: &str, now: Instant) -> Option<Vec<u8>> {
        let shelf = self.shelf.lock();
        shelf.values.get(key).filter(|value| value.until > now).map(|value| value.bytes.clone())
    }
}

#[async_trait]
impl Values for MemoryValues {
    async fn put(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<(), PutFailure> {
        self.put_at(key, value, life, Instant::now())
    }

    async fn put_if_absent(&self, key: &str, value: Vec<u8>, life: Duration) -> Result<bool, PutFailure> {
        let now = Instant::now();
        let mut shelf = self.shelf.lock();
        shelf.expire(now);
        if shelf.values.contains_key(key) {
            return Ok(false);
        }
        self.store(&mut shelf, key, value, now + life).map(|()| true)
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered> {
        Ok(self.get_at(key, Instant::now()))
    }

    async fn take(&self, key: &str) -> Result<Option<Vec<u8>>, Unanswered> {
        let now = Instant::now();
        let value = self.shelf.lock().remove(key);
        Ok(value.filter(|value| value.until > now).map(|value| value.bytes))
    }

    async fn swap(&self, swaps: &[Swap]) -> Result<bool, PutFailure> {
        let now = Instant::now();
        let mut shelf = self.shelf.lock();
        shelf.expire(now);
        let found = |key: &str| shelf.values.get(key).map(|value| value.bytes.as_slice());
        if swaps.iter().any(|swap| found(&swap.key) != swap.expected.as_deref()) {
            return Ok(false);
        }
        self.check_room(&shelf, swaps)?;
        for Swap { key, value, .. } in swaps {
            shelf.remove(key);
            if let Some((bytes, life)) = value {
                shelf.insert(key, Value { bytes: bytes.clone(), until: now + *life });
            }
        }
        Ok(true)
    }

    fn sweep(&self) {
        self.shelf.lock().expire(Instant::now());
    }

    fn size(&self) -> Option<(usize, usize)> {
        let shelf = self.shelf.lock();
        Some((shelf.values.len(), shelf.bytes))
    }

    async fn probe(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_more_values_and_bytes_than_there_is_room_for() {
        let values = MemoryValues::new(2, 100);
        let now = Instant::now();
        values.put_at("a", vec![0; 40], SECOND, now).unwrap();
        values.put_at("b", vec![0; 40], SECOND, now).unwrap();
        let full = values.put_at("c", vec![], SECOND, now);
        assert_eq!(full, Err(PutFailure::Full { used: 2, limit: 2, unit: "values" }));
        let full = values.put_at("a", vec![0; 60], SECOND, now);
        assert_eq!(full, Err(PutFailure::Full { used: 82, limit: 100, unit: "bytes" }));
        assert_eq!(values.get_at("a", now), Some(vec![0; 40]), "a refused value replaces nothing");
        values.put_at("a", vec![0; 58], SECOND, now).unwrap();
        assert_eq!(values.size(), Some((2, 100)));
    }

    #[test]
    fn what_has_expired_makes_room_and_leaves_nothing_behind() {
        let values = MemoryValues::new(1, 100);
        let now = Instant::now();
        values.put_at("a", vec![0; 9], SECOND, now).unwrap();
        assert!(values.get_at("a", now + SECOND / 2).is_some());
        assert_eq!(values.get_at("a", now + SECOND), None);
        values.put_at("b", vec![0; 9], SECOND, now + SECOND).unwrap();
        assert_eq!(values.size(), Some((1, 10)));
        let mut shelf = values.shelf.lock();
        shelf.expire(now + 2 * SECOND);
        assert_eq!((shelf.values.len(), shelf.order.len(), shelf.bytes), (0, 0, 0));
    }

    #[test]
    fn a_replaced_value_lives_as_long_as_the_new_one() {
        let values = MemoryValues::new(10, 100);
        let now = Instant::now();
        values.put_at("a", vec![1], SECOND, now).unwrap();
        values.put_at("a", vec![2], 5 * SECOND, now).unwrap();
        values.shelf.lock().expire(now + 2 * SECOND);
        assert_eq!(values.get_at("a", now + 2 * SECOND), Some(vec![2]));
    }
}
