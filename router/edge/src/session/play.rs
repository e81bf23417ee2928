//! In the world: what the player asks, and what it is shown.

use super::Session;
use super::footing::Footing;
use super::requests::{self, Parcels};
use super::shown::Before;
use crate::budget::{WalkGate, WalkVerdict};
use crate::ground_ids::GroundIds;
use crate::messages::{self, Line};
use crate::phase::Phase;
use crate::seen::Seen;
use crate::social_words;
use crate::translate;
use crate::view::{Showing, View};
use model::calls::node::AttachReason;
use model::command::CHAT_TEXT_MAX;
use model::event::{Appearance, Arrival, Departure, Sheet, Walk};
use model::{Command, EntityId, Event, Route, Score, Tile};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use wire::packet::{
    Chat, ClientPacket, GroundItemRemove, MessagePanel, Motion, RemoveMob, SkillBar, Whisper,
};
use wire::record::Movement;

/// What the 7.48 client asks by itself, and what it is told.
const DAY: (&str, &str) = ("day", "!#11  2");
/// Whispers under way at once.
const WHISPERS_MAX: usize = 4;
/// Cities.
const CITIES: u8 = 5;
/// The fastest that any client claims to walk.
const SPEED_MAX: i32 = 15;
/// Lines and emotes that are remembered: as many as come within the time of a handover.
const PERCEIVED_MAX: usize = 64;
/// Removal without any animation.
const AT_ONCE: i32 = 3;

/// What a player in the world is shown.
#[derive(Serialize, Deserialize)]
pub(super) struct World {
    pub(super) own: u16,
    pub(super) entity: EntityId,
    pub(super) tile: Tile,
    pub(super) sheet: Box<Sheet>,
    pub(super) view: View,
    /// What the client was told of those in the picture.
    pub(super) seen: HashMap<EntityId, Seen>,
    /// Numbers of what was told once, the last ones: over a border it may be told again.
    perceived: VecDeque<(EntityId, u64)>,
    pub(super) grounds: GroundIds,
    /// Short id of the merchant whose shop was opened last.
    pub(super) shop: u16,
    /// True while its client may show the window of a trade.
    pub(super) trading: bool,
    /// True while it sits in its own personal shop.
    pub(super) stalled: bool,
    /// The walk that its client is on or was on last.
    walk: Option<Walk>,
    footing: Footing,
    /// While the player is handed over.
    crossing: Option<Crossing>,
}

/// How a player goes from one zone to another.
#[derive(Serialize, Deserialize)]
struct Crossing {
    /// It walks there, so what its client shows stays in view.
    on_foot: bool,
    /// The rest of the walk in the middle of which it is.
    rest: Option<Walk>,
}

impl Session {
    pub(super) fn on_play_packet(&mut self, packet: ClientPacket, client_tick: u32) {
        match packet {
            ClientPacket::Action(packet) => self.on_walk(&packet.movement, client_tick),
            ClientPacket::ActionStop(packet) => self.on_stop_walking(&packet.movement, client_tick),
            ClientPacket::ActionIllusion(_) => self.shared.metrics.unhandled.inc(),
            ClientPacket::Motion(packet) if !packet.direction.is_finite() => self.strike("field"),
            ClientPacket::Motion(Motion { motion, parm, direction }) => {
                self.command(Command::Motion { motion, parameter: parm, direction });
            }
            ClientPacket::Chat(packet) => self.on_chat(&packet.text),
            ClientPacket::Whisper(packet) => self.on_whisper(&packet),
            ClientPacket::Restart(_) => self.command(Command::Recall),
            ClientPacket::TeleportRequest(_) => self.command(Command::UsePortal),
            ClientPacket::ChangeCity(packet) => match u8::try_from(packet.city) {
                Ok(city) if city < CITIES => self.command(Command::EnterCity { city }),
                _ => self.strike("field"),
            },
            ClientPacket::RequestMob(packet) => self.on_inspect(packet.target),
            ClientPacket::PartyRequest(packet) => {
                if self.may_talk() {
                    self.on_party_request(&packet);
                }
            }
            ClientPacket::PartyAccept(packet) => {
                if self.may_talk() {
                    self.on_party_accept(&packet);
                }
            }
            ClientPacket::PartyRemove(packet) => {
                if self.may_talk() {
                    self.on_party_remove(&packet);
                }
            }
            ClientPacket::SkillBar(SkillBar { skills }) => self.command(Command::SetSkillBar { bar: skills }),
            packet => self.on_goods_packet(packet),
        }
    }

