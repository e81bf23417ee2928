//! What a player asks about items, shops, trades and gold.

use super::Session;
use crate::ground_ids::GROUND_IDS;
use crate::messages::{self, Line};
use crate::translate::{asks, goods};
use model::command::CHAT_TEXT_MAX;
use model::item::{Container, Item, ItemKind, Slot};
use model::trade::STALL_WARES;
use model::{Command, EntityId, Tile};
use wire::packet::{
    Autotrade, AutotradeBuy, ClientPacket, DeleteItem, DropItem, GroundItemRemove, MoveItem, PickItem,
    ShopBuy, ShopSell, SplitItem, Trade, UseItem,
};

/// Words that clients send as the receiver of a whisper and that are commands.
const WORDS: [&str; 8] =
    ["auction", "leilao", "parcel", "encomenda", "guildbank", "bancoguild", "cash", "saldo"];
/// Orientations of an item on the ground.
const ROTATIONS: u8 = 4;
/// Most places of the list of what was sold lately.
const SOLD_LATELY: u8 = 10;

/// What a client named by a short id.
enum Named {
    /// The player itself.
    Own(EntityId),
    /// Somebody in view.
    Other(EntityId),
    /// Nobody that this client knows now: gone, perhaps a moment ago.
    Nobody,
}

impl Session {
    pub(super) fn on_goods_packet(&mut self, packet: ClientPacket) {
        let (rate, now_ms) = (self.settings().budgets.goods, self.now_ms());
        if !self.guard.goods.take(1.0, rate, now_ms) {
            return self.strike("goods");
        }
        match packet {
            ClientPacket::MoveItem(packet) => self.on_move_item(&packet),
            ClientPacket::UseItem(packet) => self.on_use(&packet),
            ClientPacket::SplitItem(packet) => self.on_split(&packet),
            ClientPacket::DeleteItem(packet) => self.on_delete_item(&packet),
            ClientPacket::DropItem(packet) => self.on_drop(&packet),
            ClientPacket::PickItem(packet) => self.on_pick(&packet),
            ClientPacket::ShopOpen(packet) => self.on_shop_open(packet.target),
            ClientPacket::ShopBuy(packet) => self.on_buy(&packet),
            ClientPacket::ShopSell(packet) => self.on_sell(&packet),
            ClientPacket::Repurchase(_) => self.command(Command::ListSold),
            ClientPacket::CargoDepositGold(packet) => {
                self.on_gold(packet.amount, |amount| Command::DepositGold { amount });
            }
            ClientPacket::CargoWithdrawGold(packet) => {
                self.on_gold(packet.amount, |amount| Command::WithdrawGold { amount });
            }
            ClientPacket::Trade(packet) => self.on_trade(&packet),
            ClientPacket::TradeQuit(_) => self.command(Command::CancelTrade),
            ClientPacket::Autotrade(packet) => self.on_open_stall(&packet),
            ClientPacket::AutotradeOpen(packet) => self.on_visit_stall(packet.owner),
            ClientPacket::AutotradeBuy(packet) => self.on_buy_from_stall(&packet),
            _ => {}
        }
    }

    fn on_move_item(&mut self, packet: &MoveItem) {
        let to = asks::slot(packet.to_container, packet.to_slot, self.profile);
        let from = asks::slot(packet.from_container, packet.from_slot, self.profile);
        let (Some(to), Some(from)) = (to, from) else {
            return self.refuse_slots([to, from]);
        };
        if from == to {
            return;
        }
        // who drags names the empty slot first; whatever a client's build does, only an item can be moved
        let backwards = self.held(from).is_none() && self.held(to).is_some();
        let (from, to) = if backwards { (to, from) } else { (from, to) };
        let in_bank = goods::is_in_bank(from) || goods::is_in_bank(to);
        let keeper = match self.named(packet.keeper) {
            Named::Other(entity) if in_bank => Some(entity),
            _ => None,
        };
        self.command(Command::MoveItem { from, to, keeper });
    }

    /// Nothing has a use yet. The client has taken a piece off the stack all the same, so it is told the slot.
    fn on_use(&mut self, packet: &UseItem) {
        self.shared.metrics.unhandled.inc();
        match asks::slot(packet.container, packet.slot, self.profile) {
            Some(slot) => self.tell_slot(slot),
            None => self.strike("field"),
        }
    }

