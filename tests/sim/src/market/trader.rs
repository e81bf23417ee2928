//! A player with its node: trades, keeps a shop, buys, lists, bids, uses the bank; dies now and then with all that it
//! knew, and loads its character anew.

use super::board::{Board, SharedBoard};
use super::line::{self, Heard, Line};
use super::node::{AGAIN, Node, Reload};
use super::talk::{self, Talk};
use super::wishes;
use crate::coordinator;
use crate::held;
use crate::net::DEADLINE;
use crate::player::Player;
use model::Epoch;
use model::calls::database;
use model::calls::market::{CancelTrade, Reply, Request, ToNode, TradeNews};
use model::membership::ProcessName;
use model::transfer::{Fence, RecordKind};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often somebody who must be allowed to trade is refused before it is wrong.
const TRIES: u32 = 40;

/// So long after the breaking everybody wants something new.
const CALM: Duration = Duration::from_millis(5_000);
/// So long after the breaking streams may be dead and transactions in doubt.
const HEALS: Duration = Duration::from_millis(3_500);
/// Within so long who waits for the end of a trade is told it, when nothing is broken.
const ENDS_WITHIN: Duration = Duration::from_millis(3_000);

/// One player's whole life in a run.
pub struct Life {
    /// Which of the players.
    pub index: usize,
    /// How many shards there are.
    pub shards: u16,
    /// How many coordinators there are.
    pub coordinators: u16,
    /// How many markets there are.
    pub markets: u16,
    /// Until when things break.
    pub breaking: Duration,
    /// From what all its choices follow.
    pub seed: u64,
    /// What everybody notes.
    pub board: SharedBoard,
}

struct Trader {
    node: Node,
    talk: Option<Talk>,
    breaking: Duration,
    coordinators: u16,
    /// Since when it waits for the end of a trade.
    waits: Option<Duration>,
    /// It waited too long.
    gave_up: bool,
}

impl Life {
    /// Plays until the end, and until nothing is left of what was begun.
    pub async fn live(self) -> turmoil::Result {
        let mut dice =
            ChaCha8Rng::seed_from_u64(self.seed ^ (self.index as u64 + 1).wrapping_mul(0x9E37_79B9));
        let me: Player = held(&self.board).players[self.index];
        let lost_percent = if dice.random_bool(0.5) { 12 } else { 2 };
        let node = Node {
            index: self.index,
            me,
            fence: Fence { account: me.account, character: me.character, epoch: Epoch(0) },
            carry: Default::default(),
            gold: 0,
            is_sure: true,
            is_ordering: false,
            dice,
            lost_percent,
            board: self.board,
            line: Rc::default(),
            shards: self.shards,
            markets: self.markets,
        };
        let (breaking, coordinators) = (self.breaking, self.coordinators);
        let mut trader = Trader { node, talk: None, breaking, coordinators, waits: None, gave_up: false };
        while turmoil::elapsed() < breaking + CALM {
            trader.lives_once().await;
        }
        trader.node.lost_percent = 0;
        trader.ends().await;
        Ok(())
    }
}

impl Trader {
    /// One node's life, from the loading to its death.
    async fn lives_once(&mut self) {
        self.talk = None;
        self.node.line = Rc::new(Line::default());
        self.node.load().await;
        let name = ProcessName(self.node.name());
        let _open = line::open(Rc::clone(&self.node.line), name);
        let now = turmoil::elapsed();
        let lives = Duration::from_millis(self.node.dice.random_range(1_000..9_000));
        // who lives until the calm stays for it
        let is_last = now + lives > self.breaking;
        let lives = if is_last { (self.breaking + CALM).saturating_sub(now) } else { lives };
        // who dies in the middle of something knows nothing of it any more
        if timeout(lives, self.plays()).await.is_err() {
            self.node.note(format_args!("dies"));
        }
        if is_last {
            self.hears_the_end().await;
        }
    }

    /// Waits for the end of the trade that is being swapped, if there is one.
    async fn hears_the_end(&mut self) {
        loop {
            let heard = self.hears().await;
            let settles = self.talk.as_ref().is_some_and(Talk::settles);
            if heard.is_err() || !settles || self.gave_up {
                return;
            }
            self.watches();
            sleep(AGAIN).await;
        }
    }

    /// Nobody waits for the end of a trade for long when nothing is broken.
    fn watches(&mut self) {
        if !self.talk.as_ref().is_some_and(Talk::settles) {
            self.waits = None;
            return;
        }
        let now = turmoil::elapsed();
        let since = *self.waits.get_or_insert(now.max(self.breaking + HEALS));
        if now.saturating_sub(since) > ENDS_WITHIN && !self.gave_up {
            self.gave_up = true;
            let what = format!("player {} is not told how a trade ended: {:?}", self.node.index, self.talk);
            held(&self.node.board).wrong.push(what);
        }
    }

