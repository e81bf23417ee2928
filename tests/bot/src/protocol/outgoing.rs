//! Packets that a client sends, plain (not yet obfuscated), in the layout of its version.

mod goods;

pub use goods::{
    buy, buy_from_stall, deposit, destroy, drop_item, list_sold, move_item, offer, open_shop, open_stall,
    pick_up, quit_trade, sell, split, visit_stall, withdraw,
};

use super::bytes::{put_i32, put_text, put_u16, put_u32};
use super::place::{ROUTE_FIELD, Steps, Tile};
use super::profile::Profile;

/// Size of the header of every packet.
pub const HEADER: usize = 12;

/// An empty packet of a size with its header; size, opcode and id are set, key and checksum belong to the codec.
pub fn packet(opcode: u16, size: usize, id: u16) -> Vec<u8> {
    let mut packet = vec![0; size];
    put_u16(&mut packet, 0, u16::try_from(size).unwrap_or(u16::MAX));
    put_u16(&mut packet, 4, opcode);
    put_u16(&mut packet, 6, id);
    packet
}

/// Sets the clock field.
pub fn stamp(packet: &mut [u8], tick: u32) {
    put_u32(packet, 8, tick);
}

/// First packet of a connection.
pub fn login(profile: Profile, account: &str, password: &str, force: bool) -> Vec<u8> {
    let layout = &profile.layout().login;
    let mut packet = packet(0x20D, 116, 0);
    put_text(&mut packet, layout.name, 16, account);
    put_text(&mut packet, layout.password, 12, password);
    put_i32(&mut packet, layout.version, layout.number);
    put_i32(&mut packet, layout.force, i32::from(force));
    for word in 0..4u32 {
        put_u32(&mut packet, layout.adapter + 4 * word as usize, 0x0A0B_0C00 + word);
    }
    packet
}

/// The PIN, to check it or (`change`) to set another.
pub fn pin(pin: &str, change: bool) -> Vec<u8> {
    let mut packet = packet(0xFDE, 32, 0);
    put_text(&mut packet, 12, 16, pin);
    packet[28] = u8::from(change);
    packet
}

/// A new character.
pub fn create_character(slot: u8, name: &str, class: u8) -> Vec<u8> {
    let mut packet = packet(0x20F, 36, 0);
    put_i32(&mut packet, 12, i32::from(slot));
    put_text(&mut packet, 16, 16, name);
    put_i32(&mut packet, 32, i32::from(class));
    packet
}

/// Deletes a character; the account's password confirms it.
pub fn delete_character(profile: Profile, slot: u8, name: &str, password: &str) -> Vec<u8> {
    let size = profile.layout().delete_size;
    let mut packet = packet(0x211, size, 0);
    put_i32(&mut packet, 12, i32::from(slot));
    put_text(&mut packet, 16, 16, name);
    put_text(&mut packet, 32, size - 32, password);
    packet
}

/// Enters the world with a character.
pub fn character_login(slot: u8) -> Vec<u8> {
    let mut packet = packet(0x213, 36, 0);
    put_i32(&mut packet, 12, i32::from(slot));
    packet
}

fn action(profile: Profile, opcode: u16, id: u16, from: Tile, to: Tile) -> Vec<u8> {
    let mut packet = packet(opcode, 52, id);
    put_u16(&mut packet, 12, from.x);
    put_u16(&mut packet, 14, from.y);
    let target = profile.layout().action.target;
    put_u16(&mut packet, target, to.x);
    put_u16(&mut packet, target + 2, to.y);
    packet
}

/// A walk.
pub fn walk(profile: Profile, id: u16, from: Tile, steps: &Steps, speed: u8) -> Vec<u8> {
    let layout = &profile.layout().action;
    let mut packet = action(profile, layout.walk, id, from, steps.end(from));
    put_i32(&mut packet, layout.speed, i32::from(speed));
    let digits = steps.digits();
    let count = digits.len().min(ROUTE_FIELD - 1);
    packet[layout.route..layout.route + count].copy_from_slice(&digits[..count]);
    packet
}

