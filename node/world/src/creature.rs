//! What creatures do: walk the points of their generator, wait, follow, vanish.
//!
//! | route | what it does |
//! |---|---|
//! | walk once, stay | walks to the last point and stays there for good |
//! | walk once, vanish | is removed at the last point; its generator makes another |
//! | back and forth | turns round at both ends |
//! | back and forth, vanish | is removed when it is back at the first point |
//! | loop | goes from the last point to the first again |
//! | follow | keeps near its leader |
//! | stand | stands at the first point |

use crate::effects::Effects;
use crate::path;
use crate::tick::Tick;
use crate::walk::Walking;
use crate::zone::Zone;
use content::RouteKind;
use model::event::Departure;
use model::sight::Manner;
use model::{EntityId, Event, Route, Tile, ZoneId};

/// Ticks between two turns of a creature that does nothing special: 3 s.
pub(crate) const TURN: u64 = 3 * Tick::PER_SECOND;
/// A wait loses this much in each turn.
const WAIT_PER_TURN: i32 = 6;
/// Most steps of one walk, as clients plan them.
const STEPS_MAX: usize = 12;
/// Walks that bring it no nearer before it takes the next point.
const PATIENCE: u8 = 3;
/// A point on which somebody else rests is reached when this near.
const CROWD: u16 = 3;
/// A follower walks when its leader is this far, and is with it at once when it is too far to walk.
const FOLLOW_FROM: u16 = 5;
const FOLLOW_TO: u16 = 13;

/// What only creatures have.
#[derive(Debug)]
pub(crate) struct Creature {
    /// Index into `Content::creatures`.
    pub(crate) kind: usize,
    /// Index into `Content::generators`.
    pub(crate) generator: usize,
    pub(crate) route: RouteKind,
    /// Where it goes and how long it waits there.
    pub(crate) points: Vec<(Tile, u16)>,
    /// The point that it stands on or goes to.
    pub(crate) at: usize,
    pub(crate) backwards: bool,
    pub(crate) wait: i32,
    /// It is at its point, or as near as others let it.
    pub(crate) there: bool,
    /// Walks in a row that brought it nowhere.
    pub(crate) vain: u8,
    pub(crate) leader: Option<EntityId>,
    /// Turns that it did not take since the last one.
    pub(crate) rested: u8,
    /// Steps since it left the tiles of the zone, and the last of those on which it stood.
    pub(crate) outside: u8,
    pub(crate) inside: Tile,
    /// Waits to be handed over to this zone: does nothing any more.
    pub(crate) passes_to: Option<ZoneId>,
    /// How often it was handed over to another zone.
    pub(crate) hops: u32,
}

/// What a creature does after it waited at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Go(usize),
    Stay,
    Vanish,
}

impl Creature {
    /// True when it never moves.
    pub(crate) fn is_still(&self) -> bool {
        match self.route {
            RouteKind::Stand => true,
            RouteKind::Follow => self.leader.is_none(),
            RouteKind::WalkOnceVanish | RouteKind::BackAndForthVanish => false,
            RouteKind::WalkOnceStay | RouteKind::BackAndForth | RouteKind::Loop => {
                self.points.iter().all(|(tile, _)| *tile == self.points[0].0)
            }
        }
    }

    fn goal(&self) -> (Tile, u16) {
        self.points[self.at]
    }

    /// The next point; turns round where its route says so.
    fn next(&mut self) -> Next {
        let last = self.points.len() - 1;
        match self.route {
            RouteKind::WalkOnceStay if self.at == last => Next::Stay,
            RouteKind::WalkOnceVanish if self.at == last => Next::Vanish,
            RouteKind::BackAndForthVanish if self.backwards && self.at == 0 => Next::Vanish,
            RouteKind::Loop => Next::Go(if self.at == last { 0 } else { self.at + 1 }),
            RouteKind::BackAndForth | RouteKind::BackAndForthVanish => {
                if last == 0 {
                    return if self.route == RouteKind::BackAndForth { Next::Stay } else { Next::Vanish };
                }
                if self.at == last {
                    self.backwards = true;
                } else if self.at == 0 {
                    self.backwards = false;
                }
                Next::Go(if self.backwards { self.at - 1 } else { self.at + 1 })
            }
            RouteKind::WalkOnceStay | RouteKind::WalkOnceVanish => Next::Go(self.at + 1),
            RouteKind::Follow | RouteKind::Stand => Next::Stay,
        }
    }
}

