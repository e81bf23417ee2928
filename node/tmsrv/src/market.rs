//! The stream to TSSSrv: news of trades and of the auction house for the players of this node.

use crate::host::Order;
use crate::jobs;
use crate::node::Node;
use crate::session::Note;
use link::{Target, open_stream};
use model::calls::market::{
    FromNode, PUBLISH_EVERY_MS, ReadTrade, Reply, Request, Stall, ToNode, TradeEnd, TradeNews,
};
use model::calls::node::ToEdge;
use model::trade::{Asked, Doubt};
use model::transfer::Fence;
use model::{Addressed, CharacterId, Event, SessionId, TradeId};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use world::{Input, WareSold};

/// Between two tries to open the stream.
const AGAIN: Duration = Duration::from_millis(500);
/// Between two questions what became of a trade of which something may have been missed.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// Trades that are asked about at a time.
const ASKED_AT_A_TIME: usize = 8;

/// A trade as one session of this node is in it.
type Side = (TradeId, SessionId);

/// Trades and personal shops of players of this node.
#[derive(Debug, Default)]
pub(crate) struct Trades {
    trades: Mutex<BTreeMap<Side, Known>>,
    stalls: Mutex<BTreeMap<CharacterId, Stall>>,
    /// Told when there is much to ask about at once.
    doubted: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    me: Fence,
    /// The other side, once it was shown.
    partner: Option<Fence>,
    doubt: Doubt,
}

/// A question what became of a trade.
struct Question {
    of: Side,
    asked: Asked,
    request: ReadTrade,
}

impl Trades {
    /// A session is in a trade.
    pub(crate) fn know(&self, trade: TradeId, session: SessionId, me: Fence, partner: Option<Fence>) {
        let mut all = self.trades.lock();
        let known = all.entry((trade, session)).or_insert(Known { me, partner, doubt: Doubt::default() });
        known.partner = partner.or(known.partner);
    }

    /// What to ask about a trade of this player.
    pub(crate) fn question(&self, trade: TradeId, me: Fence) -> ReadTrade {
        let all = self.trades.lock();
        let known = all.iter().find(|((id, _), known)| *id == trade && known.me == me);
        ReadTrade { trade, me, partner: known.and_then(|(_, known)| known.partner) }
    }

    /// Something of a trade may have been missed, or its end is on its way: it is asked for until somebody knows.
    pub(crate) fn doubt(&self, trade: TradeId, session: SessionId) {
        if let Some(known) = self.trades.lock().get_mut(&(trade, session)) {
            known.doubt.raise();
        }
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

    /// What was said of any trade may be lost.
    fn doubt_all(&self) {
        self.trades.lock().values_mut().for_each(|known| known.doubt.raise());
        self.doubted.notify_one();
    }

    /// What there is to ask, in a ring that begins behind the trade that was asked about last.
    fn questions(&self, last: Option<Side>) -> Vec<Question> {
        let question = |(of, known): (&Side, &Known)| {
            let Known { me, partner, doubt } = *known;
            Some(Question {
                of: *of,
                asked: doubt.question()?,
                request: ReadTrade { trade: of.0, me, partner },
            })
        };
        let mut all: Vec<Question> = self.trades.lock().iter().filter_map(question).collect();
        let before = all.iter().filter(|question| last.is_some_and(|last| question.of <= last)).count();
        all.rotate_left(before);
        all
    }

    /// What a question brought; false when the trade is over by now.
    fn answered(&self, of: Side, asked: Asked, reply: Option<&Reply>) -> bool {
        let mut all = self.trades.lock();
        let known = all.get_mut(&of);
        known.map(|known| known.doubt.hear(asked, reply)).is_some()
    }
}

/// Keeps the stream open, and asks for what was missed beside it, until the node closes.
pub(crate) async fn run(node: Arc<Node>) {
    tokio::join!(keep_open(&node), ask_what_was_missed(&node));
}

async fn keep_open(node: &Arc<Node>) {
    let mut target = node.cluster.target(model::membership::Role::TssSrv);
    loop {
        let found = target.borrow_and_update().clone();
        if let Some(found) = found {
            match open_stream::<ToNode, FromNode>(&node.process.credentials, &found).await {
                Ok(stream) => listen(node, stream, &found, &mut target).await,
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

/// Hears one TSSSrv until its stream ends, or another one is asked by now.
async fn listen(
    node: &Arc<Node>,
    stream: link::Stream<ToNode, FromNode>,
    to: &Target,
    target: &mut watch::Receiver<Option<Target>>,
) {
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
                    node.trades.doubt_all();
                }
            }
            Ok(()) = target.changed() => {
                if target.borrow_and_update().as_ref().is_some_and(|now| now != to) {
                    return;
                }
            }
            message = incoming.recv() => match message {
                None => return,
                Some(ToNode::Lost) => {
                    publish.reset_immediately();
                    node.trades.doubt_all();
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
                session.home.tell(ToEdge::Events(vec![told]));
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

/// Asks what became of trades of which something may have been missed, until somebody knows.
async fn ask_what_was_missed(node: &Arc<Node>) {
    let mut again = tokio::time::interval(ASK_AGAIN);
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = None;
    loop {
        tokio::select! {
            () = node.closing.cancelled() => return,
            () = node.trades.doubted.notified() => {}
            _ = again.tick() => {}
        }
        tokio::select! {
            () = node.closing.cancelled() => return,
            () = ask_some(node, &mut last) => {}
        }
    }
}

/// Asks about all of them, a few at a time, or until nobody answers.
async fn ask_some(node: &Arc<Node>, last: &mut Option<Side>) {
    let mut questions = node.trades.questions(*last).into_iter().peekable();
    while questions.peek().is_some() {
        let mut asking = JoinSet::new();
        for question in questions.by_ref().take(ASKED_AT_A_TIME) {
            *last = Some(question.of);
            asking.spawn(read_trade(Arc::clone(node), question));
        }
        // who is silent to all of them is so to the next ones
        if !asking.join_all().await.contains(&true) {
            return;
        }
    }
}

/// Asks about a trade, and brings what it hears to its player; false when nobody knows.
async fn read_trade(node: Arc<Node>, Question { of, asked, request }: Question) -> bool {
    let (trade, session) = of;
    let reply = jobs::ask_market(&node, Request::ReadTrade(request)).await;
    let is_known = reply.is_some();
    if !node.trades.answered(of, asked, reply.as_ref()) {
        return is_known;
    }
    match reply {
        Some(Reply::TradeOver(_, news)) => tell(&node, session, trade, news).await,
        Some(Reply::Closed) => {
            tell(&node, session, trade, TradeNews::Closed(TradeEnd::Lost)).await;
        }
        Some(Reply::DoneUnseen) => {
            node.trades.forget(trade, session);
            node.sessions.note(session, Note::Outdated);
        }
        Some(Reply::Trade(view)) => {
            if let Some(partner) = view.partner {
                tell(&node, session, trade, TradeNews::Offered(partner)).await;
            }
        }
        // asked again
        _ => {}
    }
    is_known
}
