//! Goes on where another owner of the zone was: creatures stand where they stood, generators are as far as they were.
//!
//! A zone may inherit from several: from itself under an earlier epoch, from the zone of which it was cut off, from both halves that it
//! is joined of, and from what is stored. Of what speaks of the same tiles the newest counts.

use crate::creature::{Creature, TURN};
use crate::entity::{Entity, Kind};
use crate::generator::SPAWN_PERIOD;
use crate::tick::Tick;
use crate::walk::Walking;
use crate::zone::Zone;
use model::population::{AgedPopulation, CreatureState, GeneratorState, Guest};
use model::{EntityId, Epoch, MoveMark, Population, Rect, Route, ZoneId};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Movements that an earlier owner may have told after it was asked.
const MOVES_AHEAD: u64 = 100_000;

/// What can be gone on with, and of which tiles it speaks as the newest.
pub(crate) struct Inherited {
    population: Population,
    age_ms: u64,
    /// Rectangles of which something newer speaks.
    newer: Vec<Rect>,
}

impl Inherited {
    /// Where a generator is.
    pub(crate) fn generator(&self, index: usize) -> Option<GeneratorState> {
        self.population.generators.iter().find(|state| state.generator as usize == index).copied()
    }

    /// Turns of generators since its creatures were last played.
    pub(crate) fn idle_turns(&self) -> u64 {
        let idle_ms = self.age_ms.saturating_add(self.population.asleep_ms);
        idle_ms / (SPAWN_PERIOD * Tick::MS)
    }
}

impl Zone {
    /// Its creatures and generators as they are now.
    pub fn population(&self) -> Population {
        let generators = self.sources.iter().map(|source| GeneratorState {
            generator: source.generator as u32,
            turns: source.turns,
            period: source.period,
        });
        let mut creatures: Vec<CreatureState> =
            self.entities.iter().filter_map(|(_, entity)| self.kept_state(entity)).collect();
        creatures.sort_by_key(|creature| (creature.leader.is_some(), creature.entity));
        let asleep = self.asleep_since.map_or(0, |since| self.now.0.saturating_sub(since.0));
        Population {
            content: self.content.hash,
            zone: self.id,
            epoch: self.epoch,
            area: self.bounds(),
            asleep_ms: asleep * Tick::MS,
            generators: generators.collect(),
            creatures,
        }
    }

    /// The same, if it may be another one than the last time that this was asked.
    pub fn changed_population(&mut self) -> Option<Population> {
        let stirred = self.stirred;
        self.stirred = self.asleep_since.is_none();
        stirred.then(|| self.population())
    }

    /// What was taken was not stored.
    pub fn mark_stirred(&mut self) {
        self.stirred = true;
    }

    /// A name for a creature that comes into the world: one that nobody has of whom this zone knows.
    pub(crate) fn newborn(&mut self) -> EntityId {
        loop {
            // of which a name takes the low bits, so it goes round
            self.born = self.born.wrapping_add(1);
            let id = EntityId::of_creature(self.id, self.epoch, self.born);
            if self.slot_of_entity(id).is_none() && !self.roaming.knows(id) {
                return id;
            }
        }
    }

    /// What speaks of this content, the newest first: of one zone never before what was played under a later epoch.
    pub(crate) fn usable(&self, mut all: Vec<AgedPopulation>) -> Vec<Inherited> {
        all.retain(|aged| aged.population.content == self.content.hash);
        let told: Vec<(ZoneId, Epoch, u64)> =
            all.iter().map(|of| (of.population.zone, of.population.epoch, of.age_ms)).collect();
        all.sort_by_key(|AgedPopulation { age_ms, population: of }| {
            // who does not know yet that it has the zone no more says that it speaks of now
            let later = told.iter().filter(|(zone, epoch, _)| *zone == of.zone && *epoch > of.epoch);
            let age_ms = later.map(|(.., age_ms)| *age_ms).fold(*age_ms, u64::max);
            (age_ms, Reverse(of.epoch))
        });
        let mut newer = Vec::new();
        let inherit = |AgedPopulation { age_ms, population }| {
            let area = population.area;
            let inherited = Inherited { population, age_ms, newer: newer.clone() };
            newer.push(area);
            inherited
        };
        all.into_iter().map(inherit).collect()
    }

