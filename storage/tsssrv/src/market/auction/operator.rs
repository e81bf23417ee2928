//! What operators do with lots: look at one, take one off.

use super::deliver::item_out;
use super::{Body, Cause, Due, Read, bank, gold};
use crate::market::store::refusal;
use crate::market::{Answer, Early, Market, PATIENCE};
use model::calls::database::{Transfer, TransferRefusal};
use model::calls::market::{Lot, MarketRefusal, RemoveLot, Reply};
use model::ledger::{Actor, GoldAccount};
use model::transfer::RecordChange;
use model::{LotId, OperationId};

/// How often a lot is looked at again because it, or a bank, changed meanwhile.
const ATTEMPTS: usize = 8;
/// Longest name of an operator.
const NAME_MAX: usize = 32;
/// Digits of a whole id.
const ID_DIGITS: usize = 16;

impl Market {
    /// The lot that a number, or a whole id of 16 hexadecimal digits, stands for.
    pub(crate) fn find_lot(&self, text: &str) -> Result<LotId, MarketRefusal> {
        if text.len() == ID_DIGITS {
            return text.parse().map_err(|_| MarketRefusal::NoSuchLot);
        }
        match self.index.lock().beginning(text).as_slice() {
            [] => Err(MarketRefusal::NoSuchLot),
            [lot] => Ok(*lot),
            _ => Err(MarketRefusal::Ambiguous),
        }
    }

    /// A lot as the store has it now.
    pub(crate) async fn show_lot(&self, text: &str) -> Result<Lot, Early> {
        self.check_indexed()?;
        let lot = self.find_lot(text)?;
        self.read_lot(lot).await?;
        let shown = self.index.lock().lot(lot, self.auction.step_percent);
        shown.ok_or_else(|| MarketRefusal::NoSuchLot.into())
    }

    /// Takes a lot off, whatever was bid: the goods go back to the seller's bank and the bid to the bidder's, in one
    /// transfer that names the operator. What a full bank does not take waits in the lot. Answers the lot as it was.
    pub(in crate::market) async fn remove_lot(&self, asked: &RemoveLot) -> Answer {
        let name = &asked.operator;
        if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            let what = format!("an operator's name has 1 to {NAME_MAX} letters and digits");
            return Err(MarketRefusal::BadRequest(what).into());
        }
        let shown = self.show_lot(&asked.lot).await?;
        let mut keeps_gold = false;
        for _ in 0..ATTEMPTS {
            let read = self.read_lot(shown.lot).await?;
            if read.is_over(self.now_ms()) {
                return Err(MarketRefusal::NoSuchLot.into());
            }
            let (transfer, body, told) = self.parting(&read, name, keeps_gold).await;
            match self.ledgered.transfer(&transfer, PATIENCE).await? {
                Ok(_) => {
                    tracing::info!(target: "audit", who = %name, lot = %read.lot, name = read.body.name, seller = %read.home(), operation = %transfer.operation, "an operator took a lot off the auction");
                    match body.dues.is_empty() {
                        true => self.index.lock().remove(read.lot),
                        false => self.index.lock().changed(&read, body),
                    }
                    for due in told {
                        self.tell_due(&read.body.name, due);
                    }
                    return Ok(Reply::Lots { lots: vec![shown], found: 1 });
                }
                Err(TransferRefusal::TooMuch(GoldAccount::Cargo(_))) => keeps_gold = true,
                // somebody took the slot, or changed the lot: it is looked at again
                Err(TransferRefusal::PlaceTaken(_) | TransferRefusal::RecordChanged(_)) => {}
                Err(why) => return Err(refusal(why).into()),
            }
        }
        Err(MarketRefusal::OfferChanged.into())
    }

    /// The transfer, what the record says then, and who got something.
    async fn parting(&self, read: &Read, operator: &str, keeps_gold: bool) -> (Transfer, Body, Vec<Due>) {
        let mut body = Body { is_selling: false, bid: None, ..read.body.clone() };
        let (mut moves, mut told) = (Vec::new(), Vec::new());
        let goods = Due { to: read.home(), gold: None, cause: Cause::Cancelled };
        let step = item_out(&self.ledgered.store, read, goods.to).await;
        let mut part = |due: Due, step| match step {
            Some(step) => {
                moves.push(step);
                told.push(due);
            }
            None => body.dues.push(due),
        };
        part(goods, step);
        if let Some(bid) = &read.body.bid {
            let due = Due { to: bid.account, gold: Some(bid.gold), cause: Cause::Cancelled };
            let step = gold(bid.gold, read.purse(), bank(bid.account)).filter(|_| !keeps_gold);
            part(due, step);
        }
        let (key, home, expected) = (read.held.record.key, read.home(), read.held.record.version);
        let change = match body.dues.is_empty() {
            true => RecordChange::Remove { key, home, expected },
            false => read.put(&body),
        };
        let transfer = Transfer {
            operation: OperationId(rand::random()),
            actor: Actor::Operator(operator.to_owned()),
            reason: "auction-removed".to_owned(),
            fences: Vec::new(),
            moves,
            records: vec![change],
            softs: Vec::new(),
            standings: Vec::new(),
        };
        (transfer, body, told)
    }
}
