//! One zone: its entities, its time, and what happens in one step.
//!
//! ```text
//! step(now):  timers that are due (steps of walks, turns of creatures, generators)  ->  inputs in order
//! ```
//!
//! Without players a zone sleeps: the time of its creatures stands still and nothing in it is due. It goes on
//! where it was when the first player enters, so what nobody sees costs nothing.

use crate::dice::Dice;
use crate::economy::{Dealings, Ground, UnderWay};
use crate::effects::{Effects, JobId, Snapshot};
use crate::entity::{Entity, Kind, Player};
use crate::generator::{Populate, Source};
use crate::ghost::{Ghosts, Watcher};
use crate::grid::{Entry, Grid};
use crate::input::{Entering, Input};
use crate::look;
use crate::recent::Recent;
use crate::relief::Relieved;
use crate::roaming::Roaming;
use crate::tick::Tick;
use crate::timers::Timers;
use crate::unwritten::{Keeper, Unwritten};
use crate::walk::{Walking, slack_ms};
use content::Content;
use model::event::Departure;
use model::population::AgedPopulation;
use model::sight::Manner;
use model::{EntityId, Epoch, Event, MoveMark, Rect, SessionId, Tile, ZoneId};
use placement::ZoneTable;
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Purposes of dice besides the game itself.
const JOBS: u64 = 1 << 32;
const GROUND_IDS: u64 = 2 << 32;
const NUMBERS: u64 = 3 << 32;
const NAMES: u64 = 4 << 32;

/// What a zone is made of.
#[derive(Clone, Debug)]
pub struct ZoneSetup {
    /// Which zone.
    pub id: ZoneId,
    /// How the map is divided.
    pub zones: Arc<ZoneTable>,
    /// Map, monsters, portals.
    pub content: Arc<Content>,
    /// Under which it is opened: what it tells of its creatures is newer than what it told under earlier ones.
    pub epoch: Epoch,
    /// Everything random follows from it.
    pub seed: u64,
    /// Which generators act at the start, of those of which nothing is known.
    pub populate: Populate,
    /// What is known of it, and of the zones of which it was a part or which were parts of it.
    pub inherits: Vec<AgedPopulation>,
}

/// What an instance is besides a zone.
#[derive(Debug, Default)]
pub(crate) struct Born {
    /// When it ends, as far as it was told.
    pub(crate) ends: Option<Tick>,
}

/// One zone of the map, or an instance beside it.
#[derive(Debug)]
pub struct Zone {
    pub(crate) id: ZoneId,
    pub(crate) zones: Arc<ZoneTable>,
    pub(crate) content: Arc<Content>,
    /// Under which it was opened.
    pub(crate) epoch: Epoch,
    pub(crate) now: Tick,
    pub(crate) entities: Slab<Entity>,
    pub(crate) grid: Grid,
    pub(crate) sources: Vec<Source>,
    pub(crate) dice: Dice,
    pub(crate) last_job: u64,
    /// Jobs that the node works on.
    pub(crate) jobs: BTreeMap<JobId, UnderWay>,
    pub(crate) ground: Ground,
    pub(crate) ids_of_ground: Dice,
    /// Numbers of what is told once.
    pub(crate) numbers: Dice,
    pub(crate) recent: Recent,
    /// What it is besides, when it is an instance.
    pub(crate) instance: Option<Born>,
    bounds: Rect,
    /// Named zones that lie in the rectangle and come first.
    carved: Vec<Rect>,
    sessions: BTreeMap<SessionId, usize>,
    ids: BTreeMap<EntityId, usize>,
    /// Number of the creature that came into the world here last; where it began follows from the seed.
    pub(crate) born: u64,
    pub(crate) roaming: Roaming,
    player_timers: Timers,
    creature_timers: Timers,
    /// Neighbours that see what happens near their border.
    pub(crate) watchers: Vec<Watcher>,
    pub(crate) ghosts: Ghosts,
    /// Those of whom no zone tells at the moment, and until when that is waited for.
    pub(crate) crossing_ghosts: Vec<(Tick, EntityId)>,
    /// Since when it sleeps; `None` while players are in it, or near enough to see into it.
    pub(crate) asleep_since: Option<Tick>,
    /// Its creatures may not be as they were when they were last taken to be stored.
    pub(crate) stirred: bool,
    /// How long it slept so far: by so much the clock of its creatures is behind.
    slept: u64,
    next_generation: Tick,
    pub(crate) relieved: Relieved,
}

