//! Creatures over borders: who walks far enough into another zone is handed over to it, as players are.
//!
//! ```text
//!  zone A                        node                          zone B
//!   stands still, Passing ------> asks who plays B, until -----> Come: it is real there, on the same way
//!   <------------- Passed -------- it has an answer
//!   a ghost from now on; or, when nobody took it, put back inside
//! ```
//! It is handed over once or, when it stays unclear who has it, given up: a monster less comes again, one twice does not go. It stays one of its
//! generator, which counts it as long as the zone where it is names it among its guests ([`Zone::guests`]).

use crate::command::HYSTERESIS;
use crate::creature::{Creature, TURN};
use crate::effects::{Effects, Passing};
use crate::generator::SPAWN_PERIOD;
use crate::population::state_of;
use crate::tick::Tick;
use crate::zone::Zone;
use model::event::{Arrival, Departure};
use model::population::{CreatureState, Guest};
use model::sight::Manner;
use model::{EntityId, Tile, ZoneId};
use std::collections::BTreeMap;

/// A creature of which no zone has told for so long is no more.
const LOST_AFTER: u64 = 5 * SPAWN_PERIOD;
/// How long it is known who came, so that nobody comes twice: longer than anybody tries.
const CAME_FOR: u64 = 60 * Tick::PER_SECOND;

/// Creatures that come and go.
#[derive(Debug, Default)]
pub(crate) struct Roaming {
    /// Of generators of this zone, in other zones, and when they were heard of.
    abroad: BTreeMap<EntityId, (Guest, Tick)>,
    /// Who came over a border, on which hop, and when.
    came: BTreeMap<EntityId, (u32, Tick)>,
}

impl Roaming {
    /// True for one that is in another zone, or came from one a moment ago.
    pub(crate) fn knows(&self, entity: EntityId) -> bool {
        self.abroad.contains_key(&entity) || self.came.contains_key(&entity)
    }
}

impl Zone {
    /// True for tiles on which a creature may stand: those of the zone, and some outside of it.
    pub(crate) fn is_beside(&self, tile: Tile) -> bool {
        self.contains(tile) || (self.instance.is_none() && self.grid.holds(tile))
    }

    /// Looks whether a creature is over the border after a step, and lets it pass over when it is far enough.
    pub(crate) fn note_roaming(&mut self, slot: usize, fx: &mut Effects) {
        let tile = self.entities[slot].tile;
        let inside = self.contains(tile);
        let Some(creature) = self.entities[slot].creature_mut() else { return };
        if creature.passes_to.is_some() {
            // once is enough: it stands still until it is known what came of it
            return self.clear_timer(slot);
        }
        if inside {
            (creature.inside, creature.outside) = (tile, 0);
            return;
        }
        creature.outside = creature.outside.saturating_add(1);
        if creature.outside < HYSTERESIS {
            return;
        }
        let to = self.zones.zone_at(tile);
        if let Some(creature) = self.entities[slot].creature_mut() {
            creature.passes_to = Some(to);
        }
        // for everybody it is still walking: the next zone goes on with that
        self.clear_timer(slot);
        let epoch = self.epoch;
        fx.passing.extend(state_of(&self.entities[slot]).map(|creature| Passing { to, epoch, creature }));
    }

    /// What came of it.
    pub(crate) fn passed(&mut self, entity: EntityId, taken: bool, fx: &mut Effects) {
        let Some(slot) = self.slot_of_entity(entity) else { return };
        let Some(creature) = self.entities[slot].creature() else { return };
        let Some(to) = creature.passes_to else { return };
        let (generator, inside, hops) = (creature.generator, creature.inside, creature.hops + 1);
        if taken {
            self.hand_over(slot, to, fx);
            self.is_gone_from(generator);
            self.is_abroad(&Guest { entity, generator: generator as u32, hops });
            return;
        }
        if let Some(creature) = self.entities[slot].creature_mut() {
            (creature.passes_to, creature.outside, creature.there) = (None, 0, true);
        }
        self.teleport(slot, inside, Manner::Placed, fx);
        self.set_timer(slot, self.creature_now().plus(TURN));
    }

