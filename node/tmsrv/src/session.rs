//! Sessions: one task each, which does in order what a session needs from the store and from its zone.
//!
//! ```text
//!            load, check                   crossing: save + release
//!  Attach --------------> in its zone ------------------------------> Handover
//!     |                    |  |  |  \ store is away: turned back, stays
//!     v refused            |  |  +--> Detach: leave, save + release --> Detached
//!  AttachRefused           |  +-----> zone gone, stop: the same ------> Dropped(ZoneGone)
//!                          |          stream gone, replaced: the same - nothing is said
//!                          +--------> fenced: leave, no save ---------> Dropped(Fenced)
//! ```

use crate::attach;
use crate::edges::{Edge, EdgeId};
use crate::host::Order;
use crate::node::Node;
use crate::parking::{self, Home};
use crate::saver::{self, Saved};
use model::calls::node::{Attach, DropReason, ToEdge};
use model::event::Departure;
use model::{AccountId, CharacterId, Epoch, SessionId, Tile, TransferId, ZoneId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use world::{Crossing, Input, Snapshot};

/// Notes that may wait for one session: each kind comes at most a few times.
const NOTES_MAX: usize = 32;
/// How long the last state of a player is waited for when its zone closes at the same moment.
const CLOSING_ZONE: Duration = Duration::from_secs(1);

/// What a session's task is told.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    /// The player waits to be handed over by this zone.
    Crossing(ZoneId, Crossing),
    /// The zone is not played here any more; the last state if the player was in it.
    ZoneGone(Option<Snapshot>),
    /// The edge asks for the end.
    Detach,
    /// The stream of the edge is closed.
    EdgeGone,
    /// The edge attached the session again.
    Replaced,
    /// Another session of this node wants the character.
    Ousted,
    /// The store says that somebody else has the character.
    Fenced,
    /// The store has more of the character than its zone knows.
    Outdated,
    /// The node stops.
    Stop,
}

/// One session of this node.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) account: AccountId,
    pub(crate) character: CharacterId,
    /// Where it is told.
    pub(crate) home: Home,
    /// The epoch of its character, once it is loaded.
    pub(crate) epoch: OnceLock<Epoch>,
    /// Held while its character is being written: writes of one character never overtake each other.
    pub(crate) writing: Arc<tokio::sync::Mutex<()>>,
    /// What it has paid for.
    pub(crate) paid: Mutex<Paid>,
    /// Its last state is being written or was: nothing older may be written behind.
    pub(crate) parting: AtomicBool,
    /// Its player is out of the world or on its way out: what it waits for is waited for a bounded time.
    pub(crate) leaving: AtomicBool,
    /// The zone in which it plays at the moment.
    pub(crate) place: Mutex<Option<ZoneId>>,
    /// Commands that came before its player was let in. An edge that takes the entry of an older attach for this one's sends them, and
    /// counts them: they are lost, and must not be taken for later ones that were obeyed.
    missed: AtomicU32,
    notes: mpsc::Sender<Note>,
    ended: CancellationToken,
}

/// Ways that the player of a session has paid for, as the store has them.
#[derive(Debug, Default)]
pub(crate) struct Paid {
    count: u32,
    to: Option<Tile>,
}

impl Paid {
    /// One more is paid, and leads to this tile.
    pub(crate) fn done(&mut self, to: Tile) {
        self.count += 1;
        self.to = Some(to);
    }

    /// The end of the way that the player has paid for, when its zone had not heard of it in that state.
    pub(crate) fn unknown_to(&self, snapshot: &Snapshot) -> Option<Tile> {
        self.to.filter(|_| snapshot.jobs_done < self.count)
    }
}

/// All sessions of this node.
#[derive(Default)]
pub(crate) struct Sessions {
    all: Mutex<HashMap<SessionId, Arc<Session>>>,
}

