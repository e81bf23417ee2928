//! Levels: the experience that they begin at, and the points that they bring.

mod table;

use table::{CELESTIAL, MORTAL};

/// Highest zero based level of mortals and arches (shown as 400).
pub const LEVEL_MAX: u16 = 399;

/// Which column of the table counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ladder {
    /// Mortals and arches.
    #[default]
    Mortal,
    /// Celestials and above.
    Celestial,
}

impl Ladder {
    fn table(self) -> &'static [i64] {
        match self {
            Self::Mortal => &MORTAL,
            Self::Celestial => &CELESTIAL,
        }
    }
}

/// Experience at which a level begins; levels behind the table cost what the last one costs.
pub fn experience_of(ladder: Ladder, level: u16) -> i64 {
    let table = ladder.table();
    table[usize::from(level).min(table.len() - 1)]
}

/// Experience that is missing for the next level; `None` at the highest.
pub fn missing(ladder: Ladder, level: u16, experience: i64) -> Option<i64> {
    (level < LEVEL_MAX).then(|| experience_of(ladder, level + 1).saturating_sub(experience).max(0))
}

/// The level after a gain: one level at most, as the original checks.
pub fn after_gain(ladder: Ladder, level: u16, experience: i64) -> u16 {
    match missing(ladder, level, experience) {
        Some(0) => level + 1,
        _ => level,
    }
}

/// Which quarter (0..3) of a level some experience lies in; a new quarter heals.
pub fn quarter(ladder: Ladder, level: u16, experience: i64) -> u8 {
    let from = experience_of(ladder, level);
    let to = experience_of(ladder, level.saturating_add(1));
    let (gained, whole) = (experience.saturating_sub(from).max(0), to.saturating_sub(from));
    if whole <= 0 {
        return 3;
    }
    (gained.saturating_mul(4) / whole).min(3) as u8
}

/// Points for attributes that a mortal of a level has had in all.
/// 5L; +5(L-254) from 254; +10(L-299) from 299; -8(L-354) from 354.
pub fn attribute_points(level: u16) -> i32 {
    let level = i32::from(level);
    let over = |from: i32| (level - from).max(0);
    5 * level + 5 * over(254) + 10 * over(299) - 8 * over(354)
}

/// Points for skills that a mortal of a level has had in all: 3L + (L-199) from 199.
pub fn skill_points(level: u16) -> i32 {
    let level = i32::from(level);
    3 * level + (level - 199).max(0)
}

/// Points for masteries that a level has brought in all.
pub fn mastery_points(level: u16) -> i32 {
    2 * i32::from(level)
}

/// Highest mastery that can be trained at a level: 3(L+1)/2, at most 200.
pub fn mastery_cap(level: u16) -> u16 {
    (3 * (level.min(LEVEL_MAX) + 1) / 2).min(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_published_corners() {
        assert_eq!(experience_of(Ladder::Mortal, 0), 0);
        assert_eq!(experience_of(Ladder::Mortal, 1), 500);
        assert_eq!(experience_of(Ladder::Mortal, 24), 65_745);
        assert_eq!(experience_of(Ladder::Mortal, 399), 4_000_000_000);
        assert_eq!(experience_of(Ladder::Mortal, u16::MAX), 4_290_000_000);
        assert_eq!(experience_of(Ladder::Celestial, 1), 20_000_000);
        assert_eq!(experience_of(Ladder::Celestial, 399), 8_000_000_000);
    }

    #[test]
    fn every_level_costs_more_than_the_one_before() {
        for ladder in [Ladder::Mortal, Ladder::Celestial] {
            for level in 0..LEVEL_MAX {
                assert!(
                    experience_of(ladder, level) < experience_of(ladder, level + 1),
                    "{ladder:?} {level}"
                );
            }
        }
    }

    #[test]
    fn a_gain_brings_one_level_at_most() {
        assert_eq!(after_gain(Ladder::Mortal, 0, 499), 0);
        assert_eq!(after_gain(Ladder::Mortal, 0, 500), 1);
        assert_eq!(after_gain(Ladder::Mortal, 0, i64::MAX), 1);
        assert_eq!(after_gain(Ladder::Mortal, LEVEL_MAX, i64::MAX), LEVEL_MAX);
        assert_eq!(missing(Ladder::Mortal, 3, 2_000), Some(610));
    }

    #[test]
    fn a_level_has_four_quarters() {
        let quarters: Vec<u8> =
            [0, 124, 125, 249, 250, 375, 499].iter().map(|xp| quarter(Ladder::Mortal, 0, *xp)).collect();
        assert_eq!(quarters, [0, 0, 1, 1, 2, 3, 3]);
        assert_eq!(quarter(Ladder::Mortal, u16::MAX, i64::MAX), 3);
        assert_eq!(quarter(Ladder::Mortal, 5, i64::MIN), 0);
    }

    #[test]
    fn points_follow_the_published_formulas() {
        for (level, attributes, skills) in [(0, 0, 0), (100, 500, 300), (254, 1270, 817), (300, 1740, 1001)] {
            assert_eq!(attribute_points(level), attributes, "level {level}");
            assert_eq!(skill_points(level), skills, "level {level}");
        }
        // 5*399 + 5*145 + 10*100 - 8*45
        assert_eq!(attribute_points(399), 3_360);
        assert_eq!(mastery_cap(0), 1);
        assert_eq!(mastery_cap(99), 150);
        assert_eq!(mastery_cap(399), 200);
        assert_eq!(mastery_points(399), 798);
    }
}
