//! What a zone asks the store to do with items and gold, and the same done to the zone's own copy.
//!
//! A plan is a transfer without what the world cannot know: ids of items that are to be born, epochs, the time of
//! day. The node adds them. When the store has done it, the zone does the same plan to its copy of the
//! character; before that nothing changes and nobody is told anything.

use crate::economy::Lying;
use model::character::SoftState;
use model::item::ItemSpec;
use model::{AccountId, Character, Container, Effect, GroundId, Item, ItemId, Slot, Tile};

/// A place of an item that a zone knows of. Places of a character are those of the character whose job it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// A slot of the equipment or the inventory.
    Own(Slot),
    /// On the ground.
    Ground {
        /// Which stay on the ground.
        id: GroundId,
        /// Whose bucket holds it: who dropped it.
        home: AccountId,
    },
}

/// One step of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An item goes from one place to another, or changes where it is.
    Move {
        /// As it is now.
        item: Item,
        /// Where it is now.
        from: Spot,
        /// Where it goes.
        to: Spot,
        /// Its effects then.
        effects: [Effect; 3],
    },
    /// An item is born. Ids are given in the order of the plan.
    Birth {
        /// What it is.
        spec: ItemSpec,
        /// Where.
        to: Slot,
    },
    /// An item ends.
    Death {
        /// As it is now.
        item: Item,
        /// Where it is now.
        from: Spot,
    },
    /// The world makes gold for the character, under the reason's name.
    Mint {
        /// How much; above zero.
        amount: i64,
        /// Why.
        reason: &'static str,
    },
    /// The character gives gold that ends, under the reason's name.
    Burn {
        /// How much; above zero.
        amount: i64,
        /// Why.
        reason: &'static str,
    },
}

/// What happens to the record of an item on the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroundRecord {
    /// It is written.
    Lay {
        /// Which.
        id: GroundId,
        /// Who drops it.
        home: AccountId,
        /// Where it will lie.
        tile: Tile,
        /// Orientation 0..3.
        rotate: u8,
        /// For how long, in milliseconds.
        for_ms: u64,
    },
    /// It is removed.
    Lift {
        /// Which.
        id: GroundId,
        /// Who dropped it.
        home: AccountId,
        /// The version that the zone knows.
        version: u64,
    },
}

/// A soft state that is written with a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSoft {
    /// See [`crate::Snapshot::number`].
    pub number: u64,
    /// The state.
    pub soft: SoftState,
}

/// All of it or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// A word for the ledger.
    pub reason: &'static str,
    /// Items and gold.
    pub changes: Vec<Change>,
    /// The record of the ground that goes with it.
    pub ground: Option<GroundRecord>,
    /// Soft state that is written with it: who pays for a way is at its end.
    pub soft: Option<PlannedSoft>,
}

impl Plan {
    /// A plan of some changes and nothing else.
    pub(crate) fn of(reason: &'static str, changes: Vec<Change>) -> Self {
        Self { reason, changes, ground: None, soft: None }
    }

    /// The end of an item that lies on the ground.
    pub fn expiry(lying: &Lying) -> Self {
        let Lying { id, home, item, version, .. } = *lying;
        let change = Change::Death { item, from: Spot::Ground { id, home } };
        let record = GroundRecord::Lift { id, home, version };
        Self { ground: Some(record), ..Self::of("expired", vec![change]) }
    }

    /// How many items are born.
    pub fn births(&self) -> usize {
        self.changes.iter().filter(|change| matches!(change, Change::Birth { .. })).count()
    }

    /// True when gold moves.
    pub(crate) fn moves_gold(&self) -> bool {
        self.changes.iter().any(|change| matches!(change, Change::Mint { .. } | Change::Burn { .. }))
    }

    /// The slots of the character that it touches, each once, in the order of the plan.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        let mut slots = Vec::new();
        let mut note = |spot: &Spot| {
            if let Spot::Own(slot) = spot
                && !slots.contains(slot)
            {
                slots.push(*slot);
            }
        };
        for change in &self.changes {
            match change {
                Change::Move { from, to, .. } => {
                    note(from);
                    note(to);
                }
                Change::Birth { to, .. } => note(&Spot::Own(*to)),
                Change::Death { from, .. } => note(from),
                Change::Mint { .. } | Change::Burn { .. } => {}
            }
        }
        slots
    }

    /// Does it to a copy of the character: `born` are the ids of the births, `gold` what the character carries
    /// after, as the store says.
    pub(crate) fn apply(&self, character: &mut Character, born: &[ItemId], gold: Option<i64>) {
        let mut arrivals = Vec::new();
        let mut born = born.iter();
        for change in &self.changes {
            match change {
                Change::Move { item, from, to, effects } => {
                    put(character, from, None);
                    arrivals.push((*to, Item { effects: *effects, ..*item }));
                }
                Change::Birth { spec, to } => {
                    let Some(id) = born.next() else { continue };
                    arrivals.push((Spot::Own(*to), spec.with_id(*id)));
                }
                Change::Death { from, .. } => put(character, from, None),
                Change::Mint { amount, .. } => character.hard.gold += amount,
                Change::Burn { amount, .. } => character.hard.gold -= amount,
            }
        }
        for (to, item) in arrivals {
            put(character, &to, Some(item));
        }
        if let Some(gold) = gold {
            character.hard.gold = gold;
        }
    }
}

