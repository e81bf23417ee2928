//! A stage for scenarios: one zone, its players, and for every player what its events say that it sees.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code, missing_docs)]

pub mod pair;
mod watcher;

use content::{Content, Creature, Generator, Portal, RouteKind, Terrain, Waypoint};
use model::event::{Arrival, Departure, Notice, NoticeKey, Walk};
use model::membership::NamedZone;
use model::sight::Sighting;
use model::transfer::TransferRefusal;
use model::{
    AccountId, Character, CharacterId, CharacterName, Class, Command, EntityId, Epoch, Event, ItemId, Rect,
    Route, Score, SessionId, SoftState, Step, Tile, ZoneId,
};
use placement::ZoneTable;
use rules::Derived;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
pub use watcher::Watcher;
use world::{
    Change, Crossing, Effects, Entering, Input, Job, JobOutcome, Passing, Plan, Populate, Snapshot, Tick,
    Work, Zone, ZoneSetup,
};

/// The zone on the stage and its neighbour in the east.
pub const WEST: Rect = Rect { min: Tile::new(1000, 1000), max: Tile::new(1127, 1127) };
pub const EAST: Rect = Rect { min: Tile::new(1128, 1000), max: Tile::new(1255, 1127) };

/// Gold of a player who enters without more ado.
pub const PURSE: i64 = 1_000;

pub fn tile(x: u16, y: u16) -> Tile {
    Tile::new(x, y)
}

/// A map that is open but for walls of 4 x 4 cells.
pub fn terrain(walls: &[Tile]) -> Terrain {
    let mut attributes = vec![0_u8; 1 << 20];
    for wall in walls {
        attributes[usize::from(wall.y >> 2) * 1024 + usize::from(wall.x >> 2)] = Terrain::BLOCKED;
    }
    Terrain::from_bytes(&attributes, None).expect("a map of the right size")
}

pub fn creature(name: &str, speed: u8) -> Creature {
    Creature {
        key: name.to_lowercase(),
        name: name.to_owned(),
        look: Default::default(),
        score: Score { run_speed: speed, hp: 10, hp_max: 10, ..Score::default() },
        merchant: 0,
        clan: 0,
        class: 0,
        experience: 0,
        gold: 0,
        carry: Vec::new(),
        equip: Vec::new(),
        chance_to_act: 100,
        chance_to_stay: 0,
        learned: [0; 2],
        skill_bar: [0xFF; 4],
        critical: 0,
        resist: [0; 4],
    }
}

pub fn generator(index: u32, route: RouteKind, points: &[(Tile, u16, u16)]) -> Generator {
    Generator {
        index,
        line: 0,
        every: 1,
        most: 1,
        group: (0, 0),
        leader: 0,
        follower: None,
        route,
        formation: 0,
        points: points
            .iter()
            .map(|(tile, range, wait)| Waypoint { tile: *tile, range: *range, wait: *wait })
            .collect(),
    }
}

/// A bare world: no creatures, two zones, a free and a paid portal, a city in the zone.
pub fn content() -> Content {
    let (mut content, _) = content::builtin();
    content.terrain = terrain(&[]);
    content.creatures = vec![creature("Wolf", 2)];
    content.generators = Vec::new();
    content.zones =
        vec![NamedZone { name: "West".into(), area: WEST }, NamedZone { name: "East".into(), area: EAST }];
    let portal = |from, to, gold, conditional| Portal { from, to, gold, conditional };
    content.portals = vec![
        portal(tile(1008, 1008), tile(1060, 1060), 0, false),
        portal(tile(1008, 1016), tile(1060, 1060), 500, false),
        portal(tile(1008, 1024), tile(1200, 1060), 0, false),
        portal(tile(1008, 1032), tile(1060, 1060), 0, true),
        portal(tile(1008, 1040), tile(1200, 1060), 500, false),
    ];
    content.cities[1].spawn = tile(1080, 1080);
    content.cities[1].area = Rect::new(tile(1070, 1070), tile(1100, 1100));
    content
}

