//! Two zones side by side, each told of the other's border a tick later, with those who are on their way between them.

use super::{Stage, content, tile};
use content::Content;
use model::event::{Departure, Walk};
use model::{CharacterId, EntityId, SessionId, Tile, ZoneId};
use world::{Input, Passing};

/// Ticks from the leaving of one zone to the entry into the next: the store and the edge take their time.
pub const HANDOVER: u64 = 4;
pub const SPEED: u8 = 4;

pub struct Traveller {
    name: String,
    number: u64,
    to: usize,
    at: Tile,
    walk: Option<Walk>,
    arrives_in: u64,
}

pub struct Pair {
    pub sides: [Stage; 2],
    pub under_way: Vec<Traveller>,
    /// Creatures on their way, with the ticks that are left, and whether anybody takes them.
    passing: Vec<(u64, usize, Passing)>,
    pub takes: bool,
    /// How many creatures were handed over.
    pub passed: usize,
}

impl Pair {
    pub fn new(seed: u64) -> Self {
        Self::with(&content(), seed)
    }

    pub fn with(world: &Content, seed: u64) -> Self {
        let sides = [1, 2].map(|zone| Stage::of(world.clone(), ZoneId(zone), seed));
        let (under_way, passing) = Default::default();
        let mut pair = Self { sides, under_way, passing, takes: true, passed: 0 };
        pair.sides[0].input(Input::Watch { by: ZoneId(2) });
        pair.sides[1].input(Input::Watch { by: ZoneId(1) });
        pair.ticks(2);
        pair
    }

    /// p3 stays in the west, p2 in the east; p1 begins to walk from the west to the east.
    pub fn with_a_walker(seed: u64) -> Self {
        let mut pair = Self::new(seed);
        pair.enters(0, "p3", 3, tile(1118, 1052));
        pair.enters(1, "p2", 2, tile(1134, 1050));
        pair.enters(0, "p1", 1, tile(1122, 1050));
        pair.ticks(2);
        pair.sides[0].walks("p1", "66666666666");
        pair.sides[1].tick();
        pair.exchange();
        pair
    }

    /// Until somebody has left one side and not come to the other.
    pub fn until_under_way(&mut self) {
        for _ in 0..200 {
            if !self.under_way.is_empty() {
                return;
            }
            self.ticks(1);
        }
        panic!("nobody crosses");
    }

    pub fn enters(&mut self, side: usize, name: &str, number: u64, at: Tile) {
        self.comes(side, name, number, at, false, None);
    }

    pub fn comes(
        &mut self,
        side: usize,
        name: &str,
        number: u64,
        at: Tile,
        on_foot: bool,
        walk: Option<Walk>,
    ) {
        // entering takes a tick of that side; the other one goes with it
        self.sides[side].arrives_as(name, number, at, SPEED, on_foot, walk);
        self.sides[1 - side].tick();
        self.exchange();
    }

    pub fn ticks(&mut self, count: u64) {
        for _ in 0..count {
            self.arrivals();
            self.creatures_arrive();
            for side in &mut self.sides {
                side.tick();
            }
            self.exchange();
        }
    }

    /// What one side told, the other one hears with its next tick; who crosses is on the way.
    pub fn exchange(&mut self) {
        for side in [0, 1] {
            for (to, whole, sightings) in std::mem::take(&mut self.sides[side].sights) {
                assert_eq!(to, ZoneId(2 - side as u32));
                let from = ZoneId(side as u32 + 1);
                self.sides[1 - side].input(Input::Sight { from, whole, sightings });
            }
            for crossing in std::mem::take(&mut self.sides[side].crossings) {
                let session = crossing.snapshot.session;
                let asked = self.sides[side].watchers.get(&session).and_then(|own| own.asked.as_ref());
                let walk = asked.and_then(|walk| walk.rest_from(crossing.tile()));
                self.sides[side].input(Input::Leave { session, departure: Departure::OutOfView });
                self.under_way.push(Traveller {
                    name: format!("p{}", session.0),
                    number: session.0,
                    to: 1 - side,
                    at: crossing.tile(),
                    walk,
                    arrives_in: HANDOVER,
                });
            }
        }
    }

    /// The node has handed a creature over, after some ticks.
    fn creatures_arrive(&mut self) {
        for side in [0, 1] {
            let passing = std::mem::take(&mut self.sides[side].passing);
            self.passing.extend(passing.into_iter().map(|one| (HANDOVER, side, one)));
        }
        for (left, ..) in &mut self.passing {
            *left -= 1;
        }
        let (now, later): (Vec<_>, Vec<_>) = self.passing.drain(..).partition(|(left, ..)| *left == 0);
        self.passing = later;
        for (_, side, Passing { to, creature, .. }) in now {
            assert_eq!(to, ZoneId(2 - side as u32));
            let (entity, taken) = (creature.entity, self.takes);
            if taken {
                // the answer may be lost: then it is sent again
                for _ in 0..2 {
                    self.sides[1 - side].input(Input::Come(Box::new(creature.clone())));
                }
                self.passed += 1;
            }
            self.sides[side].input(Input::Passed { entity, taken });
        }
    }

    fn arrivals(&mut self) {
        for traveller in &mut self.under_way {
            traveller.arrives_in -= 1;
        }
        let (here, still): (Vec<_>, Vec<_>) =
            self.under_way.drain(..).partition(|traveller| traveller.arrives_in == 0);
        self.under_way = still;
        for Traveller { name, number, to, at, walk, .. } in here {
            let session = SessionId(number);
            self.sides[1 - to].watchers.remove(&session);
            self.comes(to, &name, number, at, true, walk);
        }
    }

    pub fn side_of(&self, number: u64) -> Option<usize> {
        let entity = EntityId::of_character(CharacterId(number));
        (0..2).find(|side| {
            self.sides[*side].zone.positions().any(|(id, _, _)| id == entity)
                && self.sides[*side].watchers.contains_key(&SessionId(number))
        })
    }
}
