//! The bank: the zone checks what only it knows, BISrv does the rest. What lies in the bank is never in the world.

mod members;
mod typed;
mod words;

pub(super) use words::Topic;

use super::{No, Then};
use crate::effects::{BankWork, Effects, Work};
use crate::plan::{item_in, put_in};
use crate::zone::Zone;
use model::calls::bank::{BankRefusal, KindRule, Reply};
use model::event::NoticeKey;
use model::item::GOLD_MAX;
use model::{Container, EntityId, Event, Item, Slot};
use rules::{price, stack};

/// Kind of merchant that keeps the bank.
const KEEPER: u8 = 2;

/// What BISrv asks about the kind of an item.
pub fn kind_rule(items: &rules::ItemTable, kind: model::ItemKind) -> KindRule {
    let stacks = items.get(kind).filter(|def| stack::stacks(def));
    KindRule { kind, pieces: stacks.map_or(0, |def| stack::pieces_of_kind(def) as u8) }
}

impl Zone {
    /// Refuses when the keeper, or any if none is named, is not in sight.
    fn check_keeper(&self, slot: usize, keeper: Option<EntityId>) -> Result<(), No> {
        let tile = self.entities[slot].tile;
        let keeps = |slot: usize| {
            let creature = self.entities[slot].creature();
            creature.is_some_and(|creature| self.content.creatures[creature.kind].merchant == KEEPER)
        };
        let mut near = self.grid.creatures_near(tile).filter(|entry| keeps(entry.slot));
        let found = near.any(|entry| keeper.is_none_or(|keeper| self.entities[entry.slot].id == keeper));
        if found { Ok(()) } else { Err(NoticeKey::TooFar.into()) }
    }

    /// Moves an item between inventory and bank, or within the bank.
    pub(super) fn move_banked(
        &mut self,
        slot: usize,
        from: Slot,
        to: Slot,
        keeper: Option<EntityId>,
        fx: &mut Effects,
    ) -> Result<(), No> {
        self.check_keeper(slot, keeper)?;
        let character = &self.player(slot)?.character;
        let mut carried = None;
        for of in [from, to] {
            match of.container {
                Container::Equip => return Err(NoticeKey::CannotWear.into()),
                Container::Carry => {
                    self.check_usable(slot, of)?;
                    carried = item_in(character, of);
                }
                Container::Cargo => {}
            }
        }
        if from.container == Container::Carry && carried.is_none() {
            return Err(NoticeKey::ItemGone.into());
        }
        let bound = |item: &Item| {
            self.content.items.get(item.kind).is_none_or(|def| price::is_bound(&item.spec(), def))
        };
        if carried.as_ref().is_some_and(bound) {
            return Err(NoticeKey::ItemBound.into());
        }
        let rule = carried.map(|item| kind_rule(&self.content.items, item.kind));
        let work = Work::Bank(BankWork::Move { from, to, carried, rule });
        self.begin_work(slot, work, Then::Banked { from, to }, fx);
        Ok(())
    }

    pub(super) fn deposit(&mut self, slot: usize, amount: i64, fx: &mut Effects) -> Result<(), No> {
        self.check_keeper(slot, None)?;
        if amount <= 0 || self.player(slot)?.character.hard.gold < amount {
            return Err(NoticeKey::GoldMissing.into());
        }
        self.begin_work(slot, Work::Bank(BankWork::Deposit { amount }), Then::Deposited { amount }, fx);
        Ok(())
    }

    pub(super) fn withdraw(&mut self, slot: usize, amount: i64, fx: &mut Effects) -> Result<(), No> {
        self.check_keeper(slot, None)?;
        if amount <= 0 {
            return Err(NoticeKey::GoldMissing.into());
        }
        if self.player(slot)?.character.hard.gold.saturating_add(amount) > GOLD_MAX {
            return Err(NoticeKey::TooMuchGold.into());
        }
        self.begin_work(slot, Work::Bank(BankWork::Withdraw { amount }), Then::Withdrawn { amount }, fx);
        Ok(())
    }

    /// What BISrv did or did not.
    pub(super) fn bank_answered(&mut self, slot: usize, then: &Then, reply: Reply, fx: &mut Effects) {
        if let Then::Typed(work) = then {
            return self.typed_answered(slot, work, reply, fx);
        }
        let Some(player) = self.entities[slot].player_mut() else { return };
        let session = player.session;
        match (reply, then) {
            (Reply::Moved { slots }, Then::Banked { .. }) => {
                // never as a swap: others put things into the bank, and the client may not show them yet
                for (slot, item) in slots {
                    put_in(&mut player.character, slot, item);
                    fx.tell(session, Event::SlotChanged { slot, item });
                }
            }
            (Reply::Gold { carried, cargo }, then) => {
                player.character.hard.gold = carried;
                match then {
                    Then::Deposited { amount } => {
                        fx.tell(session, Event::GoldDeposited { amount: *amount });
                    }
                    Then::Withdrawn { amount } => {
                        fx.tell(session, Event::GoldWithdrawn { amount: *amount });
                    }
                    _ => {}
                }
                fx.tell(session, Event::CargoGoldChanged { gold: cargo });
                fx.tell(session, Event::GoldChanged { gold: carried });
            }
            (reply, then) => {
                if let Then::Banked { from, to } = then {
                    self.tell_slots(slot, &[*from, *to], fx);
                }
                let key = match reply {
                    Reply::Refused(refusal) => notice(&refusal),
                    _ => NoticeKey::TryLater,
                };
                self.refuse(session, key, Vec::new(), fx);
            }
        }
    }
}

fn notice(refusal: &BankRefusal) -> NoticeKey {
    match refusal {
        BankRefusal::ItemGone => NoticeKey::ItemGone,
        BankRefusal::NoRoom => NoticeKey::NoRoom,
        BankRefusal::NotEnough => NoticeKey::GoldMissing,
        BankRefusal::TooMuch => NoticeKey::TooMuchGold,
        BankRefusal::Frozen => NoticeKey::AccountFrozen,
        BankRefusal::NoSuchParcel => NoticeKey::ParcelNoSuch,
        BankRefusal::BoxFull => NoticeKey::ParcelBoxFull,
        BankRefusal::ToOneself => NoticeKey::ParcelToOneself,
        BankRefusal::CameBack => NoticeKey::ParcelNotBack,
        BankRefusal::RankTooLow => NoticeKey::GuildRankTooLow,
        BankRefusal::DailyLimit => NoticeKey::GuildDailyLimit,
        _ => NoticeKey::TryLater,
    }
}
