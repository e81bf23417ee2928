//! Which node has the player, and how it changes: attach, handover, resume, detach.
//!
//! ```text
//!            owner known, stream open         Entered
//! Searching ------------------------> Asked ----------> Here
//!     ^  ^                              |                 |
//!     |  +---- refused, lost, no answer +                 |
//!     +------- handover, zone gone, stream lost, newer epoch elsewhere
//! ```
//!
//! Only what comes on the stream that is asked or here is taken: a node that had the player before is not
//! listened to any more, so the newest owner wins.

use super::play::World;
use super::{Session, requests};
use crate::messages::Line;
use crate::metrics::CloseReason;
use crate::nodes::NodeStream;
use crate::phase::Phase;
use crate::sessions::{FromNode, Handover, StreamId};
use model::calls::node::{Attach, AttachReason, AttachRefusal, DropReason, Sent, ToNode};
use model::calls::registry::{Reply, Request};
use model::{Character, CharacterId, Command, Epoch, Event, ZoneId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// Pause before another try when nothing better is known.
const RETRY_MS: u64 = 100;
/// Pause when the node is full or its store is away.
const RETRY_LATER_MS: u64 = 500;
/// Pause of who waits in the queue of a node: it forgets who does not ask for five seconds.
const RETRY_QUEUED_MS: u64 = 1_000;
/// How long a node may go on under an epoch that is not the newest: a handover may be on its way.
const SUPERSEDED_GRACE_MS: u64 = 2_000;

/// Two sessions that take a character from each other again and again do so many times a second: one gives up when it
/// was taken from it so often within the time. Operators who take things back, and nodes that are told late what they
/// did, fence their player as well, but not so fast.
const FENCED_MAX: usize = 8;
const FENCED_WITHIN_MS: u64 = 5_000;

/// Where the player is, or is being put. What only this edge knows of it does not go to the next one.
#[derive(Serialize, Deserialize)]
pub(super) struct Place {
    character: CharacterId,
    zone: ZoneId,
    epoch: Epoch,
    reason: AttachReason,
    #[serde(skip)]
    pub(super) state: State,
    searching_since_ms: u64,
    #[serde(skip)]
    superseded_ms: Option<u64>,
    /// How long its last zone held the player until it was handed over.
    held_before_ms: u64,
    pub(super) held: VecDeque<Command>,
    sent: Sent,
    /// The place in the queue that the player was told.
    #[serde(skip)]
    queued: Option<u32>,
}

pub(super) enum State {
    /// The registry is told first.
    Claiming,
    Searching {
        retry_ms: u64,
    },
    Asked {
        stream: Arc<NodeStream>,
        until_ms: u64,
    },
    Here {
        stream: Arc<NodeStream>,
        parking: Parking,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Searching { retry_ms: 0 }
    }
}

/// Whether the node is asked to keep what it has to tell for the next edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parking {
    No,
    Asked,
    Parked,
}

impl Place {
    fn stream(&self) -> Option<&Arc<NodeStream>> {
        match &self.state {
            State::Asked { stream, .. } | State::Here { stream, .. } => Some(stream),
            State::Claiming | State::Searching { .. } => None,
        }
    }

    /// Holds what the node was asked and did not do any more; what is held already is newer.
    fn hold_after(&mut self, obeyed: u32) {
        let mut held = self.sent.take_after(obeyed);
        held.append(&mut self.held);
        self.held = held;
    }

    fn is_here(&self) -> bool {
        matches!(self.state, State::Here { .. })
    }
}

impl Session {
    pub(super) fn begin_entering(&mut self, character: &Character) {
        let (zone, _) = self.view.borrow().zones.whereabouts(&character.soft);
        self.place = Some(Place {
            character: character.id,
            zone,
            epoch: Epoch(0),
            reason: AttachReason::Login,
            state: State::Claiming,
            searching_since_ms: self.now_ms(),
            superseded_ms: None,
            held_before_ms: 0,
            held: VecDeque::new(),
            sent: Sent::default(),
            queued: None,
        });
        self.set_phase(Phase::Entering);
    }

    pub(super) fn on_claimed(&mut self) {
        if self.place.as_ref().is_some_and(|place| matches!(place.state, State::Claiming)) {
            self.search(0);
        }
    }

