//! Where creatures come from: the generators of the content, by their timer.
//!
//! Every 12 s a counter goes up, and a generator with period `M` acts when `counter % M == number % M`. It
//! makes a group, a leader and its followers, as long as fewer creatures live from it than it may have.
//! Periods of 500 and more are drawn anew within their band after each use. Generators that are never on the
//! timer belong to events, which ask for one group at a time.

use crate::creature::{Creature, TURN};
use crate::dice::Dice;
use crate::effects::Effects;
use crate::entity::{Entity, Kind};
use crate::formation;
use crate::tick::Tick;
use crate::zone::Zone;
use content::{Generator, RouteKind, Waypoint};
use model::event::Arrival;
use model::population::{AgedPopulation, GeneratorState};
use model::{EntityId, MoveMark, Tile};

/// Ticks between two turns of the generators: 12 s.
pub const SPAWN_PERIOD: u64 = 12 * Tick::PER_SECOND;
/// Generators that are never on the timer whatever their period says.
const NEVER_TIMED: [u32; 6] = [0, 1, 2, 5, 6, 7];
/// Bands in which long periods are drawn anew.
const LONG_BANDS: [(i32, i32); 4] = [(500, 999), (1000, 1999), (2000, 3799), (3800, 4799)];
/// Most creatures of one zone.
const CREATURES_MAX: usize = 16_384;
/// Most groups that a generator makes at once.
const GROUPS_MAX: usize = 128;
/// Most followers of one leader.
const FOLLOWERS_MAX: u16 = 32;

/// Which generators act when a zone is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Populate {
    /// Those of the timer are filled up.
    Timed,
    /// Those of the timer are filled up, and those of events make one group each.
    #[default]
    Everything,
    /// None.
    Nothing,
}

/// A generator whose creatures live in this zone.
#[derive(Debug)]
pub(crate) struct Source {
    /// Index into `Content::generators`.
    pub(crate) generator: usize,
    /// Its number in the file.
    number: u32,
    /// Turns that it has seen.
    pub(crate) turns: u64,
    /// Present period; `None` when it is never on the timer.
    pub(crate) period: Option<u64>,
    most: usize,
    /// Creatures of it in this zone, and in others.
    alive: usize,
    pub(crate) abroad: usize,
}

impl Source {
    fn new(generator: usize, of: &Generator, dice: &mut Dice) -> Self {
        let timed = of.every > 0 && !NEVER_TIMED.contains(&of.index);
        let period = timed.then(|| draw_period(of.every, dice));
        Self {
            generator,
            number: of.index,
            turns: 0,
            period,
            most: usize::from(of.most.max(1)),
            alive: 0,
            abroad: 0,
        }
    }

    /// One that goes on where it was.
    fn goes_on(state: &GeneratorState, of: &Generator) -> Self {
        let most = usize::from(of.most.max(1));
        let GeneratorState { generator, turns, period } = *state;
        let period = period.map(|period| period.max(1));
        Self { generator: generator as usize, number: of.index, turns, period, most, alive: 0, abroad: 0 }
    }

    /// True when it acts in this turn.
    fn takes_turn(&mut self) -> bool {
        self.turns += 1;
        self.period.is_some_and(|period| self.turns % period == u64::from(self.number) % period)
    }

    fn has_room(&self) -> bool {
        self.alive + self.abroad < self.most
    }
}

fn draw_period(every: i32, dice: &mut Dice) -> u64 {
    let band = LONG_BANDS.into_iter().rev().find(|(low, _)| every >= *low);
    let drawn = band.map_or(every, |(low, high)| dice.between(low, high));
    u64::from(drawn.max(1).unsigned_abs())
}

impl Zone {
    /// Finds the generators of this zone. Those of which something is known go on, the others act for the first time.
    pub(crate) fn populate(&mut self, populate: Populate, inherits: Vec<AgedPopulation>) {
        let content = std::sync::Arc::clone(&self.content);
        let inherits = self.usable(inherits);
        let mut new = Vec::new();
        let mut going_on = Vec::new();
        for (index, generator) in content.generators.iter().enumerate() {
            let starts_here = generator.points.first().is_some_and(|start| self.contains(start.tile));
            if !starts_here {
                continue;
            }
            let known = inherits.iter().find_map(|aged| aged.generator(index).map(|state| (aged, state)));
            let source = match known {
                Some((aged, state)) => {
                    going_on.push((self.sources.len(), aged.idle_turns()));
                    Source::goes_on(&state, generator)
                }
                None => {
                    new.push(self.sources.len());
                    Source::new(index, generator, &mut self.dice)
                }
            };
            self.sources.push(source);
        }
        self.settle_all(&inherits);
        let mut nobody = Effects::default();
        for source in new {
            let groups = match (populate, self.sources[source].period) {
                (Populate::Nothing, _) | (Populate::Timed, None) => 0,
                (Populate::Everything, None) => 1,
                (_, Some(_)) => GROUPS_MAX,
            };
            self.refill(source, groups, &mut nobody);
        }
        for (source, turns) in going_on {
            self.catch_up_with(source, turns, &mut nobody);
        }
        assert!(nobody.is_empty(), "nobody is there to see a zone being filled");
    }

    /// The generators' turn.
    pub(crate) fn generate(&mut self, fx: &mut Effects) {
        self.forget_lost_guests();
        for source in 0..self.sources.len() {
            if self.sources[source].takes_turn() {
                self.refill(source, 1, fx);
                let every = self.content.generators[self.sources[source].generator].every;
                if every >= LONG_BANDS[0].0 {
                    self.sources[source].period = Some(draw_period(every, &mut self.dice));
                }
            }
        }
    }

