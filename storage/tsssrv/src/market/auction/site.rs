//! What web sites do on behalf of an account whose player may be offline: gold and goods are those of its bank.
//!
//! ```text
//!   plan ---- a transfer ----> store: done                   -> done, now or by an earlier try
//!     |                               lot changed, bank full -> the next attempt: another id, planned anew
//!     |                               refused                -> refused
//!     '-- refused here --> an earlier try may have done it. A transfer that cannot be done takes the id, and that of
//!                          the attempts after it that were made: done -> done; refused -> refused, for ever
//! ```
//!
//! So an operation is done once, however often it is sent, and has an end: one that was refused is never done later.

use super::{
    ATTEMPTS, Bid, Body, Cause, DUES_MAX, Due, LotId, OperationId, Read, attempt_of, bank, gold, lot_of,
    raised, short, world,
};
use crate::market::store::refusal;
use crate::market::{Early, Market, PATIENCE};
use model::calls::database::{GetAccount, ListCharacters, LoadCargo, Transfer, TransferRefusal, Transferred};
use model::calls::market::{MarketRefusal, ToNode};
use model::event::{Notice, NoticeKey};
use model::item::{CARGO_SLOTS, GOLD_MAX};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{ItemLocation, Move, RecordChange, RecordKey};
use model::{AccountId, ItemId};

/// No lot has this number: what is to be removed from it cannot be done.
const NOWHERE: RecordKey = RecordKey::Lot(LotId(i64::MAX as u64));

/// Whose order, and under which id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SiteOrder {
    /// Made of the account, the kind of wish and the site's own id.
    pub(crate) operation: OperationId,
    /// Who acts.
    pub(crate) account: AccountId,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) enum SiteWish {
    Bid {
        lot: LotId,
        gold: i64,
        character: String,
    },
    Buy {
        lot: LotId,
        price: i64,
    },
    Cancel {
        lot: LotId,
    },
    List {
        slot: u8,
        item: ItemId,
        name: String,
        character: String,
        start: i64,
        buy_out: Option<i64>,
        hours: Option<u32>,
    },
}

/// An order that is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SiteDone {
    /// Which lot.
    pub(crate) lot: LotId,
    /// What the account's bank held after it, if gold moved.
    pub(crate) gold: Option<i64>,
}

/// What is to be sent, and what it makes of the lot.
struct Planned {
    moves: Vec<Move>,
    record: RecordChange,
    reason: &'static str,
    lot: LotId,
    /// The version and the body that the lot has when this does it.
    leaves: (u64, Body),
    /// Who is outbid by it.
    outbid: Option<Due>,
    notice: Option<(NoticeKey, Vec<String>)>,
}

fn bad(what: &str) -> Early {
    MarketRefusal::BadRequest(what.to_owned()).into()
}

impl Market {
    /// Does what a site wants, once.
    pub(crate) async fn site(&self, order: SiteOrder, wish: &SiteWish) -> Result<SiteDone, Early> {
        self.check_indexed()?;
        let mut keeps_refund = false;
        for attempt in 0..ATTEMPTS {
            let planned = match self.plan(order, wish, keeps_refund).await {
                Ok(planned) => planned,
                Err(Early::Refused(why)) => return self.find_end(order, wish, attempt, why).await,
                Err(unavailable) => return Err(unavailable),
            };
            let transfer = Transfer {
                operation: attempt_of(order.operation, attempt),
                actor: Actor::Player(order.account),
                reason: planned.reason.to_owned(),
                fences: Vec::new(),
                moves: planned.moves.clone(),
                records: vec![planned.record.clone()],
                softs: Vec::new(),
                standings: Vec::new(),
            };
            match self.ledgered.transfer(&transfer, PATIENCE).await? {
                Ok(done) => {
                    self.follow_up(order, &planned).await;
                    return Ok(site_done(order, planned.lot, &done));
                }
                Err(TransferRefusal::TooMuch(GoldAccount::Cargo(_))) => keeps_refund = true,
                Err(TransferRefusal::RecordChanged(NOWHERE)) => return Err(MarketRefusal::NotDone.into()),
                Err(TransferRefusal::RecordChanged(_)) => {}
                Err(why) => return Err(refusal(why).into()),
            }
        }
        Err(MarketRefusal::OfferChanged.into())
    }

