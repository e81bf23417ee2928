//! What one client is shown: the nearest entities, as many as it can take. Pure.

use crate::settings::ViewLimits;
use crate::view_ids::ViewIds;
use model::{EntityId, Tile};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Entities that are remembered as hidden; the farther ones are asked for when the player comes near.
const HIDDEN_MAX: usize = 4_096;

/// What to do about an entity that came into view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Showing {
    /// Show it under this id.
    Show {
        /// Its id.
        id: u16,
        /// Another, farther one is taken out of the picture for it.
        instead_of: Option<u16>,
    },
    /// The client has enough to show; this one waits.
    Hide,
}

/// One client's picture of the world.
#[derive(Debug, Serialize, Deserialize)]
pub struct View {
    ids: ViewIds,
    tiles: HashMap<EntityId, Tile>,
    hidden: HashMap<EntityId, Tile>,
    /// Of those that the client is shown, the ones that its new zone has not told of yet.
    doubted: HashSet<EntityId>,
    /// Whose ids stay when they go out of view: the client names them elsewhere, too.
    kept: HashSet<EntityId>,
    /// Of those that the client is shown, the ones that it asked for itself: it does not know them.
    asked: HashSet<EntityId>,
}

impl View {
    /// An empty picture for a client that calls itself `own`.
    pub fn new(own: u16) -> Self {
        Self {
            ids: ViewIds::new(own),
            tiles: HashMap::new(),
            hidden: HashMap::new(),
            doubted: HashSet::new(),
            kept: HashSet::new(),
            asked: HashSet::new(),
        }
    }

    /// The id of an entity that the client is shown.
    pub fn id_of(&self, entity: EntityId) -> Option<u16> {
        self.ids.id_of(entity)
    }

    /// The entity behind an id that the client names.
    pub fn entity_of(&self, id: u16) -> Option<EntityId> {
        self.ids.entity_of(id)
    }

    /// The client asks who that is: the next description of it is for one that does not know it.
    pub fn asked(&mut self, entity: EntityId) {
        if self.tiles.contains_key(&entity) {
            self.asked.insert(entity);
        }
    }

    /// An entity is in view of a player who stands on `centre`.
    pub fn appear(
        &mut self,
        entity: EntityId,
        tile: Tile,
        preferred: Option<u16>,
        centre: Tile,
        limits: &ViewLimits,
    ) -> Showing {
        if let Some(id) = self.ids.id_of(entity) {
            self.shown(entity, tile);
            return Showing::Show { id, instead_of: None };
        }
        let (players, creatures) = self.ids.lent();
        let full = if entity.is_player() { players >= limits.players } else { creatures >= limits.creatures };
        let lent = if full { None } else { self.ids.lend(entity, preferred) };
        if let Some(id) = lent {
            self.shown(entity, tile);
            return Showing::Show { id, instead_of: None };
        }
        let Some((farthest, its_tile)) = self.farthest(entity.is_player(), centre) else {
            self.hide(entity, tile);
            return Showing::Hide;
        };
        if its_tile.distance(centre) <= tile.distance(centre) {
            self.hide(entity, tile);
            return Showing::Hide;
        }
        self.tiles.remove(&farthest);
        self.doubted.remove(&farthest);
        self.asked.remove(&farthest);
        self.hide(farthest, its_tile);
        let instead_of = self.release(farthest);
        match self.ids.lend(entity, preferred) {
            Some(id) => {
                self.shown(entity, tile);
                Showing::Show { id, instead_of }
            }
            None => Showing::Hide,
        }
    }

    /// The id of an entity that has to be named to the client whether it is shown or not; with one lent now, the
    /// client is owed a description of it. `None` when all ids are lent.
    pub fn name(&mut self, entity: EntityId, preferred: Option<u16>, centre: Tile) -> Option<(u16, bool)> {
        let is_shown = self.tiles.contains_key(&entity);
        let id = self.ids.lend(entity, preferred)?;
        if !is_shown {
            self.shown(entity, centre);
        }
        Some((id, !is_shown))
    }

    /// An id for somebody that stays whether it is in view or not, until it is let go. `None` when all are lent.
    pub fn keep(&mut self, entity: EntityId, preferred: Option<u16>) -> Option<u16> {
        let id = self.ids.lend(entity, preferred)?;
        self.kept.insert(entity);
        Some(id)
    }

    /// From here on the id goes when its entity is out of view.
    pub fn let_go(&mut self, entity: EntityId) {
        if self.kept.remove(&entity) && !self.tiles.contains_key(&entity) {
            self.ids.take_back(entity);
        }
    }

    fn release(&mut self, entity: EntityId) -> Option<u16> {
        if self.kept.contains(&entity) { self.ids.id_of(entity) } else { self.ids.take_back(entity) }
    }

