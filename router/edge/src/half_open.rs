//! Connections that have not logged in: how many there are, and who goes when there are too many.

use crate::metrics::CloseReason;
use crate::sessions::Kill;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Half-open connections in the order they came: those without an init code, and those with one.
#[derive(Debug, Default)]
pub(crate) struct HalfOpen {
    silent: BTreeMap<u64, Arc<Kill>>,
    speaking: BTreeMap<u64, Arc<Kill>>,
}

impl HalfOpen {
    /// A connection came. When there are more than `most`, the oldest without an init code goes; when all
    /// have sent theirs, the oldest.
    pub(crate) fn add(&mut self, number: u64, kill: Arc<Kill>, most: usize) {
        if self.len() >= most.max(1) {
            self.evict();
        }
        self.silent.insert(number, kill);
    }

    /// Makes room: the oldest without an init code goes, or else the oldest.
    pub(crate) fn evict(&mut self) {
        if let Some((_, victim)) = self.silent.pop_first().or_else(|| self.speaking.pop_first()) {
            victim.kill(CloseReason::Evicted);
        }
    }

    /// A connection sent its init code.
    pub(crate) fn spoke(&mut self, number: u64) {
        if let Some(kill) = self.silent.remove(&number) {
            self.speaking.insert(number, kill);
        }
    }

    /// A connection logged in or went away.
    pub(crate) fn remove(&mut self, number: u64) {
        if self.silent.remove(&number).is_none() {
            self.speaking.remove(&number);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.silent.len() + self.speaking.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_silent_connection_goes_before_one_that_speaks() {
        let kills: Vec<Arc<Kill>> = (0..5).map(|_| Arc::default()).collect();
        let mut half_open = HalfOpen::default();
        for (number, kill) in kills.iter().take(3).enumerate() {
            half_open.add(number as u64, Arc::clone(kill), 3);
        }
        half_open.spoke(0);
        half_open.add(3, Arc::clone(&kills[3]), 3);
        half_open.spoke(2);
        half_open.spoke(3);
        half_open.add(4, Arc::clone(&kills[4]), 3);
        let evicted: Vec<bool> = kills.iter().map(|kill| kill.reason().is_some()).collect();
        assert_eq!(evicted, [true, true, false, false, false]);
        assert_eq!(half_open.len(), 3);
        half_open.remove(2);
        half_open.remove(2);
        assert_eq!(half_open.len(), 2);
    }
}
