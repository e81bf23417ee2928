//! What may be worn where.
//!
//! | mask | means |
//! |---|---|
//! | 64 | the left hand, and the right one stays empty (bows, spears, claws) |
//! | 128 | the right hand (shields) |
//! | 192 | either hand, beside another such weapon or a shield |
//!
//! Source: game-rules and the item lists. The facts call 192 two-handed, but the lists give it to knives and
//! clubs, which are worn in pairs, and 64 to bows and spears. Of those only family 46 goes with something else,
//! family 101.

use crate::effect;
use crate::item::{ItemDef, ItemTable, position};
use model::{Class, Item, Score};

/// Slots of the two hands: left, right.
pub const HANDS: [usize; 2] = [6, 7];
/// The only families that share hands with a weapon for both hands.
const PAIR: [i16; 2] = [46, 101];

/// Why something cannot be worn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WearRefusal {
    /// It is not in the item list, or has no place there.
    WrongSlot,
    /// Another class wears it.
    WrongClass,
    /// Level or attributes are too low.
    TooWeak,
    /// The other hand holds something that does not go with it.
    HandsFull,
}

/// True when an item may be worn in a slot, by somebody of a class with these shown numbers who wears `equip`
/// besides (what lies in the slot itself does not matter).
pub fn check(
    item: &Item,
    slot: usize,
    wearer: (Class, &Score),
    equip: &[Option<Item>],
    items: &ItemTable,
) -> Result<(), WearRefusal> {
    let def = items.get(item.kind).ok_or(WearRefusal::WrongSlot)?;
    if slot == 0 || !def.fits_slot(slot) {
        return Err(WearRefusal::WrongSlot);
    }
    let (class, score) = wearer;
    let classes = def.effect(effect::CLASS);
    if classes != 0 && classes & (1 << class.number()) == 0 {
        return Err(WearRefusal::WrongClass);
    }
    if !strong_enough(def, score) {
        return Err(WearRefusal::TooWeak);
    }
    let Some(hand) = HANDS.iter().position(|hand| *hand == slot) else { return Ok(()) };
    let other = equip.get(HANDS[1 - hand]).copied().flatten().and_then(|other| items.get(other.kind));
    match other {
        Some(other) if !go_together(def, other) => Err(WearRefusal::HandsFull),
        _ => Ok(()),
    }
}

fn strong_enough(def: &ItemDef, score: &Score) -> bool {
    let needs = &def.requires;
    score.level >= needs.level
        && score.strength >= needs.strength
        && score.intelligence >= needs.intelligence
        && score.dexterity >= needs.dexterity
        && score.constitution >= needs.constitution
}

fn go_together(one: &ItemDef, other: &ItemDef) -> bool {
    let both_hands = |def: &ItemDef| def.position == position::LEFT_HAND;
    if !both_hands(one) && !both_hands(other) {
        return true;
    }
    let families = [one.unique, other.unique];
    families == PAIR || families == [PAIR[1], PAIR[0]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::Requirements;
    use crate::item::tests::def;
    use model::item::EQUIP_SLOTS;
    use model::{Effect, ItemId, ItemKind};

    fn item(kind: u16) -> Item {
        Item { id: ItemId(1), kind: ItemKind(kind), effects: [Effect::default(); 3] }
    }

    fn items() -> ItemTable {
        let strong = Requirements { strength: 10, level: 5, ..Requirements::default() };
        ItemTable::new([
            def(1, position::EITHER_HAND, &[(effect::CLASS, 255)]),
            def(2, position::LEFT_HAND, &[]),
            def(3, position::RIGHT_HAND, &[]),
            ItemDef { unique: 46, ..def(4, position::LEFT_HAND, &[]) },
            ItemDef { unique: 101, ..def(5, position::RIGHT_HAND, &[]) },
            ItemDef { requires: strong, ..def(6, position::COAT, &[(effect::CLASS, 1)]) },
            def(7, position::FACE, &[]),
        ])
    }

    fn worn(slots: &[(usize, u16)]) -> Vec<Option<Item>> {
        let mut equip = vec![None; EQUIP_SLOTS];
        for (slot, kind) in slots {
            equip[*slot] = Some(item(*kind));
        }
        equip
    }

    fn tries(kind: u16, slot: usize, equip: &[(usize, u16)]) -> Result<(), WearRefusal> {
        let score = Score { level: 5, strength: 10, ..Score::default() };
        check(&item(kind), slot, (Class::TransKnight, &score), &worn(equip), &items())
    }

    #[test]
    fn weapons_and_shields_go_together_unless_one_needs_both_hands() {
        assert_eq!(tries(1, 6, &[(7, 1)]), Ok(()));
        assert_eq!(tries(1, 7, &[(6, 1)]), Ok(()));
        assert_eq!(tries(3, 7, &[(6, 1)]), Ok(()));
        assert_eq!(tries(2, 6, &[]), Ok(()));
        assert_eq!(tries(2, 6, &[(6, 1)]), Ok(()), "what lies there is replaced");
        assert_eq!(tries(2, 6, &[(7, 3)]), Err(WearRefusal::HandsFull));
        assert_eq!(tries(3, 7, &[(6, 2)]), Err(WearRefusal::HandsFull));
        assert_eq!(tries(4, 6, &[(7, 5)]), Ok(()));
        assert_eq!(tries(5, 7, &[(6, 4)]), Ok(()));
        assert_eq!(tries(5, 7, &[(6, 2)]), Err(WearRefusal::HandsFull));
    }

    #[test]
    fn slot_class_and_strength_must_fit() {
        for slot in [0, 1, 7, 16, 40, 200] {
            assert_eq!(tries(2, slot, &[]), Err(WearRefusal::WrongSlot), "slot {slot}");
        }
        assert_eq!(tries(7, 0, &[]), Err(WearRefusal::WrongSlot), "a face is never changed by hand");
        assert_eq!(tries(9, 6, &[]), Err(WearRefusal::WrongSlot), "an unknown item");
        assert_eq!(tries(6, 2, &[]), Ok(()));
        let weak = Score { level: 5, strength: 9, ..Score::default() };
        let by = |class, score: &Score| check(&item(6), 2, (class, score), &worn(&[]), &items());
        assert_eq!(by(Class::TransKnight, &weak), Err(WearRefusal::TooWeak));
        let young = Score { level: 4, strength: 10, ..Score::default() };
        assert_eq!(by(Class::TransKnight, &young), Err(WearRefusal::TooWeak));
        assert_eq!(
            by(Class::Huntress, &Score { level: 9, strength: 90, ..young }),
            Err(WearRefusal::WrongClass)
        );
    }
}
