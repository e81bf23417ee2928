//! The bank of the account as its client shows it.
//!
//! A client is shown its bank once, at the login, and then what changes. News of a change that the store has can be
//! lost with the node that was about to tell it, and what others put into the bank is told only in words; so after
//! another node took the player over, and after such words, BISrv is asked and what the client shows wrong is told.

use super::Session;
use super::requests;
use model::calls::bank::Cargo;
use model::item::{Container, Item, Slot};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wire::packet::CargoGold;

/// How often BISrv is asked again because something changed while it answered.
const TRIES: u8 = 3;

/// What the client was told of the bank.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Bank {
    items: Vec<Option<Item>>,
    gold: i64,
    /// Counts what the client was told.
    told: u64,
    /// True while BISrv is asked.
    asking: bool,
    /// True when it has to be asked again after that.
    again: bool,
}

impl Bank {
    pub(super) fn item(&self, index: u8) -> Option<Item> {
        self.items.get(usize::from(index)).copied().flatten()
    }

    pub(super) fn put(&mut self, index: u8, item: Option<Item>) {
        self.told += 1;
        if let Some(place) = self.items.get_mut(usize::from(index)) {
            *place = item;
        }
    }

    pub(super) fn put_gold(&mut self, gold: i64) {
        self.told += 1;
        self.gold = gold;
    }
}

impl From<Cargo> for Bank {
    fn from(Cargo { items, gold }: Cargo) -> Self {
        Self { items, gold, ..Self::default() }
    }
}

impl Session {
    /// Asks what is in the bank, to tell the client what it may have missed.
    pub(super) fn recount_bank(&mut self) {
        if self.bank.asking {
            // what is being read may be older than what the caller heard of
            self.bank.again = true;
        } else {
            self.ask_bank(TRIES);
        }
    }

    fn ask_bank(&mut self, tries: u8) {
        let Some((account, _)) = self.account else { return };
        self.bank.asking = true;
        let told = self.bank.told;
        let asked = requests::recount(Arc::clone(&self.shared), account, told, tries);
        self.work.push_back(Box::pin(asked));
    }

    pub(super) fn on_recounted(&mut self, cargo: Option<Cargo>, told: u64, tries: u8) {
        self.bank.asking = false;
        if std::mem::take(&mut self.bank.again) {
            return self.ask_bank(TRIES);
        }
        let Some(cargo) = cargo.filter(|_| self.world.is_some()) else { return };
        if told != self.bank.told {
            // what was read may be older than what was told since
            if tries > 0 {
                self.ask_bank(tries - 1);
            }
            return;
        }
        let before = std::mem::replace(&mut self.bank, Bank::from(cargo));
        self.bank.told = before.told;
        for index in 0..self.bank.items.len() {
            let differs = before.items.get(index) != self.bank.items.get(index);
            if let Some(slot) = Slot::new(Container::Cargo, index as i64).filter(|_| differs) {
                self.show_slot(slot);
            }
        }
        if before.gold != self.bank.gold {
            let (own, gold) = (self.own_number(), self.bank.gold);
            self.send(own, CargoGold { gold });
        }
    }
}
