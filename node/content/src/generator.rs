//! Generators: which creatures appear where, how many, and what they do there.

use model::Tile;
use serde::{Deserialize, Serialize};

/// What a creature does with the points of its generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// 0: walks to the last point once and stays.
    WalkOnceStay,
    /// 1: walks to the last point and is removed there.
    WalkOnceVanish,
    /// 2: walks back and forth.
    BackAndForth,
    /// 3: walks to the last point and back, and is removed.
    BackAndForthVanish,
    /// 4: walks from the last point to the first again.
    Loop,
    /// 5: follows its leader.
    Follow,
    /// 6: stands at the first point.
    Stand,
}

impl RouteKind {
    /// All kinds by the number of the original files.
    pub const ALL: [Self; 7] = [
        Self::WalkOnceStay,
        Self::WalkOnceVanish,
        Self::BackAndForth,
        Self::BackAndForthVanish,
        Self::Loop,
        Self::Follow,
        Self::Stand,
    ];

    /// From the number of the original files.
    pub fn from_number(number: i64) -> Option<Self> {
        usize::try_from(number).ok().and_then(|number| Self::ALL.get(number)).copied()
    }
}

/// One point of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Waypoint {
    /// Where.
    pub tile: Tile,
    /// How far from it a creature may stand instead.
    pub range: u16,
    /// How long it waits there, in seconds.
    pub wait: u16,
}

/// One generator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generator {
    /// Its number: its place in the file, counted from 0. Other data refer to it.
    pub index: u32,
    /// Line of the file where it begins, counted from 1.
    pub line: u32,
    /// Every how many turns of the 12 s timer it acts; 0 and less: never by the timer.
    pub every: i32,
    /// Most creatures that live from it at once; 0: it makes none.
    pub most: u16,
    /// Fewest and most followers of a leader.
    pub group: (u16, u16),
    /// The leader: index into `Content::creatures`.
    pub leader: usize,
    /// The followers, if any.
    pub follower: Option<usize>,
    /// What they do with the points.
    pub route: RouteKind,
    /// How followers stand around the leader, 0..4.
    pub formation: u8,
    /// Start, segments and destination that are given, in this order; never empty.
    pub points: Vec<Waypoint>,
}