    fn on_walk(&mut self, movement: &Movement, client_tick: u32) {
        let now_ms = self.now_ms();
        match self.guard.walks.walk(client_tick, now_ms) {
            WalkVerdict::Pass => {}
            WalkVerdict::TooSoon => return,
            WalkVerdict::TooSoonAgain => return self.strike("walk_rate"),
            WalkVerdict::BadTick => return self.strike("tick"),
        }
        let from = Tile::new(movement.x, movement.y);
        let to = Tile::new(movement.target_x, movement.target_y);
        let route = Route::from_ascii(movement.route.digits());
        let speed_is_sane = (0..=SPEED_MAX).contains(&movement.speed);
        match route.filter(|_| from.is_on_map() && to.is_on_map() && speed_is_sane) {
            Some(route) => {
                let speed = movement.speed as u8;
                if let Some(world) = &mut self.world {
                    if !world.footing.moves(from, to, now_ms) {
                        return self.shared.metrics.commands_dropped.inc();
                    }
                    world.tile = from;
                    world.walk = Some(Walk { from, route: route.clone(), to, speed });
                }
                self.command(Command::Walk { from, route, to, speed });
            }
            None => self.strike("field"),
        }
    }

    fn on_stop_walking(&mut self, movement: &Movement, client_tick: u32) {
        let now_ms = self.now_ms();
        if !WalkGate::tick_is_sane(client_tick, now_ms) {
            return self.strike("tick");
        }
        let at = Tile::new(movement.target_x, movement.target_y);
        if !at.is_on_map() {
            return self.strike("field");
        }
        if let Some(world) = &mut self.world {
            if !world.footing.moves(at, at, now_ms) {
                return self.shared.metrics.commands_dropped.inc();
            }
            world.walk = None;
        }
        self.command(Command::Stop { at });
    }

    fn on_chat(&mut self, text: &str) {
        let text: String = messages::clean(text).chars().take(CHAT_TEXT_MAX).collect();
        if !text.trim().is_empty() && self.may_talk() {
            self.command(Command::Say { text });
        }
    }

    fn on_whisper(&mut self, packet: &Whisper) {
        if packet.name == DAY.0 {
            return self.send(0, MessagePanel { text: DAY.1.to_owned() });
        }
        let (to, text) = (messages::clean(&packet.name), messages::clean(&packet.text));
        if let Some(words) = social_words::parse(&to, &text) {
            if self.may_talk() {
                self.on_social_words(words);
            }
            return;
        }
        if let Some(command) = Self::command_of(&to, &text) {
            if self.may_talk() {
                self.command(command);
            }
            return;
        }
        let is_channel = to.trim().is_empty() || text.starts_with(['=', '-', '@']);
        if !self.may_talk() {
            return;
        }
        if is_channel {
            return self.on_channel(&text);
        }
        let Some(session) = self.id else { return };
        if self.work.len() >= WHISPERS_MAX {
            return self.say(Line::StillBusy, &[]);
        }
        let text: String = text.chars().take(CHAT_TEXT_MAX).collect();
        self.work.push_back(Box::pin(requests::whisper(Arc::clone(&self.shared), session, to, text)));
    }

    pub(super) fn on_whisper_done(&mut self, to: &str, found: Option<bool>) {
        match found {
            Some(true) => {}
            Some(false) => self.say(Line::NotConnected, &[to]),
            None => self.say(Line::Unavailable, &[]),
        }
    }

    pub(super) fn on_whispered(&mut self, from: String, text: String) {
        if self.phase == Phase::Playing {
            self.send(0, Whisper { name: from, text, color: 0 });
        }
    }

    fn may_talk(&mut self) -> bool {
        let (rate, now_ms) = (self.settings().budgets.chat, self.now_ms());
        let may = self.guard.chat.take(1.0, rate, now_ms);
        if !may {
            self.say(Line::ChatTooFast, &[]);
            self.strike("chat");
        }
        may
    }

