//! Settings of the game itself that operators keep with the content.

use serde::{Deserialize, Serialize};

/// Settings of the game; defaults are those of the original server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GameConfig {
    /// Below this level mortals enter the world at the newcomers' place.
    pub free_experience_level: u16,
    /// Percent of experience that a party gets.
    pub party_bonus: u32,
    /// Largest difference of levels in a party.
    pub party_difference: u16,
    /// Double experience and drops: percent.
    pub double: u32,
    /// True when monsters cost experience.
    pub death_costs_experience: bool,
    /// True when dungeon events run.
    pub dungeon_event: bool,
    /// Shortest time between two potions, in milliseconds.
    pub potion_delay_ms: u32,
    /// Drop bonus by slot of the drop table, in percent.
    pub drop_bonus: Vec<u16>,
}

impl Default for GameConfig {
    fn default() -> Self {
        Self {
            free_experience_level: 35,
            party_bonus: 100,
            party_difference: 200,
            double: 0,
            death_costs_experience: false,
            dungeon_event: false,
            potion_delay_ms: 500,
            drop_bonus: vec![100; 64],
        }
    }
}
