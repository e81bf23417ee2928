//! Requests about items and gold; all client versions agree about them.

use super::packet;
use crate::protocol::bytes::{put_i32, put_text, put_u16};
use crate::protocol::incoming::{ItemSeen, OfferSeen, StallSeen, WareSeen};
use crate::protocol::place::Tile;
use crate::protocol::slot::Slot;

fn put_item(packet: &mut [u8], at: usize, item: &ItemSeen) {
    put_u16(packet, at, item.kind);
    packet[at + 2..at + 8].copy_from_slice(&item.effects);
}

/// Moves an item; `keeper` is the id of the bank's keeper, or 0. The slot that it is dropped on comes first: the
/// servers that clients of all versions were used with read it so.
pub fn move_item(id: u16, from: Slot, to: Slot, keeper: u16) -> Vec<u8> {
    let mut packet = packet(0x376, 20, id);
    packet[12..16].copy_from_slice(&[to.container.number(), to.index, from.container.number(), from.index]);
    put_u16(&mut packet, 16, keeper);
    packet
}

/// Splits pieces off a stack of the inventory.
pub fn split(id: u16, slot: u8, kind: u16, pieces: u16) -> Vec<u8> {
    let mut packet = packet(0x2E5, 24, id);
    put_i32(&mut packet, 12, i32::from(slot));
    put_i32(&mut packet, 16, i32::from(kind));
    put_i32(&mut packet, 20, i32::from(pieces));
    packet
}

/// Throws an item of the inventory away for ever.
pub fn destroy(id: u16, slot: u8, kind: u16) -> Vec<u8> {
    let mut packet = packet(0x2E4, 20, id);
    put_i32(&mut packet, 12, i32::from(slot));
    put_i32(&mut packet, 16, i32::from(kind));
    packet
}

/// Lays an item on the ground.
pub fn drop_item(id: u16, from: Slot, kind: u16, tile: Tile) -> Vec<u8> {
    let mut packet = packet(0x272, 32, id);
    put_i32(&mut packet, 12, i32::from(from.container.number()));
    put_i32(&mut packet, 16, i32::from(from.index));
    put_u16(&mut packet, 24, tile.x);
    put_u16(&mut packet, 26, tile.y);
    put_u16(&mut packet, 28, kind);
    packet
}

/// Picks an item up from the ground into an inventory slot.
pub fn pick_up(id: u16, ground: u16, tile: Tile, to: u8) -> Vec<u8> {
    let mut packet = packet(0x270, 28, id);
    put_i32(&mut packet, 12, 1);
    put_i32(&mut packet, 16, i32::from(to));
    put_u16(&mut packet, 20, ground);
    put_u16(&mut packet, 22, tile.x);
    put_u16(&mut packet, 24, tile.y);
    packet
}

/// Looks at what a merchant sells.
pub fn open_shop(id: u16, merchant: u16) -> Vec<u8> {
    let mut packet = packet(0x27B, 16, id);
    put_u16(&mut packet, 12, merchant);
    packet
}

/// Buys what lies in a merchant's slot.
pub fn buy(id: u16, merchant: u16, shelf: u16, to: u8) -> Vec<u8> {
    let mut packet = packet(0x379, 24, id);
    put_u16(&mut packet, 12, merchant);
    put_u16(&mut packet, 14, shelf);
    put_u16(&mut packet, 16, u16::from(to));
    packet
}

/// Sells what lies in a slot.
pub fn sell(id: u16, merchant: u16, from: Slot) -> Vec<u8> {
    let mut packet = packet(0x37A, 20, id);
    put_u16(&mut packet, 12, merchant);
    put_u16(&mut packet, 14, u16::from(from.container.number()));
    put_u16(&mut packet, 16, u16::from(from.index));
    packet
}

/// Asks what was sold lately: the header alone.
pub fn list_sold(id: u16) -> Vec<u8> {
    packet(0x3E8, 12, id)
}

/// Gold into the bank.
pub fn deposit(id: u16, amount: i32) -> Vec<u8> {
    super::with_number(0x388, id, amount)
}

/// Gold out of the bank.
pub fn withdraw(id: u16, amount: i32) -> Vec<u8> {
    super::with_number(0x387, id, amount)
}

/// The own side of a trade; the first one asks for the trade.
pub fn offer(id: u16, offer: &OfferSeen) -> Vec<u8> {
    let mut packet = packet(0x383, 156, id);
    packet[132..147].fill(0xFF);
    for (position, slot, item) in &offer.items {
        put_item(&mut packet, 12 + 8 * usize::from(*position), item);
        packet[132 + usize::from(*position)] = *slot;
    }
    put_i32(&mut packet, 148, offer.gold);
    packet[152] = u8::from(offer.checked);
    put_u16(&mut packet, 154, offer.partner);
    packet
}

/// Ends a trade, or closes the own personal shop.
pub fn quit_trade(id: u16) -> Vec<u8> {
    super::bare(0x384, id)
}

/// Opens a personal shop; its wares stay in the bank.
pub fn open_stall(id: u16, stall: &StallSeen) -> Vec<u8> {
    let mut packet = packet(0x397, 196, id);
    put_text(&mut packet, 12, 24, &stall.title);
    packet[132..144].fill(0xFF);
    for ware in &stall.wares {
        let position = usize::from(ware.position);
        put_item(&mut packet, 36 + 8 * position, &ware.item);
        packet[132 + position] = ware.cargo_slot;
        put_i32(&mut packet, 144 + 4 * position, ware.price);
    }
    put_u16(&mut packet, 192, stall.tax);
    put_u16(&mut packet, 194, id);
    packet
}

/// Looks at somebody's personal shop.
pub fn visit_stall(id: u16, owner: u16) -> Vec<u8> {
    super::with_number(0x39A, id, i32::from(owner))
}

/// Buys a ware of a personal shop, as it was shown.
pub fn buy_from_stall(id: u16, owner: u16, ware: &WareSeen, tax: u16) -> Vec<u8> {
    let mut packet = packet(0x398, 36, id);
    put_i32(&mut packet, 12, i32::from(ware.position));
    put_u16(&mut packet, 16, owner);
    put_i32(&mut packet, 20, ware.price);
    put_i32(&mut packet, 24, i32::from(tax));
    put_item(&mut packet, 28, &ware.item);
    packet
}
