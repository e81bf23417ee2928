//! The small state that a client keeps: itself, and what is in view.

mod goods;
mod party;

pub use goods::{Belongings, GOLD_MAX};

use super::anomaly::Anomaly;
use crate::protocol::incoming::{CharList, Packet, ScoreSeen, SelectionEntry, Snapshot, Told};
use crate::protocol::place::{Tile, Track};
use goods::Goods;
use party::PartyPanel;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Ids below this are players.
const PLAYER_IDS_END: u16 = 1000;
/// Most anomalies kept between two looks at them.
const ANOMALIES_MAX: usize = 64;
/// How long after an own teleport, or after asking for an id, a repeated creation is a refresh.
const REFRESH_WINDOW: Duration = Duration::from_secs(3);
/// An entity farther away than this should have been removed: view, one whole walk, and some.
const STALE_DISTANCE: u16 = 32;
/// How long it may stay that far.
const STALE_GRACE: Duration = Duration::from_secs(3);

/// Somebody in view.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Short id.
    pub id: u16,
    /// Name.
    pub name: Arc<str>,
    /// Where it is over time.
    pub track: Track,
    /// Numbers.
    pub score: ScoreSeen,
    /// When it came into view.
    pub created_at: Instant,
    /// Guild, 0 none.
    pub guild: u16,
    /// Title of the personal shop that it sits in.
    pub stall: Option<String>,
    far_since: Option<Instant>,
}

impl Entity {
    /// True for players.
    pub fn is_player(&self) -> bool {
        self.id < PLAYER_IDS_END
    }
}

/// What happened, in the order of the packets.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Answer to a login.
    CharList(CharList),
    /// A line in the panel.
    Panel(String),
    /// The account is in use.
    AlreadyPlaying,
    /// The older session is being ended.
    StillPlaying,
    /// The PIN was right.
    PinRight,
    /// The PIN was wrong, or is wanted first.
    PinWrong,
    /// Selection after a create.
    Created(Vec<SelectionEntry>),
    /// Selection after a delete.
    Deleted(Vec<SelectionEntry>),
    /// A request of the selection screen was refused: opcode of the answer.
    SelectionRefused(u16),
    /// In the world.
    Entered(Box<Snapshot>),
    /// Back in the selection.
    LoggedOut,
    /// Somebody came into view, or the own character was shown to itself.
    Appeared {
        /// Id.
        id: u16,
        /// Name.
        name: Arc<str>,
        /// Where.
        tile: Tile,
    },
    /// Somebody went out of view.
    Disappeared {
        /// Id.
        id: u16,
        /// Name, when it was known.
        name: Option<Arc<str>>,
        /// 0 out of view, 1 death, 2 logout, 3 vanished.
        kind: i32,
    },
    /// Somebody else began to walk.
    Walked {
        /// Id.
        id: u16,
        /// Name, when it is known.
        name: Option<Arc<str>>,
        /// The walk.
        track: Track,
        /// When the walker came into view, if it is known.
        created_at: Option<Instant>,
    },
    /// Somebody else stopped.
    Stopped {
        /// Id.
        id: u16,
        /// Where.
        at: Tile,
    },
    /// Somebody else is elsewhere at once.
    Placed {
        /// Id.
        id: u16,
        /// Where.
        at: Tile,
    },
    /// The own character was put somewhere by the server.
    OwnPlaced {
        /// Where it had been by its own reckoning.
        from: Tile,
        /// Where it is.
        to: Tile,
        /// True when that is news: it was elsewhere, or on its way elsewhere.
        corrected: bool,
    },
    /// An emote.
    Motion {
        /// Id.
        id: u16,
        /// Name, when it is known.
        name: Option<Arc<str>>,
        /// Animation.
        motion: i16,
    },
    /// Near chat.
    Said {
        /// Id.
        id: u16,
        /// Name, when it is known.
        name: Option<Arc<str>>,
        /// What.
        text: String,
    },
    /// A whisper.
    Whispered {
        /// Sender.
        from: String,
        /// What.
        text: String,
    },
    /// Numbers of somebody, or of the own character.
    Score {
        /// Id.
        id: u16,
    },
    /// Something about items or gold.
    Goods(Told),
    /// Something of the party: the panel is as it is told.
    Party,
    /// A line to everybody.
    Shouted {
        /// Who, if the client is told.
        from: Option<String>,
        /// The line.
        text: String,
    },
    /// A countdown began.
    Timer {
        /// Seconds.
        seconds: i32,
    },
    /// Another packet.
    Other {
        /// Opcode.
        opcode: u16,
    },
}

