//! Every session of this edge, and how to reach its connection without ever waiting for it.

use crate::friends::{self, Said};
use crate::metrics::{CloseReason, EdgeMetrics};
use model::calls::node::{AttachRefusal, DropReason};
use model::calls::registry::{HeldSession, KickReason};
use model::event::Notice;
use model::friend::Here;
use model::guild::Joiner;
use model::social::{Channel, Hearers, Member, Party};
use model::{CharacterId, CharacterName, Event, PartyId, SessionId, Tile, TransferId, ZoneId};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use tokio::sync::{Notify, mpsc};

/// One stream to a node, numbered anew each time it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamId(pub(crate) u64);

/// What reaches a connection from the rest of the edge.
#[derive(Clone, Debug)]
pub(crate) enum ToSession {
    /// From a node.
    Node(StreamId, FromNode),
    /// The session has to end.
    Kick(KickReason),
    /// A whisper.
    Whisper { from: String, text: String },
    /// A line of a channel.
    Channel { channel: Channel, from: String, text: String },
    /// Somebody asks the player to join a party.
    Invited(Box<Member>),
    /// The party of the player now.
    Party(Option<Box<Party>>),
    /// What is to be said of friends who came and went.
    Friends(Vec<Said>),
    /// A line that is not of the node.
    Notice(Arc<Notice>),
    /// The node has to look at the player's guild again.
    LookAtGuild,
    /// Somebody agreed to join the player's guild.
    Admit(Box<Joiner>),
}

/// What a node says of one session.
#[derive(Clone, Debug)]
pub(crate) enum FromNode {
    Event(Arc<Event>),
    Refused(AttachRefusal),
    Handover(Handover),
    Detached,
    /// With the number of commands that were obeyed, when the node knows.
    Dropped(DropReason, Option<u32>),
    /// What it has to tell from here on it keeps for the next edge.
    Parked,
    /// The stream is gone, and with it the node's answer.
    StreamLost,
}

/// A player leaves its zone for another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handover {
    pub(crate) transfer: TransferId,
    pub(crate) zone: ZoneId,
    pub(crate) tile: Tile,
    pub(crate) on_foot: bool,
    /// How long it has waited for that so far.
    pub(crate) held_ms: u32,
    /// How many of the commands it was given since it has the player it has obeyed.
    pub(crate) obeyed: u32,
}

/// Which friends of a player are in the world, see [`ToEdge::Friends`](model::calls::registry::ToEdge::Friends).
pub(crate) struct FriendNews {
    pub(crate) here: Vec<Here>,
    pub(crate) quiet: Vec<CharacterId>,
    pub(crate) asking: u32,
}

/// Ends a connection from outside: it is marked first and removed later, by itself.
#[derive(Debug, Default)]
pub(crate) struct Kill {
    reason: AtomicU8,
    notify: Notify,
}

impl Kill {
    /// Marks the connection; the first reason stays. True when it was not marked before.
    pub(crate) fn kill(&self, reason: CloseReason) -> bool {
        let first = self.reason.compare_exchange(0, reason as u8, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        self.notify.notify_one();
        first
    }

    /// Why, when the connection is marked.
    pub(crate) fn reason(&self) -> Option<CloseReason> {
        let number = self.reason.load(Ordering::SeqCst);
        CloseReason::ALL.into_iter().find(|reason| *reason as u8 == number)
    }

    /// Waits for the mark.
    pub(crate) async fn killed(&self) -> CloseReason {
        loop {
            if let Some(reason) = self.reason() {
                return reason;
            }
            self.notify.notified().await;
        }
    }
}

/// How the rest of the edge sees one session.
#[derive(Debug)]
pub(crate) struct Handle {
    kill: Arc<Kill>,
    inbox: mpsc::Sender<ToSession>,
    /// The node stream that this session is, or wants to be, on; 0 none.
    stream: AtomicU64,
    playing: AtomicBool,
    held: Mutex<Option<HeldSession>>,
    party: Mutex<Option<Party>>,
    /// Friends in the world, as they were told last; `None` before that.
    friends: Mutex<Option<Vec<Here>>>,
}

impl Handle {
    /// Sets the stream whose end this session has to hear of.
    pub(crate) fn listen_to(&self, stream: Option<StreamId>) {
        self.stream.store(stream.map_or(0, |id| id.0), Ordering::SeqCst);
    }

