//! Free places and balances, as they will be while a plan is made.

use super::Goal;
use super::book::{Household, Reader};
use model::id::{AccountId, CharacterId, GuildId, ItemId};
use model::item::{GOLD_MAX, Item};
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::{ItemLocation, RecordKey};
use std::collections::{BTreeMap, BTreeSet};

/// Slots of a bank that every client has.
const BANK_SLOTS: u8 = 120;

/// What the plan leaves so far.
pub(super) struct Scene<'a> {
    reader: &'a Reader<'a>,
    leaving: BTreeSet<ItemId>,
    taken: BTreeSet<ItemPlace>,
    balances: BTreeMap<GoldAccount, i64>,
    /// What the world gives; it gives last, so nothing is paid out of it.
    given: BTreeMap<GoldAccount, i64>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(reader: &'a Reader<'a>) -> Self {
        let (leaving, taken) = (BTreeSet::new(), BTreeSet::new());
        Self { reader, leaving, taken, balances: BTreeMap::new(), given: BTreeMap::new() }
    }

    /// An item gives its place up.
    pub(super) fn leaves(&mut self, item: ItemId) {
        self.leaving.insert(item);
    }

    fn lies(&self, home: AccountId, place: &ItemPlace) -> Option<Option<Item>> {
        let slot = |slots: &[Option<Item>], slot: u8| slots.get(usize::from(slot)).copied();
        let of =
            |character: CharacterId| self.reader.account(home).and_then(|household| household.of(character));
        match place {
            ItemPlace::Equip(character, at) => slot(&of(*character)?.equip, *at),
            ItemPlace::Carry(character, at) => slot(&of(*character)?.carry, *at),
            ItemPlace::Cargo(account, at) => slot(&self.reader.account(*account)?.cargo.items, *at),
            ItemPlace::Guild(guild, at) => slot(&self.reader.guild(*guild)?.items, *at),
            _ => None,
        }
    }

    /// Takes a place if it is there and free.
    pub(super) fn take(&mut self, home: AccountId, place: ItemPlace) -> Option<Goal> {
        let is_free = match self.lies(home, &place)? {
            Some(item) => self.leaving.contains(&item.id),
            None => true,
        };
        (is_free && self.taken.insert(place)).then_some(Goal::At(ItemLocation { home, place }))
    }

    /// The old place if it is free, else one in the bank, else a parcel; `None` when there is no such account.
    pub(super) fn goal(&mut self, account: AccountId, old: Option<ItemPlace>) -> Option<Goal> {
        self.reader.account(account)?;
        let old = old.and_then(|place| self.take(account, place));
        let mut bank = (0..BANK_SLOTS).map(|slot| ItemPlace::Cargo(account, slot));
        let goal = old.or_else(|| bank.find_map(|place| self.take(account, place)));
        Some(goal.unwrap_or(Goal::Parcel(account)))
    }

    /// The old place in the bank of a guild if it is free, else another one.
    pub(super) fn guild_goal(&mut self, guild: GuildId, old: ItemPlace) -> Option<Goal> {
        let home = guild.home();
        let mut bank = (0..BANK_SLOTS).map(|slot| ItemPlace::Guild(guild, slot));
        self.take(home, old).or_else(|| bank.find_map(|place| self.take(home, place)))
    }

    /// By whose bucket a purse is found; `None` when there is no such purse.
    pub(super) fn home(&self, account: &GoldAccount) -> Option<AccountId> {
        match account {
            GoldAccount::Character(character) => Some(self.reader.character(*character)?.account),
            GoldAccount::Cargo(account) | GoldAccount::Cash(account) => {
                self.reader.account(*account).map(|_| *account)
            }
            GoldAccount::Guild(guild) => Some(guild.home()),
            GoldAccount::Parcel(parcel) => {
                self.reader.record(RecordKey::Parcel(*parcel)).map(|held| held.record.home)
            }
            GoldAccount::Lot(lot) => self.reader.record(RecordKey::Lot(*lot)).map(|held| held.record.home),
            _ => None,
        }
    }

    /// What a purse holds.
    pub(super) fn balance(&self, account: &GoldAccount) -> i64 {
        if let Some(balance) = self.balances.get(account) {
            return *balance;
        }
        let gold = match account {
            GoldAccount::Character(character) => self
                .home(account)
                .and_then(|home| self.reader.account(home)?.of(*character))
                .map(|character| character.hard.gold),
            GoldAccount::Cargo(account) => {
                self.reader.account(*account).map(|household| household.cargo.gold)
            }
            GoldAccount::Guild(guild) => self.reader.guild(*guild).map(|cargo| cargo.gold),
            GoldAccount::Cash(account) => self.reader.cash(*account),
            GoldAccount::Parcel(parcel) => {
                self.reader.record(RecordKey::Parcel(*parcel)).map(|held| held.gold)
            }
            _ => None,
        };
        gold.unwrap_or_default()
    }

    /// What a purse may still get.
    pub(super) fn room(&self, account: &GoldAccount) -> i64 {
        let most = match account {
            GoldAccount::Cash(_) => 1 << 52,
            _ => GOLD_MAX,
        };
        most - self.balance(account) - self.given.get(account).copied().unwrap_or_default()
    }

    /// Gold goes, as planned; `None` is the world.
    pub(super) fn pay(&mut self, from: Option<&GoldAccount>, to: Option<&GoldAccount>, amount: i64) {
        if let (None, Some(to)) = (from, to) {
            *self.given.entry(to.clone()).or_default() += amount;
            return;
        }
        for (account, change) in from.map(|from| (from, -amount)).into_iter().chain(to.map(|to| (to, amount)))
        {
            let balance = self.balance(account) + change;
            self.balances.insert(account.clone(), balance);
        }
    }
}

impl Household {
    /// One of its characters.
    pub(super) fn of(&self, character: CharacterId) -> Option<&model::Character> {
        self.characters.iter().find(|other| other.id == character)
    }
}
