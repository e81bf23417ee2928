//! What one client was told last of an entity. When another zone tells of the same entity, the client is told only
//! what is different. Pure.

use crate::translate::{self, Sent, Tags};
use model::event::{Appearance, Walk};
use model::{Event, MoveMark, Score, Tile};
use serde::{Deserialize, Serialize};
use std::hash::{DefaultHasher, Hash, Hasher};
use wire::Profile;

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// What is told again with each of its scores.
    pub(crate) tags: Tags,
    score: Score,
    /// Digest of what only a whole description tells.
    figure: u64,
    /// Where it stands, or where its walk ends.
    rests: Tile,
    /// The walk that it is on or was on last.
    walk: Option<Walk>,
    /// Which of its movements that is.
    mark: MoveMark,
}

impl Seen {
    pub(crate) fn of(look: &Appearance) -> Self {
        Self {
            tags: Tags::of(look),
            score: look.score,
            figure: figure(look),
            rests: look.walk.as_ref().map_or(look.tile, |walk| walk.to),
            walk: look.walk.clone(),
            mark: look.mark,
        }
    }

    /// What the client is told of it from then on; false when it knows that movement already, or a later one: around a
    /// crossing several zones tell of the same entity, and some know less. Behind a border a walk is begun again with what
    /// is left of it: a client that was told all of it is not told the rest. A change of its look is not followed: it is
    /// described again then.
    pub(crate) fn hears(&mut self, event: &Event) -> bool {
        if let Some(mark) = event.movement() {
            if mark <= self.mark {
                return false;
            }
            self.mark = mark;
        }
        match event {
            Event::Walked { walk, .. } if self.walk.as_ref().is_some_and(|all| walk.is_rest_of(all)) => {
                return false;
            }
            Event::Walked { walk, .. } => (self.rests, self.walk) = (walk.to, Some(walk.clone())),
            Event::Stopped { tile, .. } | Event::Placed { tile, .. } => {
                (self.rests, self.walk) = (*tile, None);
            }
            Event::ScoreChanged { score, .. } => self.score = *score,
            _ => {}
        }
        true
    }

    /// It is in that guild now; what is told again.
    pub(crate) fn joins(&mut self, guild: u16, guild_rank: u8) -> (Score, Tags) {
        self.tags.joins(guild, guild_rank);
        (self.score, self.tags.clone())
    }

    /// What a client that knows this is told when another zone describes it so; the newer of both movements counts.
    pub(crate) fn correct(&mut self, look: &Appearance, id: u16, profile: Profile) -> Vec<Sent> {
        let mut now = Self::of(look);
        let is_older = now.mark < self.mark;
        if now.mark <= self.mark {
            (now.rests, now.mark) = (self.rests, self.mark);
            now.walk.clone_from(&self.walk);
        }
        let before = std::mem::replace(self, now);
        if before.figure != self.figure {
            if !is_older {
                return translate::appear(look, id, false, profile);
            }
            // where the movement ends that the client knows
            let known = Appearance { tile: self.rests, walk: None, ..look.clone() };
            return translate::appear(&known, id, false, profile);
        }
        let mut sent: Vec<Sent> = Vec::new();
        if before.score != self.score || before.tags != self.tags {
            sent.push((id, translate::other_score(&look.score, &self.tags).into()));
        }
        // a client that saw it walk there lets it arrive by itself
        if before.rests != self.rests {
            sent.push(match &look.walk {
                Some(walk) => (id, translate::walk(walk).into()),
                None if before.walk.is_some() => (id, translate::stop(look.tile).into()),
                None => (id, translate::set_down(look.tile).into()),
            });
        }
        sent
    }
}

