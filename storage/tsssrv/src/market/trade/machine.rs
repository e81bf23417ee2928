//! The states of a trade, and what each step makes of them. Pure: the service stores what comes out.
//!
//! ```text
//!            second side offers      both checked, each on the other's version
//!  Talking ───────────────────▶ Talking ──────────────────────────────────────▶ Settling ──▶ Done | Closed
//!     └───────────── cancelled ────┴──────────────────────────────────────────────────────▶ Closed
//! ```

use model::calls::database::Transfer;
use model::calls::market::{MarketRefusal, OfferTrade, PartnerView, Party, TradeDone, TradeEnd, TradeView};
use model::item::GOLD_MAX;
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::membership::ProcessName;
use model::trade::{BOUND_SLOTS_FROM, FirmOffer, OFFER_ITEMS};
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, Transferred};
use model::{CharacterId, Epoch, Item, OperationId, TradeId};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use store::planted::{self, Bug};

/// Who takes part as soon as it has offered something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seat {
    pub(super) party: Party,
    pub(super) offer: FirmOffer,
    pub(super) version: u32,
    pub(super) checked: bool,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Side {
    pub(super) character: CharacterId,
    pub(super) node: ProcessName,
    pub(super) seat: Option<Seat>,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    Talking,
    Settling,
    Done([TradeDone; 2]),
    Closed(TradeEnd),
}

/// A trade between two players.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trade {
    pub(super) id: TradeId,
    pub(super) sides: [Side; 2],
    pub(super) stage: Stage,
}

/// One side: its fence, what it gives, where it is given what.
type Placed<'a> = (Fence, &'a FirmOffer, Vec<(u8, Item)>);

/// Refuses an offer that breaks the rules whatever the other side does.
pub(super) fn check_offer(asked: &OfferTrade) -> Result<(), MarketRefusal> {
    let bad = |what: &str| Err(MarketRefusal::BadRequest(what.to_owned()));
    let FirmOffer { items, gold, free_slots } = &asked.offer;
    if asked.partner == asked.me.fence.character {
        return bad("a trade with oneself");
    }
    if asked.me.fence.epoch.0 == 0 {
        return bad("a character that nobody has loaded");
    }
    if items.len() > OFFER_ITEMS || free_slots.len() > usize::from(BOUND_SLOTS_FROM) {
        return bad("more items or slots than there are");
    }
    if items.iter().map(|(_, slot, _)| slot).chain(free_slots).any(|slot| *slot >= BOUND_SLOTS_FROM) {
        return Err(MarketRefusal::ItemBound);
    }
    let positions: HashSet<_> = items.iter().map(|(position, _, _)| position).collect();
    let ids: HashSet<_> = items.iter().map(|(_, _, item)| item.id).collect();
    let slots: HashSet<_> = items.iter().map(|(_, slot, _)| slot).chain(free_slots).collect();
    if positions.len() != items.len()
        || positions.iter().any(|position| usize::from(**position) >= OFFER_ITEMS)
    {
        return bad("positions of the window");
    }
    if ids.len() != items.len() || slots.len() != items.len() + free_slots.len() {
        return bad("an item or a slot is named twice");
    }
    match (0..=GOLD_MAX).contains(gold) {
        true => Ok(()),
        false => bad("an amount of gold"),
    }
}

impl Trade {
    /// The first offer: it invites the partner.
    pub(super) fn begin(id: TradeId, asked: &OfferTrade) -> Self {
        let OfferTrade { me, partner, partner_node, offer, .. } = asked;
        let seat = Seat { party: me.clone(), offer: offer.clone(), version: 1, checked: false };
        let first = Side { character: me.fence.character, node: me.node.clone(), seat: Some(seat) };
        let second = Side { character: *partner, node: partner_node.clone(), seat: None };
        Self { id, sides: [first, second], stage: Stage::Talking }
    }

    /// Which side a character is.
    pub(super) fn side_of(&self, character: CharacterId) -> Option<usize> {
        self.sides.iter().position(|side| side.character == character)
    }

    /// True when it keeps a character from other trades: it offered something as what it is now, or all is decided.
    pub(super) fn holds(&self, character: CharacterId, epoch: Epoch) -> bool {
        let side = self.side_of(character).map(|side| &self.sides[side]);
        let seat = side.and_then(|side| side.seat.as_ref());
        !self.is_talking() || seat.is_some_and(|seat| seat.party.fence.epoch >= epoch)
    }

    /// True while nothing is decided.
    pub(super) fn is_talking(&self) -> bool {
        self.stage == Stage::Talking
    }

    /// True when both have offered something.
    pub(super) fn is_open(&self) -> bool {
        self.sides.iter().all(|side| side.seat.is_some())
    }

