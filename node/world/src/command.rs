//! What players ask, and what the zone does about it.

use crate::creature::Creature;
use crate::effects::Effects;
use crate::entity::{Player, WAITING_MAX};
use crate::look;
use crate::path;
use crate::tick::Tick;
use crate::walk::{self, Walking};
use crate::zone::Zone;
use model::event::{Arrival, Departure, Walk};
use model::sight::Manner;
use model::{Command, EntityId, Event, Route, Tile};

/// Steps past the border of a zone after which a walker is handed over: who walks along a border does not
/// change zones with every step.
pub(crate) const HYSTERESIS: u8 = 4;
/// Longest way that a client can have walked while it was handed over.
const ON_FOOT_STEPS_MAX: usize = 23;
/// How long the first word of such a client is waited for.
const ON_FOOT_MS: u64 = 5_000;
/// How long its hand-over may have taken: so much it may have walked before it was here.
const HANDOVER_MS: u64 = 500;

impl Zone {
    /// Does what a player asks. What one asks who waits to be handed over the next zone does, or this one when the player
    /// stays.
    pub(crate) fn obey(&mut self, slot: usize, command: Command, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        if player.frozen {
            if player.waiting.len() == WAITING_MAX {
                // the oldest is lost; its edge, which counts as well, must not take a later one that was obeyed for it
                player.waiting.remove(0);
                player.obeyed = player.obeyed.wrapping_add(1);
            }
            return player.waiting.push(command);
        }
        player.obeyed = player.obeyed.wrapping_add(1);
        match command {
            Command::Walk { from, route, to, speed } => {
                self.begin_walk(slot, &Walk { from, route, to, speed }, fx);
            }
            Command::Stop { at } => self.stop_at(slot, at, fx),
            Command::Motion { motion, parameter, direction } => {
                let direction = if direction.is_finite() { direction } else { 0.0 };
                let entity = self.entities[slot].id;
                let number = self.numbers.id63();
                let event = Event::Motion { entity, motion, parameter, direction, number };
                self.tell_moment(slot, event, fx);
            }
            Command::Say { text } => {
                let entity = self.entities[slot].id;
                let number = self.numbers.id63();
                self.tell_moment(slot, Event::Said { entity, text, number }, fx);
            }
            Command::Recall => self.recall(slot, fx),
            Command::EnterCity { city } => self.enter_city(slot, city),
            Command::UsePortal => self.use_portal(slot, fx),
            Command::Inspect { entity } => self.inspect(slot, entity, fx),
            Command::SetSkillBar { bar } => {
                if let Some(player) = self.entities[slot].player_mut() {
                    player.character.soft.skill_bar = bar;
                    player.unwritten.touch();
                    fx.tell(player.session, Event::SkillBar { bar });
                }
            }
            Command::MoveItem { .. }
            | Command::SplitItem { .. }
            | Command::DestroyItem { .. }
            | Command::DropItem { .. }
            | Command::PickUp { .. }
            | Command::OpenShop { .. }
            | Command::BuyItem { .. }
            | Command::SellItem { .. }
            | Command::ListSold
            | Command::BuyBack { .. }
            | Command::DepositGold { .. }
            | Command::WithdrawGold { .. }
            | Command::OfferTrade { .. }
            | Command::CancelTrade
            | Command::OpenStall { .. }
            | Command::VisitStall { .. }
            | Command::BuyFromStall { .. }
            | Command::Words { .. }
            | Command::LookAtGuild
            | Command::AdmitToGuild(_) => self.deal(slot, command, fx),
        }
    }

