//! Walking: how time moves a walker, and how a client's word about its place is judged.
//!
//! A walk is a route of steps; step `k` is done at `begun + k * 1000 / speed` milliseconds and not before.
//! The end of a route gives no reach: view, portals and chat use the tile where the walker is *now*.
//!
//! Client clocks jitter and the network delays, so a new walk may begin on a tile that is not quite the
//! server's. Every tile of the current walk has a *fair time*, the time at which the walker is due on it.
//! A tile may be claimed up to one slack ([`slack_ms`]) before its fair time, and the difference is paid from
//! a budget of two slacks. Claiming a tile after its fair time, or standing still, pays the difference back;
//! while walking the budget grows by one part in [`CLOCK_DRIFT`], because clocks of clients run a little
//! fast. Over any window a player therefore gets no further along new ground than
//! `speed * window * 1.02` plus two slacks; going back to where it was a moment ago is free, and what lay
//! ahead of that is forgotten.
//!
//! | what the client sends | what happens |
//! |---|---|
//! | it starts where the server has it | granted; the part of a step that it gave up goes to its budget |
//! | it starts ahead on its current route, within the budget | granted; the budget pays |
//! | it starts behind on its way, not older than [`BEHIND_MS`] | granted; put back there; the budget is paid |
//! | it starts up to [`NEAR`] tiles beside, in a straight free line, within the budget | granted; the budget pays |
//! | it has just come on foot over a zone border and starts where a walk without pause could have led | granted |
//! | it starts anywhere else | placed back on the server's tile; the walk is not begun |
//! | its target is more than [`TARGET_MAX`] tiles away | placed back |
//! | it claims more speed than it has | walks with its own speed |
//! | a step of the route is blocked | walks up to there; placed at the end when that is not its target |
//! | the first step is blocked | placed back |
//! | the target is not the end of the route | the route is walked; at its end the client is placed there |
//! | the route is empty | a stop when target and start are the same, else placed back |
//! | somebody rests on the last tile | at the end it is put on the nearest free tile, and everybody sees it |
//! | it stops on a tile that would be granted as a start | stands there |
//! | it stops anywhere else | placed on the server's tile |

use content::Terrain;
use model::event::Walk;
use model::{Route, Step, Tile};
use std::collections::VecDeque;

/// Part of the slack that does not depend on speed: network jitter.
pub const JITTER_MS: u64 = 250;
/// A client's clock may be fast by one part in this many.
pub const CLOCK_DRIFT: u64 = 50;
/// A client may fall back to a tile of its way that is at most this old.
pub const BEHIND_MS: u64 = 1_000;
/// Furthest target of a walk.
pub const TARGET_MAX: u16 = 33;
/// A walk may start this many tiles beside the server's tile.
pub const NEAR: u16 = 2;

/// Milliseconds of one step.
pub fn pace_ms(speed: u8) -> u64 {
    1000 / u64::from(speed.max(1))
}

/// The most that a player may save up for being ahead: rounding and jitter come and go, and must not add up
/// to a correction for who walks for minutes without a pause.
pub fn budget_max_ms(speed: u8) -> u64 {
    2 * slack_ms(speed)
}

/// How far a player may be ahead of its walk at once: the jitter and half a step, because clients round the tile that
/// they show between two to the nearer one.
pub fn slack_ms(speed: u8) -> u64 {
    JITTER_MS + pace_ms(speed) / 2
}

/// A walk in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walking {
    route: Route,
    done: usize,
    /// From this step on it is walked as `begun_ms` and `percent` say.
    base: usize,
    begun_ms: u64,
    /// Tiles a second of real time.
    speed: u8,
    /// How fast the clock by which it is walked goes, in percent of real time.
    percent: u32,
    end: Tile,
    /// Where its client believes that it ends.
    pub(crate) wanted: Tile,
}

impl Walking {
    /// A walk from a tile; `None` when there is no step on the map.
    /// `speed` is what clients show, on a clock that goes at `percent` of real time.
    pub(crate) fn begin(from: Tile, route: Route, speed: u8, now_ms: u64, percent: u32) -> Option<Self> {
        let end = route.tiles(from).last()?;
        let speed = speed.max(1);
        Some(Self { route, done: 0, base: 0, begun_ms: now_ms, speed, percent, end, wanted: end })
    }

