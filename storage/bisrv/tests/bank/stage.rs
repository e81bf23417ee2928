//! A bank with players: each has an account and a character that a node has loaded.

use bisrv::{Bank, Metrics, Settings};
use link::{Client, Server, Target};
use model::account::Account;
use model::calls::bank::{BankRefusal, Cargo, MoveItem, Order, Reply, Request};
use model::calls::database::{
    AccountChange, ChangeAccount, CreateAccount, CreateCharacter, ListCharacters, LoadCharacter,
};
use model::guild::Place;
use model::item::{CARGO_SLOTS, Container};
use model::ledger::{Actor, GoldAccount};
use model::membership::ProcessName;
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, Standing, Transfer};
use model::{
    AccountId, AccountName, Character, CharacterId, Effect, GuildId, Item, ItemId, ItemKind, OperationId,
    Slot, Tile,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::{Sqlite, Store, fsck};
use support::{FaultyStore, SOON, any_port, character, credentials};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub const SWORD: ItemKind = ItemKind(900);
pub const BOW: ItemKind = ItemKind(901);
pub const POTION: ItemKind = ItemKind(400);
/// What everybody carries at first.
pub const GOLD: i64 = 1_000;

pub struct Stage {
    pub client: Client<Request, Reply>,
    pub store: Arc<FaultyStore>,
    pub bank: Arc<Bank>,
    pub settings: settings::Live<Settings>,
    pub stop: CancellationToken,
    /// Who is in a guild that has no records.
    by_hand: Mutex<BTreeMap<CharacterId, Player>>,
    _folder: TempDir,
}

/// A player in the world, as its node knows it.
#[derive(Clone)]
pub struct Player {
    pub fence: Fence,
    pub character: Character,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub fn operation() -> OperationId {
    OperationId(rand::random())
}

pub fn item(kind: ItemKind) -> Item {
    Item { id: ItemId(rand::random()), kind, effects: [Effect::default(); 3] }
}

/// A stack of potions.
pub fn stack(pieces: u8) -> Item {
    let mut item = item(POTION);
    item.effects[0] = Effect { code: 61, value: pieces };
    item
}

pub fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

pub fn cargo(index: u8) -> Slot {
    Slot { container: Container::Cargo, index }
}

pub fn refused(refusal: BankRefusal) -> Reply {
    Reply::Refused(refusal)
}

impl Stage {
    /// With nobody.
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub async fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inner = Sqlite::open(&folder.path().join("wydbr.sqlite")).unwrap();
        Self::over(Arc::new(inner), settings, folder).await
    }

    /// Over whatever store.
    pub async fn over(inner: Arc<dyn Store>, settings: Settings, folder: TempDir) -> Self {
        let store = FaultyStore::new(inner);
        let server = Server::bind(any_port(), credentials("bisrv-1")).await.unwrap();
        let target = Target { name: credentials("bisrv-1").name, address: server.local_addr() };
        let settings = settings::Live::new(settings);
        let own = Arc::clone(&store) as Arc<dyn Store>;
        let bank = Arc::new(Bank::new(own, settings.clone(), Metrics::unregistered().unwrap()));
        let stop = CancellationToken::new();
        tokio::spawn(server.serve(Arc::clone(&bank), stop.clone()));
        let client = Client::fixed(credentials("tmsrv-1"), target);
        let by_hand = Mutex::default();
        Self { client, store, bank, settings, stop, by_hand, _folder: folder }
    }

    pub fn inner(&self) -> &dyn Store {
        &**self.store.inner()
    }

    pub async fn account(&self, name: &str) -> AccountId {
        let id = AccountId(rand::random::<u64>() >> 1);
        let account = Account {
            id,
            name: AccountName::new(name).unwrap(),
            password_hash: "none".to_owned(),
            pin_hash: None,
            blocked: None,
            frozen: None,
            created_ms: 0,
        };
        let asked = CreateAccount { operation: operation(), account };
        self.inner().create_account(asked).await.unwrap().unwrap();
        id
    }

    /// A player who carries these from slot 0 on, in the world of `tmsrv-1`.
    pub async fn player(&self, name: &str, items: &[Item]) -> Player {
        let account = self.account(name).await;
        let id = CharacterId(rand::random::<u64>() >> 2);
        let mut hero = character(account, id, name, Tile { x: 2100, y: 2100 });
        for (slot, item) in items.iter().enumerate() {
            hero.carry[slot] = Some(*item);
        }
        self.born(hero).await
    }

    /// A character of whatever account.
    pub async fn born(&self, hero: Character) -> Player {
        let asked = CreateCharacter { operation: operation(), character: hero.clone() };
        self.inner().create_character(asked).await.unwrap().unwrap();
        let fence = self.load(&hero, "tmsrv-1").await;
        Player { fence, character: hero }
    }

    /// A node takes the character.
    pub async fn load(&self, hero: &Character, node: &str) -> Fence {
        let (account, character) = (hero.account, hero.id);
        let asked = LoadCharacter { account, character, owner: ProcessName(node.to_owned()) };
        let epoch = self.inner().load_character(asked).await.unwrap().unwrap().epoch;
        Fence { account, character, epoch }
    }

    pub async fn ask(&self, request: Request) -> Reply {
        self.client.call(&request, SOON).await.unwrap()
    }

    /// Repeats as a node does, until somebody knows.
    pub async fn insist(&self, mut request: impl FnMut(bool) -> Request) -> Reply {
        let mut reply = self.ask(request(false)).await;
        for _ in 0..100 {
            if reply != Reply::Unavailable {
                return reply;
            }
            reply = self.ask(request(true)).await;
        }
        panic!("nobody knows after a hundred tries");
    }

    pub async fn cargo(&self, of: &Player) -> Cargo {
        match self.ask(Request::LoadCargo { account: of.fence.account }).await {
            Reply::Cargo(cargo) => cargo,
            other => panic!("{other:?}"),
        }
    }

    /// The character as stored.
    pub async fn stored(&self, of: &Player) -> Character {
        let account = of.fence.account;
        let all = self.inner().list_characters(ListCharacters { account }).await.unwrap();
        all.into_iter().find(|character| character.id == of.fence.character).unwrap()
    }

    pub async fn freeze(&self, account: AccountId) {
        let change = AccountChange::Frozen(Some("looked at".to_owned()));
        assert!(self.inner().change_account(ChangeAccount { account, change }).await.unwrap());
    }

    /// Guild and rank of a player are these until the books are looked at, without the records of a guild: its bank
    /// looks at the rows only.
    pub async fn stands(&self, of: &Player, guild: GuildId, rank: u8) {
        self.by_hand.lock().unwrap().insert(of.fence.character, of.clone());
        self.puts(of, Place { guild, rank }).await;
    }

    async fn puts(&self, of: &Player, after: Place) {
        let hard = self.stored(of).await.hard;
        let before = Place { guild: GuildId(hard.guild), rank: hard.guild_rank };
        let standing = Standing { after, ..Standing::holds(of.fence, before) };
        let transfer = Transfer { standings: vec![standing], ..blank(Vec::new()) };
        self.inner().transfer(transfer).await.unwrap().unwrap();
    }

    async fn transfer(&self, moves: Vec<Move>) {
        self.inner().transfer(blank(moves)).await.unwrap().unwrap();
    }

    /// The world puts items into places.
    pub async fn gives(&self, items: Vec<(Item, ItemLocation)>) {
        for items in items.chunks(100) {
            self.transfer(items.iter().map(|(item, to)| Move::Birth { item: *item, to: *to }).collect())
                .await;
        }
    }

    /// The world puts gold somewhere.
    pub async fn pays(&self, amount: i64, home: AccountId, account: GoldAccount) {
        let from = GoldLocation { home, account: GoldAccount::Mint("test".to_owned()) };
        self.transfer(vec![Move::Gold { amount, from, to: GoldLocation { home, account } }]).await;
    }

    /// The first `slots` slots of the bank are full of swords.
    pub async fn fills_cargo(&self, of: &Player, slots: u8) {
        let home = of.fence.account;
        let place = |slot| ItemLocation { home, place: model::ledger::ItemPlace::Cargo(home, slot) };
        self.gives((0..slots).map(|slot| (item(SWORD), place(slot))).collect()).await;
    }

    pub async fn guild_bank(&self, guild: GuildId) -> Cargo {
        match self.ask(Request::LoadGuildBank { guild }).await {
            Reply::GuildBank(cargo) => cargo,
            other => panic!("{other:?}"),
        }
    }

    /// Every item in one place, and the ledger agrees with all of it.
    pub async fn books_are_right(&self) {
        let by_hand = std::mem::take(&mut *self.by_hand.lock().unwrap());
        for player in by_hand.values() {
            self.puts(player, Place::NONE).await;
        }
        let report = fsck::run(self.inner()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.checked.findings);
    }
}

/// A transfer of the test's own.
fn blank(moves: Vec<Move>) -> Transfer {
    Transfer {
        operation: operation(),
        actor: Actor::System("test".to_owned()),
        reason: "test".to_owned(),
        fences: Vec::new(),
        moves,
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

impl Player {
    pub fn order(&self) -> Order {
        Order { operation: operation(), fence: self.fence, again: false }
    }

    /// A move of what the node knows to be carried.
    pub fn moves(&self, from: Slot, to: Slot) -> MoveItem {
        let own = [from, to].into_iter().find(|slot| slot.container == Container::Carry);
        let carried = own.and_then(|slot| self.character.carry[usize::from(slot.index)]);
        let rule = carried.map(|item| rule(item.kind));
        MoveItem { order: self.order(), cargo_slots: CARGO_SLOTS as u8, rule, from, to, carried }
    }
}

/// As the item list of these tests says: potions stack.
pub fn rule(kind: ItemKind) -> model::calls::bank::KindRule {
    model::calls::bank::KindRule { kind, pieces: u8::from(kind == POTION) }
}

pub fn found(items: &[Option<Item>]) -> Vec<(usize, Item)> {
    items.iter().enumerate().filter_map(|(slot, item)| item.map(|item| (slot, item))).collect()
}