    fn begin_walk(&mut self, slot: usize, asked: &Walk, fx: &mut Effects) {
        self.walk_off(slot, fx);
        let reasonable = asked.from.distance(asked.to) <= walk::TARGET_MAX && asked.to.is_on_map();
        if asked.route.is_empty() && asked.to == asked.from {
            return self.stop_at(slot, asked.from, fx);
        }
        let run_speed = self.entities[slot].player().map_or(1, Player::run_speed);
        let Some(walk) = self.walking(asked, run_speed).filter(|_| reasonable) else {
            return self.correct(slot, fx);
        };
        if !self.claim(slot, asked.from, fx) {
            return self.correct(slot, fx);
        }
        if self.entities[slot].player().is_none_or(|player| player.frozen) {
            return; // the claimed tile was over the border
        }
        let mark = self.entities[slot].moves();
        let told = Event::Walked { entity: self.entities[slot].id, walk: walk.rest(asked.from), mark };
        self.set_timer(slot, Tick::at_or_after(walk.next_due_ms()));
        self.entities[slot].walk = Some(walk);
        self.tell_viewers(slot, told, fx);
    }

    /// A walk as it can be walked by who runs so fast, from now on; `None` when its first step is blocked.
    pub(crate) fn walking(&self, asked: &Walk, run_speed: u8) -> Option<Walking> {
        let route = self.free_part(asked.from, &asked.route);
        let speed = asked.speed.clamp(1, self.told_speed(run_speed));
        let mut walk = Walking::begin(asked.from, route, speed, self.now.ms(), self.relief().pace_percent)?;
        walk.wanted = asked.to;
        Some(walk)
    }

    /// The steps of a route up to the first one that is blocked, or leads over the edge of an instance.
    fn free_part(&self, from: Tile, route: &Route) -> Route {
        let terrain = &self.content.terrain;
        let mut at = from;
        Route::from_steps(route.steps().iter().copied().take_while(|step| match at.step(*step) {
            Some(next) if terrain.can_step(at, next) && self.is_walkable(next) => {
                at = next;
                true
            }
            _ => false,
        }))
    }

    /// Puts a player on the tile where its client says that it is, if that can be; ends its walk then.
    fn claim(&mut self, slot: usize, tile: Tile, fx: &mut Effects) -> bool {
        let now_ms = self.now.ms();
        let entity = &self.entities[slot];
        let Some(player) = entity.player() else { return false };
        let standing = player.standing(entity.tile, entity.since_ms, entity.walk.as_ref());
        let granted = standing.judge(tile, now_ms, &self.content.terrain);
        let on_foot = granted.is_none() && self.could_have_walked(slot, tile);
        if (granted.is_none() && !on_foot) || !self.grid.holds(tile) || !self.is_walkable(tile) {
            return false;
        }
        self.clear_timer(slot);
        let from = self.entities[slot].tile;
        self.entities[slot].walk = None;
        if let Some(player) = self.entities[slot].player_mut() {
            player.budget_ms = granted.unwrap_or(0);
            player.budget_at_ms = now_ms;
            player.on_foot_since_ms = None;
        }
        if tile == from {
            self.entities[slot].since_ms = now_ms;
        } else {
            let manner = if on_foot { Manner::Placed } else { Manner::Step };
            self.relocate(slot, tile, now_ms, manner, fx);
            self.note_border(slot, from.distance(tile).min(255) as u8, fx);
        }
        true
    }

    /// True when a player who came on foot over a border could be on a tile by now if it never paused.
    fn could_have_walked(&self, slot: usize, tile: Tile) -> bool {
        let entity = &self.entities[slot];
        let Some(player) = entity.player() else { return false };
        let Some(came_ms) = player.on_foot_since_ms else { return false };
        let elapsed = self.now.ms() - came_ms;
        let terrain = &self.content.terrain;
        if elapsed > ON_FOOT_MS
            || entity.tile.distance(tile) > ON_FOOT_STEPS_MAX as u16
            || !self.contains(tile)
        {
            return false;
        }
        let steps = path::around(entity.tile, tile, |a, b| terrain.can_step(a, b));
        let arrives = steps.iter().try_fold(entity.tile, |at, step| at.step(*step)) == Some(tile);
        let step_ms = walk::pace_ms(self.told_speed(player.run_speed()));
        let needed = steps.len() as u64 * step_ms * u64::from(self.relief().pace_percent) / 100;
        arrives && steps.len() <= ON_FOOT_STEPS_MAX && needed <= elapsed + HANDOVER_MS
    }

