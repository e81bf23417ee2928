//! NRSrv over real link sockets, with fake edges, a real SQLite store, and a real Redis.
#![allow(clippy::unwrap_used)]

mod characters;
mod conformance;
mod edge;
mod friends;
mod guilds;
mod login;
mod operator;
mod pin;
mod reports;
mod social;
mod stage;
mod whisper;
