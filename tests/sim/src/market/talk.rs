//! A trade as one player's node goes through it: as the zones of the game do.

use super::board::{Consent, Given, Told};
use super::node::{AGAIN, Node, Reload, SLOTS, short};
use crate::held;
use model::calls::market::{
    CancelTrade, OfferTrade, PartnerView, ReadTrade, Reply, Request, TradeEnd, TradeNews,
};
use model::id::{CharacterId, Epoch, TradeId};
use model::membership::ProcessName;
use model::trade::{Doubt, FirmOffer};
use rand::Rng;
use std::time::Duration;
use tokio::time::sleep;

/// After so long a player loses patience with a trade.
const PATIENCE: Duration = Duration::from_millis(3_000);
/// Between two questions what became of a trade.
const ASK_AGAIN: Duration = Duration::from_millis(400);

/// A trade as its node knows it.
#[derive(Clone, Debug)]
pub struct Talk {
    partner: CharacterId,
    partner_index: usize,
    id: Option<TradeId>,
    /// The partner's half as it was shown last.
    theirs: Option<PartnerView>,
    /// What this side gives, as it was said last.
    offer: Option<FirmOffer>,
    /// The end was asked for.
    ending: bool,
    /// Both agreed; only the outcome ends it.
    settling: bool,
    /// Whether something of it may have been missed.
    doubt: Doubt,
    /// Since when it may be asked for again.
    asks_from: Duration,
    since: Duration,
}

fn given(offer: &FirmOffer) -> Given {
    (offer.items.iter().map(|(_, _, item)| item.id).collect(), offer.gold)
}

impl Talk {
    /// With somebody of whom nothing is known yet.
    pub fn new(partner: CharacterId, partner_index: usize) -> Self {
        let since = turmoil::elapsed();
        Self {
            partner,
            partner_index,
            id: None,
            theirs: None,
            offer: None,
            ending: false,
            settling: false,
            doubt: Doubt::default(),
            asks_from: since,
            since,
        }
    }

    /// True while only the outcome is waited for.
    pub fn settles(&self) -> bool {
        self.settling
    }

    /// True while the own half is open: it locks what the player has.
    pub fn locks(&self) -> bool {
        self.offer.is_some() || self.settling
    }

    /// What was said meanwhile may be lost: it is asked for at once.
    pub fn doubts(&mut self) {
        self.doubt.raise();
        self.asks_from = turmoil::elapsed();
    }

    fn may_be(&self, id: TradeId) -> bool {
        self.id.is_none_or(|known| known == id)
    }

    fn show(&mut self, view: PartnerView) {
        if self.theirs.as_ref().is_none_or(|known| known.version <= view.version) {
            self.theirs = Some(view);
        }
    }

    fn question(&self, node: &Node) -> Option<ReadTrade> {
        let partner = self.theirs.as_ref().map(|view| view.party.fence);
        self.id.map(|trade| ReadTrade { trade, me: node.fence, partner })
    }
}

/// News of a trade from the market's stream.
pub fn heard(node: &mut Node, talk: &mut Option<Talk>, id: TradeId, news: TradeNews) {
    let is_it = talk.as_ref().is_some_and(|talk| talk.id == Some(id));
    match (news, talk.as_mut()) {
        (TradeNews::Offered(view), None) => {
            let partner = view.party.fence.character;
            let index = held(&node.board).players.iter().position(|player| player.character == partner);
            let mut new = Talk { id: Some(id), ..Talk::new(partner, index.unwrap_or(0)) };
            new.show(view);
            *talk = Some(new);
        }
        (TradeNews::Offered(view), Some(known))
            if known.may_be(id) && known.partner == view.party.fence.character =>
        {
            known.id = Some(id);
            known.show(view);
        }
        (news, Some(_)) if is_it => over(node, talk, id, news),
        _ => {}
    }
}

fn over(node: &mut Node, talk: &mut Option<Talk>, id: TradeId, news: TradeNews) {
    let told = match news {
        TradeNews::Done(done) => {
            node.traded(done);
            Told::Done
        }
        TradeNews::Closed(_) => Told::Not,
        TradeNews::Offered(_) => return,
    };
    node.note(format_args!("trade {id} is over: {told:?}"));
    let character = node.me.character;
    held(&node.board).trades.push((id, character, told));
    node.is_sure = !node.is_ordering;
    *talk = None;
}

fn answered(node: &mut Node, talk: &mut Option<Talk>, reply: Option<Reply>) -> Result<(), Reload> {
    let Some(known) = talk.as_mut() else { return Ok(()) };
    let Some(reply) = reply else {
        // an offer that nobody heard of begins nothing
        match known.id {
            None => *talk = None,
            Some(_) => {
                known.ending = false;
                known.doubt.raise();
            }
        }
        return Ok(());
    };
    node.note(format_args!("trade {}", short(&reply)));
    let Some(known) = talk.as_mut() else { return Ok(()) };
    match reply {
        Reply::Trade(view) if known.may_be(view.trade) => {
            let with = view.partner.as_ref().map(|half| half.party.fence.character);
            if with.is_none_or(|with| with == known.partner) {
                known.id = Some(view.trade);
                known.settling = view.settling;
                if let Some(partner) = view.partner {
                    known.show(partner);
                }
            }
        }
        Reply::Settling(id) if known.may_be(id) => {
            known.id = Some(id);
            known.settling = true;
            known.doubt.raise();
        }
        Reply::Closed => {
            if let (true, Some(id)) = (known.ending, known.id) {
                over(node, talk, id, TradeNews::Closed(TradeEnd::Lost));
            } else if known.ending {
                *talk = None;
            }
        }
        Reply::TradeOver(id, news) if known.id == Some(id) => over(node, talk, id, news),
        Reply::DoneUnseen => {
            let trade = known.id;
            let character = node.me.character;
            held(&node.board).trades.extend(trade.map(|trade| (trade, character, Told::Done)));
            (node.is_sure, node.is_ordering) = (false, true);
            *talk = None;
            return Err(Reload);
        }
        Reply::Refused(_) if known.id.is_none() => *talk = None,
        Reply::Refused(_) => known.ending = false,
        _ => {}
    }
    Ok(())
}

