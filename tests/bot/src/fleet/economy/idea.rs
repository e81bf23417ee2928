//! What a bot could do next, from what it sees: one request, and how it shows that it was done.

mod mail;

use super::book::Deed;
use crate::client::{Event, World};
use crate::protocol::incoming::{ItemSeen, ShelfSeen, StallSeen, Told, WareSeen};
use crate::protocol::outgoing;
use crate::protocol::place::Tile;
use crate::protocol::profile::Profile;
use crate::protocol::slot::{Container, Slot};
use rand::Rng;
use rand::rngs::StdRng;
use std::collections::HashMap;

/// Inventory slots that everybody may use.
const BAG: u8 = 30;
/// The effect whose value is the number of pieces of a stack.
const PIECES: u8 = 61;
/// How near a bot goes to whom it deals with.
pub const REACH: u16 = 8;
/// How near an item on the ground must be.
const ARM: u16 = 3;
/// A bot with fewer items keeps what it has.
const KEEPS: usize = 6;
/// Slots of the bank.
const BANK: u8 = 120;
/// A bot with so many items in its inventory makes room.
const CROWDED: usize = 22;
/// A bot with so many items in its bank takes some out.
const BANK_CROWDED: usize = 80;
/// Wares of a bot's personal shop.
const WARES: usize = 4;

/// Tells when it was done.
pub type Done = Box<dyn Fn(&World, &Event) -> bool + Send>;

/// One request.
pub struct Idea {
    /// What it is; none for a look that changes nothing.
    pub deed: Option<Deed>,
    /// What is sent.
    pub packet: Vec<u8>,
    /// Slots whose repetition is a refusal.
    pub concerned: Vec<Slot>,
    /// Tells when it was done.
    pub done: Done,
}

/// What a bot knows when it thinks.
pub struct Scene<'a> {
    /// Its client version.
    pub profile: Profile,
    /// What it sees.
    pub world: &'a World,
    /// Where it stands.
    pub at: Tile,
    /// Equipment slots by the items that were worn there.
    pub wears: &'a HashMap<u16, u8>,
    /// Numbers of lots that the auction house named.
    pub lots: &'a [String],
    /// Names of players that were seen.
    pub friends: &'a [String],
}

/// Kinds of merchants, as the low half of a byte says.
const SHOP: u8 = 1;
const KEEPER: u8 = 2;

fn changed(slots: [Slot; 2], world: &World) -> Done {
    let before = slots.map(|slot| world.slot(slot));
    Box::new(move |world, _| slots.map(|slot| world.slot(slot)) != before)
}

/// For what is told slot by slot: done when the last of them is told.
fn both_changed(slots: [Slot; 2], world: &World) -> Done {
    let before = slots.map(|slot| (slot, world.slot(slot)));
    Box::new(move |world, _| before.iter().all(|(slot, item)| world.slot(*slot) != *item))
}

fn free(world: &World, container: Container, count: u8) -> Vec<Slot> {
    let slots = (0..count.min(world.container(container).len() as u8)).map(|index| Slot { container, index });
    slots.filter(|slot| world.slot(*slot).is_none()).collect()
}

fn filled(world: &World, container: Container, count: u8) -> Vec<Slot> {
    let slots = (0..count.min(world.container(container).len() as u8)).map(|index| Slot { container, index });
    slots.filter(|slot| world.slot(*slot).is_some()).collect()
}

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> Option<T> {
    (!from.is_empty()).then(|| from[rng.random_range(0..from.len())])
}

fn pieces(item: &ItemSeen) -> u8 {
    item.effects.chunks(2).find(|pair| pair[0] == PIECES).map_or(0, |pair| pair[1])
}