    /// One side's offer as it is now. A changed offer clears both checks; a check counts only on the partner's last
    /// version; with both checks it settles. The trade must be talking.
    pub(super) fn offer(&mut self, side: usize, asked: &OfferTrade) -> Result<(), MarketRefusal> {
        let partner = self.sides[1 - side].seat.as_ref();
        let sees_it = partner.is_some_and(|partner| partner.version == asked.saw);
        let checks = asked.checked && (sees_it || planted::is(Bug::OlderOfferAgreedTo));
        if checks && partner.is_some_and(|partner| asked.offer.places(&partner.offer).is_none()) {
            return Err(MarketRefusal::NoRoom);
        }
        let old = self.sides[side].seat.as_ref();
        let changed = old.is_none_or(|old| !old.offer.gives_same(&asked.offer));
        let version = old.map_or(0, |old| old.version) + u32::from(changed);
        let seat = Seat { party: asked.me.clone(), offer: asked.offer.clone(), version, checked: checks };
        self.sides[side].node = asked.me.node.clone();
        self.sides[side].seat = Some(seat);
        if changed
            && !planted::is(Bug::CheckNotCleared)
            && let Some(partner) = &mut self.sides[1 - side].seat
        {
            partner.checked = false;
        }
        if self.sides.iter().all(|side| side.seat.as_ref().is_some_and(|seat| seat.checked)) {
            self.stage = Stage::Settling;
        }
        Ok(())
    }

    /// The trade as one side sees it; version 0 before that side has offered anything.
    pub(super) fn view(&self, side: usize) -> TradeView {
        let own = self.sides[side].seat.as_ref();
        TradeView {
            trade: self.id,
            version: own.map_or(0, |own| own.version),
            checked: own.is_some_and(|own| own.checked),
            partner: self.half(1 - side),
            settling: self.stage == Stage::Settling,
        }
    }

    /// One half as the other one sees it.
    pub(super) fn half(&self, side: usize) -> Option<PartnerView> {
        let Seat { party, offer, version, checked } = self.sides[side].seat.clone()?;
        Some(PartnerView { party, offer, version, checked })
    }

    /// The fence under which the outcome is stored: that of the lower character.
    pub(super) fn first_of(one: Fence, other: Fence) -> [Fence; 2] {
        if one.character < other.character { [one, other] } else { [other, one] }
    }

    /// What the swap changes on each side; `None` unless both offered and have room.
    fn placed(&self) -> Option<[Placed<'_>; 2]> {
        let seat = |side: usize| self.sides[side].seat.as_ref();
        let half = |side: usize| {
            let (own, partner) = (seat(side)?, seat(1 - side)?);
            Some((own.party.fence, &own.offer, own.offer.places(&partner.offer)?))
        };
        Some([half(0)?, half(1)?])
    }

    /// The one transfer that is this trade: the same from the same state. `None` when both give nothing, or one has
    /// no room.
    pub(super) fn transfer(&self) -> Option<Transfer> {
        let halves = self.placed()?;
        let fences = Self::first_of(halves[0].0, halves[1].0);
        let mut moves = Vec::new();
        for (giver, taker) in [(0, 1), (1, 0)] {
            let (from, offer, _) = &halves[giver];
            let (to, _, places) = &halves[taker];
            for (slot, item) in places {
                let lay = offer.items.iter().find(|(_, _, given)| given.id == item.id)?.1;
                let carried = |fence: &Fence, slot: u8| ItemLocation {
                    home: fence.account,
                    place: ItemPlace::Carry(fence.character, slot),
                };
                let (from, to) = (carried(from, lay), carried(to, *slot));
                moves.push(Move::Item { item: *item, from, to, effects: item.effects });
            }
            if offer.gold > 0 {
                moves.push(Move::Gold { amount: offer.gold, from: purse(from), to: purse(to) });
            }
        }
        let operation = OperationId(self.id.0);
        let actor = Actor::Player(fences[0].account);
        let fences = fences.to_vec();
        let (reason, records, softs) = ("trade".to_owned(), Vec::new(), Vec::new());
        let standings = Vec::new();
        let all = Transfer { operation, actor, reason, fences, moves, records, softs, standings };
        (!all.moves.is_empty()).then_some(all)
    }

    /// What the transfer changed on each side.
    pub(super) fn done(&self, transferred: &Transferred) -> Option<[TradeDone; 2]> {
        let half = |(fence, offer, received): Placed<'_>| TradeDone {
            given: offer.items.iter().map(|(_, slot, _)| *slot).collect(),
            received,
            gold: transferred.balance(&GoldAccount::Character(fence.character)),
        };
        Some(self.placed()?.map(half))
    }
}

fn purse(fence: &Fence) -> GoldLocation {
    GoldLocation { home: fence.account, account: GoldAccount::Character(fence.character) }
}
