//! Portals, cities and objects of the map.

use model::{ItemKind, Rect, Tile};
use serde::{Deserialize, Serialize};

/// A portal leads to its target plus 0..this on both axes.
pub const PORTAL_SPREAD: u16 = 2;
/// A city receives on its spawn tile plus 0..this on both axes.
pub const CITY_SPREAD: u16 = 14;

/// A portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portal {
    /// Its pad: the 4 x 4 cell that begins here (both low bits cleared).
    pub from: Tile,
    /// Where it leads, plus 0..[`PORTAL_SPREAD`].
    pub to: Tile,
    /// What it costs.
    pub gold: i64,
    /// True when it opens only at times or for some; closed as long as nothing says otherwise.
    pub conditional: bool,
}

/// A city.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct City {
    /// Its name.
    pub name: String,
    /// Where recall leads, plus 0..[`CITY_SPREAD`].
    pub spawn: Tile,
    /// Where recall leads members of the guild that owns the city.
    pub guild_spawn: Tile,
    /// Its tiles.
    pub area: Rect,
}

/// An object that stands in the world from the start: a gate, for example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixture {
    /// What it is.
    pub kind: ItemKind,
    /// Where it stands.
    pub tile: Tile,
    /// Its direction.
    pub rotate: u8,
}

/// The corner of the 4 x 4 cell that holds a tile.
pub(crate) fn cell(tile: Tile) -> Tile {
    Tile::new(tile.x & !3, tile.y & !3)
}

const fn city(name: &'static str, spawn: [u16; 2], guild: [u16; 2], area: [u16; 4]) -> Place {
    Place { name, spawn, guild, area }
}

struct Place {
    name: &'static str,
    spawn: [u16; 2],
    guild: [u16; 2],
    area: [u16; 4],
}

/// Source: game-rules, "Places".
const CITIES: [Place; 5] = [
    city("Armia", [2086, 2093], [2088, 2148], [2052, 2052, 2171, 2163]),
    city("Azran", [2494, 1707], [2531, 1700], [2432, 1672, 2675, 1767]),
    city("Erion", [2453, 2000], [2460, 1976], [2448, 1966, 2476, 2024]),
    city("Nippleheim", [3652, 3122], [3614, 3124], [3605, 3090, 3690, 3260]),
    city("Noatum", [1050, 1706], [1066, 1760], [1036, 1700, 1072, 1760]),
];

/// The five cities of the game, by home number.
pub(crate) fn cities() -> [City; 5] {
    CITIES.map(|place| City {
        name: place.name.to_owned(),
        spawn: Tile::new(place.spawn[0], place.spawn[1]),
        guild_spawn: Tile::new(place.guild[0], place.guild[1]),
        area: rect(place.area),
    })
}

/// A rectangle from `x1, y1, x2, y2`.
pub(crate) fn rect([x1, y1, x2, y2]: [u16; 4]) -> Rect {
    Rect::new(Tile::new(x1, y1), Tile::new(x2, y2))
}
