//! Everything that the world is made of before anybody enters it: map, monsters, merchants, items, skills.
//!
//! [`load`] reads an operator's original directory or a pack directory (one that has a `pack.toml`);
//! [`builtin`] is the pack that every binary carries. Both give a [`Content`] and a [`Report`]: files of
//! real servers are untidy, so whatever looks wrong is reported once, with file and line, and loading goes
//! on without inventing anything.
//!
//! This crate never knows players, sockets or clocks. Parsers are pure functions over bytes; only the thin
//! directory readers touch files.

mod builtin;
mod config;
mod creature;
mod generator;
mod hash;
mod original;
mod pack;
mod places;
mod report;
mod terrain;
mod text;

pub use builtin::builtin;
pub use config::GameConfig;
pub use creature::{Creature, Starter};
pub use generator::{Generator, RouteKind, Waypoint};
pub use places::{CITY_SPREAD, City, Fixture, PORTAL_SPREAD, Portal};
pub use report::{Oddity, Report};
pub use terrain::Terrain;

use model::membership::NamedZone;
use model::{Rect, Tile};
use rules::{ItemTable, SkillTable};
use std::path::{Path, PathBuf};

/// All content of one cluster. Two nodes with the same [`Content::hash`] play the same world.
#[derive(Clone, Debug)]
pub struct Content {
    /// Name of the pack, or `original`.
    pub name: String,
    /// xxh3 over everything loaded, in canonical order.
    pub hash: u64,
    /// Where one can walk.
    pub terrain: Terrain,
    /// The item list.
    pub items: ItemTable,
    /// The skill list.
    pub skills: SkillTable,
    /// Monsters and merchants; generators name them by index.
    pub creatures: Vec<Creature>,
    /// Where and how creatures appear, by ascending number.
    pub generators: Vec<Generator>,
    /// Gates and other objects that stand in the world from the start.
    pub fixtures: Vec<Fixture>,
    /// Named zones in the order that decides overlaps.
    pub zones: Vec<NamedZone>,
    /// Portals, at most one for each source cell.
    pub portals: Vec<Portal>,
    /// The five cities by home number: Armia, Azran, Erion, Nippleheim, Noatum.
    pub cities: [City; 5],
    /// Where new characters appear.
    pub newcomers: Rect,
    /// What new characters have, by class number.
    pub starters: [Starter; 4],
    /// Settings of the game itself.
    pub config: GameConfig,
}

impl Content {
    /// The portal whose pad holds a tile.
    pub fn portal_at(&self, tile: Tile) -> Option<&Portal> {
        let cell = places::cell(tile);
        self.portals.iter().find(|portal| portal.from == cell)
    }

    /// The creature of a name, whatever the case; `_` and space are the same.
    pub fn creature(&self, name: &str) -> Option<usize> {
        let key = creature::key(name);
        self.creatures.iter().position(|creature| creature.key == key)
    }
}

/// Content that cannot be loaded at all. Whatever can be left out is an [`Oddity`] instead.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file without which there is no world.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("{path}: expected {expected}, found {found}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
}

/// Loads a folder: a pack when it has a `pack.toml`, else an operator's original directory.
pub fn load(dir: &Path) -> Result<(Content, Report), LoadError> {
    let (content, report) =
        if dir.join("pack.toml").is_file() { pack::load(dir) } else { original::load(dir) }?;
    check_names(dir, &content.zones)?;
    Ok((content, report))
}

/// Parts of zones and instances are told from zones of the content by their names alone.
fn check_names(dir: &Path, zones: &[NamedZone]) -> Result<(), LoadError> {
    let reserved = zones.iter().filter(|zone| NamedZone::is_reserved(&zone.name));
    let found: Vec<String> = reserved.map(|zone| format!("{:?}", zone.name)).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(LoadError::Format {
        path: dir.to_owned(),
        expected: "zones whose names do not end with `/` or `#` and a number, which parts of zones and instances are called by"
            .to_owned(),
        found: format!("the zones {}", found.join(", ")),
    })
}

/// Loads a folder and keeps only what there is to say about it.
pub fn check(dir: &Path) -> Result<Report, LoadError> {
    load(dir).map(|(_, report)| report)
}
