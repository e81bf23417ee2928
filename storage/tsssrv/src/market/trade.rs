//! Trades: reads what is live, lets [`machine`] make a step, stores it if nothing changed meanwhile, tells both.

mod machine;

use super::shelf::{Found, seat_key, step, trade_key};
use super::store::refusal;
use super::{Answer, Early, Market, PATIENCE, TRIES};
use crate::values::{Swap, Unanswered};
use machine::{Stage, Trade, check_offer};
use model::calls::market::{
    CancelTrade, MarketRefusal, OfferTrade, ReadTrade, Reply, ToNode, TradeDone, TradeEnd, TradeNews,
};
use model::{CharacterId, OperationId, TradeId};
use std::sync::Arc;
use std::time::Duration;
use store::planted::{self, Bug};

/// How long an invitation waits, and an open trade lives without any offer.
const TALKING_LIFE: Duration = Duration::from_secs(10 * 60);
/// How long a decided swap is remembered; it takes as long as the store is away.
const SETTLING_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the end of a trade can be asked for.
const OVER_LIFE: Duration = Duration::from_secs(10 * 60);

/// A trade as it was read.
struct Live {
    bytes: Option<Vec<u8>>,
    trade: Trade,
}

/// Where a character sits, and the trade there unless it is over or lost.
struct Seated {
    seat: Found<TradeId>,
    live: Option<Live>,
}

/// What an offer comes upon.
enum Next {
    Reply(Reply),
    Again,
}

impl Market {
    async fn read(&self, trade: TradeId) -> Result<Option<Live>, Unanswered> {
        let found = self.shelf.read::<Trade>(&trade_key(trade)).await?;
        Ok(found.value.map(|trade| Live { bytes: found.bytes, trade }))
    }

    /// Where a character sits; a trade that is over counts as none.
    async fn seated(&self, character: CharacterId) -> Result<Seated, Unanswered> {
        let seat = self.shelf.read::<TradeId>(&seat_key(character)).await?;
        let live = match seat.value {
            Some(trade) => self.read(trade).await?,
            None => None,
        };
        let is_live = |live: &Live| {
            matches!(live.trade.stage, Stage::Talking | Stage::Settling) || planted::is(Bug::SeatKept)
        };
        Ok(Seated { seat, live: live.filter(is_live) })
    }

    fn tell(&self, trade: &Trade, side: usize, news: TradeNews) {
        let to = &trade.sides[side];
        let message = ToNode::Trade { to: to.character, trade: trade.id, news };
        self.lines.push(&to.node, &message);
    }

    pub(super) async fn offer_trade(self: &Arc<Self>, asked: &OfferTrade) -> Answer {
        check_offer(asked)?;
        for _ in 0..TRIES {
            let mine = self.seated(asked.me.fence.character).await?;
            let live = mine.live.as_ref().map(|live| live.trade.id);
            if let Some(known) = asked.known.filter(|known| live != Some(known.trade)) {
                return self.read_trade(known).await;
            }
            let theirs = self.seated(asked.partner).await?;
            let next = match &mine.live {
                Some(live) => self.offer_in(asked, live, &mine.seat, &theirs.seat).await?,
                None => self.begin_trade(asked, &mine, &theirs).await?,
            };
            if let Next::Reply(reply) = next {
                return Ok(reply);
            }
        }
        Err(Early::Unavailable)
    }

    /// Somebody who sits nowhere offers: the partner is invited. An invitation that it has not answered, and a trade of an
    /// older loading of it, give way.
    async fn begin_trade(&self, asked: &OfferTrade, mine: &Seated, theirs: &Seated) -> Result<Next, Early> {
        if let Some(live) = &theirs.live {
            // invited by the very partner since the own seat was read
            if live.trade.side_of(asked.me.fence.character).is_some() {
                return Ok(Next::Again);
            }
            if live.trade.holds(asked.partner, asked.partner_epoch) {
                return Err(MarketRefusal::PartnerBusy.into());
            }
            self.close(live, TradeEnd::Cancelled).await?;
            return Ok(Next::Again);
        }
        let trade = Trade::begin(TradeId((self.ids)()), asked);
        let swaps = [
            step(
                seat_key(asked.me.fence.character),
                mine.seat.bytes.clone(),
                Some((&trade.id, TALKING_LIFE)),
            ),
            step(seat_key(asked.partner), theirs.seat.bytes.clone(), Some((&trade.id, TALKING_LIFE))),
            step(trade_key(trade.id), None, Some((&trade, TALKING_LIFE))),
        ];
        if !self.shelf.swap(&swaps).await? {
            return Ok(Next::Again);
        }
        if let Some(half) = trade.half(0) {
            self.tell(&trade, 1, TradeNews::Offered(half));
        }
        Ok(Next::Reply(Reply::Trade(trade.view(0))))
    }

