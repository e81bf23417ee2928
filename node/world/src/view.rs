//! Who sees whom.
//!
//! Sight is symmetric and follows from tiles alone: two entities see each other when they are at most 16
//! tiles apart on both axes. Every change of a tile goes through [`Zone::relocate`], [`Zone::show`] or
//! [`Zone::hide`], which tell exactly those whose sight changed; nothing else tells of comings and goings.

use crate::effects::Effects;
use crate::look;
use crate::zone::Zone;
use model::event::{Arrival, Departure};
use model::{Event, SessionId, Tile};

/// How an entity changes its tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// By a step, or within the tolerance of walks: those who see it before and after are not told.
    Step,
    /// At once, by rule: it is placed for everybody who still sees it and for itself.
    Placed,
    /// At once, by magic: the same, and it comes and goes with a glow.
    Teleport,
}

impl Manner {
    fn arrival(self) -> Arrival {
        if self == Self::Teleport { Arrival::Glow } else { Arrival::Plain }
    }

    fn departure(self) -> Departure {
        if self == Self::Teleport { Departure::Vanished } else { Departure::OutOfView }
    }
}

impl Zone {
    /// Moves an entity to a tile at the fair time `at_ms` and tells everybody whose sight changes.
    pub(crate) fn relocate(&mut self, slot: usize, to: Tile, at_ms: u64, manner: Manner, fx: &mut Effects) {
        let entity = &self.entities[slot];
        let (id, from, player) = (entity.id, entity.tile, entity.is_player());
        self.part(slot, from, Some(to), manner.departure(), fx);
        self.grid.shift(slot, from, to, player);
        self.entities[slot].stands_on(to, at_ms);
        if manner != Manner::Step {
            if let Some(player) = self.entities[slot].player_mut() {
                player.trail.clear();
            }
            let mut audience = fx.audience();
            self.collect(&mut audience, to, |seen| seen.slot == slot || from.sees(seen.tile));
            fx.tell_all(audience, Event::Placed { entity: id, tile: to });
        }
        self.meet(slot, Some(from), manner.arrival(), fx);
        self.look_at_ground(slot, Some(from), to, fx);
    }

    /// Tells of an entity that was put into the grid just now.
    pub(crate) fn show(&mut self, slot: usize, arrival: Arrival, fx: &mut Effects) {
        self.meet(slot, None, arrival, fx);
        self.look_at_ground(slot, None, self.entities[slot].tile, fx);
    }

    /// Tells of an entity that is about to be taken out.
    pub(crate) fn hide(&mut self, slot: usize, departure: Departure, fx: &mut Effects) {
        self.part(slot, self.entities[slot].tile, None, departure, fx);
    }

    /// Tells everybody who sees an entity, but not itself.
    pub(crate) fn tell_viewers(&self, slot: usize, event: Event, fx: &mut Effects) {
        let mut audience = fx.audience();
        self.collect(&mut audience, self.entities[slot].tile, |seen| seen.slot != slot);
        fx.tell_all(audience, event);
    }

    /// Tells everybody who sees a tile.
    pub(crate) fn tell_around(&self, tile: Tile, event: Event, fx: &mut Effects) {
        let mut audience = fx.audience();
        self.collect(&mut audience, tile, |_| true);
        fx.tell_all(audience, event);
    }

    /// Sessions of the players in sight of a tile.
    fn collect(&self, into: &mut Vec<SessionId>, center: Tile, wanted: impl Fn(&crate::grid::Entry) -> bool) {
        let players = self.grid.players_near(center).filter(wanted);
        into.extend(players.filter_map(|entry| self.entities[entry.slot].player().map(|p| p.session)));
    }

    /// An entity on `from` goes to `to` or away: those who lose sight of each other are told.
    fn part(&self, slot: usize, from: Tile, to: Option<Tile>, departure: Departure, fx: &mut Effects) {
        let lost = |tile: Tile| to.is_none_or(|to| !to.sees(tile));
        let entity = &self.entities[slot];
        let mut audience = fx.audience();
        self.collect(&mut audience, from, |seen| seen.slot != slot && lost(seen.tile));
        fx.tell_all(audience, Event::Disappeared { entity: entity.id, departure });
        let (Some(player), Some(_)) = (entity.player(), to) else { return };
        let others = self.grid.players_near(from).chain(self.grid.creatures_near(from));
        for other in others.filter(|other| other.slot != slot && lost(other.tile)) {
            let gone = self.entities[other.slot].id;
            fx.tell(player.session, Event::Disappeared { entity: gone, departure: Departure::OutOfView });
        }
    }

    /// An entity came from `from` or from nowhere: those who get sight of each other are told.
    fn meet(&self, slot: usize, from: Option<Tile>, arrival: Arrival, fx: &mut Effects) {
        let entity = &self.entities[slot];
        let new = |tile: Tile| from.is_none_or(|from| !from.sees(tile));
        let mut audience = fx.audience();
        self.collect(&mut audience, entity.tile, |seen| seen.slot != slot && new(seen.tile));
        if audience.is_empty() {
            fx.recycle(audience);
        } else {
            let look = Box::new(look::appearance(entity, &self.content));
            fx.tell_all(audience, Event::Appeared { look, arrival });
        }
        let Some(player) = entity.player() else { return };
        let others = self.grid.players_near(entity.tile).chain(self.grid.creatures_near(entity.tile));
        for other in others.filter(|other| other.slot != slot && new(other.tile)) {
            let look = Box::new(look::appearance(&self.entities[other.slot], &self.content));
            fx.tell(player.session, Event::Appeared { look, arrival: Arrival::Plain });
        }
    }
}
