//! Players and their nodes: each wants one transfer after the other, and repeats it until it knows what came of it.
//!
//! A player knows where things are only from what was acknowledged, so it is often wrong: then it is refused. Now and
//! then its character is loaded anew, as by another node, while the former node still repeats what it had begun.

use crate::coordinator;
use crate::held;
use crate::shard::Remote;
use crate::trace::Trace;
use model::id::{AccountId, CharacterId, Epoch, ItemId, OperationId};
use model::item::{Effect, GOLD_MAX, Item, ItemKind};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, Transfer};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::testing::memory::{MemoryShard, Outcome};
use tokio::time::sleep;

/// Slots that are used of each inventory and bank: few, so that they are often taken.
pub const SLOTS: u8 = 4;
/// Gold that each character begins with: so little that it is often spent.
pub const GOLD: i64 = 10_000;
/// Gold that each bank begins with: so much that it is often full.
pub const BANK: i64 = GOLD_MAX - 10_000;
/// Pause between two tries.
const AGAIN: Duration = Duration::from_millis(300);
/// Every so many transfers the character is loaded anew.
const RELOAD: u32 = 12;

/// Somebody who plays.
#[derive(Clone, Copy, Debug)]
pub struct Player {
    /// Its account.
    pub account: AccountId,
    /// Its character.
    pub character: CharacterId,
}

/// What everybody can see: who plays under which epoch, and where things were last known to be.
#[derive(Debug, Default)]
pub struct Board {
    /// All players.
    pub players: Vec<Player>,
    /// Epochs as loaded last.
    pub epochs: BTreeMap<CharacterId, Epoch>,
    /// What the last owner of each character knows: its epoch and the gold that it found.
    pub owners: BTreeMap<CharacterId, (Epoch, i64)>,
    /// Where items were put last, by what was acknowledged.
    pub items: BTreeMap<ItemId, (Item, ItemLocation)>,
    /// Everything that was acknowledged, in the order in which it was.
    pub journal: Vec<(Transfer, Outcome)>,
    /// What happened, for the comparison of two runs.
    pub trace: Trace,
}

/// Shared by all hosts of a run.
pub type SharedBoard = Arc<Mutex<Board>>;

/// The item of a number.
pub fn item(number: u64) -> Item {
    let effects = [Effect { code: 43, value: (number % 200) as u8 }, Effect::default(), Effect::default()];
    Item { id: ItemId(0xA000 + u128::from(number)), kind: ItemKind(400 + (number % 90) as u16), effects }
}

impl Player {
    /// A place in its inventory.
    pub fn carry(self, slot: u8) -> ItemLocation {
        ItemLocation { home: self.account, place: ItemPlace::Carry(self.character, slot) }
    }

    /// A place in its bank.
    pub fn cargo(self, slot: u8) -> ItemLocation {
        ItemLocation { home: self.account, place: ItemPlace::Cargo(self.account, slot) }
    }

    /// Its purse.
    pub fn purse(self) -> GoldLocation {
        GoldLocation { home: self.account, account: GoldAccount::Character(self.character) }
    }

    /// The gold in its bank.
    pub fn bank(self) -> GoldLocation {
        GoldLocation { home: self.account, account: GoldAccount::Cargo(self.account) }
    }
}

/// One player's whole life in a run.
pub struct Life {
    /// Which of the players.
    pub index: usize,
    /// How many shards there are.
    pub shards: u16,
    /// How many coordinators there are.
    pub coordinators: u16,
    /// Until when it wants new transfers.
    pub until: Duration,
    /// From what all its choices follow.
    pub seed: u64,
    /// What everybody can see.
    pub board: SharedBoard,
}

impl Life {
    /// Plays until the end, and waits for the last outcome.
    pub async fn live(self) -> turmoil::Result {
        let mut dice =
            ChaCha8Rng::seed_from_u64(self.seed ^ (self.index as u64 + 1).wrapping_mul(0x9E37_79B9));
        let me = held(&self.board).players[self.index];
        self.load(me).await;
        let mut behind = Vec::new();
        let mut count = 0_u32;
        while turmoil::elapsed() < self.until {
            count += 1;
            let wish = wish(&held(&self.board), me, &mut dice);
            let Some(transfer) = wish else { continue };
            let doing = insist(self.board.clone(), transfer, self.coordinators, dice.random());
            if count.is_multiple_of(RELOAD) {
                // the former node goes on with it; the new one does not wait
                behind.push(tokio::task::spawn_local(doing));
                self.load(me).await;
            } else {
                doing.await;
            }
            sleep(Duration::from_millis(dice.random_range(1..60))).await;
        }
        for doing in behind {
            doing.await?;
        }
        // what others left in doubt is none of my business, but a run ends when nothing is
        loop {
            if matches!(coordinator::settled(self.shards).await, Ok(true)) {
                return Ok(());
            }
            sleep(AGAIN).await;
        }
    }

