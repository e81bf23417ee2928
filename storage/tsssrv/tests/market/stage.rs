//! What the stories need: a market on a store of its own, players with items, and the nodes they stand on.

use link::{Client, Server, Stream, Target};
use model::account::AccountName;
use model::calls::bank::{Cargo, Order};
use model::calls::database::{
    AccountChange, ChangeAccount, CreateAccount, CreateCharacter, ListCharacters, ListRecords, LoadCargo,
    LoadCharacter, Transfer,
};
use model::calls::market::{
    CancelTrade, FromNode, OfferTrade, Party, ReadTrade, Reply, Request, ToNode, TradeNews, TradeView,
};
use model::calls::temporary;
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::membership::ProcessName;
use model::trade::FirmOffer;
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, RecordKind};
use model::{
    Account, AccountId, Character, CharacterId, Effect, Item, ItemId, ItemKind, OperationId, Secret, Tile,
    TradeId,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Sqlite, Store};
use support::{FaultyStore, RedisServer, SOON, any_port, character, credentials};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tsssrv::{
    Auction, Cabinet, Clock, Front, Market, MemoryValues, Metrics, Parts, RedisValues, Values, random_ids,
    tokio_tasks, wall_clock,
};

/// A market that can be stopped and started again over what is left of it.
pub struct Stage {
    _folder: TempDir,
    pub store: Arc<FaultyStore>,
    pub auction: Auction,
    pub values: Arc<dyn Values>,
    /// How far the market's clock is ahead of ours.
    ahead_ms: Arc<AtomicI64>,
    running: Option<Running>,
}

struct Running {
    target: Target,
    stop: CancellationToken,
    market: Arc<Market>,
    tasks: Vec<JoinHandle<()>>,
}

/// A player, as its node knows it.
#[derive(Clone)]
pub struct Player {
    pub party: Party,
    pub carry: Vec<Option<Item>>,
}

impl Stage {
    pub async fn in_memory() -> Self {
        Self::new(Arc::new(MemoryValues::new(10_000, 1 << 26))).await
    }

    pub async fn on(redis: &RedisServer) -> Self {
        Self::at(&redis.url()).await
    }

    /// On the Redis of a URL.
    pub async fn at(url: &str) -> Self {
        Self::new(Arc::new(RedisValues::new(&Secret::new(url), "test:").unwrap())).await
    }

    pub async fn new(values: Arc<dyn Values>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(&folder.path().join("wydbr.sqlite")).unwrap();
        Self::over(Arc::new(sqlite), values, folder).await
    }

    /// Over a store of the test's own.
    pub async fn over(store: Arc<dyn Store>, values: Arc<dyn Values>, folder: TempDir) -> Self {
        let store = FaultyStore::new(store);
        let (auction, ahead_ms) = (Auction::default(), Arc::default());
        let mut stage = Self { _folder: folder, store, auction, values, ahead_ms, running: None };
        stage.start().await;
        stage
    }

    /// Starts the market.
    pub async fn start(&mut self) {
        let server = Server::bind(any_port(), credentials("tsssrv-1")).await.unwrap();
        let target = Target { name: credentials("tsssrv-1").name, address: server.local_addr() };
        let stop = CancellationToken::new();
        let store: Arc<dyn Store> = Arc::clone(&self.store) as Arc<dyn Store>;
        let ahead = Arc::clone(&self.ahead_ms);
        let wall = wall_clock();
        let clock: Clock = Arc::new(move || wall() + ahead.load(Ordering::SeqCst));
        let (values, auction) = (Arc::clone(&self.values), self.auction.clone());
        let (ids, spawn) = (random_ids(), tokio_tasks());
        let market = Market::new(Parts { store, values, auction, clock, ids, spawn, stop: stop.clone() });
        let cabinet = Arc::new(Cabinet::new(Arc::clone(&self.values), Metrics::unregistered().unwrap()));
        let front = Arc::new(Front { cabinet, market: Arc::clone(&market) });
        let serving = tokio::spawn(server.serve(front, stop.clone()));
        let watching = tokio::spawn(Arc::clone(&market).watch());
        let serving = tokio::spawn(async move {
            serving.await.ok();
        });
        self.running = Some(Running { target, stop, market, tasks: vec![serving, watching] });
    }