    fn on_inspect(&mut self, id: u16) {
        let Some(world) = &mut self.world else { return };
        let entity = if id == world.own { Some(world.entity) } else { world.view.entity_of(id) };
        match entity {
            Some(entity) => {
                world.view.asked(entity);
                self.command(Command::Inspect { entity });
            }
            None => self.send(id, RemoveMob { reason: departure(Departure::OutOfView) }),
        }
    }

    pub(super) fn on_event(&mut self, event: &Event) {
        if let Event::Entered(sheet) = event {
            return self.on_entered(sheet);
        }
        let Some(world) = &mut self.world else { return };
        match event {
            Event::Entered(_) => {}
            Event::Appeared { look, arrival } => self.on_appeared(look, *arrival),
            Event::Disappeared { entity, departure } => self.on_disappeared(*entity, *departure),
            Event::Walked { entity, .. } | Event::Stopped { entity, .. } | Event::Placed { entity, .. }
                if !world.hears(*entity, event) => {}
            Event::Walked { entity, walk, .. } => {
                world.view.moved(*entity, walk.to);
                if let Some(id) = world.view.id_of(*entity) {
                    self.send(id, translate::walk(walk));
                }
            }
            Event::Stopped { entity, tile, .. } => {
                world.view.moved(*entity, *tile);
                if let Some(id) = world.view.id_of(*entity) {
                    self.send(id, translate::stop(*tile));
                }
            }
            Event::Placed { entity, tile, .. } => self.on_placed(*entity, *tile),
            Event::ViewComplete => self.on_view_complete(),
            Event::Motion { entity, number, .. } | Event::Said { entity, number, .. }
                if world.has_perceived(*entity, *number) => {}
            Event::Motion { entity, motion, parameter, direction, .. } => {
                if let Some(id) = world.view.id_of(*entity) {
                    self.send(id, Motion { motion: *motion, parm: *parameter, direction: *direction });
                }
            }
            Event::Said { entity, text, .. } => {
                if let Some(id) = world.view.id_of(*entity) {
                    self.send(id, Chat { text: text.clone() });
                }
            }
            Event::ScoreChanged { entity, score } => {
                world.hears(*entity, event);
                self.on_score(*entity, score);
            }
            Event::GoldChanged { gold } => {
                world.sheet.gold = *gold;
                let (own, etc) = (world.own, translate::etc(&world.sheet));
                self.send(own, etc);
            }
            Event::SkillBar { bar } => {
                world.sheet.skill_bar = *bar;
                let own = world.own;
                self.send(own, SkillBar { skills: *bar });
            }
            Event::Notice(notice) => {
                let text = messages::notice(notice, self.language());
                self.send(0, MessagePanel { text });
                if messages::is_of_bank(notice) {
                    self.recount_bank();
                }
            }
            Event::Weather(kind) => {
                world.sheet.weather = *kind;
                self.send(wire::SCENE_FIELD, translate::weather(*kind));
            }
            Event::TimeLeft { seconds } => {
                self.send(wire::SCENE_FIELD, translate::instance_timer(*seconds));
            }
            event => self.on_goods_event(event),
        }
    }