    /// Notes whether the player is in the world.
    pub(crate) fn set_playing(&self, playing: bool) {
        self.playing.store(playing, Ordering::SeqCst);
    }

    /// The character that is reported to be played.
    pub(crate) fn character(&self) -> Option<(CharacterId, CharacterName)> {
        self.held.lock().as_ref().and_then(|held| held.character.clone())
    }

    /// What is reported of this session to the registry.
    pub(crate) fn held(&self) -> Option<HeldSession> {
        self.held.lock().clone()
    }

    /// The party that the player is in, as it was told last.
    pub(crate) fn party(&self) -> Option<Party> {
        self.party.lock().clone()
    }

    /// Notes how the party is now.
    pub(crate) fn set_party(&self, party: Option<Party>) {
        *self.party.lock() = party;
    }

    /// The friends in the world, as they were told last.
    pub(crate) fn friends(&self) -> Option<Vec<Here>> {
        self.friends.lock().clone()
    }

    /// Notes which friends are in the world.
    pub(crate) fn set_friends(&self, friends: Option<Vec<Here>>) {
        *self.friends.lock() = friends;
    }

    fn hears(&self, hearers: &Hearers) -> bool {
        if !self.playing.load(Ordering::SeqCst) {
            return false;
        }
        let held = self.held.lock();
        let persona = held.as_ref().and_then(|held| held.persona);
        match hearers {
            Hearers::World | Hearers::Sessions(_) => true,
            Hearers::Guild(guild) => persona.is_some_and(|persona| persona.guild == *guild),
            Hearers::Kingdom(clan) => persona.is_some_and(|persona| persona.clan == *clan),
        }
    }

    /// Changes what is reported of this session to the registry.
    pub(crate) fn hold(&self, change: impl FnOnce(&mut Option<HeldSession>)) {
        change(&mut self.held.lock());
    }
}

/// All sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    by_id: RwLock<HashMap<SessionId, Arc<Handle>>>,
    /// How often the held sessions were reported to the registry.
    hellos: AtomicU64,
}

impl Sessions {
    /// Adds a session that is about to log in.
    pub(crate) fn add(&self, id: SessionId, kill: Arc<Kill>, inbox: mpsc::Sender<ToSession>) -> Arc<Handle> {
        let handle = Arc::new(Handle {
            kill,
            inbox,
            stream: AtomicU64::new(0),
            playing: AtomicBool::new(false),
            held: Mutex::new(None),
            party: Mutex::new(None),
            friends: Mutex::new(None),
        });
        self.by_id.write().insert(id, Arc::clone(&handle));
        handle
    }

    /// Forgets a session.
    pub(crate) fn remove(&self, id: SessionId) {
        self.by_id.write().remove(&id);
    }

    /// Everything that is held now, and the last copy of each party, for the first message of a new stream to the
    /// registry.
    pub(crate) fn report(&self) -> (Vec<HeldSession>, Vec<Party>) {
        let sessions = self.by_id.write();
        self.hellos.fetch_add(1, Ordering::SeqCst);
        let mut parties: HashMap<PartyId, Party> = HashMap::new();
        let held = sessions.values().filter_map(|handle| {
            let mut held = handle.held.lock().clone()?;
            if let Some(party) = handle.party() {
                held.party = Some(party.id);
                let known = parties.get(&party.id).map_or(0, |known| known.version);
                if party.version >= known {
                    parties.insert(party.id, party);
                }
            }
            held.friends =
                handle.friends().map(|friends| friends.iter().map(|friend| friend.character).collect());
            Some(held)
        });
        let held = held.collect();
        (held, parties.into_values().collect())
    }

