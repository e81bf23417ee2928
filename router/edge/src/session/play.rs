//! In the world: what the player asks, and what it is shown.

use super::Session;
use super::requests::{self, Parcels};
use super::shown::Before;
use crate::budget::{WalkGate, WalkVerdict};
use crate::crossing::rest_of;
use crate::ground_ids::GroundIds;
use crate::messages::{self, Line};
use crate::phase::Phase;
use crate::translate::{self, Tags};
use crate::view::{Showing, View};
use model::calls::node::AttachReason;
use model::command::CHAT_TEXT_MAX;
use model::event::{Appearance, Arrival, Departure, Sheet, Walk};
use model::{Command, EntityId, Event, Route, Score, Tile};
use std::collections::HashMap;
use std::sync::Arc;
use wire::packet::{Chat, ClientPacket, MessagePanel, Motion, RemoveMob, SkillBar, Whisper};
use wire::record::Movement;

/// What the 7.48 client asks by itself, and what it is told.
const DAY: (&str, &str) = ("day", "!#11  2");
/// Whispers under way at once.
const WHISPERS_MAX: usize = 4;
/// Cities.
const CITIES: u8 = 5;
/// The fastest that any client claims to walk.
const SPEED_MAX: i32 = 15;
/// Removal without any animation.
const AT_ONCE: i32 = 3;

