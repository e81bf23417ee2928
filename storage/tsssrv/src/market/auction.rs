//! The auction house: lots are records of the store with the item and the bid's gold in them; every decision is a
//! transfer that names the version of the record that it saw.
//!
//! ```text
//!  list ──▶ Selling ──bid──▶ Selling (the outbid one's gold to its bank, in the same transfer)
//!              │
//!              ├── bought out, time over, cancelled ──▶ Ended: who gets what is written down (`dues`)
//!              │                                          │  one transfer for each due, again and again
//!              ▼                                          ▼  while a bank is full
//!                                                       gone
//! ```

mod deliver;
mod index;
mod numbers;
mod operator;
mod site;
mod words;

pub(super) use index::Index;
pub(crate) use site::{SiteDone, SiteOrder, SiteWish};

use super::shelf::{decode, encode};
use super::stalls::percent;
use super::store::refusal;
use super::{Answer, Early, Market, PATIENCE};
use index::Entry;
use model::calls::bank::Order;
use model::calls::database::{Failure, GetRecord, HeldRecord, ListRecords, Transfer, TransferRefusal};
use model::calls::market::{
    BidOnLot, BuyOutLot, CancelLot, ListLot, MarketRefusal, Reply, SearchLots, ToNode,
};
use model::calls::records::RECORDS_MAX;
use model::event::{Notice, NoticeKey};
use model::item::GOLD_MAX;
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::trade::BOUND_SLOTS_FROM;
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, Record, RecordChange, RecordKey, RecordKind};
use model::{AccountId, LotId, OperationId};
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering;
use store::planted::{self, Bug};

/// How often an order is composed anew because the lot changed meanwhile.
const ATTEMPTS: u32 = 4;
/// Longest name of an item or a player that is kept, in characters.
const NAME_MAX: usize = 40;
/// Most refunds that wait in a lot because banks are full.
const DUES_MAX: usize = 32;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// Who bids most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bid {
    account: AccountId,
    name: String,
    gold: i64,
}

/// Why somebody gets something out of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Cause {
    Bought,
    Won,
    Sold,
    Unsold,
    Cancelled,
    Outbid,
}

/// What a lot owes to a bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Due {
    to: AccountId,
    /// Gold, or the item.
    gold: Option<i64>,
    cause: Cause,
}

/// What the record of a lot says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    name: String,
    seller_name: String,
    start: i64,
    buy_out: Option<i64>,
    bid: Option<Bid>,
    /// False once it is decided; then only dues are left.
    is_selling: bool,
    /// Of a lot that is sold still: refunds whose bank was full.
    dues: Vec<Due>,
}

impl Body {
    /// Least next bid, given by how much it must be higher.
    fn next_bid(&self, step_percent: u8) -> i64 {
        match &self.bid {
            None => self.start,
            Some(bid) => bid.gold + percent(bid.gold, step_percent).max(1),
        }
    }
}

/// A lot as it was read.
#[derive(Clone, Debug)]
struct Read {
    held: HeldRecord,
    lot: LotId,
    body: Body,
}

impl Read {
    fn new(held: HeldRecord) -> Option<Self> {
        let RecordKey::Lot(lot) = held.record.key else { return None };
        let body = decode(&held.record.body)?;
        Some(Self { held, lot, body })
    }

    fn home(&self) -> AccountId {
        self.held.record.home
    }

    fn purse(&self) -> GoldLocation {
        GoldLocation { home: self.home(), account: GoldAccount::Lot(self.lot) }
    }

    /// The record with another body.
    fn put(&self, body: &Body) -> RecordChange {
        let record = Record { body: encode(body), ..self.held.record.clone() };
        RecordChange::Put { record, expected: self.held.record.version }
    }

    fn is_over(&self, now_ms: i64) -> bool {
        !self.body.is_selling || self.held.record.until_ms <= now_ms
    }
}

fn carried(fence: &Fence) -> GoldLocation {
    GoldLocation { home: fence.account, account: GoldAccount::Character(fence.character) }
}