    /// The fair time of the `k`-th step, counted from 1.
    fn due_ms(&self, k: usize) -> u64 {
        let steps = k.saturating_sub(self.base) as u64;
        self.begun_ms + steps * 10 * u64::from(self.percent) / u64::from(self.speed)
    }

    /// Its clock goes at another pace from now on: what is left of it takes as long in real time as before.
    pub(crate) fn change_pace(&mut self, now_ms: u64, before: u32, after: u32) {
        let left = self.next_due_ms().saturating_sub(now_ms) * u64::from(after) / u64::from(before.max(1));
        self.percent = after;
        self.base = self.done + 1;
        self.begun_ms = now_ms + left;
    }

    /// When the next step is due.
    pub(crate) fn next_due_ms(&self) -> u64 {
        self.due_ms(self.done + 1)
    }

    /// The next step, and the count goes on.
    pub(crate) fn take_step(&mut self) -> Option<Step> {
        let step = self.route.steps().get(self.done).copied();
        self.done += usize::from(step.is_some());
        step
    }

    /// True when no step is left.
    pub(crate) fn is_over(&self) -> bool {
        self.done >= self.route.steps().len()
    }

    /// Tiles to come, with their fair times.
    pub(crate) fn ahead(&self, at: Tile) -> impl Iterator<Item = (Tile, u64)> + '_ {
        let done = self.done;
        let rest = self.route.steps().get(done..).unwrap_or_default().iter();
        let mut tile = at;
        rest.enumerate().map_while(move |(k, step)| {
            tile = tile.step(*step)?;
            Some((tile, self.due_ms(done + k + 1)))
        })
    }

    /// What is left of it, as clients show it.
    pub(crate) fn rest(&self, at: Tile) -> Walk {
        let steps = self.route.steps().get(self.done..).unwrap_or_default();
        Walk { from: at, route: Route::from_steps(steps.iter().copied()), to: self.end, speed: self.speed }
    }

    /// Its last tile.
    pub(crate) fn end(&self) -> Tile {
        self.end
    }
}

/// Where a player is, for judging where its client says that it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    pub(crate) tile: Tile,
    pub(crate) since_ms: u64,
    pub(crate) walk: Option<&'a Walking>,
    pub(crate) trail: &'a VecDeque<(Tile, u64)>,
    /// What it saved up, at this time.
    pub(crate) budget_ms: u64,
    pub(crate) budget_at_ms: u64,
    pub(crate) speed: u8,
}

impl Standing<'_> {
    /// Judges a claimed tile: the budget that is left, or `None` when the claim is refused.
    pub(crate) fn judge(&self, claimed: Tile, now_ms: u64, terrain: &Terrain) -> Option<u64> {
        // who stands is paid for standing; who walks is paid by fair times, and a little for its clock
        let paid = match self.walk {
            Some(_) => now_ms.saturating_sub(self.budget_at_ms) / CLOCK_DRIFT,
            None => now_ms.saturating_sub(self.since_ms),
        };
        let most = budget_max_ms(self.speed);
        let budget = most.min(self.budget_ms + paid);
        let ahead_ms = self.ahead_ms(claimed, now_ms, terrain)?;
        if ahead_ms > slack_ms(self.speed).cast_signed() {
            return None;
        }
        Some(budget.checked_add_signed(-ahead_ms)?.min(most))
    }

    /// How far before its fair time a claimed tile is; negative when after.
    fn ahead_ms(&self, claimed: Tile, now_ms: u64, terrain: &Terrain) -> Option<i64> {
        let before = |fair_ms: u64| fair_ms.cast_signed() - now_ms.cast_signed();
        if claimed == self.tile {
            return Some(if self.walk.is_some() { before(self.since_ms) } else { 0 });
        }
        if let Some(walk) = self.walk
            && let Some((_, due_ms)) = walk.ahead(self.tile).find(|(tile, _)| *tile == claimed)
        {
            return Some(before(due_ms));
        }
        let behind = self.trail.iter().rev().find(|(tile, _)| *tile == claimed);
        if let Some((_, came_ms)) = behind
            && now_ms.saturating_sub(*came_ms) <= BEHIND_MS + pace_ms(self.speed)
        {
            return Some(if self.walk.is_some() { before(*came_ms) } else { 0 });
        }
        let distance = self.tile.distance(claimed);
        if distance > NEAR || !is_free_line(self.tile, claimed, terrain) {
            return None;
        }
        let cost = (u64::from(distance) * pace_ms(self.speed)).cast_signed();
        let paid = if self.walk.is_some() { now_ms.saturating_sub(self.since_ms).cast_signed() } else { 0 };
        Some(cost - paid)
    }
}

