//! Borders that nobody sees: who stands near one is a ghost on its other side.
//!
//! A zone that is watched notes what those near a border do ([`Noted`]) while it happens, and at the end of a step hands each
//! watcher what concerns it ([`Zone::tell_watchers`]). The watcher shows ghosts by the same means as its own entities, so
//! whoever sees them sees what those on the other side see, one tick later. Ghosts do nothing by themselves, nobody
//! bumps into them, and they are told to nobody else.

mod sight;

use crate::effects::Effects;
use crate::entity::{Entity, Kind};
use crate::look;
use crate::tick::Tick;
use crate::zone::Zone;
use model::event::{Appearance, Arrival, Departure, Walk};
use model::sight::{Manner, Sighting};
use model::{EntityId, Event, GroundId, MoveMark, Tile, ZoneId};
use placement::ZoneTable;
pub(crate) use sight::Watcher;
pub use sight::neighbours;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How long somebody who is handed over is shown until the other zone tells of it: the edge may need a moment.
const CROSSING_TICKS: u64 = 3_000 / Tick::MS;

/// Somebody of another zone.
#[derive(Debug)]
pub(crate) struct Ghost {
    /// Which zone tells of it.
    source: ZoneId,
    /// What is seen; its walk is the one that was told last.
    look: Appearance,
    /// Its kind among the creatures of the content.
    creature: Option<usize>,
    /// It goes by itself then, unless its zone tells of it before.
    until: Option<Tick>,
}

impl Ghost {
    /// Its kind among the creatures of the content; `None` for players.
    pub(crate) fn creature(&self) -> Option<usize> {
        self.creature
    }

    /// Which zone tells of it.
    pub(crate) fn source(&self) -> ZoneId {
        self.source
    }

    /// True while it sits in its personal shop.
    pub(crate) fn has_stall(&self) -> bool {
        self.look.stall.is_some()
    }

    /// What is seen of it on a tile.
    pub(crate) fn appearance(&self, tile: Tile) -> Appearance {
        let walk = self.look.walk.as_ref().and_then(|walk| walk.rest_from(tile));
        Appearance { tile, walk, ..self.look.clone() }
    }
}

/// How somebody was seen as a ghost who is real now.
#[derive(Clone, Debug)]
pub(crate) struct SeenAs {
    pub(crate) tile: Tile,
    /// The walk that it was seen on, from there.
    pub(crate) walk: Option<Walk>,
}

/// How many ghosts there are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ghosts {
    all: usize,
    /// Of these, players: they could see what happens here.
    pub(crate) players: usize,
}

impl Ghosts {
    pub(crate) fn comes(&mut self, entity: &Entity) {
        self.all += usize::from(entity.is_ghost());
        self.players += usize::from(entity.is_ghost() && entity.id.is_player());
    }

    pub(crate) fn goes(&mut self, entity: &Entity) {
        self.all -= usize::from(entity.is_ghost());
        self.players -= usize::from(entity.is_ghost() && entity.id.is_player());
    }
}

/// Something that happened to an entity, for those zones that watch it.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) entity: EntityId,
    pub(crate) tile: Tile,
    pub(crate) mark: MoveMark,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    Appeared(Arrival),
    Moved(Manner),
    Told(Event),
    Gone(Departure),
    Crossed(ZoneId),
}

impl Zone {
    /// Notes what happens to an entity of this zone, when somebody watches it.
    pub(crate) fn note(&self, slot: usize, what: impl FnOnce() -> What, fx: &mut Effects) {
        let Entity { id, tile, mark, .. } = self.entities[slot];
        let concerns = |watcher: &Watcher| watcher.sees(tile) || watcher.shown.contains(&id);
        if self.watchers.iter().any(concerns) && !self.entities[slot].is_ghost() {
            fx.noted.push(Noted { entity: id, tile, mark, what: what() });
        }
    }

    /// A neighbour watches from now on, or anew: it is told of everybody first.
    pub(crate) fn watch(&mut self, by: ZoneId, fx: &mut Effects) {
        self.unwatch(by);
        let Some(mut watcher) = Watcher::new(by, self) else { return };
        let mut sightings = Vec::new();
        for (_, entity) in &self.entities {
            if !entity.is_ghost() && watcher.sees(entity.tile) {
                watcher.shown.insert(entity.id);
                sightings.push(self.appeared(entity, Arrival::Plain));
            }
        }
        sightings.extend(self.lies_near(|tile| watcher.sees(tile)));
        fx.sights.push((by, true, sightings));
        self.watchers.push(watcher);
    }

