//! What packets about items and gold ask for, or `None` when no honest client asks it. Pure.

use model::item::{CARGO_SLOTS, Container, Effect, GOLD_MAX, ItemKind, ItemSpec, Slot};
use model::trade::{Offer, OfferItem, STALL_TITLE_MAX, Ware};
use std::collections::HashSet;
use wire::packet::{Autotrade, NO_SLOT, Trade};
use wire::{Profile, record};

/// Places of a page of a shop's window, and of a merchant's inventory from one page to the next.
const SHELF_PAGE: (u8, u8) = (9, 27);

/// A slot that clients of this version have.
pub(crate) fn slot(container: u8, index: u8, profile: Profile) -> Option<Slot> {
    let container = Container::from_number(i64::from(container))?;
    Slot::new(container, i64::from(index)).filter(|slot| exists(*slot, profile))
}

/// How many slots of the bank clients of this version have.
pub(crate) fn cargo_slots(profile: Profile) -> u8 {
    match profile {
        Profile::V769 => 120,
        Profile::V759 | Profile::V748 => CARGO_SLOTS as u8,
    }
}

/// Whether clients of this version have the slot.
pub(crate) fn exists(slot: Slot, profile: Profile) -> bool {
    let count = match (slot.container, profile) {
        (Container::Equip, Profile::V769) => 18,
        (Container::Equip, Profile::V759 | Profile::V748) => 16,
        (Container::Cargo, profile) => usize::from(cargo_slots(profile)),
        (Container::Carry, _) => slot.container.slots(),
    };
    usize::from(slot.index) < count
}

/// An amount of gold to be moved; 0 is one.
pub(crate) fn amount(amount: i64) -> Option<i64> {
    (0..=GOLD_MAX).contains(&amount).then_some(amount)
}

/// What the client shows; `None` for no item.
pub(crate) fn shown(item: &record::Item) -> Option<ItemSpec> {
    let effects = item.effects.clone().map(|effect| Effect { code: effect.kind, value: effect.value });
    (item.kind != 0).then_some(ItemSpec { kind: ItemKind(item.kind), effects })
}

/// One side of a trade.
pub(crate) fn offer(packet: &Trade) -> Option<Offer> {
    let mut taken = HashSet::new();
    let mut items = Vec::new();
    for (position, (item, slot)) in packet.items.iter().zip(packet.slots).enumerate() {
        let Some(shown) = shown(item) else { continue };
        let slot = Slot::new(Container::Carry, i64::from(slot))?.index;
        if !taken.insert(slot) {
            return None;
        }
        items.push(OfferItem { position: position as u8, slot, shown });
    }
    Some(Offer { items, gold: amount(packet.gold)? })
}

/// What a personal shop sells.
pub(crate) fn wares(packet: &Autotrade, profile: Profile) -> Option<Vec<Ware>> {
    let mut taken = HashSet::new();
    let mut wares = Vec::new();
    for (position, (item, cargo_slot)) in packet.items.iter().zip(packet.slots).enumerate() {
        let Some(shown) = shown(item).filter(|_| cargo_slot != NO_SLOT) else { continue };
        let cargo_slot = slot(Container::Cargo as u8, cargo_slot, profile)?.index;
        let price = price(packet.prices[position])?;
        if !taken.insert(cargo_slot) {
            return None;
        }
        wares.push(Ware { position: position as u8, cargo_slot, shown, price });
    }
    Some(wares)
}

/// The price of a ware.
pub(crate) fn price(price: i64) -> Option<i64> {
    amount(price).filter(|price| *price > 0)
}

/// The title of a personal shop: text that can be shown to others.
pub(crate) fn title(text: &str) -> Option<String> {
    let is_text = !text.chars().any(char::is_control);
    is_text.then(|| text.chars().take(STALL_TITLE_MAX).collect())
}

/// The entry of a list that clients show like a shop, by the inventory slot that it would have of a merchant.
pub(crate) fn entry(shelf: u8) -> Option<u8> {
    let (shown, apart) = SHELF_PAGE;
    (shelf % apart < shown).then(|| shelf % apart + shown * (shelf / apart))
}

#[cfg(test)]
mod tests;
