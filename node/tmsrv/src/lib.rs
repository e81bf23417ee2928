//! TMSrv: the process that plays zones.
//!
//! ```text
//!  edges --ToNode--> network tasks --commands--> game threads (zones, 20 ticks a second)
//!    ^                   |  ^                        |   |
//!    |                   v  |                        |   | one message an edge and tick
//!    |               session tasks <--- crossings ---+   |
//!    |                   |  load, save, release          |
//!    +---ToEdge----------+-------------------------------+
//!                        v
//!                      store
//! ```
//!
//! A game thread owns its zones and never waits for anything but time and commands. One task a session does
//! what a session needs from the store, in order: load, enter, leave, save, release, hand over. Whoever reads
//! this crate for the rules of the game is in the wrong place: they are in `world` and `rules`.
//!
//! | task | on stop | on failure |
//! |---|---|---|
//! | game threads | told to end when everybody is saved | a panic stops the process |
//! | session, one each | leaves its zone, saves, releases, says `Dropped` | tries to save for a minute, then logs |
//! | stream of an edge | closed after the last session | its sessions are saved and released |
//! | jobs, saves | finished within `stop_seconds` | repeated by id until the outcome is known; saves come round again |
//! | stream of the market | ends at once | opened again; trades are asked for beside it until somebody knows |
//! | ground, one each opening of zones | ends at once | asks again |
//! | journal: rounds, and one task each | ends at once | the next round has everybody |
//! | balance | ends at once | the next look asks again |
//! | map keeper, save timer, store check | end at once | the last map holds; readiness says what is away |
//!
//! Main entry: [`run`]; with a store of one's own: [`run_with_store`].

mod attach;
mod balance;
mod clock;
mod edges;
mod error;
mod ground;
mod host;
mod instances;
mod jobs;
mod journal;
mod keeper;
mod market;
mod metrics;
mod neighbours;
mod network;
mod node;
mod outbox;
mod overload;
mod parking;
mod played;
mod populations;
mod postponed;
mod queue;
mod records;
mod roaming;
mod saver;
mod session;
mod settings;
mod siblings;
mod suspects;

pub use error::RunError;
pub use node::{run, run_with_store};
pub use settings::{Overload, Settings};