    /// Ends the market, whatever it is at.
    pub async fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        running.stop.cancel();
        for task in running.tasks {
            task.await.unwrap();
        }
        running.market.ended().await;
    }

    /// The market that runs.
    pub fn market(&self) -> Arc<Market> {
        Arc::clone(&self.running.as_ref().unwrap().market)
    }

    /// Hours go by for the market.
    pub fn wait_hours(&self, hours: i64) {
        self.ahead_ms.fetch_add(hours * 3_600_000, Ordering::SeqCst);
    }

    /// A node.
    pub async fn node(&self, name: &str) -> Node {
        let target = self.running.as_ref().unwrap().target.clone();
        let stream = link::open_stream(&credentials(name), &target).await.unwrap();
        let node = Node { client: Client::fixed(credentials(name), target), stream };
        node.stream.send(&FromNode::Publish { stalls: Vec::new() }).await.unwrap();
        // the stream is heard once the market has answered after its first message
        node
    }

    /// A player on a node, with so much gold and so many different items from slot 0 on.
    pub async fn player(&self, node: &str, gold: i64, items: u8) -> Player {
        let id: u64 = rand::random::<u64>() >> 2;
        let account = Account {
            id: AccountId(id),
            name: AccountName::new(&format!("P{:011X}", id >> 18)).unwrap(),
            password_hash: "hash".to_owned(),
            pin_hash: None,
            blocked: None,
            frozen: None,
            created_ms: 1,
        };
        let store = self.store.inner();
        let create = CreateAccount { operation: operation(), account: account.clone() };
        store.create_account(create).await.unwrap().unwrap();
        let name = format!("Q{:09X}", id >> 26);
        let mut who = character(account.id, CharacterId(id), &name, Tile::new(2100, 2100));
        who.hard.gold = gold;
        for slot in 0..items {
            who.carry[usize::from(slot)] = Some(item(400 + u16::from(slot)));
        }
        let carry = who.carry.clone();
        store
            .create_character(CreateCharacter { operation: operation(), character: who })
            .await
            .unwrap()
            .unwrap();
        let fence = self.load(account.id, CharacterId(id), node).await;
        Player { party: Party { fence, name, node: node_name(node) }, carry }
    }

    /// Loads a character: older fences are stale.
    pub async fn load(&self, account: AccountId, character: CharacterId, node: &str) -> Fence {
        let load = LoadCharacter { account, character, owner: node_name(node) };
        let loaded = self.store.inner().load_character(load).await.unwrap().unwrap();
        Fence { account, character, epoch: loaded.epoch }
    }

    /// The player's character as stored.
    pub async fn stored(&self, player: &Player) -> Character {
        let account = player.party.fence.account;
        let all = self.store.inner().list_characters(ListCharacters { account }).await.unwrap();
        all.into_iter().find(|found| found.id == player.party.fence.character).unwrap()
    }

    pub async fn gold(&self, player: &Player) -> i64 {
        self.stored(player).await.hard.gold
    }

    pub async fn cargo(&self, player: &Player) -> Cargo {
        let account = player.party.fence.account;
        self.store.inner().load_cargo(LoadCargo { account }).await.unwrap().unwrap()
    }

    /// Moves of a test, past the market; they must be possible.
    pub async fn does(&self, player: &Player, moves: Vec<Move>) {
        let transfer = Transfer {
            operation: operation(),
            actor: Actor::System("test".to_owned()),
            reason: "test".to_owned(),
            fences: vec![player.party.fence],
            moves,
            records: Vec::new(),
            softs: Vec::new(),
            standings: Vec::new(),
        };
        self.store.inner().transfer(transfer).await.unwrap().unwrap();
    }

    /// Lays a carried item into the player's bank.
    pub async fn banks(&self, player: &Player, slot: u8, cargo_slot: u8) -> Item {
        let item = player.carry[usize::from(slot)].unwrap();
        let to = player.at(ItemPlace::Cargo(player.party.fence.account, cargo_slot));
        let from = player.at(player.carry_place(slot));
        self.does(player, vec![Move::Item { item, from, to, effects: item.effects }]).await;
        item
    }

    /// Gives gold to a player's bank out of nothing.
    pub async fn mints_into_bank(&self, player: &Player, amount: i64) {
        let home = player.party.fence.account;
        let from = GoldLocation { home, account: GoldAccount::Mint("test".to_owned()) };
        let to = GoldLocation { home, account: GoldAccount::Cargo(home) };
        self.does(player, vec![Move::Gold { amount, from, to }]).await;
    }

    /// The player throws a carried item away, past the market.
    pub async fn throws_away(&self, player: &Player, slot: u8) {
        let item = player.carry[usize::from(slot)].unwrap();
        self.does(player, vec![Move::Death { item, from: player.at(player.carry_place(slot)) }]).await;
    }

    pub async fn freezes(&self, player: &Player, reason: Option<&str>) {
        let change = AccountChange::Frozen(reason.map(str::to_owned));
        let account = player.party.fence.account;
        assert!(self.store.inner().change_account(ChangeAccount { account, change }).await.unwrap());
    }

    /// Nothing is there twice, nothing is missing, everything is explained.
    pub async fn is_sound(&self) {
        let report = store::fsck::run(self.store.inner().as_ref()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.checked.findings);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.stop.cancel();
        }
    }
}

