//! What a player is shown of items, shops, trades and gold.

use super::Session;
use crate::seen::Seen;
use crate::translate::{self, asks, goods};
use model::event::{Appearance, Sheet};
use model::item::{Container, Slot};
use model::{Command, EntityId, Event};
use wire::SCENE_FIELD;
use wire::packet::{
    AutotradeSold, CargoDepositGold, CargoGold, CargoWithdrawGold, GroundItemRemove, ServerPacket,
    TradeChecked, TradeQuit,
};

impl Session {
    pub(super) fn on_goods_event(&mut self, event: &Event) {
        match event {
            Event::SlotChanged { slot, item } => {
                self.hold(*slot, *item);
                self.show_slot(*slot);
            }
            Event::CarryChanged { carry, gold } => {
                if let Some(world) = &mut self.world {
                    world.sheet.carry.clone_from(carry);
                    world.sheet.gold = *gold;
                }
                self.tell(goods::carry(carry, *gold));
            }
            Event::ItemMoved { from, to, keeper } => {
                self.swap(*from, *to);
                let keeper = self.id_of(*keeper);
                self.tell(goods::moved(*from, *to, keeper));
            }
            Event::LookChanged { entity, equip } => self.on_look(*entity, equip),
            Event::CargoGoldChanged { gold } => {
                self.bank.put_gold(*gold);
                self.tell(CargoGold { gold: *gold });
            }
            Event::GoldDeposited { amount } => self.tell(CargoDepositGold { amount: *amount }),
            Event::GoldWithdrawn { amount } => self.tell(CargoWithdrawGold { amount: *amount }),
            Event::PickedUp { slot, item } => {
                self.hold(*slot, Some(*item));
                self.tell(goods::picked_up(*slot, item));
                // 7.48 changes a slot on nothing else
                self.show_slot(*slot);
            }
            Event::Dropped { from, tile, rotate } => {
                self.hold(*from, None);
                self.tell(goods::dropped(*from, *tile, *rotate));
            }
            event => self.on_dealing(event),
        }
    }

    /// Shops, trades, and the ground.
    fn on_dealing(&mut self, event: &Event) {
        match event {
            Event::ShopShown { skills, shelf, tax, .. } => {
                self.send(SCENE_FIELD, goods::shop(*skills, shelf, *tax));
            }
            Event::Bought { merchant, shelf, to, gold } => {
                if let Some(world) = &mut self.world {
                    world.sheet.gold = *gold;
                }
                let merchant = self.id_of(Some(*merchant));
                self.tell(goods::bought(merchant, *shelf, *to, *gold));
            }
            Event::Sold { merchant, from } => {
                let merchant = self.id_of(Some(*merchant));
                self.tell(goods::sold(merchant, *from));
            }
            Event::SoldLately { list } => {
                let shop = self.world.as_ref().map_or(0, |world| world.shop);
                self.tell(goods::sold_lately(shop, list));
            }
            Event::GroundAppeared { ground, tile, shown, rotate, fell } => {
                let Some(world) = &mut self.world else { return };
                if world.grounds.confirm(*ground) {
                    return;
                }
                match world.grounds.lend(*ground) {
                    Some(id) => self.send(SCENE_FIELD, goods::ground(id, *tile, shown, *rotate, *fell)),
                    None => self.shared.metrics.hidden.inc(),
                }
            }
            Event::GroundGone { ground } => {
                let Some(world) = &mut self.world else { return };
                if let Some(item_id) = world.grounds.take_back(*ground) {
                    self.send(SCENE_FIELD, GroundItemRemove { item_id });
                }
            }
            Event::TradeOffered { partner, offer, checked } => {
                if let Some(world) = &mut self.world {
                    world.trading = true;
                }
                if let Some(id) = self.name(*partner) {
                    self.tell(goods::trade(id, offer, *checked));
                }
            }
            Event::TradeChecked => self.tell(TradeChecked {}),
            Event::TradeClosed => {
                if let Some(world) = &mut self.world {
                    world.trading = false;
                }
                self.tell(TradeQuit {});
            }
            Event::StallChanged { look } => self.on_stall(look),
            Event::StallShown { owner, title, wares, tax } => {
                if let Some(id) = self.name(*owner) {
                    self.send(SCENE_FIELD, goods::stall(id, title, wares, *tax));
                }
            }
            Event::GuildChanged { entity, guild, guild_rank } => {
                self.on_guild(*entity, *guild, *guild_rank);
            }
            Event::StallSold { owner, position } => {
                match self.id_of(Some(*owner)) {
                    0 => {}
                    owner => self.send(SCENE_FIELD, AutotradeSold { owner, position: *position }),
                }
                if self.world.as_ref().is_some_and(|world| world.entity == *owner) {
                    self.recount_bank();
                }
            }
            // not of goods, or told above
            Event::Entered(_)
            | Event::Appeared { .. }
            | Event::Disappeared { .. }
            | Event::Walked { .. }
            | Event::Stopped { .. }
            | Event::Placed { .. }
            | Event::Motion { .. }
            | Event::Said { .. }
            | Event::ScoreChanged { .. }
            | Event::GoldChanged { .. }
            | Event::SkillBar { .. }
            | Event::Notice(_)
            | Event::ViewComplete
            | Event::Weather(_)
            | Event::TimeLeft { .. }
            | Event::SlotChanged { .. }
            | Event::CarryChanged { .. }
            | Event::ItemMoved { .. }
            | Event::LookChanged { .. }
            | Event::CargoGoldChanged { .. }
            | Event::GoldDeposited { .. }
            | Event::GoldWithdrawn { .. }
            | Event::PickedUp { .. }
            | Event::Dropped { .. } => {}
        }
    }

