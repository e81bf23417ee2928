//! What is told of items, shops, trades and gold. Pure.

use super::item;
use model::event::Appearance;
use model::item::{Item, ItemSpec, Slot};
use model::trade::{Offer, Ware};
use model::{Tile, item::Container};
use wire::packet::{
    Autotrade, CreateMob, CreateMobTrade, DropItemOk, GroundItemCreate, MoveItem, NO_SLOT, PickItemOk,
    Repurchase, SendItem, ServerPacket, ShopBuy, ShopList, ShopSell, Trade, UpdateCarry, UpdateEquip,
};
use wire::record::{self, SoldItem};

/// `shop_list` of goods.
const SHOP_GOODS: i32 = 1;
/// `shop_list` of a skill master.
const SHOP_SKILLS: i32 = 3;
/// `ground_item_create` with the sound of something that falls.
const FELL: u8 = 1;

/// What lies in a slot now.
pub(crate) fn slot(slot: Slot, found: Option<&Item>) -> SendItem {
    SendItem { container: slot.container as u8, slot: slot.index, item: item(found) }
}

/// The whole inventory.
pub(crate) fn carry(slots: &[Option<Item>], gold: i64) -> UpdateCarry {
    UpdateCarry { carry: Box::new(super::items(slots)), gold }
}

/// What is worn by the entity of the header's id.
pub(crate) fn equip(look: &super::Looks) -> UpdateEquip {
    UpdateEquip { equip: super::looks(look), colors: super::colors(look) }
}

/// Two slots that the client swaps; `keeper` is 0 when the bank is not meant.
pub(crate) fn moved(from: Slot, to: Slot, keeper: u16) -> MoveItem {
    MoveItem {
        to_container: to.container as u8,
        to_slot: to.index,
        from_container: from.container as u8,
        from_slot: from.index,
        keeper,
    }
}

/// An item on the ground.
pub(crate) fn ground(id: u16, tile: Tile, shown: &ItemSpec, rotate: u8, fell: bool) -> GroundItemCreate {
    GroundItemCreate {
        x: tile.x,
        y: tile.y,
        item_id: id,
        item: spec(shown),
        rotate,
        create: if fell { FELL } else { 0 },
        ..GroundItemCreate::default()
    }
}

/// An item that the player picked up.
pub(crate) fn picked_up(slot: Slot, found: &Item) -> PickItemOk {
    PickItemOk { container: slot.container as u8, slot: slot.index, item: item(Some(found)) }
}

/// An item that the player laid down.
pub(crate) fn dropped(from: Slot, tile: Tile, rotate: u8) -> DropItemOk {
    DropItemOk { container: from.container as u8, slot: from.index, rotate, x: tile.x, y: tile.y }
}

/// What a merchant sells.
pub(crate) fn shop(skills: bool, shelf: &[Option<ItemSpec>], tax: u8) -> ShopList {
    ShopList {
        kind: if skills { SHOP_SKILLS } else { SHOP_GOODS },
        items: Box::new(std::array::from_fn(|i| row(shelf.get(i).and_then(Option::as_ref)))),
        tax: i32::from(tax),
    }
}

/// A purchase that was done.
pub(crate) fn bought(merchant: u16, shelf: u8, to: u8, gold: i64) -> ShopBuy {
    ShopBuy { target: merchant, shelf, slot: to, gold }
}

/// A sale that was done.
pub(crate) fn sold(merchant: u16, from: Slot) -> ShopSell {
    ShopSell { target: merchant, container: from.container as u8, slot: from.index }
}

/// What can be bought back of a merchant, newest first.
pub(crate) fn sold_lately(merchant: u16, list: &[(ItemSpec, i64)]) -> Repurchase {
    let entry = |i: usize| match list.get(i) {
        Some((shown, price)) => SoldItem { order: i as i32, item: spec(shown), price: *price },
        None => SoldItem::default(),
    };
    Repurchase { target: i32::from(merchant), items: Box::new(std::array::from_fn(entry)) }
}

/// The other side's half of a trade.
pub(crate) fn trade(partner: u16, offer: &Offer, checked: bool) -> Trade {
    let mut packet = Trade { gold: offer.gold, checked, opponent: partner, ..Trade::default() };
    packet.slots = [NO_SLOT; wire::packet::TRADE_ITEMS];
    for offered in &offer.items {
        let position = usize::from(offered.position);
        if let (Some(place), Some(slot)) = (packet.items.get_mut(position), packet.slots.get_mut(position)) {
            *place = spec(&offered.shown);
            *slot = offered.slot;
        }
    }
    packet
}

/// A personal shop, for a visitor.
pub(crate) fn stall(owner: u16, title: &str, wares: &[Ware], tax: u8) -> Autotrade {
    let mut packet =
        Autotrade { title: title.to_owned(), tax: u16::from(tax), owner, ..Autotrade::default() };
    packet.slots = [NO_SLOT; wire::packet::STALL_ITEMS];
    for ware in wares {
        let position = usize::from(ware.position);
        if position < wire::packet::STALL_ITEMS {
            packet.items[position] = spec(&ware.shown);
            packet.slots[position] = ware.cargo_slot;
            packet.prices[position] = ware.price;
        }
    }
    packet
}

/// Somebody as others see it: standing, or sitting in a personal shop.
pub(crate) fn standing_or_stalled(mob: CreateMob, look: &Appearance) -> ServerPacket {
    let Some(title) = &look.stall else { return mob.into() };
    CreateMobTrade {
        x: mob.x,
        y: mob.y,
        plate: mob.plate,
        equip: mob.equip,
        affects: mob.affects,
        guild: mob.guild,
        guild_level: mob.guild_level,
        score: mob.score,
        create_type: mob.create_type,
        colors: mob.colors,
        title: mob.title,
        stall: title.clone(),
        citizenship: mob.citizenship,
    }
    .into()
}

/// True for the slots whose change concerns the bank.
pub(crate) fn is_in_bank(slot: Slot) -> bool {
    slot.container == Container::Cargo
}

fn row(found: Option<&ItemSpec>) -> record::Item {
    found.map_or_else(record::Item::default, spec)
}

fn spec(shown: &ItemSpec) -> record::Item {
    let effects = shown.effects.map(|effect| record::ItemEffect { kind: effect.code, value: effect.value });
    record::Item { kind: shown.kind.0, effects }
}

#[cfg(test)]
mod tests;
