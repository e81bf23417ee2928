//! A node and the services that it asks for its players: the bank and the market, played by tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use async_trait::async_trait;
use link::{Peer, Service, Stream};
use model::calls::bank::{self, Cargo, MoveItem, Order, Parcel, TakeParcel};
use model::calls::market::{
    self, FromNode, OfferTrade, PartnerView, ReadTrade, TradeDone, TradeNews, TradeView,
};
use model::calls::node::ToEdge;
use model::calls::temporary;
use model::event::{Notice, NoticeKey};
use model::membership::Role;
use model::trade::{FirmOffer, Offer};
use model::{
    Character, CharacterId, Command, Container, Effect, EntityId, Event, Item, ItemId, ItemKind, ParcelId,
    Slot, Tile, TradeId, words,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use support::{Edge, House};
use tmsrv::Settings;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Beside the keeper of the bank of Armia, who stands on (2144,2082).
const BANK: Tile = Tile::new(2142, 2084);
const KEEPER: Tile = Tile::new(2144, 2082);
const TRADE: TradeId = TradeId(5);

fn slot(container: Container, index: u8) -> Slot {
    Slot { container, index }
}

fn knife() -> Item {
    Item { id: ItemId(77), kind: ItemKind(861), effects: [Effect::default(); 3] }
}

async fn one_node() -> House {
    House::with_nodes(1, Settings { game_threads: 1, ..Settings::default() }).await
}

/// A bank that does not know the first time, and then has done it.
#[derive(Default)]
struct Bank {
    asked: Mutex<Vec<Order>>,
}

#[async_trait]
impl Service for Bank {
    type Request = bank::Request;
    type Reply = bank::Reply;
    type In = ();
    type Out = ();

    async fn call(&self, _peer: &Peer, request: bank::Request) -> bank::Reply {
        let order = match &request {
            bank::Request::MoveItem(of) => of.order,
            bank::Request::DepositGold(of) | bank::Request::WithdrawGold(of) => of.order,
            _ => return bank::Reply::Unavailable,
        };
        self.asked.lock().push(order);
        match request {
            _ if !order.again => bank::Reply::Unavailable,
            bank::Request::MoveItem(MoveItem { from, to, carried, .. }) => {
                bank::Reply::Moved { slots: [(from, None), (to, carried)] }
            }
            _ => bank::Reply::Gold { carried: 400, cargo: 600 },
        }
    }

    async fn stream(&self, _peer: Peer, _stream: Stream<(), ()>) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bank_is_asked_the_same_again_until_it_knows() {
    let house = one_node().await;
    let bank = Arc::new(Bank::default());
    let process = house.joins(Role::BiSrv, 1, Arc::clone(&bank)).await;
    let ana = house.character_with(BANK, |ana| ana.carry[0] = Some(knife())).await;
    let mut edge = house.edge("edge-1", BANK).await;
    let (session, _) = house.enters(&mut edge, &ana, BANK).await;
    let keeper = edge
        .perceives(session, "the keeper", |event| match event {
            Event::Appeared { look, .. } if look.tile == KEEPER => Some(look.entity),
            _ => None,
        })
        .await;
    let (from, to) = (slot(Container::Carry, 0), slot(Container::Cargo, 3));
    let keeper = Some(keeper);
    edge.command(session, Command::MoveItem { from, to, keeper }).await;
    let moved = Event::SlotChanged { slot: from, item: None };
    edge.perceives(session, "that it is moved", |event| (*event == moved).then_some(())).await;
    edge.command(session, Command::DepositGold { amount: 600 }).await;
    edge.perceives(session, "the gold", |event| (*event == Event::GoldChanged { gold: 400 }).then_some(()))
        .await;
    let asked = bank.asked.lock().clone();
    let [first, second, third, fourth] = asked[..] else { panic!("{asked:?}") };
    assert_eq!((first.again, second), (false, Order { again: true, ..first }), "the same operation");
    assert_eq!((third.again, fourth), (false, Order { again: true, ..third }));
    assert_ne!(first.operation, third.operation);
    assert_eq!((first.fence.account, first.fence.character), (ana.account, ana.id));
    process.stop.cancel();
    house.stop().await;
}

/// A post office that does not know the first time; each time that it is asked for parcels another one has come.
#[derive(Default)]
struct Post {
    lists: Mutex<u64>,
    taken: Mutex<Vec<TakeParcel>>,
}

fn parcel(id: u64) -> Parcel {
    Parcel {
        parcel: ParcelId(id),
        sender: "Bianca".to_owned(),
        to: "Ana".to_owned(),
        returned: false,
        text: String::new(),
        items: Vec::new(),
        gold: 5,
        sent_ms: 0,
        until_ms: None,
        days_left: None,
    }
}

#[async_trait]
impl Service for Post {
    type Request = bank::Request;
    type Reply = bank::Reply;
    type In = ();
    type Out = ();

    async fn call(&self, _peer: &Peer, request: bank::Request) -> bank::Reply {
        match request {
            bank::Request::ListParcels { .. } => {
                let mut lists = self.lists.lock();
                *lists += 1;
                match *lists {
                    1 => bank::Reply::Unavailable,
                    // all begin with the same letters: with two of them the number would stand for neither
                    lists => bank::Reply::Parcels((2..=lists).map(|n| parcel((1 << 60) | n)).collect()),
                }
            }
            bank::Request::TakeParcel(asked) => {
                self.taken.lock().push(asked);
                match asked.again {
                    false => bank::Reply::Unavailable,
                    true => bank::Reply::Taken(Cargo::default()),
                }
            }
            bank::Request::CashBalance { .. } => bank::Reply::Cash(77),
            _ => bank::Reply::Unavailable,
        }
    }

    async fn stream(&self, _peer: Peer, _stream: Stream<(), ()>) {}
}

fn says(word: &str, text: String) -> Command {
    Command::Words { word: word.to_owned(), text }
}

async fn is_told(edge: &mut Edge, session: model::SessionId, wanted: NoticeKey) {
    edge.perceives(session, "a line", |event| match event {
        Event::Notice(Notice::Catalogue { key, .. }) if *key == wanted => Some(()),
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typed_number_is_looked_up_once_and_every_repeat_takes_the_same_parcel() {
    let house = one_node().await;
    let post = Arc::new(Post::default());
    let process = house.joins(Role::BiSrv, 1, Arc::clone(&post)).await;
    let ana = house.character_with(BANK, |ana| ana.hard.guild = 7).await;
    let mut edge = house.edge("edge-1", BANK).await;
    let (session, _) = house.enters(&mut edge, &ana, BANK).await;
    let number = words::shortest((1 << 60) | 2, std::iter::empty());
    edge.command(session, says("parcel", format!("take {number}"))).await;
    is_told(&mut edge, session, NoticeKey::ParcelTaken).await;
    let taken = post.taken.lock().clone();
    let [first, second] = taken[..] else { panic!("{taken:?}") };
    assert_eq!((first.parcel, first.account, first.again), (ParcelId((1 << 60) | 2), ana.account, false));
    assert_eq!(second, TakeParcel { again: true, ..first }, "the same operation");
    assert_eq!(*post.lists.lock(), 2, "asked until it was known, and not again");
    edge.command(session, says("parcel", format!("take {number}"))).await;
    is_told(&mut edge, session, NoticeKey::ParcelNoSuch).await;
    assert_eq!(post.taken.lock().len(), 2, "what could be two is not taken");
    // a question that nobody answers is given up, and the player goes on
    edge.command(session, says("guildbank", "log".to_owned())).await;
    is_told(&mut edge, session, NoticeKey::TryLater).await;
    edge.command(session, says("saldo", String::new())).await;
    is_told(&mut edge, session, NoticeKey::CashBalance).await;
    process.stop.cancel();
    house.stop().await;
}

/// A market that swaps as soon as the second one offers. Asked about a trade it does not know the first time, then the
/// swap is on its way, then it is over.
struct Market {
    pushes: tokio::sync::Mutex<mpsc::Receiver<market::ToNode>>,
    push: mpsc::Sender<market::ToNode>,
    first: Mutex<Option<OfferTrade>>,
    reads: Mutex<BTreeMap<CharacterId, u32>>,
}

impl Market {
    fn new() -> Self {
        let (push, pushes) = mpsc::channel(16);
        Self {
            pushes: tokio::sync::Mutex::new(pushes),
            push,
            first: Mutex::default(),
            reads: Mutex::default(),
        }
    }

    fn read(&self, asked: &ReadTrade) -> market::Reply {
        let mut reads = self.reads.lock();
        let count = reads.entry(asked.me.character).or_default();
        *count += 1;
        let over = TradeDone { given: vec![], received: vec![], gold: Some(990) };
        match *count {
            1 => market::Reply::Unavailable,
            2 => market::Reply::Settling(asked.trade),
            _ => market::Reply::TradeOver(asked.trade, TradeNews::Done(over)),
        }
    }

    async fn tell(&self, to: CharacterId, news: TradeNews) {
        self.push.send(market::ToNode::Trade { to, trade: TRADE, news }).await.expect("a stream");
    }

    async fn offered(&self, offer: OfferTrade) -> market::Reply {
        let half = |of: &OfferTrade| PartnerView {
            party: of.me.clone(),
            offer: of.offer.clone(),
            version: 1,
            checked: of.checked,
        };
        let earlier = self.first.lock().take();
        let view = TradeView { trade: TRADE, version: 1, checked: true, partner: None, settling: false };
        let Some(first) = earlier else {
            self.tell(offer.partner, TradeNews::Offered(half(&offer))).await;
            *self.first.lock() = Some(offer);
            return market::Reply::Trade(view);
        };
        let (giver, taker) = (first.me.fence.character, offer.me.fence.character);
        let (_, from, item) = first.offer.items[0];
        let given = TradeDone { given: vec![from], received: vec![], gold: Some(1_250) };
        let to = offer.offer.free_slots[0];
        let taken = TradeDone { given: vec![], received: vec![(to, item)], gold: Some(750) };
        self.tell(giver, TradeNews::Done(given)).await;
        self.tell(taker, TradeNews::Done(taken)).await;
        market::Reply::Trade(TradeView { partner: Some(half(&first)), settling: true, ..view })
    }
}

#[async_trait]
impl Service for Market {
    type Request = temporary::Request;
    type Reply = temporary::Reply;
    type In = FromNode;
    type Out = market::ToNode;

    async fn call(&self, _peer: &Peer, request: temporary::Request) -> temporary::Reply {
        let temporary::Request::Market(request) = request else { return temporary::Reply::Unavailable };
        let reply = match *request {
            market::Request::OfferTrade(offer) => self.offered(offer).await,
            market::Request::CancelTrade(_) => market::Reply::Closed,
            market::Request::ReadTrade(asked) => self.read(&asked),
            _ => market::Reply::Unavailable,
        };
        temporary::Reply::Market(Box::new(reply))
    }

    async fn stream(&self, _peer: Peer, stream: Stream<FromNode, market::ToNode>) {
        let (sender, mut incoming) = stream.split();
        assert_eq!(incoming.recv().await, Some(FromNode::Publish { stalls: vec![] }));
        let mut pushes = self.pushes.lock().await;
        loop {
            tokio::select! {
                push = pushes.recv() => match push {
                    Some(push) => drop(sender.send(&push).await),
                    None => return,
                },
                message = incoming.recv() => if message.is_none() {
                    return;
                },
            }
        }
    }
}

async fn is_swapped(
    edge: &mut Edge,
    of: &Character,
    session: model::SessionId,
    gold: i64,
) -> Vec<Option<Item>> {
    let what = format!("the swap of {}", of.name);
    let carried = edge
        .perceives(session, &what, |event| match event {
            Event::CarryChanged { carry, gold: now } if *now == gold => Some(carry.clone()),
            _ => None,
        })
        .await;
    edge.perceives(session, "the end of the trade", |event| (*event == Event::TradeClosed).then_some(()))
        .await;
    carried
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trade_reaches_both_players_over_the_stream_of_the_market() {
    let house = one_node().await;
    let process = house.joins(Role::TssSrv, 1, Arc::new(Market::new())).await;
    let ana = house.character_with(BANK, |ana| ana.carry[0] = Some(knife())).await;
    let bob = house.character(BANK).await;
    let mut edge = house.edge("edge-1", BANK).await;
    let (giver, sheet) = house.enters(&mut edge, &ana, BANK).await;
    let (taker, other) = house.enters(&mut edge, &bob, BANK).await;
    let shown = model::trade::OfferItem { position: 0, slot: 0, shown: knife().spec() };
    let offer = Offer { items: vec![shown], gold: 0 };
    let asks = |partner: EntityId, offer| Command::OfferTrade { partner, offer, checked: true };
    edge.command(giver, asks(other.entity, offer.clone())).await;
    let invited = Event::TradeOffered { partner: sheet.entity, offer, checked: true };
    edge.perceives(taker, "the invitation", |event| (*event == invited).then_some(())).await;
    edge.command(taker, asks(sheet.entity, FirmOffer { gold: 250, ..FirmOffer::default() }.shown())).await;
    let ended = async {
        let bobs = is_swapped(&mut edge, &bob, taker, 750).await;
        assert_eq!(bobs[0], Some(knife()));
    };
    timeout(Duration::from_secs(20), ended).await.expect("both are told");
    process.stop.cancel();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_not_pushed_is_asked_for_until_the_market_knows_it() {
    let house = one_node().await;
    let market = Arc::new(Market::new());
    let process = house.joins(Role::TssSrv, 1, Arc::clone(&market)).await;
    let ana = house.character_with(BANK, |ana| ana.carry[0] = Some(knife())).await;
    let bob = house.character(BANK).await;
    let mut edge = house.edge("edge-1", BANK).await;
    let (giver, _) = house.enters(&mut edge, &ana, BANK).await;
    let (taker, other) = house.enters(&mut edge, &bob, BANK).await;
    let offer = FirmOffer { gold: 10, ..FirmOffer::default() }.shown();
    edge.command(giver, Command::OfferTrade { partner: other.entity, offer, checked: true }).await;
    // the invitation came on the stream before
    edge.perceives(giver, "its own check", |event| (*event == Event::TradeChecked).then_some(())).await;
    // nothing is pushed any more, but that something may be lost
    market.push.send(market::ToNode::Lost).await.expect("a stream");
    let told = Mutex::new(BTreeSet::new());
    edge.hears("the swap, for both", |heard| {
        let ToEdge::Events(events) = heard else { return None };
        let swapped = events.iter().filter(|told| told.event == Event::GoldChanged { gold: 990 });
        told.lock().extend(swapped.flat_map(|told| told.to.iter().copied()));
        (*told.lock() == BTreeSet::from([giver, taker])).then_some(())
    })
    .await;
    assert_eq!(*market.reads.lock(), BTreeMap::from([(ana.id, 3), (bob.id, 3)]), "and not asked about again");
    process.stop.cancel();
    house.stop().await;
}