    /// Something that a node says, on whatever stream.
    pub(super) fn on_node(&mut self, stream: StreamId, message: FromNode) {
        let listened_to = self.place.as_ref().and_then(Place::stream).map(|stream| stream.id);
        if listened_to != Some(stream) {
            self.shared.metrics.stale.inc();
            return;
        }
        // a node that is asked may have had the player before: what lies in its stream from then is no answer
        if let FromNode::Event(event) = &message
            && self.is_from_before(event)
        {
            self.shared.metrics.stale.inc();
            return;
        }
        if self.phase == Phase::Leaving {
            // saved, gone or given away: in each case this edge has nothing more to wait for
            if !matches!(message, FromNode::Event(_)) {
                self.finish_leaving();
            }
            return;
        }
        match message {
            FromNode::Event(event) => self.on_event(&event),
            FromNode::Refused(refusal) => self.on_refused(refusal),
            FromNode::Handover(handover) => self.on_handover(&handover),
            FromNode::Detached => self.on_unasked_detach(),
            FromNode::Parked => self.on_parked(),
            FromNode::Dropped(DropReason::ZoneGone | DropReason::Outdated, obeyed) => {
                if let Some(place) = self.place.as_mut().filter(|place| place.is_here())
                    && let Some(obeyed) = obeyed
                {
                    place.hold_after(obeyed);
                }
                self.resume();
            }
            FromNode::StreamLost => self.resume(),
            FromNode::Dropped(DropReason::Fenced, _) => self.on_fenced(),
        }
    }

    fn is_from_before(&self, event: &Event) -> bool {
        let is_asked = self.place.as_ref().is_some_and(|place| matches!(place.state, State::Asked { .. }));
        match (event, &self.world) {
            (Event::Entered(sheet), Some(world)) => {
                sheet.entity == world.entity && sheet.epoch < world.sheet.epoch
            }
            (Event::Entered(_), None) => false,
            _ => is_asked,
        }
    }

    fn on_refused(&mut self, refusal: AttachRefusal) {
        match refusal {
            AttachRefusal::OtherZone(zone) => {
                if let Some(place) = &mut self.place {
                    place.zone = zone;
                }
                self.search(RETRY_MS / 2);
            }
            AttachRefusal::NotOwner => self.search(RETRY_MS),
            AttachRefusal::StoreUnavailable | AttachRefusal::Overloaded => self.search(RETRY_LATER_MS),
            AttachRefusal::NoSuchCharacter => self.give_up(Line::NoSuchCharacter),
            AttachRefusal::Queued { place } => self.on_queued(place),
        }
    }

    /// Nobody new is let in: the player waits as long as it likes, and is told its place when that changes.
    fn on_queued(&mut self, number: u32) {
        let now_ms = self.now_ms();
        let Some(place) = &mut self.place else { return };
        place.searching_since_ms = now_ms;
        if place.queued.replace(number) != Some(number) {
            self.say(Line::LoginQueue, &[&number.to_string()]);
        }
        self.search(RETRY_QUEUED_MS);
    }

    /// An attach that was given up and asked again may be answered in between by the detach of the first.
    fn on_unasked_detach(&mut self) {
        let now_ms = self.now_ms();
        if let Some(place) = self.place.as_mut().filter(|place| place.is_here()) {
            place.superseded_ms.get_or_insert(now_ms);
        }
    }

    fn on_handover(&mut self, handover: &Handover) {
        let now_ms = self.now_ms();
        let Some(place) = self.place.as_mut().filter(|place| place.is_here()) else { return };
        place.zone = handover.zone;
        place.reason = AttachReason::Handover(handover.transfer);
        place.searching_since_ms = now_ms;
        place.held_before_ms = handover.held_ms.into();
        place.hold_after(handover.obeyed);
        self.cross_to(handover.tile, handover.on_foot);
        self.search(0);
    }

    /// Somebody loaded the character elsewhere: a node that answered too late, and then it is taken back, or
    /// another session, and then it is that one's.
    fn on_fenced(&mut self) {
        let now_ms = self.now_ms();
        let (Some(place), Some(session)) = (&mut self.place, self.id) else { return };
        if !place.is_here() {
            return self.search(RETRY_MS);
        }
        // the node has let go: there is nothing to detach
        place.state = State::Claiming;
        place.reason = AttachReason::Resume;
        place.searching_since_ms = now_ms;
        if let Some(handle) = &self.handle {
            handle.listen_to(None);
        }
        self.fenced_ms.retain(|&fenced_ms| now_ms < fenced_ms + FENCED_WITHIN_MS);
        self.fenced_ms.push(now_ms);
        if self.fenced_ms.len() >= FENCED_MAX {
            return self.close_fenced();
        }
        tracing::info!(session = ?self.id, "the character was loaded elsewhere, asking whose it is");
        let known = self.handle.as_ref().and_then(|handle| handle.character());
        let request = Request::Playing { session, character: known };
        self.work.push_back(Box::pin(requests::check(Arc::clone(&self.shared), request)));
    }

    pub(super) fn on_checked(&mut self, reply: Option<&Reply>) {
        if matches!(reply, Some(Reply::NoSuchSession)) && self.place.is_some() {
            return self.close_fenced();
        }
        self.on_claimed();
    }

