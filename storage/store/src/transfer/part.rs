//! What one shard has to look at for a transfer.

use super::rules::{is_world, item_ways, named, player, record_of_gold, record_of_place};
use crate::ledger::{Spot, purse_of};
use model::id::AccountId;
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::{GoldLocation, ItemLocation, Move, RecordChange, RecordKey, RecordKind, Transfer};
use std::collections::BTreeSet;

/// A purse by kind and owner, as stored.
pub(crate) type PurseKey = (i16, i64);
/// A record by kind and number, as stored.
pub(crate) type RecordId = (i16, i64);

/// The row of the operation in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// Where.
    pub(crate) bucket: i16,
    /// True for the one that holds the outcome ([`super::KIND`]); the others are [`super::PART_KIND`] with
    /// [`Part::home`] as their outcome.
    pub(crate) is_home: bool,
}

/// The part of one shard. All lists are sorted: locks are taken in this order.
#[derive(Clone, Debug)]
pub(crate) struct Part<'a> {
    pub(super) transfer: &'a Transfer,
    /// Where the outcome is stored, on whatever shard.
    pub(crate) home: AccountId,
    /// Rows of the operation to write if it is done; a refusal is written in the home's bucket only.
    pub(crate) claims: Vec<Claim>,
    /// Characters to lock and read.
    pub(crate) characters: Vec<i64>,
    /// Accounts to read.
    pub(crate) accounts: Vec<i64>,
    /// Those among them to lock, since the gold of their bank changes.
    pub(crate) banks: Vec<i64>,
    /// Records to lock and read.
    pub(crate) records: Vec<RecordId>,
    /// Those among them that end: all items that lie in them are to be seen.
    pub(crate) ending: Vec<RecordId>,
    /// Items to lock and read, if they are there.
    pub(crate) items: Vec<u128>,
    /// Places to look at: which item lies there.
    pub(crate) spots: Vec<Spot>,
    /// Purses to lock and read, if they are there.
    pub(crate) purses: Vec<PurseKey>,
    here: BTreeSet<u64>,
}

impl<'a> Part<'a> {
    pub(super) fn new(transfer: &'a Transfer, home: AccountId, is_here: impl Fn(AccountId) -> bool) -> Self {
        let mut lists = Lists::default();
        if is_here(home) {
            lists.buckets.insert(bucket(home));
            lists.here.insert(home.0);
        }
        for account in player(&transfer.actor).into_iter().filter(|account| is_here(*account)) {
            lists.account(account);
        }
        for fence in transfer.fences.iter().filter(|fence| is_here(fence.account)) {
            lists.account(fence.account);
            lists.characters.insert(fence.character.0 as i64);
            if transfer.softs.iter().any(|soft| soft.character == fence.character) {
                lists.touched(fence.account);
            }
        }
        for standing in transfer.standings.iter().filter(|standing| is_here(standing.account)) {
            lists.touched(standing.account);
            lists.characters.insert(standing.character.0 as i64);
        }
        for change in transfer.records.iter().filter(|change| is_here(named(change).1)) {
            lists.change(change);
        }
        for step in &transfer.moves {
            lists.step(step, &is_here);
        }
        let of_home = |bucket: i16| is_here(home) && self::bucket(home) == bucket;
        Self {
            transfer,
            home,
            claims: lists
                .buckets
                .into_iter()
                .map(|bucket| Claim { bucket, is_home: of_home(bucket) })
                .collect(),
            characters: lists.characters.into_iter().collect(),
            accounts: lists.accounts.into_iter().collect(),
            banks: lists.banks.into_iter().collect(),
            records: lists.records.into_iter().collect(),
            ending: lists.ending.into_iter().collect(),
            items: lists.items.into_iter().collect(),
            spots: lists.spots.into_iter().collect(),
            purses: lists.purses.into_iter().collect(),
            here: lists.here,
        }
    }

    /// The transfer that it is a part of.
    pub(crate) fn transfer(&self) -> &'a Transfer {
        self.transfer
    }

    /// True when this shard writes nothing: it is only asked whether somebody may.
    pub(crate) fn only_looks(&self) -> bool {
        self.claims.is_empty()
    }

    /// Buckets of this shard that it is about, sorted.
    pub(crate) fn buckets(&self) -> Vec<i16> {
        let here = self.here.iter().map(|home| bucket(AccountId(*home)));
        let accounts = self.accounts.iter().map(|account| bucket(AccountId(*account as u64)));
        let claimed = self.claims.iter().map(|claim| claim.bucket);
        let all: BTreeSet<i16> = here.chain(accounts).chain(claimed).collect();
        all.into_iter().collect()
    }

    pub(super) fn is_here(&self, home: AccountId) -> bool {
        self.here.contains(&home.0)
    }
}