    fn on_look(&mut self, entity: EntityId, equip: &translate::Looks) {
        let Some(world) = &mut self.world else { return };
        if entity == world.entity {
            world.sheet.look = *equip;
        }
        match self.id_of(Some(entity)) {
            0 => {}
            id => self.send(id, goods::equip(equip)),
        }
    }

    fn on_stall(&mut self, look: &Appearance) {
        let Some(world) = &mut self.world else { return };
        if look.entity == world.entity {
            world.stalled = look.stall.is_some();
        } else if world.view.id_of(look.entity).is_some() {
            world.seen.insert(look.entity, Seen::of(look));
        }
        match self.id_of(Some(look.entity)) {
            // it waits for room in the picture, and will be described as it is then
            0 => {}
            id => self.send_all([translate::stand(look, id, false)]),
        }
    }

    /// After another node took the player over: what its client shows that is not so any more. `before` is what it
    /// was told, `now` what is so.
    pub(super) fn correct_goods(&mut self, before: &Before, now: &Sheet) {
        let gone = before.grounds.iter().map(|id| (SCENE_FIELD, GroundItemRemove { item_id: *id }.into()));
        self.send_all(gone);
        for (index, item) in now.equip.iter().enumerate() {
            if before.equip.get(index) != Some(item)
                && let Some(slot) = Slot::new(Container::Equip, index as i64)
            {
                self.show_slot(slot);
            }
        }
        if before.trading || before.stalled {
            // the windows and the shop were of the node that is gone
            self.tell(TradeQuit {});
            self.command(Command::CancelTrade);
        }
        if before.stalled {
            let own = self.own_number();
            self.send(SCENE_FIELD, translate::own_look(now, own));
        }
    }

    /// The id of somebody who has to be named, as the other side of a trade is: lent now when the client was not
    /// shown it, and then the world is asked to describe it. `None` when the client's ids are used up.
    fn name(&mut self, entity: EntityId) -> Option<u16> {
        let preferred = self.shared.numbers.lock().of(entity);
        let world = self.world.as_mut()?;
        if entity == world.entity {
            return Some(world.own);
        }
        let (id, lent_now) = world.view.name(entity, preferred, world.tile)?;
        if lent_now {
            self.command(Command::Inspect { entity });
        }
        Some(id)
    }

    /// The id of somebody whom the client knows; 0 for anybody else.
    fn id_of(&self, entity: Option<EntityId>) -> u16 {
        let (Some(world), Some(entity)) = (&self.world, entity) else { return 0 };
        if entity == world.entity { world.own } else { world.view.id_of(entity).unwrap_or(0) }
    }

    /// Tells the client of a slot, if its version has it.
    pub(super) fn show_slot(&mut self, slot: Slot) {
        if asks::exists(slot, self.profile) {
            self.tell_slot(slot);
        }
    }

    /// To the player's own entity.
    fn tell(&mut self, packet: impl Into<ServerPacket>) {
        let own = self.own_number();
        self.send(own, packet);
    }
}

/// What a client was told before another node took its player over.
#[derive(Default)]
pub(super) struct Before {
    pub(super) grounds: Vec<u16>,
    pub(super) equip: Vec<Option<model::Item>>,
    pub(super) trading: bool,
    pub(super) stalled: bool,
}
