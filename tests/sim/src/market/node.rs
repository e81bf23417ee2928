//! A node with its one player: what it knows of its character, and how it asks.
//!
//! What it knows must be what is stored, whenever nothing is under way: it is compared at each loading.

use super::board::{SharedBoard, Told};
use super::line::Line;
use super::service::{self, Asked, BANK};
use crate::held;
use crate::net::{ask, ask_within};
use crate::player::Player;
use crate::shard::Remote;
use model::calls::bank::{self, KindRule, Order};
use model::calls::market::{MarketRefusal, Party, Reply, Request, TradeDone};
use model::id::OperationId;
use model::item::Item;
use model::membership::ProcessName;
use model::transfer::Fence;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use store::testing::memory::MemoryShard;
use tokio::time::sleep;

/// Slots of the inventory that are used: few, so that they are often taken.
pub const SLOTS: u8 = 6;
/// How long a service is waited for.
const DEADLINE: Duration = Duration::from_millis(3_500);
/// Pause between two tries.
pub const AGAIN: Duration = Duration::from_millis(150);

/// The node must load its character again: its copy is not what is stored.
#[derive(Debug)]
pub struct Reload;

/// See the module.
pub struct Node {
    /// Which of the players.
    pub index: usize,
    /// Who plays.
    pub me: Player,
    /// As loaded.
    pub fence: Fence,
    /// What it carries, by slot.
    pub carry: BTreeMap<u8, Item>,
    /// Gold that it carries.
    pub gold: i64,
    /// False while something is under way of which nobody knows what came of it.
    pub is_sure: bool,
    /// True while an order is under way, or was done unseen; who dies then does not learn what came of it.
    pub is_ordering: bool,
    /// From what all its choices follow.
    pub dice: ChaCha8Rng,
    /// How many of its answers get lost, of a hundred.
    pub lost_percent: u32,
    /// What everybody notes.
    pub board: SharedBoard,
    /// Its push stream.
    pub line: Rc<Line>,
    /// How many shards there are.
    pub shards: u16,
    /// How many markets there are.
    pub markets: u16,
}

impl Node {
    /// Its name, and that of its player.
    pub fn name(&self) -> String {
        format!("tmsrv-{}", self.index + 1)
    }

    /// The player at the market.
    pub fn party(&self) -> Party {
        let name = self.name();
        Party { fence: self.fence, name: name.clone(), node: ProcessName(name) }
    }

    /// Notes what happened.
    pub fn note(&self, what: std::fmt::Arguments<'_>) {
        let (at, index) = (turmoil::elapsed().as_millis(), self.index);
        held(&self.board).trace.note(format_args!("{at} {index} {what}"));
    }

    /// Takes ownership of the character. What is stored must be what was known.
    pub async fn load(&mut self) {
        let shard = MemoryShard::of(self.me.account, self.shards);
        let (epoch, gold, carry) = loop {
            match Remote(shard).load(self.me.character).await {
                Ok(loaded) => break loaded,
                Err(_) => sleep(AGAIN).await,
            }
        };
        let carry: BTreeMap<u8, Item> = carry.into_iter().collect();
        let ids = |carry: &BTreeMap<u8, Item>| -> Vec<(u8, u128)> {
            carry.iter().map(|(slot, item)| (*slot, item.id.0)).collect()
        };
        if self.fence.epoch.0 > 0 && self.is_sure && (gold != self.gold || carry != self.carry) {
            let (known, found) = ((self.gold, ids(&self.carry)), (gold, ids(&carry)));
            let what = format!("player {} knew of {known:x?}, and {found:x?} is stored", self.index);
            held(&self.board).wrong.push(what);
        }
        self.note(format_args!("loads {epoch} {gold} {:x?} sure {}", ids(&carry), self.is_sure));
        self.fence.epoch = epoch;
        held(&self.board).epochs.insert(self.me.character, epoch);
        (self.gold, self.carry, self.is_sure, self.is_ordering) = (gold, carry, true, false);
    }

    /// The markets change now and then; a node knows it a moment later.
    fn look_around(&mut self) {
        if self.dice.random_bool(0.3) {
            let board = held(&self.board);
            let serving = (0..self.markets).find(|market| !board.down.contains(market));
            self.line.follows.set(serving.unwrap_or(0));
        }
    }

    fn is_lost(&mut self) -> bool {
        self.dice.random_range(0..100) < self.lost_percent
    }

    /// One question to the market; `None`: nobody knows.
    pub async fn ask(&mut self, request: Request) -> Option<Reply> {
        self.look_around();
        let host = service::host(self.line.follows.get());
        let reply = ask_within::<_, Reply>(&host, &Asked::Call(Box::new(request)), DEADLINE).await;
        match reply {
            Ok(Reply::Unavailable) | Err(_) => None,
            Ok(_) if self.is_lost() => None,
            Ok(reply) => Some(reply),
        }
    }

