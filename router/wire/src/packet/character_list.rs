//! The characters of the account.

use crate::form::{I32, NOWHERE, U8, each, many, text};
use crate::record::{CARGO_SLOTS, CHARACTER_LIST, CharacterList, ITEM, Item};
use crate::table::{Direction::ToClient, renumbered, shapes};

packet! {
    /// The login worked: characters, storage, and the clock that the client takes over from the header.
    /// 7.48 has another number for it.
    CharList = "char_list", renumbered(ToClient, [0x010A, 0x010A, 0x010E], [1928, 1928, 1824]);
    /// Key indexes for the client to use; all zero lets it choose them at random.
    key_queue: [u8; 16] = each(12, 12, 1800, many(&U8, 16));
    /// The four characters.
    characters: Box<CharacterList> = each(32, 32, 12, CHARACTER_LIST);
    /// The account's storage, of which 120 places are usable.
    cargo: Box<[Item; CARGO_SLOTS]> = NOWHERE
        .v759(872, many(&ITEM, 128))
        .v769(936, many(&ITEM, 120))
        .v748(756, many(&ITEM, 128));
    /// Gold in the storage.
    cargo_gold: i64 = each(1896, 1896, 1780, I32);
    /// Account.
    account: String = each(1900, 1900, 1784, text(16));
}

packet! {
    /// The character was made.
    CharListAfterCreate = "char_list_after_create", shapes(ToClient, 0x0110, [856, 920, 756]);
    /// The four characters.
    characters: Box<CharacterList> = each(16, 16, 12, CHARACTER_LIST);
}

packet! {
    /// The character was deleted.
    CharListAfterDelete = "char_list_after_delete", shapes(ToClient, 0x0112, [856, 920, 756]);
    /// The four characters.
    characters: Box<CharacterList> = each(16, 16, 12, CHARACTER_LIST);
}