    fn stop_at(&mut self, slot: usize, at: Tile, fx: &mut Effects) {
        let was_walking = self.entities[slot].walk.is_some();
        let from = self.entities[slot].tile;
        if !self.claim(slot, at, fx) {
            return self.correct(slot, fx);
        }
        let beside = self.settle(slot, self.now.ms(), fx);
        if !beside && (was_walking || from != at) {
            let Some(entity) = self.entities.get_mut(slot) else { return };
            let mark = entity.moves();
            let told = Event::Stopped { entity: entity.id, tile: entity.tile, mark };
            self.tell_viewers(slot, told, fx);
        }
    }

    /// Ends a player's walk on the server's tile and places its client there.
    pub(crate) fn correct(&mut self, slot: usize, fx: &mut Effects) {
        let was_walking = self.entities[slot].walk.is_some();
        self.clear_timer(slot);
        let now_ms = self.now.ms();
        if self.settle(slot, now_ms, fx) {
            return;
        }
        let entity = &mut self.entities[slot];
        let (id, tile) = (entity.id, entity.tile);
        if was_walking {
            entity.since_ms = now_ms;
            entity.moves();
        }
        let mark = entity.mark;
        if let Some(player) = entity.player() {
            fx.tell(player.session, Event::Placed { entity: id, tile, mark });
        }
        if was_walking {
            self.tell_viewers(slot, Event::Stopped { entity: id, tile, mark }, fx);
        }
    }

    fn enter_city(&mut self, slot: usize, city: u8) {
        let tile = self.entities[slot].tile;
        let really = self.content.cities.get(usize::from(city)).is_some_and(|city| city.area.contains(tile));
        if let Some(player) = self.entities[slot].player_mut().filter(|_| really) {
            if player.character.soft.home_city != city {
                player.unwritten.touch();
            }
            player.character.soft.home_city = city;
        }
    }

    fn inspect(&mut self, slot: usize, entity: EntityId, fx: &mut Effects) {
        let viewer = &self.entities[slot];
        let Some(player) = viewer.player() else { return };
        let found = self.slot_of_entity(entity).map(|slot| &self.entities[slot]);
        let event = match found.filter(|found| viewer.tile.sees(found.tile)) {
            Some(found) => Event::Appeared {
                look: Box::new(look::appearance(found, &self.content, self.relief().pace_percent)),
                arrival: Arrival::Plain,
            },
            None => Event::Disappeared { entity, departure: Departure::OutOfView },
        };
        fx.tell(player.session, event);
    }

    /// Does the step of a walk that is due.
    pub(crate) fn walk_on(&mut self, slot: usize, fx: &mut Effects) {
        let entity = &mut self.entities[slot];
        let Some(walk) = &mut entity.walk else { return };
        let due_ms = walk.next_due_ms();
        let step = walk.take_step();
        let over = walk.is_over();
        let (end, wanted) = (walk.end(), walk.wanted);
        let Some((step, to)) = step.and_then(|step| Some((step, entity.tile.step(step)?))) else {
            entity.walk = None;
            return;
        };
        if over {
            entity.walk = None;
        } else {
            let next = Tick::at_or_after(walk.next_due_ms());
            self.set_timer(slot, next);
        }
        if let Some(player) = self.entities[slot].player_mut() {
            player.character.soft.facing = step.ascii() - b'0';
        }
        self.relocate(slot, to, due_ms, Manner::Step, fx);
        if self.entities[slot].is_player() {
            self.note_border(slot, 1, fx);
        } else {
            self.note_roaming(slot, fx);
        }
        if over {
            self.end_walk(slot, due_ms, end != wanted, fx);
        }
    }

    fn end_walk(&mut self, slot: usize, at_ms: u64, elsewhere: bool, fx: &mut Effects) {
        let waits = |creature: &Creature| creature.passes_to.is_some();
        if self.entities[slot].player().is_some_and(|player| player.frozen)
            || self.entities[slot].creature().is_some_and(waits)
        {
            return;
        }
        let beside = self.settle(slot, at_ms, fx);
        if self.entities[slot].creature().is_some() {
            self.arrived(slot);
        } else if elsewhere && !beside {
            self.correct(slot, fx);
        }
    }
}
