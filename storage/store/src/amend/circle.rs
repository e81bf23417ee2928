//! What belongs to the account of a character that is restored, and what came to it from whom.

use super::book::Reader;
use super::gold::is_purse;
use super::tainted::{Group, Turn};
use model::calls::ledger::LocatedItem;
use model::id::{AccountId, CharacterId, ItemId};
use model::ledger::{Change, GoldAccount, ItemPlace};
use std::collections::BTreeSet;

/// What may be taken: all that belongs to one account.
#[derive(Clone, Debug)]
pub(super) struct Circle {
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) at_ms: i64,
    /// Characters of the account.
    pub(super) own: BTreeSet<CharacterId>,
}

impl Circle {
    /// True for a place of the account.
    pub(super) fn has_place(&self, place: &ItemPlace) -> bool {
        match place {
            ItemPlace::Equip(character, _) | ItemPlace::Carry(character, _) => self.own.contains(character),
            ItemPlace::Cargo(account, _) => *account == self.account,
            _ => false,
        }
    }

    /// True for what the restored character wears or carries.
    pub(super) fn is_on(&self, place: &ItemPlace) -> bool {
        matches!(place, ItemPlace::Equip(of, _) | ItemPlace::Carry(of, _) if *of == self.character)
    }

    /// True for gold or cash of the account.
    pub(super) fn has_purse(&self, account: &GoldAccount) -> bool {
        match account {
            GoldAccount::Character(character) => self.own.contains(character),
            GoldAccount::Cargo(account) | GoldAccount::Cash(account) => *account == self.account,
            _ => false,
        }
    }

    /// True for what is with the account, in a parcel to it, or on the ground where it dropped it.
    pub(super) fn has(&self, here: &LocatedItem) -> bool {
        here.home == self.account && !matches!(here.place, ItemPlace::Lot(..) | ItemPlace::Guild(..))
    }

    /// True when an item may be taken: it is here, and when the world has to get it back nobody else gave it.
    pub(super) fn may_take(&self, reader: &Reader<'_>, here: &LocatedItem, to_world: bool) -> bool {
        self.has(here) && !(to_world && self.was_with_others(reader, here.item.id, self.at_ms))
    }

    fn was_with_others(&self, reader: &Reader<'_>, item: ItemId, since_ms: i64) -> bool {
        let of_others = |place: &ItemPlace| {
            !self.has_place(place) && !matches!(place, ItemPlace::Ground(_) | ItemPlace::Elsewhere(_))
        };
        let mut life = reader.life(item).iter().filter(|entry| entry.at_ms >= since_ms);
        life.any(|entry| match &entry.change {
            Change::Item { before, after, .. } => {
                before.iter().chain(after).any(|state| of_others(&state.place))
            }
            Change::Gold { .. } => false,
        })
    }

    /// True for what came from the world: it was born in this operation, or lay on the ground and nobody else had it.
    pub(super) fn is_from_world(&self, reader: &Reader<'_>, first: &Turn) -> bool {
        let lay = matches!(first.before, Some((_, ItemPlace::Ground(_))));
        let was_born_there = || {
            reader.life(first.item).first().is_some_and(|entry| {
                matches!(&entry.change, Change::Item { before: None, after: Some(state), .. }
                    if matches!(state.place, ItemPlace::Ground(_)))
            })
        };
        first.before.is_none()
            || (lay && was_born_there() && !self.was_with_others(reader, first.item, i64::MIN))
    }

    /// True when an operation concerns nobody but the account and the world.
    pub(super) fn is_alone(&self, group: &Group<'_>) -> bool {
        group.entries.iter().all(|entry| match &entry.change {
            Change::Item { before, after, .. } => before.iter().chain(after).all(|state| {
                self.has_place(&state.place)
                    || matches!(state.place, ItemPlace::Ground(_) | ItemPlace::Elsewhere(_))
            }),
            Change::Gold { from, to, .. } => {
                [from, to].iter().all(|side| !is_purse(&side.account) || self.has_purse(&side.account))
            }
        })
    }
}