fn put(character: &mut Character, spot: &Spot, item: Option<Item>) {
    if let Spot::Own(slot) = spot {
        put_in(character, *slot, item);
    }
}

/// Puts what the store says into a slot of the copy; the bank is never in the world.
pub(crate) fn put_in(character: &mut Character, slot: Slot, item: Option<Item>) {
    if let Some(place) = slot_mut(character, slot) {
        *place = item;
    }
}

fn slot_mut(character: &mut Character, slot: Slot) -> Option<&mut Option<Item>> {
    let index = usize::from(slot.index);
    match slot.container {
        Container::Equip => character.equip.get_mut(index),
        Container::Carry => character.carry.get_mut(index),
        Container::Cargo => None,
    }
}

/// What lies in a slot of a character; the bank is never in the world.
pub(crate) fn item_in(character: &Character, slot: Slot) -> Option<Item> {
    let index = usize::from(slot.index);
    match slot.container {
        Container::Equip => character.equip.get(index).copied().flatten(),
        Container::Carry => character.carry.get(index).copied().flatten(),
        Container::Cargo => None,
    }
}

/// A slot of the inventory.
pub(crate) fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{CharacterId, CharacterName, Class, ItemKind};

    fn item(id: u128) -> Item {
        Item { id: ItemId(id), kind: ItemKind(400), effects: [Effect::default(); 3] }
    }

    fn character() -> Character {
        let hard = model::character::HardState {
            level: 0,
            experience: 0,
            gold: 100,
            attributes: Default::default(),
            mastery: [0; 4],
            unspent: Default::default(),
            learned: [0; 2],
            clan: 0,
            guild: 0,
            guild_rank: 0,
            chaos: 75,
        };
        let mut character = Character {
            id: CharacterId(1),
            account: AccountId(1),
            slot: 0,
            name: CharacterName::new("Ana0").expect("a good name"),
            class: Class::Foema,
            hard,
            soft: SoftState::fresh(Tile::new(1, 1), 0, 1, 1),
            equip: Character::no_equip(),
            carry: Character::no_carry(),
        };
        character.carry[3] = Some(item(3));
        character.equip[2] = Some(item(2));
        character
    }

    #[test]
    fn a_swap_is_two_moves_whatever_their_order() {
        let worn = Slot { container: Container::Equip, index: 2 };
        let there = |item: Item, from, to| Change::Move {
            item,
            from: Spot::Own(from),
            to: Spot::Own(to),
            effects: item.effects,
        };
        let mut changes = vec![there(item(3), carry(3), worn), there(item(2), worn, carry(3))];
        for _ in 0..2 {
            let mut character = character();
            let plan = Plan::of("slots", changes.clone());
            plan.apply(&mut character, &[], None);
            assert_eq!((character.equip[2], character.carry[3]), (Some(item(3)), Some(item(2))));
            assert_eq!((plan.slots().len(), plan.moves_gold(), plan.births()), (2, false, 0));
            changes.reverse();
        }
    }

    #[test]
    fn births_take_their_ids_in_order_and_the_store_has_the_last_word_on_gold() {
        let spec = item(0).spec();
        let plan = Plan::of(
            "shop-buy",
            vec![
                Change::Birth { spec, to: carry(0) },
                Change::Burn { amount: 40, reason: "shop" },
                Change::Birth { spec, to: carry(1) },
                Change::Death { item: item(3), from: Spot::Own(carry(3)) },
            ],
        );
        let mut one = character();
        plan.apply(&mut one, &[ItemId(8), ItemId(9)], None);
        assert_eq!((one.carry[0], one.carry[1], one.carry[3]), (Some(item(8)), Some(item(9)), None));
        assert_eq!((one.hard.gold, plan.births(), plan.moves_gold()), (60, 2, true));
        let mut other = character();
        plan.apply(&mut other, &[ItemId(8), ItemId(9)], Some(55));
        assert_eq!(other.hard.gold, 55);
    }
}
