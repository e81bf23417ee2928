//! The short ids that one client knows entities by. Pure.
//!
//! On the wire an entity is a u16: players 1..=999, everything else 1000..=24999 without the numbers of items on
//! the ground. Each client is lent ids of its own as entities come into its view. An id that was taken back is lent again only after all others of
//! its range, so that a late packet of the client never means another entity.

use crate::ground_ids::GROUND_IDS;
use model::EntityId;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// Short ids of players.
pub const PLAYER_IDS: std::ops::RangeInclusive<u16> = 1..=999;
/// Short ids of monsters and merchants, those of [`GROUND_IDS`] apart.
pub const CREATURE_IDS: std::ops::RangeInclusive<u16> = 1_000..=24_999;

/// Ids lent to one client, both ways.
#[derive(Debug, Serialize, Deserialize)]
pub struct ViewIds {
    own: u16,
    by_entity: HashMap<EntityId, u16>,
    by_id: HashMap<u16, EntityId>,
    next_player: u16,
    next_creature: u16,
    players: usize,
}

impl ViewIds {
    /// For a client that calls itself `own`; that id is never lent.
    pub fn new(own: u16) -> Self {
        Self {
            own,
            by_entity: HashMap::new(),
            by_id: HashMap::new(),
            next_player: *PLAYER_IDS.start(),
            next_creature: *CREATURE_IDS.start(),
            players: 0,
        }
    }

    /// Lends an id, or gives the one that the entity has. A player gets `preferred` when it is free.
    /// `None` when all ids of the range are lent.
    pub fn lend(&mut self, entity: EntityId, preferred: Option<u16>) -> Option<u16> {
        if let Some(id) = self.by_entity.get(&entity) {
            return Some(*id);
        }
        let id = if entity.is_player() {
            match preferred.filter(|id| PLAYER_IDS.contains(id) && self.is_free(*id)) {
                Some(id) => id,
                None => self.next_free(PLAYER_IDS, self.next_player)?,
            }
        } else {
            self.next_free(CREATURE_IDS, self.next_creature)?
        };
        if entity.is_player() {
            self.players += 1;
            self.next_player = id;
        } else {
            self.next_creature = id;
        }
        self.by_entity.insert(entity, id);
        self.by_id.insert(id, entity);
        Some(id)
    }

    /// Takes an entity's id back.
    pub fn take_back(&mut self, entity: EntityId) -> Option<u16> {
        let id = self.by_entity.remove(&entity)?;
        self.by_id.remove(&id);
        if entity.is_player() {
            self.players -= 1;
        }
        Some(id)
    }

    /// The id of an entity in view.
    pub fn id_of(&self, entity: EntityId) -> Option<u16> {
        self.by_entity.get(&entity).copied()
    }

    /// The entity behind an id that the client names.
    pub fn entity_of(&self, id: u16) -> Option<EntityId> {
        self.by_id.get(&id).copied()
    }

    /// Players and creatures that have an id now.
    pub fn lent(&self) -> (usize, usize) {
        (self.players, self.by_entity.len() - self.players)
    }

    fn is_free(&self, id: u16) -> bool {
        id != self.own && !GROUND_IDS.contains(&id) && !self.by_id.contains_key(&id)
    }

    /// The first free id after the one that was lent last, around the range.
    fn next_free(&self, range: std::ops::RangeInclusive<u16>, last: u16) -> Option<u16> {
        let after = (last + 1)..=*range.end();
        after.chain(*range.start()..=last).find(|id| self.is_free(*id))
    }
}

/// Numbers of the players of one edge: each is known by the same one to all clients, where that is possible.
#[derive(Debug, Default)]
pub struct Numbers {
    by_entity: HashMap<EntityId, u16>,
    by_connection: HashSet<u16>,
}

impl Numbers {
    /// The lowest free number, for a connection that enters the world. `None` when all are taken: then its
    /// client is told any number, and other clients know it by another.
    pub fn take(&mut self) -> Option<u16> {
        let number = PLAYER_IDS.into_iter().find(|number| !self.by_connection.contains(number))?;
        self.by_connection.insert(number);
        Some(number)
    }