/// What a client knows of the world.
#[derive(Debug)]
pub struct World {
    own: Snapshot,
    own_track: Track,
    own_shown: bool,
    inside: bool,
    entities: HashMap<u16, Entity>,
    players: HashMap<Arc<str>, u16>,
    asked: HashMap<u16, Instant>,
    placed_at: Option<Instant>,
    corrections: u64,
    anomalies: Vec<Anomaly>,
    goods: Goods,
    party: PartyPanel,
}

impl Default for World {
    fn default() -> World {
        let own = Snapshot {
            own_id: 0,
            name: String::new(),
            class: 0,
            tile: Tile::default(),
            slot: 0,
            score: ScoreSeen::default(),
            gold: 0,
            experience: 0,
            equip: Vec::new(),
            carry: Vec::new(),
            skill_bar: [u8::MAX; 20],
        };
        World {
            own_track: Track::standing(own.tile, Instant::now()),
            own,
            own_shown: false,
            inside: false,
            entities: HashMap::new(),
            players: HashMap::new(),
            asked: HashMap::new(),
            placed_at: None,
            corrections: 0,
            anomalies: Vec::new(),
            goods: Goods::default(),
            party: PartyPanel::default(),
        }
    }
}

impl World {
    /// The own character, kept up to date.
    pub fn own(&self) -> &Snapshot {
        &self.own
    }

    /// True between entering and logging out.
    pub fn is_inside(&self) -> bool {
        self.inside
    }

    /// True once the own character was shown to itself.
    pub fn own_shown(&self) -> bool {
        self.own_shown
    }

    /// Own tile by the own clock.
    pub fn tile(&self, now: Instant) -> Tile {
        self.own_track.at(now)
    }

    /// Own walk.
    pub fn own_track(&self) -> Track {
        self.own_track
    }

    /// Own speed in tiles a second.
    pub fn speed(&self) -> u8 {
        self.own.score.speed.max(1)
    }

    /// How often the server put the own character elsewhere.
    pub fn corrections(&self) -> u64 {
        self.corrections
    }

    /// Everybody in view, the own character left out.
    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    /// Somebody by id.
    pub fn entity(&self, id: u16) -> Option<&Entity> {
        self.entities.get(&id)
    }

    /// A player in view by name.
    pub fn player(&self, name: &str) -> Option<&Entity> {
        self.players.get(name).and_then(|id| self.entities.get(id))
    }

    /// True when somebody stands on a tile or is going to.
    pub fn is_taken(&self, tile: Tile) -> bool {
        self.entities.values().any(|entity| entity.track.to == tile)
    }

    pub(super) fn look_for_stale(&mut self, now: Instant) {
        let own = self.own_track.at(now);
        let mut found = Vec::new();
        for entity in self.entities.values_mut() {
            let distance = entity.track.at(now).distance(own);
            if distance <= STALE_DISTANCE {
                entity.far_since = None;
                continue;
            }
            let since = *entity.far_since.get_or_insert(now);
            if now.saturating_duration_since(since) > STALE_GRACE {
                entity.far_since = Some(now + Duration::from_secs(3600)); // told once
                found.push(Anomaly::Stale { id: entity.id, name: Arc::clone(&entity.name), distance });
            }
        }
        found.into_iter().for_each(|anomaly| self.note(anomaly));
    }

    pub(super) fn take_anomalies(&mut self) -> Vec<Anomaly> {
        std::mem::take(&mut self.anomalies)
    }

    pub(super) fn note(&mut self, anomaly: Anomaly) {
        if self.anomalies.len() < ANOMALIES_MAX {
            self.anomalies.push(anomaly);
        }
    }

    pub(super) fn set_own_track(&mut self, track: Track) {
        self.own_track = track;
    }

