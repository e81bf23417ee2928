//! Parcels: gold and items to players seen before, who may be anywhere by now, or away.

use super::{BANK, BANK_CROWDED, Deed, Idea, KEEPS, Scene, filled, pick};
use crate::client::{Event, World};
use crate::protocol::outgoing;
use crate::protocol::slot::Container;
use rand::Rng;
use rand::rngs::StdRng;

/// A bot with less gold sends none.
const POOR: i32 = 1_000;

impl Scene<'_> {
    /// Some gold, and often an item, to somebody.
    pub(super) fn mail(&self, rng: &mut StdRng) -> Option<Idea> {
        let gold = self.world.own().gold;
        (gold > POOR && !self.friends.is_empty()).then_some(())?;
        let to = &self.friends[rng.random_range(0..self.friends.len())];
        let sent = rng.random_range(1..=gold / 50);
        let slot = pick(rng, &self.bag()).filter(|_| self.bag().len() > KEEPS && rng.random_bool(0.6));
        let item = slot.map_or_else(String::new, |slot| format!(" {}", slot.index));
        let (word, verb) = if rng.random_bool(0.5) { ("parcel", "send") } else { ("encomenda", "enviar") };
        let text = format!("{verb} {to} {sent}{item}");
        let packet = outgoing::whisper(self.profile, self.own_id(), word, &text);
        // a postage may come on top
        let done = move |world: &World, _: &Event| {
            world.own().gold <= gold - sent && slot.is_none_or(|slot| world.slot(slot).is_none())
        };
        self.request(Deed::Mail, packet, slot.as_slice(), Box::new(done))
    }

    /// All that waits, into the bank.
    pub(super) fn fetch(&self, rng: &mut StdRng) -> Option<Idea> {
        (filled(self.world, Container::Cargo, BANK).len() < BANK_CROWDED).then_some(())?;
        let (word, text) = if rng.random_bool(0.5) { ("parcel", "take") } else { ("encomenda", "pegar") };
        let packet = outgoing::whisper(self.profile, self.own_id(), word, text);
        let (gold, cargo) = (self.world.cargo_gold(), self.world.container(Container::Cargo).to_vec());
        let done = move |world: &World, _: &Event| {
            world.cargo_gold() != gold || world.container(Container::Cargo) != cargo
        };
        self.request(Deed::Fetch, packet, &[], Box::new(done))
    }
}
