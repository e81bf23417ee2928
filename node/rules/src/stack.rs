//! Stacks: pieces of one kind in one slot.
//!
//! How many pieces an item is, is said by its own effect 61, else by that of its kind (a kit of five), else it is
//! one. No list of kinds that stack is published; what can be used up (its kind has a use-item handler) or is a
//! plain good without a place to wear it does, unless it is bound.

use crate::effect;
use crate::item::ItemDef;
use model::{Effect, Item};

/// Most pieces of a stack.
pub const PIECES_MAX: u16 = 120;

/// What came of putting one stack onto another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Effects of the stack that it was put onto.
    pub onto: [Effect; 3],
    /// Effects of what is left of the other, if anything is.
    pub rest: Option<[Effect; 3]>,
}

/// Pieces that an item of a kind has when nothing else is said.
pub fn pieces_of_kind(def: &ItemDef) -> u16 {
    u16::try_from(def.effect(effect::AMOUNT)).unwrap_or(0).clamp(1, PIECES_MAX)
}

/// Pieces of an item.
pub fn pieces(effects: &[Effect; 3], def: &ItemDef) -> u16 {
    let own = effects.iter().find(|found| found.code == effect::AMOUNT);
    own.map_or_else(|| pieces_of_kind(def), |found| u16::from(found.value).max(1))
}

/// True when items of this kind lie in stacks.
pub fn stacks(def: &ItemDef) -> bool {
    def.position == 0 && def.effect(effect::NOTRADE) == 0 && def.effect(effect::INCUBATE) == 0
}

/// The effects of an item that has this many pieces; `None` when there is no room to write it down.
pub fn with_pieces(effects: &[Effect; 3], pieces: u16, def: &ItemDef) -> Option<[Effect; 3]> {
    let mut effects = *effects;
    let own = effects.iter().position(|found| found.code == effect::AMOUNT);
    if pieces == pieces_of_kind(def) {
        if let Some(own) = own {
            effects[own] = Effect::default();
        }
        return Some(effects);
    }
    let at = own.or_else(|| effects.iter().position(|found| found.code == 0))?;
    effects[at] = Effect { code: effect::AMOUNT, value: u8::try_from(pieces).ok()? };
    Some(effects)
}

/// Puts a stack onto another of the same kind and the same options; `None` when they do not stack, or nothing
/// more goes onto it: then they change places.
pub fn join(from: &Item, onto: &Item, def: &ItemDef) -> Option<Joined> {
    if from.kind != onto.kind || !stacks(def) || options(from) != options(onto) {
        return None;
    }
    let (have, add) = (pieces(&onto.effects, def), pieces(&from.effects, def));
    let goes = PIECES_MAX.saturating_sub(have).min(add);
    if goes == 0 {
        return None;
    }
    let rest = match add - goes {
        0 => None,
        left => Some(with_pieces(&from.effects, left, def)?),
    };
    Some(Joined { onto: with_pieces(&onto.effects, have + goes, def)?, rest })
}

/// Splits pieces off a stack: the effects of what stays and of what is split off. `None` when it has not more
/// than that many pieces.
pub fn split(item: &Item, amount: u16, def: &ItemDef) -> Option<([Effect; 3], [Effect; 3])> {
    let have = pieces(&item.effects, def);
    if !stacks(def) || amount == 0 || amount >= have {
        return None;
    }
    Some((with_pieces(&item.effects, have - amount, def)?, with_pieces(&item.effects, amount, def)?))
}

/// An item's effects but for its amount, in an order that does not matter.
fn options(item: &Item) -> [(u8, u8); 3] {
    let mut options = item.effects.map(|found| match found.code {
        effect::AMOUNT | 0 => (0, 0),
        code => (code, found.value),
    });
    options.sort_unstable();
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::tests::def;
    use model::{ItemId, ItemKind};

    fn stack(pieces: u8) -> Item {
        let amount = Effect { code: effect::AMOUNT, value: pieces };
        Item { id: ItemId(1), kind: ItemKind(400), effects: [amount, Effect::default(), Effect::default()] }
    }

    fn single() -> Item {
        Item { effects: [Effect::default(); 3], ..stack(1) }
    }

    #[test]
    fn pieces_are_neither_made_nor_lost() {
        let potion = def(400, 0, &[(effect::VOLATILE, 1)]);
        for from in 1..=120 {
            for onto in 1..=120 {
                let (from, onto) = (stack(from), stack(onto));
                let before = pieces(&from.effects, &potion) + pieces(&onto.effects, &potion);
                match join(&from, &onto, &potion) {
                    Some(joined) => {
                        let rest = joined.rest.map_or(0, |rest| pieces(&rest, &potion));
                        let onto = pieces(&joined.onto, &potion);
                        assert!(onto <= PIECES_MAX);
                        assert_eq!(onto + rest, before);
                    }
                    None => assert_eq!(pieces(&onto.effects, &potion), PIECES_MAX),
                }
            }
        }
        for amount in 0..=121 {
            match split(&stack(120), amount, &potion) {
                Some((stays, off)) => {
                    assert_eq!(pieces(&stays, &potion) + pieces(&off, &potion), 120);
                    assert_eq!(pieces(&off, &potion), amount);
                }
                None => assert!(amount == 0 || amount >= 120, "{amount} pieces of 120"),
            }
        }
    }

    #[test]
    fn two_single_ones_are_a_stack_of_two_and_one_of_one_is_plain_again() {
        let potion = def(400, 0, &[(effect::VOLATILE, 1)]);
        let joined = join(&single(), &single(), &potion).expect("they stack");
        assert_eq!((joined.onto, joined.rest), (stack(2).effects, None));
        assert_eq!(split(&stack(2), 1, &potion), Some((single().effects, single().effects)));
        assert_eq!(split(&single(), 1, &potion), None);
    }

    #[test]
    fn a_kit_is_as_many_pieces_as_its_kind_says() {
        let kit = def(428, 0, &[(effect::VOLATILE, 1), (effect::AMOUNT, 5)]);
        assert_eq!(pieces(&single().effects, &kit), 5);
        let (stays, off) = split(&single(), 2, &kit).expect("a kit can be split");
        assert_eq!((pieces(&stays, &kit), pieces(&off, &kit)), (3, 2));
    }

    #[test]
    fn what_is_worn_bound_or_different_does_not_stack() {
        let potion = def(400, 0, &[(effect::VOLATILE, 1)]);
        assert_eq!(join(&single(), &single(), &def(400, 64, &[])), None);
        assert_eq!(join(&single(), &single(), &def(400, 0, &[(effect::NOTRADE, 1)])), None);
        let other = Item { kind: ItemKind(401), ..single() };
        assert_eq!(join(&single(), &other, &potion), None);
        let mut fine = single();
        fine.effects[1] = Effect { code: effect::SANC, value: 3 };
        assert_eq!(join(&single(), &fine, &potion), None);
        let mut full = single();
        full.effects = [Effect { code: 2, value: 1 }; 3];
        assert_eq!(join(&full, &full, &potion), None, "no room to write the amount");
    }
}