fn figure(look: &Appearance) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&look.name, &look.equip, look.chaos, &look.title, &look.stall).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::event::Walk;
    use model::{CharacterId, EntityId, Epoch, Route};
    use wire::packet::ServerPacket;

    const HERE: Tile = Tile::new(100, 100);

    fn look() -> Appearance {
        Appearance {
            entity: EntityId::of_character(CharacterId(7)),
            tile: HERE,
            name: "hero".to_owned(),
            equip: Default::default(),
            affects: Vec::new(),
            guild: 0,
            guild_rank: 0,
            score: Score::default(),
            chaos: 0,
            title: String::new(),
            walk: None,
            mark: mark(1),
            stall: None,
        }
    }

    fn mark(number: u64) -> MoveMark {
        MoveMark { number, ..MoveMark::first(Epoch(5)) }
    }

    fn walk(to: Tile) -> Walk {
        let route = Route::from_ascii(b"66").expect("digits");
        Walk { from: HERE, route, to, speed: 2 }
    }

    fn walked(to: Tile, number: u64) -> Event {
        Event::Walked { entity: look().entity, walk: walk(to), mark: mark(number) }
    }

    fn told(before: &mut Seen, look: &Appearance) -> Vec<&'static str> {
        before.correct(look, 9, Profile::V759).iter().map(|(_, packet)| ServerPacket::name(packet)).collect()
    }

    #[test]
    fn who_is_as_before_is_not_told_of() {
        let mut seen = Seen::of(&look());
        assert!(told(&mut seen, &look()).is_empty());
        let to = Tile::new(102, 100);
        seen.hears(&walked(to, 2));
        let on_its_way =
            Appearance { tile: Tile::new(101, 100), walk: Some(walk(to)), mark: mark(2), ..look() };
        assert!(told(&mut seen, &on_its_way).is_empty(), "it walks there already");
        let arrived = Appearance { tile: to, mark: mark(2), ..look() };
        assert!(told(&mut seen, &arrived).is_empty(), "it arrived meanwhile");
    }

    #[test]
    fn a_movement_is_told_once() {
        let mut seen = Seen::of(&look());
        let (to, elsewhere) = (Tile::new(102, 100), Tile::new(102, 101));
        assert!(seen.hears(&walked(to, 2)));
        assert!(!seen.hears(&walked(to, 2)), "its next zone tells of it, too");
        assert!(seen.hears(&walked(elsewhere, 3)));
        assert!(!seen.hears(&walked(to, 2)), "a zone that lags behind tells of it");
        assert!(seen.hears(&walked(to, 4)), "it walks the same way again");
        assert!(seen.hears(&Event::Placed { entity: look().entity, tile: HERE, mark: mark(5) }));
        assert!(!seen.hears(&Event::Stopped { entity: look().entity, tile: to, mark: mark(4) }));
        let next_node = MoveMark::first(Epoch(6));
        assert!(seen.hears(&Event::Stopped { entity: look().entity, tile: HERE, mark: next_node }));
        let on_its_way = Appearance { walk: Some(walk(to)), mark: mark(2), ..look() };
        assert!(!Seen::of(&on_its_way).hears(&walked(to, 2)), "it was described with that walk");
    }

    #[test]
    fn the_rest_of_a_walk_is_not_told_to_who_was_told_all_of_it() {
        let to = Tile::new(102, 100);
        let rest = |speed, mark| {
            let route = Route::from_ascii(b"6").expect("digits");
            let walk = Walk { from: Tile::new(101, 100), route, to, speed };
            Event::Walked { entity: look().entity, walk, mark }
        };
        let mut seen = Seen::of(&look());
        assert!(seen.hears(&walked(to, 2)));
        let behind_the_border = MoveMark::first(Epoch(6));
        assert!(!seen.hears(&rest(2, behind_the_border)), "it walks there already");
        assert!(!seen.hears(&walked(to, 3)), "an older zone tells of it");
        assert!(seen.hears(&rest(3, MoveMark { number: 9, ..behind_the_border })), "it walks faster");
        let mut stopped = Seen::of(&look());
        assert!(stopped.hears(&walked(to, 2)));
        assert!(stopped.hears(&Event::Stopped {
            entity: look().entity,
            tile: Tile::new(101, 100),
            mark: mark(3)
        }));
        assert!(stopped.hears(&rest(2, mark(4))), "it had stopped");
    }

    #[test]
    fn a_zone_that_knows_less_corrects_nothing_and_makes_nothing_come_twice() {
        let mut seen = Seen::of(&look());
        let to = Tile::new(102, 100);
        assert!(seen.hears(&walked(to, 2)));
        // the viewer has crossed a border: behind it, the walk has not been heard of yet
        assert!(told(&mut seen, &look()).is_empty());
        assert!(!seen.hears(&walked(to, 2)), "and now it has");
        let hurt = Appearance { score: Score { hp: 3, ..Score::default() }, ..look() };
        assert_eq!(told(&mut seen, &hurt), ["update_score"], "what is no movement is believed");
        let titled = Appearance { title: "king".to_owned(), ..hurt };
        assert_eq!(told(&mut seen, &titled), ["create_mob", "pk_info"], "where that walk ends");
        assert!(!seen.hears(&walked(to, 2)));
    }

    #[test]
    fn who_is_elsewhere_walks_stops_or_is_set_down() {
        let seen = Seen::of(&look());
        let to = Tile::new(102, 100);
        let later = |tile, walk| Appearance { tile, walk, mark: mark(3), ..look() };
        assert_eq!(told(&mut seen.clone(), &later(HERE, Some(walk(to)))), ["action"]);
        assert_eq!(told(&mut seen.clone(), &later(to, None)), ["action"]);
        let mut walks = seen;
        walks.hears(&walked(to, 2));
        assert_eq!(told(&mut walks, &later(Tile::new(101, 100), None)), ["action_stop"]);
        assert!(!walks.hears(&walked(to, 2)), "it has stopped since");
    }

    #[test]
    fn who_looks_otherwise_is_described_again_and_a_score_is_told_alone() {
        let seen = Seen::of(&look());
        let other = Appearance { title: "king".to_owned(), ..look() };
        assert_eq!(told(&mut seen.clone(), &other), ["create_mob", "pk_info"]);
        let hurt = Appearance { score: Score { hp: 3, ..Score::default() }, ..look() };
        assert_eq!(told(&mut seen.clone(), &hurt), ["update_score"]);
        let grown = Appearance { guild: 4, ..look() };
        assert_eq!(told(&mut seen.clone(), &grown), ["update_score"]);
    }
}