    fn close_fenced(&mut self) {
        self.say(Line::Fenced, &[]);
        self.close(CloseReason::Fenced);
    }

    /// The node that had the player is gone: find the zone's owner again, in place.
    fn resume(&mut self) {
        if self.place.as_ref().is_some_and(Place::is_here) {
            return self.begin_resume();
        }
        self.search(RETRY_MS / 2);
    }

    pub(super) fn begin_resume(&mut self) {
        let now_ms = self.now_ms();
        if let Some(place) = &mut self.place {
            place.reason = AttachReason::Resume;
            place.searching_since_ms = now_ms;
            tracing::info!(session = ?self.id, zone = %place.zone, "the player's node is gone, looking for another");
        }
        self.search(RETRY_MS / 2);
    }

    pub(super) fn search(&mut self, pause_ms: u64) {
        let now_ms = self.now_ms();
        if let Some(handle) = &self.handle {
            handle.listen_to(None);
        }
        if let Some(place) = &mut self.place {
            place.superseded_ms = None;
            place.state = State::Searching { retry_ms: now_ms + pause_ms };
        }
        if pause_ms == 0 {
            self.try_attach();
        }
    }

    fn try_attach(&mut self) {
        let now_ms = self.now_ms();
        let answer_ms = self.settings().deadlines.node_answer_ms;
        let (Some(place), Some(session), Some((account, _)), Some(handle)) =
            (&mut self.place, self.id, &self.account, &self.handle)
        else {
            return;
        };
        place.state = State::Searching { retry_ms: now_ms + RETRY_MS };
        let view = self.view.borrow().clone();
        place.zone = view.zones.heir(place.zone);
        let Some((owner, epoch)) = view.owner(place.zone) else { return };
        let Some(stream) = self.shared.nodes.stream(&owner.name) else { return };
        handle.listen_to(Some(stream.id));
        let attach = Attach {
            session,
            account: *account,
            character: place.character,
            zone: place.zone,
            zone_epoch: epoch,
            reason: place.reason,
            away_ms: match place.reason {
                AttachReason::Handover(_) | AttachReason::Resume => {
                    u32::try_from(now_ms.saturating_sub(place.searching_since_ms)).unwrap_or(u32::MAX)
                }
                AttachReason::Login => 0,
            },
            walk: match place.reason {
                AttachReason::Handover(_) => self.world.as_ref().and_then(World::walk_over_border),
                AttachReason::Login | AttachReason::Resume => None,
            },
        };
        if stream.try_send(&ToNode::Attach(attach)).is_err() || stream.is_lost() {
            handle.listen_to(None);
            return;
        }
        place.epoch = epoch;
        place.state = State::Asked { stream, until_ms: now_ms + answer_ms };
    }

    /// The node has the player: why it was asked, when it was.
    pub(super) fn arrive(&mut self) -> Option<AttachReason> {
        let now_ms = self.now_ms();
        let place = self.place.as_mut()?;
        let stream = match &place.state {
            State::Asked { stream, .. } => Arc::clone(stream),
            // the answer to a second attach: everything is told anew
            State::Here { .. } => {
                place.superseded_ms = None;
                return Some(AttachReason::Resume);
            }
            State::Claiming | State::Searching { .. } => return None,
        };
        place.state = State::Here { stream, parking: Parking::No };
        place.sent = Sent::default();
        let took_ms = now_ms.saturating_sub(place.searching_since_ms);
        self.shared.metrics.attach.observe(took_ms as f64 / 1000.0);
        if matches!(place.reason, AttachReason::Handover(_)) {
            let held_ms = place.held_before_ms + took_ms;
            self.shared.metrics.handover.observe(held_ms as f64 / 1000.0);
        }
        Some(place.reason)
    }

    /// Sends what was held while no node had the player; no moves from before it was set down elsewhere.
    pub(super) fn flush_held(&mut self, reason: AttachReason) {
        let held = self.place.as_mut().map(|place| std::mem::take(&mut place.held)).unwrap_or_default();
        for command in held {
            if reason != AttachReason::Resume || !is_move(&command) {
                self.command(command);
            }
        }
    }