    /// A connection comes with the number that it was given elsewhere.
    pub fn claim(&mut self, number: u16) {
        self.by_connection.insert(number);
    }

    /// The connection that had the number is gone.
    pub fn give_back(&mut self, number: u16) {
        self.by_connection.remove(&number);
    }

    /// The player is in the world under this number.
    pub fn enter(&mut self, entity: EntityId, number: u16) {
        self.by_entity.insert(entity, number);
    }

    /// The player left the world.
    pub fn leave(&mut self, entity: EntityId, number: u16) {
        if self.by_entity.get(&entity) == Some(&number) {
            self.by_entity.remove(&entity);
        }
    }

    /// The number of a player of this edge.
    pub fn of(&self, entity: EntityId) -> Option<u16> {
        self.by_entity.get(&entity).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{CharacterId, Epoch, ZoneId};

    fn player(n: u64) -> EntityId {
        EntityId::of_character(CharacterId(n))
    }

    fn monster(n: u32) -> EntityId {
        EntityId::of_creature(ZoneId(1), Epoch(1), n.into())
    }

    #[test]
    fn players_and_monsters_get_ids_of_their_ranges_and_never_the_clients_own() {
        let mut ids = ViewIds::new(2);
        assert!(PLAYER_IDS.contains(&ids.lend(player(1), None).expect("free")));
        assert!(CREATURE_IDS.contains(&ids.lend(monster(1), Some(5)).expect("free")));
        assert_ne!(ids.lend(player(2), Some(2)), Some(2), "2 is the client itself");
        assert_eq!(ids.lend(player(3), Some(77)), Some(77));
        assert_ne!(ids.lend(player(4), Some(77)), Some(77), "77 is lent");
        assert_eq!(ids.lend(player(3), None), Some(77), "it has one already");
        assert_eq!(ids.lent(), (4, 1));
    }

    #[test]
    fn both_directions_agree_and_what_was_taken_back_is_unknown() {
        let mut ids = ViewIds::new(1);
        let id = ids.lend(monster(7), None).expect("free");
        assert_eq!(ids.entity_of(id), Some(monster(7)));
        assert_eq!(ids.id_of(monster(7)), Some(id));
        assert_eq!(ids.take_back(monster(7)), Some(id));
        assert_eq!(ids.take_back(monster(7)), None);
        assert_eq!(ids.entity_of(id), None);
    }

    #[test]
    fn an_id_comes_back_only_after_all_the_others() {
        let mut ids = ViewIds::new(1);
        let first = ids.lend(monster(0), None).expect("free");
        ids.take_back(monster(0));
        for n in 1..(CREATURE_IDS.len() - GROUND_IDS.len()) as u32 {
            let id = ids.lend(monster(n), None).expect("free");
            assert_ne!(id, first);
            assert!(!GROUND_IDS.contains(&id));
            ids.take_back(monster(n));
        }
        assert_eq!(ids.lend(monster(50_000), None), Some(first));
    }

    #[test]
    fn when_all_ids_are_lent_there_is_none() {
        let mut ids = ViewIds::new(500);
        for n in 0..998 {
            assert!(ids.lend(player(n), None).is_some(), "player {n}");
        }
        assert_eq!(ids.lend(player(998), None), None);
        ids.take_back(player(3));
        assert!(ids.lend(player(998), None).is_some());
    }

    #[test]
    fn connections_take_the_lowest_free_number() {
        let mut numbers = Numbers::default();
        assert_eq!((numbers.take(), numbers.take()), (Some(1), Some(2)));
        numbers.enter(player(9), 2);
        assert_eq!(numbers.of(player(9)), Some(2));
        numbers.give_back(1);
        assert_eq!(numbers.take(), Some(1));
        numbers.enter(player(9), 3);
        numbers.leave(player(9), 2);
        assert_eq!(numbers.of(player(9)), Some(3), "the old connection of the same character went late");
    }
}
