//! What follows from what a shard saw: all that it is to write, or the first reason against it.

use super::part::{Part, PurseKey, RecordId, bucket, owner_of_gold, owner_of_place, record_id};
use super::rules::{is_world, item_ways, limit, named, player, record_of_gold, record_of_place};
use crate::codec;
use crate::ledger::{Spot, Written, purse_of};
use crate::planted::{self, Bug};
use model::calls::database::Failure;
use model::guild::Place;
use model::id::{AccountId, ItemId};
use model::item::{Effect, Item};
use model::ledger::GoldAccount;
use model::transfer::{
    Move, RecordChange, RecordKey, SoftWrite, Standing, Transfer, TransferRefusal, Transferred,
};
use std::collections::{BTreeMap, HashMap};

mod lines;

/// A character that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CharacterSeen {
    pub(crate) account: i64,
    pub(crate) epoch: i64,
    pub(crate) gold: i64,
    pub(crate) place: Place,
}

/// An account that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AccountSeen {
    pub(crate) is_frozen: bool,
    pub(crate) cargo_gold: i64,
}

/// An item that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemSeen {
    pub(crate) bucket: i16,
    pub(crate) kind: i64,
    pub(crate) effects: Vec<u8>,
    pub(crate) spot: Spot,
}

/// A record that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordSeen {
    pub(crate) version: i64,
    pub(crate) home: i64,
}

/// What a shard read of all that its [`Part`] names, after locking it. What is not there is not in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) characters: HashMap<i64, CharacterSeen>,
    pub(crate) accounts: HashMap<i64, AccountSeen>,
    pub(crate) records: HashMap<RecordId, RecordSeen>,
    pub(crate) items: HashMap<u128, ItemSeen>,
    /// Who lies at [`Part::spots`], and all that lies in [`Part::ending`]; more does no harm.
    pub(crate) lying: BTreeMap<Spot, u128>,
    pub(crate) purses: HashMap<PurseKey, i64>,
}

/// An item as it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemRow {
    pub(crate) id: u128,
    pub(crate) bucket: i16,
    pub(crate) kind: i32,
    pub(crate) effects: [u8; 6],
    pub(crate) spot: Spot,
}

/// A record as it is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordRow {
    pub(crate) id: RecordId,
    pub(crate) home: i64,
    pub(crate) bucket: i16,
    pub(crate) version: i64,
    pub(crate) scope: i64,
    pub(crate) until_ms: i64,
    pub(crate) body: Vec<u8>,
}

/// A soft state that is written unless one as new is there.
#[derive(Clone, Debug)]
pub(crate) struct SoftRow {
    pub(crate) character: i64,
    pub(crate) epoch: i64,
    pub(crate) number: i64,
    /// In the layout of [`codec::SOFT_VERSION`].
    pub(crate) soft: Vec<u8>,
}

/// What a shard writes, besides [`Part::claims`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Doings {
    /// Characters and the gold that they carry then.
    pub(crate) carried: Vec<(i64, i64)>,
    /// Soft states.
    pub(crate) softs: Vec<SoftRow>,
    /// Characters, and the guild and rank that they have then.
    pub(crate) placed: Vec<(i64, Place)>,
    /// Accounts and the gold in their bank then.
    pub(crate) banked: Vec<(i64, i64)>,
    /// Purses, their bucket, and what they hold then; one that is empty then has no row.
    pub(crate) purses: Vec<(PurseKey, i16, i64)>,
    /// Items that are not here any more: they ended or went to another shard.
    pub(crate) gone: Vec<u128>,
    /// Items that are here and change; two may swap their places.
    pub(crate) moved: Vec<ItemRow>,
    /// Items that were not here.
    pub(crate) come: Vec<ItemRow>,
    /// Records to write, each with whether it is new.
    pub(crate) put: Vec<(RecordRow, bool)>,
    /// Records that end.
    pub(crate) ended: Vec<RecordId>,
    /// Entries of the ledger, in their order.
    pub(crate) lines: Vec<Written>,
    /// For [`outcome`]: by the order of the moves.
    pub(crate) balances: Vec<Told>,
}

/// What one purse holds after a transfer, with the order in which it is told.
pub(crate) type Told = (usize, GoldAccount, i64);

/// The outcome of a transfer that all its shards do.
pub(crate) fn outcome<'a>(doings: impl IntoIterator<Item = &'a Doings>) -> Transferred {
    outcome_of(doings.into_iter().flat_map(|doings| doings.balances.iter().cloned()))
}

/// The outcome of a transfer from what all its shards tell.
pub(crate) fn outcome_of(told: impl IntoIterator<Item = Told>) -> Transferred {
    let mut found: Vec<Told> = told.into_iter().collect();
    found.sort_by_key(|(position, ..)| *position);
    Transferred { balances: found.into_iter().map(|(_, account, balance)| (account, balance)).collect() }
}