pub struct Stage {
    pub zone: Zone,
    pub now: Tick,
    pub watchers: BTreeMap<SessionId, Watcher>,
    pub crossings: Vec<Crossing>,
    /// Creatures that wait to be handed over.
    pub passing: Vec<Passing>,
    pub left: Vec<Snapshot>,
    pub jobs: Vec<Job>,
    /// What neighbours are told.
    pub sights: Vec<(ZoneId, bool, Vec<Sighting>)>,
    pub transcript: Vec<String>,
    /// Gold as the store has it.
    pub purses: BTreeMap<SessionId, i64>,
    /// How far players see.
    pub view: u16,
    /// How long those were on their way who come on foot.
    pub away_ms: u64,
    next_item: u128,
    inputs: Vec<Input>,
    fx: Effects,
    names: BTreeMap<String, SessionId>,
}

impl Stage {
    pub fn new(seed: u64) -> Self {
        Self::with(content(), seed)
    }

    pub fn with(content: Content, seed: u64) -> Self {
        Self::of(content, ZoneId(1), seed)
    }

    /// Another zone of the same world.
    pub fn of(content: Content, id: ZoneId, seed: u64) -> Self {
        let zones = Arc::new(ZoneTable::new(content.zones.clone()));
        let (content, populate) = (Arc::new(content), Populate::Everything);
        let setup = ZoneSetup { id, zones, content, epoch: Epoch(1), seed, populate, inherits: Vec::new() };
        let now = Tick(1000);
        Self {
            zone: Zone::new(setup, now).expect("the zone is in the table"),
            now,
            watchers: BTreeMap::new(),
            crossings: Vec::new(),
            passing: Vec::new(),
            left: Vec::new(),
            jobs: Vec::new(),
            sights: Vec::new(),
            transcript: Vec::new(),
            purses: BTreeMap::new(),
            view: world::overload::VIEW_MAX,
            away_ms: 200,
            next_item: 1_000,
            inputs: Vec::new(),
            fx: Effects::default(),
            names: BTreeMap::new(),
        }
    }

    /// A player of speed 4 enters at a tile.
    pub fn player(&mut self, name: &str, at: Tile) -> &mut Self {
        self.arrives(name, at, 4, false)
    }

    pub fn arrives(&mut self, name: &str, at: Tile, speed: u8, on_foot: bool) -> &mut Self {
        let number = self.names.get(name).map_or(self.names.len() as u64 + 1, |session| session.0);
        self.arrives_as(name, number, at, speed, on_foot, None)
    }

    /// The same of a player with that number, which is the same in every zone, on the rest of a walk.
    pub fn arrives_as(
        &mut self,
        name: &str,
        number: u64,
        at: Tile,
        speed: u8,
        on_foot: bool,
        walk: Option<Walk>,
    ) -> &mut Self {
        let session = SessionId(number);
        self.names.insert(name.to_owned(), session);
        let score = Score { run_speed: speed, hp: 80, hp_max: 80, ..Score::default() };
        let derived = Derived { score, ..Derived::default() };
        self.enters(session, character(name, number, at), derived, on_foot, walk)
    }

    fn enters(
        &mut self,
        session: SessionId,
        character: Character,
        derived: Derived,
        on_foot: bool,
        walk: Option<Walk>,
    ) -> &mut Self {
        let entity = EntityId::of_character(character.id);
        // every load takes a higher one; zones side by side live in the same time
        let epoch = Epoch(self.now.0);
        let arrival = Arrival::Glow;
        // who is handed over within a millisecond has missed what neighbours tell a tick later all the same
        let (away_ms, put_out) = (on_foot.then_some(self.away_ms), false);
        let entering =
            Entering { session, epoch, character, derived, arrival, on_foot, away_ms, walk, put_out };
        self.inputs.push(Input::Enter(Box::new(entering)));
        let watcher = Watcher {
            session,
            entity,
            view: BTreeMap::new(),
            marks: BTreeMap::new(),
            ground: BTreeSet::new(),
            events: Vec::new(),
            inspected: Vec::new(),
            asked: None,
        };
        self.watchers.insert(session, watcher);
        self.tick()
    }

