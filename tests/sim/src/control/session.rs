//! A session at its edge, with the player who uses it: which node has the player, and how that changes.
//!
//! A model of `router/edge/src/session/attach.rs`, rule by rule and with its times; what was sent and not obeyed is remembered by the production
//! code (`model::calls::node::Sent`). There is no registry and no queue before a node: a session that is fenced is still its account's.

use super::board::now_ms;
use super::deeds::{Fate, Seat};
use super::edge::{Edge, Stream};
use super::talk::{Event, ToNode, Told, Wanted, What};
use crate::held;
use ::store::planted::{self, Bug};
use model::Tile;
use model::calls::node::{Attach, AttachReason, AttachRefusal, DropReason, Sent};
use model::id::{AccountId, CharacterId, Epoch, SessionId, ZoneId};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Times and limits of the production code and of its default settings.
const RETRY_MS: u64 = 100;
const RETRY_LATER_MS: u64 = 500;
const SUPERSEDED_GRACE_MS: u64 = 2_000;
const FENCED_MAX: usize = 8;
const FENCED_WITHIN_MS: u64 = 5_000;
const NODE_ANSWER_MS: u64 = 5_000;
const ENTER_MS: u64 = 15_000;
const RESUME_MS: u64 = 120_000;
const HELD_MAX: usize = 16;
/// How long the registry thinks about whose a session is.
const CHECK_MS: u64 = 20;

/// Who plays.
#[derive(Clone, Copy, Debug)]
pub struct Player {
    /// Its session.
    pub id: SessionId,
    /// Its account.
    pub account: AccountId,
    /// Its character.
    pub character: CharacterId,
    /// Where that stands at first.
    pub tile: Tile,
    /// When it logs in.
    pub from: Duration,
    /// Until when it wants something.
    pub until: Duration,
    /// Between these times it stands about.
    pub rests_ms: (u64, u64),
    /// From what all its wishes follow.
    pub seed: u64,
}

/// What a session is told by the streams of its edge.
#[derive(Clone, Debug)]
pub enum FromNode {
    /// A node says something.
    Said(Told),
    /// The stream is gone.
    StreamLost,
    /// The map of the cluster changed.
    ViewChanged,
}

enum State {
    Searching { retry_ms: u64 },
    Asked { stream: Rc<Stream>, until_ms: u64 },
    Here { stream: Rc<Stream> },
}

struct Session {
    edge: Rc<Edge>,
    player: Player,
    dice: ChaCha8Rng,
    zone: ZoneId,
    epoch: Epoch,
    reason: AttachReason,
    state: State,
    searching_since_ms: u64,
    superseded_ms: Option<u64>,
    held: VecDeque<Wanted>,
    sent: Sent<Wanted>,
    fenced_ms: Vec<u64>,
    /// It has entered once.
    is_playing: bool,
    /// It has given up.
    is_lost: bool,
    /// Commands at the node that were not heard of.
    open: BTreeSet<u64>,
    /// All that were sent to the node that has the player.
    order: Vec<u64>,
    /// Gestures that its player was told are counted.
    gestures: i32,
    number: u64,
    next_wish_ms: u64,
}

/// A player's life.
pub async fn live(edge: Rc<Edge>, player: Player, mut inbox: mpsc::Receiver<(u64, FromNode)>) {
    sleep(player.from).await;
    let zone = edge.cluster.view().zones.zone_at(player.tile);
    let now_ms = now();
    let seat = Seat { character: player.character, node: None, epoch: Epoch(0), tile: player.tile, gold: 0 };
    held(&edge.board).deeds.seats.insert(player.id, seat);
    let mut session = Session {
        edge,
        player,
        dice: ChaCha8Rng::seed_from_u64(player.seed),
        zone,
        epoch: Epoch(0),
        reason: AttachReason::Login,
        state: State::Searching { retry_ms: now_ms },
        searching_since_ms: now_ms,
        superseded_ms: None,
        held: VecDeque::new(),
        sent: Sent::default(),
        fenced_ms: Vec::new(),
        is_playing: false,
        is_lost: false,
        open: BTreeSet::new(),
        order: Vec::new(),
        gestures: 0,
        number: 0,
        next_wish_ms: now_ms,
    };
    while !session.is_lost {
        let pause = Duration::from_millis(session.next_ms().saturating_sub(now()));
        tokio::select! {
            biased;
            said = inbox.recv() => match said {
                Some((stream, message)) => session.on_node(stream, &message),
                None => return,
            },
            () = sleep(pause) => {}
        }
        session.on_time();
        session.seated();
    }
}

fn now() -> u64 {
    now_ms() as u64
}

