//! TSSSrv: temporary storage, and the market over it. Values under keys that expire, in the process or in Redis.
//!
//! What lies here may be lost at any time: whatever must not be lost lies in the store. [`run`] is the process,
//! [`Values`] the storage, [`Cabinet`] the core that keeps callers to the limits and must never know what a value
//! means, [`Market`] trades, personal shops and auctions, [`Front`] both of them on the internal network,
//! [`serve_auctions`] the auctions over HTTP for web sites.
//!
//! One TSSSrv serves at a time: nodes follow the live member with the lowest name. With Redis a second one that
//! stands by goes on where the first one stopped.

mod auction_http;
mod cabinet;
mod front;
mod market;
mod run;
mod settings;
mod values;

pub use auction_http::serve as serve_auctions;
pub use cabinet::{Cabinet, Metrics};
pub use front::Front;
pub use market::{Clock, Ids, Market, Parts, Push, Spawn, random_ids, tokio_tasks, wall_clock};
pub use run::{RunError, run};
pub use settings::{Auction, Settings};
pub use values::{MemoryValues, PutFailure, RedisValues, Swap, Unanswered, Values};