/// What became of the trade: asked when what was said may be lost, until somebody knows.
pub async fn read(node: &mut Node, talk: &mut Option<Talk>) -> Result<(), Reload> {
    let Some(known) = talk.as_mut().filter(|talk| talk.asks_from <= turmoil::elapsed()) else {
        return Ok(());
    };
    let (Some(asked), Some(question)) = (known.doubt.question(), known.question(node)) else { return Ok(()) };
    let reply = node.ask(Request::ReadTrade(question)).await;
    known.doubt.hear(asked, reply.as_ref());
    known.asks_from = turmoil::elapsed() + ASK_AGAIN;
    let Some(reply) = reply else { return Ok(()) };
    if reply == Reply::Closed {
        known.ending = true;
    }
    answered(node, talk, Some(reply))
}

/// Says what this side gives; `checks`: and agrees to what both show.
pub async fn offer(
    node: &mut Node,
    talk: &mut Option<Talk>,
    change: bool,
    checks: bool,
) -> Result<(), Reload> {
    let Some(known) = talk.as_mut() else { return Ok(()) };
    let offer = match known.offer.clone().filter(|_| !change) {
        Some(offer) => offer,
        None => fresh(node),
    };
    known.offer = Some(offer.clone());
    let saw = known.theirs.as_ref().map_or(0, |view| view.version);
    if let (true, Some(id), Some(theirs)) = (checks, known.id, &known.theirs) {
        // from now on it may be done
        node.is_sure = false;
        let consent = Consent { gives: given(&offer), gets: given(&theirs.offer) };
        let character = node.me.character;
        held(&node.board).consents.entry((id, character)).or_default().push(consent);
    }
    let request = OfferTrade {
        me: node.party(),
        partner: known.partner,
        partner_node: ProcessName(format!("tmsrv-{}", known.partner_index + 1)),
        partner_epoch: held(&node.board).epochs.get(&known.partner).copied().unwrap_or(Epoch(0)),
        offer,
        checked: checks,
        saw,
        known: known.question(node),
    };
    let reply = node.ask(Request::OfferTrade(request)).await;
    answered(node, talk, reply)
}

fn fresh(node: &mut Node) -> FirmOffer {
    let count = node.dice.random_range(0..3);
    let mut items = Vec::new();
    for position in 0..count {
        let Some((slot, item)) = node.thing() else { break };
        if items.iter().all(|(_, taken, _)| *taken != slot) {
            items.push((position, slot, item));
        }
    }
    let gold =
        if node.dice.random_bool(0.6) { node.dice.random_range(0..node.gold.clamp(1, 500)) } else { 0 };
    let free_slots = (0..SLOTS).filter(|slot| !node.carry.contains_key(slot)).collect();
    FirmOffer { items, gold, free_slots }
}

/// Asks for the end.
pub async fn cancel(node: &mut Node, talk: &mut Option<Talk>) -> Result<(), Reload> {
    let Some(known) = talk.as_mut() else { return Ok(()) };
    if known.settling {
        return Ok(());
    }
    known.ending = true;
    let (request, question) =
        (CancelTrade { character: node.me.character, trade: known.id }, known.question(node));
    let reply = node.ask(Request::CancelTrade(request)).await;
    match (reply, question) {
        // what was live of it may be lost while it is done: then only the store knows
        (Some(Reply::Closed), Some(question)) => {
            let reply = node.ask(Request::ReadTrade(question)).await;
            answered(node, talk, reply)
        }
        (reply, _) => answered(node, talk, reply),
    }
}

/// One step of somebody who is in a trade.
pub async fn step(node: &mut Node, talk: &mut Option<Talk>) -> Result<(), Reload> {
    let Some(known) = talk.as_ref() else { return Ok(()) };
    if known.settling {
        sleep(AGAIN).await;
        return Ok(());
    }
    if turmoil::elapsed().saturating_sub(known.since) > PATIENCE {
        return cancel(node, talk).await;
    }
    let shown = known.theirs.is_some() && known.id.is_some();
    match node.dice.random_range(0..20) {
        0 => cancel(node, talk).await,
        1..4 => offer(node, talk, true, false).await,
        4..15 if shown && known.offer.is_some() => offer(node, talk, false, true).await,
        15 if shown => offer(node, talk, true, true).await,
        _ if known.offer.is_none() => offer(node, talk, true, false).await,
        _ => {
            sleep(AGAIN).await;
            Ok(())
        }
    }
}
