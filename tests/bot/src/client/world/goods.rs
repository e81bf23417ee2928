//! What a client knows of items and gold: its own windows, the ground in view, the trade that is open.

use super::{Anomaly, Event, World};
use crate::protocol::incoming::{GroundSeen, ItemSeen, OfferSeen, ShelfSeen, StallSeen, Told};
use crate::protocol::slot::{Container, Slot};
use std::collections::BTreeMap;
use std::time::Instant;

/// The most gold that a client can hold or show.
pub const GOLD_MAX: i32 = 2_000_000_000;

/// All that an account shows of one character and its bank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belongings {
    /// Worn, by slot.
    pub equip: Vec<Option<ItemSeen>>,
    /// Carried, by slot.
    pub carry: Vec<Option<ItemSeen>>,
    /// In the bank, by slot.
    pub cargo: Vec<Option<ItemSeen>>,
    /// Gold carried.
    pub gold: i32,
    /// Gold in the bank.
    pub cargo_gold: i32,
}

impl Belongings {
    /// How often each item is there, wherever it lies.
    pub fn census(&self) -> BTreeMap<ItemSeen, usize> {
        let mut census = BTreeMap::new();
        for item in self.equip.iter().chain(&self.carry).chain(&self.cargo).flatten() {
            *census.entry(*item).or_default() += 1;
        }
        census
    }

    /// Carried and banked gold together.
    pub fn all_gold(&self) -> i64 {
        i64::from(self.gold) + i64::from(self.cargo_gold)
    }

    /// What differs from another state, slot by slot, in words; empty when nothing does.
    pub fn differences(&self, other: &Belongings) -> Vec<String> {
        let mut found = Vec::new();
        let sides = |of: &Belongings| [of.equip.clone(), of.carry.clone(), of.cargo.clone()];
        for (container, (ours, theirs)) in
            Container::ALL.into_iter().zip(sides(self).into_iter().zip(sides(other)))
        {
            for index in 0..ours.len().max(theirs.len()) {
                let (one, two) = (ours.get(index).copied().flatten(), theirs.get(index).copied().flatten());
                if one != two {
                    found.push(format!("{container:?} {index}: {} -> {}", told(one), told(two)));
                }
            }
        }
        for (what, one, two) in
            [("gold", self.gold, other.gold), ("gold in the bank", self.cargo_gold, other.cargo_gold)]
        {
            if one != two {
                found.push(format!("{what}: {one} -> {two}"));
            }
        }
        found
    }
}

fn told(item: Option<ItemSeen>) -> String {
    item.map_or("nothing".to_owned(), |item| format!("{} {:?}", item.kind, item.effects))
}

/// What is known beside the own snapshot, which holds equipment, inventory and gold.
#[derive(Debug, Default)]
pub(super) struct Goods {
    pub(super) cargo: Vec<Option<ItemSeen>>,
    pub(super) cargo_gold: i32,
    pub(super) ground: BTreeMap<u16, GroundSeen>,
    pub(super) shelf: Option<ShelfSeen>,
    pub(super) sold_lately: Vec<(i32, ItemSeen, i32)>,
    pub(super) offer: Option<OfferSeen>,
    pub(super) stall: Option<StallSeen>,
    pub(super) own_stall: Option<String>,
}

impl World {
    /// Everything that the own windows show.
    pub fn belongings(&self) -> Belongings {
        Belongings {
            equip: self.own.equip.clone(),
            carry: self.own.carry.clone(),
            cargo: self.goods.cargo.clone(),
            gold: self.own.gold,
            cargo_gold: self.goods.cargo_gold,
        }
    }

    /// What a slot shows.
    pub fn slot(&self, slot: Slot) -> Option<ItemSeen> {
        self.container(slot.container).get(usize::from(slot.index)).copied().flatten()
    }

    /// The slots of a container.
    pub fn container(&self, container: Container) -> &[Option<ItemSeen>] {
        match container {
            Container::Equip => &self.own.equip,
            Container::Carry => &self.own.carry,
            Container::Cargo => &self.goods.cargo,
        }
    }

    /// Gold in the bank.
    pub fn cargo_gold(&self) -> i32 {
        self.goods.cargo_gold
    }

    /// Items on the ground in view.
    pub fn ground(&self) -> impl Iterator<Item = &GroundSeen> {
        self.goods.ground.values()
    }

    /// The shelf that was shown last.
    pub fn shelf(&self) -> Option<&ShelfSeen> {
        self.goods.shelf.as_ref()
    }

