//! Scores: level, attributes, hit points.

use crate::form::{Form, I16, I32, U8, U16, all, each, many, newer};

/// [`Score`] as a form.
pub const SCORE: Form = Form::Record(&Score::RECORD);

/// The largest number of hit or mana points that a 7.48 client is shown.
pub const V748_MAX: i32 = 30_000;

record! {
    /// Level, attributes, hit and mana points. In 7.48 points are scaled down together with their maximum, so
    /// that bars stay proportional.
    Score = "score", sizes [48, 48, 28], fit = Score::narrow;
    /// Level, counted from 0.
    level: u16 = all(0, U16);
    /// Defence.
    defence: i32 = newer(4, 4, I32).v748(2, I16);
    /// Attack.
    attack: i32 = newer(8, 8, I32).v748(4, I16);
    /// Low half: kind of merchant, 0 for none. High half: facing, a digit of the number pad.
    merchant_dir: u8 = each(12, 12, 6, U8);
    /// Low half: run speed. High half: attack speed.
    attack_run: u8 = each(13, 13, 7, U8);
    /// Most hit points.
    hp_max: i32 = newer(16, 16, I32).v748(8, U16);
    /// Most mana points.
    mp_max: i32 = newer(20, 20, I32).v748(10, U16);
    /// Hit points; 0 lies dead.
    hp: i32 = newer(24, 24, I32).v748(12, U16);
    /// Mana points.
    mp: i32 = newer(28, 28, I32).v748(14, U16);
    /// Strength.
    strength: u16 = newer(32, 32, I16).v748(16, U16);
    /// Intelligence.
    intelligence: u16 = newer(34, 34, I16).v748(18, U16);
    /// Dexterity.
    dexterity: u16 = newer(36, 36, I16).v748(20, U16);
    /// Constitution.
    constitution: u16 = newer(38, 38, I16).v748(22, U16);
    /// Mastery of the weapon, then of the three trees of the class.
    mastery: [u16; 4] = newer(40, 40, many(&U16, 4)).v748(24, many(&U8, 4));
}

impl Score {
    fn narrow(&mut self) {
        self.hp = scaled_for_748(self.hp, self.hp_max);
        self.mp = scaled_for_748(self.mp, self.mp_max);
        self.hp_max = scaled_for_748(self.hp_max, self.hp_max);
        self.mp_max = scaled_for_748(self.mp_max, self.mp_max);
    }
}

/// Points as a 7.48 client is shown them: scaled by 30,000 / `most` when `most` is larger than that.
///
/// Who has any points left is never shown with none. `most` of 0 stands for an unknown maximum: points are only cut.
pub const fn scaled_for_748(points: i32, most: i32) -> i32 {
    if most <= V748_MAX {
        return if points > V748_MAX { V748_MAX } else { points };
    }
    let scaled = points as i64 * V748_MAX as i64 / most as i64;
    if points > 0 && scaled == 0 {
        1
    } else if scaled > V748_MAX as i64 {
        V748_MAX
    } else if scaled < -(V748_MAX as i64) {
        -V748_MAX
    } else {
        scaled as i32
    }
}
