//! Whose friends are to be read, in which order, and which records may change without anybody being told. Pure.

use model::CharacterId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a record is in doubt: well over the time in which the store ends what a crash left (some five seconds).
const DOUBT_FOR: Duration = Duration::from_secs(20);
/// How often it is read meanwhile.
const DOUBT_EVERY: Duration = Duration::from_secs(1);
/// Records that can be in doubt; what becomes of more is learnt when their characters come again.
const DOUBTS_MAX: usize = 4_096;

/// A record that may have been changed, or may be yet.
struct Doubt {
    /// It has been changed when it has a higher version.
    version: u64,
    next: Instant,
    until: Instant,
}

/// See the module.
#[derive(Default)]
pub(super) struct Reading {
    /// By how often it failed: so a shard that is away holds nobody up but its own, and of those everyone has its turn.
    unread: BTreeSet<(u32, CharacterId)>,
    /// How often in a row somebody could not be read.
    failures: HashMap<CharacterId, u32>,
    doubts: BTreeMap<CharacterId, Doubt>,
    wake: Arc<Notify>,
}

impl Reading {
    /// Comes back when somebody is to be read.
    pub(super) fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    fn is_asked(&self, character: CharacterId) -> bool {
        let failures = self.failures.get(&character).copied().unwrap_or(0);
        self.unread.contains(&(failures, character))
    }

    /// Somebody is to be read. Who waits for that already keeps its turn.
    pub(super) fn ask(&mut self, character: CharacterId) {
        if !self.is_asked(character) {
            self.failures.remove(&character);
            self.unread.insert((0, character));
        }
        self.wake.notify_one();
    }

    /// Somebody could not be read, and is to be tried again.
    pub(super) fn failed(&mut self, character: CharacterId, now: Instant) {
        if let Some(doubt) = self.doubts.get_mut(&character) {
            doubt.until = now + DOUBT_FOR; // what is not answered says nothing
        }
        // asked anew while it was read, it waits already
        if !self.is_asked(character) {
            let failures = self.failures.entry(character).or_default();
            *failures = failures.saturating_add(1);
            self.unread.insert((*failures, character));
        }
        self.wake.notify_one();
    }

    /// The record of somebody is known in this version.
    pub(super) fn learnt(&mut self, character: CharacterId, version: u64) {
        if self.doubts.get(&character).is_some_and(|doubt| version > doubt.version) {
            self.doubts.remove(&character);
        }
        if !self.is_asked(character) {
            self.failures.remove(&character);
        }
    }

    /// Somebody is not in the world any more.
    pub(super) fn forget(&mut self, character: CharacterId) {
        let failures = self.failures.remove(&character).unwrap_or(0);
        self.unread.remove(&(failures, character));
    }

    /// Some who are to be read: first who was not tried yet, then who was tried least often.
    pub(super) fn take(&mut self, most: usize) -> Vec<CharacterId> {
        let some = (0..most).map_while(|_| self.unread.pop_first());
        some.map(|(_, character)| character).collect()
    }

    /// Whether one of them was not tried without success before.
    pub(super) fn has_untried(&self) -> bool {
        self.unread.first().is_some_and(|(failures, _)| *failures == 0)
    }

    /// The record of somebody, which had this version, may have been changed, or may be yet.
    pub(super) fn doubt(&mut self, character: CharacterId, version: u64, now: Instant) {
        if self.doubts.len() < DOUBTS_MAX || self.doubts.contains_key(&character) {
            let doubt = Doubt { version, next: now + DOUBT_EVERY, until: now + DOUBT_FOR };
            self.doubts.insert(character, doubt);
        }
    }

    /// Whose records are to be read now since they are in doubt.
    pub(super) fn doubtful(&mut self, now: Instant) -> Vec<CharacterId> {
        self.doubts.retain(|_, doubt| doubt.until > now);
        let due = self.doubts.iter_mut().filter(|(_, doubt)| doubt.next <= now);
        due.map(|(character, doubt)| {
            doubt.next = now + DOUBT_EVERY;
            *character
        })
        .collect()
    }
}