impl Zone {
    /// A creature's turn.
    pub(crate) fn take_turn(&mut self, slot: usize, due: Tick, fx: &mut Effects) {
        if self.rests(slot, fx) {
            return self.set_timer(slot, due.plus(TURN));
        }
        let tile = self.entities[slot].tile;
        let Some(creature) = self.entities[slot].creature_mut() else { return };
        if creature.route == RouteKind::Follow {
            return self.follow(slot, due, fx);
        }
        let gave_up = creature.vain >= PATIENCE;
        if !creature.there && !gave_up {
            return self.walk_to_goal(slot, due, fx);
        }
        if creature.wait > 0 {
            creature.wait -= WAIT_PER_TURN;
            return self.set_timer(slot, due.plus(TURN));
        }
        creature.vain = 0;
        match creature.next() {
            Next::Stay => {}
            Next::Vanish => self.vanish(slot, fx),
            Next::Go(at) => {
                creature.at = at;
                creature.there = creature.goal().0 == tile;
                if creature.there {
                    creature.wait = i32::from(creature.goal().1);
                    return self.set_timer(slot, due.plus(TURN));
                }
                self.walk_to_goal(slot, due, fx);
            }
        }
    }

    /// A creature's walk is over: on its goal it waits, on the way it goes on.
    pub(crate) fn arrived(&mut self, slot: usize) {
        let tile = self.entities[slot].tile;
        let now = self.creature_now();
        let Some(goal) = self.entities[slot].creature().map(|creature| creature.goal().0) else { return };
        let there = tile == goal || (tile.distance(goal) <= CROWD && self.is_occupied(goal, Some(slot)));
        let Some(creature) = self.entities[slot].creature_mut() else { return };
        creature.there = there;
        if there {
            creature.wait = i32::from(creature.goal().1);
            creature.vain = 0;
        }
        let pause = if there || creature.route == RouteKind::Follow { TURN } else { 1 };
        self.set_timer(slot, now.plus(pause));
    }

    fn walk_to_goal(&mut self, slot: usize, due: Tick, fx: &mut Effects) {
        let Some(creature) = self.entities[slot].creature() else { return };
        let (goal, wait) = creature.goal();
        let before = self.entities[slot].tile.distance(goal);
        let end = self.set_out(slot, goal, STEPS_MAX, fx);
        let nearer = end.is_some_and(|end| end.distance(goal) < before);
        if let Some(creature) = self.entities[slot].creature_mut() {
            if nearer {
                creature.vain = 0;
            } else {
                creature.vain += 1;
                creature.wait = i32::from(wait);
            }
        }
        if end.is_none() {
            self.set_timer(slot, due.plus(TURN));
        }
    }

    /// Begins a walk towards a tile: straight when that is free, around what is in the way otherwise.
    fn set_out(&mut self, slot: usize, goal: Tile, most: usize, fx: &mut Effects) -> Option<Tile> {
        let from = self.entities[slot].tile;
        let roams = !self.contains(goal);
        let may_stand = |tile: Tile| self.contains(tile) || (roams && self.is_beside(tile));
        let can_step = |a: Tile, b: Tile| self.content.terrain.can_step(a, b) && may_stand(b);
        let steps =
            path::straight(from, goal, most, can_step).unwrap_or_else(|| path::around(from, goal, can_step));
        let kind = self.entities[slot].creature()?.kind;
        let speed = self.told_speed(self.content.creatures[kind].score.run_speed.clamp(1, 6));
        let route = Route::from_steps(steps.into_iter().take(most));
        let walk = Walking::begin(from, route, speed, self.clock_ms(slot), self.relief().pace_percent)?;
        let end = walk.end();
        let mark = self.entities[slot].moves();
        let told = Event::Walked { entity: self.entities[slot].id, walk: walk.rest(from), mark };
        self.set_timer(slot, Tick::at_or_after(walk.next_due_ms()));
        self.entities[slot].walk = Some(walk);
        self.tell_viewers(slot, told, fx);
        Some(end)
    }

    fn follow(&mut self, slot: usize, due: Tick, fx: &mut Effects) {
        let leader = self.entities[slot].creature().and_then(|creature| creature.leader);
        let Some(leader) = leader else { return };
        let Some(leader) = self.slot_of_entity(leader).map(|leader| self.entities[leader].tile) else {
            // out of sight behind a border, or no more
            return self.set_timer(slot, due.plus(TURN));
        };
        let distance = self.entities[slot].tile.distance(leader);
        if distance >= FOLLOW_TO && self.contains(leader) {
            self.teleport(slot, leader, Manner::Teleport, fx);
        } else if distance >= FOLLOW_FROM {
            let steps = usize::from(distance - 2).min(STEPS_MAX);
            if self.set_out(slot, leader, steps, fx).is_some() {
                return;
            }
        }
        self.set_timer(slot, due.plus(TURN));
    }

    fn vanish(&mut self, slot: usize, fx: &mut Effects) {
        let entity = self.remove(slot, Departure::Vanished, fx);
        if let Some(creature) = entity.creature() {
            self.is_gone_from(creature.generator);
        }
    }
}