    /// A creature comes over the border, once.
    pub(crate) fn comes(&mut self, state: &CreatureState, fx: &mut Effects) {
        let (entity, now) = (state.entity, self.now);
        let oldest = now.0.saturating_sub(CAME_FOR);
        self.roaming.came.retain(|_, (_, at)| at.0 >= oldest);
        let hops = state.hops.saturating_add(1);
        let is_old = self.roaming.came.get(&entity).is_some_and(|(known, _)| *known >= hops);
        let is_here = self.slot_of_entity(entity).is_some_and(|slot| !self.entities[slot].is_ghost());
        if is_old || is_here || !self.contains(state.tile) || self.is_full() {
            return;
        }
        self.roaming.came.insert(entity, (hops, now));
        self.stirred = true;
        let seen_as = self.embody(entity);
        let come = CreatureState { hops, ..state.clone() };
        let Some(slot) = self.settle_creature(&come, state.mark) else { return };
        self.is_home(entity);
        match seen_as {
            Some(seen) => self.show_for_real(slot, seen, Arrival::Plain, fx),
            None => self.show(slot, Arrival::Plain, fx),
        }
    }

    /// Creatures of other zones' generators that are here.
    pub fn guests(&self) -> Vec<Guest> {
        let creatures = self.entities.iter().filter_map(|(_, entity)| Some((entity.id, entity.creature()?)));
        let guests = creatures.filter(|(_, creature)| !self.has_source(creature.generator));
        let guest = |(entity, creature): (EntityId, &Creature)| {
            let Creature { generator, hops, .. } = *creature;
            Guest { entity, generator: generator as u32, hops }
        };
        guests.map(guest).collect()
    }

    /// The zone of a guest's generator.
    pub fn home_of(&self, guest: &Guest) -> Option<ZoneId> {
        let start = self.content.generators.get(guest.generator as usize)?.points.first()?;
        Some(self.zones.zone_at(start.tile))
    }

    /// Which of these are in this zone, or in a third one, after more hops: those are of an older state and have to go.
    pub fn outdated(&self, guests: &[Guest]) -> Vec<EntityId> {
        let is_outdated = |guest: &&Guest| {
            let abroad = self.roaming.abroad.get(&guest.entity).map(|(known, _)| known.hops);
            let here = self.hops_of(guest.entity).map(|hops| hops.saturating_add(1));
            abroad.max(here).is_some_and(|hops| guest.hops < hops)
        };
        guests.iter().filter(is_outdated).map(|guest| guest.entity).collect()
    }

    /// Another zone has these.
    pub(crate) fn are_abroad(&mut self, guests: &[Guest], fx: &mut Effects) {
        let outdated = self.outdated(guests);
        for guest in guests.iter().filter(|guest| !outdated.contains(&guest.entity)) {
            // one that is here is of what was stored before it went
            self.drop_creature(guest.entity, fx);
            self.is_abroad(guest);
        }
    }

    /// A creature is of an older state than one of the same name.
    pub(crate) fn drop_creature(&mut self, entity: EntityId, fx: &mut Effects) {
        let Some(slot) = self.slot_of_entity(entity) else { return };
        if let Some(generator) = self.entities[slot].creature().map(|creature| creature.generator) {
            self.remove(slot, Departure::OutOfView, fx);
            self.is_gone_from(generator);
        }
    }

    fn hops_of(&self, entity: EntityId) -> Option<u32> {
        let slot = self.slot_of_entity(entity)?;
        self.entities[slot].creature().map(|creature| creature.hops)
    }

    /// A creature of a generator of this zone is in another one.
    pub(crate) fn is_abroad(&mut self, guest: &Guest) {
        let (generator, now) = (guest.generator as usize, self.now);
        if !self.has_source(generator) {
            return;
        }
        let known = self.roaming.abroad.insert(guest.entity, (*guest, now));
        if known.is_none()
            && let Some(source) = self.source_of(generator)
        {
            source.abroad += 1;
        }
    }

    /// It is in this zone again.
    fn is_home(&mut self, entity: EntityId) {
        if let Some((guest, _)) = self.roaming.abroad.remove(&entity)
            && let Some(source) = self.source_of(guest.generator as usize)
        {
            source.abroad = source.abroad.saturating_sub(1);
        }
    }

    /// Those of whom nobody tells are no more: their generators may make others.
    pub(crate) fn forget_lost_guests(&mut self) {
        let oldest = self.now.0.saturating_sub(LOST_AFTER);
        let heard_of = |(_, (_, heard)): &(&EntityId, &(Guest, Tick))| heard.0 < oldest;
        let lost: Vec<EntityId> =
            self.roaming.abroad.iter().filter(heard_of).map(|(entity, _)| *entity).collect();
        for entity in lost {
            self.is_home(entity);
        }
    }
}