/// True when straight steps lead from one tile to another.
fn is_free_line(from: Tile, to: Tile, terrain: &Terrain) -> bool {
    crate::path::straight(from, to, usize::from(NEAR), |a, b| terrain.can_step(a, b)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_terrain() -> Terrain {
        Terrain::from_bytes(&vec![0; 1 << 20], None).expect("a map of the right size")
    }

    fn judge(walk: Option<&Walking>, tile: Tile, budget_ms: u64, claimed: Tile, now_ms: u64) -> Option<u64> {
        let trail = VecDeque::from([(Tile::new(99, 100), 0)]);
        let standing =
            Standing { tile, since_ms: 0, walk, trail: &trail, budget_ms, budget_at_ms: now_ms, speed: 4 };
        standing.judge(claimed, now_ms, &open_terrain())
    }

    fn eastwards() -> Walking {
        let route = Route::from_ascii(b"666666").expect("digits");
        Walking::begin(Tile::new(100, 100), route, 4, 0, 100).expect("on the map")
    }

    #[test]
    fn a_step_ahead_costs_the_time_that_is_missing() {
        let walk = eastwards();
        // 50 ms after the start, the first tile is due at 250
        assert_eq!(judge(Some(&walk), Tile::new(100, 100), 375, Tile::new(101, 100), 50), Some(175));
        assert_eq!(judge(Some(&walk), Tile::new(100, 100), 750, Tile::new(102, 100), 50), None);
        assert_eq!(judge(Some(&walk), Tile::new(100, 100), 100, Tile::new(101, 100), 50), None);
    }

    #[test]
    fn a_step_behind_is_paid_back_up_to_the_most() {
        let walk = eastwards();
        assert_eq!(judge(Some(&walk), Tile::new(100, 100), 100, Tile::new(99, 100), 200), Some(300));
        assert_eq!(
            judge(Some(&walk), Tile::new(100, 100), 700, Tile::new(99, 100), 200),
            Some(budget_max_ms(4))
        );
        assert_eq!(judge(None, Tile::new(100, 100), 0, Tile::new(100, 100), 300), Some(300));
        assert_eq!(judge(None, Tile::new(100, 100), 0, Tile::new(100, 100), 5000), Some(budget_max_ms(4)));
    }

    #[test]
    fn a_walk_on_a_slowed_clock_takes_as_long_for_its_client() {
        let mut walk = eastwards();
        walk.take_step();
        // the second step is due at 500; 100 ms before, the clock begins to go at half the pace
        walk.change_pace(400, 100, 50);
        assert_eq!(walk.next_due_ms(), 450);
        walk.take_step();
        assert_eq!(walk.next_due_ms(), 450 + 125);
        walk.change_pace(450, 50, 100);
        assert_eq!(walk.next_due_ms(), 450 + 250);
        let later: Vec<u64> = walk.ahead(Tile::new(102, 100)).map(|(_, due_ms)| due_ms).collect();
        assert_eq!(later, [700, 950, 1_200, 1_450]);
    }

    #[test]
    fn a_tile_somewhere_else_is_refused() {
        let walk = eastwards();
        for tile in [Tile::new(100, 104), Tile::new(107, 100), Tile::new(0, 0), Tile::new(4095, 4095)] {
            assert_eq!(judge(Some(&walk), Tile::new(100, 100), 375, tile, 100), None, "{tile}");
        }
    }
}