    /// What was sold lately, as it was told last: order, item, price.
    pub fn sold_lately(&self) -> &[(i32, ItemSeen, i32)] {
        &self.goods.sold_lately
    }

    /// The other side of the trade that is open.
    pub fn offer(&self) -> Option<&OfferSeen> {
        self.goods.offer.as_ref()
    }

    /// The personal shop that was shown last.
    pub fn stall(&self) -> Option<&StallSeen> {
        self.goods.stall.as_ref()
    }

    /// Title of the own personal shop while others see it.
    pub fn own_stall(&self) -> Option<&str> {
        self.goods.own_stall.as_deref()
    }

    pub(super) fn banked(&mut self, cargo: Vec<Option<ItemSeen>>, gold: i32) {
        self.goods.cargo = cargo;
        self.set_cargo_gold(gold);
    }

    pub(super) fn set_gold(&mut self, gold: i32) {
        self.judge_gold(gold);
        self.own.gold = gold;
    }

    fn set_cargo_gold(&mut self, gold: i32) {
        self.judge_gold(gold);
        self.goods.cargo_gold = gold;
    }

    fn judge_gold(&mut self, gold: i32) {
        if !(0..=GOLD_MAX).contains(&gold) {
            self.note(Anomaly::ImpossibleGold { gold });
        }
    }

    fn set(&mut self, slot: Slot, item: Option<ItemSeen>) {
        let container = match slot.container {
            Container::Equip => &mut self.own.equip,
            Container::Carry => &mut self.own.carry,
            Container::Cargo => &mut self.goods.cargo,
        };
        match container.get_mut(usize::from(slot.index)) {
            Some(place) => *place = item,
            None => self.note(Anomaly::NoSuchSlot { slot }),
        }
    }

    /// Takes in what the server says about items and gold.
    pub(super) fn told(&mut self, told: Told, now: Instant) -> Event {
        match &told {
            Told::Slot(slot, item) => self.set(*slot, *item),
            Told::Moved(one, other) => {
                let (first, second) = (self.slot(*one), self.slot(*other));
                if first.is_none() && second.is_none() {
                    self.note(Anomaly::NothingThere { slot: *one, what: "moved" });
                }
                self.set(*one, second);
                self.set(*other, first);
            }
            Told::Gold(gold) => self.set_gold(*gold),
            Told::CargoGold(gold) => self.set_cargo_gold(*gold),
            Told::Deposited(amount) => self.shift_gold(*amount),
            Told::Withdrew(amount) => self.shift_gold(-*amount),
            Told::Bought(_, _, gold) => self.set_gold(*gold),
            Told::Sold(slot) | Told::Dropped(slot, _) => self.set(*slot, None),
            Told::PickedUp(slot, Some(item)) => {
                if self.slot(*slot).is_some_and(|there| there.kind != item.kind) {
                    self.note(Anomaly::SlotTaken { slot: *slot });
                }
                self.set(*slot, Some(*item));
            }
            Told::Shelf(shelf) => self.goods.shelf = Some(shelf.clone()),
            Told::SoldLately(list) => self.goods.sold_lately.clone_from(list),
            Told::GroundShown(ground) => self.lies_there(*ground, now),
            Told::GroundGone(id) => drop(self.goods.ground.remove(id)),
            Told::Offer(offer) => self.goods.offer = Some(offer.clone()),
            Told::TradeClosed => self.goods.offer = None,
            Told::Stall(stall) => self.goods.stall = Some(stall.clone()),
            Told::Nonsense(opcode) => self.note(Anomaly::Nonsense { opcode: *opcode }),
            Told::PickedUp(_, None) | Told::TradeChecked | Told::StallSold(..) => {}
        }
        Event::Goods(told)
    }

    /// A client adds and subtracts by itself when its deposit is acknowledged.
    fn shift_gold(&mut self, to_bank: i32) {
        self.set_gold(self.own.gold.saturating_sub(to_bank));
        self.set_cargo_gold(self.goods.cargo_gold.saturating_add(to_bank));
    }

    fn lies_there(&mut self, ground: GroundSeen, now: Instant) {
        let before = self.goods.ground.insert(ground.id, ground);
        let other = before.is_some_and(|before| (before.item, before.tile) != (ground.item, ground.tile));
        if other && !self.is_refresh(ground.id, now) {
            self.note(Anomaly::GroundReused { id: ground.id });
        }
    }
}
