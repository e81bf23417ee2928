//! Many players trade, keep shops and bid at once, while answers get lost, the store goes away and Redis forgets.
//! After it every item is there once, every piece of gold is explained, and nobody waits.

use crate::stage::{Player, Stage, ask, lots_left, operation};
use link::Client;
use model::calls::bank::{Cargo, Order};
use model::calls::database::{LoadCargo, Transfer};
use model::calls::market::{
    BidOnLot, BuyFromStall, BuyOutLot, CancelLot, Carried, ListLot, LotOrder, OpenStall, Reply, Request,
    SearchLots,
};
use model::calls::temporary;
use model::ledger::{Actor, ItemPlace};
use model::trade::Ware;
use model::transfer::Move;
use model::{Item, ItemId};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use support::{FaultyStore, RedisServer, until};

const PLAYERS: usize = 8;
const ITEMS: u8 = 6;
const STEPS: usize = 150;

/// What was acknowledged.
#[derive(Default)]
struct Done {
    swaps: AtomicUsize,
    sales: AtomicUsize,
    lots: AtomicUsize,
    bids: AtomicUsize,
}

/// One hand that plays all players: several hands play the same player at the same moment.
struct Hand {
    rng: StdRng,
    client: Client<temporary::Request, temporary::Reply>,
    store: Arc<FaultyStore>,
    players: Arc<Vec<Player>>,
    done: Arc<Done>,
}

impl Hand {
    async fn ask(&self, request: Request) -> Reply {
        ask(&self.client, request).await
    }

    /// Asks, and repeats until it is known what came of it.
    async fn order(&self, request: impl Fn(Order) -> Request, mut order: Order) -> Reply {
        loop {
            match self.ask(request(order)).await {
                Reply::Unavailable => order.again = true,
                reply => return reply,
            }
        }
    }

    fn someone(&mut self) -> Player {
        self.players.choose(&mut self.rng).unwrap().clone()
    }

    /// A player with what it carries at this moment.
    async fn fresh(&mut self) -> Player {
        let mut player = self.someone();
        let account = player.party.fence.account;
        let all =
            self.store.inner().list_characters(model::calls::database::ListCharacters { account }).await;
        player.carry = all.unwrap().remove(0).carry;
        player
    }

    async fn cargo(&self, player: &Player) -> Cargo {
        let account = player.party.fence.account;
        self.store.inner().load_cargo(LoadCargo { account }).await.unwrap().unwrap()
    }

    fn pick(&mut self, player: &Player) -> Option<(u8, Item)> {
        let has: Vec<(u8, Item)> =
            (0..30).filter_map(|slot| player.carry[usize::from(slot)].map(|item| (slot, item))).collect();
        has.choose(&mut self.rng).copied()
    }

    fn free(&mut self, player: &Player) -> Option<u8> {
        let free: Vec<u8> = (0..30).filter(|slot| player.carry[usize::from(*slot)].is_none()).collect();
        free.choose(&mut self.rng).copied()
    }

    async fn trades(&mut self) {
        let (ana, bo) = (self.fresh().await, self.fresh().await);
        let gives = |hand: &mut Self, player: &Player| {
            let slots: Vec<u8> = hand.pick(player).into_iter().map(|(slot, _)| slot).collect();
            player.gives(&slots, hand.rng.random_range(0..50))
        };
        let (from_ana, from_bo) = (gives(self, &ana), gives(self, &bo));
        self.ask(Request::OfferTrade(ana.to(&bo, from_ana.clone()))).await;
        let Reply::Trade(view) = self.ask(Request::OfferTrade(bo.to(&ana, from_bo.clone()))).await else {
            return;
        };
        let saw = view.partner.map_or(0, |half| half.version);
        let first = ana.checks(&bo, from_ana, view.version);
        let second = bo.checks(&ana, from_bo, saw);
        let (one, other) =
            tokio::join!(self.ask(Request::OfferTrade(first)), self.ask(Request::OfferTrade(second)));
        for reply in [one, other] {
            let settles = matches!(reply, Reply::Trade(view) if view.settling);
            self.done.swaps.fetch_add(usize::from(settles), Ordering::SeqCst);
        }
        if self.rng.random_bool(0.3) {
            let character = ana.party.fence.character;
            self.ask(Request::CancelTrade(model::calls::market::CancelTrade { character, trade: None }))
                .await;
        }
    }

