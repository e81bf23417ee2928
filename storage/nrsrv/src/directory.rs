//! What the edges hold: sessions by id, by edge and by character, and the streams that lead to the edges.
//!
//! ```text
//!            Hello                  stream closed                linger over
//!   unknown ──────▶ connected ────────────────────▶ lingering ───────────────▶ unknown, sessions dropped
//!                       ▲                Hello           │
//!                       └────────────────────────────────┘
//! ```

use crate::sessions::{PinState, Record};
use model::calls::registry::ToEdge;
use model::membership::ProcessName;
use model::{AccountId, CharacterId, CharacterName, SessionId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Queues a message for an edge without waiting; false when it cannot be queued.
pub(crate) type Push = Arc<dyn Fn(&ToEdge) -> bool + Send + Sync>;

/// One session of an edge.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) character: Option<(CharacterId, CharacterName)>,
}

enum Line {
    Connected { stream: u64, push: Push },
    Lingering { since: Instant },
}

/// See the module.
#[derive(Default)]
pub(crate) struct Directory {
    sessions: HashMap<SessionId, Entry>,
    characters: HashMap<String, SessionId>,
    edges: HashMap<ProcessName, Line>,
    /// Logins under way; true when the edge has ended the session in the meantime.
    logins: HashMap<SessionId, bool>,
}

impl Directory {
    /// Adds a session, or replaces what is known of it. An edge that is not connected lingers from `now`.
    pub(crate) fn insert(&mut self, entry: Entry, now: Instant) {
        self.remove(entry.record.session);
        self.edges.entry(entry.record.edge.clone()).or_insert(Line::Lingering { since: now });
        if let Some((_, name)) = &entry.character {
            self.characters.insert(name.key(), entry.record.session);
        }
        self.sessions.insert(entry.record.session, entry);
    }

    /// A login begins.
    pub(crate) fn begin_login(&mut self, session: SessionId) {
        self.logins.insert(session, false);
    }

    /// The login is over, whatever came of it.
    pub(crate) fn end_login(&mut self, session: SessionId) {
        self.logins.remove(&session);
    }

    /// True when the edge has given up a session whose login is still under way.
    pub(crate) fn is_given_up(&self, session: SessionId) -> bool {
        self.logins.get(&session).is_some_and(|given_up| *given_up)
    }

    /// The edge ends a session: a login of it that is still under way must not open it.
    pub(crate) fn give_up(&mut self, session: SessionId) {
        if let Some(given_up) = self.logins.get_mut(&session) {
            *given_up = true;
        }
    }

    pub(crate) fn remove(&mut self, session: SessionId) -> Option<Entry> {
        let entry = self.sessions.remove(&session)?;
        self.forget_character(&entry);
        Some(entry)
    }

    fn forget_character(&mut self, entry: &Entry) {
        if let Some((_, name)) = &entry.character
            && self.characters.get(&name.key()) == Some(&entry.record.session)
        {
            self.characters.remove(&name.key());
        }
    }

    pub(crate) fn get(&self, session: SessionId) -> Option<&Entry> {
        self.sessions.get(&session)
    }

    /// Writes down what a session has shown of the PIN; the record as it is now.
    pub(crate) fn set_pin(&mut self, session: SessionId, pin: PinState) -> Option<Record> {
        let entry = self.sessions.get_mut(&session)?;
        entry.record.pin = pin;
        Some(entry.record.clone())
    }

    /// The session plays this character now; false when the session is unknown.
    pub(crate) fn set_character(
        &mut self,
        session: SessionId,
        character: Option<(CharacterId, CharacterName)>,
    ) -> bool {
        let Some(mut entry) = self.sessions.remove(&session) else { return false };
        self.forget_character(&entry);
        if let Some((_, name)) = &character {
            self.characters.insert(name.key(), session);
        }
        entry.character = character;
        self.sessions.insert(session, entry);
        true
    }

    /// The session that plays a character of this folded name.
    pub(crate) fn playing(&self, key: &str) -> Option<&Entry> {
        self.characters.get(key).and_then(|session| self.sessions.get(session))
    }

    /// The session of an account.
    pub(crate) fn of_account(&self, account: AccountId) -> Option<&Entry> {
        self.sessions.values().find(|entry| entry.record.account == account)
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(crate) fn of_edge(&self, edge: &ProcessName) -> Vec<Entry> {
        self.sessions.values().filter(|entry| entry.record.edge == *edge).cloned().collect()
    }

    pub(crate) fn all(&self) -> Vec<Entry> {
        self.sessions.values().cloned().collect()
    }

    /// The stream of an edge, instead of an older one; a newer one stays.
    pub(crate) fn connect(&mut self, edge: ProcessName, stream: u64, push: Push) {
        let newer =
            matches!(self.edges.get(&edge), Some(Line::Connected { stream: other, .. }) if *other > stream);
        if !newer {
            self.edges.insert(edge, Line::Connected { stream, push });
        }
    }

    /// The stream is closed; nothing happens when the edge has a newer one.
    pub(crate) fn disconnect(&mut self, edge: &ProcessName, stream: u64, now: Instant) {
        if let Some(line) = self.edges.get_mut(edge)
            && matches!(line, Line::Connected { stream: current, .. } if *current == stream)
        {
            *line = Line::Lingering { since: now };
        }
    }

    pub(crate) fn is_connected(&self, edge: &ProcessName) -> bool {
        matches!(self.edges.get(edge), Some(Line::Connected { .. }))
    }

    /// Queues a message for an edge; false when it is not connected or its queue is full.
    pub(crate) fn push(&self, edge: &ProcessName, message: &ToEdge) -> bool {
        match self.edges.get(edge) {
            Some(Line::Connected { push, .. }) => push(message),
            _ => false,
        }
    }

    /// Tells every connected edge; how many took it, of how many.
    pub(crate) fn push_all(&self, message: &ToEdge) -> (usize, usize) {
        let mut told = (0, 0);
        for line in self.edges.values() {
            if let Line::Connected { push, .. } = line {
                told.1 += 1;
                told.0 += usize::from(push(message));
            }
        }
        told
    }

    /// Forgets edges that have been away too long; their sessions.
    pub(crate) fn expire(&mut self, linger: Duration, now: Instant) -> Vec<Entry> {
        let over = |line: &Line| matches!(line, Line::Lingering { since } if *since + linger <= now);
        let gone: Vec<ProcessName> =
            self.edges.iter().filter(|(_, line)| over(line)).map(|(edge, _)| edge.clone()).collect();
        let mut dropped = Vec::new();
        for edge in gone {
            self.edges.remove(&edge);
            for entry in self.of_edge(&edge) {
                self.remove(entry.record.session);
                dropped.push(entry);
            }
        }
        dropped
    }
}
