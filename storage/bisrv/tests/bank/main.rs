//! The bank over a real link socket and a real SQLite store.
#![allow(clippy::unwrap_used)]

mod cash;
mod gold;
mod guild;
mod guild_log;
mod http;
mod intruder;
mod items;
mod loading;
mod members;
mod parcels;
mod returns;
mod shards;
mod stage;
mod storm;