impl Session {
    fn stream(&self) -> Option<&Rc<Stream>> {
        match &self.state {
            State::Asked { stream, .. } | State::Here { stream } => Some(stream),
            State::Searching { .. } => None,
        }
    }

    fn is_here(&self) -> bool {
        matches!(self.state, State::Here { .. })
    }

    fn note(&self, what: std::fmt::Arguments<'_>) {
        held(&self.edge.board).note(&self.edge.name, format_args!("{:?} {what}", self.player.id));
    }

    fn finds(&self, what: String) {
        held(&self.edge.board).finds(what);
    }

    fn learns(&self, number: u64, fate: Fate) {
        let mut board = held(&self.edge.board);
        let wrong = board.deeds.learns(self.player.id, number, fate);
        wrong.into_iter().for_each(|wrong| board.finds(wrong));
    }

    /// Notes where it is, for the judge.
    fn seated(&self) {
        let node = if let State::Here { stream } = &self.state { Some(stream.node.clone()) } else { None };
        if let Some(seat) = held(&self.edge.board).deeds.seats.get_mut(&self.player.id) {
            seat.node = node;
        }
    }

    fn on_node(&mut self, stream: u64, message: &FromNode) {
        if matches!(message, FromNode::ViewChanged) {
            return self.on_view();
        }
        let listened_to = self.stream().map(|stream| stream.id);
        let is_event = matches!(message, FromNode::Said(Told::Event(..)));
        if listened_to != Some(stream) && !(planted::is(Bug::FormerNodeHeard) && is_event && self.is_here()) {
            return;
        }
        match message {
            FromNode::Said(Told::Event(epoch, event)) => self.on_event(*epoch, *event),
            FromNode::Said(Told::Refused(refusal)) => self.on_refused(*refusal),
            FromNode::Said(Told::Handover { transfer, zone, obeyed }) if self.is_here() => {
                self.zone = *zone;
                self.reason = AttachReason::Handover(*transfer);
                self.searching_since_ms = now();
                self.on_handover(*obeyed);
                self.search(0);
            }
            FromNode::Said(Told::Handover { .. }) => {}
            FromNode::Said(Told::Detached) => {
                if self.is_here() {
                    self.superseded_ms.get_or_insert(now());
                }
            }
            FromNode::Said(Told::Dropped(DropReason::ZoneGone | DropReason::Outdated, obeyed)) => {
                if let Some(obeyed) = obeyed.filter(|_| self.is_here()) {
                    self.holds_after(obeyed);
                }
                self.resume();
            }
            FromNode::StreamLost => self.resume(),
            FromNode::Said(Told::Dropped(DropReason::Fenced, _)) => self.on_fenced(),
            FromNode::ViewChanged => {}
        }
    }

    fn on_event(&mut self, epoch: Epoch, event: Event) {
        let id = self.player.id;
        let mut board = held(&self.edge.board);
        let Some(seat) = board.deeds.seats.get_mut(&id) else { return };
        // a node that is asked may have had the player before: what lies in its stream from then is no answer
        let is_from_before = match event {
            Event::Entered { .. } => epoch < seat.epoch,
            _ => matches!(self.state, State::Asked { .. }),
        };
        if is_from_before && !planted::is(Bug::FormerNodeHeard) {
            return;
        }
        let before = seat.clone();
        seat.epoch = seat.epoch.max(epoch);
        match event {
            Event::Entered { tile, gold, .. } => (seat.tile, seat.gold) = (tile, gold),
            Event::Stands(tile) => seat.tile = tile,
            Event::Gold(_, gold) => seat.gold = gold,
            Event::Obeyed(..) => {}
        }
        if epoch < before.epoch {
            let heard = before.epoch;
            board.finds(format!(
                "{id:?} hears {event:?} under {epoch:?}, expected nothing older than {heard:?}"
            ));
        }
        if let Event::Entered { gold, .. } | Event::Gold(_, gold) = event
            && gold < before.gold
        {
            let had = before.gold;
            board.finds(format!("{id:?} is shown {gold} gold after {had}, expected that it never gets less"));
        }
        drop(board);
        match event {
            Event::Entered { gestures, .. } => self.on_entered(gestures),
            Event::Obeyed(number, gestures) => {
                self.gestures = gestures;
                self.open.remove(&number);
                self.learns(number, Fate::Heard);
            }
            Event::Stands(_) | Event::Gold(..) => {}
        }
    }

