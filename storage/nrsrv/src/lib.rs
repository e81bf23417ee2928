//! NRSrv: names and registry. Accounts, passwords and PINs, one live session per account, the characters of
//! an account, finding a player by name for a whisper; parties, channels, friends, who is online.
//!
//! It keeps nothing that cannot be told again: accounts lie in the store, sessions are held by the edges and
//! reported by them (`Hello`) whenever they connect, with the parties of these sessions. It must never know bytes of the client protocol, SQL, or
//! where a character stands. Passwords, PINs and hashes are never logged.
//!
//! [`run`] is the process; [`Registry`] is its core, which needs only a `Store` and a `SessionStore`;
//! [`accounts`] is what an operator's command line does when no cluster is running.
//!
//! One NRSrv serves at a time: edges follow the live member with the lowest name. Others stand by; with
//! sessions in Redis the next one knows at once who plays, in memory it asks the edges first.

pub mod accounts;
mod characters;
mod directory;
mod friends;
pub mod guard;
mod guilds;
pub mod hashing;
mod hello;
mod login;
mod metrics;
mod newcomers;
mod operator;
mod parties;
mod pin;
mod presence;
mod registry;
mod retry;
mod run;
mod service;
pub mod sessions;
mod settings;
mod social;

pub use hashing::HashPool;
pub use metrics::Metrics;
pub use newcomers::{NewcomerError, Newcomers};
pub use registry::{KnownEdges, Parts, Registry};
pub use run::{RunError, run};
pub use service::RegistryService;
pub use settings::{FriendLimits, Hashing, Limits, PinLimits, Settings, SignUp};
