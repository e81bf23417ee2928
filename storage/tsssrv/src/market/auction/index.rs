//! All lots by id, in the process: for search and for the clock. It may lag behind the store and decides nothing.

use super::{Body, Read, numbers};
use model::calls::market::{LOTS_PER_PAGE, Lot, LotOrder, SearchLots};
use model::{AccountId, Item, LotId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use tokio::time::Instant;

/// One lot as it was last seen.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    lot: LotId,
    home: AccountId,
    version: u64,
    until_ms: i64,
    item: Option<Item>,
    body: Body,
    /// The name as it is compared.
    folded: String,
    /// Not looked at again before.
    wait: Option<Instant>,
    /// When it was entered, see [`Index::begin`].
    seen: u64,
}

impl Entry {
    pub(super) fn of(read: &Read) -> Self {
        Self {
            lot: read.lot,
            home: read.home(),
            version: read.held.record.version,
            until_ms: read.held.record.until_ms,
            item: read.held.items.first().map(|(_, item)| *item),
            body: read.body.clone(),
            folded: fold(&read.body.name),
            wait: None,
            seen: 0,
        }
    }
}

fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// See the module.
#[derive(Default)]
pub(in crate::market) struct Index {
    lots: BTreeMap<LotId, Entry>,
    by_seller: HashMap<AccountId, usize>,
    clock: u64,
}

impl Index {
    /// Enters a lot, unless a later version is known.
    pub(super) fn put(&mut self, mut entry: Entry) {
        self.clock += 1;
        entry.seen = self.clock;
        if let Some(old) = self.lots.get(&entry.lot) {
            if old.version > entry.version {
                return;
            }
            entry.wait = old.wait;
        } else {
            *self.by_seller.entry(entry.home).or_default() += 1;
        }
        self.lots.insert(entry.lot, entry);
    }

    /// A lot was changed from what was read.
    pub(super) fn changed(&mut self, read: &Read, body: Body) {
        let version = read.held.record.version + 1;
        self.put(Entry { version, body, ..Entry::of(read) });
    }

    pub(super) fn remove(&mut self, lot: LotId) {
        if let Some(old) = self.lots.remove(&lot)
            && let Some(count) = self.by_seller.get_mut(&old.home)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_seller.remove(&old.home);
            }
        }
    }

    /// A lot is not looked at again before.
    pub(super) fn wait(&mut self, lot: LotId, until: Instant) {
        if let Some(entry) = self.lots.get_mut(&lot) {
            entry.wait = Some(until);
        }
    }

    /// The beginning of a full reading: what is entered later is newer than what it will bring.
    pub(super) fn begin(&mut self) -> u64 {
        self.clock
    }

    /// The end of a full reading that began then.
    pub(super) fn replace(&mut self, found: Vec<Entry>, began: u64) {
        let known: std::collections::HashSet<LotId> = found.iter().map(|entry| entry.lot).collect();
        let is_gone = |entry: &&Entry| entry.seen <= began && !known.contains(&entry.lot);
        let gone: Vec<LotId> = self.lots.values().filter(is_gone).map(|entry| entry.lot).collect();
        for lot in gone {
            self.remove(lot);
        }
        for entry in found {
            self.put(entry);
        }
    }

    pub(super) fn home(&self, lot: LotId) -> Option<AccountId> {
        self.lots.get(&lot).map(|entry| entry.home)
    }

    /// How many lots an account has, those included that are over and not yet delivered.
    pub(super) fn count_of(&self, seller: AccountId) -> usize {
        self.by_seller.get(&seller).copied().unwrap_or(0)
    }

    /// Lots that are over, or owe something, at most so many.
    pub(super) fn due(&self, now_ms: i64, now: Instant, most: usize) -> Vec<LotId> {
        let is_due = |entry: &&Entry| {
            let has_work = !entry.body.is_selling || entry.until_ms <= now_ms || !entry.body.dues.is_empty();
            has_work && entry.wait.is_none_or(|wait| wait <= now)
        };
        self.lots.values().filter(is_due).take(most).map(|entry| entry.lot).collect()
    }

    /// A lot as players see it.
    pub(super) fn lot(&self, lot: LotId, step_percent: u8) -> Option<Lot> {
        self.lots.get(&lot).and_then(|entry| self.shown(entry, step_percent))
    }

    fn shown(&self, entry: &Entry, step_percent: u8) -> Option<Lot> {
        let before = self.lots.range(..entry.lot).next_back().map(|(lot, _)| *lot);
        let after = self.lots.range(LotId(entry.lot.0 + 1)..).next().map(|(lot, _)| *lot);
        Some(Lot {
            lot: entry.lot,
            number: numbers::shortest(entry.lot, [before, after].into_iter().flatten()),
            item: entry.item?,
            name: entry.body.name.clone(),
            seller: entry.home,
            seller_name: entry.body.seller_name.clone(),
            bid: entry.body.bid.as_ref().map(|bid| (bid.account, bid.gold)),
            next_bid: entry.body.next_bid(step_percent),
            buy_out: entry.body.buy_out,
            until_ms: entry.until_ms,
        })
    }

    /// Lots whose number begins so: none, one, or two for many.
    pub(super) fn beginning(&self, number: &str) -> Vec<LotId> {
        let Some((low, high)) = numbers::range(number) else { return Vec::new() };
        let selling = self.lots.range(low..=high).filter(|(_, entry)| entry.body.is_selling);
        selling.map(|(lot, _)| *lot).take(2).collect()
    }

    /// One page of what is looked for, and how many there are in all.
    pub(super) fn search(&self, asked: &SearchLots, step_percent: u8, now_ms: i64) -> (Vec<Lot>, u32) {
        let words: Vec<String> = asked.words.split_whitespace().map(fold).collect();
        let fits = |entry: &&Entry| {
            let price = entry.body.next_bid(step_percent);
            entry.body.is_selling
                && entry.until_ms > now_ms
                && words.iter().all(|word| entry.folded.contains(word.as_str()))
                && asked.kind.is_none_or(|kind| entry.item.is_some_and(|item| item.kind == kind))
                && asked.price_min.is_none_or(|least| price >= least)
                && asked.price_max.is_none_or(|most| price <= most)
        };
        let mut found: Vec<&Entry> = self.lots.values().filter(fits).collect();
        let price = |entry: &&Entry| entry.body.next_bid(step_percent);
        match asked.order {
            LotOrder::Price => found.sort_by_key(price),
            LotOrder::PriceDown => found.sort_by_key(|entry| Reverse(price(entry))),
            LotOrder::Ending => found.sort_by_key(|entry| entry.until_ms),
            LotOrder::Name => found.sort_by(|a, b| a.folded.cmp(&b.folded)),
        }
        let skip = (asked.page as usize).saturating_mul(LOTS_PER_PAGE as usize);
        let page = found.iter().skip(skip).take(LOTS_PER_PAGE as usize);
        let lots = page.filter_map(|entry| self.shown(entry, step_percent)).collect();
        (lots, u32::try_from(found.len()).unwrap_or(u32::MAX))
    }

    /// Lots that an account sells or bids most on.
    pub(super) fn own(&self, account: AccountId, step_percent: u8) -> Vec<Lot> {
        let is_own = |entry: &&Entry| {
            let bids = entry.body.bid.as_ref().is_some_and(|bid| bid.account == account);
            entry.body.is_selling && (entry.home == account || bids)
        };
        self.lots
            .values()
            .filter(is_own)
            .take(64)
            .filter_map(|entry| self.shown(entry, step_percent))
            .collect()
    }
}
