//! Who of a player's friends is in the world, and what the player was told of that. Pure.
//!
//! ```text
//!           arrives             learn (friends are read)
//!  unknown ────────▶ unread ────────────────────────────▶ watching ──▶ departs: unknown, its friends are told
//!                      ▲        read anew (maybe changed)     │
//!                      └──────────────────────────────────────┘
//! ```
//!
//! States are compared, nothing is announced: what each player was told last is kept by its edge, too, which reports it.
//! So a directory that was restarted tells of those who came or went meanwhile, and of nobody else. A friend whom no
//! edge has reported yet counts as in the world for a while.

mod reading;

use crate::directory::Entry;
use model::calls::registry::ToEdge;
use model::friend::Here;
use model::{AccountId, CharacterId, SessionId};
use reading::Reading;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::friends::{Circle, Held, Known};
use tokio::sync::Notify;

/// Who left or was deleted, until that is written down; of more it is not.
const WRITTEN_LATER_MAX: usize = 4_096;

/// Somebody in the world.
pub(crate) struct Arrival {
    character: CharacterId,
    name: String,
    session: SessionId,
    account: AccountId,
}

impl Arrival {
    /// `None` for who only has chosen its character, or none.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        let member = entry.member()?;
        let (session, account) = (entry.record.session, entry.record.account);
        Some(Self { character: member.character, name: member.name.to_string(), session, account })
    }
}

/// What a session was told of its friends.
pub(crate) enum Told {
    /// As it is known here.
    AsKnown,
    /// As its edge reports.
    Reported(Option<Vec<CharacterId>>),
}

/// Somebody in the world, and what it was told.
struct Watch {
    name: String,
    session: SessionId,
    account: AccountId,
    /// Version of the record that this follows from; `None` until it is read.
    version: Option<u64>,
    friends: BTreeMap<CharacterId, String>,
    asking: u32,
    /// `None` until it is told the first time.
    told: Option<BTreeSet<CharacterId>>,
    /// Of these nothing is said the next time.
    quiet: BTreeSet<CharacterId>,
}

/// See the module. Who has a watch is in the world.
#[derive(Default)]
pub(crate) struct Presence {
    watches: HashMap<CharacterId, Watch>,
    /// By friend, those in the world who have it for a friend.
    watched_by: HashMap<CharacterId, BTreeSet<CharacterId>>,
    /// Of whom players were told, and whom no edge has reported here since then.
    unseen: HashMap<CharacterId, Instant>,
    /// Whose friends are to be read.
    reading: Reading,
    /// Who has to be told something, maybe.
    due: BTreeSet<CharacterId>,
    /// Who left and has friends.
    departed: BTreeMap<CharacterId, AccountId>,
    /// Who was deleted, and whom it knew.
    deleted: Vec<(CharacterId, Vec<Known>)>,
}

impl Presence {
    /// Somebody is in the world; nothing happens when that is known.
    pub(crate) fn arrives(&mut self, arrival: Arrival, told: Told, now: Instant) {
        let Arrival { character, name, session, account } = arrival;
        self.unseen.remove(&character);
        let known = self.watches.get(&character).is_some_and(|watch| watch.session == session);
        if known && matches!(told, Told::AsKnown) {
            return;
        }
        let reported = match told {
            Told::Reported(Some(list)) => {
                for friend in list.iter().filter(|friend| !self.watches.contains_key(friend)) {
                    self.unseen.entry(*friend).or_insert(now);
                }
                Some(list.into_iter().collect())
            }
            Told::Reported(None) | Told::AsKnown => None,
        };
        let watch = self.watches.entry(character).or_insert_with(|| Watch {
            name,
            session,
            account,
            version: None,
            friends: BTreeMap::new(),
            asking: 0,
            told: None,
            quiet: BTreeSet::new(),
        });
        (watch.session, watch.account, watch.told) = (session, account, reported);
        // another directory may have changed them meanwhile
        self.read_anew(character);
        self.look_around(character);
    }

    /// Somebody is not in the world any more.
    pub(crate) fn departs(&mut self, character: CharacterId) {
        let Some(watch) = self.watches.remove(&character) else { return };
        self.reading.forget(character);
        for friend in watch.friends.keys() {
            self.unwatch(*friend, character);
        }
        if !watch.friends.is_empty() && self.departed.len() < WRITTEN_LATER_MAX {
            self.departed.insert(character, watch.account);
        }
        self.look_around(character);
    }

    /// Whoever has somebody for a friend may have to be told.
    fn look_around(&mut self, character: CharacterId) {
        self.due.extend(self.watched_by.get(&character).into_iter().flatten());
    }

    fn unwatch(&mut self, friend: CharacterId, by: CharacterId) {
        if let Some(all) = self.watched_by.get_mut(&friend) {
            all.remove(&by);
            if all.is_empty() {
                self.watched_by.remove(&friend);
            }
        }
    }

    /// Comes back when somebody's friends are to be read.
    pub(crate) fn waker(&self) -> Arc<Notify> {
        self.reading.waker()
    }

    /// Some of those whose friends are to be read: first who was not tried yet, then who was tried least often.
    pub(crate) fn take_unread(&mut self, most: usize) -> Vec<(CharacterId, AccountId)> {
        let some = self.reading.take(most).into_iter();
        some.filter_map(|one| Some((one, self.watches.get(&one)?.account))).collect()
    }

    /// Whether somebody's friends are to be read that was not tried without success before.
    pub(crate) fn has_untried(&self) -> bool {
        self.reading.has_untried()
    }