    fn appeared(&self, entity: &Entity, arrival: Arrival) -> Sighting {
        let look = Box::new(look::appearance(entity, &self.content, self.relief().pace_percent));
        let creature = entity.creature().map(|creature| creature.kind as u32);
        Sighting::Appeared { look, arrival, creature }
    }

    /// A neighbour does not watch any more.
    pub(crate) fn unwatch(&mut self, by: ZoneId) {
        self.watchers.retain(|watcher| watcher.by != by);
    }

    /// Hands out what was noted, to each watcher what it sees.
    pub(crate) fn tell_watchers(&mut self, fx: &mut Effects) {
        let noted = std::mem::take(&mut fx.noted);
        let noted_ground = std::mem::take(&mut fx.noted_ground);
        if noted.is_empty() && noted_ground.is_empty() {
            return;
        }
        let mut watchers = std::mem::take(&mut self.watchers);
        for watcher in &mut watchers {
            let mut sightings = Vec::new();
            for one in &noted {
                sightings.extend(self.sighting(watcher, one));
            }
            let seen = noted_ground.iter().filter(|(tile, _)| watcher.sees(*tile));
            sightings.extend(seen.map(|(_, sighting)| sighting.clone()));
            if !sightings.is_empty() {
                fx.sights.push((watcher.by, false, sightings));
            }
        }
        self.watchers = watchers;
    }

    fn sighting(&self, watcher: &mut Watcher, noted: &Noted) -> Option<Sighting> {
        let Noted { entity, tile, mark, .. } = *noted;
        let was = watcher.shown.contains(&entity);
        let appears = |arrival| {
            // as it is at the end of the step; it may be gone again
            let found = self.slot_of_entity(entity).map(|slot| &self.entities[slot]);
            let found = found.filter(|found| !found.is_ghost())?;
            Some(self.appeared(found, arrival))
        };
        match &noted.what {
            What::Appeared(_) | What::Moved(_) if !watcher.sees(tile) => {
                let departure = Departure::OutOfView;
                watcher.shown.remove(&entity).then_some(Sighting::Gone { entity, departure })
            }
            What::Moved(manner) if was => Some(Sighting::Moved { entity, tile, manner: *manner, mark }),
            What::Moved(manner) => {
                let appeared = appears(crate::view::arrival(*manner))?;
                watcher.shown.insert(entity);
                Some(appeared)
            }
            What::Appeared(arrival) => {
                let appeared = appears(*arrival)?;
                watcher.shown.insert(entity);
                Some(appeared)
            }
            What::Told(event) => was.then(|| Sighting::Told { entity, event: event.clone() }),
            What::Gone(departure) => {
                let departure = *departure;
                watcher.shown.remove(&entity).then_some(Sighting::Gone { entity, departure })
            }
            What::Crossed(to) => {
                watcher.shown.remove(&entity).then_some(Sighting::Crossed { entity, to: *to })
            }
        }
    }

    /// What a neighbour tells. With `whole`, who is not named is not near the border any more.
    pub(crate) fn see(&mut self, from: ZoneId, whole: bool, sightings: Vec<Sighting>, fx: &mut Effects) {
        if whole {
            let named = |entity: EntityId| {
                sightings
                    .iter()
                    .any(|one| matches!(one, Sighting::Appeared { look, .. } if look.entity == entity))
            };
            let unseen: Vec<usize> =
                self.ghosts_of(from).filter(|slot| !named(self.entities[*slot].id)).collect();
            for slot in unseen {
                self.lay_ghost(slot, Departure::OutOfView, fx);
            }
            let lies = |ground: GroundId| {
                sightings.iter().any(|one| matches!(one, Sighting::Lies { item, .. } if item.id == ground))
            };
            for ground in self.not_named(from, lies) {
                self.is_gone(ground, Some(from), fx);
            }
        }
        for sighting in sightings {
            self.sight(from, sighting, fx);
        }
        self.look_after_sleep(fx);
    }