impl Sessions {
    /// The session of an id.
    pub(crate) fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.all.lock().get(&id).cloned()
    }

    /// The session that plays a character.
    pub(crate) fn of_character(&self, character: CharacterId) -> Option<Arc<Session>> {
        let all = self.all.lock();
        let plays = |session: &&Arc<Session>| {
            session.character == character && !session.leaving.load(Ordering::SeqCst)
        };
        all.values().find(plays).cloned()
    }

    /// The sessions of an account.
    pub(crate) fn of_account(&self, account: AccountId) -> Vec<Arc<Session>> {
        self.all.lock().values().filter(|session| session.account == account).cloned().collect()
    }

    /// How many play in a zone.
    pub(crate) fn in_zone(&self, zone: ZoneId) -> usize {
        self.all.lock().values().filter(|session| *session.place.lock() == Some(zone)).count()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.lock().len()
    }

    /// Tells a session something; false when there is no such session or it does not listen.
    pub(crate) fn note(&self, id: SessionId, note: Note) -> bool {
        self.get(id).is_some_and(|session| session.note(note))
    }

    /// Tells everybody something; how many they are.
    pub(crate) fn note_all(&self, note: &Note) -> usize {
        let all: Vec<Arc<Session>> = self.all.lock().values().cloned().collect();
        all.iter().filter(|session| session.note(note.clone())).count()
    }

    /// Tells all sessions of one stream that it is gone.
    pub(crate) fn edge_gone(&self, edge: EdgeId) {
        let all: Vec<Arc<Session>> = self.all.lock().values().cloned().collect();
        all.iter().filter(|session| session.home.is_at(edge)).for_each(|session| {
            session.note(Note::EdgeGone);
        });
    }

    /// Adds a session; those whose place it takes, in this session or with this character.
    fn insert(&self, session: &Arc<Session>) -> Vec<Arc<Session>> {
        let mut all = self.all.lock();
        let mut older: Vec<Arc<Session>> = all
            .values()
            .filter(|other| other.character == session.character && other.id != session.id)
            .cloned()
            .collect();
        older.extend(all.insert(session.id, Arc::clone(session)));
        older
    }

    fn remove(&self, session: &Arc<Session>) {
        let mut all = self.all.lock();
        if all.get(&session.id).is_some_and(|present| Arc::ptr_eq(present, session)) {
            all.remove(&session.id);
        }
    }
}

impl Session {
    /// A command came while its player was in no zone. What comes when it has left one is for the next.
    pub(crate) fn misses(&self) {
        if !self.leaving.load(Ordering::SeqCst) {
            self.missed.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Tells its task something; false when the task is over.
    pub(crate) fn note(&self, note: Note) -> bool {
        match self.notes.try_send(note) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(session = %self.id, %error, "a session does not listen");
                false
            }
        }
    }
}

/// Why a session ends, and what its edge is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Farewell {
    Refused(model::calls::node::AttachRefusal),
    Detached,
    HandedOver {
        zone: ZoneId,
        tile: Tile,
        on_foot: bool,
        since: Instant,
        obeyed: u32,
    },
    /// With the number of commands that were obeyed, when that is known.
    Dropped(DropReason, Option<u32>),
    Silent,
}

impl Farewell {
    /// With so many commands that count as obeyed, besides those that the zone knows of.
    fn besides(self, missed: u32) -> Self {
        match self {
            Self::HandedOver { zone, tile, on_foot, since, obeyed } => {
                Self::HandedOver { zone, tile, on_foot, since, obeyed: obeyed.wrapping_add(missed) }
            }
            Self::Dropped(reason, obeyed) => {
                Self::Dropped(reason, obeyed.map(|obeyed| obeyed.wrapping_add(missed)))
            }
            other => other,
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Detached => "detached",
            Self::HandedOver { .. } => "handed_over",
            Self::Dropped(DropReason::Fenced, _) => "fenced",
            Self::Dropped(DropReason::ZoneGone, _) => "zone_gone",
            Self::Dropped(DropReason::Outdated, _) => "outdated",
            Self::Silent => "silent",
        }
    }

    fn message(self, session: SessionId) -> Option<ToEdge> {
        match self {
            Self::Refused(refusal) => Some(ToEdge::AttachRefused { session, refusal }),
            Self::Detached => Some(ToEdge::Detached { session }),
            Self::HandedOver { zone, tile, on_foot, since, obeyed } => {
                let transfer = TransferId(rand::random());
                let held_ms = u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX);
                Some(ToEdge::Handover { session, transfer, zone, tile, on_foot, held_ms, obeyed })
            }
            Self::Dropped(reason, obeyed) => Some(ToEdge::Dropped { session, reason, obeyed }),
            Self::Silent => None,
        }
    }
}

