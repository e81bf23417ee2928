//! LogSrv: takes the structured logs of all processes, keeps them in rotated files, and shows them live.
//!
//! Sources are never held up by watchers, and nothing that was acknowledged is lost or stored twice: a batch
//! is acknowledged when it is on the disk, and what a source sends again is recognised by its sequence, also
//! after LogSrv itself was restarted. LogSrv starts first and belongs to no membership.
//! This crate must never know what a log line means.

mod backwards;
mod filter;
mod journal;
mod line;
mod run;
mod service;
mod tail;

pub use filter::{last, matches};
pub use line::render;
pub use run::{RunError, Settings, run};
pub use tail::{Tail, tail};
