//! The economy of a fleet: bots that buy, sell, bank, drop, grab and trade, and check what they are shown.
//!
//! A bot asks for one thing at a time. It is *acknowledged* when the bot is shown that it was done. In the end,
//! when nobody asks for anything any more, every bot logs out and in again, and must be shown what it was shown
//! last: what was acknowledged and is not there, or is there twice, is a violation.

mod barter;
mod book;
mod idea;
mod trader;

pub use book::{Book, Deed, EconomyReport};
pub use trader::{Trader, Wish, compare};

use crate::protocol::place::Tile;
use std::time::Duration;

/// What the bots of an economy do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Places with a keeper of the bank and a merchant nearby.
    pub markets: Vec<Tile>,
    /// What they leave out.
    pub without: Vec<Deed>,
    /// How long a bot waits for an answer before it gives up.
    pub patience: Duration,
    /// Factor on the pauses between deeds, beside the one on all pauses.
    pub pace: f64,
}

impl Default for Options {
    /// The markets of the built-in content: Armia, Noatum, Azran, Erion.
    fn default() -> Options {
        Options {
            markets: [(2105, 2111), (1060, 1714), (2502, 1715), (2464, 1997)]
                .map(|(x, y)| Tile::new(x, y))
                .to_vec(),
            without: Vec::new(),
            patience: Duration::from_secs(20),
            pace: 1.0,
        }
    }
}
