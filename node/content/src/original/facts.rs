//! Facts of the original world that its directory does not hold: they are in the original's program.

use crate::Portal;
use crate::places::{cities, rect};
use model::membership::NamedZone;
use model::{Rect, Tile};

/// Pad x, pad y, target x, target y, price, conditional. Source: the 7.59 server's table of portals.
#[rustfmt::skip]
const PORTALS: [(u16, u16, u16, u16, i64, bool); 39] = [
    (2116, 2100, 1044, 1724, 700, false),
    (2480, 1716, 1044, 1716, 700, false),
    (2456, 2016, 1044, 1708, 700, false),
    (1044, 1724, 2116, 2100, 0, false),
    (1044, 1716, 2480, 1716, 0, false),
    (1044, 1708, 2456, 2016, 0, false),
    (1048, 1764, 1100, 1712, 0, false),
    (1052, 1708, 3650, 3110, 0, false),
    (2140, 2068, 2588, 2096, 0, false),
    (2468, 1716, 2248, 1556, 0, false),
    (2364, 2284, 144, 3788, 0, false),
    (144, 3788, 2364, 2284, 0, false),
    (2668, 2156, 148, 3774, 0, false),
    (144, 3772, 2668, 2156, 0, false),
    (148, 3780, 1004, 4028, 0, false),
    (144, 3780, 1004, 4028, 0, false),
    (1004, 4028, 148, 3780, 0, false),
    (408, 4072, 1004, 4064, 0, false),
    (1004, 4064, 408, 4072, 0, false),
    (744, 3820, 1004, 3992, 0, false),
    (1004, 3992, 744, 3820, 0, false),
    (680, 4076, 916, 3820, 0, false),
    (916, 3820, 680, 4076, 0, false),
    (876, 3872, 932, 3820, 0, false),
    (932, 3820, 876, 3872, 0, false),
    (188, 188, 2548, 1740, 0, false),
    (2548, 1740, 2281, 3688, 0, true),
    (1824, 1772, 1172, 4080, 0, false),
    (1172, 4080, 1824, 1772, 0, false),
    (1516, 3996, 1304, 3816, 0, false),
    (1304, 3816, 1516, 3996, 0, false),
    (2452, 1716, 1969, 1711, 0, false),
    (2452, 1988, 1989, 1755, 0, false),
    (3648, 3108, 1054, 1710, 0, false),
    (1056, 1724, 1061, 2129, 0, true),
    (2364, 3892, 2364, 3906, 0, true),
    (2364, 3924, 3250, 1703, 0, true),
    (1312, 1900, 2366, 4073, 0, false),
    (2364, 4072, 1314, 1900, 0, false),
];

/// The portals of the original world.
pub(crate) fn portals() -> Vec<Portal> {
    PORTALS
        .iter()
        .map(|(from_x, from_y, to_x, to_y, gold, conditional)| Portal {
            from: Tile::new(*from_x, *from_y),
            to: Tile::new(*to_x, *to_y),
            gold: *gold,
            conditional: *conditional,
        })
        .collect()
}

/// Where newcomers appear: the training field, (2112,2042) and two tiles around.
pub(crate) fn newcomers() -> Rect {
    rect([2110, 2040, 2114, 2044])
}

/// The cities as zones. Armia is enlarged to hold the training field, so that both are one zone.
pub(crate) fn city_zones() -> Vec<NamedZone> {
    let mut zones: Vec<NamedZone> =
        cities().into_iter().map(|city| NamedZone { name: city.name, area: city.area }).collect();
    zones[0].area = rect([2048, 1920, 2303, 2303]);
    zones
}
