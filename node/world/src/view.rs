//! Who sees whom.
//!
//! Sight is symmetric and follows from tiles alone: two entities see each other when they are at most 16
//! tiles apart on both axes; while the zone is relieved players see less far ([`crate::relief`]). Every change of a tile goes through [`Zone::relocate`], [`Zone::show`] or
//! [`Zone::hide`], which tell exactly those whose sight changed; nothing else tells of comings and goings.

use crate::effects::Effects;
use crate::entity::Entity;
use crate::ghost::{SeenAs, What};
use crate::look;
use crate::zone::Zone;
use model::event::{Arrival, Departure};
use model::sight::Manner;
use model::{Event, SessionId, Tile};

impl Zone {
    /// Moves an entity to a tile at the fair time `at_ms` and tells everybody whose sight changes.
    pub(crate) fn relocate(&mut self, slot: usize, to: Tile, at_ms: u64, manner: Manner, fx: &mut Effects) {
        let entity = &self.entities[slot];
        let (id, from, player) = (entity.id, entity.tile, entity.is_player());
        self.part(slot, from, Some(to), departure(manner), fx);
        self.grid.shift(slot, from, to, player);
        self.entities[slot].stands_on(to, at_ms);
        if manner != Manner::Step && !self.entities[slot].is_ghost() {
            self.entities[slot].moves();
        }
        self.note(slot, || What::Moved(manner), fx);
        if manner != Manner::Step {
            if let Some(player) = self.entities[slot].player_mut() {
                player.trail.clear();
            }
            let mut audience = fx.audience();
            self.collect(&mut audience, to, |seen| seen.slot == slot || self.views(seen, from));
            let mark = self.entities[slot].mark;
            fx.tell_all(audience, Event::Placed { entity: id, tile: to, mark });
        }
        self.meet(slot, Some(from), arrival(manner), fx);
        self.look_at_ground(slot, Some(from), to, fx);
    }

    /// Tells of an entity that was put into the grid just now.
    pub(crate) fn show(&mut self, slot: usize, arrival: Arrival, fx: &mut Effects) {
        self.note(slot, || What::Appeared(arrival), fx);
        self.meet(slot, None, arrival, fx);
        self.look_at_ground(slot, None, self.entities[slot].tile, fx);
    }

    /// The same of one that was seen as a ghost: those who saw it there see it still.
    pub(crate) fn show_for_real(&mut self, slot: usize, seen: SeenAs, arrival: Arrival, fx: &mut Effects) {
        let SeenAs { tile: seen_on, walk: seen_walk } = seen;
        let Entity { id: entity, tile, mark, .. } = self.entities[slot];
        let walk = self.entities[slot].walk.as_ref().map(|walk| walk.rest(tile));
        self.note(slot, || What::Appeared(arrival), fx);
        self.is_lost(slot, seen_on, Some(tile), Departure::OutOfView, fx);
        // its zone may not have said in time what it did before it was handed over
        let told = match (walk, seen_walk) {
            (Some(walk), Some(seen)) if walk.is_rest_of(&seen) => None,
            (Some(walk), _) => Some(Event::Walked { entity, walk, mark }),
            (None, seen) if seen.as_ref().map_or(seen_on, |walk| walk.to) == tile => None,
            (None, Some(_)) if seen_on == tile => Some(Event::Stopped { entity, tile, mark }),
            (None, _) => Some(Event::Placed { entity, tile, mark }),
        };
        if let Some(told) = told {
            let mut audience = fx.audience();
            self.collect(&mut audience, tile, |seen| seen.slot != slot && self.views(seen, seen_on));
            fx.tell_all(audience, told);
        }
        self.is_met(slot, Some(seen_on), arrival, fx);
        self.meets(slot, None, fx);
        self.look_at_ground(slot, None, tile, fx);
    }

    /// Tells of an entity that is about to be taken out.
    pub(crate) fn hide(&mut self, slot: usize, departure: Departure, fx: &mut Effects) {
        self.note(slot, || What::Gone(departure), fx);
        self.part(slot, self.entities[slot].tile, None, departure, fx);
    }

    /// Tells everybody who sees an entity, but not itself; while the zone is relieved, who is far later.
    pub(crate) fn tell_viewers(&mut self, slot: usize, event: Event, fx: &mut Effects) {
        self.note(slot, || What::Told(event.clone()), fx);
        let at = self.entities[slot].tile;
        let (mut audience, mut held_back) = (fx.audience(), Vec::new());
        self.collect(&mut audience, at, |seen| {
            let now = self.is_told_now(&event, at, seen);
            if !now && seen.slot != slot {
                held_back.extend(self.entities[seen.slot].player().map(|player| player.session));
            }
            now && seen.slot != slot
        });
        if self.is_held_back(&event) {
            self.hold_back(slot, &event, &audience, held_back, fx);
        }
        fx.tell_all(audience, event);
    }