impl Scene<'_> {
    fn own_id(&self) -> u16 {
        self.world.own().own_id
    }

    /// Somebody of a kind within reach.
    pub fn merchant(&self, kind: u8) -> Option<u16> {
        self.world
            .entities()
            .filter(|entity| !entity.is_player() && entity.score.merchant == kind)
            .filter(|entity| entity.track.to.distance(self.at) <= REACH)
            .map(|entity| entity.id)
            .min()
    }

    fn bag(&self) -> Vec<Slot> {
        filled(self.world, Container::Carry, BAG)
    }

    /// A free slot of the inventory that everybody may use.
    pub fn free_carry(&self, rng: &mut StdRng) -> Option<Slot> {
        pick(rng, &free(self.world, Container::Carry, BAG))
    }

    /// Items that can be offered.
    pub fn tradable(&self) -> Vec<(u8, ItemSeen)> {
        self.bag().iter().filter_map(|slot| Some((slot.index, self.world.slot(*slot)?))).collect()
    }

    fn request(&self, deed: Deed, packet: Vec<u8>, concerned: &[Slot], done: Done) -> Option<Idea> {
        Some(Idea { deed: Some(deed), packet, concerned: concerned.to_vec(), done })
    }

    fn shift(&self, deed: Deed, from: Slot, to: Slot, keeper: u16) -> Option<Idea> {
        let packet = outgoing::move_item(self.own_id(), from, to, keeper);
        let changed = changed([from, to], self.world);
        // two that are alike change places unseen
        let both = [from, to];
        let moved = move |event: &Event| match event {
            Event::Goods(Told::Moved(one, other)) => both.contains(one) && both.contains(other),
            _ => false,
        };
        let done = move |world: &World, event: &Event| changed(world, event) || moved(event);
        self.request(deed, packet, &[from, to], Box::new(done))
    }

    fn bank(&self, deed: Deed, from: Slot, to: Slot, keeper: u16) -> Option<Idea> {
        let packet = outgoing::move_item(self.own_id(), from, to, keeper);
        self.request(deed, packet, &[from, to], both_changed([from, to], self.world))
    }

    /// Something that makes room, when there is little: full bags are only refused, and merchants make items for ever.
    pub fn room(&self, rng: &mut StdRng) -> Option<Deed> {
        if self.bag().len() >= CROWDED && rng.random_bool(0.6) {
            return pick(rng, &[Deed::Sell, Deed::Sell, Deed::Drop, Deed::Destroy]);
        }
        let banked = filled(self.world, Container::Cargo, BANK).len();
        (banked >= BANK_CROWDED && rng.random_bool(0.3)).then_some(Deed::UnbankItem)
    }

    /// An idea of a kind, when there is anything that it can be done with.
    pub fn idea(&self, deed: Deed, rng: &mut StdRng) -> Option<Idea> {
        match deed {
            Deed::Move => {
                let from = pick(rng, &self.bag())?;
                let to = Slot::carry(rng.random_range(0..BAG));
                (from != to).then(|| self.shift(deed, from, to, 0))?
            }
            Deed::Wear => self.wear(rng),
            Deed::Split => self.split(rng),
            Deed::Destroy => {
                let slot = pick(rng, &self.bag()).filter(|_| self.bag().len() > KEEPS)?;
                (self.profile != Profile::V748).then_some(())?;
                let packet = outgoing::destroy(self.own_id(), slot.index, self.world.slot(slot)?.kind);
                self.request(deed, packet, &[slot], Box::new(move |world, _| world.slot(slot).is_none()))
            }
            Deed::Drop => {
                let slot = pick(rng, &self.bag()).filter(|_| self.bag().len() > KEEPS)?;
                let packet = outgoing::drop_item(self.own_id(), slot, self.world.slot(slot)?.kind, self.at);
                self.request(deed, packet, &[slot], Box::new(move |world, _| world.slot(slot).is_none()))
            }
            Deed::Grab => self.grab(rng),
            Deed::Buy => self.buy(rng),
            Deed::Sell => self.sell(rng),
            Deed::BuyBack => self.buy_back(rng),
            Deed::BankItem => {
                let (keeper, from) = (self.merchant(KEEPER)?, pick(rng, &self.bag())?);
                let to = pick(rng, &free(self.world, Container::Cargo, BANK))?;
                (self.bag().len() > KEEPS).then(|| self.bank(deed, from, to, keeper))?
            }
            Deed::UnbankItem => {
                let keeper = self.merchant(KEEPER)?;
                let from = pick(rng, &filled(self.world, Container::Cargo, BANK))?;
                self.bank(deed, from, self.free_carry(rng)?, keeper)
            }
            Deed::BankGold => self.gold(deed, rng),
            Deed::UnbankGold => self.gold(deed, rng),
            Deed::Stall => self.stall(rng),
            Deed::StallBuy => self.visit(rng),
            Deed::Auction => self.auction(rng),
            Deed::Mail => self.mail(rng),
            Deed::Fetch => self.fetch(rng),
            Deed::Trade | Deed::StallSale | Deed::Passage => None,
        }
    }

    fn wear(&self, rng: &mut StdRng) -> Option<Idea> {
        let worn: Vec<Slot> =
            filled(self.world, Container::Equip, 16).into_iter().filter(|slot| slot.index > 0).collect();
        let put_on = self.bag().into_iter().find_map(|slot| {
            let place = Slot::equip(*self.wears.get(&self.world.slot(slot)?.kind)?);
            self.world.slot(place).is_none().then_some((slot, place))
        });
        let (from, to) = match put_on {
            Some(found) => found,
            None => (pick(rng, &worn)?, self.free_carry(rng)?),
        };
        self.shift(Deed::Wear, from, to, 0)
    }

    fn split(&self, rng: &mut StdRng) -> Option<Idea> {
        let stacks: Vec<Slot> = self
            .bag()
            .into_iter()
            .filter(|slot| self.world.slot(*slot).is_some_and(|item| pieces(&item) > 1))
            .collect();
        let slot = pick(rng, &stacks)?;
        self.free_carry(rng).filter(|_| self.profile != Profile::V748)?;
        let item = self.world.slot(slot)?;
        let amount = rng.random_range(1..u16::from(pieces(&item)));
        let packet = outgoing::split(self.own_id(), slot.index, item.kind, amount);
        let (whole, held) = (self.world.slot(slot), self.bag().len());
        let done = move |world: &World, _: &Event| {
            world.slot(slot) != whole && filled(world, Container::Carry, BAG).len() > held
        };
        self.request(Deed::Split, packet, &[slot], Box::new(done))
    }

    fn grab(&self, rng: &mut StdRng) -> Option<Idea> {
        let near: Vec<_> =
            self.world.ground().filter(|ground| ground.tile.distance(self.at) <= ARM).copied().collect();
        let ground = pick(rng, &near)?;
        let to = self.free_carry(rng)?;
        let packet = outgoing::pick_up(self.own_id(), ground.id, ground.tile, to.index);
        let done = |_: &World, event: &Event| matches!(event, Event::Goods(Told::PickedUp(..)));
        self.request(Deed::Grab, packet, &[to], Box::new(done))
    }

    fn buy(&self, rng: &mut StdRng) -> Option<Idea> {
        let merchant = self.merchant(SHOP)?;
        let gold = self.world.own().gold;
        let to = self.free_carry(rng).filter(|_| gold > 500)?;
        let Some(shelf) = self
            .world
            .shelf()
            .filter(|shelf| shelf.kind == 1 && rng.random_bool(0.8) && !shelf.goods.is_empty())
        else {
            let done = |_: &World, event: &Event| matches!(event, Event::Goods(Told::Shelf(_)));
            let packet = outgoing::open_shop(self.own_id(), merchant);
            return Some(Idea { deed: None, packet, concerned: Vec::new(), done: Box::new(done) });
        };
        let stocked: Vec<usize> = (0..shelf.goods.len())
            .filter(|entry| shelf.goods[*entry].is_some())
            .take(if gold < 10_000 { 2 } else { 9 })
            .collect();
        let entry = pick(rng, &stocked)?;
        let packet = outgoing::buy(self.own_id(), merchant, ShelfSeen::slot(entry) as u16, to.index);
        let done = move |world: &World, _: &Event| world.slot(to).is_some() && world.own().gold < gold;
        self.request(Deed::Buy, packet, &[to], Box::new(done))
    }

    fn sell(&self, rng: &mut StdRng) -> Option<Idea> {
        let merchant = self.merchant(SHOP)?;
        let slot = pick(rng, &self.bag()).filter(|_| self.bag().len() > KEEPS)?;
        // what it wears is dear to it
        (!self.wears.contains_key(&self.world.slot(slot)?.kind)).then_some(())?;
        let packet = outgoing::sell(self.own_id(), merchant, slot);
        // the price comes last
        let done = move |world: &World, event: &Event| {
            world.slot(slot).is_none() && matches!(event, Event::Goods(Told::Gold(_)))
        };
        self.request(Deed::Sell, packet, &[slot], Box::new(done))
    }

    fn buy_back(&self, rng: &mut StdRng) -> Option<Idea> {
        self.merchant(SHOP).filter(|_| self.profile != Profile::V748)?;
        let (own, gold) = (self.own_id(), self.world.own().gold);
        let affordable = self.world.sold_lately().iter().filter(|(_, _, price)| *price <= gold);
        let orders: Vec<i32> = affordable.map(|(order, _, _)| *order).collect();
        let Some(order) = pick(rng, &orders).filter(|_| rng.random_bool(0.6)) else {
            let done = |_: &World, event: &Event| matches!(event, Event::Goods(Told::SoldLately(_)));
            let packet = outgoing::list_sold(own);
            return Some(Idea { deed: None, packet, concerned: Vec::new(), done: Box::new(done) });
        };
        let to = self.free_carry(rng)?;
        // a purchase from oneself is one from that list
        let packet = outgoing::buy(own, own, u16::try_from(order).ok()?, to.index);
        // the server chooses the slot
        let before = self.world.container(Container::Carry).to_vec();
        let done = move |world: &World, _: &Event| {
            world.own().gold < gold && world.container(Container::Carry) != before
        };
        self.request(Deed::BuyBack, packet, &[], Box::new(done))
    }

    fn gold(&self, deed: Deed, rng: &mut StdRng) -> Option<Idea> {
        self.merchant(KEEPER)?;
        let (carried, banked) = (self.world.own().gold, self.world.cargo_gold());
        let source = if deed == Deed::BankGold { carried } else { banked };
        (source > 20).then_some(())?;
        let amount = rng.random_range(1..=source / 10);
        let packet = match deed {
            Deed::BankGold => outgoing::deposit(self.own_id(), amount),
            _ => outgoing::withdraw(self.own_id(), amount),
        };
        let shift = if deed == Deed::BankGold { amount } else { -amount };
        let done = move |world: &World, event: &Event| {
            let told = matches!(event, Event::Goods(Told::Deposited(_) | Told::Withdrew(_)));
            told && world.own().gold == carried - shift
        };
        self.request(deed, packet, &[], Box::new(done))
    }

    /// Puts something up, looks for lots, buys one or takes an own one back.
    fn auction(&self, rng: &mut StdRng) -> Option<Idea> {
        let gold = self.world.own().gold;
        let say = |text: &str| outgoing::whisper(self.profile, self.own_id(), "auction", text);
        let lot = (!self.lots.is_empty()).then(|| &self.lots[rng.random_range(0..self.lots.len())]);
        match (rng.random_range(0..3), lot) {
            (0, _) => {
                let slot = pick(rng, &self.bag()).filter(|_| self.bag().len() > KEEPS)?;
                let text =
                    format!("sell {} {} {}", slot.index, rng.random_range(10..40), rng.random_range(40..90));
                // not before the fee is told, too: what comes after would look like a part of the next trade
                let done =
                    move |world: &World, _: &Event| world.slot(slot).is_none() && world.own().gold < gold;
                self.request(Deed::Auction, say(&text), &[slot], Box::new(done))
            }
            (1, Some(lot)) => {
                let cancels = rng.random_bool(0.2);
                let text = format!("{} {lot}", if cancels { "cancel" } else { "buy" });
                let cargo = self.world.container(Container::Cargo).to_vec();
                let done = move |world: &World, _: &Event| {
                    let paid = cancels || world.own().gold < gold;
                    paid && world.container(Container::Cargo) != cargo
                };
                self.request(Deed::Auction, say(&text), &[], Box::new(done))
            }
            _ => {
                let done = |_: &World, event: &Event| matches!(event, Event::Panel(_));
                let text = if rng.random_bool(0.2) { "mine" } else { "find" };
                Some(Idea { deed: None, packet: say(text), concerned: Vec::new(), done: Box::new(done) })
            }
        }
    }

    fn stall(&self, rng: &mut StdRng) -> Option<Idea> {
        let slots = filled(self.world, Container::Cargo, BANK);
        (slots.len() >= 2).then_some(())?;
        let ware = |(position, slot): (usize, &Slot)| {
            let item = self.world.slot(*slot)?;
            Some((position as u8, slot.index, item))
        };
        let wares: Vec<WareSeen> = slots
            .iter()
            .enumerate()
            .take(WARES)
            .filter_map(ware)
            .map(|(position, cargo_slot, item)| WareSeen {
                position,
                cargo_slot,
                item,
                price: rng.random_range(10..60),
            })
            .collect();
        let stall = StallSeen { owner: self.own_id(), title: "barato".to_owned(), wares, tax: 0 };
        let packet = outgoing::open_stall(self.own_id(), &stall);
        self.request(Deed::Stall, packet, &[], Box::new(|world, _| world.own_stall().is_some()))
    }

    /// Looks at somebody's shop; the purchase follows when it is shown.
    fn visit(&self, rng: &mut StdRng) -> Option<Idea> {
        let open: Vec<u16> = self
            .world
            .entities()
            .filter(|entity| entity.stall.is_some() && entity.track.to.distance(self.at) <= REACH)
            .map(|entity| entity.id)
            .collect();
        let owner = pick(rng, &open)?;
        let shown = self.world.stall().filter(|stall| stall.owner == owner && rng.random_bool(0.7));
        let ware = shown.and_then(|stall| pick(rng, &stall.wares).map(|ware| (ware, stall.tax)));
        let gold = self.world.own().gold;
        match ware {
            Some((ware, tax)) if gold > 2 * ware.price => {
                self.free_carry(rng)?;
                let before = self.world.container(Container::Carry).to_vec();
                let packet = outgoing::buy_from_stall(self.own_id(), owner, &ware, tax);
                let done = move |world: &World, _: &Event| {
                    world.own().gold < gold && world.container(Container::Carry) != before
                };
                self.request(Deed::StallBuy, packet, &[], Box::new(done))
            }
            _ => {
                let done = move |_: &World, event: &Event| matches!(event, Event::Goods(Told::Stall(stall)) if stall.owner == owner);
                let packet = outgoing::visit_stall(self.own_id(), owner);
                Some(Idea { deed: None, packet, concerned: Vec::new(), done: Box::new(done) })
            }
        }
    }
}

/// The number of the lot that a line of the auction house is about: `7KQ2M Sword: bid 10, buy 60, 24 h`.
pub fn lot_number(line: &str) -> Option<String> {
    let (number, rest) = line.split_once(' ')?;
    let is_number = (5..=13).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    (is_number && rest.contains(": ") && rest.ends_with(" h")).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_lots_are_told_from_others() {
        assert_eq!(lot_number("7KQ2M Espada: lance 10, compra 60, 24 h").as_deref(), Some("7KQ2M"));
        for other in ["Lot 7KQ2M: 10. Fee 10.", "No lots found.", "12 lots, page 1 of 2", "Nobody: 3 h", ""] {
            assert_eq!(lot_number(other), None, "{other}");
        }
    }
}