    /// Somebody who sits somewhere offers.
    async fn offer_in(
        self: &Arc<Self>,
        asked: &OfferTrade,
        live: &Live,
        my_seat: &Found<TradeId>,
        their_seat: &Found<TradeId>,
    ) -> Result<Next, Early> {
        let mut trade = live.trade.clone();
        let Some(side) = trade.side_of(asked.me.fence.character) else {
            return Err(Early::Unavailable);
        };
        let with_partner = trade.sides[1 - side].character == asked.partner;
        let seat = trade.sides[side].seat.as_ref();
        let loaded_again = seat.is_some_and(|seat| seat.party.fence != asked.me.fence);
        if !trade.is_talking() {
            // whoever decided it may have stopped before it began
            self.begin_settling(trade);
            // of a trade of its former loading a player has been loaded with what came of it, or nothing ever will
            return match with_partner && !loaded_again {
                true => Ok(Next::Reply(Reply::Settling(live.trade.id))),
                false => Err(MarketRefusal::StillBusy.into()),
            };
        }
        let turns_away = !with_partner && !trade.is_open();
        if loaded_again || turns_away {
            self.close(live, TradeEnd::Cancelled).await?;
            return Ok(Next::Again);
        }
        if !with_partner {
            return Err(MarketRefusal::StillBusy.into());
        }
        trade.offer(side, asked)?;
        let life = if trade.stage == Stage::Settling { SETTLING_LIFE } else { TALKING_LIFE };
        let swaps = [
            step(seat_key(asked.me.fence.character), my_seat.bytes.clone(), Some((&trade.id, life))),
            step(seat_key(asked.partner), their_seat.bytes.clone(), Some((&trade.id, life))),
            step(trade_key(trade.id), live.bytes.clone(), Some((&trade, life))),
        ];
        if their_seat.value != Some(trade.id) {
            // the partner sits elsewhere by now: this trade is over
            self.close(live, TradeEnd::Cancelled).await?;
            return Ok(Next::Again);
        }
        if !self.shelf.swap(&swaps).await? {
            return Ok(Next::Again);
        }
        if let Some(half) = trade.half(side) {
            self.tell(&trade, 1 - side, TradeNews::Offered(half));
        }
        let view = trade.view(side);
        if trade.stage == Stage::Settling {
            self.begin_settling(trade);
        }
        Ok(Next::Reply(Reply::Trade(view)))
    }

    /// Ends a trade that is talked about, and tells both; false when it has changed meanwhile.
    async fn close(&self, live: &Live, end: TradeEnd) -> Result<bool, Early> {
        let over = Trade { stage: Stage::Closed(end.clone()), ..live.trade.clone() };
        let swap = step(trade_key(over.id), live.bytes.clone(), Some((&over, OVER_LIFE)));
        if !self.shelf.swap(&[swap]).await? {
            return Ok(false);
        }
        self.leave_seats(&over).await;
        for side in 0..2 {
            self.tell(&over, side, TradeNews::Closed(end.clone()));
        }
        Ok(true)
    }

    /// Frees the seats; they would do no harm, for they lead to a trade that is over.
    async fn leave_seats(&self, trade: &Trade) {
        for side in &trade.sides {
            let expected = Some(super::shelf::encode(&trade.id));
            let swap = Swap { key: seat_key(side.character), expected, value: None };
            if let Err(error) = self.shelf.swap(&[swap]).await {
                tracing::debug!(%error, "a seat is not freed");
            }
        }
    }