    fn on_entered(&mut self, sheet: &Sheet) {
        let Some(reason) = self.arrive() else { return };
        let own = self.own_number();
        self.shared.numbers.lock().enter(sheet.entity, own);
        let before = self.world.take();
        let crossing = before.as_ref().and_then(|world| world.crossing.as_ref());
        let crossing = crossing.filter(|_| reason != AttachReason::Resume);
        let on_foot = crossing.is_some_and(|crossing| crossing.on_foot);
        // what the client asked meanwhile is held, and newer
        let walk = before.as_ref().filter(|_| crossing.is_some());
        let walk = walk.and_then(|world| world.walk.clone().or_else(|| world.walk_over_border()));
        let mut world = World {
            own,
            entity: sheet.entity,
            tile: sheet.tile,
            sheet: Box::new(sheet.clone()),
            view: View::new(own),
            seen: HashMap::new(),
            perceived: VecDeque::new(),
            grounds: GroundIds::default(),
            shop: 0,
            trading: false,
            stalled: false,
            walk,
            footing: Footing::on(sheet.tile),
            crossing: None,
        };
        let mut goods = Before::default();
        let mut gone = Vec::new();
        let mut told = Vec::new();
        let footing = before.as_ref().map(|before| before.footing);
        let is_there = match on_foot {
            true => before.as_ref().is_some_and(|before| before.tile == sheet.tile),
            false => {
                reason == AttachReason::Resume && footing.is_some_and(|footing| footing.rests_on(sheet.tile))
            }
        };
        if let Some(footing) = footing.filter(|_| is_there) {
            world.footing = footing;
        } else if reason == AttachReason::Resume {
            world.footing = Footing::anew(sheet.tile, self.now_ms());
        }
        if let Some(before) = before {
            told = translate::refresh(&before.sheet, own);
            goods.equip = before.sheet.equip;
            (goods.trading, goods.stalled) = (before.trading, before.stalled);
            // the picture is kept, so that ids which the client still remembers are not lent again at once
            (world.view, world.grounds) = (before.view, before.grounds);
            // what was said in its last zone may be told once more by the next one
            world.perceived = before.perceived;
            if on_foot {
                (world.seen, world.shop) = (before.seen, before.shop);
                world.view.doubt();
                world.grounds.doubt();
            } else {
                gone = world.view.clear();
                goods.grounds = world.grounds.clear();
            }
        }
        self.world = Some(world);
        match reason {
            AttachReason::Handover(_) | AttachReason::Resume => {
                self.send_all(gone.into_iter().map(|id| (id, RemoveMob { reason: AT_ONCE }.into())));
                if !is_there {
                    self.send(own, translate::set_down(sheet.tile));
                }
                let now = translate::refresh(sheet, own);
                self.send_all(now.into_iter().filter(|one| !on_foot || !told.contains(one)));
                self.correct_goods(&goods, sheet);
                if reason == AttachReason::Resume {
                    self.recount_bank();
                }
            }
            AttachReason::Login => {
                tracing::info!(character = %sheet.name, session = ?self.id, "entered the world");
                self.send_all(translate::enter(sheet, own, self.profile));
                if self.closing.is_none() {
                    self.set_phase(Phase::Playing);
                }
                self.tell_parcels();
            }
        }
        self.flush_held(reason);
        self.on_persona();
        self.show_party();
    }

    /// Once after the login: what came into the bank by then, and what waits.
    fn tell_parcels(&mut self) {
        let Parcels { taken, waiting } = std::mem::take(&mut self.parcels);
        if taken > 0 || waiting > 0 {
            self.say(Line::ParcelsTaken, &[&taken.to_string(), &waiting.to_string()]);
        }
    }

    fn on_appeared(&mut self, look: &Appearance, arrival: Arrival) {
        let limits = self.settings().view.clone();
        let preferred = self.shared.numbers.lock().of(look.entity);
        let Some(world) = &mut self.world else { return };
        let glows = arrival == Arrival::Glow;
        if look.entity == world.entity {
            world.stalled = look.stall.is_some();
            let sent = translate::appear(look, world.own, glows, self.profile);
            return self.send_all(sent);
        }
        if let Some(id) = world.view.confirm(look.entity, look.tile) {
            let sent = match world.seen.get_mut(&look.entity) {
                Some(seen) => seen.correct(look, id, self.profile),
                None => {
                    world.seen.insert(look.entity, Seen::of(look));
                    translate::appear(look, id, glows, self.profile)
                }
            };
            return self.send_all(sent);
        }
        match world.view.appear(look.entity, look.tile, preferred, world.tile, &limits) {
            Showing::Hide => self.shared.metrics.hidden.inc(),
            Showing::Show { id, instead_of } => {
                world.seen.insert(look.entity, Seen::of(look));
                if let Some(out) = instead_of {
                    self.shared.metrics.hidden.inc();
                    self.send(out, RemoveMob { reason: departure(Departure::OutOfView) });
                }
                self.send_all(translate::appear(look, id, glows, self.profile));
            }
        }
    }

    fn on_disappeared(&mut self, entity: EntityId, how: Departure) {
        let limits = self.settings().view.clone();
        let Some(world) = &mut self.world else { return };
        world.seen.remove(&entity);
        let id = world.view.disappear(entity);
        let next = world.view.next_hidden(world.tile, &limits);
        if let Some(id) = id {
            self.send(id, RemoveMob { reason: departure(how) });
        }
        if let Some(entity) = next {
            self.command(Command::Inspect { entity });
        }
    }

