//! How much of the inventory can be used.
//!
//! Source: flows, "Inventory capacity" (W, J): 64 slots exist, 30 can be used, a bag in slot 60 or 61 gives 15
//! more each; the slots from 60 on hold what is bound to the character.

use model::item::CARRY_SLOTS;
use model::trade::BOUND_SLOTS_FROM;
use model::{Item, ItemKind};

/// Slots that everybody can use.
pub const BASE_SLOTS: u8 = 30;
/// Slots that a bag adds.
pub const BAG_SLOTS: u8 = 15;
/// The bag.
pub const BAG: ItemKind = ItemKind(3467);
/// Where bags lie.
const BAG_PLACES: [usize; 2] = [60, 61];

/// How many slots of an inventory can be used: 0 up to, not including, this number.
pub fn usable_slots(carry: &[Option<Item>]) -> u8 {
    let is_bag = |place: &&usize| carry.get(**place).is_some_and(|item| item.is_some_and(|i| i.kind == BAG));
    let bags = BAG_PLACES.iter().filter(is_bag).count() as u8;
    BASE_SLOTS + BAG_SLOTS * bags
}

/// True when a slot can be used.
pub fn is_usable(carry: &[Option<Item>], slot: u8) -> bool {
    slot < usable_slots(carry) && slot < BOUND_SLOTS_FROM
}

/// The wanted slot if it is free and can be used, else the first one that is.
pub fn free_slot(carry: &[Option<Item>], wanted: Option<u8>) -> Option<u8> {
    let free = |slot: &u8| is_usable(carry, *slot) && carry.get(usize::from(*slot)) == Some(&None);
    wanted.filter(free).or_else(|| (0..CARRY_SLOTS as u8).find(free))
}

/// All slots that are free and can be used, in order.
pub fn free_slots(carry: &[Option<Item>]) -> Vec<u8> {
    (0..usable_slots(carry)).filter(|slot| carry.get(usize::from(*slot)) == Some(&None)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Effect, ItemId};

    fn item(kind: ItemKind) -> Option<Item> {
        Some(Item { id: ItemId(1), kind, effects: [Effect::default(); 3] })
    }

    #[test]
    fn each_bag_gives_fifteen_slots_wherever_the_first_one_lies() {
        let mut carry = vec![None; CARRY_SLOTS];
        assert_eq!((usable_slots(&carry), is_usable(&carry, 29), is_usable(&carry, 30)), (30, true, false));
        carry[61] = item(BAG);
        assert_eq!(usable_slots(&carry), 45);
        carry[60] = item(BAG);
        assert_eq!((usable_slots(&carry), is_usable(&carry, 59), is_usable(&carry, 60)), (60, true, false));
        carry[60] = item(ItemKind(400));
        assert_eq!(usable_slots(&carry), 45, "only a bag gives room");
    }

    #[test]
    fn a_free_slot_is_the_wanted_one_or_the_first() {
        let mut carry = vec![None; CARRY_SLOTS];
        carry[0] = item(ItemKind(400));
        carry[7] = item(ItemKind(400));
        assert_eq!(free_slot(&carry, Some(5)), Some(5));
        for wanted in [None, Some(7), Some(30), Some(62), Some(200)] {
            assert_eq!(free_slot(&carry, wanted), Some(1), "wanted {wanted:?}");
        }
        carry[..30].fill(item(ItemKind(400)));
        assert_eq!((free_slot(&carry, Some(31)), free_slots(&carry)), (None, vec![]));
    }
}
