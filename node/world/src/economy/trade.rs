//! Trades between two players who see each other, and the auction house, which players use by words.
//!
//! What a trade is at the moment TSSSrv knows; the zone knows what its own player did, and locks it: while the own
//! half of a trade is open, its player does nothing else with items and gold. Who walks off ends it.

use super::{Dealings, No, Then};
use crate::effects::{Effects, MarketWork, Work};
use crate::ghost::Ghost;
use crate::plan::{carry, item_in, put_in};
use crate::zone::Zone;
use model::calls::market::{Carried, PartnerView, Reply, Said, TradeDone, TradeEnd, TradeNews};
use model::event::{Notice, NoticeKey};
use model::item::GOLD_MAX;
use model::trade::{FirmOffer, OFFER_ITEMS, Offer};
use model::{CharacterId, EntityId, Event, Item, SessionId, TradeId};
use rules::{bag, price};
use std::collections::BTreeSet;

/// A trade as the zone of one side knows it.
#[derive(Debug)]
pub(crate) struct Trade {
    partner: CharacterId,
    id: Option<TradeId>,
    /// Version of the partner's half that was shown last, 0 for none.
    saw: u32,
    /// The own half is open: only then it locks.
    open: bool,
    /// The end was asked for.
    ending: bool,
    /// Both agreed; only the outcome ends it.
    settling: bool,
}

impl Trade {
    /// False for what is said of another trade; before the first answer nobody can tell.
    fn may_be(&self, id: TradeId) -> bool {
        self.id.is_none_or(|known| known == id)
    }
}

impl Dealings {
    /// True while the own half of a trade is open.
    pub(crate) fn is_trading(&self) -> bool {
        self.trade.as_ref().is_some_and(|trade| trade.open || trade.settling)
    }
}

impl Zone {
    pub(super) fn offer_trade(
        &mut self,
        slot: usize,
        partner: EntityId,
        offer: &Offer,
        checked: bool,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let tile = self.entities[slot].tile;
        let there = self.slot_of_entity(partner).map(|slot| &self.entities[slot]);
        let other = there.filter(|there| there.id != self.entities[slot].id && tile.sees(there.tile));
        let other = other.ok_or(NoticeKey::TooFar)?;
        let with = other.id.character().ok_or(NoticeKey::TooFar)?;
        let partner_zone = other.ghost().map_or(self.id(), Ghost::source);
        let own = self.player(slot)?;
        let me = own.character.id;
        if own.dealings.stall.is_some() {
            return Err(NoticeKey::StillBusy.into());
        }
        // what a player of another zone is about, the market knows
        let busy = other.player().is_some_and(|other| {
            other.frozen || other.dealings.trade.as_ref().is_some_and(|t| t.open && t.partner != me)
        });
        if busy || other.has_stall() {
            return Err(NoticeKey::PartnerBusy.into());
        }
        let (mut saw, mut known) = (0, None);
        if let Some(trade) = &own.dealings.trade {
            if trade.settling || trade.ending || (trade.open && trade.partner != with) {
                return Err(NoticeKey::StillBusy.into());
            }
            if trade.partner == with {
                (saw, known) = (trade.saw, trade.id);
            }
        }
        let firm = self.firm(slot, offer)?;
        let name = own.character.name.as_str().to_owned();
        let work =
            MarketWork::Offer { name, partner: with, partner_zone, offer: firm, checked, saw, trade: known };
        let Some(player) = self.entities[slot].player_mut() else { return Ok(()) };
        match &mut player.dealings.trade {
            Some(trade) if trade.partner == with => trade.open = true,
            trade => {
                let new =
                    Trade { partner: with, id: None, saw: 0, open: true, ending: false, settling: false };
                *trade = Some(new);
            }
        }
        self.begin_work(slot, Work::Market(work), Then::Offered { checked }, fx);
        Ok(())
    }

    /// The real items of an offer: each must be what the client shows, free to leave, and named once.
    fn firm(&self, slot: usize, offer: &Offer) -> Result<FirmOffer, No> {
        let character = &self.player(slot)?.character;
        let mut seen = BTreeSet::new();
        if offer.items.len() > OFFER_ITEMS {
            return Err(NoticeKey::OfferChanged.into());
        }
        let mut items = Vec::new();
        for of in &offer.items {
            let item = self.free_item(slot, carry(of.slot))?;
            if item.spec() != of.shown || usize::from(of.position) >= OFFER_ITEMS || !seen.insert(of.slot) {
                return Err(NoticeKey::ItemGone.into());
            }
            items.push((of.position, of.slot, item));
        }
        if !(0..=GOLD_MAX).contains(&offer.gold) || offer.gold > character.hard.gold {
            return Err(NoticeKey::GoldMissing.into());
        }
        Ok(FirmOffer { items, gold: offer.gold, free_slots: bag::free_slots(&character.carry) })
    }

