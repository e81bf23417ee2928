//! What players offer each other: trades and personal shops, as both sides see them.

use crate::calls::market::Reply;
use crate::item::{Item, ItemSpec};
use serde::{Deserialize, Serialize};

/// Items that one side of a trade can offer.
pub const OFFER_ITEMS: usize = 15;
/// Inventory slots from this one on hold what is bound to a character; never traded.
pub const BOUND_SLOTS_FROM: u8 = 60;
/// Wares of a personal shop.
pub const STALL_WARES: usize = 12;
/// Longest title of a personal shop in characters.
pub const STALL_TITLE_MAX: usize = 23;

/// What one side of a trade asks for: what its client shows in its half of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Inventory slots with what the client believes to lie there, at most [`OFFER_ITEMS`], by position in the
    /// window.
    pub items: Vec<OfferItem>,
    /// Gold.
    pub gold: i64,
}

/// One item of an [`Offer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferItem {
    /// Position in the window, below [`OFFER_ITEMS`].
    pub position: u8,
    /// Inventory slot.
    pub slot: u8,
    /// What is shown.
    pub shown: ItemSpec,
}

/// An offer whose items are known: what a trade swaps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirmOffer {
    /// Position in the window, inventory slot, item.
    pub items: Vec<(u8, u8, Item)>,
    /// Gold.
    pub gold: i64,
    /// Free inventory slots in which it can be given items, in order.
    pub free_slots: Vec<u8>,
}

impl FirmOffer {
    /// What the other side is shown.
    pub fn shown(&self) -> Offer {
        let items = self.items.iter();
        let items = items.map(|(position, slot, item)| OfferItem {
            position: *position,
            slot: *slot,
            shown: item.spec(),
        });
        Offer { items: items.collect(), gold: self.gold }
    }

    /// True when both give the same. Free slots are no part of what is given.
    pub fn gives_same(&self, other: &Self) -> bool {
        self.items == other.items && self.gold == other.gold
    }

    /// Where the other side's items go: by position, into the lowest slots that are free or become free by what
    /// is given away; `None` when there are not enough.
    pub fn places(&self, theirs: &Self) -> Option<Vec<(u8, Item)>> {
        let given = self.items.iter().map(|(_, slot, _)| *slot);
        let mut slots: Vec<u8> = self.free_slots.iter().copied().chain(given).collect();
        slots.sort_unstable();
        slots.dedup();
        let mut items: Vec<_> = theirs.items.iter().collect();
        items.sort_unstable_by_key(|(position, _, _)| *position);
        if slots.len() < items.len() {
            return None;
        }
        Some(slots.into_iter().zip(items.into_iter().map(|(_, _, item)| *item)).collect())
    }
}

/// One ware of a personal shop, as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ware {
    /// Position in the shop, below [`STALL_WARES`].
    pub position: u8,
    /// Bank slot of the owner.
    pub cargo_slot: u8,
    /// What is shown.
    pub shown: ItemSpec,
    /// What it costs.
    pub price: i64,
}

/// Whether a node may have missed how a trade goes on: then it asks ([`crate::calls::market::ReadTrade`]) until somebody
/// knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Doubt {
    raised: u32,
    answered: u32,
}

/// What a question was asked for: later doubts are not ended by its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked(u32);

impl Doubt {
    /// Something may have been said that was not heard, or is still to be said.
    pub fn raise(&mut self) {
        self.raised = self.raised.wrapping_add(1);
    }

    /// What to ask for, while there is something to ask.
    pub fn question(self) -> Option<Asked> {
        (self.raised != self.answered).then_some(Asked(self.raised))
    }

    /// What the question brought: the doubt stays while nobody knows, and while the end is only on its way.
    pub fn hear(&mut self, asked: Asked, reply: Option<&Reply>) {
        if !matches!(reply, None | Some(Reply::Unavailable | Reply::Settling(_))) {
            self.answered = asked.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TradeId;

    #[test]
    fn only_an_answer_to_the_newest_doubt_ends_it() {
        let mut doubt = Doubt::default();
        assert_eq!(doubt.question(), None);
        doubt.raise();
        for nobody_knows in [None, Some(Reply::Unavailable), Some(Reply::Settling(TradeId(5)))] {
            let asked = doubt.question().expect("a doubt");
            doubt.hear(asked, nobody_knows.as_ref());
        }
        let before = doubt.question().expect("it stays");
        doubt.raise();
        doubt.hear(before, Some(&Reply::Closed));
        let now = doubt.question().expect("the newer one stays");
        doubt.hear(now, Some(&Reply::Closed));
        assert_eq!(doubt.question(), None);
    }
}