/// The bucket of an account as stored.
pub(super) fn bucket(home: AccountId) -> i16 {
    placement::bucket_of(home) as i16
}

/// Kind of a record as stored, that of its place and its purse too, if it has any.
pub(crate) fn record_kind(kind: RecordKind) -> i16 {
    match kind {
        RecordKind::Lot => 4,
        RecordKind::Parcel => 5,
        RecordKind::Ground => 6,
        RecordKind::Amendment => 10,
        RecordKind::Guild => 11,
        RecordKind::GuildName => 12,
        RecordKind::GuildMember => 13,
        RecordKind::Friends => 14,
    }
}

/// A record as stored.
pub(crate) fn record_id(key: RecordKey) -> RecordId {
    (record_kind(key.kind()), key.number() as i64)
}

/// The account that must be there for a place to be.
pub(super) fn owner_of_place(location: &ItemLocation) -> Option<AccountId> {
    let owned = matches!(location.place, ItemPlace::Cargo(..) | ItemPlace::Lot(..) | ItemPlace::Parcel(..));
    owned.then_some(location.home)
}

/// The account that must be there for gold to be.
pub(super) fn owner_of_gold(location: &GoldLocation) -> Option<AccountId> {
    let owned = matches!(
        location.account,
        GoldAccount::Cargo(_) | GoldAccount::Lot(_) | GoldAccount::Parcel(_) | GoldAccount::Cash(_)
    );
    owned.then_some(location.home)
}

#[derive(Default)]
struct Lists {
    here: BTreeSet<u64>,
    buckets: BTreeSet<i16>,
    characters: BTreeSet<i64>,
    accounts: BTreeSet<i64>,
    banks: BTreeSet<i64>,
    records: BTreeSet<RecordId>,
    ending: BTreeSet<RecordId>,
    items: BTreeSet<u128>,
    spots: BTreeSet<Spot>,
    purses: BTreeSet<PurseKey>,
}

impl Lists {
    fn account(&mut self, account: AccountId) {
        self.here.insert(account.0);
        self.accounts.insert(account.0 as i64);
    }

    fn touched(&mut self, home: AccountId) {
        self.here.insert(home.0);
        self.buckets.insert(bucket(home));
    }

    fn change(&mut self, change: &RecordChange) {
        let (key, home) = named(change);
        self.touched(home);
        self.records.insert(record_id(key));
        if let RecordChange::Remove { .. } = change {
            self.ending.insert(record_id(key));
            if !matches!(key, RecordKey::Ground(_)) {
                self.purses.insert(record_id(key));
            }
        }
    }

    fn step(&mut self, step: &Move, is_here: &impl Fn(AccountId) -> bool) {
        match step {
            Move::Item { item, .. } | Move::Birth { item, .. } | Move::Death { item, .. } => {
                let (from, to) = item_ways(step).unwrap_or_default();
                for location in from.into_iter().chain(to).filter(|location| is_here(location.home)) {
                    self.touched(location.home);
                    self.items.insert(item.id.0);
                    owner_of_place(&location).into_iter().for_each(|owner| self.account(owner));
                }
                if let Some(to) = to.filter(|to| is_here(to.home)) {
                    self.spots.insert(Spot::of(&to.place));
                    self.records.extend(record_of_place(&to.place).map(record_id));
                }
            }
            Move::Gold { from, to, .. } => {
                for side in [from, to].into_iter().filter(|side| is_here(side.home)) {
                    self.gold(side);
                }
                let target = record_of_gold(&to.account).filter(|_| is_here(to.home));
                self.records.extend(target.map(record_id));
            }
        }
    }

    fn gold(&mut self, side: &GoldLocation) {
        self.touched(side.home);
        owner_of_gold(side).into_iter().for_each(|owner| self.account(owner));
        if is_world(&side.account) {
            return;
        }
        match &side.account {
            GoldAccount::Character(_) => {}
            GoldAccount::Cargo(account) => {
                self.banks.insert(account.0 as i64);
            }
            other => self.purses.extend(purse_of(other)),
        }
    }
}