    fn on_entered(&mut self, gestures: i32) {
        let reason = match &self.state {
            State::Asked { stream, .. } => {
                self.state = State::Here { stream: Rc::clone(stream) };
                self.sent = Sent::default();
                self.order.clear();
                self.reason
            }
            // the answer to a second attach: everything is told anew
            State::Here { .. } => {
                self.superseded_ms = None;
                AttachReason::Resume
            }
            State::Searching { .. } => return,
        };
        self.note(format_args!("is at {:?} by {reason:?}", self.stream().map(|stream| stream.node.clone())));
        self.is_playing = true;
        if matches!(reason, AttachReason::Handover(_)) && gestures != self.gestures {
            let (id, before) = (self.player.id, self.gestures);
            self.finds(format!(
                "{id:?} was handed over and has {gestures} gestures, expected the {before} of before"
            ));
        }
        self.gestures = gestures;
        for wanted in std::mem::take(&mut self.held) {
            // no moves from before it was set down elsewhere
            if reason == AttachReason::Resume && matches!(wanted.what, What::Walk(_)) {
                self.learns(wanted.number, Fate::Dropped);
            } else {
                self.command(wanted);
            }
        }
    }

    fn on_handover(&mut self, obeyed: u32) {
        self.holds_after(obeyed);
        held(&self.edge.board).deeds.handovers += 1;
    }

    /// What was sent and not obeyed is for the next zone.
    fn holds_after(&mut self, obeyed: u32) {
        let obeyed = if planted::is(Bug::ObeyedSentAgain) { 0 } else { obeyed };
        self.held = self.sent.take_after(obeyed);
        if planted::is(Bug::OpenForgotten) {
            self.held.clear();
        }
        for wanted in &self.held {
            self.open.remove(&wanted.number);
        }
        // of more than an edge remembers the oldest are lost
        let obeyed = usize::try_from(obeyed).unwrap_or(usize::MAX);
        let after: BTreeSet<u64> = self.order.drain(..).skip(obeyed).collect();
        let id = self.player.id;
        for number in std::mem::take(&mut self.open) {
            let is_open = held(&self.edge.board).deeds.fate(id, number) == Some(Fate::Open);
            if after.contains(&number) && is_open && !planted::is(Bug::OpenForgotten) {
                self.learns(number, Fate::Dropped);
            } else if is_open {
                self.finds(format!(
                    "{id:?} is handed over and never hears of {number}; expected that it was obeyed and told before, or sent again"
                ));
            }
        }
    }

    fn on_refused(&mut self, refusal: AttachRefusal) {
        match refusal {
            AttachRefusal::OtherZone(zone) => {
                self.zone = zone;
                self.search(RETRY_MS / 2);
            }
            AttachRefusal::NotOwner | AttachRefusal::Queued { .. } => self.search(RETRY_MS),
            AttachRefusal::StoreUnavailable | AttachRefusal::Overloaded => self.search(RETRY_LATER_MS),
            AttachRefusal::NoSuchCharacter => self.gives_up("its character does not exist"),
        }
    }

    fn on_fenced(&mut self) {
        if !self.is_here() {
            return self.search(RETRY_MS);
        }
        self.reason = AttachReason::Resume;
        self.searching_since_ms = now();
        self.loses_open();
        held(&self.edge.board).deeds.fenced += 1;
        self.fenced_ms.retain(|&fenced_ms| now() < fenced_ms + FENCED_WITHIN_MS);
        self.fenced_ms.push(now());
        if self.fenced_ms.len() >= FENCED_MAX {
            return self.gives_up("its character was taken from it again and again");
        }
        self.search(CHECK_MS);
    }

    /// The node that had the player is gone: find the zone's owner again.
    fn resume(&mut self) {
        if self.is_here() {
            self.reason = AttachReason::Resume;
            self.searching_since_ms = now();
            self.loses_open();
            self.note(format_args!("looks for another node"));
        }
        self.search(RETRY_MS / 2);
    }

    /// What the node that is gone was asked and has not told of.
    fn loses_open(&mut self) {
        held(&self.edge.board).deeds.resumes += 1;
        for number in std::mem::take(&mut self.open) {
            // some were too many for a player who waited
            if held(&self.edge.board).deeds.fate(self.player.id, number) == Some(Fate::Open) {
                self.learns(number, Fate::Unknown);
            }
        }
    }

    fn search(&mut self, pause_ms: u64) {
        self.superseded_ms = None;
        self.state = State::Searching { retry_ms: now() + pause_ms };
        if pause_ms == 0 {
            self.try_attach();
        }
    }

    fn try_attach(&mut self) {
        self.state = State::Searching { retry_ms: now() + RETRY_MS };
        let view = self.edge.cluster.view();
        self.zone = view.zones.heir(self.zone);
        let Some((owner, epoch)) = view.owner(self.zone) else { return };
        let Some(stream) = self.edge.stream(&owner.name) else { return };
        let attach = Attach {
            session: self.player.id,
            account: self.player.account,
            character: self.player.character,
            zone: self.zone,
            zone_epoch: epoch,
            reason: self.reason,
            away_ms: 0,
            walk: None,
        };
        if stream.send(ToNode::Attach(attach)) {
            self.epoch = epoch;
            self.state = State::Asked { stream, until_ms: now() + NODE_ANSWER_MS };
        }
    }