    pub(super) async fn cancel_trade(self: &Arc<Self>, asked: CancelTrade) -> Answer {
        for _ in 0..TRIES {
            let live = match asked.trade {
                // whatever became of it: an end that was not heard is told now
                Some(trade) => self.read(trade).await?,
                None => self.seated(asked.character).await?.live,
            };
            let Some(live) = live else { return Ok(Reply::Closed) };
            let Some(side) = live.trade.side_of(asked.character) else { return Ok(Reply::Closed) };
            match &live.trade.stage {
                Stage::Talking => {}
                _ => return Ok(self.outcome(live.trade, side)),
            }
            if self.close(&live, TradeEnd::Cancelled).await? {
                return Ok(Reply::Closed);
            }
        }
        Err(Early::Unavailable)
    }

    pub(super) async fn read_trade(self: &Arc<Self>, asked: ReadTrade) -> Answer {
        if self.settling.lock().contains(&asked.trade) {
            return Ok(Reply::Settling(asked.trade));
        }
        let Some(live) = self.read(asked.trade).await? else { return self.read_lost(asked).await };
        let Some(side) = live.trade.side_of(asked.me.character) else {
            return Err(MarketRefusal::BadRequest("somebody else's trade".to_owned()).into());
        };
        Ok(self.outcome(live.trade, side))
    }

    /// What one side is answered about a trade. One that is decided goes on, if nobody is at it.
    fn outcome(self: &Arc<Self>, trade: Trade, side: usize) -> Reply {
        let id = trade.id;
        match &trade.stage {
            // who was only invited is so still
            Stage::Talking => Reply::Trade(trade.view(side)),
            Stage::Settling => {
                if !planted::is(Bug::SettlingForgotten) {
                    self.begin_settling(trade);
                }
                Reply::Settling(id)
            }
            Stage::Done(done) => Reply::TradeOver(id, TradeNews::Done(done[side].clone())),
            Stage::Closed(end) => Reply::TradeOver(id, TradeNews::Closed(end.clone())),
        }
    }

    /// What was live of a trade is lost: the store knows whether it was done, and if not, it never will be.
    async fn read_lost(&self, asked: ReadTrade) -> Answer {
        let lost = Reply::TradeOver(asked.trade, TradeNews::Closed(TradeEnd::Lost));
        let Some(partner) = asked.partner else { return Ok(lost) };
        if planted::is(Bug::LostWithoutVoid) {
            return Ok(lost);
        }
        let [first, _] = Trade::first_of(asked.me, partner);
        match self.ledgered.was_done(OperationId(asked.trade.0), first, PATIENCE).await? {
            true => Ok(Reply::DoneUnseen),
            false => Ok(lost),
        }
    }

    /// Runs the swap beside the calls, once in this process.
    fn begin_settling(self: &Arc<Self>, trade: Trade) {
        if !self.settling.lock().insert(trade.id) {
            return;
        }
        let market = Arc::clone(self);
        let settling = self.tasks.track_future(async move {
            let id = trade.id;
            market.settle(trade).await;
            market.settling.lock().remove(&id);
        });
        (self.spawn)(Box::pin(settling));
    }

    /// Repeats the transfer until it has an outcome, and tells both. When the process stops first, whoever is asked
    /// next goes on.
    async fn settle(&self, mut trade: Trade) {
        trade.stage = match trade.transfer() {
            // nothing for nothing
            None => Stage::Done([EMPTY, EMPTY]),
            Some(transfer) => match self.ledgered.transfer_for_ever(&transfer).await {
                Err(super::store::Unknown) => return,
                Ok(Err(why)) => Stage::Closed(TradeEnd::Refused(refusal(why))),
                Ok(Ok(transferred)) => match trade.done(&transferred) {
                    Some(done) => Stage::Done(done),
                    None => Stage::Closed(TradeEnd::Lost),
                },
            },
        };
        if let Err(error) = self.shelf.write(&trade_key(trade.id), &trade, OVER_LIFE).await {
            tracing::warn!(trade = %trade.id, %error, "the end of a trade is not remembered; the store knows it");
        }
        self.leave_seats(&trade).await;
        let told = if planted::is(Bug::EndToldToOne) { 1 } else { 2 };
        for side in 0..told {
            match &trade.stage {
                Stage::Done(done) => self.tell(&trade, side, TradeNews::Done(done[side].clone())),
                Stage::Closed(end) => self.tell(&trade, side, TradeNews::Closed(end.clone())),
                Stage::Talking | Stage::Settling => {}
            }
        }
    }
}

const EMPTY: TradeDone = TradeDone { given: Vec::new(), received: Vec::new(), gold: None };
