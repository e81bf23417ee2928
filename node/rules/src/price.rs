//! What merchants ask and give.
//!
//! Source: game-rules, "Trading values" (W).

use crate::effect;
use crate::item::ItemDef;
use crate::stack;
use model::character::HardState;
use model::item::ItemSpec;
use model::{Class, ItemKind};

/// Tax of a city in percent when nobody set another.
pub const TAX_PERCENT: u8 = 5;
/// Medals of guilds: they are never dropped, sold or traded.
const MEDALS: [u16; 4] = [446, 508, 509, 522];

/// A price and the tax on top of it or taken from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Without tax.
    pub net: i64,
    /// The tax.
    pub tax: i64,
}

impl Price {
    /// What a buyer pays.
    pub fn with_tax(self) -> i64 {
        self.net + self.tax
    }

    /// What a seller gets.
    pub fn less_tax(self) -> i64 {
        self.net - self.tax
    }
}

fn taxed(net: i64) -> Price {
    Price { net, tax: net * i64::from(TAX_PERCENT) / 100 }
}

/// What a merchant asks for an item of a kind; `None` when it has no price: such a thing cannot be bought.
pub fn asked(def: &ItemDef) -> Option<Price> {
    (def.price > 0).then(|| taxed(i64::from(def.price)))
}

/// What a merchant gives for an item: a quarter of the list price, two thirds of that above 5,000 and half above
/// 10,000; more to a Huntress with bit 9. A stack is worth its pieces, and a part of a kit a part of it, so that
/// splitting earns nothing. `None` when it is worth nothing.
pub fn given(spec: &ItemSpec, def: &ItemDef, class: Class, hard: &HardState) -> Option<Price> {
    let quarter = i64::from(def.price.max(0)) / 4;
    let mut price = match quarter {
        10_001.. => quarter / 2,
        5_001.. => quarter * 2 / 3,
        _ => quarter,
    };
    if class == Class::Huntress && hard.learned[0] & (1 << 9) != 0 {
        let haggling = i64::from((hard.mastery[2] / 10 + 6).min(26) / 2);
        price = price * (50 + haggling) / 50;
    }
    if stack::stacks(def) {
        let pieces = i64::from(stack::pieces(&spec.effects, def));
        price = price * pieces / i64::from(stack::pieces_of_kind(def));
    }
    (price > 0).then(|| taxed(price))
}

/// True for what is bound to its character: never traded, dropped or sold.
pub fn is_bound(spec: &ItemSpec, def: &ItemDef) -> bool {
    let own = spec.effects.iter().any(|found| found.code == effect::NOTRADE && found.value > 0);
    own || def.effect(effect::NOTRADE) != 0 || is_medal(spec.kind)
}

fn is_medal(kind: ItemKind) -> bool {
    MEDALS.contains(&kind.0) || (526..=537).contains(&kind.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::tests::def;
    use model::Effect;

    fn plain() -> ItemSpec {
        ItemSpec { kind: ItemKind(400), effects: [Effect::default(); 3] }
    }

    fn hard(learned: u32, mastery: u16) -> HardState {
        HardState {
            level: 0,
            experience: 0,
            gold: 0,
            attributes: Default::default(),
            mastery: [0, 0, mastery, 0],
            unspent: Default::default(),
            learned: [learned, 0],
            clan: 0,
            guild: 0,
            guild_rank: 0,
            chaos: 75,
        }
    }

    fn priced(price: i32) -> ItemDef {
        ItemDef { price, ..def(400, 0, &[(effect::VOLATILE, 1)]) }
    }

    #[test]
    fn a_merchant_asks_the_list_price_and_five_percent() {
        assert_eq!(asked(&priced(150)), Some(Price { net: 150, tax: 7 }));
        assert_eq!(asked(&priced(1_000_000)).map(Price::with_tax), Some(1_050_000));
        assert_eq!((asked(&priced(0)), asked(&priced(-5))), (None, None));
        assert_eq!(asked(&priced(i32::MAX)).map(Price::with_tax), Some(2_254_857_829));
    }

    #[test]
    fn a_merchant_gives_less_for_what_is_dear() {
        let rows = [(4, 1), (3, 0), (20_000, 5_000), (20_004, 3_334), (40_000, 6_666), (40_004, 5_000)];
        for (list, net) in rows {
            let given = given(&plain(), &priced(list), Class::Foema, &hard(0, 0));
            assert_eq!(given.map_or(0, |price| price.net), net, "list price {list}");
        }
        let hundred = given(&plain(), &priced(400), Class::Foema, &hard(0, 0)).map(Price::less_tax);
        assert_eq!(hundred, Some(95), "less five percent");
    }

    #[test]
    fn a_huntress_haggles() {
        let sold = |class, learned, mastery| {
            given(&plain(), &priced(4_000), class, &hard(learned, mastery)).map(|price| price.net)
        };
        assert_eq!(sold(Class::Huntress, 1 << 9, 0), Some(1_060));
        assert_eq!(sold(Class::Huntress, 1 << 9, 320), Some(1_260), "at most 26 points");
        assert_eq!(sold(Class::Huntress, 1 << 8, 320), Some(1_000));
        assert_eq!(sold(Class::TransKnight, 1 << 9, 320), Some(1_000));
    }

    #[test]
    fn splitting_earns_nothing() {
        let kit = ItemDef { price: 3_000, ..def(428, 0, &[(effect::VOLATILE, 1), (effect::AMOUNT, 5)]) };
        let of = |pieces| {
            let effects = stack::with_pieces(&plain().effects, pieces, &kit).expect("room");
            given(&ItemSpec { effects, ..plain() }, &kit, Class::Foema, &hard(0, 0)).map_or(0, |p| p.net)
        };
        assert_eq!(of(5), 750);
        for pieces in 1..5 {
            assert!(of(pieces) + of(5 - pieces) <= of(5));
        }
        assert_eq!(of(10), 1_500);
        for pieces in 1..=120 {
            assert!(
                of(pieces) < i64::from(kit.price) * i64::from(pieces) / 5,
                "no gain in buying and selling"
            );
        }
    }

    #[test]
    fn bound_are_medals_and_what_says_so() {
        assert!(!is_bound(&plain(), &priced(1)));
        assert!(is_bound(&plain(), &def(400, 0, &[(effect::NOTRADE, 1)])));
        assert!(!is_bound(&plain(), &def(400, 0, &[(effect::NOTRADE, 0)])));
        assert!(is_bound(&ItemSpec { kind: ItemKind(508), ..plain() }, &priced(1)));
        let mut own = plain();
        own.effects[2] = Effect { code: effect::NOTRADE, value: 1 };
        assert!(is_bound(&own, &priced(1)));
    }
}