    fn on_split(&mut self, packet: &SplitItem) {
        let slot = asks::slot(Container::Carry as u8, packet.slot, self.profile);
        match slot.filter(|_| packet.kind != 0 && packet.amount != 0) {
            Some(Slot { index: slot, .. }) => {
                self.command(Command::SplitItem { slot, kind: ItemKind(packet.kind), amount: packet.amount });
            }
            None => self.refuse_slots([slot, None]),
        }
    }

    fn on_delete_item(&mut self, packet: &DeleteItem) {
        let slot = asks::slot(Container::Carry as u8, packet.slot, self.profile);
        match slot.filter(|_| packet.kind != 0) {
            Some(Slot { index: slot, .. }) => {
                self.command(Command::DestroyItem { slot, kind: ItemKind(packet.kind) });
            }
            None => self.refuse_slots([slot, None]),
        }
    }

    fn on_drop(&mut self, packet: &DropItem) {
        let from = asks::slot(packet.container, packet.slot, self.profile);
        let tile = Tile::new(packet.x, packet.y);
        let sane = tile.is_on_map() && packet.rotate < ROTATIONS;
        match from.filter(|from| sane && !goods::is_in_bank(*from)) {
            Some(from) => self.command(Command::DropItem { from, tile, rotate: packet.rotate }),
            None => self.refuse_slots([from, None]),
        }
    }

    fn on_pick(&mut self, packet: &PickItem) {
        let to = asks::slot(packet.container, packet.slot, self.profile);
        let to = to.filter(|to| to.container == Container::Carry);
        let Some(to) = to.filter(|_| GROUND_IDS.contains(&packet.item_id)) else {
            return self.strike("field");
        };
        let Some(world) = &self.world else { return };
        match world.grounds.ground_of(packet.item_id) {
            Some(ground) => self.command(Command::PickUp { ground, to: to.index }),
            // somebody was faster: this client has not read so yet
            None => self.send(wire::SCENE_FIELD, GroundItemRemove { item_id: packet.item_id }),
        }
    }

    fn on_shop_open(&mut self, target: u16) {
        match self.named(target) {
            Named::Other(merchant) => {
                if let Some(world) = &mut self.world {
                    world.shop = target;
                }
                self.command(Command::OpenShop { merchant });
            }
            Named::Own(_) => self.strike("field"),
            Named::Nobody => self.say(Line::TooFar, &[]),
        }
    }

    fn on_buy(&mut self, packet: &ShopBuy) {
        let shelf = asks::slot(Container::Carry as u8, packet.shelf, self.profile);
        let to = asks::slot(Container::Carry as u8, packet.slot, self.profile);
        let (Some(Slot { index: shelf, .. }), Some(Slot { index: to, .. })) = (shelf, to) else {
            return self.strike("field");
        };
        match self.merchant(packet.target) {
            Ok(merchant) => self.command(Command::BuyItem { merchant, shelf, to }),
            Err(Named::Own(_)) => match asks::entry(shelf).filter(|order| *order < SOLD_LATELY) {
                Some(order) => self.command(Command::BuyBack { order }),
                None => self.strike("field"),
            },
            Err(_) => self.say(Line::TooFar, &[]),
        }
    }

    fn on_sell(&mut self, packet: &ShopSell) {
        let Some(from) = asks::slot(packet.container, packet.slot, self.profile) else {
            return self.strike("field");
        };
        match self.merchant(packet.target) {
            Ok(merchant) => self.command(Command::SellItem { merchant, from }),
            Err(Named::Own(_)) => self.strike("field"),
            Err(_) => self.say(Line::TooFar, &[]),
        }
    }

    /// The merchant of a packet; 0 is the one whose shop was opened last.
    fn merchant(&self, target: u16) -> Result<Option<EntityId>, Named> {
        match (target, self.named(target)) {
            (0, _) => Ok(None),
            (_, Named::Other(merchant)) => Ok(Some(merchant)),
            (_, other) => Err(other),
        }
    }

    fn on_gold(&mut self, amount: i64, command: impl FnOnce(i64) -> Command) {
        match asks::amount(amount) {
            Some(0) => {}
            Some(amount) => self.command(command(amount)),
            None => self.strike("field"),
        }
    }