impl Zone {
    /// A zone with its creatures and without players; `None` when the division of the map has no such zone.
    pub fn new(setup: ZoneSetup, now: Tick) -> Option<Self> {
        let ZoneSetup { id, zones, content, epoch, seed, populate, inherits } = setup;
        let bounds = zones.bounds(id)?;
        let carved = zones.before(id).filter(|area| overlap(area, &bounds)).collect();
        let instance = zones.instances().contains_key(&id).then(Born::default);
        let mut zone = Self {
            id,
            zones,
            content,
            epoch,
            now,
            entities: Slab::new(),
            grid: Grid::new(bounds),
            sources: Vec::new(),
            dice: Dice::new(seed, u64::from(id.0)),
            // another life of this zone on this node never mistakes a late outcome for its own
            last_job: Dice::new(seed, JOBS ^ u64::from(id.0)).id63() >> 1,
            jobs: BTreeMap::new(),
            ground: Ground::default(),
            ids_of_ground: Dice::new(seed, GROUND_IDS ^ u64::from(id.0)),
            numbers: Dice::new(seed, NUMBERS ^ u64::from(id.0)),
            recent: Recent::default(),
            instance,
            bounds,
            carved,
            sessions: BTreeMap::new(),
            ids: BTreeMap::new(),
            // a node that starts again may play the zone under the epoch that it had: it gives no name a second time
            born: Dice::new(seed, NAMES ^ u64::from(id.0)).id63(),
            roaming: Roaming::default(),
            player_timers: Timers::default(),
            creature_timers: Timers::default(),
            watchers: Vec::new(),
            ghosts: Ghosts::default(),
            crossing_ghosts: Vec::new(),
            asleep_since: Some(now),
            stirred: false,
            slept: now.0,
            next_generation: Tick(crate::generator::SPAWN_PERIOD),
            relieved: Relieved::default(),
        };
        zone.populate(populate, inherits);
        Some(zone)
    }

    /// Which zone it is.
    pub fn id(&self) -> ZoneId {
        self.id
    }

    /// Under which epoch it was opened.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The content that it is made of.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Players in it.
    pub fn player_count(&self) -> usize {
        self.sessions.len()
    }

    /// Players and creatures in it.
    pub fn entity_count(&self) -> usize {
        self.entities.len() - self.ghost_count()
    }

    pub(crate) fn bounds(&self) -> Rect {
        self.bounds
    }

    /// When it wants its next step, if no input comes before. While nobody is there only what lies on the ground
    /// ends.
    pub fn next_due(&self) -> Option<Tick> {
        let ground = [self.ground.first_due(), self.next_old_ghost()].into_iter().flatten().min();
        if self.asleep_since.is_some() {
            return ground;
        }
        let creatures = self.creature_timers.first().map(|due| due.plus(self.slept));
        let generation = Some(self.next_generation.plus(self.slept));
        let relief = self.next_relief();
        [self.player_timers.first(), creatures, generation, ground, relief].into_iter().flatten().min()
    }

    /// Advances to `now`, which is never before the last one, and works off the inputs.
    pub fn step(&mut self, now: Tick, inputs: &mut Vec<Input>, fx: &mut Effects) {
        assert!(now >= self.now, "time went back from {} to {now} in zone {}", self.now, self.id);
        self.now = now;
        self.expire(fx);
        self.lay_old_ghosts(fx);
        self.run_timers(fx);
        for input in inputs.drain(..) {
            self.take_input(input, fx);
        }
        self.catch_up_relief(fx);
        self.tell_watchers(fx);
    }

    /// Takes the present state of a player.
    pub fn snapshot(&mut self, session: SessionId) -> Option<Snapshot> {
        let slot = *self.sessions.get(&session)?;
        let entity = &self.entities[slot];
        let tile = self.resting_tile(entity, entity.player()?);
        Some(self.entities[slot].player_mut()?.snapshot(tile))
    }

    /// Takes the state of every player that passes the filter and changed since it was last taken for that keeper.
    pub fn take_changed(
        &mut self,
        keeper: Keeper,
        filter: impl Fn(SessionId) -> bool,
        into: &mut Vec<Snapshot>,
    ) {
        let due: Vec<SessionId> = self.sessions.keys().copied().filter(|session| filter(*session)).collect();
        for session in due {
            let player = self.slot_of(session).and_then(|slot| self.entities[slot].player_mut());
            let Some(unwritten) = player.map(|player| player.unwritten.of(keeper)).filter(|it| **it) else {
                continue;
            };
            *unwritten = false;
            into.extend(self.snapshot(session));
        }
    }

