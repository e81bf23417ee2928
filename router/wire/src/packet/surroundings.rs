//! Weather, wars and instances.

use crate::Profile::{V748, V759, V769};
use crate::form::{I32, U8, U16, all, newer};
use crate::table::{Accept::Also, Direction::ToClient, shapes};

packet! {
    /// Wars of the player's guild; all zero when there is none.
    WarInfo = "war_info", shapes(ToClient, 0x03A8, [24, 24, 24])
        .accepting(V759, Also(&[16, 20]))
        .accepting(V769, Also(&[16, 20]))
        .accepting(V748, Also(&[16, 20]));
    /// Guild number of the enemy.
    enemy_guild: i32 = all(12, I32);
    /// Kingdom that holds the zone.
    zone_clan: i32 = newer(16, 16, I32).v748(16, U8);
    /// Guild number of the ally.
    ally_guild: i32 = newer(20, 20, I32).v748(20, U16);
}

packet! {
    /// The weather.
    Weather = "weather", shapes(ToClient, 0x018B, [16, 16, 16]);
    /// 0 clear, 1 rain, 2 snow.
    kind: i32 = all(12, I32);
}

packet! {
    /// A countdown: how long the instance that the player is in lasts still.
    InstanceTimer = "instance_timer", shapes(ToClient, 0x03A1, [16, 16, 16]);
    /// Seconds.
    seconds: i32 = all(12, I32);
}