    pub(super) fn asked(&mut self, id: u16, now: Instant) {
        self.asked.retain(|_, at| now.saturating_duration_since(*at) < REFRESH_WINDOW);
        self.asked.insert(id, now);
    }

    /// Takes a packet in; what it means.
    pub(super) fn apply(&mut self, packet: Packet, now: Instant) -> Event {
        match packet {
            Packet::CharList(list) => {
                if !list.key_queue_empty {
                    self.note(Anomaly::KeyQueue);
                }
                self.banked(list.cargo.clone(), list.cargo_gold);
                Event::CharList(list)
            }
            Packet::Panel(text) => Event::Panel(text),
            Packet::AlreadyPlaying => Event::AlreadyPlaying,
            Packet::StillPlaying => Event::StillPlaying,
            Packet::PinRight => Event::PinRight,
            Packet::PinWrong => Event::PinWrong,
            Packet::Created(characters) => Event::Created(characters),
            Packet::Deleted(characters) => Event::Deleted(characters),
            Packet::SelectionRefused(opcode) => Event::SelectionRefused(opcode),
            Packet::Entered(snapshot) => self.entered(snapshot, now),
            Packet::LoggedOut => {
                self.forget_all();
                self.inside = false;
                Event::LoggedOut
            }
            Packet::Create { id, name, tile, score, guild, stall, .. } => {
                let name: Arc<str> = Arc::from(name.as_str());
                let track = Track::standing(tile, now);
                self.create(Entity { id, name, track, score, created_at: now, guild, stall, far_since: None })
            }
            Packet::Remove { id, kind } => self.remove(id, kind),
            Packet::Action { id, from, to, steps, effect, speed } => {
                let track = Track { from, to, steps, speed, since: now };
                self.action(id, track, effect, now)
            }
            Packet::Stop { id, at } => self.stop(id, at, now),
            Packet::Motion { id, motion } => {
                Event::Motion { id, name: self.name_for(id, "a motion"), motion }
            }
            Packet::Chat { id, text } => Event::Said { id, name: self.name_for(id, "chat"), text },
            Packet::Whisper { from, text } => Event::Whispered { from, text },
            Packet::Score { id, score, guild } => self.score(id, score, guild),
            Packet::Etc { experience, gold } => {
                self.own.experience = experience;
                self.set_gold(gold);
                Event::Other { opcode: 0x337 }
            }
            Packet::Carry { carry, gold } => {
                self.own.carry = carry;
                self.set_gold(gold);
                Event::Other { opcode: 0x185 }
            }
            Packet::Goods(told) => self.told(told, now),
            Packet::Party(told) => self.party_told(told),
            Packet::Timer { seconds } => Event::Timer { seconds },
            Packet::Other { opcode, .. } => Event::Other { opcode },
        }
    }

    fn entered(&mut self, snapshot: Box<Snapshot>, now: Instant) -> Event {
        self.forget_all();
        self.own = (*snapshot).clone();
        self.own_track = Track::standing(snapshot.tile, now);
        self.placed_at = None;
        self.inside = true;
        Event::Entered(snapshot)
    }

    fn forget_all(&mut self) {
        self.entities.clear();
        self.players.clear();
        self.asked.clear();
        self.goods.ground.clear();
        self.goods.offer = None;
        self.party = PartyPanel::default();
        self.own_shown = false;
    }

    /// The name of an id; an id that nobody ever created is an anomaly.
    fn name_for(&mut self, id: u16, what: &'static str) -> Option<Arc<str>> {
        if id == self.own.own_id {
            return Some(Arc::from(self.own.name.as_str()));
        }
        let name = self.entities.get(&id).map(|entity| Arc::clone(&entity.name));
        if name.is_none() && self.inside {
            self.note(Anomaly::UnknownId { id, what });
        }
        name
    }