    /// What came of an order that cannot be planned any more: maybe it was done by an earlier try, and changed what
    /// it was planned from.
    async fn find_end(
        &self,
        order: SiteOrder,
        wish: &SiteWish,
        from: u32,
        why: MarketRefusal,
    ) -> Result<SiteDone, Early> {
        let lot = match wish {
            SiteWish::Bid { lot, .. } | SiteWish::Buy { lot, .. } | SiteWish::Cancel { lot } => *lot,
            SiteWish::List { .. } => lot_of(order.operation),
        };
        for attempt in from..ATTEMPTS {
            let nothing = Transfer {
                operation: attempt_of(order.operation, attempt),
                actor: Actor::System("market".to_owned()),
                reason: "void".to_owned(),
                fences: Vec::new(),
                moves: Vec::new(),
                records: vec![RecordChange::Remove { key: NOWHERE, home: order.account, expected: 1 }],
                softs: Vec::new(),
                standings: Vec::new(),
            };
            match self.ledgered.transfer(&nothing, PATIENCE).await? {
                Ok(done) => return Ok(site_done(order, lot, &done)),
                Err(TransferRefusal::RecordChanged(NOWHERE)) => return Err(why.into()),
                // an earlier try came here, and went on to the next
                Err(TransferRefusal::RecordChanged(_) | TransferRefusal::TooMuch(GoldAccount::Cargo(_))) => {}
                Err(other) => return Err(refusal(other).into()),
            }
        }
        Err(why.into())
    }

    /// Puts the index right, tells players, and brings out what the lot owes.
    async fn follow_up(&self, order: SiteOrder, planned: &Planned) {
        let now = self.read_lot(planned.lot).await;
        // by an earlier try, or others were quicker: they have told
        let is_now = now.is_ok_and(|read| {
            (read.held.record.version, &read.body) == (planned.leaves.0, &planned.leaves.1)
        });
        if is_now {
            if let Some(due) = planned.outbid {
                self.tell_due(&planned.leaves.1.name, due);
            }
            if let Some((key, arguments)) = planned.notice.clone() {
                let notice = Notice::Catalogue { key, arguments };
                self.lines.push_all(&ToNode::Auction { account: order.account, notice });
            }
        }
        if !planned.leaves.1.is_selling {
            self.deliver(planned.lot).await;
        }
    }

    async fn plan(&self, order: SiteOrder, wish: &SiteWish, keeps_refund: bool) -> Result<Planned, Early> {
        let account = order.account;
        let found = self.ledgered.store.get_account(GetAccount { account }).await?;
        if found.ok_or_else(|| bad("no such account"))?.blocked.is_some() {
            return Err(MarketRefusal::Frozen.into());
        }
        match wish {
            SiteWish::Bid { lot, gold, character } => {
                self.plan_bid(account, *lot, *gold, character, keeps_refund).await
            }
            SiteWish::Buy { lot, price } => {
                let read = self.read_open(*lot, account).await?;
                self.plan_buy(account, &read, *price)
            }
            SiteWish::Cancel { lot } => self.plan_cancel(account, *lot).await,
            SiteWish::List { .. } => self.plan_list(order, wish).await,
        }
    }

    async fn plan_bid(
        &self,
        account: AccountId,
        lot: LotId,
        amount: i64,
        character: &str,
        keeps_refund: bool,
    ) -> Result<Planned, Early> {
        if !(1..=GOLD_MAX).contains(&amount) {
            return Err(bad("the gold"));
        }
        let read = self.read_open(lot, account).await?;
        if let Some(price) = read.body.buy_out.filter(|price| *price <= amount) {
            return self.plan_buy(account, &read, price);
        }
        let least = read.body.next_bid(self.auction.step_percent);
        if amount < least {
            return Err(MarketRefusal::BidTooLow(least).into());
        }
        if keeps_refund && read.body.dues.len() >= DUES_MAX {
            return Err(MarketRefusal::TooMuch.into());
        }
        let name = self.name_of(account, character).await?;
        let bid = Bid { account, name: short(&name), gold: amount };
        let (body, moves) = raised(&read, bid, bank(account), keeps_refund);
        let old = read.body.bid.as_ref().filter(|old| !keeps_refund && old.account != account);
        let outbid = old.map(|old| Due { to: old.account, gold: Some(old.gold), cause: Cause::Outbid });
        let number = self.index.lock().lot(lot, self.auction.step_percent).map(|lot| lot.number);
        let notice = number.map(|number| (NoticeKey::AuctionBid, vec![number, amount.to_string()]));
        Ok(Planned { outbid, notice, ..planned(&read, body, moves, "auction-bid-site") })
    }