    /// An entity stands elsewhere.
    pub fn moved(&mut self, entity: EntityId, tile: Tile) {
        for known in [&mut self.tiles, &mut self.hidden] {
            if let Some(at) = known.get_mut(&entity) {
                *at = tile;
            }
        }
    }

    /// An entity is out of view: its id when the client was shown it.
    pub fn disappear(&mut self, entity: EntityId) -> Option<u16> {
        self.hidden.remove(&entity);
        self.tiles.remove(&entity);
        self.doubted.remove(&entity);
        self.asked.remove(&entity);
        self.release(entity)
    }

    /// Another zone has the player: whoever it does not tell of is not there any more. What is hidden it tells of anew.
    pub fn doubt(&mut self) {
        self.hidden.clear();
        self.doubted = self.tiles.keys().copied().collect();
    }

    /// An entity that is shown is described again, by another zone or because it was inspected: its id, when the client knows it.
    pub fn confirm(&mut self, entity: EntityId, tile: Tile) -> Option<u16> {
        self.doubted.remove(&entity);
        if self.asked.remove(&entity) {
            return None;
        }
        let at = self.tiles.get_mut(&entity)?;
        *at = tile;
        self.ids.id_of(entity)
    }

    /// The new zone has told of all: those that are still in doubt are gone, with their ids.
    pub fn end_doubt(&mut self) -> Vec<(EntityId, u16)> {
        let mut gone: Vec<EntityId> = self.doubted.drain().collect();
        gone.sort_unstable();
        gone.into_iter().filter_map(|entity| Some((entity, self.disappear(entity)?))).collect()
    }

    /// The nearest entity that is hidden although there is room for it now; it is forgotten here, and shown
    /// when the world describes it again.
    pub fn next_hidden(&mut self, centre: Tile, limits: &ViewLimits) -> Option<EntityId> {
        if self.hidden.is_empty() {
            return None;
        }
        let (players, creatures) = self.ids.lent();
        let has_room = |entity: EntityId| match entity.is_player() {
            true => players < limits.players,
            false => creatures < limits.creatures,
        };
        let candidates = self.hidden.iter().filter(|(entity, _)| has_room(**entity));
        let nearest = candidates.min_by_key(|(entity, tile)| (tile.distance(centre), **entity));
        let entity = nearest.map(|(entity, _)| *entity)?;
        self.hidden.remove(&entity);
        Some(entity)
    }

    /// Empties the picture: the ids of all that the client was shown.
    pub fn clear(&mut self) -> Vec<u16> {
        self.hidden.clear();
        self.doubted.clear();
        self.asked.clear();
        let shown: Vec<EntityId> = self.tiles.drain().map(|(entity, _)| entity).collect();
        let mut ids: Vec<u16> = shown.into_iter().filter_map(|entity| self.release(entity)).collect();
        ids.sort_unstable();
        ids
    }

    /// Entities that the client is shown, and entities that wait.
    pub fn counts(&self) -> (usize, usize) {
        (self.tiles.len(), self.hidden.len())
    }

    fn shown(&mut self, entity: EntityId, tile: Tile) {
        self.hidden.remove(&entity);
        self.tiles.insert(entity, tile);
    }

    fn hide(&mut self, entity: EntityId, tile: Tile) {
        if self.hidden.len() < HIDDEN_MAX || self.hidden.contains_key(&entity) {
            self.hidden.insert(entity, tile);
        }
    }

    fn farthest(&self, players: bool, centre: Tile) -> Option<(EntityId, Tile)> {
        let of_kind = self.tiles.iter().filter(|(entity, _)| entity.is_player() == players);
        let farthest = of_kind.max_by_key(|(entity, tile)| (tile.distance(centre), **entity));
        farthest.map(|(entity, tile)| (*entity, *tile))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Epoch, ZoneId};

    const CENTRE: Tile = Tile::new(100, 100);
    const LIMITS: ViewLimits = ViewLimits { players: 2, creatures: 2 };

    fn monster(n: u32) -> EntityId {
        EntityId::of_creature(ZoneId(1), Epoch(1), n.into())
    }

    fn at(distance: u16) -> Tile {
        Tile::new(100 + distance, 100)
    }

    #[test]
    fn a_full_picture_shows_the_nearest() {
        let mut view = View::new(1);
        for (n, distance) in [(1, 5), (2, 9)] {
            assert!(matches!(
                view.appear(monster(n), at(distance), None, CENTRE, &LIMITS),
                Showing::Show { instead_of: None, .. }
            ));
        }
        let far = view.id_of(monster(2));
        assert_eq!(view.appear(monster(3), at(12), None, CENTRE, &LIMITS), Showing::Hide);
        let shown = view.appear(monster(4), at(1), None, CENTRE, &LIMITS);
        assert!(matches!(shown, Showing::Show { instead_of, .. } if instead_of == far));
        assert_eq!(view.id_of(monster(2)), None);
        assert_eq!(view.counts(), (2, 2));
    }

