//! Players who do everything at once over a store that loses answers: what their nodes believe is what is stored.

use crate::stage::{Player, SWORD, Stage, cargo, carry, found, item, operation, rule, stack};
use bisrv::Settings;
use model::calls::bank::{
    BankRefusal, Cargo, DeliverParcels, GuildAct, GuildDone, GuildOrder, MoveGold, MoveItem, Order, Reply,
    Request, SendParcel,
};
use model::{Container, GuildId, Item, Slot};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

const PLAYERS: usize = 4;
const ACTS: usize = 60;
const NAMES: [&str; PLAYERS] = ["Anna", "Benn", "Cleo", "Dora"];
const LIONS: GuildId = GuildId(7);

/// A node with one player, and what it believes.
struct Node {
    stage: Arc<Stage>,
    player: Player,
    others: Vec<Player>,
    bank: Cargo,
    dice: StdRng,
}

impl Node {
    /// Asks as a node does: the same operation until somebody knows.
    async fn asks(&mut self, request: impl Fn(Order) -> Request) -> Reply {
        match self.dice.random_range(0..6) {
            0 => self.stage.store.lose_answers(self.dice.random_range(1..8)),
            1 => self.stage.store.refuse(self.dice.random_range(1..8)),
            _ => {}
        }
        let order = self.player.order();
        self.stage.insist(|again| request(Order { again, ..order })).await
    }

    fn lies(&mut self, slot: Slot) -> &mut Option<Item> {
        let items = match slot.container {
            Container::Cargo => &mut self.bank.items,
            _ => &mut self.player.character.carry,
        };
        &mut items[usize::from(slot.index)]
    }

    fn slot(&mut self, in_bank: bool) -> Slot {
        let index = self.dice.random_range(0..5);
        if in_bank { cargo(index) } else { carry(index) }
    }

    async fn acts(&mut self) {
        match self.dice.random_range(0..10) {
            0..=4 => self.moves_item().await,
            5 => self.moves_gold().await,
            6 => self.sends().await,
            7 => self.is_delivered().await,
            8 => self.gives_to_guild().await,
            _ => self.takes_from_guild().await,
        }
    }

    async fn moves_item(&mut self) {
        let (in_bank, also) = (self.dice.random_bool(0.5), self.dice.random_bool(0.3));
        let (from, to) = (self.slot(in_bank), self.slot(!in_bank || also));
        if from == to {
            return;
        }
        let (moving, target) = (*self.lies(from), *self.lies(to));
        let mut asked = self.player.moves(from, to);
        let mut reply = self.asks(|order| Request::MoveItem(MoveItem { order, ..asked })).await;
        if let Reply::KindWanted(kind) = reply {
            asked.rule = Some(rule(kind));
            reply = self.asks(|order| Request::MoveItem(MoveItem { order, ..asked })).await;
        }
        match reply {
            Reply::Moved { slots } => {
                assert!(moving.is_some(), "an item from an empty slot");
                assert_ne!(slots.map(|(_, item)| item), [moving, target], "nothing moved");
                for (slot, item) in slots {
                    *self.lies(slot) = item;
                }
            }
            reply => assert_eq!((moving, reply), (None, Reply::Refused(BankRefusal::ItemGone))),
        }
    }

    async fn moves_gold(&mut self) {
        let (amount, deposits) = (self.dice.random_range(1..400), self.dice.random_bool(0.5));
        let asked = |order| MoveGold { order, amount };
        let reply = match deposits {
            true => self.asks(|order| Request::DepositGold(asked(order))).await,
            false => self.asks(|order| Request::WithdrawGold(asked(order))).await,
        };
        let had = if deposits { self.player.character.hard.gold } else { self.bank.gold };
        match reply {
            Reply::Gold { carried, cargo } => {
                let sum = self.player.character.hard.gold + self.bank.gold;
                assert_eq!(carried + cargo, sum);
                (self.player.character.hard.gold, self.bank.gold) = (carried, cargo);
            }
            reply => assert_eq!((had < amount, reply), (true, Reply::Refused(BankRefusal::NotEnough))),
        }
    }

    async fn sends(&mut self) {
        let to = self.others[self.dice.random_range(0..self.others.len())].character.name.clone();
        let sender = self.player.character.name.clone();
        let items: Vec<_> = found(&self.player.character.carry)
            .into_iter()
            .take(2)
            .map(|(slot, item)| (slot as u8, item))
            .collect();
        let gold = self.dice.random_range(1..50);
        let had = self.player.character.hard.gold;
        let asked = |order| {
            let (sender, to, items) = (sender.clone(), to.clone(), items.clone());
            Request::SendParcel(SendParcel { order, sender, to, items, gold, text: String::new() })
        };
        match self.asks(asked).await {
            Reply::Sent { carried, .. } => {
                assert_eq!(carried, Some(had - gold - 10));
                self.player.character.hard.gold = had - gold - 10;
                for (slot, _) in &items {
                    *self.lies(carry(*slot)) = None;
                }
            }
            reply => assert_eq!((had < gold + 10, reply), (true, Reply::Refused(BankRefusal::NotEnough))),
        }
    }

