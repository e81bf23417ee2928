//! The market over real link sockets, on SQLite, with values in memory and in a real Redis.
#![allow(clippy::unwrap_used)]

mod auction;
mod lost;
mod refusals;
mod shards;
mod site;
mod stage;
mod stalls;
mod storm;
mod trades;
mod words;
