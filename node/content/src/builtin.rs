//! The pack that every binary carries.

use crate::{Content, Report, pack};
use std::path::Path;

/// The files of `config/content`, in the order of [`pack::FILES`].
const TEXTS: [&str; 8] = [
    include_str!("../../../config/content/pack.toml"),
    include_str!("../../../config/content/map.toml"),
    include_str!("../../../config/content/places.toml"),
    include_str!("../../../config/content/items.toml"),
    include_str!("../../../config/content/skills.toml"),
    include_str!("../../../config/content/creatures.toml"),
    include_str!("../../../config/content/generators.toml"),
    include_str!("../../../config/content/starters.toml"),
];

/// The built-in pack.
///
/// # Panics
/// When the pack in this binary is broken; a test of this crate loads it.
pub fn builtin() -> (Content, Report) {
    match pack::parse(Path::new("config/content"), &TEXTS) {
        Ok(loaded) => loaded,
        Err(error) => panic!("the built-in content pack is broken: {error}"),
    }
}
