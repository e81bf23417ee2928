//! Who does what when, from a seed alone: the same on every cluster.

use bot::protocol::place::{Area, ROUTE_MAX, Steps, Tile};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// Tiles a second of a newcomer of every class.
pub const SPEED: u8 = 2;
/// Between the end of a walk and the next one: longer than any cluster may take to know that it is over.
const REST_MS: std::ops::Range<u64> = 700..1_600;
/// A walk is longer than this, and so is the time from one to the next what a client keeps.
const STEPS_MIN: u16 = 4;
/// Between two lines, and two emotes, of a bot.
const SAY_MS: std::ops::Range<u64> = 2_500..5_000;
const EMOTE_MS: std::ops::Range<u64> = 4_000..7_000;
/// A tile that somebody left stays theirs for so long: two who rest on one tile would be told apart by chance.
const LEFT_FOR: u64 = 1_500;
/// Nothing begins in the last part of a round, so that all of it has been seen.
const CALM_MS: u64 = 6_000;
/// Goals that are tried for a walk.
const TRIES: usize = 20;
/// Emotes that every client knows.
const EMOTES: std::ops::Range<i16> = 16..21;

/// One act of one bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Since the begin of the round.
    pub at: Duration,
    /// Which.
    pub act: Act,
}

/// What a bot does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Walks the straight way from where it stands.
    Walk {
        /// Where it stands.
        from: Tile,
        /// Where it goes.
        to: Tile,
    },
    /// Says a line that nobody else ever says.
    Say(String),
    /// Plays an emote.
    Emote(i16),
}

/// Plans rounds one after the other.
pub struct Planner {
    dice: StdRng,
    ground: Area,
    stands: Vec<Tile>,
    lines: u64,
}

impl Planner {
    /// Gives so many bots a tile each.
    pub fn new(seed: u64, bots: usize, ground: Area) -> Planner {
        let mut planner = Planner { dice: StdRng::seed_from_u64(seed), ground, stands: Vec::new(), lines: 0 };
        while planner.stands.len() < bots {
            let tile = planner.anywhere();
            if !planner.stands.contains(&tile) {
                planner.stands.push(tile);
            }
        }
        planner
    }

    /// Where the bots stand before the next round.
    pub fn stands(&self) -> &[Tile] {
        &self.stands
    }

    fn anywhere(&mut self) -> Tile {
        let Area { low, high } = self.ground;
        Tile::new(self.dice.random_range(low.x..=high.x), self.dice.random_range(low.y..=high.y))
    }

    /// The deeds of each bot in a round, in the order of their times.
    pub fn round(&mut self, length: Duration) -> Vec<Vec<Deed>> {
        let end = (length.as_millis() as u64).saturating_sub(CALM_MS);
        let mut deeds: Vec<Vec<Deed>> = vec![Vec::new(); self.stands.len()];
        let mut held: Vec<(Tile, u64)> = self.stands.iter().map(|tile| (*tile, u64::MAX)).collect();
        let mut next: Vec<u64> = deeds.iter().map(|_| self.dice.random_range(200..2_000)).collect();
        while let Some((bot, at)) = next.iter().copied().enumerate().min_by_key(|(_, at)| *at) {
            if at >= end {
                break;
            }
            held.retain(|(_, until)| *until > at);
            let from = self.stands[bot];
            let Some(to) = self.goal(from, &held) else {
                next[bot] = at + self.dice.random_range(REST_MS);
                continue;
            };
            let walked = u64::from(from.distance(to)) * 1_000 / u64::from(SPEED);
            for (_, until) in held.iter_mut().filter(|(tile, until)| *tile == from && *until == u64::MAX) {
                *until = at + walked + LEFT_FOR;
            }
            held.push((to, u64::MAX));
            self.stands[bot] = to;
            deeds[bot].push(Deed { at: Duration::from_millis(at), act: Act::Walk { from, to } });
            next[bot] = at + walked + self.dice.random_range(REST_MS);
        }
        for of_bot in &mut deeds {
            self.add_words(of_bot, end);
            of_bot.sort_by_key(|deed| deed.at);
        }
        deeds
    }

    /// A tile within one packet's walk that is nobody's; sooner across the strips than along them.
    fn goal(&mut self, from: Tile, held: &[(Tile, u64)]) -> Option<Tile> {
        let Area { low, high } = self.ground;
        let far = ROUTE_MAX as u16;
        (0..TRIES).find_map(|_| {
            let x =
                self.dice.random_range(from.x.saturating_sub(far).max(low.x)..=(from.x + far).min(high.x));
            let aside = [0, 0, 1, 3].choose(&mut self.dice).copied().unwrap_or(0);
            let y = self
                .dice
                .random_range(from.y.saturating_sub(aside).max(low.y)..=(from.y + aside).min(high.y));
            let to = Tile::new(x, y);
            let is_held = held.iter().any(|(tile, _)| *tile == to);
            let is_a_walk = from.distance(to) >= STEPS_MIN && Steps::straight(from, to).end(from) == to;
            (is_a_walk && !is_held).then_some(to)
        })
    }

    fn add_words(&mut self, deeds: &mut Vec<Deed>, end: u64) {
        let mut at = self.dice.random_range(SAY_MS);
        while at < end {
            self.lines += 1;
            deeds.push(Deed { at: Duration::from_millis(at), act: Act::Say(format!("#{}", self.lines)) });
            at += self.dice.random_range(SAY_MS);
        }
        let mut at = self.dice.random_range(EMOTE_MS);
        let mut motion = EMOTES.start;
        while at < end {
            deeds.push(Deed { at: Duration::from_millis(at), act: Act::Emote(motion) });
            motion = if motion + 1 == EMOTES.end { EMOTES.start } else { motion + 1 };
            at += self.dice.random_range(EMOTE_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUND: Area = Area { low: Tile::new(2098, 2088), high: Tile::new(2129, 2115) };

    #[test]
    fn the_same_seed_plans_the_same_and_nobody_rests_where_somebody_rests() {
        let (mut planner, mut again) = (Planner::new(7, 40, GROUND), Planner::new(7, 40, GROUND));
        for _ in 0..3 {
            let before = planner.stands().to_vec();
            let round = planner.round(Duration::from_secs(60));
            assert_eq!(round, again.round(Duration::from_secs(60)));
            let mut walks: Vec<(usize, Duration, Tile, Tile)> = Vec::new();
            for (bot, deeds) in round.iter().enumerate() {
                for deed in deeds {
                    if let Act::Walk { from, to } = deed.act {
                        walks.push((bot, deed.at, from, to));
                    }
                }
            }
            assert!(walks.len() > 300, "only {} walks", walks.len());
            walks.sort_by_key(|(_, at, ..)| *at);
            let mut rests = before;
            for (bot, at, from, to) in walks {
                assert_eq!(rests[bot], from, "bot {bot} at {at:?}");
                assert!(!rests.contains(&to), "bot {bot} goes to where somebody rests at {at:?}");
                assert!(GROUND.contains(to));
                rests[bot] = to;
            }
            assert_eq!(rests, planner.stands());
        }
    }
}