    fn ghosts_of(&self, source: ZoneId) -> impl Iterator<Item = usize> + '_ {
        let of_source = move |entity: &Entity| entity.ghost().is_some_and(|ghost| ghost.source == source);
        self.entities.iter().filter(move |(_, entity)| of_source(entity)).map(|(slot, _)| slot)
    }

    fn sight(&mut self, from: ZoneId, sighting: Sighting, fx: &mut Effects) {
        match sighting {
            Sighting::Appeared { look, arrival, creature } => {
                let kind = creature.map(|kind| kind as usize);
                let creature = kind.filter(|kind| *kind < self.content.creatures.len());
                let ghost = Ghost { source: from, look: *look, creature, until: None };
                self.ghost_appears(ghost, arrival, fx);
            }
            Sighting::Moved { entity, tile, manner, mark } => {
                let Some(slot) = self.ghost_slot(entity, from) else { return };
                if mark < self.entities[slot].mark {
                    return;
                }
                self.entities[slot].mark = mark;
                let now_ms = self.now.ms();
                self.relocate(slot, tile, now_ms, manner, fx);
            }
            Sighting::Told { entity, event } => {
                let Some(slot) = self.ghost_slot(entity, from) else { return };
                if let Some(mark) = event.movement() {
                    // who appears is described as it is at the end of the step: with what follows in that step
                    if mark <= self.entities[slot].mark {
                        return;
                    }
                    self.entities[slot].mark = mark;
                }
                let Some(ghost) = self.entities[slot].ghost_mut() else { return };
                ghost.hears(&event);
                self.tell_moment(slot, event, fx);
            }
            Sighting::Gone { entity, departure } => {
                if let Some(slot) = self.ghost_slot(entity, from) {
                    self.lay_ghost(slot, departure, fx);
                }
            }
            Sighting::Lies { item, fell } => self.lies_there(from, item, fell, fx),
            Sighting::Lifted { ground } => self.is_gone(ground, Some(from), fx),
            Sighting::Taken { ground } => self.is_gone(ground, None, fx),
            Sighting::Crossed { entity, to } => {
                let until = self.now.plus(CROSSING_TICKS);
                let slot = self.ghost_slot(entity, from);
                if let Some(ghost) = slot.and_then(|slot| self.entities[slot].ghost_mut()) {
                    (ghost.source, ghost.until) = (to, Some(until));
                    self.crossing_ghosts.push((until, entity));
                }
            }
        }
    }

    fn ghost_appears(&mut self, new: Ghost, arrival: Arrival, fx: &mut Effects) {
        let Appearance { entity, tile, mark, .. } = new.look;
        let Some(slot) = self.slot_of_entity(entity) else {
            let since_ms = self.now.ms();
            let kind = Kind::Ghost(Box::new(new));
            let slot = self.insert(Entity { id: entity, tile, since_ms, walk: None, mark, stamp: 0, kind });
            return self.show(slot, arrival, fx);
        };
        let known = self.entities[slot].mark;
        // who is real here stays so: the other zone has not heard of it yet
        let Some(ghost) = self.entities[slot].ghost_mut() else { return };
        if mark < known {
            return; // of a zone that had it before the one that told last
        }
        let before = std::mem::replace(ghost, new).look;
        let walk = ghost.look.walk.clone();
        let looks_other = before.equip != ghost.look.equip;
        let equip = ghost.look.equip;
        let (guild, guild_rank) = (ghost.look.guild, ghost.look.guild_rank);
        let other_guild = (before.guild, before.guild_rank) != (guild, guild_rank);
        self.entities[slot].mark = mark;
        if self.entities[slot].tile != tile {
            let now_ms = self.now.ms();
            self.relocate(slot, tile, now_ms, Manner::Step, fx);
        }
        if looks_other {
            self.tell_viewers(slot, Event::LookChanged { entity, equip }, fx);
        }
        if other_guild {
            self.tell_viewers(slot, Event::GuildChanged { entity, guild, guild_rank }, fx);
        }
        if mark == known {
            return; // whoever sees it sees that movement already
        }
        let told = match (before.walk, walk) {
            (_, Some(walk)) => Event::Walked { entity, walk, mark },
            (Some(_), None) => Event::Stopped { entity, tile, mark },
            (None, None) => Event::Placed { entity, tile, mark },
        };
        self.tell_viewers(slot, told, fx);
    }

    fn ghost_slot(&self, entity: EntityId, source: ZoneId) -> Option<usize> {
        let slot = self.slot_of_entity(entity)?;
        self.entities[slot].ghost().filter(|ghost| ghost.source == source).map(|_| slot)
    }

    fn lay_ghost(&mut self, slot: usize, departure: Departure, fx: &mut Effects) {
        self.remove(slot, departure, fx);
    }

    /// The map is divided in another way. A neighbour that is no more watches nothing, and whom it told of goes unless another one tells
    /// of it in time.
    pub(crate) fn remap(&mut self, zones: Arc<ZoneTable>, fx: &mut Effects) {
        let is_gone = |zone: ZoneId| zones.bounds(zone).is_none();
        self.watchers.retain(|watcher| !is_gone(watcher.by));
        let until = self.now.plus(CROSSING_TICKS);
        for (_, entity) in &mut self.entities {
            let id = entity.id;
            if let Some(ghost) = entity.ghost_mut().filter(|ghost| is_gone(ghost.source)) {
                ghost.until = Some(until);
                self.crossing_ghosts.push((until, id));
            }
        }
        let gone: BTreeSet<ZoneId> = self.told_by().filter(|zone| is_gone(*zone)).collect();
        self.zones = zones;
        for zone in gone {
            for ground in self.not_named(zone, |_| false) {
                self.is_gone(ground, Some(zone), fx);
            }
        }
    }

    /// Takes a ghost away without a word, since it is real here now: as what it was seen.
    pub(crate) fn embody(&mut self, entity: EntityId) -> Option<SeenAs> {
        let slot = self.slot_of_entity(entity).filter(|slot| self.entities[*slot].is_ghost())?;
        let seen = look::appearance(&self.entities[slot], &self.content, self.relief().pace_percent);
        self.take_out(slot);
        Some(SeenAs { tile: seen.tile, walk: seen.walk })
    }

    /// Takes somebody out who is handed over to another zone: it is a ghost here at once, so that nobody sees it blink.
    pub(crate) fn hand_over(&mut self, slot: usize, to: ZoneId, fx: &mut Effects) -> Entity {
        self.note(slot, || What::Crossed(to), fx);
        let look = look::appearance(&self.entities[slot], &self.content, self.relief().pace_percent);
        let creature = self.entities[slot].creature_kind();
        let entity = self.take_out(slot);
        let until = self.now.plus(CROSSING_TICKS);
        let (Entity { id, tile, mark, .. }, since_ms) = (&entity, self.now.ms());
        let (id, tile, mark) = (*id, *tile, *mark);
        let kind = Kind::Ghost(Box::new(Ghost { source: to, look, creature, until: Some(until) }));
        self.insert(Entity { id, tile, since_ms, walk: None, mark, stamp: 0, kind });
        self.crossing_ghosts.push((until, id));
        entity
    }

    /// Those of whom no zone has told in time go.
    pub(crate) fn lay_old_ghosts(&mut self, fx: &mut Effects) {
        let now = self.now;
        let due: Vec<EntityId> = self
            .crossing_ghosts
            .extract_if(.., |(until, _)| *until <= now)
            .map(|(_, entity)| entity)
            .collect();
        for entity in due {
            let Some(slot) = self.slot_of_entity(entity) else { continue };
            if self.entities[slot].ghost().is_some_and(|ghost| ghost.until.is_some_and(|until| until <= now))
            {
                self.lay_ghost(slot, Departure::OutOfView, fx);
            }
        }
        self.look_after_sleep(fx);
    }

    /// When the next one goes.
    pub(crate) fn next_old_ghost(&self) -> Option<Tick> {
        self.crossing_ghosts.iter().map(|(until, _)| *until).min()
    }

    /// Ghosts in it.
    pub fn ghost_count(&self) -> usize {
        self.ghosts.all
    }
}

impl Ghost {
    /// What it is told to those around it changes what is seen of it.
    fn hears(&mut self, event: &Event) {
        match event {
            Event::Walked { walk, .. } => self.look.walk = Some(walk.clone()),
            Event::Stopped { .. } | Event::Placed { .. } => self.look.walk = None,
            Event::ScoreChanged { score, .. } => self.look.score = *score,
            Event::LookChanged { equip, .. } => self.look.equip = *equip,
            Event::GuildChanged { guild, guild_rank, .. } => {
                (self.look.guild, self.look.guild_rank) = (*guild, *guild_rank);
            }
            Event::Appeared { look, .. } | Event::StallChanged { look } => self.look = (**look).clone(),
            _ => {}
        }
    }
}