    /// Puts all creatures where they stood, as far as that is in this zone.
    pub(crate) fn settle_all(&mut self, inherits: &[Inherited]) {
        let mut come = BTreeSet::new();
        for inherited in inherits {
            self.stirred = true;
            for state in &inherited.population.creatures {
                let is_newest = !inherited.newer.iter().any(|area| area.contains(state.tile));
                if !is_newest || !come.insert(state.entity) {
                    continue;
                }
                if self.contains(state.tile) {
                    // whoever told of it last may have told more meanwhile
                    let mark = MoveMark { number: state.mark.number + MOVES_AHEAD, ..state.mark };
                    self.settle_creature(state, mark);
                } else {
                    let CreatureState { entity, generator, hops, .. } = *state;
                    self.is_abroad(&Guest { entity, generator, hops });
                }
            }
        }
    }

    /// A creature as others see it, where it can be gone on with: nobody who is on its way to another zone.
    fn kept_state(&self, entity: &Entity) -> Option<CreatureState> {
        let creature = entity.creature().filter(|creature| creature.passes_to.is_none())?;
        let mut state = state_of(entity)?;
        if !self.contains(state.tile) {
            (state.tile, state.walk) = (creature.inside, None);
        }
        Some(state)
    }

    /// Puts a creature where it stands, with a later movement than that one; nobody is told.
    pub(crate) fn settle_creature(&mut self, state: &CreatureState, mark: MoveMark) -> Option<usize> {
        let content = std::sync::Arc::clone(&self.content);
        let kind = Some(state.kind as usize).filter(|kind| *kind < content.creatures.len())?;
        let generator = state.generator as usize;
        let route = content.generators.get(generator)?.route;
        let at = Some(state.at as usize).filter(|at| *at < state.points.len())?;
        let now = self.creature_now();
        let walk = state.walk.as_ref().filter(|walk| walk.from == state.tile).and_then(|walk| {
            let mut last = walk.from;
            let steps = walk.route.steps().iter().copied().take_while(|step| match last.step(*step) {
                Some(next) if content.terrain.can_step(last, next) && self.is_beside(next) => {
                    last = next;
                    true
                }
                _ => false,
            });
            let route = Route::from_steps(steps);
            Walking::begin(walk.from, route, walk.speed, now.ms(), self.relief().pace_percent)
        });
        // who walks passes through who rests
        let tile = if walk.is_some() { state.tile } else { self.free_tile(state.tile, None, true)? };
        let creature = Creature {
            kind,
            generator,
            route,
            points: state.points.clone(),
            at,
            backwards: state.backwards,
            wait: state.wait,
            there: state.there,
            vain: state.vain,
            leader: state.leader,
            rested: 0,
            outside: 0,
            inside: tile,
            passes_to: None,
            hops: state.hops,
        };
        let still = creature.is_still();
        let mark = mark.next().max(MoveMark::first(self.epoch));
        let (id, since_ms) = (state.entity, now.ms());
        let first_step = walk.as_ref().map(Walking::next_due_ms);
        let kind = Kind::Creature(Box::new(creature));
        let slot = self.insert(Entity { id, tile, since_ms, walk, mark, stamp: 0, kind });
        self.lives_from(generator);
        if let Some(due_ms) = first_step {
            self.set_timer(slot, Tick::at_or_after(due_ms));
        } else if !still {
            // turns are spread evenly, so that not everybody moves in the same tick
            self.set_timer(slot, now.plus(1 + (slot as u64).wrapping_mul(7) % TURN));
        }
        Some(slot)
    }
}

pub(crate) fn state_of(entity: &Entity) -> Option<CreatureState> {
    let creature = entity.creature()?;
    Some(CreatureState {
        entity: entity.id,
        kind: creature.kind as u32,
        generator: creature.generator as u32,
        tile: entity.tile,
        mark: entity.mark,
        walk: entity.walk.as_ref().filter(|walk| !walk.is_over()).map(|walk| walk.rest(entity.tile)),
        points: creature.points.clone(),
        at: creature.at as u32,
        backwards: creature.backwards,
        wait: creature.wait,
        there: creature.there,
        vain: creature.vain,
        leader: creature.leader,
        hops: creature.hops,
    })
}