/// Begins a session. An older one of the same id, or of the same character, is ended and saved first.
pub(crate) fn begin(node: &Arc<Node>, edge: &Edge, attach: Attach) {
    let (notes, inbox) = mpsc::channel(NOTES_MAX);
    let session = Arc::new(Session {
        id: attach.session,
        account: attach.account,
        character: attach.character,
        home: Home::at(edge.clone()),
        epoch: OnceLock::new(),
        writing: Arc::default(),
        paid: Mutex::default(),
        parting: AtomicBool::new(false),
        leaving: AtomicBool::new(false),
        place: Mutex::new(None),
        missed: AtomicU32::new(0),
        notes,
        ended: CancellationToken::new(),
    });
    let older = node.sessions.insert(&session);
    node.spawn("session", live(Arc::clone(node), session, attach, older, inbox));
}

async fn live(
    node: Arc<Node>,
    session: Arc<Session>,
    attach: Attach,
    older: Vec<Arc<Session>>,
    mut inbox: mpsc::Receiver<Note>,
) {
    for older in older {
        let again = older.id == session.id;
        older.note(if again { Note::Replaced } else { Note::Ousted });
        older.ended.cancelled().await;
    }
    let farewell = play(&node, &session, &attach, &mut inbox).await;
    let farewell = farewell.besides(session.missed.load(Ordering::SeqCst));
    *session.place.lock() = None;
    node.sessions.remove(&session);
    node.trades.forget_session(session.id);
    if node.sessions.of_character(session.character).is_none() {
        node.trades.stall_closed(session.character);
    }
    node.metrics.partings.with_label_values(&[farewell.label()]).inc();
    tracing::debug!(session = %session.id, farewell = farewell.label(), "a session ended");
    match farewell.message(session.id) {
        Some(message) => session.home.tell(message),
        // whoever adopts it has to hear that there is nothing to adopt
        None => session.home.tell_if_parked(parking::gone(session.id)),
    }
    // last: what the session that waits for this has to say must not come before this one's farewell
    session.ended.cancel();
}

async fn play(
    node: &Arc<Node>,
    session: &Arc<Session>,
    attach: &Attach,
    inbox: &mut mpsc::Receiver<Note>,
) -> Farewell {
    let admitted = attach::admit(node, session, attach).await;
    let label = attach::label(admitted.as_ref().err());
    node.metrics.attaches.with_label_values(&[label]).inc();
    let entering = match admitted {
        Ok(entering) => entering,
        Err(refusal) => return Farewell::Refused(refusal),
    };
    let enter = Order::Enter(attach.zone, Box::new(entering), session.home.edge());
    // before the entry: its edge may answer the first event at once
    *session.place.lock() = Some(attach.zone);
    node.order(attach.zone, enter).await;
    loop {
        let Some(note) = inbox.recv().await else { return Farewell::Silent };
        match note {
            Note::Crossing(zone, crossing) => {
                if let Some(farewell) = cross(node, session, zone, crossing, inbox).await {
                    return farewell;
                }
            }
            Note::ZoneGone(snapshot) => {
                let obeyed = snapshot.as_ref().map(|snapshot| snapshot.obeyed);
                release(node, session, snapshot).await;
                return Farewell::Dropped(DropReason::ZoneGone, obeyed);
            }
            Note::Detach => {
                return leave(node, session, Departure::LoggedOut, Farewell::Detached, inbox).await;
            }
            Note::Outdated => {
                let dropped = Farewell::Dropped(DropReason::Outdated, None);
                return leave(node, session, Departure::Vanished, dropped, inbox).await;
            }
            Note::Stop => {
                let dropped = Farewell::Dropped(DropReason::ZoneGone, None);
                return leave(node, session, Departure::Vanished, dropped, inbox).await;
            }
            Note::EdgeGone | Note::Replaced => {
                return leave(node, session, Departure::LoggedOut, Farewell::Silent, inbox).await;
            }
            Note::Ousted => {
                let fenced = Farewell::Dropped(DropReason::Fenced, None);
                return leave(node, session, Departure::Vanished, fenced, inbox).await;
            }
            Note::Fenced => {
                take_out(node, session, Departure::Vanished, inbox).await;
                return Farewell::Dropped(DropReason::Fenced, None);
            }
        }
    }
}