fn bank(account: AccountId) -> GoldLocation {
    GoldLocation { home: account, account: GoldAccount::Cargo(account) }
}

fn world(home: AccountId, reason: &str) -> GoldLocation {
    GoldLocation { home, account: GoldAccount::Burn(reason.to_owned()) }
}

fn gold(amount: i64, from: GoldLocation, to: GoldLocation) -> Option<Move> {
    (amount > 0).then_some(Move::Gold { amount, from, to })
}

/// A player's transfer, its outcome stored with the player.
fn ordered(order: Order, attempt: u32, reason: &str, moves: Vec<Move>, change: RecordChange) -> Transfer {
    Transfer {
        operation: attempt_of(order.operation, attempt),
        actor: Actor::Player(order.fence.account),
        reason: reason.to_owned(),
        fences: vec![order.fence],
        moves,
        records: vec![change],
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

/// The operation of the n-th try of an order: a refused one is remembered, so the next needs another id, and a
/// repeat must find it.
fn attempt_of(operation: OperationId, attempt: u32) -> OperationId {
    OperationId(operation.0 ^ u128::from(attempt).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
}

/// The lot that an operation lists.
fn lot_of(operation: OperationId) -> LotId {
    LotId(((operation.0 >> 65) as u64).max(1))
}

/// A lot with a higher bid, paid from there; the gold of the last one goes to its bank, or waits in the lot.
fn raised(read: &Read, bid: Bid, from: GoldLocation, keeps_refund: bool) -> (Body, Vec<Move>) {
    let mut moves = Vec::from_iter(gold(bid.gold, from, read.purse()));
    let mut body = Body { bid: Some(bid), ..read.body.clone() };
    match &read.body.bid {
        Some(old) if keeps_refund => {
            body.dues.push(Due { to: old.account, gold: Some(old.gold), cause: Cause::Outbid });
        }
        Some(_) if planted::is(Bug::OutbidNotPaid) => {}
        Some(old) => moves.extend(gold(old.gold, read.purse(), bank(old.account))),
        None => {}
    }
    (body, moves)
}

fn short(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

impl Market {
    /// What came of an order that was sent before: it goes no other way than its first time went.
    async fn repeated(&self, order: Order) -> Answer {
        for attempt in 0..ATTEMPTS {
            let operation = attempt_of(order.operation, attempt);
            if self.ledgered.was_done(operation, order.fence, PATIENCE).await? {
                return Ok(Reply::DoneUnseen);
            }
        }
        Err(MarketRefusal::NotDone.into())
    }

    /// A lot as the store has it now; what the index says is put right.
    async fn read_lot(&self, lot: LotId) -> Result<Read, Early> {
        let home = self.index.lock().home(lot);
        let key = RecordKey::Lot(lot);
        let held = self.ledgered.store.get_record(GetRecord { key, home }).await?;
        let Some(held) = held else {
            self.index.lock().remove(lot);
            return Err(MarketRefusal::NoSuchLot.into());
        };
        let Some(read) = Read::new(held) else {
            tracing::error!(%lot, "the record of a lot cannot be read");
            return Err(MarketRefusal::NoSuchLot.into());
        };
        self.index.lock().put(Entry::of(&read));
        Ok(read)
    }

    /// A lot that can be bid on by this account.
    async fn read_open(&self, lot: LotId, by: AccountId) -> Result<Read, Early> {
        let read = self.read_lot(lot).await?;
        if read.is_over(self.now_ms()) {
            return Err(MarketRefusal::NoSuchLot.into());
        }
        if read.home() == by {
            return Err(MarketRefusal::OwnLot.into());
        }
        Ok(read)
    }

    pub(super) async fn list_lot(&self, asked: &ListLot) -> Answer {
        let (order, fence) = (asked.order, asked.order.fence);
        // before the checks: the lot that was listed counts by now
        if order.again {
            return self.repeated(order).await;
        }
        self.check_list(asked)?;
        let item = asked.carried.item;
        let lot = lot_of(order.operation);
        let names = (asked.carried.name.as_str(), asked.seller.as_str());
        let (record, body) = self.new_lot(lot, fence.account, names, asked.start, asked.buy_out, asked.hours);
        let place = |place| ItemLocation { home: fence.account, place };
        let (from, to) =
            (place(ItemPlace::Carry(fence.character, asked.carried.slot)), place(ItemPlace::Lot(lot, 0)));
        let mut moves = vec![Move::Item { item, from, to, effects: item.effects }];
        moves.extend(gold(self.fee(asked.start), carried(&fence), world(fence.account, "auction-fee")));
        let change = RecordChange::Put { record: record.clone(), expected: 0 };
        let transfer = ordered(order, 0, "auction-list", moves, change);
        let done = self.ledgered.transfer(&transfer, PATIENCE).await?.map_err(refusal)?;
        let read = Read { held: HeldRecord { record, items: vec![(0, item)], gold: 0 }, lot, body };
        let shown = {
            let mut index = self.index.lock();
            index.put(Entry::of(&read));
            index.lot(lot, self.auction.step_percent)
        };
        let carried = done.balance(&GoldAccount::Character(fence.character)).unwrap_or(0);
        Ok(shown.map_or(Reply::DoneUnseen, |lot| Reply::Listed { lot, gold: carried }))
    }

    /// A lot that is not there yet; names of the item and the seller.
    fn new_lot(
        &self,
        lot: LotId,
        home: AccountId,
        (name, seller): (&str, &str),
        start: i64,
        buy_out: Option<i64>,
        hours: u32,
    ) -> (Record, Body) {
        let body = Body {
            name: short(name),
            seller_name: short(seller),
            start,
            buy_out,
            bid: None,
            is_selling: true,
            dues: Vec::new(),
        };
        let record = Record {
            key: RecordKey::Lot(lot),
            home,
            version: 1,
            scope: home.0,
            until_ms: self.now_ms() + i64::from(hours) * HOUR_MS,
            body: encode(&body),
        };
        (record, body)
    }

    fn fee(&self, start: i64) -> i64 {
        percent(start, self.auction.fee_percent).max(self.auction.fee_min)
    }

    fn check_list(&self, asked: &ListLot) -> Result<(), MarketRefusal> {
        if asked.carried.slot >= BOUND_SLOTS_FROM {
            return Err(MarketRefusal::ItemBound);
        }
        if asked.order.fence.epoch.0 == 0 {
            return Err(MarketRefusal::BadRequest("the epoch".to_owned()));
        }
        self.check_terms(asked.order.fence.account, asked.start, asked.buy_out, asked.hours)
    }

    fn check_terms(
        &self,
        seller: AccountId,
        start: i64,
        buy_out: Option<i64>,
        hours: u32,
    ) -> Result<(), MarketRefusal> {
        let bad = |what: &str| Err(MarketRefusal::BadRequest(what.to_owned()));
        if [Some(start), buy_out].into_iter().flatten().any(|price| !(1..=GOLD_MAX).contains(&price)) {
            return bad("a price");
        }
        if buy_out.is_some_and(|buy_out| buy_out < start) {
            return bad("a buy-out below the first bid");
        }
        if !(1..=self.auction.hours_max).contains(&hours) {
            return bad("the hours");
        }
        let most = self.auction.lots_per_account;
        match self.index.lock().count_of(seller) < most as usize {
            true => Ok(()),
            false => Err(MarketRefusal::TooManyLots(most)),
        }
    }

    pub(super) async fn bid_on_lot(&self, asked: &BidOnLot) -> Answer {
        let (order, me) = (asked.order, asked.order.fence);
        if !(1..=GOLD_MAX).contains(&asked.gold) || me.epoch.0 == 0 {
            return Err(MarketRefusal::BadRequest("the gold or the epoch".to_owned()).into());
        }
        if order.again && !planted::is(Bug::RepeatComposedAnew) {
            return self.repeated(order).await;
        }
        let mut keeps_refund = false;
        for attempt in 0..ATTEMPTS {
            let read = self.read_open(asked.lot, me.account).await?;
            if let Some(price) = read.body.buy_out.filter(|price| *price <= asked.gold) {
                let asked = BuyOutLot { order, lot: asked.lot, price };
                return self.buy_out_from(&asked, attempt).await;
            }
            let least = read.body.next_bid(self.auction.step_percent);
            if asked.gold < least {
                return Err(MarketRefusal::BidTooLow(least).into());
            }
            let outbid = read.body.bid.clone();
            let bid = Bid { account: me.account, name: short(&asked.bidder), gold: asked.gold };
            let (body, moves) = raised(&read, bid, carried(&me), keeps_refund);
            let transfer = ordered(order, attempt, "auction-bid", moves, read.put(&body));
            match self.ledgered.transfer(&transfer, PATIENCE).await? {
                Ok(done) => {
                    self.index.lock().changed(&read, body);
                    if let Some(old) = outbid.filter(|_| !keeps_refund) {
                        let due = Due { to: old.account, gold: Some(old.gold), cause: Cause::Outbid };
                        self.tell_due(&read.body.name, due);
                    }
                    let gold = done.balance(&GoldAccount::Character(me.character));
                    return Ok(Reply::LotChanged { gold });
                }
                Err(TransferRefusal::TooMuch(GoldAccount::Cargo(_))) if read.body.dues.len() < DUES_MAX => {
                    keeps_refund = true;
                }
                Err(TransferRefusal::RecordChanged(_)) => {}
                Err(why) => return Err(refusal(why).into()),
            }
        }
        Err(MarketRefusal::OfferChanged.into())
    }

    pub(super) async fn buy_out_lot(&self, asked: &BuyOutLot) -> Answer {
        if asked.order.fence.epoch.0 == 0 {
            return Err(MarketRefusal::BadRequest("the epoch".to_owned()).into());
        }
        match asked.order.again {
            true => self.repeated(asked.order).await,
            false => self.buy_out_from(asked, 0).await,
        }
    }

    async fn buy_out_from(&self, asked: &BuyOutLot, first: u32) -> Answer {
        let (order, me) = (asked.order, asked.order.fence);
        for attempt in first..ATTEMPTS {
            let read = self.read_open(asked.lot, me.account).await?;
            if read.body.buy_out != Some(asked.price) {
                return Err(MarketRefusal::OfferChanged.into());
            }
            let (body, moves) = self.bought(&read, asked.price, me.account, carried(&me));
            let transfer = ordered(order, attempt, "auction-buy", moves, read.put(&body));
            match self.ledgered.transfer(&transfer, PATIENCE).await? {
                Ok(done) => {
                    self.index.lock().changed(&read, body);
                    self.deliver(asked.lot).await;
                    let gold = done.balance(&GoldAccount::Character(me.character));
                    return Ok(Reply::LotChanged { gold });
                }
                Err(TransferRefusal::RecordChanged(_)) => {}
                Err(why) => return Err(refusal(why).into()),
            }
        }
        Err(MarketRefusal::OfferChanged.into())
    }

    /// A lot that is sold for its price, paid from there.
    fn bought(&self, read: &Read, price: i64, by: AccountId, from: GoldLocation) -> (Body, Vec<Move>) {
        let tax = percent(price, self.auction.tax_percent);
        let mut moves = Vec::from_iter(gold(price, from, read.purse()));
        moves.extend(gold(tax, read.purse(), world(read.home(), "auction-tax")));
        let mut body = Body { is_selling: false, bid: None, ..read.body.clone() };
        let refund = read.body.bid.iter();
        body.dues.extend(refund.map(|bid| Due {
            to: bid.account,
            gold: Some(bid.gold),
            cause: Cause::Outbid,
        }));
        body.dues.push(Due { to: read.home(), gold: Some(price - tax), cause: Cause::Sold });
        body.dues.push(Due { to: by, gold: None, cause: Cause::Bought });
        (body, moves)
    }

    pub(super) async fn cancel_lot(&self, asked: &CancelLot) -> Answer {
        let (order, me) = (asked.order, asked.order.fence);
        if order.again {
            return self.repeated(order).await;
        }
        for attempt in 0..ATTEMPTS {
            let read = self.read_lot(asked.lot).await?;
            if read.home() != me.account || read.is_over(self.now_ms()) {
                return Err(MarketRefusal::NoSuchLot.into());
            }
            if read.body.bid.is_some() {
                return Err(MarketRefusal::HasBids.into());
            }
            let mut body = Body { is_selling: false, ..read.body.clone() };
            body.dues.push(Due { to: me.account, gold: None, cause: Cause::Cancelled });
            let transfer = ordered(order, attempt, "auction-cancel", Vec::new(), read.put(&body));
            match self.ledgered.transfer(&transfer, PATIENCE).await? {
                Ok(_) => {
                    self.index.lock().changed(&read, body);
                    self.deliver(asked.lot).await;
                    return Ok(Reply::LotChanged { gold: None });
                }
                Err(TransferRefusal::RecordChanged(_)) => {}
                Err(why) => return Err(refusal(why).into()),
            }
        }
        Err(MarketRefusal::HasBids.into())
    }

    fn check_indexed(&self) -> Result<(), Early> {
        match self.is_indexed.load(Ordering::Acquire) {
            true => Ok(()),
            false => Err(Early::Unavailable),
        }
    }

    pub(super) fn search_lots(&self, asked: &SearchLots) -> Answer {
        self.check_indexed()?;
        let (lots, found) = self.index.lock().search(asked, self.auction.step_percent, self.now_ms());
        Ok(Reply::Lots { lots, found })
    }

    pub(super) fn own_lots(&self, account: AccountId) -> Answer {
        self.check_indexed()?;
        let lots = self.index.lock().own(account, self.auction.step_percent);
        Ok(Reply::Lots { found: u32::try_from(lots.len()).unwrap_or(u32::MAX), lots })
    }

    /// Reads all lots of the store anew.
    pub(super) async fn reindex(&self) -> Result<(), Failure> {
        let began = self.index.lock().begin();
        let (mut after, mut found) = (0, Vec::new());
        loop {
            let (kind, limit) = (RecordKind::Lot, RECORDS_MAX);
            let page = ListRecords { kind, scope: None, home: None, after, limit };
            let records = self.ledgered.store.list_records(page).await?;
            let Some(last) = records.last().map(|held| held.record.key.number()) else { break };
            after = last;
            found.extend(records.into_iter().filter_map(Read::new).map(|read| Entry::of(&read)));
        }
        self.index.lock().replace(found, began);
        self.is_indexed.store(true, Ordering::Release);
        Ok(())
    }

    /// Tells whoever got something out of a lot.
    fn tell_due(&self, name: &str, due: Due) {
        let key = match due.cause {
            Cause::Bought | Cause::Won => NoticeKey::AuctionWon,
            Cause::Sold => NoticeKey::AuctionSold,
            Cause::Unsold => NoticeKey::AuctionUnsold,
            Cause::Cancelled => NoticeKey::AuctionCancelled,
            Cause::Outbid => NoticeKey::AuctionOutbid,
        };
        let arguments = match (due.cause, due.gold) {
            // the bid of a lot that an operator took off
            (Cause::Cancelled, Some(gold)) => [Some(format!("{gold} ({name})")), None],
            (_, gold) => [Some(name.to_owned()), gold.map(|gold| gold.to_string())],
        };
        let notice = Notice::Catalogue { key, arguments: arguments.into_iter().flatten().collect() };
        self.lines.push_all(&ToNode::Auction { account: due.to, notice });
    }
}