    /// The zone has told of all that is in view: what the client still shows of another zone goes.
    fn on_view_complete(&mut self) {
        let limits = self.settings().view.clone();
        let Some(world) = &mut self.world else { return };
        let gone = world.view.end_doubt();
        for (entity, _) in &gone {
            world.seen.remove(entity);
        }
        let next = world.view.next_hidden(world.tile, &limits);
        let grounds = world.grounds.end_doubt();
        let out_of_view = departure(Departure::OutOfView);
        self.send_all(gone.into_iter().map(|(_, id)| (id, RemoveMob { reason: out_of_view }.into())));
        let lies_no_more = |item_id| (wire::SCENE_FIELD, GroundItemRemove { item_id }.into());
        self.send_all(grounds.into_iter().map(lies_no_more));
        if let Some(entity) = next {
            self.command(Command::Inspect { entity });
        }
    }

    fn on_placed(&mut self, entity: EntityId, tile: Tile) {
        let Some(world) = &mut self.world else { return };
        let id = if entity == world.entity {
            world.tile = tile;
            world.sheet.tile = tile;
            world.walk = None;
            world.footing = Footing::on(tile);
            Some(world.own)
        } else {
            world.view.moved(entity, tile);
            world.view.id_of(entity)
        };
        if let Some(id) = id {
            self.send(id, translate::set_down(tile));
        }
    }

    fn on_score(&mut self, entity: EntityId, score: &Score) {
        let Some(world) = &mut self.world else { return };
        if entity == world.entity {
            world.sheet.score = *score;
            let (own, packet) = (world.own, translate::own_score(&world.sheet));
            self.send(own, packet);
            self.on_persona();
        } else if let Some(id) = world.view.id_of(entity) {
            let tags = world.seen.get(&entity).map(|seen| seen.tags.clone()).unwrap_or_default();
            self.send(id, translate::other_score(score, &tags));
        }
    }

    /// The player is handed over to another node, where it will be on this tile.
    pub(super) fn cross_to(&mut self, tile: Tile, on_foot: bool) {
        // a walk that is held is another one than that on which it crosses
        let asked_anew = self.holds_a_move();
        if let Some(world) = &mut self.world {
            world.tile = tile;
            let walk = if asked_anew { None } else { world.walk.take() };
            let rest = walk.and_then(|walk| walk.rest_from(tile));
            world.crossing = Some(Crossing { on_foot, rest });
        }
    }

    /// The player is in no world any more.
    pub(crate) fn leave_world(&mut self) {
        if let Some(world) = self.world.take() {
            self.shared.numbers.lock().leave(world.entity, world.own);
        }
        self.leave_social();
        self.forget_place();
    }

    /// The number that this client calls itself, for as long as it is connected.
    pub(super) fn own_number(&mut self) -> u16 {
        if self.own_number.is_none() {
            self.own_number = self.shared.numbers.lock().take();
        }
        // when all numbers are taken, any will do: it means nothing to other clients
        self.own_number.unwrap_or(*crate::view_ids::PLAYER_IDS.end())
    }
}

impl World {
    /// What is left of the walk on which the player crosses a border: the client walks on by itself, and so does its next zone.
    pub(super) fn walk_over_border(&self) -> Option<Walk> {
        self.crossing.as_ref().filter(|crossing| crossing.on_foot)?.rest.clone()
    }

    /// Notes what is told once; true when it was noted before.
    fn has_perceived(&mut self, entity: EntityId, number: u64) -> bool {
        let one = (entity, number);
        if self.perceived.contains(&one) {
            return true;
        }
        if self.perceived.len() == PERCEIVED_MAX {
            self.perceived.pop_front();
        }
        self.perceived.push_back(one);
        false
    }

    /// The client is told something of an entity; false when it was told so already, or something newer.
    fn hears(&mut self, entity: EntityId, event: &Event) -> bool {
        self.seen.get_mut(&entity).is_none_or(|seen| seen.hears(event))
    }
}

fn departure(how: Departure) -> i32 {
    match how {
        Departure::OutOfView => 0,
        Departure::Died => 1,
        Departure::LoggedOut => 2,
        Departure::Vanished => AT_ONCE,
    }
}
