//! Players who trade: places, purses and transfers in few words.

use super::{item, listed, living, load, operation};
use crate::Store;
use model::Character;
use model::calls::bank::Cargo;
use model::calls::database::{
    ChangeProgress, Failure, GetRecord, HeldRecord, LoadCargo, ProgressThen, ReadProgress, Transfer,
    TransferRefusal, Transferred,
};
use model::character::Progress;
use model::id::{AccountId, Epoch};
use model::item::{Effect, Item};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, Record, RecordChange, RecordKey};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a transfer came to.
pub type Outcome = Result<Transferred, TransferRefusal>;

/// A character and the epoch that it was loaded with.
#[derive(Clone, Debug)]
pub struct Player {
    /// As it was stored.
    pub hero: Character,
    /// As it was loaded.
    pub epoch: Epoch,
}

impl Player {
    /// A new one with 1000 gold, a helmet and a sword, and potions in the slots 0, 1 and 63.
    pub async fn new(store: &Arc<dyn Store>) -> Self {
        let hero = living(store).await;
        let epoch = load(store, &hero, "tmsrv-1").await.epoch;
        Self { hero, epoch }
    }

    /// Two, in different buckets.
    pub async fn two(store: &Arc<dyn Store>) -> [Self; 2] {
        let ana = Self::new(store).await;
        loop {
            let ben = Self::new(store).await;
            if placement::bucket_of(ben.account()) != placement::bucket_of(ana.account()) {
                return [ana, ben];
            }
        }
    }

    /// Its account.
    pub fn account(&self) -> AccountId {
        self.hero.account
    }

    /// The right to write it.
    pub fn fence(&self) -> Fence {
        Fence { account: self.hero.account, character: self.hero.id, epoch: self.epoch }
    }

    /// What it carried in a slot when it was new.
    pub fn potion(&self, slot: usize) -> Item {
        self.hero.carry[slot].expect("it carries that")
    }

    /// A slot of its inventory.
    pub fn carry(&self, slot: u8) -> ItemLocation {
        ItemLocation { home: self.hero.account, place: ItemPlace::Carry(self.hero.id, slot) }
    }

    /// A slot of its equipment.
    pub fn equip(&self, slot: u8) -> ItemLocation {
        ItemLocation { home: self.hero.account, place: ItemPlace::Equip(self.hero.id, slot) }
    }

    /// A slot of its bank.
    pub fn cargo(&self, slot: u8) -> ItemLocation {
        ItemLocation { home: self.hero.account, place: ItemPlace::Cargo(self.hero.account, slot) }
    }

    /// What it carries.
    pub fn purse(&self) -> GoldLocation {
        GoldLocation { home: self.hero.account, account: GoldAccount::Character(self.hero.id) }
    }

    /// The gold in its bank.
    pub fn bank(&self) -> GoldLocation {
        GoldLocation { home: self.hero.account, account: GoldAccount::Cargo(self.hero.account) }
    }

    /// Gold that the world makes for it.
    pub fn mint(&self, reason: &str) -> GoldLocation {
        GoldLocation { home: self.hero.account, account: GoldAccount::Mint(reason.to_owned()) }
    }

    /// Gold that the world takes from it.
    pub fn burn(&self, reason: &str) -> GoldLocation {
        GoldLocation { home: self.hero.account, account: GoldAccount::Burn(reason.to_owned()) }
    }

    /// A transfer by this player alone.
    pub fn does(&self, moves: Vec<Move>) -> Transfer {
        transfer(&[self], moves)
    }

    /// What changes what it has become.
    pub fn growth(&self, progress: Progress) -> ChangeProgress {
        ChangeProgress {
            operation: operation(),
            account: self.account(),
            character: self.hero.id,
            epoch: self.epoch,
            actor: Actor::System("test".to_owned()),
            reason: "test".to_owned(),
            progress,
        }
    }

    /// Becomes something else; since when.
    pub async fn grows(&self, store: &Arc<dyn Store>, progress: Progress) -> i64 {
        let change = self.growth(progress);
        store.change_progress(change).await.expect("the store answers").expect("it is done");
        progress_of(store, &self.hero, i64::MAX).await.newest_ms
    }

    /// The character as it is stored now.
    pub async fn now(&self, store: &Arc<dyn Store>) -> Character {
        let all = listed(store, self.hero.account).await;
        all.into_iter().find(|other| other.id == self.hero.id).expect("it is there")
    }

    /// Its bank as it is stored now.
    pub async fn cargo_now(&self, store: &Arc<dyn Store>) -> Cargo {
        let request = LoadCargo { account: self.hero.account };
        store.load_cargo(request).await.expect("the store answers").expect("there is such an account")
    }
}

/// What a character had become at a time.
pub async fn progress_of(store: &Arc<dyn Store>, hero: &Character, at_ms: i64) -> ProgressThen {
    let request = ReadProgress { account: hero.account, character: hero.id, at_ms };
    store.read_progress(request).await.expect("the store answers")
}

/// A transfer that fences these players; the first one does it.
pub fn transfer(players: &[&Player], moves: Vec<Move>) -> Transfer {
    Transfer {
        operation: operation(),
        actor: Actor::Player(players[0].account()),
        reason: "test".to_owned(),
        fences: players.iter().map(|player| player.fence()).collect(),
        moves,
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

/// An item goes and stays what it is.
pub fn moved(item: Item, from: ItemLocation, to: ItemLocation) -> Move {
    Move::Item { item, from, to, effects: item.effects }
}

/// Gold goes.
pub fn paid(amount: i64, from: GoldLocation, to: GoldLocation) -> Move {
    Move::Gold { amount, from, to }
}

/// A new item comes into being.
pub fn born(kind: u16, to: ItemLocation) -> (Item, Move) {
    let item = item(kind);
    (item, Move::Birth { item, to })
}

/// Effects that no item of the stage has.
pub fn stack_of(count: u8) -> [Effect; 3] {
    let empty = Effect::default();
    [Effect { code: 61, value: count }, empty, empty]
}

/// Does a transfer, again while nobody knows what came of it.
///
/// # Panics
/// When nobody knows for half a minute.
pub async fn done(store: &Arc<dyn Store>, transfer: &Transfer) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match store.transfer(transfer.clone()).await {
            Ok(outcome) => return outcome,
            Err(Failure::Unavailable(reason)) if Instant::now() < deadline => {
                eprintln!("again: {reason}");
                tokio::task::yield_now().await;
            }
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// Does a transfer that must be done.
pub async fn surely(store: &Arc<dyn Store>, transfer: &Transfer) -> Transferred {
    done(store, transfer).await.expect("it is done")
}

/// A record that was not there before.
pub fn put(key: RecordKey, home: AccountId, scope: u64, expected: u64) -> RecordChange {
    let body = format!("{key:?}").into_bytes();
    RecordChange::Put { record: Record { key, home, version: 0, scope, until_ms: 5_000, body }, expected }
}

/// One record.
pub async fn record(store: &Arc<dyn Store>, key: RecordKey, home: Option<AccountId>) -> Option<HeldRecord> {
    store.get_record(GetRecord { key, home }).await.expect("the store answers")
}