    /// Lays an item into the bank and opens a shop with all that is there.
    async fn opens(&mut self) {
        let owner = self.fresh().await;
        let (cargo, picked) = (self.cargo(&owner).await, self.pick(&owner));
        let free = cargo.items.iter().take(100).position(Option::is_none);
        if let (Some((slot, item)), Some(free)) = (picked, free) {
            let to = owner.at(ItemPlace::Cargo(owner.party.fence.account, free as u8));
            let from = owner.at(owner.carry_place(slot));
            let transfer = Transfer {
                operation: operation(),
                actor: Actor::Player(owner.party.fence.account),
                reason: "test".to_owned(),
                fences: vec![owner.party.fence],
                moves: vec![Move::Item { item, from, to, effects: item.effects }],
                records: Vec::new(),
                softs: Vec::new(),
                standings: Vec::new(),
            };
            self.store.inner().transfer(transfer).await.unwrap().ok();
        }
        let cargo = self.cargo(&owner).await;
        let lies = cargo.items.iter().enumerate().filter_map(|(slot, item)| item.map(|item| (slot, item)));
        let ware = |(position, (slot, item)): (usize, (usize, Item))| Ware {
            position: position as u8,
            cargo_slot: slot as u8,
            shown: item.spec(),
            price: 40,
        };
        let wares = lies.take(12).enumerate().map(ware).collect();
        let (owner, title) = (owner.party, "x".to_owned());
        self.ask(Request::OpenStall(OpenStall { owner, title, wares, tax: 10 })).await;
    }

