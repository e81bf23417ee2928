//! Mounts: what riding one gives.
//!
//! The eight bytes of a mount are used in their own way: the first effect holds its hit points (16 bits,
//! low byte first), the second its level and vitality, the third its feed and growth.

use model::Item;

/// The equipment slot of a mount.
pub const SLOT: usize = 14;

/// What a mount gives its rider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Riding {
    /// Added to attack.
    pub attack: i32,
    /// Added to magic before it is divided.
    pub magic: i32,
    /// Added to evasion.
    pub evasion: i32,
    /// Added to each resistance.
    pub resist: i32,
    /// Running speed.
    pub speed: u8,
}

/// Hit points of a mount.
pub fn hp(item: &Item) -> i16 {
    i16::from_le_bytes([item.effects[0].code, item.effects[0].value])
}

/// Level of a mount.
pub fn level(item: &Item) -> u8 {
    item.effects[1].code
}

/// True for items whose eight bytes are those of a mount.
pub fn is_mount(item: &Item) -> bool {
    (2330..2390).contains(&item.kind.0)
}

/// What riding an item gives: grown mounts (2362..2389) as long as they live, by level; temporary ones
/// (3980..) flat. `None` for everything else.
pub fn riding(item: &Item) -> Option<Riding> {
    let kind = item.kind.0;
    let (_, attack, magic, evasion, resist, speed) = TABLE.iter().find(|row| row.0 == kind).copied()?;
    let flat = Riding { attack, magic, evasion, resist, speed };
    match kind {
        3980.. => Some(flat),
        2362..2390 if hp(item) > 0 => {
            let level = i32::from(level(item));
            Some(Riding { attack: (level + 20) * attack / 100, magic: (level + 15) * magic / 100, ..flat })
        }
        _ => None,
    }
}

/// Item, attack, magic, evasion, resist, speed. Source: `mounts.csv`, columns of the 7.59 server.
#[rustfmt::skip]
const TABLE: [(u16, i32, i32, i32, i32, u8); 45] = [
    (2360, 10, 1, 0, 0, 4),
    (2361, 10, 1, 0, 0, 4),
    (2362, 50, 1, 0, 0, 5),
    (2363, 80, 15, 0, 0, 5),
    (2364, 100, 20, 0, 0, 4),
    (2365, 150, 25, 0, 0, 5),
    (2366, 250, 50, 40, 0, 6),
    (2367, 300, 60, 50, 0, 6),
    (2368, 350, 65, 60, 0, 6),
    (2369, 400, 70, 70, 0, 6),
    (2370, 500, 85, 80, 0, 6),
    (2371, 250, 50, 0, 16, 6),
    (2372, 300, 60, 0, 20, 6),
    (2373, 350, 65, 0, 24, 6),
    (2374, 400, 70, 0, 28, 6),
    (2375, 500, 85, 0, 32, 6),
    (2376, 550, 90, 0, 0, 6),
    (2377, 600, 90, 0, 0, 6),
    (2378, 550, 90, 0, 20, 6),
    (2379, 650, 100, 60, 28, 6),
    (2380, 750, 110, 80, 32, 6),
    (2381, 570, 90, 20, 16, 6),
    (2382, 570, 90, 30, 8, 6),
    (2383, 570, 90, 40, 12, 6),
    (2384, 590, 80, 30, 20, 6),
    (2385, 615, 90, 40, 16, 6),
    (2386, 615, 90, 50, 16, 6),
    (2387, 620, 35, 30, 28, 6),
    (2388, 250, 95, 0, 28, 6),
    (2389, 150, 10, 20, 0, 6),
    (3980, 35, 7, 0, 0, 6),
    (3981, 350, 55, 10, 28, 6),
    (3982, 450, 55, 0, 0, 6),
    (3983, 35, 7, 0, 0, 6),
    (3984, 450, 72, 10, 28, 6),
    (3985, 450, 72, 0, 0, 6),
    (3986, 120, 45, 0, 0, 6),
    (3987, 450, 72, 10, 28, 6),
    (3988, 450, 72, 0, 0, 6),
    (3989, 325, 35, 16, 28, 6),
    (3990, 350, 45, 10, 4, 6),
    (3991, 250, 25, 0, 31, 6),
    (3992, 80, 15, 0, 31, 6),
    (3993, 950, 145, 60, 20, 6),
    (3994, 950, 145, 60, 20, 6),
];

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Effect, ItemId, ItemKind};

    fn mount(kind: u16, hp: i16, level: u8) -> Item {
        let [low, high] = hp.to_le_bytes();
        let effects = [
            Effect { code: low, value: high },
            Effect { code: level, value: 30 },
            Effect { code: 100, value: 0 },
        ];
        Item { id: ItemId(1), kind: ItemKind(kind), effects }
    }

    #[test]
    fn a_grown_mount_gives_by_its_level() {
        // 2366: attack 250, magic 50, evasion 40. Level 100: 120 * 250 / 100 and 115 * 50 / 100.
        let expected = Riding { attack: 300, magic: 57, evasion: 40, resist: 0, speed: 6 };
        assert_eq!(riding(&mount(2366, 20_000, 100)), Some(expected));
    }

    #[test]
    fn a_dead_mount_and_a_young_one_give_nothing_and_a_temporary_one_gives_flat() {
        assert_eq!(riding(&mount(2366, 0, 100)), None);
        assert_eq!(riding(&mount(2360, 100, 100)), None);
        assert_eq!(riding(&mount(861, 100, 100)), None);
        let flat = Riding { attack: 350, magic: 55, evasion: 10, resist: 28, speed: 6 };
        assert_eq!(riding(&mount(3981, 0, 0)), Some(flat));
    }
}
