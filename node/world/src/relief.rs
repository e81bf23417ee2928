//! What a zone does less of while its thread is overloaded, see [`crate::overload`].
//!
//! | step | what the zone does |
//! |---|---|
//! | shed idle updates | creatures take one turn in [`REST_TURNS`]; gestures are told to those within [`GESTURE`] tiles |
//! | widen the intervals of who is far | walks and stops are told to those beyond [`NEAR`] tiles once a second, as they are then |
//! | shrink the view | players see less far; a few of them at a time are told who went and who came |
//! | slow the clock | players and creatures are told to walk slower, so that clients and zone agree |
//!
//! Mail and logins are the node's business. Sight stays what the rules go by: who trades or picks up is judged by the full view.

use crate::effects::Effects;
use crate::entity::Entity;
use crate::grid::Entry;
use crate::look;
use crate::overload::{Relief, Step};
use crate::tick::Tick;
use crate::zone::Zone;
use model::event::{Arrival, Departure, Notice, NoticeKey};
use model::{EntityId, Event, SessionId, Tile};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A creature that rests takes one turn in so many.
const REST_TURNS: u8 = 4;
/// Gestures are told to those within so many tiles.
const GESTURE: u16 = 6;
/// Who is within so many tiles is told of walks at once.
const NEAR: u16 = 8;
/// Everybody else within so many ticks of real time.
const FAR_TICKS: u64 = Tick::PER_SECOND;
/// Players whose view is made another in one step.
const VIEWS_PER_STEP: usize = 16;

/// What was held back, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shed {
    /// Turns that creatures did not take.
    pub turns: u64,
    /// Gestures that were told to fewer.
    pub gestures: u64,
    /// Walks and stops that those who are far were not told at once.
    pub far: u64,
}

/// What a zone still has to do about its relief.
#[derive(Debug, Default)]
pub(crate) struct Relieved {
    pub(crate) relief: Relief,
    /// Whose last walk or stop these do not know, and when they are told.
    far: BTreeMap<EntityId, BTreeSet<SessionId>>,
    far_due: Tick,
    /// Whose view is not yet what it should be.
    views: VecDeque<SessionId>,
}

impl Zone {
    /// What it is relieved of at the moment.
    pub fn relief(&self) -> Relief {
        self.relieved.relief
    }

    /// When what was held back is due.
    pub(crate) fn next_relief(&self) -> Option<Tick> {
        let far = (!self.relieved.far.is_empty()).then_some(self.relieved.far_due);
        let views = (!self.relieved.views.is_empty()).then(|| self.now.plus(1));
        [far, views].into_iter().flatten().min()
    }

    /// The load of the thread changed.
    pub(crate) fn relieve(&mut self, relief: Relief, fx: &mut Effects) {
        let before = std::mem::replace(&mut self.relieved.relief, relief);
        if before == relief {
            return;
        }
        let sessions: Vec<SessionId> = self.sessions().collect();
        if before.pace_percent != relief.pace_percent {
            self.change_pace(before.pace_percent, relief.pace_percent, fx);
        }
        if before.view != relief.view {
            self.relieved.views = sessions.iter().copied().collect();
        }
        for notice in notices(before, relief) {
            fx.tell_all(sessions.clone(), Event::Notice(notice));
        }
    }

    /// What a player who enters a zone that is relieved is told.
    pub(crate) fn tell_relief(&self, session: SessionId, fx: &mut Effects) {
        for notice in notices(Relief::NONE, self.relief()) {
            fx.tell(session, Event::Notice(notice));
        }
    }

    /// Does what is due of what was held back.
    pub(crate) fn catch_up_relief(&mut self, fx: &mut Effects) {
        for _ in 0..VIEWS_PER_STEP {
            let Some(session) = self.relieved.views.pop_front() else { break };
            if let Some(slot) = self.slot_of(session) {
                self.change_view(slot, fx);
            }
        }
        let calm = self.relief().step < Step::WidenFar;
        if !self.relieved.far.is_empty() && (calm || self.relieved.far_due <= self.now) {
            for (entity, unaware) in std::mem::take(&mut self.relieved.far) {
                self.tell_far(entity, &unaware, fx);
            }
        }
    }

    /// Speed in tiles a second of real time, as clients are told and walk.
    pub(crate) fn told_speed(&self, own: u8) -> u8 {
        slowed(own, self.relief().pace_percent)
    }

    /// True when a creature rests instead of taking its turn.
    pub(crate) fn rests(&mut self, slot: usize, fx: &mut Effects) -> bool {
        let idle = self.relief().step >= Step::ShedIdle;
        let Some(creature) = self.entities[slot].creature_mut() else { return false };
        creature.rested = if idle { (creature.rested + 1) % REST_TURNS } else { 0 };
        let rests = creature.rested != 0;
        fx.shed.turns += u64::from(rests);
        rests
    }

    /// True for what some are told later, or never, at the moment.
    pub(crate) fn is_held_back(&self, event: &Event) -> bool {
        let step = self.relief().step;
        match event {
            Event::Walked { .. } | Event::Stopped { .. } => step >= Step::WidenFar,
            Event::Motion { .. } => step >= Step::ShedIdle,
            _ => false,
        }
    }

    /// True when a player who stands there perceives now what an entity does: the others are told later, or never.
    pub(crate) fn is_told_now(&self, event: &Event, at: Tile, seen: &Entry) -> bool {
        let reach = if matches!(event, Event::Motion { .. }) { GESTURE } else { NEAR };
        !self.is_held_back(event) || seen.tile.distance(at) <= reach
    }