/// A reason against it. Of several the lowest is the refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct No {
    rank: u8,
    position: usize,
    /// What to tell.
    pub(crate) refusal: TransferRefusal,
}

impl No {
    fn new(position: usize, refusal: TransferRefusal) -> Self {
        use TransferRefusal as R;
        let rank = match &refusal {
            R::Frozen(_) => 0,
            R::Stale(_) => 1,
            R::NoSuchOwner(_) => 2,
            R::RecordChanged(_) => 3,
            R::ItemGone(_) => 4,
            R::PlaceTaken(_) => 5,
            R::NotEnough(_) => 6,
            R::TooMuch(_) => 7,
            R::Malformed(_) => 8,
            R::StandingChanged(_) => 3,
        };
        Self { rank, position, refusal }
    }

    /// The one of two that counts.
    pub(crate) fn or(self, other: Self) -> Self {
        if (other.rank, other.position) < (self.rank, self.position) { other } else { self }
    }
}

impl Part<'_> {
    /// What this shard is to write, or its first reason against it.
    pub(crate) fn judge(&self, seen: &Seen) -> Result<Result<Doings, No>, Failure> {
        let mut judge = Judge { part: self, transfer: self.transfer, seen, no: None };
        judge.check_people();
        judge.check_standings();
        judge.check_records();
        judge.check_items();
        let purses = judge.balance();
        judge.check_endings(&purses);
        match judge.no.take() {
            Some(no) => Ok(Err(no)),
            None => judge.doings(&purses).map(Ok),
        }
    }
}

/// A purse of this shard that the transfer names.
struct Balance {
    position: usize,
    account: GoldAccount,
    home: AccountId,
    before: i64,
    /// Wide enough for all moves together.
    after: i128,
}

type Balances = BTreeMap<(i16, i64), Balance>;

struct Judge<'a> {
    part: &'a Part<'a>,
    transfer: &'a Transfer,
    seen: &'a Seen,
    no: Option<No>,
}