    /// Somebody's friends could not be read.
    pub(crate) fn unread_still(&mut self, character: CharacterId, now: Instant) {
        if self.watches.contains_key(&character) {
            self.reading.failed(character, now);
        }
    }

    /// Somebody's friends may have changed; nothing happens when it is not in the world.
    pub(crate) fn read_anew(&mut self, character: CharacterId) {
        if self.watches.contains_key(&character) {
            self.reading.ask(character);
        }
    }

    /// Nobody knows whether the record of somebody, which had this version, was changed, or will be: it is read until it
    /// has another one, or until a change would have been seen.
    pub(crate) fn doubt(&mut self, character: CharacterId, version: u64, now: Instant) {
        self.reading.doubt(character, version, now);
        self.read_anew(character);
    }

    /// Has the records in doubt read again that are due.
    pub(crate) fn mind_doubts(&mut self, now: Instant) {
        for character in self.reading.doubtful(now) {
            self.read_anew(character);
        }
    }

    /// What the record of somebody says, as it was read or written; of one of them nothing is said.
    pub(crate) fn learn(&mut self, character: CharacterId, held: &Held, quiet: Option<CharacterId>) {
        self.reading.learnt(character, held.version);
        let Some(watch) = self.watches.get_mut(&character) else { return };
        self.due.insert(character);
        // what was read before it was changed comes late
        if watch.version.is_some_and(|version| version > held.version) {
            return;
        }
        let Held { circle: Circle { friends, asking, .. }, version } = held;
        let knew = watch.version.replace(*version).is_some();
        watch.asking = u32::try_from(asking.len()).unwrap_or(u32::MAX);
        let now = friends.iter().map(|Known(friend, _, name)| (*friend, name.clone())).collect();
        let before = std::mem::replace(&mut watch.friends, now);
        // one who is a friend no more did not leave, and one who became a friend did not come
        watch.quiet.extend(before.keys().filter(|friend| !watch.friends.contains_key(friend)));
        if knew {
            watch.quiet.extend(watch.friends.keys().filter(|friend| !before.contains_key(friend)));
        }
        watch.quiet.extend(quiet);
        for friend in before.into_keys() {
            self.unwatch(friend, character);
        }
        for Known(friend, ..) in friends {
            self.watched_by.entry(*friend).or_default().insert(character);
        }
    }

    /// Who has to be told something, maybe.
    pub(crate) fn take_due(&mut self) -> BTreeSet<CharacterId> {
        std::mem::take(&mut self.due)
    }

    /// It could not be told now.
    pub(crate) fn again(&mut self, of: CharacterId) {
        self.due.insert(of);
    }

    fn here(&self, watch: &Watch) -> Vec<Here> {
        let told = |friend: &CharacterId| watch.told.as_ref().is_some_and(|told| told.contains(friend));
        let is_here = |(friend, name): (&CharacterId, &String)| {
            let name = match self.watches.get(friend) {
                Some(friend) => friend.name.clone(),
                None if told(friend) && self.unseen.contains_key(friend) => name.clone(),
                None => return None,
            };
            Some(Here { character: *friend, name })
        };
        watch.friends.iter().filter_map(is_here).collect()
    }

    /// What somebody has to be told; `None`: nothing, or not yet.
    pub(crate) fn news_for(&mut self, of: CharacterId) -> Option<ToEdge> {
        let here = self.here(self.watches.get(&of)?);
        let watch = self.watches.get_mut(&of).filter(|watch| watch.version.is_some())?;
        let is_told = |told: &BTreeSet<CharacterId>| here.iter().map(|one| &one.character).eq(told);
        if watch.told.as_ref().is_some_and(is_told) {
            watch.quiet.clear();
            return None;
        }
        let (session, asking, quiet) = (watch.session, watch.asking, watch.quiet.iter().copied().collect());
        Some(ToEdge::Friends { session, of, here, quiet, asking })
    }

    /// Somebody was told what [`Presence::news_for`] said.
    pub(crate) fn was_told(&mut self, of: CharacterId) {
        let Some(watch) = self.watches.get(&of) else { return };
        let here = self.here(watch).into_iter().map(|one| one.character).collect();
        if let Some(watch) = self.watches.get_mut(&of) {
            watch.told = Some(here);
            watch.quiet.clear();
        }
    }

    /// Who is not reported by any edge since `linger` is not in the world.
    pub(crate) fn expire(&mut self, linger: Duration, now: Instant) {
        let over = self.unseen.iter().filter(|(_, since)| **since + linger <= now);
        let gone: Vec<CharacterId> = over.map(|(character, _)| *character).collect();
        for character in gone {
            self.unseen.remove(&character);
            self.look_around(character);
        }
    }

    /// Who left and has friends, since this was asked last.
    pub(crate) fn take_departed(&mut self) -> BTreeMap<CharacterId, AccountId> {
        std::mem::take(&mut self.departed)
    }

    /// A character was deleted that knew these.
    pub(crate) fn was_deleted(&mut self, character: CharacterId, knew: Vec<Known>) {
        if self.deleted.len() < WRITTEN_LATER_MAX && !knew.is_empty() {
            self.deleted.push((character, knew));
        }
    }

    /// Who was deleted, and whom it knew, since this was asked last.
    pub(crate) fn take_deleted(&mut self) -> Vec<(CharacterId, Vec<Known>)> {
        std::mem::take(&mut self.deleted)
    }
}

#[cfg(test)]
mod tests;