    async fn load(&self, me: Player) {
        let shard = MemoryShard::of(me.account, self.shards);
        loop {
            if let Ok((epoch, gold, _)) = Remote(shard).load(me.character).await {
                let mut board = held(&self.board);
                board.epochs.insert(me.character, epoch);
                board.owners.insert(me.character, (epoch, gold));
                return;
            }
            sleep(AGAIN).await;
        }
    }
}

/// Something that a player may want now; `None`: nothing comes to its mind.
pub fn wish(board: &Board, me: Player, dice: &mut ChaCha8Rng) -> Option<Transfer> {
    let other = board.players[dice.random_range(0..board.players.len())];
    let fence = |player: Player| Fence {
        account: player.account,
        character: player.character,
        epoch: board.epochs.get(&player.character).copied().unwrap_or(Epoch(0)),
    };
    let of = |player: Player| -> Vec<(Item, ItemLocation)> {
        board.items.values().filter(|(_, at)| at.home == player.account).copied().collect()
    };
    let mut any =
        |list: Vec<(Item, ItemLocation)>| (!list.is_empty()).then(|| list[dice.random_range(0..list.len())]);
    let (mine, theirs) = (any(of(me)), any(of(other)));
    let slot = dice.random_range(0..SLOTS);
    let amount = dice.random_range(1..GOLD / 3);
    let pay = |from: GoldLocation, to: GoldLocation| Move::Gold { amount, from, to };
    let carry = |(item, from): (Item, ItemLocation), to: ItemLocation| Move::Item {
        item,
        from,
        to,
        effects: item.effects,
    };
    let mut fences = vec![fence(me)];
    let moves = match dice.random_range(0..8) {
        0 => vec![pay(me.purse(), other.bank())],
        1 => vec![pay(me.bank(), me.purse())],
        2 => vec![carry(mine?, other.cargo(slot))],
        3 => vec![carry(mine?, me.carry(slot))],
        4 => vec![carry(mine?, other.cargo(slot)), pay(me.purse(), other.bank())],
        5 => {
            let mint = GoldLocation { home: me.account, account: GoldAccount::Mint("drop".into()) };
            vec![pay(mint, me.bank())]
        }
        _ if other.account == me.account => return None,
        _ => {
            // a trade: both items change hands, gold goes with one
            fences.push(fence(other));
            let (given, got) = (mine?, theirs?);
            vec![
                carry(given, ItemLocation { home: other.account, place: swapped(got.1.place, other, slot) }),
                carry(got, ItemLocation { home: me.account, place: swapped(given.1.place, me, slot) }),
                pay(me.purse(), other.purse()),
            ]
        }
    };
    Some(Transfer {
        operation: OperationId(dice.random()),
        actor: Actor::Player(me.account),
        reason: "sim".into(),
        fences,
        moves,
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    })
}

/// The place that the other item leaves, or a slot of the bank.
fn swapped(leaves: ItemPlace, owner: Player, slot: u8) -> ItemPlace {
    match leaves {
        place @ (ItemPlace::Carry(..) | ItemPlace::Cargo(..)) => place,
        _ => owner.cargo(slot).place,
    }
}

/// Repeats a transfer until its outcome is known, with one coordinator or another.
async fn insist(board: SharedBoard, transfer: Transfer, coordinators: u16, seed: u64) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    loop {
        let at = dice.random_range(0..coordinators);
        match coordinator::transfer(at, &transfer).await {
            Ok(outcome) => return acknowledge(&board, transfer, outcome),
            Err(_) => sleep(AGAIN).await,
        }
    }
}

fn acknowledge(board: &SharedBoard, transfer: Transfer, outcome: Outcome) {
    let mut board = held(board);
    if outcome.is_ok() {
        for step in &transfer.moves {
            if let Move::Item { item, to, effects, .. } = step {
                board.items.insert(item.id, (Item { effects: *effects, ..*item }, *to));
            }
        }
    }
    let at = turmoil::elapsed().as_millis();
    board.trace.note(format_args!("{at} {} {outcome:?}", transfer.operation));
    board.journal.push((transfer, outcome));
}
