//! The stream to TSSSrv: news of trades and of the auction house for the players of this node.

use crate::host::Order;
use crate::jobs;
use crate::node::Node;
use crate::session::Note;
use link::open_stream;
use model::calls::market::{
    FromNode, PUBLISH_EVERY_MS, ReadTrade, Reply, Request, Stall, ToNode, TradeEnd, TradeNews,
};
use model::calls::node::ToEdge;
use model::transfer::Fence;
use model::{Addressed, CharacterId, Event, SessionId, TradeId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use world::{Input, WareSold};

/// Between two tries to open the stream.
const AGAIN: Duration = Duration::from_millis(500);

/// Trades and personal shops of players of this node.
#[derive(Debug, Default)]
pub(crate) struct Trades {
    trades: Mutex<BTreeMap<(TradeId, SessionId), Known>>,
    stalls: Mutex<BTreeMap<CharacterId, Stall>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    me: Fence,
    /// The other side, once it was shown.
    partner: Option<Fence>,
}

impl Trades {
    /// A session is in a trade.
    pub(crate) fn know(&self, trade: TradeId, session: SessionId, me: Fence, partner: Option<Fence>) {
        let mut all = self.trades.lock();
        let known = all.entry((trade, session)).or_insert(Known { me, partner });
        known.partner = partner.or(known.partner);
    }

    /// What to ask about a trade of this player.
    pub(crate) fn question(&self, trade: TradeId, me: Fence) -> ReadTrade {
        let all = self.trades.lock();
        let known = all.iter().find(|((id, _), known)| *id == trade && known.me == me);
        ReadTrade { trade, me, partner: known.and_then(|(_, known)| known.partner) }
    }

    /// The end of a trade has reached its player.
    pub(crate) fn forget(&self, trade: TradeId, session: SessionId) {
        self.trades.lock().remove(&(trade, session));
    }

    /// A session is over.
    pub(crate) fn forget_session(&self, session: SessionId) {
        self.trades.lock().retain(|(_, of), _| *of != session);
    }

    /// A player of this node opened a personal shop.
    pub(crate) fn stall_opened(&self, stall: &Stall) {
        self.stalls.lock().insert(stall.owner.fence.character, stall.clone());
    }

    /// It is closed.
    pub(crate) fn stall_closed(&self, owner: CharacterId) {
        self.stalls.lock().remove(&owner);
    }

    fn ware_sold(&self, owner: CharacterId, position: u8) {
        if let Some(stall) = self.stalls.lock().get_mut(&owner) {
            stall.wares.retain(|(ware, _)| ware.position != position);
        }
    }

    fn stalls(&self) -> Vec<Stall> {
        self.stalls.lock().values().cloned().collect()
    }

    fn all(&self) -> Vec<((TradeId, SessionId), Known)> {
        self.trades.lock().iter().map(|(key, known)| (*key, *known)).collect()
    }
}

/// Keeps the stream open until the node closes.
pub(crate) async fn run(node: Arc<Node>) {
    let mut target = node.cluster.target(model::membership::Role::TssSrv);
    loop {
        let found = target.borrow_and_update().clone();
        if let Some(found) = found {
            match open_stream::<ToNode, FromNode>(&node.process.credentials, &found).await {
                Ok(stream) => listen(&node, stream).await,
                Err(failure) => tracing::debug!(%failure, "the market is not reached yet"),
            }
        }
        tokio::select! {
            () = node.closing.cancelled() => return,
            changed = target.changed(), if target.borrow().is_none() => if changed.is_err() {
                return;
            },
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn listen(node: &Arc<Node>, stream: link::Stream<ToNode, FromNode>) {
    let (sender, mut incoming) = stream.split();
    let mut publish = tokio::time::interval(Duration::from_millis(PUBLISH_EVERY_MS));
    let mut first = true;
    loop {
        tokio::select! {
            () = node.closing.cancelled() => return,
            _ = publish.tick() => {
                if sender.send(&FromNode::Publish { stalls: node.trades.stalls() }).await.is_err() {
                    return;
                }
                if std::mem::take(&mut first) {
                    read_trades(node).await;
                }
            }
            message = incoming.recv() => match message {
                None => return,
                Some(ToNode::Lost) => {
                    publish.reset_immediately();
                    read_trades(node).await;
                }
                Some(message) => hear(node, message).await,
            }
        }
    }
}

async fn hear(node: &Node, message: ToNode) {
    match message {
        ToNode::Trade { to, trade, news } => {
            if let Some(session) = node.sessions.of_character(to) {
                tell(node, session.id, trade, news).await;
            }
        }
        ToNode::Auction { account, notice } => {
            for session in node.sessions.of_account(account) {
                let event = Event::Notice(notice.clone());
                let told = Addressed { to: vec![session.id], event };
                session.edge.send(&ToEdge::Events(vec![told]));
            }
        }
        ToNode::StallSold { owner, position, cargo_slot, cargo_gold } => {
            node.trades.ware_sold(owner, position);
            let sold = WareSold { position, cargo_slot, cargo_gold };
            tell_owner(node, owner, |session| Input::WareSold { session, sold }).await;
        }
        ToNode::StallClosed { owner } => {
            node.trades.stall_closed(owner);
            tell_owner(node, owner, |session| Input::StallClosed { session }).await;
        }
        ToNode::Lost => {}
    }
}

async fn tell_owner(node: &Node, owner: CharacterId, input: impl FnOnce(SessionId) -> Input) {
    let Some(session) = node.sessions.of_character(owner) else { return };
    let zone = *session.place.lock();
    if let Some(zone) = zone {
        node.order(zone, Order::Input(zone, input(session.id))).await;
    }
}

/// Brings news of a trade to the zone of its player.
async fn tell(node: &Node, id: SessionId, trade: TradeId, news: TradeNews) {
    let Some(session) = node.sessions.get(id) else { return node.trades.forget_session(id) };
    match &news {
        TradeNews::Offered(view) => {
            if let Some(epoch) = session.epoch.get() {
                let me = Fence { account: session.account, character: session.character, epoch: *epoch };
                node.trades.know(trade, id, me, Some(view.party.fence));
            }
        }
        TradeNews::Done(_) | TradeNews::Closed(_) => node.trades.forget(trade, id),
    }
    let zone = *session.place.lock();
    if let Some(zone) = zone {
        node.order(zone, Order::Input(zone, Input::Trade { session: id, trade, news })).await;
    }
}

/// Asks what became of each trade that this node knows: what was said meanwhile is lost.
async fn read_trades(node: &Arc<Node>) {
    for ((trade, session), Known { me, partner }) in node.trades.all() {
        let request = Request::ReadTrade(ReadTrade { trade, me, partner });
        match jobs::ask_market(node, request).await {
            Some(Reply::TradeOver(_, news)) => tell(node, session, trade, news).await,
            Some(Reply::Closed) => {
                tell(node, session, trade, TradeNews::Closed(TradeEnd::Lost)).await;
            }
            Some(Reply::DoneUnseen) => {
                node.trades.forget(trade, session);
                node.sessions.note(session, Note::Fenced);
            }
            Some(Reply::Trade(view)) => {
                if let Some(partner) = view.partner {
                    tell(node, session, trade, TradeNews::Offered(partner)).await;
                }
            }
            _ => {}
        }
    }
}