/// A game node: its calls and its pushes.
pub struct Node {
    pub client: Client<temporary::Request, temporary::Reply>,
    stream: Stream<ToNode, FromNode>,
}

impl Node {
    pub async fn ask(&self, request: Request) -> Reply {
        ask(&self.client, request).await
    }

    pub async fn publish(&self, stalls: Vec<model::calls::market::Stall>) {
        self.stream.send(&FromNode::Publish { stalls }).await.unwrap();
    }

    /// The next push but those about lost values.
    pub async fn hears(&mut self) -> ToNode {
        loop {
            let heard = tokio::time::timeout(SOON, self.stream.recv()).await.expect("a push in time");
            match heard.expect("an open stream") {
                ToNode::Lost => {}
                other => return other,
            }
        }
    }

    pub async fn hears_lost(&mut self) {
        while tokio::time::timeout(SOON, self.stream.recv()).await.expect("a push in time").unwrap()
            != ToNode::Lost
        {}
    }

    /// The next news of a trade for a player.
    pub async fn hears_of(&mut self, player: &Player) -> (TradeId, TradeNews) {
        loop {
            if let ToNode::Trade { to, trade, news } = self.hears().await
                && to == player.party.fence.character
            {
                return (trade, news);
            }
        }
    }

    /// The end of a trade for a player, whatever is told before.
    pub async fn hears_end(&mut self, player: &Player) -> TradeNews {
        loop {
            match self.hears_of(player).await.1 {
                TradeNews::Offered(_) => {}
                end => return end,
            }
        }
    }

    /// Offers, and is answered with the trade.
    pub async fn offers(&self, offer: OfferTrade) -> TradeView {
        match self.ask(Request::OfferTrade(offer)).await {
            Reply::Trade(view) => view,
            other => panic!("no trade but {other:?}"),
        }
    }

    pub async fn cancels(&self, player: &Player) -> Reply {
        self.ask(Request::CancelTrade(CancelTrade { character: player.party.fence.character, trade: None }))
            .await
    }

    pub async fn reads(&self, trade: TradeId, me: &Player, partner: &Player) -> Reply {
        let partner = Some(partner.party.fence);
        self.ask(Request::ReadTrade(ReadTrade { trade, me: me.party.fence, partner })).await
    }
}

pub async fn ask(client: &Client<temporary::Request, temporary::Reply>, request: Request) -> Reply {
    let request = temporary::Request::Market(Box::new(request));
    match client.call(&request, SOON).await.unwrap() {
        temporary::Reply::Market(reply) => *reply,
        other => panic!("not of the market: {other:?}"),
    }
}

impl Player {
    pub fn at(&self, place: ItemPlace) -> ItemLocation {
        ItemLocation { home: self.party.fence.account, place }
    }

    pub fn carry_place(&self, slot: u8) -> ItemPlace {
        ItemPlace::Carry(self.party.fence.character, slot)
    }

    pub fn order(&self) -> Order {
        Order { operation: operation(), fence: self.party.fence, again: false }
    }

    /// Items of these slots and gold; all other slots below 30 are free.
    pub fn gives(&self, slots: &[u8], gold: i64) -> FirmOffer {
        let item = |(at, slot): (usize, &u8)| (at as u8, *slot, self.carry[usize::from(*slot)].unwrap());
        let free_slots = (0..30).filter(|slot| self.carry[usize::from(*slot)].is_none()).collect();
        FirmOffer { items: slots.iter().enumerate().map(item).collect(), gold, free_slots }
    }

    pub fn to(&self, partner: &Player, offer: FirmOffer) -> OfferTrade {
        OfferTrade {
            me: self.party.clone(),
            partner: partner.party.fence.character,
            partner_node: partner.party.node.clone(),
            partner_epoch: partner.party.fence.epoch,
            offer,
            checked: false,
            saw: 0,
            known: None,
        }
    }

    /// Agrees to the partner's offer of that version.
    pub fn checks(&self, partner: &Player, offer: FirmOffer, saw: u32) -> OfferTrade {
        OfferTrade { checked: true, saw, ..self.to(partner, offer) }
    }
}

pub fn node_name(name: &str) -> ProcessName {
    ProcessName(name.to_owned())
}

pub fn operation() -> OperationId {
    OperationId(rand::random())
}

pub fn item(kind: u16) -> Item {
    let effects = [Effect { code: 43, value: 3 }, Effect::default(), Effect::default()];
    Item { id: ItemId(rand::random()), kind: ItemKind(kind), effects }
}

/// Lots whose record is still there.
pub async fn lots_left(stage: &Stage) -> usize {
    let (kind, scope, home) = (RecordKind::Lot, None, None);
    let list = ListRecords { kind, scope, home, after: 0, limit: 1_000 };
    stage.store.inner().list_records(list).await.unwrap().len()
}
