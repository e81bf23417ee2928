//! Ends lots whose time is over, and brings what they owe into the banks: each due is one transfer, and what does
//! not fit into a bank waits in the lot.

use super::{Body, Cause, Due, Read, bank, gold, world};
use crate::market::stalls::percent;
use crate::market::{Market, PATIENCE};
use ::store::Store;
use model::calls::database::{LoadCargo, Transfer};
use model::ledger::{Actor, ItemPlace};
use model::transfer::{ItemLocation, Move, RecordChange};
use model::{AccountId, LotId, OperationId};
use std::sync::Arc;
use std::time::Duration;
use store::planted::{self, Bug};
use tokio::time::Instant;

/// Most lots of one look.
const LOTS_AT_A_TIME: usize = 64;
/// Most dues of a lot that are tried in one go.
const DUES_AT_A_TIME: usize = 32;
/// How long a lot waits whose dues did not fit.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// Slots of a bank that every client shows.
const SHOWN_BY_ALL: usize = 120;

impl Market {
    /// Ends what is over, and tries dues that wait.
    pub(in crate::market) async fn end_lots(&self) {
        let due = self.index.lock().due(self.now_ms(), Instant::now(), LOTS_AT_A_TIME);
        for lot in due {
            if self.ledgered.stop.is_cancelled() {
                return;
            }
            self.end_lot(lot).await;
            self.deliver(lot).await;
        }
    }

    /// Decides a lot whose time is over.
    async fn end_lot(&self, lot: LotId) {
        let Ok(read) = self.read_lot(lot).await else {
            self.index.lock().wait(lot, Instant::now() + RETRY_AFTER);
            return;
        };
        if !read.body.is_selling || !read.is_over(self.now_ms()) {
            return;
        }
        let mut body = Body { is_selling: false, bid: None, ..read.body.clone() };
        let mut moves = Vec::new();
        match &read.body.bid {
            None => body.dues.push(Due { to: read.home(), gold: None, cause: Cause::Unsold }),
            Some(bid) => {
                let tax = percent(bid.gold, self.auction.tax_percent);
                moves.extend(gold(tax, read.purse(), world(read.home(), "auction-tax")));
                body.dues.push(Due { to: read.home(), gold: Some(bid.gold - tax), cause: Cause::Sold });
                let winner = if planted::is(Bug::WonBySeller) { read.home() } else { bid.account };
                body.dues.push(Due { to: winner, gold: None, cause: Cause::Won });
            }
        }
        if self.change(&read, "auction-end", moves, read.put(&body)).await {
            self.index.lock().changed(&read, body);
        }
    }

    /// The house's own transfer, under an id of its own: the version of the record keeps it from being done twice.
    async fn change(&self, read: &Read, reason: &str, moves: Vec<Move>, change: RecordChange) -> bool {
        let transfer = Transfer {
            operation: OperationId((self.ids)()),
            actor: Actor::System("auction".to_owned()),
            reason: reason.to_owned(),
            fences: Vec::new(),
            moves,
            records: vec![change],
            softs: Vec::new(),
            standings: Vec::new(),
        };
        match self.ledgered.transfer(&transfer, PATIENCE).await {
            Ok(Ok(_)) => true,
            Ok(Err(refusal)) => {
                tracing::info!(lot = %read.lot, %refusal, reason, "refused; it is tried again later");
                false
            }
            Err(unknown) => {
                tracing::warn!(lot = %read.lot, ?unknown, reason, "not answered; it is looked at again later");
                false
            }
        }
    }

    /// Brings what a lot owes into the banks, as far as they have room.
    pub(in crate::market) async fn deliver(&self, lot: LotId) {
        let mut passed = 0;
        for _ in 0..DUES_AT_A_TIME {
            let Ok(read) = self.read_lot(lot).await else { break };
            let Some(due) = read.body.dues.get(passed).copied() else { break };
            match self.hand_over(&read, passed, due).await {
                true => self.tell_due(&read.body.name, due),
                false => passed += 1,
            }
        }
        self.index.lock().wait(lot, Instant::now() + RETRY_AFTER);
    }

    async fn hand_over(&self, read: &Read, place: usize, due: Due) -> bool {
        let step = match due.gold {
            Some(amount) => gold(amount, read.purse(), bank(due.to)),
            None => item_out(&self.ledgered.store, read, due.to).await,
        };
        let mut body = read.body.clone();
        if !planted::is(Bug::DueNotStruck) {
            body.dues.remove(place);
        }
        let is_last = body.dues.is_empty() && !body.is_selling;
        let (key, home, expected) = (read.held.record.key, read.home(), read.held.record.version);
        let change = match is_last {
            true => RecordChange::Remove { key, home, expected },
            false => read.put(&body),
        };
        if due.gold.is_none() && step.is_none() {
            return false;
        }
        let reason = if due.gold.is_some() { "auction-pay" } else { "auction-hand" };
        let done = self.change(read, reason, Vec::from_iter(step), change).await;
        if done && !is_last {
            self.index.lock().changed(read, body);
        } else if done {
            self.index.lock().remove(read.lot);
        }
        done
    }
}

/// The item into the first free slot of a bank that every client shows.
pub(super) async fn item_out(store: &Arc<dyn Store>, read: &Read, to: AccountId) -> Option<Move> {
    let (slot_in, item) = read.held.items.first().copied()?;
    let cargo = store.load_cargo(LoadCargo { account: to }).await.ok()??;
    let free = cargo.items.iter().take(SHOWN_BY_ALL).position(Option::is_none)?;
    let from = ItemLocation { home: read.home(), place: ItemPlace::Lot(read.lot, slot_in) };
    let place = ItemPlace::Cargo(to, u8::try_from(free).ok()?);
    Some(Move::Item { item, from, to: ItemLocation { home: to, place }, effects: item.effects })
}