    pub fn session(&self, name: &str) -> SessionId {
        self.names[name]
    }

    pub fn entity(&self, name: &str) -> EntityId {
        self.watchers[&self.names[name]].entity
    }

    pub fn at(&self, name: &str) -> Tile {
        self.zone.tile_of(self.entity(name)).expect("the player is in the zone")
    }

    /// Queues a command for the next tick.
    pub fn asks(&mut self, name: &str, command: Command) -> &mut Self {
        let session = self.session(name);
        if let Command::Inspect { entity } = &command {
            self.watchers.get_mut(&session).unwrap().inspected.push(*entity);
        }
        if let (Command::Walk { from, route, to, speed }, Some(watcher)) =
            (&command, self.watchers.get_mut(&session))
        {
            watcher.asked = Some(Walk { from: *from, route: route.clone(), to: *to, speed: *speed });
        }
        self.inputs.push(Input::Command { session, command });
        self
    }

    pub fn input(&mut self, input: Input) -> &mut Self {
        self.inputs.push(input);
        self
    }

    /// Asks for a walk by keypad digits from where the server has the player.
    pub fn walks(&mut self, name: &str, digits: &str) -> &mut Self {
        let from = self.at(name);
        self.walks_from(name, from, digits)
    }

    pub fn walks_from(&mut self, name: &str, from: Tile, digits: &str) -> &mut Self {
        let route = Route::from_ascii(digits.as_bytes()).expect("keypad digits");
        let to = route.tiles(from).last().unwrap_or(from);
        self.asks(name, Command::Walk { from, route, to, speed: 4 }).tick()
    }

    /// Walks straight to a tile and is given the time for it.
    pub fn walks_to(&mut self, name: &str, to: Tile) -> &mut Self {
        for _ in 0..100 {
            if self.at(name) == to {
                return self;
            }
            let mut at = self.at(name);
            let mut digits = String::new();
            while at != to && digits.len() < 12 {
                let step = |a: u16, b: u16| {
                    if a < b {
                        a + 1
                    } else if a > b {
                        a - 1
                    } else {
                        a
                    }
                };
                let next = tile(step(at.x, to.x), step(at.y, to.y));
                digits.push(char::from(Step::between(at, next).unwrap().ascii()));
                at = next;
            }
            self.walks(name, &digits);
            for _ in 0..digits.len() * 21 + 2 {
                if self.at(name) == at {
                    break;
                }
                self.tick();
            }
        }
        panic!("{name} never came to {to}, it stands on {}", self.at(name));
    }

    pub fn leaves(&mut self, name: &str) -> &mut Self {
        let session = self.session(name);
        self.inputs.push(Input::Leave { session, departure: Departure::LoggedOut });
        self.tick();
        self.watchers.remove(&session);
        self
    }

    pub fn passes(&mut self, ticks: u64) -> &mut Self {
        for _ in 0..ticks {
            self.tick();
        }
        self
    }

    /// Lets time pass without stepping a zone that wants no step.
    pub fn skips(&mut self, ticks: u64) -> &mut Self {
        self.now = self.now.plus(ticks);
        self
    }

    /// One tick, and every check.
    pub fn tick(&mut self) -> &mut Self {
        self.step_unchecked();
        self.check_sight();
        self.check_tiles();
        self
    }

    /// One tick in which not all that changed is told yet.
    pub fn step_unchecked(&mut self) -> &mut Self {
        self.now = self.now.plus(1);
        self.zone.step(self.now, &mut self.inputs, &mut self.fx);
        let mut fx = std::mem::take(&mut self.fx);
        for addressed in fx.events.drain(..) {
            assert!(!addressed.to.is_empty(), "an event for nobody");
            self.transcript.push(format!("{} {:?}", self.now, addressed));
            for session in addressed.to {
                if let Some(watcher) = self.watchers.get_mut(&session) {
                    watcher.perceive(&addressed.event);
                }
            }
        }
        self.crossings.append(&mut fx.crossings);
        self.passing.append(&mut fx.passing);
        self.left.append(&mut fx.left);
        self.jobs.append(&mut fx.jobs);
        self.sights.append(&mut fx.sights);
        self.fx = fx;
        self
    }

