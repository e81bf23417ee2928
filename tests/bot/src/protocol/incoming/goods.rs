//! Packets about items and gold, read by their offsets; all client versions agree about them.

use super::{ItemSeen, item, items, tile};
use crate::protocol::bytes::{i32_at, text_at, u8_at, u16_at};
use crate::protocol::place::Tile;
use crate::protocol::slot::Slot;

/// Entries of a merchant's shelf.
pub const SHELF: usize = 27;
/// Items of one side of a trade.
pub const OFFER_ITEMS: usize = 15;
/// Wares of a personal shop.
pub const STALL_WARES: usize = 12;
/// Entries of the list of what was sold lately.
pub const SOLD_LATELY: usize = 10;

/// One side of a trade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferSeen {
    /// Position in the window, inventory slot, item.
    pub items: Vec<(u8, u8, ItemSeen)>,
    /// Gold.
    pub gold: i32,
    /// True when that side agreed.
    pub checked: bool,
    /// The other player.
    pub partner: u16,
}

/// One ware of a personal shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WareSeen {
    /// Position in the shop.
    pub position: u8,
    /// Bank slot of the owner.
    pub cargo_slot: u8,
    /// What it is.
    pub item: ItemSeen,
    /// What it costs.
    pub price: i32,
}

/// A personal shop as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StallSeen {
    /// Whose.
    pub owner: u16,
    /// Its title.
    pub title: String,
    /// What it sells.
    pub wares: Vec<WareSeen>,
    /// Tax in percent.
    pub tax: u16,
}

/// A merchant's shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShelfSeen {
    /// 1 goods, 3 skills, 4 donation.
    pub kind: i32,
    /// By entry.
    pub goods: Vec<Option<ItemSeen>>,
    /// Tax in percent.
    pub tax: i32,
}

impl ShelfSeen {
    /// The merchant's own slot of an entry, which is what a client names when it buys.
    pub fn slot(entry: usize) -> usize {
        entry % 9 + 27 * (entry / 9)
    }
}

/// An item on the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroundSeen {
    /// Short id, from 10000.
    pub id: u16,
    /// Where.
    pub tile: Tile,
    /// What.
    pub item: ItemSeen,
}

/// What a server says about items and gold.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// One slot holds this now.
    Slot(Slot, Option<ItemSeen>),
    /// Two slots were swapped, as asked.
    Moved(Slot, Slot),
    /// Gold carried.
    Gold(i32),
    /// Gold in the bank.
    CargoGold(i32),
    /// So much gold went from the inventory to the bank.
    Deposited(i32),
    /// So much gold went from the bank to the inventory.
    Withdrew(i32),
    /// What a merchant sells.
    Shelf(ShelfSeen),
    /// A purchase: the merchant's slot, the own inventory slot, the gold after it.
    Bought(u16, u8, i32),
    /// A sale of what lay there.
    Sold(Slot),
    /// What was sold lately: order, item, price.
    SoldLately(Vec<(i32, ItemSeen, i32)>),
    /// An item lies on the ground.
    GroundShown(GroundSeen),
    /// An item on the ground is gone.
    GroundGone(u16),
    /// An item was picked up; some servers send an empty one and the slot after it.
    PickedUp(Slot, Option<ItemSeen>),
    /// What lay there is on the ground now.
    Dropped(Slot, Tile),
    /// The other side of a trade.
    Offer(OfferSeen),
    /// The own check counts.
    TradeChecked,
    /// The trade is over.
    TradeClosed,
    /// A personal shop.
    Stall(StallSeen),
    /// A ware of a personal shop was sold: owner, position.
    StallSold(u16, u8),
    /// About a container or slot that no client has.
    Nonsense(u16),
}

fn offer(packet: &[u8]) -> OfferSeen {
    let at = |position: usize| {
        Some((position as u8, u8_at(packet, 132 + position), item(packet, 12 + 8 * position)?))
    };
    OfferSeen {
        items: (0..OFFER_ITEMS).filter_map(at).collect(),
        gold: i32_at(packet, 148),
        checked: u8_at(packet, 152) != 0,
        partner: u16_at(packet, 154),
    }
}

fn stall(packet: &[u8]) -> StallSeen {
    let ware = |position: usize| {
        Some(WareSeen {
            position: position as u8,
            cargo_slot: u8_at(packet, 132 + position),
            item: item(packet, 36 + 8 * position)?,
            price: i32_at(packet, 144 + 4 * position),
        })
    };
    StallSeen {
        owner: u16_at(packet, 194),
        title: text_at(packet, 12, 24),
        wares: (0..STALL_WARES).filter_map(ware).collect(),
        tax: u16_at(packet, 192),
    }
}

fn sold_lately(packet: &[u8]) -> Vec<(i32, ItemSeen, i32)> {
    (0..SOLD_LATELY)
        .map(|entry| 16 + 16 * entry)
        .filter_map(|at| Some((i32_at(packet, at), item(packet, at + 4)?, i32_at(packet, at + 12))))
        .collect()
}

/// Reads a packet about items or gold; `None` for any other.
pub fn read(packet: &[u8]) -> Option<Told> {
    let opcode = u16_at(packet, 4);
    let wide = |at| i64::from(i32_at(packet, at));
    let short = |at| i64::from(u16_at(packet, at) as i16);
    let byte = |at| i64::from(u8_at(packet, at));
    let in_slot = |slot: Option<Slot>, told: &dyn Fn(Slot) -> Told| slot.map_or(Told::Nonsense(opcode), told);
    let told = match opcode {
        0x182 => in_slot(Slot::of(short(12), short(14)), &|slot| Told::Slot(slot, item(packet, 16))),
        0x376 => match (Slot::of(byte(12), byte(13)), Slot::of(byte(14), byte(15))) {
            (Some(one), Some(other)) => Told::Moved(one, other),
            _ => Told::Nonsense(opcode),
        },
        0x3AF => Told::Gold(i32_at(packet, 12)),
        0x339 => Told::CargoGold(i32_at(packet, 12)),
        0x388 => Told::Deposited(i32_at(packet, 12)),
        0x387 => Told::Withdrew(i32_at(packet, 12)),
        0x17C => {
            let goods = items(packet, 16, SHELF);
            Told::Shelf(ShelfSeen { kind: i32_at(packet, 12), goods, tax: i32_at(packet, 232) })
        }
        0x379 => in_slot(Slot::of(1, short(16)), &|to| {
            Told::Bought(u16_at(packet, 14), to.index, i32_at(packet, 20))
        }),
        0x37A => in_slot(Slot::of(short(14), short(16)), &Told::Sold),
        0x3E8 => Told::SoldLately(sold_lately(packet)),
        0x26E => match item(packet, 18) {
            Some(item) => {
                Told::GroundShown(GroundSeen { id: u16_at(packet, 16), tile: tile(packet, 12), item })
            }
            None => Told::Nonsense(opcode),
        },
        0x16F => Told::GroundGone(u16_at(packet, 12)),
        0x171 => in_slot(Slot::of(wide(12), wide(16)), &|slot| Told::PickedUp(slot, item(packet, 20))),
        0x175 => in_slot(Slot::of(wide(12), wide(16)), &|slot| Told::Dropped(slot, tile(packet, 24))),
        0x383 => Told::Offer(offer(packet)),
        0x386 => Told::TradeChecked,
        0x384 => Told::TradeClosed,
        0x397 => Told::Stall(stall(packet)),
        0x39B => Told::StallSold(i32_at(packet, 12) as u16, i32_at(packet, 16) as u8),
        _ => return None,
    };
    Some(told)
}