    async fn plays(&mut self) {
        loop {
            if self.acts().await.is_err() {
                self.talk = None;
                self.node.line.stall.replace(None);
                self.node.load().await;
            }
            let pause = Duration::from_millis(self.node.dice.random_range(1..60));
            sleep(pause).await;
        }
    }

    async fn acts(&mut self) -> Result<(), Reload> {
        self.hears().await?;
        self.watches();
        let locks = self.talk.as_ref().is_some_and(Talk::locks);
        if locks || (self.talk.is_some() && self.node.dice.random_bool(0.7)) {
            return talk::step(&mut self.node, &mut self.talk).await;
        }
        if self.node.dice.random_bool(0.4) {
            let (index, partner) = self.node.other();
            self.talk = Some(Talk::new(partner.character, index));
            return talk::offer(&mut self.node, &mut self.talk, true, false).await;
        }
        wishes::wish(&mut self.node).await
    }

    /// Looks at what was heard, and asks for what may have been missed.
    async fn hears(&mut self) -> Result<(), Reload> {
        loop {
            let heard = self.node.line.inbox.borrow_mut().pop_front();
            match heard {
                None => break,
                Some(Heard::Opened | Heard::Said(ToNode::Lost)) => {
                    self.talk.iter_mut().for_each(Talk::doubts);
                }
                Some(Heard::Said(message)) => self.told(message),
            }
        }
        talk::read(&mut self.node, &mut self.talk).await
    }

    fn told(&mut self, message: ToNode) {
        let me = self.node.me.character;
        match message {
            ToNode::Trade { to, trade, news } if to == me => {
                let what = match &news {
                    TradeNews::Offered(view) => format!("offered {} {}", view.version, view.checked),
                    other => format!("{other:?}"),
                };
                self.node.note(format_args!("hears of {trade} {what}"));
                talk::heard(&mut self.node, &mut self.talk, trade, news);
            }
            ToNode::StallSold { owner, position, .. } if owner == me => {
                if let Some(stall) = self.node.line.stall.borrow_mut().as_mut() {
                    stall.wares.retain(|(ware, _)| ware.position != position);
                }
            }
            ToNode::StallClosed { owner } if owner == me => {
                self.node.line.stall.replace(None);
            }
            _ => {}
        }
    }

    /// The end: whatever was begun comes to its end, nobody is held in a trade, every lot is over and delivered.
    async fn ends(&mut self) {
        self.node.line = Rc::new(Line::default());
        let name = ProcessName(self.node.name());
        let _open = line::open(Rc::clone(&self.node.line), name);
        self.node.load().await;
        self.talk = None;
        self.node.gold_back().await;
        self.leaves_trades().await;
        self.arrives(0).await;
        self.leaves_trades().await;
        self.arrives(1).await;
        self.may_trade().await;
        self.arrives(2).await;
        self.leaves_trades().await;
        self.waits_for_lots().await;
        self.node.load().await;
    }

    /// Waits until everybody has come as far.
    async fn arrives(&mut self, station: u8) {
        *held(&self.node.board).stations.entry(station).or_default() += 1;
        let all_there = |board: &Board| board.stations.get(&station) == Some(&board.players.len());
        while !all_there(&held(&self.node.board)) {
            sleep(AGAIN).await;
        }
    }

    async fn leaves_trades(&mut self) {
        self.talk = None;
        loop {
            let request = CancelTrade { character: self.node.me.character, trade: None };
            match self.node.ask(Request::CancelTrade(request)).await {
                Some(Reply::Closed | Reply::TradeOver(..)) => return,
                _ => sleep(AGAIN).await,
            }
        }
    }

    /// Every second player begins a trade with the next one, and takes it to its end with it.
    async fn may_trade(&mut self) {
        let next = self.node.index + 1;
        let partner = held(&self.node.board).players.get(next).copied();
        let Some(partner) = partner.filter(|_| next % 2 == 1) else { return };
        for _ in 0..TRIES {
            let mut talk = Some(Talk::new(partner.character, next));
            if talk::offer(&mut self.node, &mut talk, true, false).await.is_ok() && talk.is_some() {
                return;
            }
            sleep(AGAIN).await;
        }
        let what = format!("player {} may not trade with player {next} any more", self.node.index);
        held(&self.node.board).wrong.push(what);
    }

    async fn waits_for_lots(&mut self) {
        loop {
            let asked =
                database::ListRecords { kind: RecordKind::Lot, scope: None, home: None, after: 0, limit: 10 };
            let at = self.node.dice.random_range(0..self.coordinators);
            let reply = coordinator::ask(at, &database::Request::ListRecords(asked), 2 * DEADLINE).await;
            let none = matches!(reply, Ok(database::Reply::ListRecords(Ok(lots))) if lots.is_empty());
            if none && matches!(coordinator::settled(self.node.shards).await, Ok(true)) {
                return;
            }
            sleep(2 * AGAIN).await;
        }
    }
}