    /// A player's request, to the node that has it; held while none has.
    fn command(&mut self, wanted: Wanted) {
        let State::Here { stream } = &self.state else {
            if self.held.len() >= HELD_MAX
                && let Some(oldest) = self.held.pop_front()
            {
                self.learns(oldest.number, Fate::Dropped);
            }
            self.held.push_back(wanted);
            return;
        };
        if !stream.send(ToNode::Command { session: self.player.id, wanted }) {
            return self.learns(wanted.number, Fate::Dropped);
        }
        self.open.insert(wanted.number);
        self.order.push(wanted.number);
        self.sent.note(wanted);
    }

    fn detach(&self) {
        if let Some(stream) = self.stream() {
            stream.send(ToNode::Detach { session: self.player.id });
        }
    }

    fn on_view(&mut self) {
        let view = self.edge.cluster.view();
        match &self.state {
            State::Searching { .. } => self.try_attach(),
            State::Asked { .. } => {}
            State::Here { stream } => match view.owner(self.zone).filter(|(_, epoch)| *epoch > self.epoch) {
                Some((owner, epoch)) if owner.name == stream.node => self.epoch = epoch,
                // a handover cannot be on its way from a node of which nothing is heard
                Some(_) if stream.is_suspect() => {
                    self.detach();
                    self.resume();
                }
                Some(_) => {
                    self.superseded_ms.get_or_insert(now());
                }
                None => self.superseded_ms = None,
            },
        }
    }

    fn search_until_ms(&self) -> u64 {
        self.searching_since_ms + if self.is_playing { RESUME_MS } else { ENTER_MS }
    }

    fn on_time(&mut self) {
        let now_ms = now();
        match &self.state {
            State::Here { .. } => {
                if self.superseded_ms.is_some_and(|since_ms| now_ms >= since_ms + SUPERSEDED_GRACE_MS) {
                    self.detach();
                    self.resume();
                }
            }
            State::Searching { .. } | State::Asked { .. } if now_ms >= self.search_until_ms() => {
                self.detach();
                self.gives_up("no node lets it in");
            }
            State::Searching { retry_ms } => {
                if now_ms >= *retry_ms {
                    self.try_attach();
                }
            }
            State::Asked { until_ms, .. } => {
                if now_ms >= *until_ms {
                    self.detach();
                    self.search(RETRY_MS);
                }
            }
        }
        if self.is_playing && now_ms >= self.next_wish_ms && now_ms < self.player.until.as_millis() as u64 {
            self.wishes();
        }
    }

    fn next_ms(&self) -> u64 {
        let attach_ms = match &self.state {
            State::Here { .. } => {
                self.superseded_ms.map_or(u64::MAX, |since_ms| since_ms + SUPERSEDED_GRACE_MS)
            }
            State::Searching { retry_ms } => (*retry_ms).min(self.search_until_ms()),
            State::Asked { until_ms, .. } => (*until_ms).min(self.search_until_ms()),
        };
        let wants = self.is_playing && self.next_wish_ms < self.player.until.as_millis() as u64;
        // a session without anything to wait for looks up once a minute
        attach_ms.min(if wants { self.next_wish_ms } else { now() + 60_000 })
    }

    /// The player wants something.
    fn wishes(&mut self) {
        // some are in haste, some stand about: then nothing changes that a journal could miss to be told again
        let pause_ms = match self.player.seed % 8 {
            0 => 5..40,
            1 | 2 => 100..8_000,
            _ => 20..300,
        };
        self.next_wish_ms = now() + self.dice.random_range(pause_ms);
        let (rests_ms, goes_on_ms) = self.player.rests_ms;
        if (rests_ms..goes_on_ms).contains(&self.next_wish_ms) {
            self.next_wish_ms = goes_on_ms;
        }
        self.number += 1;
        let what = match self.dice.random_range(0..10) {
            0..5 => What::Gesture,
            5..8 => What::Walk(super::somewhere(&mut self.dice)),
            _ => What::Earn,
        };
        held(&self.edge.board).deeds.wants(self.player.id, self.number, what);
        self.command(Wanted { number: self.number, what });
    }

    fn gives_up(&mut self, why: &str) {
        self.is_lost = true;
        self.finds(format!("{:?} is lost: {why}; expected that no session ends", self.player.id));
    }
}