    fn create(&mut self, entity: Entity) -> Event {
        let (id, name, tile, now) = (entity.id, Arc::clone(&entity.name), entity.track.to, entity.created_at);
        if !tile.is_on_map() {
            self.note(Anomaly::OffMap { id, tile });
        }
        let own_name = *name == *self.own.name;
        if id == self.own.own_id && own_name {
            self.own_shown = true;
            self.own.score = entity.score;
            self.goods.own_stall = entity.stall;
            return Event::Appeared { id, name, tile };
        }
        if id == self.own.own_id || (own_name && id < PLAYER_IDS_END) {
            self.note(Anomaly::OwnDoubled { id, name: Arc::clone(&name), tile });
            return Event::Appeared { id, name, tile };
        }
        self.judge_creation(&entity, now);
        if id < PLAYER_IDS_END {
            self.players.insert(Arc::clone(&name), id);
        }
        self.entities.insert(id, entity);
        Event::Appeared { id, name, tile }
    }

    fn judge_creation(&mut self, entity: &Entity, now: Instant) {
        let (id, name) = (entity.id, &entity.name);
        if let Some(before) = self.entities.get(&id) {
            // who opens or closes a personal shop is shown anew
            let of_a_shop = before.stall.is_some() || entity.stall.is_some();
            let before = Arc::clone(&before.name);
            if before != *name {
                self.players.remove(&before);
                self.note(Anomaly::IdReused { id, before, now: Arc::clone(name) });
            } else if !of_a_shop && !self.is_refresh(id, now) {
                self.note(Anomaly::Doubled { id, name: Arc::clone(name) });
            }
        }
        if let Some(&first) = self.players.get(name).filter(|&&first| first != id && id < PLAYER_IDS_END) {
            self.note(Anomaly::TwoIds { name: Arc::clone(name), first, second: id });
        }
    }

    fn is_refresh(&self, id: u16, now: Instant) -> bool {
        let recent = |at: &Instant| now.saturating_duration_since(*at) < REFRESH_WINDOW;
        self.asked.get(&id).is_some_and(recent) || self.placed_at.as_ref().is_some_and(recent)
    }

    fn remove(&mut self, id: u16, kind: i32) -> Event {
        if id == self.own.own_id && self.inside {
            self.note(Anomaly::OwnRemoved);
        }
        let name = self.entities.remove(&id).map(|entity| entity.name);
        if let Some(name) = &name
            && self.players.get(name) == Some(&id)
        {
            self.players.remove(name);
        }
        Event::Disappeared { id, name, kind }
    }

    fn action(&mut self, id: u16, track: Track, effect: i32, now: Instant) -> Event {
        let walks = matches!(effect, 0 | 2);
        if id == self.own.own_id {
            if walks {
                self.own_track = track;
                return Event::Other { opcode: 0x36C };
            }
            self.placed_at = Some(now);
            return self.own_placed(track.to, now);
        }
        let name = self.name_for(id, if walks { "a walk" } else { "a teleport" });
        let entity = self.entities.get_mut(&id);
        let created_at = entity.as_ref().map(|entity| entity.created_at);
        if let Some(entity) = entity {
            entity.track = if walks { track } else { Track::standing(track.to, now) };
        }
        if walks { Event::Walked { id, name, track, created_at } } else { Event::Placed { id, at: track.to } }
    }

    fn own_placed(&mut self, to: Tile, now: Instant) -> Event {
        let from = self.own_track.at(now);
        let corrected = from != to || self.own_track.to != to;
        self.corrections += u64::from(corrected);
        self.own_track = Track::standing(to, now);
        Event::OwnPlaced { from, to, corrected }
    }

    fn stop(&mut self, id: u16, at: Tile, now: Instant) -> Event {
        if id == self.own.own_id {
            return self.own_placed(at, now);
        }
        self.name_for(id, "a stop");
        if let Some(entity) = self.entities.get_mut(&id) {
            entity.track = Track::standing(at, now);
        }
        Event::Stopped { id, at }
    }

    fn score(&mut self, id: u16, score: ScoreSeen, guild: u16) -> Event {
        if id == self.own.own_id {
            self.own.score = score;
        } else if let Some(entity) = self.entities.get_mut(&id) {
            entity.score = score;
            entity.guild = guild;
        } else {
            self.note(Anomaly::UnknownId { id, what: "a score" });
        }
        Event::Score { id }
    }
}

#[cfg(test)]
mod tests;