/// A stop on a tile; the source field repeats the destination that is given up.
pub fn stop(profile: Profile, id: u16, at: Tile, given_up: Tile, speed: u8) -> Vec<u8> {
    let layout = &profile.layout().action;
    let mut packet = action(profile, layout.stop, id, given_up, at);
    put_i32(&mut packet, layout.speed, i32::from(speed));
    packet
}

/// Near chat.
pub fn say(profile: Profile, id: u16, text: &str) -> Vec<u8> {
    let size = profile.layout().chat_size;
    let mut packet = packet(0x333, size, id);
    put_text(&mut packet, 12, size - 12, text);
    packet
}

/// A whisper to a player, or a command word with its text.
pub fn whisper(profile: Profile, id: u16, to: &str, text: &str) -> Vec<u8> {
    let layout = profile.layout();
    let mut packet = packet(0x334, layout.whisper_size, id);
    put_text(&mut packet, 12, 16, to);
    put_text(&mut packet, 28, layout.whisper_text, text);
    packet
}

/// An emote.
pub fn motion(id: u16, motion: i16, parameter: i16) -> Vec<u8> {
    let mut packet = packet(0x36A, 20, id);
    put_u16(&mut packet, 12, motion as u16);
    put_u16(&mut packet, 14, parameter as u16);
    packet
}

/// Packets of a header and one number: portal 0x290, city 0x291, unknown entity 0x369, countdown 0x3AE.
pub fn with_number(opcode: u16, id: u16, number: i32) -> Vec<u8> {
    let mut packet = packet(opcode, 16, id);
    put_i32(&mut packet, 12, number);
    packet
}

/// Packets that are only a header: recall 0x289, back to the selection 0x215, ping 0x3A0.
pub fn bare(opcode: u16, id: u16) -> Vec<u8> {
    packet(opcode, HEADER, id)
}

/// The whole skill bar.
pub fn skill_bar(id: u16, bar: [u8; 20]) -> Vec<u8> {
    let mut packet = packet(0x378, 32, id);
    packet[HEADER..].copy_from_slice(&bar);
    packet
}

/// A weapon blow on somebody.
pub fn attack(profile: Profile, id: u16, from: Tile, target_id: u16, target: Tile) -> Vec<u8> {
    let mut packet = packet(0x39D, profile.layout().attack_one_size, id);
    let (attacker, position, skill, hit, damage) =
        if profile == Profile::V748 { (12, 16, 24, 44, 46) } else { (42, 34, 56, 60, 64) };
    put_u16(&mut packet, attacker, id);
    put_u16(&mut packet, position, from.x);
    put_u16(&mut packet, position + 2, from.y);
    put_u16(&mut packet, position + 4, target.x);
    put_u16(&mut packet, position + 6, target.y);
    put_u16(&mut packet, skill, u16::MAX);
    put_u16(&mut packet, hit, target_id);
    put_u16(&mut packet, damage, -2i16 as u16);
    if profile != Profile::V748 {
        put_i32(&mut packet, damage, -2);
    }
    packet
}

/// Asks somebody to join; only the ids count for the server.
pub fn ask_to_join(id: u16, class: u8, name: &str, target: u16) -> Vec<u8> {
    let mut packet = packet(0x37F, 44, id);
    packet[12] = class;
    put_u16(&mut packet, 20, id);
    put_text(&mut packet, 22, 16, name);
    put_i32(&mut packet, 40, i32::from(target));
    packet
}

/// Joins who asked.
pub fn join(id: u16, leader: u16, name: &str) -> Vec<u8> {
    let mut packet = packet(0x3AB, 32, id);
    put_u16(&mut packet, 12, leader);
    put_text(&mut packet, 14, 16, name);
    packet
}