    /// An order of the player: repeated, marked as a repeat, until somebody says what came of it.
    pub async fn order(
        &mut self,
        what: &'static str,
        operation: OperationId,
        make: impl Fn(Order) -> Request,
    ) -> Result<Reply, Reload> {
        let mut order = Order { operation, fence: self.fence, again: false };
        (self.is_sure, self.is_ordering) = (false, true);
        loop {
            let Some(reply) = self.ask(make(order)).await else {
                order.again = true;
                let pause = self.dice.random_range(1..4);
                sleep(AGAIN * pause).await;
                continue;
            };
            self.note(format_args!("{what} {operation} {}", short(&reply)));
            let told = if matches!(reply, Reply::Refused(_)) { Told::Not } else { Told::Done };
            held(&self.board).orders.push((operation, what, told));
            // what was done unseen is known when it was loaded again, and not before
            self.is_ordering = matches!(reply, Reply::DoneUnseen);
            self.is_sure = !self.is_ordering;
            return match reply {
                Reply::DoneUnseen | Reply::Refused(MarketRefusal::Stale) => Err(Reload),
                reply => Ok(reply),
            };
        }
    }

    /// An order to the bank, as above.
    pub async fn bank(
        &mut self,
        make: impl Fn(Order, Option<KindRule>) -> bank::Request,
    ) -> Result<(), Reload> {
        let operation = OperationId(self.dice.random());
        let mut order = Order { operation, fence: self.fence, again: false };
        let mut rule = None;
        (self.is_sure, self.is_ordering) = (false, true);
        loop {
            let reply = ask::<_, bank::Reply>(BANK, &make(order, rule)).await;
            let is_lost = self.is_lost();
            match reply {
                Ok(bank::Reply::KindWanted(kind)) => rule = Some(KindRule { kind, pieces: 0 }),
                Ok(reply) if !is_lost && reply != bank::Reply::Unavailable => {
                    self.note(format_args!("bank {operation} {reply:?}"));
                    return self.banked(&reply);
                }
                _ => {
                    order.again = true;
                    sleep(AGAIN).await;
                }
            }
        }
    }

    fn banked(&mut self, reply: &bank::Reply) -> Result<(), Reload> {
        (self.is_sure, self.is_ordering) = (true, false);
        match reply {
            bank::Reply::Moved { slots } => {
                for (slot, item) in slots {
                    if slot.container == model::item::Container::Carry {
                        self.lay(slot.index, *item);
                    }
                }
            }
            bank::Reply::Gold { carried, .. } => self.gold = *carried,
            bank::Reply::Refused(bank::BankRefusal::Stale) => return Err(Reload),
            _ => {}
        }
        Ok(())
    }

    /// What lies in the bank, if it answers.
    pub async fn cargo(&mut self) -> Option<bank::Cargo> {
        let account = self.me.account;
        match ask::<_, bank::Reply>(BANK, &bank::Request::LoadCargo { account }).await {
            Ok(bank::Reply::Cargo(cargo)) => Some(cargo),
            _ => None,
        }
    }

    /// Lays something into a slot, or takes out what is there.
    pub fn lay(&mut self, slot: u8, item: Option<Item>) {
        match item {
            Some(item) => self.carry.insert(slot, item),
            None => self.carry.remove(&slot),
        };
    }

    /// What a trade changed.
    pub fn traded(&mut self, done: TradeDone) {
        for slot in done.given {
            self.lay(slot, None);
        }
        for (slot, item) in done.received {
            self.lay(slot, Some(item));
        }
        self.gold = done.gold.unwrap_or(self.gold);
    }

    /// A slot where nothing lies.
    pub fn free_slot(&mut self) -> Option<u8> {
        let free: Vec<u8> = (0..SLOTS).filter(|slot| !self.carry.contains_key(slot)).collect();
        self.any(&free)
    }

    /// One of these.
    pub fn any<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        (!of.is_empty()).then(|| of[self.dice.random_range(0..of.len())].clone())
    }

    /// One of the things that it carries.
    pub fn thing(&mut self) -> Option<(u8, Item)> {
        let carried: Vec<(u8, Item)> = self.carry.iter().map(|(slot, item)| (*slot, *item)).collect();
        self.any(&carried)
    }

    /// Another player.
    pub fn other(&mut self) -> (usize, Player) {
        let board = held(&self.board);
        let count = board.players.len();
        let index = (self.index + self.dice.random_range(1..count)) % count;
        (index, board.players[index])
    }
}

/// A reply as it is noted.
pub fn short(reply: &Reply) -> String {
    match reply {
        Reply::Trade(view) => {
            let partner = view.partner.as_ref().map(|half| (half.version, half.checked));
            format!("{} {} {} {partner:?} {}", view.trade, view.version, view.checked, view.settling)
        }
        other => format!("{other:?}"),
    }
}