    fn on_trade(&mut self, packet: &Trade) {
        let Some(offer) = asks::offer(packet) else { return self.strike("field") };
        match self.named(packet.opponent) {
            Named::Other(partner) if partner.is_player() => {
                if let Some(world) = &mut self.world {
                    world.trading = true;
                }
                self.command(Command::OfferTrade { partner, offer, checked: packet.checked });
            }
            Named::Other(_) | Named::Own(_) => self.strike("field"),
            Named::Nobody => {
                // its window closes when the node says so: what was agreed to before may be done already
                self.command(Command::CancelTrade);
                self.say(Line::TooFar, &[]);
            }
        }
    }

    fn on_open_stall(&mut self, packet: &Autotrade) {
        match (asks::title(&packet.title), asks::wares(packet, self.profile)) {
            (Some(title), Some(wares)) => self.command(Command::OpenStall { title, wares }),
            _ => self.strike("field"),
        }
    }

    fn on_visit_stall(&mut self, owner: u16) {
        match self.named(owner) {
            Named::Own(owner) | Named::Other(owner) => self.command(Command::VisitStall { owner }),
            Named::Nobody => self.say(Line::TooFar, &[]),
        }
    }

    fn on_buy_from_stall(&mut self, packet: &AutotradeBuy) {
        let position = packet.position;
        let known = usize::from(position) < STALL_WARES;
        let (Some(shown), Some(price), true) = (asks::shown(&packet.item), asks::price(packet.price), known)
        else {
            return self.strike("field");
        };
        match self.named(packet.owner) {
            Named::Other(owner) => {
                self.command(Command::BuyFromStall { owner, position, shown, price });
            }
            Named::Own(_) => self.strike("field"),
            Named::Nobody => self.say(Line::TooFar, &[]),
        }
    }

    /// The command that a whisper is by its receiver's name, if it is one.
    pub(super) fn command_of(to: &str, text: &str) -> Option<Command> {
        let word = to.trim().to_lowercase();
        let text: String = messages::clean(text).chars().take(CHAT_TEXT_MAX).collect();
        WORDS.contains(&word.as_str()).then_some(Command::Words { word, text })
    }

    /// A request that no honest client makes: the slots that it names are told again as they are.
    fn refuse_slots(&mut self, slots: [Option<Slot>; 2]) {
        for slot in slots.into_iter().flatten() {
            self.tell_slot(slot);
        }
        self.strike("field");
    }

    /// Tells the client what lies in a slot.
    pub(super) fn tell_slot(&mut self, slot: Slot) {
        let packet = goods::slot(slot, self.held(slot).as_ref());
        let own = self.own_number();
        self.send(own, packet);
    }

    /// What lies in a slot, as far as this client was told.
    fn held(&self, slot: Slot) -> Option<Item> {
        let sheet = self.world.as_ref().map(|world| &world.sheet);
        let slots = match slot.container {
            Container::Equip => &sheet?.equip,
            Container::Carry => &sheet?.carry,
            Container::Cargo => return self.bank.item(slot.index),
        };
        slots.get(usize::from(slot.index)).copied().flatten()
    }

    /// Notes what lies in a slot now.
    pub(super) fn hold(&mut self, slot: Slot, item: Option<Item>) {
        let slots = match (slot.container, &mut self.world) {
            (Container::Cargo, _) => return self.bank.put(slot.index, item),
            (Container::Equip, Some(world)) => &mut world.sheet.equip,
            (Container::Carry, Some(world)) => &mut world.sheet.carry,
            (_, None) => return,
        };
        if let Some(place) = slots.get_mut(usize::from(slot.index)) {
            *place = item;
        }
    }

    /// Notes that the client swaps two slots.
    pub(super) fn swap(&mut self, one: Slot, other: Slot) {
        let (first, second) = (self.held(one), self.held(other));
        self.hold(one, second);
        self.hold(other, first);
    }

    fn named(&self, id: u16) -> Named {
        match &self.world {
            Some(world) if id == world.own => Named::Own(world.entity),
            Some(world) => world.view.entity_of(id).map_or(Named::Nobody, Named::Other),
            None => Named::Nobody,
        }
    }
}
