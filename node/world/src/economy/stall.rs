//! Personal shops: their owners sit in a town and do nothing else; the wares stay in the bank.
//!
//! What a shop sells TSSSrv knows; the zone knows that it is open, shows it, and closes it when its owner gets up.

use super::{Dealings, No, Then};
use crate::effects::{Effects, Job, MarketWork, Work};
use crate::look;
use crate::plan::{carry, put_in};
use crate::zone::Zone;
use model::calls::market::Stall;
use model::event::NoticeKey;
use model::item::{GOLD_MAX, ItemSpec};
use model::trade::{STALL_TITLE_MAX, STALL_WARES, Ware};
use model::{CharacterId, Container, EntityId, Event, Item, SessionId, Slot};
use rules::{bag, price};
use std::collections::BTreeSet;

/// A purchase at somebody's shop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purchase {
    pub(super) owner: EntityId,
    pub(super) position: u8,
    pub(super) shown: ItemSpec,
    pub(super) price: i64,
}

/// A ware that was sold, or is gone from the owner's bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WareSold {
    /// Position in the shop.
    pub position: u8,
    /// Bank slot of the owner; empty now.
    pub cargo_slot: u8,
    /// Gold in the owner's bank now; `None`: the ware was not there any more.
    pub cargo_gold: Option<i64>,
}

impl Dealings {
    /// Title of the own shop while it is open.
    pub(crate) fn stall_title(&self) -> Option<&String> {
        self.stall.as_ref()
    }
}

impl Zone {
    pub(super) fn open_stall(
        &mut self,
        slot: usize,
        title: String,
        wares: Vec<Ware>,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let tile = self.entities[slot].tile;
        if !self.content.cities.iter().any(|city| city.area.contains(tile)) {
            return Err(NoticeKey::OnlyInTown.into());
        }
        let character = &self.player(slot)?.character;
        let mut positions = BTreeSet::new();
        let mut slots = BTreeSet::new();
        let good = |ware: &Ware| {
            usize::from(ware.position) < STALL_WARES
                && (1..=GOLD_MAX).contains(&ware.price)
                && positions.insert(ware.position)
                && slots.insert(ware.cargo_slot)
        };
        let titled = (1..=STALL_TITLE_MAX).contains(&title.chars().count());
        if wares.is_empty() || !titled || !wares.iter().all(good) {
            return Err(NoticeKey::OfferChanged.into());
        }
        let name = character.name.as_str().to_owned();
        let work = MarketWork::OpenStall { name, title, wares, tax: price::TAX_PERCENT };
        self.begin_work(slot, Work::Market(work), Then::Stalled, fx);
        Ok(())
    }

    pub(super) fn close_stall(&mut self, slot: usize, fx: &mut Effects) -> Result<(), No> {
        let owner = self.player(slot)?.character.id;
        self.begin_work(slot, Work::Market(MarketWork::CloseStall { owner }), Then::StallShut, fx);
        Ok(())
    }

    pub(super) fn visit_stall(&mut self, slot: usize, owner: EntityId, fx: &mut Effects) -> Result<(), No> {
        let owner = self.stall_owner(slot, owner)?;
        self.begin_work(slot, Work::Market(MarketWork::ReadStall { owner }), Then::Slots, fx);
        Ok(())
    }

    pub(super) fn buy_at_stall(&mut self, slot: usize, what: Purchase, fx: &mut Effects) -> Result<(), No> {
        let Purchase { owner, position, shown, price } = what;
        let owner = self.stall_owner(slot, owner)?;
        let character = &self.player(slot)?.character;
        if price <= 0 || character.hard.gold < price {
            return Err(NoticeKey::GoldMissing.into());
        }
        let to_slot = bag::free_slot(&character.carry, None).ok_or(NoticeKey::NoRoom)?;
        let work = MarketWork::BuyFromStall { to_slot, owner, position, shown, price };
        self.begin_work(slot, Work::Market(work), Then::Slots, fx);
        Ok(())
    }

    /// The owner of a shop that is open in sight; nobody deals with itself.
    fn stall_owner(&self, slot: usize, owner: EntityId) -> Result<CharacterId, No> {
        let there = self.slot_of_entity(owner).map(|slot| &self.entities[slot]);
        let there = there
            .filter(|there| self.entities[slot].tile.sees(there.tile) && there.id != self.entities[slot].id);
        let there = there.ok_or(NoticeKey::TooFar)?;
        let owner = there.id.character().ok_or(NoticeKey::TooFar)?;
        if there.has_stall() { Ok(owner) } else { Err(NoticeKey::ItemGone.into()) }
    }

    pub(super) fn stall_opened(&mut self, slot: usize, stall: Stall, fx: &mut Effects) {
        self.show_stall(slot, Some(stall.title), fx);
    }

    /// The shop of a player is open under a title, or closed; everybody who sees it is told.
    pub(super) fn show_stall(&mut self, slot: usize, title: Option<String>, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        if player.dealings.stall == title {
            return;
        }
        player.dealings.stall = title;
        let session = player.session;
        let look =
            Box::new(look::appearance(&self.entities[slot], &self.content, self.relief().pace_percent));
        fx.tell(session, Event::StallChanged { look: look.clone() });
        self.tell_viewers(slot, Event::StallChanged { look }, fx);
    }

    pub(super) fn stall_shown(&self, slot: usize, stall: Option<Stall>, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player() else { return };
        match stall {
            Some(stall) => {
                let wares = stall.wares.into_iter().map(|(ware, _)| ware).collect();
                let (owner, title, tax) = (stall.owner.entity(), stall.title, stall.tax);
                fx.tell(player.session, Event::StallShown { owner, title, wares, tax });
            }
            None => self.refuse(player.session, NoticeKey::ItemGone, Vec::new(), fx),
        }
    }

    pub(super) fn bought_at_stall(&mut self, slot: usize, at: u8, item: Item, gold: i64, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player_mut() else { return };
        put_in(&mut player.character, carry(at), Some(item));
        player.character.hard.gold = gold;
        fx.tell(player.session, Event::SlotChanged { slot: carry(at), item: Some(item) });
        fx.tell(player.session, Event::GoldChanged { gold });
    }

    /// A ware of a player's shop was sold: it is told what its bank is now, and who sees it that the ware is gone.
    pub(crate) fn ware_sold(&mut self, session: SessionId, sold: WareSold, fx: &mut Effects) {
        let Some(slot) = self.slot_of(session) else { return };
        let WareSold { position, cargo_slot, cargo_gold } = sold;
        let owner = self.entities[slot].id;
        let at = Slot { container: Container::Cargo, index: cargo_slot };
        fx.tell(session, Event::StallSold { owner, position });
        self.tell_viewers(slot, Event::StallSold { owner, position }, fx);
        if let Some(gold) = cargo_gold {
            fx.tell(session, Event::SlotChanged { slot: at, item: None });
            fx.tell(session, Event::CargoGoldChanged { gold });
        }
    }

    /// The market closed a player's shop.
    pub(crate) fn stall_closed(&mut self, session: SessionId, fx: &mut Effects) {
        if let Some(slot) = self.slot_of(session) {
            self.show_stall(slot, None, fx);
        }
    }

    /// A player is out of the world: its shop is closed. Nobody waits for the answer.
    pub(crate) fn forget_stall(&mut self, dealings: &Dealings, owner: CharacterId, fx: &mut Effects) {
        if dealings.stall.is_some() {
            let id = self.next_job();
            fx.jobs.push(Job { id, who: None, work: Work::Market(MarketWork::CloseStall { owner }) });
        }
    }
}