/// Takes the player out of its zone, saves and releases it.
async fn leave(
    node: &Arc<Node>,
    session: &Arc<Session>,
    departure: Departure,
    farewell: Farewell,
    inbox: &mut mpsc::Receiver<Note>,
) -> Farewell {
    let snapshot = take_out(node, session, departure, inbox).await;
    let obeyed = snapshot.as_ref().map(|snapshot| snapshot.obeyed);
    match (release(node, session, snapshot).await, farewell) {
        (_, Farewell::Silent) => Farewell::Silent,
        (Some(Saved::Stale), _) => Farewell::Dropped(DropReason::Fenced, None),
        (_, Farewell::Dropped(reason, _)) => Farewell::Dropped(reason, obeyed),
        (_, other) => other,
    }
}

/// Takes the player out of its zone: its last state, if it was in one.
async fn take_out(
    node: &Node,
    session: &Session,
    departure: Departure,
    inbox: &mut mpsc::Receiver<Note>,
) -> Option<Snapshot> {
    session.leaving.store(true, Ordering::SeqCst);
    let zone = session.place.lock().take()?;
    let (answer, last) = oneshot::channel();
    node.order(zone, Order::Leave(zone, session.id, departure, answer)).await;
    if let Ok(Some(snapshot)) = last.await {
        return Some(snapshot);
    }
    // the zone was closed in this very moment: then its closing brings the last state
    let closing = async {
        loop {
            match inbox.recv().await {
                Some(Note::ZoneGone(snapshot)) => return snapshot,
                Some(_) => {}
                None => return None,
            }
        }
    };
    tokio::time::timeout(CLOSING_ZONE, closing).await.ok().flatten()
}

/// Saves and releases, as long as it takes.
async fn release(node: &Arc<Node>, session: &Arc<Session>, snapshot: Option<Snapshot>) -> Option<Saved> {
    session.leaving.store(true, Ordering::SeqCst);
    *session.place.lock() = None;
    let snapshot = snapshot?;
    Some(saver::save_last(node, session, &snapshot).await)
}

/// What keeps a player from leaving its zone before anything is done about it. A node that is full keeps nobody out but those who
/// walk: who is sent (out of an instance that ends, to a city) has to be somewhere.
fn obstacle(node: &Node, crossing: &Crossing) -> Option<&'static str> {
    if node.closing.is_cancelled() {
        return Some("stopping");
    }
    let view = node.cluster.view();
    let Some((owner, _)) = view.owner(crossing.to) else { return Some("no_owner") };
    (crossing.on_foot && owner.name != node.name && node.neighbours.is_full(&owner.name)).then_some("full")
}

/// Hands a player over to another zone; `None` when it has to stay for the moment.
async fn cross(
    node: &Arc<Node>,
    session: &Arc<Session>,
    zone: ZoneId,
    crossing: Crossing,
    inbox: &mut mpsc::Receiver<Note>,
) -> Option<Farewell> {
    let since = Instant::now();
    let tile = crossing.tile();
    let obstacle = obstacle(node, &crossing);
    let saved = match obstacle {
        None => saver::save_and_release(node, session, &crossing.snapshot).await,
        Some(_) => Saved::Unavailable,
    };
    match saved {
        Saved::Written => {}
        Saved::Stale => {
            take_out(node, session, Departure::Vanished, inbox).await;
            return Some(Farewell::Dropped(DropReason::Fenced, None));
        }
        Saved::Unavailable => {
            let why = obstacle.unwrap_or("store");
            node.metrics.turned_back.with_label_values(&[why]).inc();
            tracing::info!(session = %session.id, to = %crossing.to, why, "a player could not cross");
            session.parting.store(false, Ordering::SeqCst);
            node.order(zone, Order::Input(zone, Input::TurnBack { session: session.id })).await;
            return None;
        }
    }
    let departure = if crossing.on_foot { Departure::OutOfView } else { Departure::Vanished };
    let last = take_out(node, session, departure, inbox).await;
    let obeyed = last.map_or(crossing.snapshot.obeyed, |last| last.obeyed);
    // what the edge wanted in the meantime counts more than where the player went
    while let Ok(note) = inbox.try_recv() {
        match note {
            Note::Detach => return Some(Farewell::Detached),
            Note::EdgeGone | Note::Replaced => return Some(Farewell::Silent),
            Note::Ousted => return Some(Farewell::Dropped(DropReason::Fenced, None)),
            Note::Crossing(..) | Note::ZoneGone(_) | Note::Fenced | Note::Outdated | Note::Stop => {}
        }
    }
    Some(Farewell::HandedOver { zone: crossing.to, tile, on_foot: crossing.on_foot, since, obeyed })
}
