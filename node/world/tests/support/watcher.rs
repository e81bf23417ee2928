//! What one player believes from what it is told.

use model::event::Walk;
use model::{EntityId, Event, GroundId, MoveMark, SessionId, Tile};
use std::collections::{BTreeMap, BTreeSet};

/// What one player knows from its events.
#[derive(Debug)]
pub struct Watcher {
    pub session: SessionId,
    pub entity: EntityId,
    pub view: BTreeMap<EntityId, Tile>,
    /// The movement in which it knows those in view.
    pub(super) marks: BTreeMap<EntityId, MoveMark>,
    pub ground: BTreeSet<GroundId>,
    pub events: Vec<Event>,
    pub(super) inspected: Vec<EntityId>,
    /// The walk that it asked for last.
    pub asked: Option<Walk>,
}

impl Watcher {
    pub(super) fn perceive(&mut self, event: &Event) {
        if let (
            Some(mark),
            Event::Walked { entity, .. } | Event::Stopped { entity, .. } | Event::Placed { entity, .. },
        ) = (event.movement(), event)
            && *entity != self.entity
        {
            let known = self.marks.insert(*entity, mark);
            // the same again is nothing new to an edge: who is far is told late, and may have come near meanwhile
            assert!(known <= Some(mark), "{entity:?} is told to be in {mark:?}, but was in {known:?}");
        }
        match event {
            Event::Entered(_) => {
                self.view.clear();
                self.ground.clear();
            }
            Event::GroundAppeared { ground, .. } => {
                assert!(self.ground.insert(*ground), "{ground:?} appeared twice");
            }
            Event::GroundGone { ground } => {
                self.ground.remove(ground);
            }
            Event::Appeared { look, .. } => {
                let asked = self.inspected.contains(&look.entity);
                if look.entity == self.entity {
                    assert!(asked, "nobody appears to itself unasked");
                    return;
                }
                let before = self.view.insert(look.entity, look.tile);
                let known = self.marks.insert(look.entity, look.mark);
                assert!(known <= Some(look.mark), "{:?} is in an older movement than before", look.entity);
                assert!(before.is_none() || asked, "{:?} appeared twice", look.entity);
            }
            Event::Disappeared { entity, .. } => {
                let before = self.view.remove(entity);
                self.marks.remove(entity);
                let asked = self.inspected.contains(entity);
                assert!(before.is_some() || asked, "{entity:?} disappeared unseen");
            }
            Event::Walked { entity, walk, .. } => {
                assert_ne!(*entity, self.entity, "walks are not told to the walker");
                assert!(self.view.contains_key(entity), "{entity:?} walked unseen");
                assert_eq!(walk.route.tiles(walk.from).last(), Some(walk.to));
            }
            Event::Stopped { entity, .. } | Event::Said { entity, .. } | Event::Motion { entity, .. } => {
                assert!(self.view.contains_key(entity), "{entity:?} did something unseen");
            }
            Event::Placed { entity, .. } => {
                assert!(
                    *entity == self.entity || self.view.contains_key(entity),
                    "{entity:?} was placed unseen"
                );
            }
            _ => {}
        }
        self.events.push(event.clone());
    }
}
