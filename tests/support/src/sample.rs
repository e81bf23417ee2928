//! Characters that need nothing else to exist.

use model::character::{Attributes, HardState, Unspent};
use model::{AccountId, Character, CharacterId, CharacterName, Class, SoftState, Tile};

/// A naked knight of level 5 with 1,000 gold, in the first slot of an account; a test changes what it is
/// about: `Character { class: Class::Foema, ..character(account, id, "Ana", tile) }`.
pub fn character(account: AccountId, id: CharacterId, name: &str, tile: Tile) -> Character {
    Character {
        id,
        account,
        slot: 0,
        name: CharacterName::new(name).expect("a good name of a character"),
        class: Class::TransKnight,
        hard: HardState {
            level: 5,
            experience: 0,
            gold: 1_000,
            attributes: Attributes { strength: 8, intelligence: 4, dexterity: 7, constitution: 6 },
            mastery: [0; 4],
            unspent: Unspent::default(),
            learned: [0; 2],
            clan: 0,
            guild: 0,
            guild_rank: 0,
            chaos: 75,
        },
        soft: SoftState::fresh(tile, 0, 50, 20),
        equip: Character::no_equip(),
        carry: Character::no_carry(),
    }
}
