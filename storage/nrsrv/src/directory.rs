//! What the edges hold: sessions by id, by edge and by character, and the streams that lead to the edges.
//!
//! ```text
//!            Hello                  stream closed                linger over
//!   unknown ──────▶ connected ────────────────────▶ lingering ───────────────▶ unknown, sessions dropped
//!                       ▲                Hello           │
//!                       └────────────────────────────────┘
//! ```

use crate::parties::{News, Parties};
use crate::presence::{Arrival, Presence, Told};
use crate::sessions::{PinState, Record};
use model::calls::registry::ToEdge;
use model::membership::ProcessName;
use model::social::{Member, Party, Persona};
use model::{AccountId, CharacterId, CharacterName, GuildId, SessionId};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Queues a message for an edge without waiting; false when it cannot be queued.
pub(crate) type Push = Arc<dyn Fn(&ToEdge) -> bool + Send + Sync>;

/// Members who left, until it is written down; of more it is not.
const DEPARTED_MAX: usize = 4_096;

/// One session of an edge.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) character: Option<(CharacterId, CharacterName)>,
    /// What the character is like, once its edge knows.
    pub(crate) persona: Option<Persona>,
}

impl Entry {
    fn plays(&self, character: CharacterId) -> bool {
        self.character.as_ref().is_some_and(|(id, _)| *id == character)
    }

    /// Who is played, once it is known what it is like.
    pub(crate) fn member(&self) -> Option<Member> {
        let (character, name) = self.character.clone()?;
        Some(Member { character, name, persona: self.persona? })
    }
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
    ids: HashMap<CharacterId, SessionId>,
    edges: HashMap<ProcessName, Line>,
    /// Logins under way; true when the edge has ended the session in the meantime.
    logins: HashMap<SessionId, bool>,
    parties: Parties,
    /// Sessions that could not be told of their party.
    untold: BTreeSet<SessionId>,
    /// Who of those who play was asked to join a guild, and by whom last.
    guild_asked: HashMap<CharacterId, CharacterId>,
    /// Members of guilds who are not played any more, until it is written down.
    departed: Vec<(CharacterId, GuildId)>,
    /// Who is told of whose comings and goings.
    presence: Presence,
}

impl Directory {
    /// Adds a session, or replaces what is known of it. An edge that is not connected lingers from `now`.
    pub(crate) fn insert(&mut self, entry: Entry, now: Instant) {
        self.adopt(entry, Told::AsKnown, now);
    }

    /// The same, with what its edge says that it was told of its friends.
    pub(crate) fn adopt(&mut self, entry: Entry, told: Told, now: Instant) {
        let before = self.take(entry.record.session);
        self.edges.entry(entry.record.edge.clone()).or_insert(Line::Lingering { since: now });
        let arrival = Arrival::of(&entry);
        self.put(entry);
        self.part(before.as_ref());
        if let Some(arrival) = arrival {
            self.presence.arrives(arrival, told, now);
        }
        self.tell_friends();
    }

    fn put(&mut self, entry: Entry) {
        let session = entry.record.session;
        if let Some((id, name)) = &entry.character {
            self.characters.insert(name.key(), session);
            self.ids.insert(*id, session);
        }
        self.sessions.insert(session, entry);
    }

    fn take(&mut self, session: SessionId) -> Option<Entry> {
        let entry = self.sessions.remove(&session)?;
        if let Some((id, name)) = &entry.character {
            if self.characters.get(&name.key()) == Some(&session) {
                self.characters.remove(&name.key());
            }
            if self.ids.get(id) == Some(&session) {
                self.ids.remove(id);
            }
        }
        Some(entry)
    }

    /// Takes who is not played any more out of its party.
    fn part(&mut self, before: Option<&Entry>) {
        let Some(Entry { character: Some((id, _)), persona, .. }) = before else { return };
        let id = *id;
        if !self.ids.contains_key(&id) {
            self.guild_asked.remove(&id);
            let guild = persona.map_or(0, |persona| persona.guild);
            if guild != 0 && self.departed.len() < DEPARTED_MAX {
                self.departed.push((id, GuildId(guild)));
            }
            let news = self.parties.leave(id);
            self.tell_parties(news);
            self.presence.departs(id);
        }
    }

    /// Who is told of whose comings and goings.
    pub(crate) fn presence(&mut self) -> &mut Presence {
        &mut self.presence
    }

    /// Tells players which of their friends are in the world now, where that is not what they were told.
    pub(crate) fn tell_friends(&mut self) {
        for of in self.presence.take_due() {
            let Some(message) = self.presence.news_for(of) else { continue };
            let ToEdge::Friends { session, .. } = &message else { continue };
            let Some(entry) = self.sessions.get(session) else { continue };
            if self.push(&entry.record.edge, &message) {
                self.presence.was_told(of);
            } else if self.is_connected(&entry.record.edge) {
                // an edge that is away says what it was told when it reports
                self.presence.again(of);
            }
        }
    }