    /// These were told of an event, and those were not.
    pub(crate) fn hold_back(
        &mut self,
        slot: usize,
        event: &Event,
        told: &[SessionId],
        held_back: Vec<SessionId>,
        fx: &mut Effects,
    ) {
        let entity = self.entities[slot].id;
        if matches!(event, Event::Motion { .. }) {
            fx.shed.gestures += u64::from(!held_back.is_empty());
            return;
        }
        if let Some(unaware) = self.relieved.far.get_mut(&entity) {
            told.iter().for_each(|session| {
                unaware.remove(session);
            });
        }
        if held_back.is_empty() {
            return;
        }
        fx.shed.far += 1;
        if self.relieved.far.is_empty() {
            let ticks = FAR_TICKS * u64::from(self.relief().pace_percent) / 100;
            self.relieved.far_due = self.now.plus(ticks.max(1));
        }
        self.relieved.far.entry(entity).or_default().extend(held_back);
    }

    /// True when a player sees a tile from where it stands.
    pub(crate) fn views(&self, seen: &Entry, tile: Tile) -> bool {
        let view = self.entities[seen.slot].player().map_or(0, |player| player.view);
        seen.tile.distance(tile) <= view
    }

    fn tell_far(&self, entity: EntityId, unaware: &BTreeSet<SessionId>, fx: &mut Effects) {
        let Some(slot) = self.slot_of_entity(entity) else { return };
        let one = &self.entities[slot];
        let (at, mark) = (one.tile, one.mark);
        let walk = look::appearance(one, &self.content, self.relief().pace_percent).walk;
        let event = match walk {
            Some(walk) => Event::Walked { entity, walk, mark },
            None => Event::Stopped { entity, tile: at, mark },
        };
        let mut audience = fx.audience();
        self.collect(&mut audience, at, |seen| {
            let player = self.entities[seen.slot].player();
            seen.slot != slot && player.is_some_and(|player| unaware.contains(&player.session))
        });
        fx.tell_all(audience, event);
    }

    fn change_view(&mut self, slot: usize, fx: &mut Effects) {
        let after = self.relief().view;
        let tile = self.entities[slot].tile;
        let Some(player) = self.entities[slot].player_mut() else { return };
        let session = player.session;
        let before = std::mem::replace(&mut player.view, after);
        let others = self.grid.players_near(tile).chain(self.grid.creatures_near(tile));
        for other in others.filter(|other| other.slot != slot) {
            let distance = other.tile.distance(tile);
            let entity = &self.entities[other.slot];
            match (distance <= before, distance <= after) {
                (true, false) => {
                    let departure = Departure::OutOfView;
                    fx.tell(session, Event::Disappeared { entity: entity.id, departure });
                }
                (false, true) => {
                    let pace = self.relief().pace_percent;
                    let look = Box::new(look::appearance(entity, &self.content, pace));
                    fx.tell(session, Event::Appeared { look, arrival: Arrival::Plain });
                }
                (true, true) | (false, false) => {}
            }
        }
    }

    /// Walks that are under way go on as clients show them; the next ones are slower or faster.
    fn change_pace(&mut self, before: u32, after: u32, fx: &mut Effects) {
        // who is handed over goes on in its next zone
        let is_handed_over = |entity: &Entity| {
            entity.player().is_some_and(|player| player.frozen)
                || entity.creature().is_some_and(|creature| creature.passes_to.is_some())
        };
        let walks = |entity: &Entity| entity.walk.is_some() && !is_handed_over(entity);
        let walking: Vec<usize> =
            self.entities.iter().filter(|(_, entity)| walks(entity)).map(|(slot, _)| slot).collect();
        for slot in walking {
            let now_ms = self.clock_ms(slot);
            let Some(walk) = &mut self.entities[slot].walk else { continue };
            walk.change_pace(now_ms, before, after);
            let due = Tick::at_or_after(walk.next_due_ms());
            self.set_timer(slot, due);
        }
        for (_, entity) in &self.entities {
            let Entity { id, .. } = entity;
            if let Some(player) = entity.player() {
                let score = look::shown_score(player, after);
                fx.tell(player.session, Event::ScoreChanged { entity: *id, score });
            }
        }
    }
}

/// A speed on a clock that goes at so many percent: at least one tile a second, less cannot be said to a client.
pub(crate) fn slowed(own: u8, pace_percent: u32) -> u8 {
    let told = u32::from(own) * pace_percent / 100;
    u8::try_from(told).unwrap_or(u8::MAX).clamp(1, own.max(1))
}

/// What players are told of a change.
fn notices(before: Relief, after: Relief) -> Vec<Notice> {
    let line =
        |key, argument: Option<String>| Notice::Catalogue { key, arguments: argument.into_iter().collect() };
    if after.step == Step::Calm {
        let over = before.step != Step::Calm;
        return over.then(|| line(NoticeKey::CrowdOver, None)).into_iter().collect();
    }
    let mut notices = Vec::new();
    let climbed = |step| before.step < step && after.step >= step;
    if climbed(Step::ShedIdle) {
        notices.push(line(NoticeKey::CrowdIdle, None));
    }
    if climbed(Step::PostponeTrade) {
        notices.push(line(NoticeKey::CrowdTrade, None));
    }
    if climbed(Step::WidenFar) {
        notices.push(line(NoticeKey::CrowdFar, None));
    }
    if before.view != after.view {
        notices.push(line(NoticeKey::CrowdView, Some(after.view.to_string())));
    }
    if before.pace_percent != after.pace_percent {
        notices.push(line(NoticeKey::CrowdClock, Some(after.pace_percent.to_string())));
    }
    if climbed(Step::RefuseLogins) {
        notices.push(line(NoticeKey::CrowdClosed, None));
    }
    notices
}
