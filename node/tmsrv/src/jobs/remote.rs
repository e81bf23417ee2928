//! Work that the market does for a player.
//!
//! Each request is repeated, marked as a repeat, until somebody says what came of it.

use super::{Patience, possessions};
use crate::node::Node;
use crate::session::{Note, Session};
use model::calls::bank::Order;
use model::calls::market::{
    self, BuyFromStall, CancelTrade, MarketRefusal, OfferTrade, OpenStall, Party, ReadTrade, TradeNews, Words,
};
use model::calls::temporary;
use model::transfer::Fence;
use model::{Epoch, OperationId};
use std::time::Duration;
use world::{JobOutcome, MarketWork};

/// How long one answer is waited for.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// Asks the market.
pub(super) async fn market(node: &Node, session: &Session, fence: Fence, work: &MarketWork) -> JobOutcome {
    let mut order = Order { operation: OperationId(rand::random()), fence, again: false };
    // an offer or its end changes nothing durable: the player may be told to try again
    let idle = !matches!(work, MarketWork::Words { .. } | MarketWork::BuyFromStall { .. });
    let mut patience = if idle { Patience::short() } else { Patience::default() };
    if let MarketWork::CloseStall { owner } = work {
        // before it is asked for: what is published from now on must not bring it back
        node.trades.stall_closed(*owner);
    }
    loop {
        let request = market_request(node, order, work);
        let reply = match (ask_market(node, request).await, work) {
            (Some(market::Reply::Closed), MarketWork::Cancel { trade: Some(trade), .. }) => {
                closed(node, node.trades.question(*trade, fence)).await
            }
            (reply, _) => reply,
        };
        match reply {
            Some(market::Reply::Refused(MarketRefusal::Stale)) => {
                session.note(Note::Fenced);
                return JobOutcome::Failed;
            }
            // it was done; with what came of it only the store can tell
            Some(market::Reply::DoneUnseen) => {
                session.note(Note::Outdated);
                return JobOutcome::Failed;
            }
            Some(reply) => {
                match &reply {
                    market::Reply::Trade(view) => {
                        let partner = view.partner.as_ref().map(|partner| partner.party.fence);
                        node.trades.know(view.trade, session.id, fence, partner);
                    }
                    market::Reply::TradeOver(trade, _) => node.trades.forget(*trade, session.id),
                    market::Reply::Settling(trade) => node.trades.doubt(*trade, session.id),
                    market::Reply::StallOpened(stall) => node.trades.stall_opened(stall),
                    _ => {}
                }
                let wrong = matches!(
                    &reply,
                    market::Reply::Refused(
                        MarketRefusal::ItemGone | MarketRefusal::NotEnough | MarketRefusal::TooMuch
                    )
                );
                let fresh = if wrong { possessions(node, session).await.map(Box::new) } else { None };
                return JobOutcome::Market { reply: Box::new(reply), fresh };
            }
            None => {}
        }
        order.again = true;
        if !patience.wait(node, Some(session), idle).await {
            if let MarketWork::Offer { trade: Some(trade), .. }
            | MarketWork::Cancel { trade: Some(trade), .. } = work
            {
                node.trades.doubt(*trade, session.id);
            }
            if !idle {
                tracing::error!(session = %session.id, operation = %order.operation,
                    "it is not known what the market did");
                session.note(Note::Fenced);
            }
            return JobOutcome::Failed;
        }
    }
}

/// The end of a trade of which nothing is live any more. What was live may have been lost while it was done: then only
/// the store knows, and is asked.
async fn closed(node: &Node, asked: ReadTrade) -> Option<market::Reply> {
    match ask_market(node, market::Request::ReadTrade(asked)).await {
        Some(market::Reply::TradeOver(_, TradeNews::Closed(_))) => Some(market::Reply::Closed),
        reply => reply,
    }
}

/// Ends the trade or the shop of somebody who is gone; tried once, the market ends both by itself as well.
pub(super) async fn end(node: &Node, work: &MarketWork) {
    let request = match work {
        MarketWork::Cancel { character, trade } => {
            market::Request::CancelTrade(CancelTrade { character: *character, trade: *trade })
        }
        MarketWork::CloseStall { owner } => {
            node.trades.stall_closed(*owner);
            market::Request::CloseStall { owner: *owner }
        }
        _ => return tracing::error!("work at the market that is nobody's"),
    };
    if ask_market(node, request).await.is_none() {
        tracing::info!("a trade or shop of somebody who left could not be ended yet");
    }
}

/// One question to the market; `None` when nobody knows.
pub(crate) async fn ask_market(node: &Node, request: market::Request) -> Option<market::Reply> {
    let request = temporary::Request::Market(Box::new(request));
    match node.market.call(&request, DEADLINE).await {
        Ok(temporary::Reply::Market(reply)) if *reply != market::Reply::Unavailable => Some(*reply),
        Ok(other) => {
            tracing::debug!(?other, "the market does not know yet");
            None
        }
        Err(failure) => {
            tracing::warn!(%failure, "the market was not reached yet");
            None
        }
    }
}

fn market_request(node: &Node, order: Order, work: &MarketWork) -> market::Request {
    match work {
        MarketWork::Offer { name, partner, partner_zone, offer, checked, saw, trade } => {
            let me = Party { fence: order.fence, name: name.clone(), node: node.name.clone() };
            let theirs = node.sessions.of_character(*partner);
            let partner_epoch = theirs.and_then(|theirs| theirs.epoch.get().copied());
            let view = node.cluster.view();
            let owner = view.owner(*partner_zone).map(|(owner, _)| owner.name.clone());
            market::Request::OfferTrade(OfferTrade {
                me,
                partner: *partner,
                partner_node: owner.unwrap_or_else(|| node.name.clone()),
                partner_epoch: partner_epoch.unwrap_or(Epoch(0)),
                offer: offer.clone(),
                checked: *checked,
                saw: *saw,
                known: trade.map(|trade| node.trades.question(trade, order.fence)),
            })
        }
        MarketWork::Cancel { character, trade } => {
            market::Request::CancelTrade(CancelTrade { character: *character, trade: *trade })
        }
        MarketWork::OpenStall { name, title, wares, tax } => {
            let owner = Party { fence: order.fence, name: name.clone(), node: node.name.clone() };
            let (title, wares) = (title.clone(), wares.clone());
            market::Request::OpenStall(OpenStall { owner, title, wares, tax: *tax })
        }
        MarketWork::CloseStall { owner } => market::Request::CloseStall { owner: *owner },
        MarketWork::ReadStall { owner } => market::Request::ReadStall { owner: *owner },
        MarketWork::BuyFromStall { to_slot, owner, position, shown, price } => {
            market::Request::BuyFromStall(BuyFromStall {
                order,
                to_slot: *to_slot,
                owner: *owner,
                position: *position,
                shown: *shown,
                price: *price,
            })
        }
        MarketWork::Words { name, text, carry } => market::Request::Words(Words {
            order,
            name: name.clone(),
            text: text.clone(),
            carry: carry.clone(),
        }),
    }
}