    /// What the generators would have done while the zone slept. Nobody in it sees it, but neighbours are told.
    pub(crate) fn catch_up(&mut self, asleep: u64, fx: &mut Effects) {
        let turns = asleep / SPAWN_PERIOD;
        for source in 0..self.sources.len() {
            self.catch_up_with(source, turns, fx);
        }
    }

    fn catch_up_with(&mut self, source: usize, turns: u64, fx: &mut Effects) {
        if let Some(period) = self.sources[source].period {
            let groups = usize::try_from(turns / period).unwrap_or(GROUPS_MAX);
            self.refill(source, groups.min(GROUPS_MAX), fx);
        }
    }

    pub(crate) fn source_of(&mut self, generator: usize) -> Option<&mut Source> {
        // they are in the order of the content
        let at = self.sources.binary_search_by_key(&generator, |source| source.generator).ok()?;
        self.sources.get_mut(at)
    }

    /// True when a generator is one of this zone.
    pub(crate) fn has_source(&self, generator: usize) -> bool {
        self.sources.binary_search_by_key(&generator, |source| source.generator).is_ok()
    }

    /// True when no creature finds room in this zone any more.
    pub(crate) fn is_full(&self) -> bool {
        self.entities.len() >= CREATURES_MAX
    }

    /// A creature of a generator lives in this zone.
    pub(crate) fn lives_from(&mut self, generator: usize) {
        if let Some(source) = self.source_of(generator) {
            source.alive += 1;
        }
    }

    /// A creature of a generator lives in this zone no more. One whose generator is elsewhere was counted there.
    pub(crate) fn is_gone_from(&mut self, generator: usize) {
        if let Some(source) = self.source_of(generator) {
            source.alive = source.alive.saturating_sub(1);
        }
    }

    fn refill(&mut self, source: usize, groups: usize, fx: &mut Effects) {
        for _ in 0..groups {
            if !self.sources[source].has_room() || !self.make_group(source, fx) {
                return;
            }
        }
    }

    /// Makes a leader and its followers; false when not even the leader found a place.
    fn make_group(&mut self, source: usize, fx: &mut Effects) -> bool {
        let content = std::sync::Arc::clone(&self.content);
        let generator = &content.generators[self.sources[source].generator];
        let points: Vec<(Tile, u16)> = generator.points.iter().map(|point| self.scatter(point)).collect();
        let (fewest, most) = generator.group;
        let followers = self.dice.between(i32::from(fewest), i32::from(most.min(FOLLOWERS_MAX)));
        let Some(leader) = self.spawn(source, generator.leader, points.clone(), None, fx) else {
            return false;
        };
        let kind = generator.follower.unwrap_or(generator.leader);
        for index in 0..usize::try_from(followers).unwrap_or_default() {
            let beside = formation::offset(generator.formation, index);
            let shifted = points.iter().map(|(tile, wait)| (shift(*tile, beside), *wait)).collect();
            if self.spawn(source, kind, shifted, Some(leader), fx).is_none() {
                break;
            }
        }
        true
    }

    /// A tile within the range of a point.
    fn scatter(&mut self, point: &Waypoint) -> (Tile, u16) {
        let range = i32::from(point.range);
        let beside = (self.dice.between(-range, range) as i16, self.dice.between(-range, range) as i16);
        let tile = shift(point.tile, beside);
        let good = range == 0 || (!self.content.terrain.is_blocked(tile) && self.contains(tile));
        (if good { tile } else { point.tile }, point.wait)
    }

    fn spawn(
        &mut self,
        source: usize,
        kind: usize,
        mut points: Vec<(Tile, u16)>,
        leader: Option<EntityId>,
        fx: &mut Effects,
    ) -> Option<EntityId> {
        if self.is_full() || kind >= self.content.creatures.len() {
            return None;
        }
        let tile = self.free_tile(points.first()?.0, None, true)?;
        points[0].0 = tile;
        let generator = self.sources[source].generator;
        let route = self.content.generators[generator].route;
        let wait = i32::from(points[0].1);
        let follows = leader.filter(|_| route == RouteKind::Follow);
        let creature = Creature {
            kind,
            generator,
            route,
            points,
            at: 0,
            backwards: false,
            wait,
            there: true,
            vain: 0,
            leader: follows,
            rested: 0,
            outside: 0,
            inside: tile,
            passes_to: None,
            hops: 0,
        };
        let still = creature.is_still();
        let since_ms = self.creature_now().ms();
        let kind = Kind::Creature(Box::new(creature));
        let mark = MoveMark::first(self.epoch);
        let id = self.newborn();
        let slot = self.insert(Entity { id, tile, since_ms, walk: None, mark, stamp: 0, kind });
        self.lives_from(generator);
        if !still {
            // turns are spread evenly, so that not everybody moves in the same tick
            let first = self.creature_now().plus(1 + (slot as u64).wrapping_mul(7) % TURN);
            self.set_timer(slot, first);
        }
        self.show(slot, Arrival::Glow, fx);
        Some(self.entities[slot].id)
    }
}

fn shift(tile: Tile, (dx, dy): (i16, i16)) -> Tile {
    let x = tile.x.saturating_add_signed(dx).min(model::place::WORLD_SIDE - 1);
    let y = tile.y.saturating_add_signed(dy).min(model::place::WORLD_SIDE - 1);
    Tile::new(x, y)
}
