//! The economy of the fake server: inventories, a bank, the ground, trades.

use super::{Flaw, Session, State, create, put_score, send};
use bot::protocol::bytes::{i32_at, put_i32, put_u16, u8_at, u16_at};
use bot::protocol::outgoing::packet;
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Where the keeper of the bank stands.
pub const KEEPER: Tile = Tile::new(2100, 2098);
const KEEPER_ID: u16 = 1000;
const BAG: usize = 64;
const CARGO: usize = 120;

type Item = [u8; 8];
type Frame = [u8];

#[derive(Clone)]
struct Purse {
    slots: [Vec<Item>; 3],
    gold: i32,
    banked: i32,
}

impl Purse {
    fn new(gold: i32) -> Purse {
        let mut carry = vec![[0; 8]; BAG];
        for (slot, item) in carry.iter_mut().take(12).enumerate() {
            *item = [0x90, 1, 59, slot as u8, 0, 0, 0, 0];
        }
        Purse { slots: [vec![[0; 8]; 18], carry, vec![[0; 8]; CARGO]], gold, banked: 0 }
    }

    fn slot(&mut self, container: i32, index: i32) -> Option<&mut Item> {
        self.slots.get_mut(usize::try_from(container).ok()?)?.get_mut(usize::try_from(index).ok()?)
    }
}

#[derive(Clone)]
struct Side {
    offer: Vec<u8>,
    checked: bool,
}

/// What everybody has.
#[derive(Default)]
pub struct Market {
    purses: HashMap<String, Purse>,
    ground: HashMap<u16, (Item, Tile)>,
    next: u16,
    trades: HashMap<(u16, u16), Side>,
}

impl Market {
    fn purse(&mut self, account: &str) -> &mut Purse {
        self.purses.entry(account.to_owned()).or_insert_with(|| Purse::new(1000))
    }

    pub fn gold(&mut self, account: &str, at_first: i32) -> i32 {
        self.purses.entry(account.to_owned()).or_insert_with(|| Purse::new(at_first)).gold
    }

    pub fn put_carry(&mut self, account: &str, packet: &mut [u8], at: usize) {
        let carry = self.purses.get(account).map(|purse| purse.slots[1].concat());
        packet[at..at + 8 * BAG].copy_from_slice(&carry.unwrap_or_else(|| Purse::new(0).slots[1].concat()));
    }

    pub fn put_cargo(&mut self, account: &str, profile: Profile, packet: &mut [u8]) {
        let Some(purse) = self.purses.get(account) else { return };
        let layout = profile.layout();
        packet[layout.cargo..layout.cargo + 8 * CARGO].copy_from_slice(&purse.slots[2].concat());
        put_i32(packet, layout.cargo_gold, purse.banked);
    }

    pub fn leaves(&mut self, id: u16) {
        self.trades.retain(|(one, other), _| *one != id && *other != id);
    }
}

/// The keeper as it is shown.
pub fn keeper(profile: Profile) -> Vec<u8> {
    let mut keeper = create(profile, KEEPER_ID, "Keeper", KEEPER, Flaw::None);
    let at = profile.layout().create_score;
    put_score(profile, &mut keeper, at);
    keeper[at + if profile == Profile::V748 { 6 } else { 12 }] = 2;
    keeper
}

fn send_slot(session: &Session, container: i32, index: i32, item: &Item) {
    let mut sent = packet(0x182, 24, 0);
    put_u16(&mut sent, 12, container as u16);
    put_u16(&mut sent, 14, index as u16);
    sent[16..].copy_from_slice(item);
    send(&session.out, sent);
}

/// Handles one packet about goods.
pub(super) fn handle(session: &mut Session, state: &Arc<Mutex<State>>, flaw: Flaw, frame: &Frame) {
    let Some(own) = session.own else { return };
    let mut state = state.lock().unwrap();
    let state = &mut *state;
    let purse = state.goods.purse(&session.account);
    match u16_at(frame, 4) {
        0x376 => {
            let places = [12, 14].map(|at| (i32::from(u8_at(frame, at)), i32::from(u8_at(frame, at + 1))));
            let [one, other] =
                places.map(|(container, index)| purse.slot(container, index).map(|slot| *slot));
            if let (Some(one), Some(other)) = (one, other) {
                *purse.slot(places[0].0, places[0].1).unwrap() = other;
                *purse.slot(places[1].0, places[1].1).unwrap() = one;
                send(&session.out, frame.to_vec());
            }
        }
        opcode @ (0x387 | 0x388) => {
            let amount = i32_at(frame, 12) * if opcode == 0x388 { 1 } else { -1 };
            if purse.gold >= amount && purse.banked >= -amount {
                purse.gold -= amount;
                purse.banked += if flaw == Flaw::LosesDeposits && amount > 0 { 0 } else { amount };
                send(&session.out, frame.to_vec());
            } else {
                send(&session.out, packet(0x101, session.profile.layout().chat_size, 0));
            }
        }
        0x272 => drop_item(session, state, flaw, frame),
        0x270 => pick_up(session, state, frame),
        0x383 => offer(session, state, flaw, own, frame),
        0x384 => {
            let partners: Vec<u16> =
                state.goods.trades.keys().filter(|(one, _)| *one == own).map(|(_, other)| *other).collect();
            state.goods.leaves(own);
            for id in partners.into_iter().chain([own]) {
                if let Some(player) = state.players.get(&id) {
                    send(&player.out, packet(0x384, 12, id));
                }
            }
        }
        _ => {}
    }
}

