//! Where items and gold of the bank's business lie, and by whose bucket they are found.

use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::{Fence, GoldLocation, ItemLocation, Move};
use model::{AccountId, Effect, GuildId, Item, ParcelId};

/// In the inventory of a character.
pub(crate) fn carry(of: Fence, slot: u8) -> ItemLocation {
    ItemLocation { home: of.account, place: ItemPlace::Carry(of.character, slot) }
}

/// In the bank of an account.
pub(crate) fn cargo(of: AccountId, slot: u8) -> ItemLocation {
    ItemLocation { home: of, place: ItemPlace::Cargo(of, slot) }
}

/// In a parcel for an account.
pub(crate) fn parcel(parcel: ParcelId, receiver: AccountId, slot: u8) -> ItemLocation {
    ItemLocation { home: receiver, place: ItemPlace::Parcel(parcel, slot) }
}

/// In the bank of a guild.
pub(crate) fn guild(of: GuildId, slot: u8) -> ItemLocation {
    ItemLocation { home: of.home(), place: ItemPlace::Guild(of, slot) }
}

/// Gold that a character carries.
pub(crate) fn purse(of: Fence) -> GoldLocation {
    GoldLocation { home: of.account, account: GoldAccount::Character(of.character) }
}

/// Gold in the bank of an account.
pub(crate) fn cargo_gold(of: AccountId) -> GoldLocation {
    GoldLocation { home: of, account: GoldAccount::Cargo(of) }
}

/// Gold in a parcel for an account.
pub(crate) fn parcel_gold(parcel: ParcelId, receiver: AccountId) -> GoldLocation {
    GoldLocation { home: receiver, account: GoldAccount::Parcel(parcel) }
}

/// Gold in the bank of a guild.
pub(crate) fn guild_gold(of: GuildId) -> GoldLocation {
    GoldLocation { home: of.home(), account: GoldAccount::Guild(of) }
}

/// An item goes from one place to another as it is.
pub(crate) fn goes(item: Item, from: ItemLocation, to: ItemLocation) -> Move {
    Move::Item { item, from, to, effects: item.effects }
}

/// An item stays where it is and becomes another stack.
pub(crate) fn becomes(item: Item, at: ItemLocation, effects: [Effect; 3]) -> Move {
    Move::Item { item, from: at, to: at, effects }
}

/// Gold goes from one account to another.
pub(crate) fn pays(amount: i64, from: GoldLocation, to: GoldLocation) -> Move {
    Move::Gold { amount, from, to }
}