    /// The zone is relieved like that, and everybody sees so far after the next tick.
    pub fn relieves(&mut self, relief: world::Relief) -> &mut Self {
        self.view = relief.view;
        self.input(Input::Relieve(relief)).tick()
    }

    /// Answers the oldest job.
    pub fn job_done(&mut self, outcome: JobOutcome) -> &mut Self {
        assert!(!self.jobs.is_empty(), "a job was asked for");
        let job = self.jobs.remove(0);
        self.inputs.push(Input::JobDone { job: job.id, outcome });
        self.tick()
    }

    /// The store does the oldest job: items get ids, and it knows how much gold is left.
    pub fn store_does(&mut self) -> &mut Self {
        let job = self.jobs.first().expect("a job was asked for");
        let Work::Transfer(plan) = &job.work else { panic!("this is no work of the store: {job:?}") };
        let born: Vec<ItemId> = (0..plan.births()).map(|n| ItemId(self.next_item + n as u128)).collect();
        self.next_item += born.len() as u128;
        let gold = job.who.map(|who| {
            let delta: i64 = plan
                .changes
                .iter()
                .map(|change| match change {
                    Change::Mint { amount, .. } => *amount,
                    Change::Burn { amount, .. } => -amount,
                    _ => 0,
                })
                .sum();
            let purse = self.purses.entry(who.session).or_insert(PURSE);
            *purse += delta;
            assert!(*purse >= 0, "the zone let somebody pay what it does not have");
            *purse
        });
        self.job_done(JobOutcome::Transferred { born, gold })
    }

    /// The store refuses the oldest job.
    pub fn store_refuses(&mut self, refusal: TransferRefusal) -> &mut Self {
        self.job_done(JobOutcome::Refused { refusal, fresh: None })
    }

    /// The oldest job as a plan.
    pub fn plan(&self) -> &Plan {
        match &self.jobs.first().expect("a job was asked for").work {
            Work::Transfer(plan) => plan,
            other => panic!("no plan: {other:?}"),
        }
    }

    /// Enters with these things in these slots; its own item numbers are the slots plus 100 (equipment plus 200).
    pub fn enters_with(&mut self, name: &str, at: Tile, change: impl Fn(&mut Character)) -> &mut Self {
        let number = self.names.get(name).map_or(self.names.len() as u64 + 1, |session| session.0);
        let session = SessionId(number);
        self.names.insert(name.to_owned(), session);
        let mut character = character(name, number, at);
        change(&mut character);
        self.purses.insert(session, character.hard.gold);
        let derived = rules::derive(&character, &self.zone.content().items);
        self.enters(session, character, derived, false, None)
    }

    /// What everybody believes to see is what is there.
    fn check_sight(&self) {
        let positions: Vec<(EntityId, Tile)> = self.zone.seen().collect();
        for watcher in self.watchers.values() {
            let Some(own) = self.zone.tile_of(watcher.entity) else { continue };
            let truth: Vec<EntityId> = {
                let near = positions
                    .iter()
                    .filter(|(id, at)| *id != watcher.entity && own.distance(*at) <= self.view);
                let mut ids: Vec<EntityId> = near.map(|(id, _)| *id).collect();
                ids.sort();
                ids
            };
            let believed: Vec<EntityId> = watcher.view.keys().copied().collect();
            assert_eq!(
                believed, truth,
                "{:?} at {own} believes to see others than are there",
                watcher.session
            );
            let near = self.zone.lying().filter(|lying| own.sees(lying.tile)).map(|lying| lying.id);
            assert_eq!(watcher.ground, near.collect(), "{:?} at {own}: what lies there", watcher.session);
        }
    }

