//! What is due when: one pending timer for each entity.

use crate::tick::Tick;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A heap of timers. An entity's stamp tells its pending timer from those that it gave up.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Tick, usize, u64)>>,
    last_stamp: u64,
}

impl Timers {
    /// Sets the timer of a slot; the stamp that the entity has to keep.
    pub(crate) fn set(&mut self, due: Tick, slot: usize) -> u64 {
        self.last_stamp += 1;
        self.heap.push(Reverse((due, slot, self.last_stamp)));
        self.last_stamp
    }

    /// The earliest timer, given up or not.
    pub(crate) fn first(&self) -> Option<Tick> {
        self.heap.peek().map(|Reverse((due, _, _))| *due)
    }

    /// Takes the earliest timer that is due: slot and stamp.
    pub(crate) fn take(&mut self, now: Tick) -> Option<(Tick, usize, u64)> {
        if self.first()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(timer)| timer)
    }
}