    async fn buys(&mut self) {
        let (buyer, owner) = (self.fresh().await, self.someone().party.fence.character);
        let Reply::Stall(Some(stall)) = self.ask(Request::ReadStall { owner }).await else { return };
        let (Some((ware, _)), Some(to_slot)) =
            (stall.wares.choose(&mut self.rng).copied(), self.free(&buyer))
        else {
            return;
        };
        let Ware { position, shown, price, .. } = ware;
        let request =
            |order| Request::BuyFromStall(BuyFromStall { order, to_slot, owner, position, shown, price });
        if matches!(self.order(request, buyer.order()).await, Reply::Bought { .. } | Reply::DoneUnseen) {
            self.done.sales.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn lists(&mut self) {
        let seller = self.fresh().await;
        let Some((slot, item)) = self.pick(&seller) else { return };
        let carried = Carried { slot, item, name: "thing".to_owned() };
        let buy_out = self.rng.random_bool(0.5).then_some(60);
        let start = self.rng.random_range(1..40);
        let request = |order| {
            let (seller, carried) = (seller.party.name.clone(), carried.clone());
            Request::ListLot(ListLot { order, seller, carried, start, buy_out, hours: 1 })
        };
        if matches!(self.order(request, seller.order()).await, Reply::Listed { .. } | Reply::DoneUnseen) {
            self.done.lots.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn bids(&mut self) {
        let bidder = self.someone();
        let search = SearchLots { order: LotOrder::Name, ..SearchLots::default() };
        let Reply::Lots { lots, .. } = self.ask(Request::SearchLots(search)).await else { return };
        let Some(found) = lots.choose(&mut self.rng).cloned() else { return };
        let (what, lot) = (self.rng.random_range(0..4), found.lot);
        let gold = found.next_bid + self.rng.random_range(0..5);
        let request = |order| match what {
            0 => Request::CancelLot(CancelLot { order, lot }),
            1 => Request::BuyOutLot(BuyOutLot { order, lot, price: found.buy_out.unwrap_or(60) }),
            _ => Request::BidOnLot(BidOnLot { order, bidder: "b".to_owned(), lot, gold }),
        };
        if matches!(self.order(request, bidder.order()).await, Reply::LotChanged { .. } | Reply::DoneUnseen) {
            self.done.bids.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn plays(mut self) {
        for _ in 0..STEPS {
            match self.rng.random_range(0..9) {
                0..3 => self.trades().await,
                3 => self.opens().await,
                4..6 => self.buys().await,
                6 => self.lists().await,
                _ => self.bids().await,
            }
        }
    }
}

/// Takes the store away, loses its answers, and makes Redis forget, again and again.
async fn strikes(
    mut rng: StdRng,
    store: Arc<FaultyStore>,
    redis: Option<Arc<RedisServer>>,
    over: Arc<AtomicBool>,
) {
    while !over.load(Ordering::SeqCst) {
        match rng.random_range(0..5) {
            0 => store.refuse(rng.random_range(1..6)),
            1 | 2 => store.lose_answers(rng.random_range(1..4)),
            3 => {
                if let Some(redis) = &redis {
                    redis.flush();
                }
            }
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(80)).await; // the pace of the strikes
    }
    store.refuse(0);
    store.lose_answers(0);
}

async fn items_of(stage: &Stage, players: &[Player]) -> BTreeMap<ItemId, usize> {
    let mut found = BTreeMap::new();
    for player in players {
        let (stored, cargo) = (stage.stored(player).await, stage.cargo(player).await);
        for item in stored.carry.into_iter().chain(cargo.items).flatten() {
            *found.entry(item.id).or_default() += 1;
        }
    }
    found
}

async fn storm(stage: Stage, redis: Option<Arc<RedisServer>>) {
    let seed: u64 =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("seed {seed}: SEED={seed} repeats it");
    let mut players = Vec::new();
    for _ in 0..PLAYERS {
        players.push(stage.player("tmsrv-1", 1_000, ITEMS).await);
    }
    let node = stage.node("tmsrv-1").await;
    let begin: BTreeSet<ItemId> = items_of(&stage, &players).await.into_keys().collect();
    assert_eq!(begin.len(), PLAYERS * usize::from(ITEMS));
    let (players, done, over) =
        (Arc::new(players), Arc::new(Done::default()), Arc::new(AtomicBool::new(false)));
    let mut rng = StdRng::seed_from_u64(seed);
    let hands: Vec<_> = (0..6)
        .map(|_| {
            let rng = StdRng::seed_from_u64(rng.random());
            let (client, store) = (node.client.clone(), Arc::clone(&stage.store));
            let (players, done) = (Arc::clone(&players), Arc::clone(&done));
            tokio::spawn(Hand { rng, client, store, players, done }.plays())
        })
        .collect();
    let striking = tokio::spawn(strikes(rng, Arc::clone(&stage.store), redis, Arc::clone(&over)));
    for hand in hands {
        hand.await.unwrap();
    }
    over.store(true, Ordering::SeqCst);
    striking.await.unwrap();
    stage.wait_hours(2);
    let mut stage = stage;
    // what waits for a later look is looked at now
    stage.stop().await;
    stage.start().await;
    until("all lots are over", async || lots_left(&stage).await == 0).await;
    let found = items_of(&stage, &players).await;
    assert_eq!(
        found.keys().copied().collect::<BTreeSet<_>>(),
        begin,
        "seed {seed}: nothing lost, nothing new"
    );
    assert!(found.values().all(|count| *count == 1), "seed {seed}: nothing twice");
    stage.is_sound().await;
    let counts = [&done.swaps, &done.sales, &done.lots, &done.bids].map(|count| count.load(Ordering::SeqCst));
    println!("swaps, sales, lots, bids: {counts:?}");
    assert!(counts.iter().all(|count| *count > 0), "seed {seed}: a storm without {counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_everything_is_there_once() {
    storm(Stage::in_memory().await, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_with_a_forgetful_redis_everything_is_there_once() {
    let Some(redis) = RedisServer::start_or_skip() else { return };
    let redis = Arc::new(redis);
    storm(Stage::on(&redis).await, Some(redis)).await;
}