    async fn is_delivered(&mut self) {
        let account = self.player.fence.account;
        let asked = DeliverParcels { operation: operation(), account, cargo_slots: 128 };
        match self.asks(|_| Request::DeliverParcels(asked)).await {
            Reply::Delivered { cargo, .. } => self.bank = cargo,
            reply => panic!("{reply:?}"),
        }
    }

    async fn gives_to_guild(&mut self) {
        let slot = self.slot(false);
        let Some(item) = *self.lies(slot) else { return };
        let act = GuildAct::DepositItem { slot: slot.index, item };
        self.stage.stands(&self.player, LIONS, 0).await;
        let asked = |order| Request::Guild(GuildOrder { order, guild: LIONS, rank: 0, act });
        match self.asks(asked).await {
            Reply::Guild(GuildDone::ItemDeposited) => *self.lies(slot) = None,
            reply => assert_eq!(reply, Reply::Refused(BankRefusal::Changed), "others were quicker"),
        }
    }

    async fn takes_from_guild(&mut self) {
        let to = self.slot(false);
        if self.lies(to).is_some() {
            return;
        }
        self.stage.store.lose_answers(0);
        self.stage.store.refuse(0);
        let Reply::GuildBank(bank) = self.asks(|_| Request::LoadGuildBank { guild: LIONS }).await else {
            panic!("no bank of the guild")
        };
        let Some((slot, shown)) = found(&bank.items).first().copied() else { return };
        let act = GuildAct::WithdrawItem { slot: slot as u8, shown: shown.id, to: to.index };
        self.stage.stands(&self.player, LIONS, 9).await;
        let asked = |order| Request::Guild(GuildOrder { order, guild: LIONS, rank: 9, act });
        match self.asks(asked).await {
            Reply::Guild(GuildDone::ItemWithdrawn(item)) => {
                assert_eq!(item, shown);
                *self.lies(to) = Some(item);
            }
            reply => assert_eq!(reply, Reply::Refused(BankRefusal::ItemGone), "somebody else took it"),
        }
    }
}

/// Pieces of each kind.
fn counted(items: impl IntoIterator<Item = Item>, into: &mut BTreeMap<u16, u64>) {
    for item in items {
        let pieces = item.effects.iter().find(|effect| effect.code == 61).map_or(1, |effect| effect.value);
        *into.entry(item.kind.0).or_default() += u64::from(pieces);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_nodes_believe_is_what_is_stored() {
    let seed: u64 =
        std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let settings = Settings { store_deadline_ms: 150, parcel_postage: 10, ..Settings::default() };
    let stage = Arc::new(Stage::with(settings).await);
    let mut players = Vec::new();
    for name in NAMES {
        players.push(stage.player(name, &[stack(100), stack(70), item(SWORD), stack(5)]).await);
    }
    let mut before = BTreeMap::new();
    counted(players.iter().flat_map(|player| player.character.carry.iter().copied().flatten()), &mut before);
    let tasks: Vec<_> = (0..PLAYERS)
        .map(|me| {
            let others = players.iter().enumerate().filter(|(at, _)| *at != me).map(|(_, one)| one.clone());
            let bank = Cargo { items: vec![None; 128], gold: 0 };
            let dice = StdRng::seed_from_u64(seed.wrapping_add(me as u64));
            let (stage, player) = (Arc::clone(&stage), players[me].clone());
            let mut node = Node { stage, player, others: others.collect(), bank, dice };
            tokio::spawn(async move {
                for _ in 0..ACTS {
                    node.acts().await;
                }
                node
            })
        })
        .collect();
    let mut after = BTreeMap::new();
    let mut nodes = Vec::new();
    for task in tasks {
        nodes.push(task.await.unwrap());
    }
    stage.store.lose_answers(0);
    stage.store.refuse(0);
    for node in nodes {
        let stored = stage.stored(&node.player).await;
        assert_eq!(found(&stored.carry), found(&node.player.character.carry), "seed {seed}");
        assert_eq!(stored.hard.gold, node.player.character.hard.gold, "seed {seed}");
        assert_eq!(stage.cargo(&node.player).await, node.bank, "seed {seed}");
        counted(stored.carry.into_iter().flatten(), &mut after);
        counted(node.bank.items.into_iter().flatten(), &mut after);
        let Reply::Parcels(parcels) =
            stage.ask(Request::ListParcels { account: node.player.fence.account }).await
        else {
            panic!("no list")
        };
        counted(parcels.into_iter().flat_map(|parcel| parcel.items), &mut after);
    }
    counted(stage.guild_bank(LIONS).await.items.into_iter().flatten(), &mut after);
    assert_eq!(after, before, "no piece is made or lost, seed {seed}");
    stage.books_are_right().await;
}