    /// One entity on a tile at rest, nobody in a wall.
    fn check_tiles(&self) {
        let mut taken: BTreeMap<Tile, EntityId> = BTreeMap::new();
        for (id, at, rests) in self.zone.positions() {
            assert!(!self.zone_terrain().is_blocked(at), "{id:?} stands in a wall at {at}");
            if rests && let Some(other) = taken.insert(at, id) {
                panic!("{id:?} and {other:?} rest both on {at}");
            }
        }
    }

    fn zone_terrain(&self) -> Terrain {
        self.zone.content().terrain.clone()
    }

    // what players can tell

    pub fn sees(&mut self, name: &str, other: &str) -> &mut Self {
        let entity = self.entity(other);
        let watcher = &self.watchers[&self.session(name)];
        assert!(watcher.view.contains_key(&entity), "{name} does not see {other}");
        self
    }

    pub fn sees_not(&mut self, name: &str, other: &str) -> &mut Self {
        let entity = self.entity(other);
        let watcher = &self.watchers[&self.session(name)];
        assert!(!watcher.view.contains_key(&entity), "{name} sees {other}");
        self
    }

    pub fn stands(&mut self, name: &str, at: Tile) -> &mut Self {
        assert_eq!(self.at(name), at, "where {name} stands");
        self
    }

    /// Events of a player since the last look.
    pub fn heard(&mut self, name: &str) -> Vec<Event> {
        let session = self.session(name);
        std::mem::take(&mut self.watchers.get_mut(&session).unwrap().events)
    }

    pub fn is_told(&mut self, name: &str, wanted: &Event) -> &mut Self {
        let events = self.heard(name);
        assert!(events.contains(wanted), "{name} was not told {wanted:?} but {events:?}");
        self
    }

    pub fn is_put(&mut self, name: &str, who: EntityId, on: Tile) -> &mut Self {
        let events = self.heard(name);
        let put = |event: &Event| matches!(event, Event::Placed { entity, tile, .. } if (*entity, *tile) == (who, on));
        assert!(events.iter().any(put), "{name} was not told that {who:?} was put on {on}, but {events:?}");
        self
    }

    pub fn is_stopped(&mut self, name: &str, who: EntityId, on: Tile) -> &mut Self {
        let events = self.heard(name);
        let stopped = |event: &Event| matches!(event, Event::Stopped { entity, tile, .. } if (*entity, *tile) == (who, on));
        assert!(
            events.iter().any(stopped),
            "{name} was not told that {who:?} stopped on {on}, but {events:?}"
        );
        self
    }

    pub fn is_refused(&mut self, name: &str, key: NoticeKey) -> &mut Self {
        let events = self.heard(name);
        let refused =
            |event: &Event| matches!(event, Event::Notice(Notice::Catalogue { key: k, .. }) if *k == key);
        assert!(events.iter().any(refused), "{name} was not refused with {key:?}: {events:?}");
        self
    }

    pub fn creatures(&self) -> Vec<(EntityId, Tile)> {
        self.zone.positions().filter(|(id, ..)| !id.is_player()).map(|(id, at, _)| (id, at)).collect()
    }
}

pub fn character(name: &str, number: u64, at: Tile) -> Character {
    Character {
        id: CharacterId(number),
        account: AccountId(number),
        slot: 0,
        name: CharacterName::new(&format!("{name}0000")).expect("a good name"),
        class: Class::TransKnight,
        hard: model::character::HardState {
            level: 0,
            experience: 0,
            gold: PURSE,
            attributes: Default::default(),
            mastery: [0; 4],
            unspent: Default::default(),
            learned: [0; 2],
            clan: 0,
            guild: 0,
            guild_rank: 0,
            chaos: 75,
        },
        soft: SoftState::fresh(at, 1, 80, 40),
        equip: Character::no_equip(),
        carry: Character::no_carry(),
    }
}
