//! What all bots of an economy write down: what was acknowledged, refused, never answered.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most different words of refusals that are kept.
const REFUSALS_MAX: usize = 60;

/// Most deliveries that are told in words.
const DELIVERIES_MAX: usize = 12;

/// What a bot can do in the economy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Move an item in the inventory: to a free slot, a swap, a join of stacks.
    Move,
    /// Put something on, or take it off.
    Wear,
    /// Split a stack.
    Split,
    /// Throw an item away.
    Destroy,
    /// Lay an item on the ground.
    Drop,
    /// Pick an item up.
    Grab,
    /// Buy from a merchant.
    Buy,
    /// Sell to a merchant.
    Sell,
    /// Buy back what was sold.
    BuyBack,
    /// An item into the bank.
    BankItem,
    /// An item out of the bank.
    UnbankItem,
    /// Gold into the bank.
    BankGold,
    /// Gold out of the bank.
    UnbankGold,
    /// A trade that both sides agreed to.
    Trade,
    /// Open a personal shop.
    Stall,
    /// Buy from a personal shop.
    StallBuy,
    /// Sell from the own personal shop.
    StallSale,
    /// Pay for a passage and arrive.
    Passage,
    /// A command to the auction house.
    Auction,
    /// A parcel sent to another player.
    Mail,
    /// What waits in parcels taken into the bank.
    Fetch,
}

/// Counts of an economy, as they are written in JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EconomyReport {
    /// All that was acknowledged.
    pub acknowledged: u64,
    /// By kind.
    pub acknowledged_by_kind: BTreeMap<Deed, u64>,
    /// Refused by the server.
    pub refused: BTreeMap<Deed, u64>,
    /// What was said with the refusals, numbers left out.
    pub refusals: BTreeMap<String, u64>,
    /// Never answered: done or not, the bot was not told in time.
    pub unanswered: BTreeMap<Deed, u64>,
    /// Shelves, shops and lists that were never shown.
    pub looks_unanswered: u64,
    /// Trades that somebody ended.
    pub trades_ended: u64,
    /// Trades during which something else changed, so that nobody can tell how they ended.
    pub trades_unclear: u64,
    /// Bots that logged in again in the end.
    pub compared: u64,
    /// Of these, bots that were shown what they were shown last.
    pub as_before: u64,
    /// Of these, bots that were given something while they were away: lots, proceeds, parcels.
    pub delivered: u64,
    /// What they were given, in words; the first few.
    pub deliveries: Vec<String>,
    /// Gold of all bots when they came.
    pub gold_at_first: i64,
    /// Gold of all bots in the end.
    pub gold_at_last: i64,
    /// Items of all bots in the end.
    pub items_at_last: u64,
}

/// The book that all bots share.
#[derive(Debug, Default)]
pub struct Book {
    inner: Mutex<EconomyReport>,
    acknowledged: AtomicU64,
    closing: AtomicBool,
    busy: AtomicUsize,
    arrived: AtomicUsize,
}

impl Book {
    fn lock(&self) -> MutexGuard<'_, EconomyReport> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was done and shown.
    pub fn acknowledge(&self, deed: Deed) {
        *self.lock().acknowledged_by_kind.entry(deed).or_default() += 1;
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was refused, with some words.
    pub fn refuse(&self, deed: Deed, words: &str) {
        let mut counts = self.lock();
        *counts.refused.entry(deed).or_default() += 1;
        let words: String = words.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        let words = if words.is_empty() { "(nothing)".to_owned() } else { words };
        if counts.refusals.len() < REFUSALS_MAX || counts.refusals.contains_key(&words) {
            *counts.refusals.entry(words).or_default() += 1;
        }
    }

    /// Nobody answered.
    pub fn leave_open(&self, deed: Deed) {
        *self.lock().unanswered.entry(deed).or_default() += 1;
    }

    /// A bot was given something while it was away.
    pub fn deliver(&self, words: String) {
        let mut counts = self.lock();
        counts.delivered += 1;
        if counts.deliveries.len() < DELIVERIES_MAX {
            counts.deliveries.push(words);
        }
    }

    /// Changes the counts.
    pub fn count(&self, count: impl FnOnce(&mut EconomyReport)) {
        count(&mut self.lock());
    }

    /// How much was acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Tells the fleet to come to its end before its time is over.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// True when the fleet shall come to its end.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// A bot is in the world for the first time, or has given up.
    pub(in crate::fleet) fn arrives(&self) {
        self.arrived.fetch_add(1, Ordering::Relaxed);
    }

    /// How many bots have come into the world, or have given up.
    pub fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    /// A bot begins to do things that touch others.
    pub(in crate::fleet) fn begins(&self) {
        self.busy.fetch_add(1, Ordering::SeqCst);
    }

    /// A bot does nothing any more that touches others.
    pub(in crate::fleet) fn ends(&self) {
        self.busy.fetch_sub(1, Ordering::SeqCst);
    }

    /// True when no bot does anything any more.
    pub fn is_quiet(&self) -> bool {
        self.busy.load(Ordering::SeqCst) == 0
    }

    /// Everything so far.
    pub fn report(&self) -> EconomyReport {
        EconomyReport { acknowledged: self.acknowledged(), ..self.lock().clone() }
    }
}