fn drop_item(session: &Session, state: &mut State, flaw: Flaw, frame: &Frame) {
    let (container, index) = (i32_at(frame, 12), i32_at(frame, 16));
    let Some(slot) = state.goods.purse(&session.account).slot(container, index) else { return };
    let item = *slot;
    if item == [0; 8] {
        return send_slot(session, container, index, &item);
    }
    if flaw != Flaw::KeepsWhatWasDropped {
        *slot = [0; 8];
    }
    let tile = Tile::new(u16_at(frame, 24), u16_at(frame, 26));
    state.goods.next += 1;
    let id = 10_000 + state.goods.next;
    state.goods.ground.insert(id, (item, tile));
    let mut done = packet(0x175, 28, 0);
    done[12..20].copy_from_slice(&frame[12..20]);
    send(&session.out, done);
    let mut shown = packet(0x26E, 32, 30_000);
    shown[12..16].copy_from_slice(&frame[24..28]);
    put_u16(&mut shown, 16, id);
    shown[18..26].copy_from_slice(&item);
    for player in state.players.values() {
        send(&player.out, shown.clone());
    }
}

fn pick_up(session: &Session, state: &mut State, frame: &Frame) {
    let (id, index) = (u16_at(frame, 20), i32_at(frame, 16));
    let Some(&(item, _)) = state.goods.ground.get(&id) else { return };
    let Some(slot) = state.goods.purse(&session.account).slot(1, index).filter(|slot| **slot == [0; 8])
    else {
        return;
    };
    *slot = item;
    state.goods.ground.remove(&id);
    let mut done = packet(0x171, 28, 0);
    done[12..20].copy_from_slice(&frame[12..20]);
    done[20..].copy_from_slice(&item);
    send(&session.out, done);
    let mut gone = packet(0x16F, 16, 0);
    put_u16(&mut gone, 12, id);
    for player in state.players.values() {
        send(&player.out, gone.clone());
    }
}

fn offer(session: &Session, state: &mut State, flaw: Flaw, own: u16, frame: &Frame) {
    let partner = u16_at(frame, 154);
    let checked = frame[152] != 0;
    let before = state.goods.trades.insert((own, partner), Side { offer: frame.to_vec(), checked });
    let changed = before.is_none_or(|before| before.offer[12..152] != frame[12..152]);
    let theirs = state.goods.trades.get_mut(&(partner, own)).map(|side| {
        side.checked &= !changed;
        side.clone()
    });
    let Some(other) = state.players.get(&partner) else { return };
    let mut shown = frame.to_vec();
    put_u16(&mut shown, 154, own);
    send(&other.out, shown);
    let Some(theirs) = theirs.filter(|theirs| theirs.checked && checked) else { return };
    let account = other.account.clone();
    for (from, to, offer) in
        [(&session.account, &account, frame), (&account, &session.account, &theirs.offer[..])]
    {
        give(&mut state.goods, flaw, from, to, offer);
    }
    state.goods.leaves(own);
    for (id, account) in [(own, &session.account), (partner, &account)] {
        let mut carry = packet(0x185, 528, id);
        state.goods.put_carry(account, &mut carry, 12);
        put_i32(&mut carry, 524, state.goods.purse(account).gold);
        send(&state.players[&id].out, carry);
        send(&state.players[&id].out, packet(0x384, 12, id));
    }
}

fn give(goods: &mut Market, flaw: Flaw, from: &str, to: &str, offer: &[u8]) {
    for position in 0..15 {
        let item: Item = offer[12 + 8 * position..20 + 8 * position].try_into().unwrap();
        if item == [0; 8] {
            continue;
        }
        if flaw != Flaw::TradesHalf {
            *goods.purse(from).slot(1, i32::from(offer[132 + position])).unwrap() = [0; 8];
        }
        let purse = goods.purse(to);
        let free = purse.slots[1].iter_mut().find(|slot| **slot == [0; 8]).unwrap();
        *free = item;
    }
    let gold = i32_at(offer, 148);
    goods.purse(from).gold -= gold;
    goods.purse(to).gold += gold;
}
