//! What stands in a zone.

use crate::creature::Creature;
use crate::economy::Dealings;
use crate::effects::Snapshot;
use crate::ghost::Ghost;
use crate::unwritten::Unwritten;
use crate::walk::{Standing, Walking};
use model::{Character, Command, EntityId, MoveMark, SessionId, Tile, ZoneId};
use rules::Derived;
use std::collections::VecDeque;

/// Commands that wait while a player does.
pub(crate) const WAITING_MAX: usize = 32;
/// Tiles of its way that a player is remembered to have come over.
const TRAIL_MAX: usize = 12;

/// A player or a creature.
#[derive(Debug)]
pub(crate) struct Entity {
    pub(crate) id: EntityId,
    pub(crate) tile: Tile,
    /// When it came onto its tile by the pace of its walk, in milliseconds of its own clock.
    pub(crate) since_ms: u64,
    pub(crate) walk: Option<Walking>,
    /// The movement that was told of it last; of a ghost, by its zone.
    pub(crate) mark: MoveMark,
    /// Tells its pending timer from those that it gave up; 0 when it has none.
    pub(crate) stamp: u64,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Player(Box<Player>),
    Creature(Box<Creature>),
    /// Of another zone, near the border.
    Ghost(Box<Ghost>),
}

/// What only players have.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) session: SessionId,
    pub(crate) character: Character,
    pub(crate) derived: Derived,
    /// Milliseconds by which it may be ahead of the fair time of its walk, as of a time.
    pub(crate) budget_ms: u64,
    pub(crate) budget_at_ms: u64,
    /// Where it came from, newest last: tile and the fair time at which it came there.
    pub(crate) trail: VecDeque<(Tile, u64)>,
    /// Steps since it left the tiles of the zone.
    pub(crate) outside: u8,
    /// The last tile of the zone on which it stood.
    pub(crate) inside: Tile,
    /// Waits to be handed over: does nothing any more.
    pub(crate) frozen: bool,
    /// What it asked for meanwhile; at most [`WAITING_MAX`].
    pub(crate) waiting: Vec<Command>,
    /// Commands of its session that were obeyed here, see [`Snapshot::obeyed`].
    pub(crate) obeyed: u32,
    /// The zone to which it is handed over on foot.
    pub(crate) walks_to: Option<ZoneId>,
    /// What it is about with items and gold.
    pub(crate) dealings: Dealings,
    /// Where it has paid to go and is handed over to: nothing takes it back from there.
    pub(crate) bound_for: Option<Tile>,
    /// Ways that it paid for and went.
    pub(crate) jobs_done: u32,
    /// Number of the last soft state that was taken, see [`Snapshot::number`].
    pub(crate) softs_taken: u64,
    /// Came on foot over a border at this time, and nothing was heard of it since.
    pub(crate) on_foot_since_ms: Option<u64>,
    /// How far it sees, in tiles.
    pub(crate) view: u16,
    /// Who does not have its soft state as it is.
    pub(crate) unwritten: Unwritten,
}

impl Entity {
    pub(crate) fn player(&self) -> Option<&Player> {
        match &self.kind {
            Kind::Player(player) => Some(player),
            Kind::Creature(_) | Kind::Ghost(_) => None,
        }
    }

    pub(crate) fn player_mut(&mut self) -> Option<&mut Player> {
        match &mut self.kind {
            Kind::Player(player) => Some(player),
            Kind::Creature(_) | Kind::Ghost(_) => None,
        }
    }

    pub(crate) fn creature(&self) -> Option<&Creature> {
        match &self.kind {
            Kind::Creature(creature) => Some(creature),
            Kind::Player(_) | Kind::Ghost(_) => None,
        }
    }

    /// Its kind among the creatures of the content, when it is one, also of another zone.
    pub(crate) fn creature_kind(&self) -> Option<usize> {
        match &self.kind {
            Kind::Creature(creature) => Some(creature.kind),
            Kind::Ghost(ghost) => ghost.creature(),
            Kind::Player(_) => None,
        }
    }

    /// True for a player in its personal shop, also of another zone.
    pub(crate) fn has_stall(&self) -> bool {
        match &self.kind {
            Kind::Player(player) => player.dealings.stall_title().is_some(),
            Kind::Ghost(ghost) => ghost.has_stall(),
            Kind::Creature(_) => false,
        }
    }

    pub(crate) fn creature_mut(&mut self) -> Option<&mut Creature> {
        match &mut self.kind {
            Kind::Creature(creature) => Some(creature),
            Kind::Player(_) | Kind::Ghost(_) => None,
        }
    }

    pub(crate) fn ghost(&self) -> Option<&Ghost> {
        match &self.kind {
            Kind::Ghost(ghost) => Some(ghost),
            Kind::Player(_) | Kind::Creature(_) => None,
        }
    }

    pub(crate) fn ghost_mut(&mut self) -> Option<&mut Ghost> {
        match &mut self.kind {
            Kind::Ghost(ghost) => Some(ghost),
            Kind::Player(_) | Kind::Creature(_) => None,
        }
    }

    pub(crate) fn is_ghost(&self) -> bool {
        matches!(self.kind, Kind::Ghost(_))
    }

    pub(crate) fn is_player(&self) -> bool {
        matches!(self.kind, Kind::Player(_))
    }

    /// Counts a movement that is told of it.
    pub(crate) fn moves(&mut self) -> MoveMark {
        self.mark = self.mark.next();
        self.mark
    }

    /// Notes that it came onto a tile at the fair time `at_ms`. The grid is the caller's business.
    pub(crate) fn stands_on(&mut self, tile: Tile, at_ms: u64) {
        let old = (self.tile, self.since_ms);
        self.tile = tile;
        self.since_ms = at_ms;
        if let Kind::Player(player) = &mut self.kind {
            player.unwritten.touch();
            player.came_from(old, tile);
        }
    }
}

impl Player {
    /// Remembers the way. Who goes back forgets what lay ahead: nobody jumps to and fro between old tiles.
    fn came_from(&mut self, old: (Tile, u64), to: Tile) {
        if let Some(index) = self.trail.iter().position(|(tile, _)| *tile == to) {
            self.trail.truncate(index);
            return;
        }
        if self.trail.len() == TRAIL_MAX {
            self.trail.pop_front();
        }
        self.trail.push_back(old);
    }

    /// What the judge of walks looks at.
    pub(crate) fn standing<'a>(
        &'a self,
        tile: Tile,
        since_ms: u64,
        walk: Option<&'a Walking>,
    ) -> Standing<'a> {
        Standing {
            tile,
            since_ms,
            walk,
            trail: &self.trail,
            budget_ms: self.budget_ms,
            budget_at_ms: self.budget_at_ms,
            speed: self.run_speed(),
        }
    }

    /// Own running speed, 1..=6.
    pub(crate) fn run_speed(&self) -> u8 {
        self.derived.score.run_speed.clamp(1, 6)
    }

    /// Takes the soft state, with the tile that it stands on.
    pub(crate) fn snapshot(&mut self, tile: Tile) -> Snapshot {
        self.softs_taken += 1;
        let mut soft = self.character.soft.clone();
        soft.tile = tile;
        Snapshot {
            session: self.session,
            account: self.character.account,
            character: self.character.id,
            number: self.softs_taken,
            soft,
            jobs_done: self.jobs_done,
            obeyed: self.obeyed,
        }
    }
}