    /// Tells everybody who sees an entity of what is perceived only in this moment.
    pub(crate) fn tell_moment(&mut self, slot: usize, event: Event, fx: &mut Effects) {
        self.remember(self.entities[slot].tile, &event);
        self.tell_viewers(slot, event, fx);
    }

    /// Tells everybody who sees a tile.
    pub(crate) fn tell_around(&self, tile: Tile, event: Event, fx: &mut Effects) {
        let mut audience = fx.audience();
        self.collect(&mut audience, tile, |_| true);
        fx.tell_all(audience, event);
    }

    /// Sessions of the players in sight of a tile.
    pub(crate) fn collect(
        &self,
        into: &mut Vec<SessionId>,
        center: Tile,
        mut wanted: impl FnMut(&crate::grid::Entry) -> bool,
    ) {
        let seeing = self.grid.players_near(center).filter(|seen| self.views(seen, center));
        let players = seeing.filter(|seen| wanted(seen));
        into.extend(players.filter_map(|entry| self.entities[entry.slot].player().map(|p| p.session)));
    }

    /// An entity on `from` goes to `to` or away: those who lose sight of each other are told.
    fn part(&self, slot: usize, from: Tile, to: Option<Tile>, departure: Departure, fx: &mut Effects) {
        self.is_lost(slot, from, to, departure, fx);
        self.loses(slot, from, to, fx);
    }

    fn is_lost(&self, slot: usize, from: Tile, to: Option<Tile>, departure: Departure, fx: &mut Effects) {
        let lost = |seen: &crate::grid::Entry| to.is_none_or(|to| !self.views(seen, to));
        let mut audience = fx.audience();
        self.collect(&mut audience, from, |seen| seen.slot != slot && lost(seen));
        fx.tell_all(audience, Event::Disappeared { entity: self.entities[slot].id, departure });
    }

    fn loses(&self, slot: usize, from: Tile, to: Option<Tile>, fx: &mut Effects) {
        let (Some(player), Some(to)) = (self.entities[slot].player(), to) else { return };
        let lost = |tile: Tile| from.distance(tile) <= player.view && to.distance(tile) > player.view;
        let others = self.grid.players_near(from).chain(self.grid.creatures_near(from));
        for other in others.filter(|other| other.slot != slot && lost(other.tile)) {
            let gone = self.entities[other.slot].id;
            fx.tell(player.session, Event::Disappeared { entity: gone, departure: Departure::OutOfView });
        }
    }

    /// An entity came from `from` or from nowhere: those who get sight of each other are told.
    fn meet(&self, slot: usize, from: Option<Tile>, arrival: Arrival, fx: &mut Effects) {
        self.is_met(slot, from, arrival, fx);
        self.meets(slot, from, fx);
    }

    fn is_met(&self, slot: usize, from: Option<Tile>, arrival: Arrival, fx: &mut Effects) {
        let entity = &self.entities[slot];
        let new = |seen: &crate::grid::Entry| from.is_none_or(|from| !self.views(seen, from));
        let mut audience = fx.audience();
        self.collect(&mut audience, entity.tile, |seen| seen.slot != slot && new(seen));
        if audience.is_empty() {
            fx.recycle(audience);
        } else {
            let look = Box::new(look::appearance(entity, &self.content, self.relief().pace_percent));
            fx.tell_all(audience, Event::Appeared { look, arrival });
        }
    }

    fn meets(&self, slot: usize, from: Option<Tile>, fx: &mut Effects) {
        let entity = &self.entities[slot];
        let Some(player) = entity.player() else { return };
        let new = |tile: Tile| {
            entity.tile.distance(tile) <= player.view
                && from.is_none_or(|from| from.distance(tile) > player.view)
        };
        let others = self.grid.players_near(entity.tile).chain(self.grid.creatures_near(entity.tile));
        for other in others.filter(|other| other.slot != slot && new(other.tile)) {
            let look = Box::new(look::appearance(
                &self.entities[other.slot],
                &self.content,
                self.relief().pace_percent,
            ));
            fx.tell(player.session, Event::Appeared { look, arrival: Arrival::Plain });
        }
    }
}

pub(crate) fn arrival(manner: Manner) -> Arrival {
    if manner == Manner::Teleport { Arrival::Glow } else { Arrival::Plain }
}

fn departure(manner: Manner) -> Departure {
    if manner == Manner::Teleport { Departure::Vanished } else { Departure::OutOfView }
}