    fn plan_buy(&self, account: AccountId, read: &Read, price: i64) -> Result<Planned, Early> {
        if read.body.buy_out != Some(price) {
            return Err(MarketRefusal::OfferChanged.into());
        }
        let (body, moves) = self.bought(read, price, account, bank(account));
        Ok(planned(read, body, moves, "auction-buy-site"))
    }

    async fn plan_cancel(&self, account: AccountId, lot: LotId) -> Result<Planned, Early> {
        let read = self.read_lot(lot).await?;
        if read.home() != account || read.is_over(self.now_ms()) {
            return Err(MarketRefusal::NoSuchLot.into());
        }
        if read.body.bid.is_some() {
            return Err(MarketRefusal::HasBids.into());
        }
        let mut body = Body { is_selling: false, ..read.body.clone() };
        body.dues.push(Due { to: account, gold: None, cause: Cause::Cancelled });
        Ok(planned(&read, body, Vec::new(), "auction-cancel-site"))
    }

    async fn plan_list(&self, order: SiteOrder, wish: &SiteWish) -> Result<Planned, Early> {
        let SiteWish::List { slot, item, name, character, start, buy_out, hours } = wish else {
            return Err(bad("no lot"));
        };
        let account = order.account;
        if usize::from(*slot) >= CARGO_SLOTS || short(name).trim().is_empty() {
            return Err(bad("the slot or the name"));
        }
        let hours = hours.unwrap_or(self.auction.hours);
        self.check_terms(account, *start, *buy_out, hours)?;
        let cargo = self.ledgered.store.load_cargo(LoadCargo { account }).await?.unwrap_or_default();
        let found = cargo.items.get(usize::from(*slot)).copied().flatten();
        let item = found.filter(|found| found.id == *item).ok_or(MarketRefusal::ItemGone)?;
        let seller = self.name_of(account, character).await?;
        let lot = lot_of(order.operation);
        let (record, body) = self.new_lot(lot, account, (name, &seller), *start, *buy_out, hours);
        let at = |place| ItemLocation { home: account, place };
        let (from, to) = (at(ItemPlace::Cargo(account, *slot)), at(ItemPlace::Lot(lot, 0)));
        let mut moves = vec![Move::Item { item, from, to, effects: item.effects }];
        moves.extend(gold(self.fee(*start), bank(account), world(account, "auction-fee")));
        Ok(Planned {
            moves,
            record: RecordChange::Put { record, expected: 0 },
            reason: "auction-list-site",
            lot,
            leaves: (1, body),
            outbid: None,
            notice: None,
        })
    }

    /// The name of a character, as it is written, which must be one of the account.
    async fn name_of(&self, account: AccountId, character: &str) -> Result<String, Early> {
        let all = self.ledgered.store.list_characters(ListCharacters { account }).await?;
        let found = all.into_iter().find(|found| found.name.as_str().eq_ignore_ascii_case(character));
        found
            .map(|found| found.name.as_str().to_owned())
            .ok_or_else(|| bad("no such character of the account"))
    }
}

fn planned(read: &Read, body: Body, moves: Vec<Move>, reason: &'static str) -> Planned {
    let record = read.put(&body);
    let leaves = (read.held.record.version + 1, body);
    Planned { moves, record, reason, lot: read.lot, leaves, outbid: None, notice: None }
}

fn site_done(order: SiteOrder, lot: LotId, done: &Transferred) -> SiteDone {
    SiteDone { lot, gold: done.balance(&GoldAccount::Cargo(order.account)) }
}
