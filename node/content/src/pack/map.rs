//! Paints an attribute map from rectangles.

use crate::terrain::{ATTRIBUTE_BYTES, CELLS};
use crate::{Portal, Report, Terrain, places};
use serde::Deserialize;

/// `map.toml`: rectangles, painted in order over a map where everything is blocked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Map {
    area: Vec<Area>,
}

/// One rectangle; its borders belong to it, and it should begin and end with whole cells of 4 x 4.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Area {
    name: String,
    rect: [u16; 4],
    /// What the cells become; nothing is open ground.
    #[serde(default)]
    is: Vec<Attribute>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Attribute {
    Safe,
    Blocked,
    NoSummon,
    Indoor,
    Guild,
    Pvp,
    Newbie,
}

impl Attribute {
    fn bit(self) -> u8 {
        match self {
            Self::Safe => Terrain::SAFE,
            Self::Blocked => Terrain::BLOCKED,
            Self::NoSummon => Terrain::NO_SUMMON,
            Self::Indoor => Terrain::INDOOR,
            Self::Guild => Terrain::GUILD,
            Self::Pvp => Terrain::PVP,
            Self::Newbie => Terrain::NEWBIE,
        }
    }
}

/// Paints the areas in order, then the pads of the portals.
pub(crate) fn paint(map: &Map, portals: &[Portal], report: &mut Report) -> Terrain {
    let mut cells = vec![Terrain::BLOCKED; ATTRIBUTE_BYTES];
    for area in &map.area {
        let rect = places::rect(area.rect);
        if !rect.min.is_on_map() || !rect.max.is_on_map() {
            report.odd("map.toml", format!("area `{}`", area.name), "reaches outside of the map; left out");
            continue;
        }
        if (rect.min.x | rect.min.y) & 3 != 0 || (rect.max.x & rect.max.y) & 3 != 3 {
            report.odd(
                "map.toml",
                format!("area `{}`", area.name),
                "does not begin and end with whole cells of 4 x 4",
            );
        }
        let bits = area.is.iter().fold(0, |bits, attribute| bits | attribute.bit());
        for y in usize::from(rect.min.y >> 2)..=usize::from(rect.max.y >> 2) {
            let row = y * CELLS;
            cells[row + usize::from(rect.min.x >> 2)..=row + usize::from(rect.max.x >> 2)].fill(bits);
        }
    }
    for portal in portals.iter().filter(|portal| portal.from.is_on_map()) {
        cells[usize::from(portal.from.y >> 2) * CELLS + usize::from(portal.from.x >> 2)] |= Terrain::PORTAL;
    }
    report.count("areas of the map", map.area.len());
    Terrain::from_bytes(&cells, None).unwrap_or_else(Terrain::blocked)
}