impl Judge<'_> {
    fn refuse(&mut self, position: usize, refusal: TransferRefusal) {
        let no = No::new(position, refusal);
        self.no = Some(match self.no.take() {
            Some(other) => other.or(no),
            None => no,
        });
    }

    fn check_people(&mut self) {
        let transfer = self.transfer;
        let fenced = transfer.fences.iter().map(|fence| fence.account);
        let watched = player(&transfer.actor).map(|actor| std::iter::once(actor).chain(fenced));
        for (position, account) in watched.into_iter().flatten().enumerate() {
            let account_seen = self.seen.accounts.get(&(account.0 as i64));
            if self.part.is_here(account) && account_seen.is_some_and(|seen| seen.is_frozen) {
                self.refuse(position, TransferRefusal::Frozen(account));
            }
        }
        for (position, fence) in transfer.fences.iter().enumerate() {
            let found = self.seen.characters.get(&(fence.character.0 as i64));
            let expected = (fence.account.0 as i64, fence.epoch.0 as i64);
            if self.part.is_here(fence.account)
                && found.map(|seen| (seen.account, seen.epoch)) != Some(expected)
                && !planted::is(Bug::NoFencing)
            {
                self.refuse(position, TransferRefusal::Stale(fence.character));
            }
        }
        for (position, step) in transfer.moves.iter().enumerate() {
            let owners = match step {
                Move::Gold { from, to, .. } => [owner_of_gold(from), owner_of_gold(to)],
                other => {
                    let (from, to) = item_ways(other).unwrap_or_default();
                    [from, to].map(|way| way.as_ref().and_then(owner_of_place))
                }
            };
            for owner in owners.into_iter().flatten().filter(|owner| self.part.is_here(*owner)) {
                if !self.seen.accounts.contains_key(&(owner.0 as i64)) {
                    self.refuse(position, TransferRefusal::NoSuchOwner(owner));
                }
            }
        }
    }

    fn check_standings(&mut self) {
        for (position, standing) in self.transfer.standings.iter().enumerate() {
            let found = self.seen.characters.get(&(standing.character.0 as i64));
            let expected = (standing.account.0 as i64, standing.before);
            let differs = found.map(|seen| (seen.account, seen.place)) != Some(expected);
            if self.part.is_here(standing.account) && differs {
                self.refuse(position, TransferRefusal::StandingChanged(standing.character));
            }
        }
    }

    fn check_records(&mut self) {
        let transfer = self.transfer;
        for (position, change) in transfer.records.iter().enumerate() {
            let (key, home) = named(change);
            let expected = match change {
                RecordChange::Put { expected, .. } => *expected as i64,
                // what is removed must be there
                RecordChange::Remove { expected, .. } => (*expected as i64).max(1),
            };
            let found = self.seen.records.get(&record_id(key));
            let as_read = found.map_or(expected == 0, |seen| {
                (seen.version, seen.home) == (expected, home.0 as i64) && expected > 0
            });
            if self.part.is_here(home) && !as_read {
                self.refuse(position, TransferRefusal::RecordChanged(key));
            }
        }
        for (position, step) in transfer.moves.iter().enumerate() {
            let target = match step {
                Move::Gold { to, .. } => record_of_gold(&to.account).map(|key| (key, to.home)),
                other => item_ways(other)
                    .and_then(|(_, to)| to)
                    .and_then(|to| record_of_place(&to.place).map(|key| (key, to.home))),
            };
            let Some((key, home)) = target.filter(|(_, home)| self.part.is_here(*home)) else { continue };
            let is_put = transfer.records.iter().any(|change| named(change).0 == key);
            let found = self.seen.records.get(&record_id(key));
            if !is_put && found.is_none_or(|seen| seen.home != home.0 as i64) {
                // after the changes of records, so that the shards agree on the first
                self.refuse(transfer.records.len() + position, TransferRefusal::RecordChanged(key));
            }
        }
    }

    fn check_items(&mut self) {
        let leaving = self.leaving();
        for (position, step) in self.transfer.moves.iter().enumerate() {
            let (Move::Item { item, .. } | Move::Birth { item, .. } | Move::Death { item, .. }) = step else {
                continue;
            };
            let (from, to) = item_ways(step).unwrap_or_default();
            let found = self.seen.items.get(&item.id.0);
            if let Some(from) = from.filter(|from| self.part.is_here(from.home)) {
                let expected = ItemSeen {
                    bucket: bucket(from.home),
                    kind: item.kind.0.into(),
                    effects: effect_bytes(&item.effects).to_vec(),
                    spot: Spot::of(&from.place),
                };
                if found != Some(&expected) && !planted::is(Bug::ItemNotLookedFor) {
                    self.refuse(position, TransferRefusal::ItemGone(item.id));
                }
            } else if found.is_some() {
                let what = format!("item {} lives already", item.id);
                self.refuse(position, TransferRefusal::Malformed(what));
            }
            if let Some(to) = to.filter(|to| self.part.is_here(to.home)) {
                let spot = Spot::of(&to.place);
                let lying = self.seen.lying.get(&spot);
                if lying.is_some() && lying != leaving.get(&spot) && !planted::is(Bug::PlaceNotLookedAt) {
                    self.refuse(position, TransferRefusal::PlaceTaken(to.place));
                }
            }
        }
    }

    /// The items that leave their places, by place.
    fn leaving(&self) -> HashMap<Spot, u128> {
        let from = |step: &Move| match step {
            Move::Item { item, from, .. } | Move::Death { item, from } => {
                Some((Spot::of(&from.place), item.id.0))
            }
            _ => None,
        };
        self.transfer.moves.iter().filter_map(from).collect()
    }

    fn held(&self, account: &GoldAccount) -> i64 {
        let held = match account {
            GoldAccount::Character(id) => {
                self.seen.characters.get(&(id.0 as i64)).map(|character| character.gold)
            }
            GoldAccount::Cargo(id) => {
                self.seen.accounts.get(&(id.0 as i64)).map(|account| account.cargo_gold)
            }
            other => purse_of(other).and_then(|purse| self.seen.purses.get(&purse).copied()),
        };
        held.unwrap_or_default()
    }

    /// What each purse of this shard holds before and after all moves; refuses what is out of bounds.
    fn balance(&mut self) -> Balances {
        let mut purses = Balances::new();
        for (position, step) in self.transfer.moves.iter().enumerate() {
            let Move::Gold { amount, from, to } = step else { continue };
            for (order, (side, change)) in [(from, -i128::from(*amount)), (to, i128::from(*amount))]
                .into_iter()
                .enumerate()
                .filter(|(_, (side, _))| self.part.is_here(side.home))
            {
                let Some(key) = purse_of(&side.account) else { continue };
                let purse = purses.entry(key).or_insert_with(|| {
                    let before = self.held(&side.account);
                    Balance {
                        position: 2 * position + order,
                        account: side.account.clone(),
                        home: side.home,
                        before,
                        after: before.into(),
                    }
                });
                purse.after += change;
                let comes = order == 1 && !self.part.is_here(from.home);
                if comes && planted::is(Bug::CreditedTwice) {
                    purse.after += change;
                }
            }
        }
        for purse in purses.values() {
            if purse.after < 0 && planted::is(Bug::GoldNotCounted) {
                continue;
            }
            if purse.after < 0 {
                self.refuse(purse.position, TransferRefusal::NotEnough(purse.account.clone()));
            } else if purse.after > limit(&purse.account).into() && !planted::is(Bug::GoldNotBounded) {
                self.refuse(purse.position, TransferRefusal::TooMuch(purse.account.clone()));
            }
        }
        purses
    }

    /// A record that ends leaves nothing behind.
    fn check_endings(&mut self, purses: &Balances) {
        let leaving = self.leaving();
        for (position, change) in self.transfer.records.iter().enumerate() {
            let RecordChange::Remove { key, home, .. } = change else { continue };
            if !self.part.is_here(*home) {
                continue;
            }
            let id = record_id(*key);
            let lies_in = |spot: &Spot| (spot.kind, spot.owner) == (id.0.into(), id.1);
            let stays = |(spot, item): (&Spot, &u128)| lies_in(spot) && leaving.get(spot) != Some(item);
            let gold = purses.get(&id).map_or_else(
                || self.seen.purses.get(&id).copied().unwrap_or_default().into(),
                |purse| purse.after,
            );
            if gold != 0 || self.seen.lying.iter().any(stays) {
                let what = format!("record {key:?} ends and is not empty");
                self.refuse(self.transfer.moves.len() + position, TransferRefusal::Malformed(what));
            }
        }
    }

    fn doings(&self, purses: &Balances) -> Result<Doings, Failure> {
        let mut doings = Doings::default();
        for (key, purse) in purses {
            let after = narrow(purse.after)?;
            doings.balances.push((purse.position, purse.account.clone(), after));
            match &purse.account {
                GoldAccount::Character(id) => doings.carried.push((id.0 as i64, after)),
                GoldAccount::Cargo(id) => doings.banked.push((id.0 as i64, after)),
                _ => doings.purses.push((*key, bucket(purse.home), after)),
            }
        }
        for SoftWrite { character, number, soft } in &self.transfer.softs {
            let is_here = |fence: &&model::transfer::Fence| self.part.is_here(fence.account);
            let mut fences = self.transfer.fences.iter().filter(is_here);
            if let Some(fence) = fences.find(|fence| fence.character == *character) {
                doings.softs.push(SoftRow {
                    character: character.0 as i64,
                    epoch: fence.epoch.0 as i64,
                    number: *number as i64,
                    soft: codec::encode_soft(soft)?,
                });
            }
        }
        for Standing { account, character, before, after } in &self.transfer.standings {
            if self.part.is_here(*account) && before != after {
                doings.placed.push((character.0 as i64, *after));
            }
        }
        for change in &self.transfer.records {
            self.record(change, &mut doings);
        }
        for step in &self.transfer.moves {
            self.item(step, &mut doings);
        }
        doings.lines = self.lines(purses);
        Ok(doings)
    }

    fn record(&self, change: &RecordChange, doings: &mut Doings) {
        let (key, home): (RecordKey, AccountId) = named(change);
        if !self.part.is_here(home) {
            return;
        }
        match change {
            RecordChange::Remove { .. } => doings.ended.push(record_id(key)),
            RecordChange::Put { record, expected } => {
                let row = RecordRow {
                    id: record_id(key),
                    home: home.0 as i64,
                    bucket: bucket(home),
                    version: *expected as i64 + 1,
                    scope: record.scope as i64,
                    until_ms: record.until_ms,
                    body: record.body.clone(),
                };
                doings.put.push((row, *expected == 0));
            }
        }
    }

    fn item(&self, step: &Move, doings: &mut Doings) {
        let (item, effects) = match step {
            Move::Item { item, effects, .. } => (item, effects),
            Move::Birth { item, .. } | Move::Death { item, .. } => (item, &item.effects),
            Move::Gold { .. } => return,
        };
        let (from, to) = item_ways(step).unwrap_or_default();
        let was_here = from.is_some_and(|from| self.part.is_here(from.home));
        let row = to.filter(|to| self.part.is_here(to.home)).map(|to| ItemRow {
            id: item.id.0,
            bucket: bucket(to.home),
            kind: item.kind.0.into(),
            effects: effect_bytes(effects),
            spot: Spot::of(&to.place),
        });
        match (was_here, row) {
            (true, Some(_)) if from == to && *effects == item.effects => {}
            (true, Some(row)) => doings.moved.push(row),
            (true, None) if planted::is(Bug::ItemLeftBehind) => {}
            (true, None) => doings.gone.push(item.id.0),
            (false, Some(row)) => doings.come.push(row),
            (false, None) => {}
        }
    }
}

fn narrow(balance: i128) -> Result<i64, Failure> {
    i64::try_from(balance).map_err(|_| Failure::Corrupt(format!("a balance of {balance}")))
}

fn effect_bytes(effects: &[Effect; 3]) -> [u8; 6] {
    let kind = model::item::ItemKind(0);
    crate::rows::effect_bytes(&Item { id: ItemId(0), kind, effects: *effects })
}

fn is_purse_here(part: &Part<'_>, home: AccountId, account: &GoldAccount) -> bool {
    part.is_here(home) && !is_world(account)
}