    pub(super) fn cancel_trade(&mut self, slot: usize, fx: &mut Effects) -> Result<(), No> {
        if self.player(slot)?.dealings.stall.is_some() {
            return self.close_stall(slot, fx);
        }
        let Some(player) = self.entities[slot].player_mut() else { return Ok(()) };
        let (session, character) = (player.session, player.character.id);
        let Some(trade) = &mut player.dealings.trade else {
            fx.tell(session, Event::TradeClosed);
            return Ok(());
        };
        if trade.settling {
            return Err(NoticeKey::StillBusy.into());
        }
        trade.ending = true;
        let work = MarketWork::Cancel { character, trade: trade.id };
        self.begin_work(slot, Work::Market(work), Then::Cancelled, fx);
        Ok(())
    }

    /// Who walks off, or is moved, ends its trade or closes its shop.
    pub(crate) fn walk_off(&mut self, slot: usize, fx: &mut Effects) {
        let stalled = self.entities[slot]
            .player()
            .is_some_and(|player| player.dealings.stall.is_some() && player.dealings.job.is_none());
        if stalled {
            return self.deal(slot, model::Command::CancelTrade, fx);
        }
        let trade = self.entities[slot].player_mut().and_then(|player| player.dealings.trade.as_mut());
        if trade.is_some_and(|trade| !trade.settling && !std::mem::replace(&mut trade.ending, true)) {
            self.deal(slot, model::Command::CancelTrade, fx);
        }
    }

    /// A player is out of the world: whatever trade it was in is over. Nobody waits for the answer.
    pub(crate) fn forget_trade(&mut self, dealings: &Dealings, character: CharacterId, fx: &mut Effects) {
        if let Some(trade) = &dealings.trade {
            let work = MarketWork::Cancel { character, trade: trade.id };
            let id = self.next_job();
            fx.jobs.push(crate::effects::Job { id, who: None, work: Work::Market(work) });
        }
    }

    /// What the market answered.
    pub(super) fn market_answered(&mut self, slot: usize, then: &Then, reply: Reply, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        let session = player.session;
        match reply {
            Reply::Trade(view) => {
                let trade = player.dealings.trade.as_mut().filter(|trade| trade.may_be(view.trade));
                let with = view.partner.as_ref().map(|half| half.party.fence.character);
                let trade = trade.filter(|trade| with.is_none_or(|with| with == trade.partner));
                let Some(trade) = trade else { return };
                trade.id = Some(view.trade);
                trade.settling = view.settling;
                if view.checked {
                    fx.tell(session, Event::TradeChecked);
                }
                let news = view.partner.filter(|partner| partner.version != trade.saw);
                if let Some(partner) = news {
                    self.partner_offered(slot, &partner, fx);
                } else if !view.checked && matches!(then, Then::Offered { checked: true }) {
                    self.refuse(session, NoticeKey::OfferChanged, Vec::new(), fx);
                }
            }
            Reply::Settling(id) => {
                if let Some(trade) = player.dealings.trade.as_mut().filter(|trade| trade.may_be(id)) {
                    trade.id = Some(id);
                    trade.settling = true;
                }
            }
            Reply::Closed if matches!(then, Then::StallShut) => {
                self.show_stall(slot, None, fx);
                fx.tell(session, Event::TradeClosed);
            }
            Reply::Closed => {
                // only the one whose end was asked for: another one may have begun since
                if player.dealings.trade.as_ref().is_some_and(|trade| trade.ending) {
                    self.trade_over(slot, None, fx);
                }
            }
            Reply::StallOpened(stall) => self.stall_opened(slot, stall, fx),
            Reply::Stall(stall) => self.stall_shown(slot, stall, fx),
            Reply::Bought { slot: (at, item), gold } => self.bought_at_stall(slot, at, item, gold, fx),
            Reply::TradeOver(id, news) => {
                if player.dealings.trade.as_ref().is_some_and(|trade| trade.id == Some(id)) {
                    self.trade_ended(slot, news, fx);
                }
            }
            Reply::Said(said) => self.said(slot, said, fx),
            Reply::Refused(refusal) => {
                fx.tell(session, Event::Notice(refusal.notice()));
                self.offer_failed(slot, then, fx);
            }
            _ => {
                self.refuse(session, NoticeKey::TryLater, Vec::new(), fx);
                self.offer_failed(slot, then, fx);
            }
        }
    }

    /// An offer came to nothing: a trade that never began is over.
    pub(super) fn offer_failed(&mut self, slot: usize, then: &Then, fx: &mut Effects) {
        let trade = self.entities[slot].player_mut().and_then(|player| player.dealings.trade.as_mut());
        let Some(trade) = trade else { return };
        match then {
            Then::Offered { .. } if trade.id.is_none() => self.trade_over(slot, None, fx),
            Then::Cancelled => trade.ending = false,
            _ => {}
        }
    }