    #[test]
    fn when_there_is_room_again_the_nearest_hidden_one_is_next() {
        let mut view = View::new(1);
        for (n, distance) in [(1, 1), (2, 2), (3, 9), (4, 7)] {
            view.appear(monster(n), at(distance), None, CENTRE, &LIMITS);
        }
        assert_eq!(view.next_hidden(CENTRE, &LIMITS), None, "no room");
        assert!(view.disappear(monster(1)).is_some());
        assert_eq!(view.next_hidden(CENTRE, &LIMITS), Some(monster(4)));
        view.moved(monster(3), at(3));
        assert_eq!(view.next_hidden(CENTRE, &LIMITS), Some(monster(3)));
        assert_eq!(view.next_hidden(CENTRE, &LIMITS), None);
    }

    #[test]
    fn who_has_to_be_named_gets_an_id_over_the_limit_and_keeps_it_when_it_appears() {
        let mut view = View::new(1);
        for (n, distance) in [(1, 1), (2, 2), (3, 9)] {
            view.appear(monster(n), at(distance), None, CENTRE, &LIMITS);
        }
        let Some((id, true)) = view.name(monster(3), None, CENTRE) else { panic!("an id lent now") };
        assert_eq!(view.name(monster(3), None, CENTRE), Some((id, false)));
        let shown = view.appear(monster(3), at(9), None, CENTRE, &LIMITS);
        assert_eq!(shown, Showing::Show { id, instead_of: None });
        assert_eq!(view.counts(), (3, 0));
        assert_eq!(view.disappear(monster(3)), Some(id));
    }

    #[test]
    fn over_a_border_those_who_are_still_there_keep_their_ids() {
        let mut view = View::new(1);
        for (n, distance) in [(1, 1), (2, 2), (3, 9)] {
            view.appear(monster(n), at(distance), None, CENTRE, &LIMITS);
        }
        let ids = [1, 2].map(|n| view.id_of(monster(n)));
        assert_eq!(view.confirm(monster(1), at(1)), ids[0], "the client knows it");
        view.asked(monster(1));
        assert_eq!(view.confirm(monster(1), at(1)), None, "the client says that it does not");
        assert_eq!(view.confirm(monster(1), at(1)), ids[0]);
        view.doubt();
        assert_eq!(view.counts(), (2, 0), "who was hidden is told of anew");
        assert_eq!(view.confirm(monster(1), at(1)), ids[0]);
        assert_eq!(view.confirm(monster(3), at(9)), None, "it was not shown");
        assert_eq!(view.end_doubt(), [(monster(2), ids[1].expect("shown"))]);
        assert_eq!(view.end_doubt(), []);
        assert_eq!((view.id_of(monster(1)), view.id_of(monster(2))), (ids[0], None));
    }

    #[test]
    fn who_is_kept_has_its_id_out_of_view_too_until_it_is_let_go() {
        let mut view = View::new(1);
        let id = view.keep(monster(1), None);
        assert!(id.is_some());
        assert_eq!(view.counts(), (0, 0), "it is named, not shown");
        let shown = view.appear(monster(1), at(2), None, CENTRE, &LIMITS);
        assert_eq!(shown, Showing::Show { id: id.expect("lent"), instead_of: None });
        assert_eq!(view.disappear(monster(1)), id);
        assert_eq!(view.id_of(monster(1)), id);
        view.appear(monster(1), at(2), None, CENTRE, &LIMITS);
        assert_eq!(view.clear(), [id.expect("lent")]);
        assert_eq!(view.id_of(monster(1)), id);
        assert_eq!(view.name(monster(1), None, CENTRE), id.map(|id| (id, true)), "it has to be described");
        view.let_go(monster(1));
        assert_eq!(view.id_of(monster(1)), id, "it is shown");
        assert_eq!(view.disappear(monster(1)), id);
        assert_eq!(view.id_of(monster(1)), None);
        view.keep(monster(1), None);
        view.let_go(monster(1));
        assert_eq!(view.id_of(monster(1)), None);
    }

    #[test]
    fn an_entity_that_appears_twice_keeps_its_id() {
        let mut view = View::new(1);
        let first = view.appear(monster(1), at(1), None, CENTRE, &LIMITS);
        assert_eq!(view.appear(monster(1), at(2), None, CENTRE, &LIMITS), first);
        assert_eq!(view.clear().len(), 1);
        assert_eq!(view.counts(), (0, 0));
        assert_eq!(view.id_of(monster(1)), None);
    }
}
