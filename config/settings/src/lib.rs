//! Settings of a process: a TOML file, then the environment, then flags; unknown keys are errors.
//!
//! Layout of a file: `[process]` is [`Common`], everything else is the service's own type. The keys that exist
//! are read off the types themselves (see [`Shape`]), so an `Option` that is `None` by default is as known as
//! anything else. Every error is one line that names the file and line, the variable or the flag, the key,
//! what was found, and what was expected or the nearest good key.
//!
//! Settings types carry `#[serde(default)]` on every struct, so that a file names only what it changes.
//! This crate must never know what a setting means: which values cannot work is said by the type ([`Check`]).

mod check;
mod common;
mod describe;
mod error;
mod follow;
mod given;
mod live;
mod load;
mod shape;

pub use check::{BadValue, Check, within};
pub use common::{Common, Tls};
pub use describe::describe;
pub use error::{Origin, SettingsError};
pub use follow::{follow, follow_with};
pub use live::Live;
pub use load::{Loaded, Source, load};
pub use shape::{Leaf, Shape};