    /// News of a trade from the market.
    pub(crate) fn trade_news(&mut self, session: SessionId, id: TradeId, news: TradeNews, fx: &mut Effects) {
        let Some(slot) = self.slot_of(session) else { return };
        let Some(player) = self.entities[slot].player_mut() else { return };
        let known = player.dealings.trade.as_ref().map(|trade| trade.may_be(id));
        // an end is only that of the very trade: an older one's may come late
        let is_it = player.dealings.trade.as_ref().is_some_and(|trade| trade.id == Some(id));
        match (news, known) {
            (TradeNews::Offered(view), None) => {
                let partner = view.party.fence.character;
                let trade =
                    Trade { partner, id: Some(id), saw: 0, open: false, ending: false, settling: false };
                player.dealings.trade = Some(trade);
                self.partner_offered(slot, &view, fx);
            }
            (TradeNews::Offered(view), Some(true)) => {
                let partner = view.party.fence.character;
                let trade = player.dealings.trade.as_mut().filter(|trade| trade.partner == partner);
                let Some(trade) = trade else { return };
                trade.id = Some(id);
                self.partner_offered(slot, &view, fx);
            }
            (news @ (TradeNews::Done(_) | TradeNews::Closed(_)), _) if is_it => {
                self.trade_ended(slot, news, fx);
            }
            _ => return,
        }
        let waits = self.entities[slot].player().is_some_and(|player| player.dealings.job.is_some());
        if !waits {
            self.go_on(slot, fx);
        }
    }

    /// The end of the trade that the player is in.
    fn trade_ended(&mut self, slot: usize, news: TradeNews, fx: &mut Effects) {
        match news {
            TradeNews::Done(done) => self.trade_done(slot, done, fx),
            TradeNews::Closed(TradeEnd::Refused(why)) => self.trade_over(slot, Some(why.notice()), fx),
            TradeNews::Closed(TradeEnd::Cancelled | TradeEnd::Lost) => {
                self.trade_over(slot, Some(ended()), fx);
            }
            TradeNews::Offered(_) => {}
        }
    }

    fn partner_offered(&mut self, slot: usize, view: &PartnerView, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        if let Some(trade) = &mut player.dealings.trade {
            trade.saw = view.version;
        }
        let (partner, offer) = (view.party.entity(), view.offer.shown());
        fx.tell(player.session, Event::TradeOffered { partner, offer, checked: view.checked });
    }

    fn trade_done(&mut self, slot: usize, done: TradeDone, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        let TradeDone { given, received, gold } = done;
        for index in given {
            put_in(&mut player.character, carry(index), None);
        }
        for (index, item) in received {
            put_in(&mut player.character, carry(index), Some(item));
        }
        if let Some(gold) = gold {
            player.character.hard.gold = gold;
        }
        let (session, gold) = (player.session, player.character.hard.gold);
        fx.tell(session, Event::CarryChanged { carry: player.character.carry.clone(), gold });
        fx.tell(session, Event::GoldChanged { gold });
        self.trade_over(slot, None, fx);
    }

    fn trade_over(&mut self, slot: usize, notice: Option<Notice>, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        if player.dealings.trade.take().is_some() {
            fx.tell(player.session, Event::TradeClosed);
            if let Some(notice) = notice {
                fx.tell(player.session, Event::Notice(notice));
            }
        }
    }

    /// Words of the auction house.
    pub(super) fn words(
        &mut self,
        slot: usize,
        word: &str,
        text: String,
        fx: &mut Effects,
    ) -> Result<(), No> {
        if !matches!(word, "auction" | "leilao") {
            return Err(NoticeKey::TryLater.into());
        }
        let character = &self.player(slot)?.character;
        let selling = text.trim_start().to_lowercase().starts_with("sell");
        let carried = |index: u8| {
            let item: Item = item_in(character, carry(index))?;
            let def = self.content.items.get(item.kind)?;
            let free = !price::is_bound(&item.spec(), def);
            free.then(|| Carried { slot: index, item, name: def.name.replace('_', " ") })
        };
        let usable = if selling { bag::usable_slots(&character.carry) } else { 0 };
        let carry = (0..usable).filter_map(carried).collect();
        let work = MarketWork::Words { name: character.name.as_str().to_owned(), text, carry };
        self.begin_work(slot, Work::Market(work), Then::Slots, fx);
        Ok(())
    }

    fn said(&mut self, slot: usize, said: Said, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        let session = player.session;
        if let Some(index) = said.emptied {
            put_in(&mut player.character, carry(index), None);
            fx.tell(session, Event::SlotChanged { slot: carry(index), item: None });
        }
        if let Some(gold) = said.gold {
            player.character.hard.gold = gold;
            fx.tell(session, Event::GoldChanged { gold });
        }
        for line in said.lines {
            fx.tell(session, Event::Notice(line));
        }
    }
}

fn ended() -> Notice {
    Notice::Catalogue { key: NoticeKey::TradeEnded, arguments: Vec::new() }
}