/// What a player in the world is shown.
pub(super) struct World {
    pub(super) own: u16,
    pub(super) entity: EntityId,
    pub(super) tile: Tile,
    pub(super) sheet: Box<Sheet>,
    pub(super) view: View,
    pub(super) tags: HashMap<EntityId, Tags>,
    pub(super) grounds: GroundIds,
    /// Short id of the merchant whose shop was opened last.
    pub(super) shop: u16,
    /// True while its client may show the window of a trade.
    pub(super) trading: bool,
    /// True while it sits in its own personal shop.
    pub(super) stalled: bool,
    /// The walk that its client is on or was on last.
    walk: Option<Walk>,
    /// The rest of that walk, while the player is handed over in the middle of it.
    crossing: Option<Walk>,
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
                    world.tile = from;
                    world.walk = Some(Walk { from, route: route.clone(), to, speed });
                }
                self.command(Command::Walk { from, route, to, speed });
            }
            None => self.strike("field"),
        }
    }

    fn on_stop_walking(&mut self, movement: &Movement, client_tick: u32) {
        if !WalkGate::tick_is_sane(client_tick, self.now_ms()) {
            return self.strike("tick");
        }
        let at = Tile::new(movement.target_x, movement.target_y);
        if !at.is_on_map() {
            return self.strike("field");
        }
        if let Some(world) = &mut self.world {
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
            return self.say(Line::ChannelNotBuilt, &[]);
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
        let Some(world) = &self.world else { return };
        let entity = if id == world.own { Some(world.entity) } else { world.view.entity_of(id) };
        match entity {
            Some(entity) => self.command(Command::Inspect { entity }),
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
            Event::Walked { entity, walk } => {
                world.view.moved(*entity, walk.to);
                if let Some(id) = world.view.id_of(*entity) {
                    self.send(id, translate::walk(walk));
                }
            }
            Event::Stopped { entity, tile } => {
                world.view.moved(*entity, *tile);
                if let Some(id) = world.view.id_of(*entity) {
                    self.send(id, translate::stop(*tile));
                }
            }
            Event::Placed { entity, tile } => self.on_placed(*entity, *tile),
            Event::Motion { entity, motion, parameter, direction } => {
                if let Some(id) = world.view.id_of(*entity) {
                    self.send(id, Motion { motion: *motion, parm: *parameter, direction: *direction });
                }
            }
            Event::Said { entity, text } => {
                if let Some(id) = world.view.id_of(*entity) {
                    self.send(id, Chat { text: text.clone() });
                }
            }
            Event::ScoreChanged { entity, score } => self.on_score(*entity, score),
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
            event => self.on_goods_event(event),
        }
    }

    fn on_entered(&mut self, sheet: &Sheet) {
        let Some(reason) = self.arrive() else { return };
        let own = self.own_number();
        self.shared.numbers.lock().enter(sheet.entity, own);
        // the picture is kept, so that ids which the client still remembers are not lent again at once
        let before = self.world.take();
        let crossing = before.as_ref().and_then(|world| world.crossing.clone());
        let crossing = crossing.filter(|rest| rest.from == sheet.tile && reason != AttachReason::Resume);
        let (mut view, mut grounds, mut goods) = match before {
            None => (View::new(own), GroundIds::default(), Before::default()),
            Some(World { view, grounds, sheet, trading, stalled, .. }) => {
                (view, grounds, Before { equip: sheet.equip, trading, stalled, grounds: Vec::new() })
            }
        };
        let before = view.clear();
        goods.grounds = grounds.clear();
        let gone = (reason != AttachReason::Login).then_some(before);
        self.world = Some(World {
            own,
            entity: sheet.entity,
            tile: sheet.tile,
            sheet: Box::new(sheet.clone()),
            view,
            tags: HashMap::new(),
            grounds,
            shop: 0,
            trading: false,
            stalled: false,
            walk: crossing.clone(),
            crossing: None,
        });
        match gone {
            Some(ids) => {
                self.send_all(ids.into_iter().map(|id| (id, RemoveMob { reason: AT_ONCE }.into())));
                if crossing.is_none() {
                    self.send(own, translate::set_down(sheet.tile));
                }
                self.send_all(translate::refresh(sheet, own));
                self.correct_goods(&goods, sheet);
                if reason == AttachReason::Resume {
                    self.recount_bank();
                }
                self.go_on_walking(crossing);
            }
            None => {
                tracing::info!(character = %sheet.name, session = ?self.id, "entered the world");
                self.send_all(translate::enter(sheet, own, self.profile));
                if self.closing.is_none() {
                    self.set_phase(Phase::Playing);
                }
                self.tell_parcels();
            }
        }
        self.flush_held(reason);
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
        match world.view.appear(look.entity, look.tile, preferred, world.tile, &limits) {
            Showing::Hide => self.shared.metrics.hidden.inc(),
            Showing::Show { id, instead_of } => {
                world.tags.insert(look.entity, Tags::of(look));
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
        world.tags.remove(&entity);
        let id = world.view.disappear(entity);
        let next = world.view.next_hidden(world.tile, &limits);
        if let Some(id) = id {
            self.send(id, RemoveMob { reason: departure(how) });
        }
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
        } else if let Some(id) = world.view.id_of(entity) {
            let tags = world.tags.get(&entity).cloned().unwrap_or_default();
            self.send(id, translate::other_score(score, &tags));
        }
    }

    /// The player is handed over to another node, where it will be on this tile.
    pub(super) fn cross_to(&mut self, tile: Tile) {
        if let Some(world) = &mut self.world {
            world.tile = tile;
            world.crossing = world.walk.take().and_then(|walk| rest_of(&walk, tile));
        }
    }

    /// The client walks on over the border by itself; its new node is asked for the rest of that walk, unless
    /// the client wanted something else in the meantime.
    fn go_on_walking(&mut self, rest: Option<Walk>) {
        if let Some(Walk { from, route, to, speed }) = rest
            && !self.holds_a_move()
        {
            self.command(Command::Walk { from, route, to, speed });
        }
    }

    /// The player is in no world any more.
    pub(crate) fn leave_world(&mut self) {
        if let Some(world) = self.world.take() {
            self.shared.numbers.lock().leave(world.entity, world.own);
        }
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

fn departure(how: Departure) -> i32 {
    match how {
        Departure::OutOfView => 0,
        Departure::Died => 1,
        Departure::LoggedOut => 2,
        Departure::Vanished => AT_ONCE,
    }
}