    /// True when a walk or a stop is held.
    pub(super) fn holds_a_move(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.held.iter().any(is_move))
    }

    /// A player's request, to the node that has it; held while none has.
    pub(super) fn command(&mut self, command: Command) {
        let held_max = self.settings().connections.held_commands;
        let (Some(place), Some(session)) = (&mut self.place, self.id) else { return };
        let State::Here { stream, parking: Parking::No } = &place.state else {
            if place.held.len() >= held_max {
                place.held.pop_front();
                self.shared.metrics.commands_dropped.inc();
            }
            place.held.push_back(command);
            return;
        };
        let message = ToNode::Command { session, command };
        if stream.try_send(&message).is_err() {
            return self.shared.metrics.commands_dropped.inc();
        }
        if let ToNode::Command { command, .. } = message {
            place.sent.note(command);
        }
    }

    /// Asks the node to save and release the character; false when no node has it.
    pub(crate) fn detach(&mut self) -> bool {
        let (Some(place), Some(session)) = (&self.place, self.id) else { return false };
        let Some(stream) = place.stream() else { return false };
        stream.try_send(&ToNode::Detach { session }).is_ok() && !stream.is_lost()
    }

    /// True while some node may have the character.
    pub(crate) fn is_on_a_node(&self) -> bool {
        self.place.as_ref().and_then(Place::stream).is_some_and(|stream| !stream.is_lost())
    }

    /// True when this message says that the node has let go of the character.
    pub(crate) fn is_released_by(&self, stream: StreamId, message: &FromNode) -> bool {
        let listened_to = self.place.as_ref().and_then(Place::stream).map(|stream| stream.id);
        listened_to == Some(stream) && !matches!(message, FromNode::Event(_))
    }

    /// True when a node has the player, or one is looked for.
    pub(crate) fn is_placed(&self) -> bool {
        self.place.is_some()
    }

    /// The map of the cluster changed.
    pub(crate) fn on_view(&mut self) {
        let now_ms = self.now_ms();
        let view = self.view.borrow_and_update().clone();
        let Some(place) = &mut self.place else { return };
        match &place.state {
            State::Searching { .. } if self.closing.is_none() => self.try_attach(),
            State::Here { stream, .. } => {
                let newer = view.owner(place.zone).filter(|(_, epoch)| *epoch > place.epoch);
                let is_the_same = newer.is_some_and(|(owner, _)| owner.name == stream.node);
                let is_silent = stream.is_suspect();
                match newer {
                    Some((_, epoch)) if is_the_same => place.epoch = epoch,
                    // a handover cannot be on its way from a node of which nothing is heard
                    Some(_) if is_silent => {
                        self.detach();
                        self.resume();
                    }
                    Some(_) => {
                        place.superseded_ms.get_or_insert(now_ms);
                    }
                    None => place.superseded_ms = None,
                }
            }
            _ => {}
        }
    }

    pub(super) fn attach_on_time(&mut self, now_ms: u64) {
        let Some(place) = &self.place else { return };
        match &place.state {
            State::Claiming => {}
            State::Here { .. } => {
                if place.superseded_ms.is_some_and(|since_ms| now_ms >= since_ms + SUPERSEDED_GRACE_MS) {
                    self.detach();
                    self.resume();
                }
            }
            State::Searching { .. } | State::Asked { .. } if self.phase == Phase::Leaving => {}
            State::Searching { .. } | State::Asked { .. } if now_ms >= self.search_until_ms() => {
                self.detach();
                self.give_up(Line::WorldUnavailable);
            }
            State::Searching { retry_ms } => {
                if now_ms >= *retry_ms {
                    self.try_attach();
                }
            }
            State::Asked { until_ms, .. } => {
                if now_ms >= *until_ms {
                    tracing::warn!(session = ?self.id, "the node did not answer");
                    self.detach();
                    self.search(RETRY_MS);
                }
            }
        }
    }

    pub(super) fn attach_time_ms(&self) -> u64 {
        let Some(place) = &self.place else { return u64::MAX };
        match &place.state {
            State::Claiming => u64::MAX,
            State::Here { .. } => {
                place.superseded_ms.map_or(u64::MAX, |since_ms| since_ms + SUPERSEDED_GRACE_MS)
            }
            State::Searching { retry_ms } => (*retry_ms).min(self.search_until_ms()),
            State::Asked { until_ms, .. } => (*until_ms).min(self.search_until_ms()),
        }
    }

    fn search_until_ms(&self) -> u64 {
        let deadlines = &self.settings().deadlines;
        let Some(place) = &self.place else { return u64::MAX };
        let most_ms = if self.phase == Phase::Entering { deadlines.enter_ms } else { deadlines.resume_ms };
        place.searching_since_ms + most_ms
    }

    fn give_up(&mut self, line: Line) {
        if self.phase == Phase::Entering {
            return self.fail_entering(line);
        }
        self.say(line, &[]);
        self.close(CloseReason::NoNode);
    }

    /// Nothing is on any node any more.
    pub(super) fn forget_place(&mut self) {
        if let Some(handle) = &self.handle {
            handle.listen_to(None);
        }
        self.place = None;
    }
}

fn is_move(command: &Command) -> bool {
    matches!(command, Command::Walk { .. } | Command::Stop { .. })
}
