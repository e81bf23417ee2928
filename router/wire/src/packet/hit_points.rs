//! Hit and mana points.

use crate::form::{I16, I32, NOWHERE, all, newer};
use crate::record::scaled_for_748;
use crate::table::{Direction::ToClient, shapes};

packet! {
    /// Points of the entity of the header's id, and where its own bar moves to.
    SetHpMp = "set_hp_mp", shapes(ToClient, 0x0181, [28, 28, 20]), fit = SetHpMp::narrow;
    /// Hit points.
    hp: i32 = newer(12, 12, I32).v748(12, I16);
    /// Mana points.
    mp: i32 = newer(16, 16, I32).v748(14, I16);
    /// Hit points that the bar moves to; the same as `hp` when nothing is pending.
    req_hp: i32 = newer(20, 20, I32).v748(16, I16);
    /// Mana points that the bar moves to.
    req_mp: i32 = newer(24, 24, I32).v748(18, I16);
    /// Most hit points, by which 7.48 is scaled as in a score; 0 when unknown. Not sent.
    hp_max: i32 = NOWHERE;
    /// Most mana points, by which 7.48 is scaled as in a score; 0 when unknown. Not sent.
    mp_max: i32 = NOWHERE;
}

impl SetHpMp {
    fn narrow(&mut self) {
        for (points, most) in [
            (&mut self.hp, self.hp_max),
            (&mut self.mp, self.mp_max),
            (&mut self.req_hp, self.hp_max),
            (&mut self.req_mp, self.mp_max),
        ] {
            *points = scaled_for_748(*points, most);
        }
        (self.hp_max, self.mp_max) = (0, 0);
    }
}

packet! {
    /// Hit points, and what the client is to take its session for.
    SetHpMode = "set_hp_mode", shapes(ToClient, 0x0292, [20, 20, 16]);
    /// Hit points.
    hp: i32 = newer(12, 12, I32).v748(12, I16);
    /// 22 plays on (dead when there are no hit points), 10..=19 goes to the selection, others disconnect.
    mode: i16 = all(16, I16).v748(14, I16);
}