    /// How often [`Sessions::report`] was asked: a login that overlaps one may be unknown to the registry.
    pub(crate) fn reports(&self) -> u64 {
        self.hellos.load(Ordering::SeqCst)
    }

    /// Players in the world.
    pub(crate) fn playing(&self) -> usize {
        self.by_id.read().values().filter(|handle| handle.playing.load(Ordering::SeqCst)).count()
    }

    /// Sends to one session; false when it is not here. One that does not keep up is marked dead and forgets
    /// itself later.
    pub(crate) fn send(&self, to: SessionId, message: ToSession, metrics: &EdgeMetrics) -> bool {
        let sessions = self.by_id.read();
        let found = sessions.get(&to);
        if let Some(handle) = found {
            post(handle, message, metrics);
        }
        found.is_some()
    }

    /// These friends of a session's character are in the world now: says what is different. What was told is known at
    /// once, so that a report never tells less than the player was told.
    pub(crate) fn tell_friends(
        &self,
        to: SessionId,
        of: CharacterId,
        news: FriendNews,
        metrics: &EdgeMetrics,
    ) {
        let sessions = self.by_id.read();
        let Some(handle) = sessions.get(&to) else { return };
        if handle.character().is_none_or(|(character, _)| character != of) {
            return;
        }
        let FriendNews { here, quiet, asking } = news;
        let before = handle.friends.lock().replace(here.clone());
        let said = friends::news(before.as_deref(), &here, &quiet, asking);
        if !said.is_empty() {
            post(handle, ToSession::Friends(said), metrics);
        }
    }

    /// Sends one event to many sessions.
    pub(crate) fn send_event(
        &self,
        to: &[SessionId],
        stream: StreamId,
        event: &Arc<Event>,
        metrics: &EdgeMetrics,
    ) {
        let sessions = self.by_id.read();
        for handle in to.iter().filter_map(|id| sessions.get(id)) {
            post(handle, ToSession::Node(stream, FromNode::Event(Arc::clone(event))), metrics);
        }
    }

    /// Tells a line of a channel to all who hear it, but not to the speaker.
    pub(crate) fn tell_channel(
        &self,
        hearers: &Hearers,
        speaker: SessionId,
        line: &ToSession,
        metrics: &EdgeMetrics,
    ) {
        let sessions = self.by_id.read();
        let tell = |id: &SessionId, handle: &Arc<Handle>| {
            if *id != speaker && handle.hears(hearers) {
                post(handle, line.clone(), metrics);
            }
        };
        match hearers {
            Hearers::Sessions(these) => {
                these
                    .iter()
                    .filter_map(|id| sessions.get_key_value(id))
                    .for_each(|(id, handle)| tell(id, handle));
            }
            _ => sessions.iter().for_each(|(id, handle)| tell(id, handle)),
        }
    }

    /// Tells every player in the world.
    pub(crate) fn notice_all(&self, notice: Notice, metrics: &EdgeMetrics) {
        let notice = Arc::new(notice);
        for handle in self.by_id.read().values().filter(|handle| handle.playing.load(Ordering::SeqCst)) {
            post(handle, ToSession::Notice(Arc::clone(&notice)), metrics);
        }
    }

    /// Tells all sessions of a stream that it is gone.
    pub(crate) fn stream_lost(&self, stream: StreamId, metrics: &EdgeMetrics) {
        for handle in self.by_id.read().values() {
            if handle.stream.load(Ordering::SeqCst) == stream.0 {
                post(handle, ToSession::Node(stream, FromNode::StreamLost), metrics);
            }
        }
    }
}

fn post(handle: &Handle, message: ToSession, metrics: &EdgeMetrics) {
    if let Err(mpsc::error::TrySendError::Full(_)) = handle.inbox.try_send(message)
        && handle.kill.kill(CloseReason::Slow)
    {
        metrics.dropped_slow.inc();
    }
}
