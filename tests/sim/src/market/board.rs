//! What is noted of a run, for the judge: who was told what, and who agreed to what.

use crate::player::Player;
use crate::trace::Trace;
use model::id::{CharacterId, Epoch, ItemId, OperationId, TradeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What one side gives: items and gold.
pub type Given = (BTreeSet<ItemId>, i64);

/// What a player agreed to: what it gives, and what it was shown that it gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// What it gives.
    pub gives: Given,
    /// What it gets.
    pub gets: Given,
}

/// What a player was told of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was done.
    Done,
    /// It was not, and never will be.
    Not,
}

/// Everything that is noted.
#[derive(Debug, Default)]
pub struct Board {
    /// All players.
    pub players: Vec<Player>,
    /// Under which epoch each plays.
    pub epochs: BTreeMap<CharacterId, Epoch>,
    /// Markets that are down.
    pub down: BTreeSet<u16>,
    /// What each side of a trade agreed to, as often as it did.
    pub consents: BTreeMap<(TradeId, CharacterId), Vec<Consent>>,
    /// How each side of a trade was told that it ended.
    pub trades: Vec<(TradeId, CharacterId, Told)>,
    /// What was told of orders that are one transfer under their own id.
    pub orders: Vec<(OperationId, &'static str, Told)>,
    /// What a purchase was said to cost.
    pub prices: BTreeMap<OperationId, i64>,
    /// How many players have come to each station of the end.
    pub stations: BTreeMap<u8, usize>,
    /// What players found wrong themselves.
    pub wrong: Vec<String>,
    /// What happened, for the comparison of two runs.
    pub trace: Trace,
}

/// Shared by all hosts of a run.
pub type SharedBoard = Arc<Mutex<Board>>;