    /// Marks a player as changed: its state was taken, but did not come to that keeper.
    pub fn mark_changed(&mut self, keeper: Keeper, session: SessionId) {
        let slot = self.sessions.get(&session).copied();
        if let Some(player) = slot.and_then(|slot| self.entities[slot].player_mut()) {
            *player.unwritten.of(keeper) = true;
        }
    }

    /// Marks all players as changed: a keeper knows nothing of them.
    pub fn mark_all_changed(&mut self, keeper: Keeper) {
        for slot in self.sessions.values() {
            if let Some(player) = self.entities[*slot].player_mut() {
                *player.unwritten.of(keeper) = true;
            }
        }
    }

    /// Sessions in it, in order.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.sessions.keys().copied()
    }

    /// Where an entity of this zone stands; for tests and for operators.
    pub fn tile_of(&self, entity: EntityId) -> Option<Tile> {
        let entity = &self.entities[*self.ids.get(&entity)?];
        (!entity.is_ghost()).then_some(entity.tile)
    }

    /// All entities with their tiles and whether they are at rest, in a fixed order; for tests and operators.
    /// Who waits to be handed over is not at rest.
    pub fn positions(&self) -> impl Iterator<Item = (EntityId, Tile, bool)> + '_ {
        self.entities.iter().filter(|(_, entity)| !entity.is_ghost()).map(|(_, entity)| {
            let frozen = entity.player().is_some_and(|player| player.frozen);
            (entity.id, entity.tile, entity.walk.is_none() && !frozen)
        })
    }

    /// All that can be seen in it, ghosts as well, with their tiles; for tests.
    pub fn seen(&self) -> impl Iterator<Item = (EntityId, Tile)> + '_ {
        self.entities.iter().map(|(_, entity)| (entity.id, entity.tile))
    }

    /// True when a tile belongs to this zone.
    pub fn contains(&self, tile: Tile) -> bool {
        self.bounds.contains(tile) && !self.carved.iter().any(|area| area.contains(tile))
    }

    pub(crate) fn slot_of(&self, session: SessionId) -> Option<usize> {
        self.sessions.get(&session).copied()
    }

    pub(crate) fn slot_of_entity(&self, entity: EntityId) -> Option<usize> {
        self.ids.get(&entity).copied()
    }

    /// Milliseconds of the clock by which a slot lives.
    pub(crate) fn clock_ms(&self, slot: usize) -> u64 {
        if self.entities[slot].is_player() { self.now.ms() } else { self.creature_now().ms() }
    }

    /// The present of the creatures: their time stands still while the zone sleeps.
    pub(crate) fn creature_now(&self) -> Tick {
        let end = self.asleep_since.unwrap_or(self.now);
        Tick(end.0.saturating_sub(self.slept))
    }

    /// Sets an entity's one timer.
    pub(crate) fn set_timer(&mut self, slot: usize, due: Tick) {
        let entity = &mut self.entities[slot];
        let timers = if entity.is_player() { &mut self.player_timers } else { &mut self.creature_timers };
        entity.stamp = timers.set(due, slot);
    }

    /// Gives an entity's timer up.
    pub(crate) fn clear_timer(&mut self, slot: usize) {
        self.entities[slot].stamp = 0;
    }

    /// Puts a new entity on its tile. Nobody is told yet.
    pub(crate) fn insert(&mut self, entity: Entity) -> usize {
        let slot = self.entities.vacant_key();
        self.ids.insert(entity.id, slot);
        self.grid.insert(Entry { slot, tile: entity.tile }, entity.is_player());
        self.ghosts.comes(&entity);
        let taken = self.entities.insert(entity);
        assert_eq!(taken, slot, "a slab gives the key that it promised");
        slot
    }

    /// Takes an entity out and tells those who saw it.
    pub(crate) fn remove(&mut self, slot: usize, departure: Departure, fx: &mut Effects) -> Entity {
        self.hide(slot, departure, fx);
        self.take_out(slot)
    }

    /// Takes an entity out and tells nobody.
    pub(crate) fn take_out(&mut self, slot: usize) -> Entity {
        let entity = self.entities.remove(slot);
        self.ghosts.goes(&entity);
        self.grid.remove(Entry { slot, tile: entity.tile }, entity.is_player());
        self.ids.remove(&entity.id);
        entity
    }

    fn run_timers(&mut self, fx: &mut Effects) {
        if self.asleep_since.is_some() {
            return;
        }
        while self.next_generation <= self.creature_now() {
            self.generate(fx);
            self.next_generation = self.next_generation.plus(crate::generator::SPAWN_PERIOD);
        }
        // players and creatures by the order of their times; players first when equal
        loop {
            let player = self.player_timers.first();
            let creature = self.creature_timers.first().map(|due| due.plus(self.slept));
            let creature_first =
                creature.is_some_and(|creature| player.is_none_or(|player| creature < player));
            let now = if creature_first { self.creature_now() } else { self.now };
            let timers = if creature_first { &mut self.creature_timers } else { &mut self.player_timers };
            let Some((due, slot, stamp)) = timers.take(now) else { return };
            let pending = self.entities.get(slot).is_some_and(|entity| entity.stamp == stamp);
            if pending {
                self.clear_timer(slot);
                self.wake_entity(slot, due, fx);
            }
        }
    }

    fn wake_entity(&mut self, slot: usize, due: Tick, fx: &mut Effects) {
        if let Some(to) = self.entities[slot].player().and_then(|player| player.bound_for) {
            self.cross(slot, to, false, fx);
        } else if self.entities[slot].walk.is_some() {
            self.walk_on(slot, fx);
        } else if self.entities[slot].creature().is_some() {
            self.take_turn(slot, due, fx);
        }
    }

    fn take_input(&mut self, input: Input, fx: &mut Effects) {
        match input {
            Input::Enter(entering) => self.enter(*entering, fx),
            Input::Command { session, command } => {
                if let Some(slot) = self.slot_of(session) {
                    self.obey(slot, command, fx);
                }
            }
            Input::Leave { session, departure } => self.leave(session, departure, fx),
            Input::TurnBack { session } => {
                if let Some(slot) = self.slot_of(session) {
                    self.turn_back(slot, fx);
                }
            }
            Input::Summon { session, to } => self.summon(session, &to, fx),
            Input::TimeLeft { left_s, notice } => self.time_left(left_s, notice, fx),
            Input::Trade { session, trade, news } => self.trade_news(session, trade, news, fx),
            Input::WareSold { session, sold } => self.ware_sold(session, sold, fx),
            Input::StallClosed { session } => self.stall_closed(session, fx),
            Input::Come(creature) => self.comes(&creature, fx),
            Input::Passed { entity, taken } => self.passed(entity, taken, fx),
            Input::Outdated(creatures) => creatures.into_iter().for_each(|one| self.drop_creature(one, fx)),
            Input::Abroad(guests) => self.are_abroad(&guests, fx),
            Input::Ground(found) => self.lay_all(found, fx),
            Input::Watch { by } => self.watch(by, fx),
            Input::Unwatch { by } => self.unwatch(by),
            Input::Map(zones) => self.remap(zones, fx),
            Input::Relieve(relief) => self.relieve(relief, fx),
            Input::Sight { from, whole, sightings } => self.see(from, whole, sightings, fx),
            Input::JobDone { job, outcome } => self.finish_job(job, outcome, fx),
        }
    }

    fn enter(&mut self, entering: Entering, fx: &mut Effects) {
        let Entering { session, epoch, character, derived, arrival, on_foot, away_ms, walk, put_out } =
            entering;
        self.leave(session, Departure::Vanished, fx);
        let id = EntityId::of_character(character.id);
        if let Some(older) = self.ids.get(&id).and_then(|slot| self.entities[*slot].player()) {
            // the same character under another session: the new one counts
            let older = older.session;
            self.leave(older, Departure::Vanished, fx);
        }
        let seen_as = self.embody(id);
        self.wake(fx);
        let wanted = self.inside(character.soft.tile);
        let run_speed = derived.score.run_speed.clamp(1, 6);
        let walk = walk.filter(|walk| walk.from == wanted).and_then(|walk| self.walking(&walk, run_speed));
        let tile = match walk {
            Some(_) => wanted,
            None => self.free_tile(wanted, None, true).unwrap_or(wanted),
        };
        let player = Player {
            session,
            budget_ms: slack_ms(run_speed),
            budget_at_ms: self.now.ms(),
            character,
            derived,
            trail: VecDeque::new(),
            outside: 0,
            inside: tile,
            frozen: false,
            waiting: Vec::new(),
            obeyed: 0,
            walks_to: None,
            dealings: Dealings::default(),
            bound_for: None,
            jobs_done: 0,
            softs_taken: 0,
            on_foot_since_ms: on_foot.then_some(self.now.ms()),
            view: self.relief().view,
            unwritten: Unwritten::EVERYWHERE,
        };
        let since_ms = self.now.ms();
        let kind = Kind::Player(Box::new(player));
        let mark = MoveMark::first(epoch);
        let next_step = walk.as_ref().map(Walking::next_due_ms);
        let slot = self.insert(Entity { id, tile, since_ms, walk, mark, stamp: 0, kind });
        self.sessions.insert(session, slot);
        if let Some(due_ms) = next_step {
            self.set_timer(slot, Tick::at_or_after(due_ms));
        }
        if let Some(player) = self.entities[slot].player() {
            fx.tell(
                session,
                Event::Entered(Box::new(look::sheet(player, id, epoch, tile, self.relief().pace_percent))),
            );
        }
        match seen_as {
            Some(seen) => self.show_for_real(slot, seen, arrival, fx),
            None => self.show(slot, arrival, fx),
        }
        fx.tell(session, Event::ViewComplete);
        self.tell_relief(session, fx);
        self.tell_instance(session, put_out, fx);
        if let Some(away_ms) = away_ms {
            self.catch_up_with_recent(session, slot, away_ms, fx);
        }
    }

    fn leave(&mut self, session: SessionId, departure: Departure, fx: &mut Effects) {
        let Some(slot) = self.sessions.remove(&session) else { return };
        let walks_to = self.entities[slot].player().and_then(|player| player.walks_to);
        let mut entity = match walks_to.filter(|_| departure == Departure::OutOfView) {
            Some(to) => self.hand_over(slot, to, fx),
            None => self.remove(slot, departure, fx),
        };
        let tile = entity.player().map(|player| self.resting_tile(&entity, player));
        if let Some((player, tile)) = entity.player_mut().zip(tile) {
            fx.left.push(player.snapshot(tile));
            self.forget_trade(&player.dealings, player.character.id, fx);
            self.forget_stall(&player.dealings, player.character.id, fx);
        }
        self.look_after_sleep(fx);
    }

    /// Goes to sleep when nobody is there to see it, wakes up when somebody is.
    pub(crate) fn look_after_sleep(&mut self, fx: &mut Effects) {
        if !self.sessions.is_empty() || self.ghosts.players > 0 {
            self.wake(fx);
        } else {
            self.asleep_since.get_or_insert(self.now);
        }
    }

    /// Where a player is saved: where it has paid to go, or on the last tile of this zone when it is a few
    /// steps over the border.
    pub(crate) fn resting_tile(&self, entity: &Entity, player: &Player) -> Tile {
        let here = if self.contains(entity.tile) { entity.tile } else { player.inside };
        player.bound_for.unwrap_or(here)
    }

    fn wake(&mut self, fx: &mut Effects) {
        let Some(since) = self.asleep_since.take() else { return };
        let asleep = self.now.0 - since.0;
        self.slept += asleep;
        self.stirred = true;
        self.catch_up(asleep, fx);
    }

    /// The tile itself, or the nearest one of the rectangle.
    fn inside(&self, tile: Tile) -> Tile {
        let Rect { min, max } = self.bounds;
        Tile::new(tile.x.clamp(min.x, max.x), tile.y.clamp(min.y, max.y))
    }

    /// Puts an entity elsewhere at once; players forget the walk that they were on.
    pub(crate) fn teleport(&mut self, slot: usize, to: Tile, manner: Manner, fx: &mut Effects) {
        self.entities[slot].walk = None;
        self.clear_timer(slot);
        let free = self.free_tile(to, Some(slot), true).unwrap_or(to);
        let now_ms = self.clock_ms(slot);
        self.relocate(slot, free, now_ms, manner, fx);
        if let Some(player) = self.entities[slot].player_mut() {
            player.outside = 0;
            player.inside = free;
            player.on_foot_since_ms = None;
        }
    }
}

fn overlap(a: &Rect, b: &Rect) -> bool {
    a.min.x <= b.max.x && b.min.x <= a.max.x && a.min.y <= b.max.y && b.min.y <= a.max.y
}