    /// Somebody is asked to join a guild.
    pub(crate) fn ask_to_guild(&mut self, whom: CharacterId, by: CharacterId) {
        self.guild_asked.insert(whom, by);
    }

    /// Who asked somebody to join a guild last.
    pub(crate) fn asked_to_guild(&self, whom: CharacterId) -> Option<CharacterId> {
        self.guild_asked.get(&whom).copied()
    }

    /// It was answered.
    pub(crate) fn forget_guild_asked(&mut self, whom: CharacterId) {
        self.guild_asked.remove(&whom);
    }

    /// Members of guilds who are not played any more since this was asked last.
    pub(crate) fn take_departed(&mut self) -> Vec<(CharacterId, GuildId)> {
        std::mem::take(&mut self.departed)
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
        let entry = self.take(session)?;
        self.untold.remove(&session);
        self.part(Some(&entry));
        self.tell_friends();
        Some(entry)
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
        let Some(before) = self.take(session) else { return false };
        let is_the_same = character.as_ref().is_some_and(|(id, _)| before.plays(*id));
        let persona = before.persona.filter(|_| is_the_same);
        self.put(Entry { record: before.record.clone(), character, persona });
        self.part(Some(&before));
        self.tell_friends();
        true
    }

    /// What the character of a session is like now; false when the session is unknown or plays none.
    pub(crate) fn describe(&mut self, session: SessionId, persona: Persona) -> bool {
        let Some(entry) = self.sessions.get_mut(&session) else { return false };
        entry.persona = Some(persona);
        let Some(member) = entry.member() else { return false };
        self.parties.describe(&member);
        // who is described is in the world, and was not before: until then it only had chosen its character
        if let Some(arrival) = Arrival::of(entry) {
            self.presence.arrives(arrival, Told::AsKnown, Instant::now());
        }
        self.tell_friends();
        true
    }

    /// The book of parties.
    pub(crate) fn parties(&self) -> &Parties {
        &self.parties
    }

    /// Changes it, and tells who has to know.
    pub(crate) fn change_parties<E>(
        &mut self,
        change: impl FnOnce(&mut Parties) -> Result<Vec<News>, E>,
    ) -> Result<(), E> {
        let news = change(&mut self.parties)?;
        self.tell_parties(news);
        Ok(())
    }

    /// Takes over a copy of a party; the sessions that it concerns, which are not told yet.
    pub(crate) fn adopt_party(&mut self, copy: Party) -> Vec<SessionId> {
        let news = self.parties.adopt(copy);
        let concerned = news.iter().flat_map(|news| &news.to);
        concerned.filter_map(|character| self.ids.get(character).copied()).collect()
    }

    fn tell_parties(&mut self, news: Vec<News>) {
        for News { to, .. } in news {
            for character in to {
                if let Some(session) = self.ids.get(&character).copied() {
                    self.tell_party(session);
                }
            }
        }
    }

    /// Tells a session how its party is now; when that cannot be told, it is tried again.
    pub(crate) fn tell_party(&mut self, session: SessionId) {
        let Some(entry) = self.sessions.get(&session) else { return };
        let party = entry.character.as_ref().and_then(|(id, _)| self.parties.of(*id)).cloned();
        let edge = entry.record.edge.clone();
        if self.push(&edge, &ToEdge::Party { session, party }) {
            self.untold.remove(&session);
        } else {
            self.untold.insert(session);
        }
    }

    /// Tells again what could not be told, and takes out of their parties who is not played since `linger`.
    pub(crate) fn mind_parties(&mut self, linger: Duration, now: Instant) {
        let untold: Vec<SessionId> = self.untold.iter().copied().collect();
        for session in untold {
            // an edge that is away is told when it reports
            if self.sessions.get(&session).is_some_and(|entry| self.is_connected(&entry.record.edge)) {
                self.tell_party(session);
            } else {
                self.untold.remove(&session);
            }
        }
        let ids = &self.ids;
        let news = self.parties.expire(|member| ids.contains_key(&member.character), linger, now);
        self.tell_parties(news);
    }

    /// Tells again of friends what could not be told, and of those whom no edge reports since `linger`; has the records
    /// read again of which nobody knows what became of them.
    pub(crate) fn mind_presence(&mut self, linger: Duration, now: Instant) {
        self.presence.expire(linger, now);
        self.presence.mind_doubts(now);
        self.tell_friends();
    }

    /// The session that plays a character.
    pub(crate) fn playing_id(&self, character: CharacterId) -> Option<&Entry> {
        self.ids.get(&character).and_then(|session| self.sessions.get(session))
    }

    /// All that play a character.
    pub(crate) fn players(&self) -> impl Iterator<Item = &Entry> {
        self.ids.values().filter_map(|session| self.sessions.get(session))
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

    /// The edges that are connected.
    pub(crate) fn connected(&self) -> Vec<ProcessName> {
        let connected = self.edges.iter().filter(|(_, line)| matches!(line, Line::Connected { .. }));
        connected.map(|(edge, _)| edge.clone()).collect()
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
