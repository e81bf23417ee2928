//! A shard in memory, for simulations: it judges with the code of the real ones, keeps on its [`Disk`] what a real
//! one keeps, and forgets the rest when it dies.
//!
//! It knows neither time nor the network. What is locked is answered with [`Begun::Busy`]: waiting is the caller's.

use crate::ledger::Spot;
use crate::transfer::{
    AccountSeen, CharacterSeen, Doings, ItemRow, ItemSeen, Part, Plan, PurseKey, RecordId, RecordRow,
    RecordSeen, Seen, outcome_of,
};
use model::calls::database::{Cargo, Failure, HeldRecord};
use model::guild::Place;
use model::id::{AccountId, CharacterId, Epoch, ItemId, LotId, OperationId};
use model::item::{CARGO_SLOTS, Item, ItemKind};
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::{Record, RecordKey, Transfer, TransferRefusal, Transferred};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a transfer ended.
pub type Outcome = Result<Transferred, TransferRefusal>;

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    tables: Tables,
    prepared: BTreeMap<String, Prepared>,
}

#[derive(Clone, Debug, Default)]
struct Tables {
    characters: BTreeMap<i64, CharacterSeen>,
    accounts: BTreeMap<i64, AccountSeen>,
    records: BTreeMap<RecordId, RecordRow>,
    items: BTreeMap<u128, ItemRow>,
    purses: BTreeMap<PurseKey, i64>,
    operations: BTreeMap<u128, Outcome>,
    /// What was done and is at home here, in the order in which it was.
    performed: Vec<Transfer>,
}

#[derive(Clone, Debug)]
struct Prepared {
    work: Work,
    outcome: Outcome,
    at_ms: i64,
}

/// What a transaction will write, and what it has locked.
#[derive(Clone, Debug)]
struct Work {
    operation: OperationId,
    /// True where the outcome is stored.
    is_home: bool,
    transfer: Transfer,
    doings: Doings,
    locks: BTreeSet<Lock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lock {
    Operation(u128),
    Character(i64),
    Bank(i64),
    Record(RecordId),
    Item(u128),
    Place(i64, i64, i64),
    Purse(PurseKey),
}

/// What the part of one shard says to the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said(Vec<(usize, GoldAccount, i64)>);

/// What came of beginning a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Begun {
    /// It can be done here; what it touches is locked.
    Ready(Said),
    /// Something against it.
    Refused(TransferRefusal),
    /// It was done before.
    Done(Outcome),
    /// Somebody else has locked something of it.
    Busy,
}

impl Disk {
    /// Puts an account there.
    pub fn account(&mut self, account: AccountId, cargo_gold: i64) {
        self.tables.accounts.insert(account.0 as i64, AccountSeen { is_frozen: false, cargo_gold });
    }

    /// Puts a character there; its epoch is 0.
    pub fn character(&mut self, account: AccountId, character: CharacterId, gold: i64) {
        let seen = CharacterSeen { account: account.0 as i64, epoch: 0, gold, place: Place::NONE };
        self.tables.characters.insert(character.0 as i64, seen);
    }

    /// Puts an item there.
    pub fn item(&mut self, home: AccountId, item: &Item, place: ItemPlace) {
        let row = ItemRow {
            id: item.id.0,
            bucket: placement::bucket_of(home) as i16,
            kind: item.kind.0.into(),
            effects: crate::rows::effect_bytes(item),
            spot: Spot::of(&place),
        };
        self.tables.items.insert(item.id.0, row);
    }

    /// Every item with its place: kind, owner, slot.
    pub fn items(&self) -> impl Iterator<Item = (ItemId, (i64, i64, i64))> + '_ {
        self.tables.items.values().map(|row| (ItemId(row.id), (row.spot.kind, row.spot.owner, row.spot.slot)))
    }

    /// What lies at a place, for comparison with [`Disk::items`].
    pub fn spot(place: &ItemPlace) -> (i64, i64, i64) {
        let spot = Spot::of(place);
        (spot.kind, spot.owner, spot.slot)
    }

    /// What every character carries.
    pub fn carried(&self) -> impl Iterator<Item = (CharacterId, i64)> + '_ {
        self.tables.characters.iter().map(|(id, seen)| (CharacterId(*id as u64), seen.gold))
    }

    /// What every account has in its bank.
    pub fn banked(&self) -> impl Iterator<Item = (AccountId, i64)> + '_ {
        self.tables.accounts.iter().map(|(id, seen)| (AccountId(*id as u64), seen.cargo_gold))
    }

    /// Every transfer that was done and is at home here, in the order in which it was.
    pub fn performed(&self) -> &[Transfer] {
        &self.tables.performed
    }

    /// The gold of every purse that is neither a character's nor a bank's: kind, owner.
    pub fn purses(&self) -> impl Iterator<Item = ((i16, i64), i64)> + '_ {
        self.tables.purses.iter().map(|(key, gold)| (*key, *gold))
    }

    /// Number of the records that are there.
    pub fn records(&self) -> usize {
        self.tables.records.len()
    }

    /// What lies in one container: slot and item, in order.
    fn lying(&self, kind: i64, owner: i64) -> Result<Vec<(u8, Item)>, Failure> {
        let rows = self.tables.items.values().filter(|row| (row.spot.kind, row.spot.owner) == (kind, owner));
        let item = |row: &ItemRow| {
            let effects = crate::rows::effects(&row.effects)?;
            let kind = ItemKind(u16::try_from(row.kind).unwrap_or_default());
            Ok((row.spot.slot as u8, Item { id: ItemId(row.id), kind, effects }))
        };
        let mut items = rows.map(item).collect::<Result<Vec<_>, Failure>>()?;
        items.sort_by_key(|(slot, _)| *slot);
        Ok(items)
    }

    /// The characters of an account.
    pub fn characters_of(&self, account: AccountId) -> impl Iterator<Item = CharacterId> + '_ {
        let is_own = move |seen: &CharacterSeen| seen.account == account.0 as i64;
        let own = self.tables.characters.iter().filter(move |(_, seen)| is_own(seen));
        own.map(|(id, _)| CharacterId(*id as u64))
    }

    /// What a character carries.
    pub fn carry(&self, character: CharacterId) -> Result<Vec<(u8, Item)>, Failure> {
        self.lying(Spot::of(&ItemPlace::Carry(character, 0)).kind, character.0 as i64)
    }

    /// What lies in the bank of an account.
    pub fn cargo(&self, account: AccountId) -> Result<Option<Cargo>, Failure> {
        let Some(seen) = self.tables.accounts.get(&(account.0 as i64)) else { return Ok(None) };
        let mut cargo = Cargo { items: vec![None; CARGO_SLOTS], gold: seen.cargo_gold };
        for (slot, item) in self.lying(Spot::of(&ItemPlace::Cargo(account, 0)).kind, account.0 as i64)? {
            cargo.items[usize::from(slot)] = Some(item);
        }
        Ok(Some(cargo))
    }

    /// A lot with what is in it.
    pub fn lot(&self, lot: LotId) -> Result<Option<HeldRecord>, Failure> {
        let kind = Spot::of(&ItemPlace::Lot(lot, 0)).kind;
        let owner = lot.0 as i64;
        let Some(row) = self.tables.records.get(&(kind as i16, owner)) else { return Ok(None) };
        let record = Record {
            key: RecordKey::Lot(lot),
            home: AccountId(row.home as u64),
            version: row.version as u64,
            scope: row.scope as u64,
            until_ms: row.until_ms,
            body: row.body.clone(),
        };
        let gold = self.tables.purses.get(&(kind as i16, owner)).copied().unwrap_or(0);
        Ok(Some(HeldRecord { record, items: self.lying(kind, owner)?, gold }))
    }

    /// Lots with a higher number than this, in order.
    pub fn lots(&self, after: u64) -> Result<Vec<HeldRecord>, Failure> {
        let kind = Spot::of(&ItemPlace::Lot(LotId(0), 0)).kind as i16;
        let lots = self.tables.records.keys().filter(|(of, lot)| *of == kind && *lot as u64 > after);
        lots.filter_map(|(_, lot)| self.lot(LotId(*lot as u64)).transpose()).collect()
    }

    /// How many transactions are prepared.
    pub fn in_doubt(&self) -> usize {
        self.prepared.len()
    }
}

/// A running shard.
pub struct MemoryShard {
    index: u16,
    shards: u16,
    open: BTreeMap<u64, Work>,
}

impl MemoryShard {
    /// Shard `index` of `shards`, just started.
    pub fn new(index: u16, shards: u16) -> Self {
        Self { index, shards, open: BTreeMap::new() }
    }

    /// The shard of an account among `shards`.
    pub fn of(account: AccountId, shards: u16) -> u16 {
        placement::bucket_of(account) % shards
    }

    /// The shards that take part in a transfer, its home first asked for what was done; a refusal when it is no
    /// transfer.
    pub fn taking_part(transfer: &Transfer, shards: u16) -> Result<(u16, Vec<u16>), TransferRefusal> {
        let plan = Plan::of(transfer)?;
        let parts = plan.parts(|account| Self::of(account, shards));
        Ok((Self::of(plan.home(), shards), parts.into_keys().collect()))
    }

    /// Begins the part of this shard in a transaction of that number.
    pub fn begin(&mut self, disk: &Disk, number: u64, transfer: &Transfer) -> Result<Begun, Failure> {
        let missing = || Failure::Corrupt("not a part of this shard".to_owned());
        let plan = Plan::of(transfer).map_err(|_| missing())?;
        let mut parts = plan.parts(|account| Self::of(account, self.shards));
        let part = parts.remove(&self.index).ok_or_else(missing)?;
        let locks = locks(transfer.operation, &part);
        if self.locked(disk).any(|other| !other.is_disjoint(&locks)) {
            return Ok(Begun::Busy);
        }
        if let Some(outcome) = disk.tables.operations.get(&transfer.operation.0) {
            return Ok(Begun::Done(outcome.clone()));
        }
        match part.judge(&disk.tables.see(&part))? {
            Err(no) => Ok(Begun::Refused(no.refusal)),
            Ok(doings) => {
                let said = Said(doings.balances.clone());
                let is_home = part.claims.iter().any(|claim| claim.is_home);
                let work = Work {
                    operation: transfer.operation,
                    is_home,
                    transfer: transfer.clone(),
                    doings,
                    locks,
                };
                self.open.insert(number, work);
                Ok(Begun::Ready(said))
            }
        }
    }

    fn locked<'a>(&'a self, disk: &'a Disk) -> impl Iterator<Item = &'a BTreeSet<Lock>> {
        let prepared = disk.prepared.values().map(|prepared| &prepared.work.locks);
        self.open.values().map(|work| &work.locks).chain(prepared)
    }

    /// Makes sure that it can be committed whatever happens.
    pub fn prepare(
        &mut self,
        disk: &mut Disk,
        number: u64,
        gid: &str,
        (said, at_ms): (&[Said], i64),
    ) -> Result<(), Failure> {
        let work = self.take(number)?;
        disk.prepared.insert(gid.to_owned(), Prepared { work, outcome: Ok(together(said)), at_ms });
        Ok(())
    }

    /// Commits in one step, when no other shard takes part.
    pub fn commit_alone(&mut self, disk: &mut Disk, number: u64, said: &[Said]) -> Result<Outcome, Failure> {
        let work = self.take(number)?;
        let outcome = Ok(together(said));
        disk.tables.write(work, outcome.clone());
        Ok(outcome)
    }

    fn take(&mut self, number: u64) -> Result<Work, Failure> {
        let gone = || Failure::Unavailable("the transaction is not there any more".to_owned());
        self.open.remove(&number).ok_or_else(gone)
    }

    /// The transaction's connection is gone, or it is rolled back before it was prepared.
    pub fn abandon(&mut self, number: u64) {
        self.open.remove(&number);
    }

    /// Ends an operation with a refusal unless it was done before; what it ended with, or `None` while somebody is
    /// about to do it.
    pub fn conclude(
        &mut self,
        disk: &mut Disk,
        operation: OperationId,
        refusal: TransferRefusal,
    ) -> Option<Outcome> {
        let lock = Lock::Operation(operation.0);
        if self.locked(disk).any(|locks| locks.contains(&lock)) {
            return None;
        }
        Some(disk.tables.operations.entry(operation.0).or_insert(Err(refusal)).clone())
    }

    /// Takes ownership of a character: its epoch and its gold; `None` while it is locked or when it does not exist.
    pub fn load(&mut self, disk: &mut Disk, character: CharacterId) -> Option<(Epoch, i64)> {
        let lock = Lock::Character(character.0 as i64);
        if self.locked(disk).any(|locks| locks.contains(&lock)) {
            return None;
        }
        let seen = disk.tables.characters.get_mut(&(character.0 as i64))?;
        seen.epoch += 1;
        Some((Epoch(seen.epoch as u64), seen.gold))
    }
}

impl Disk {
    /// Commits what was prepared, if it is still there.
    pub fn commit(&mut self, gid: &str) {
        if let Some(Prepared { work, outcome, .. }) = self.prepared.remove(gid) {
            self.tables.write(work, outcome);
        }
    }

    /// Takes back what was prepared, if it is still there.
    pub fn rollback(&mut self, gid: &str) {
        self.prepared.remove(gid);
    }

    /// What is prepared, and when it was, in milliseconds.
    pub fn prepared(&self) -> impl Iterator<Item = (&str, i64)> + '_ {
        self.prepared.iter().map(|(gid, prepared)| (gid.as_str(), prepared.at_ms))
    }

    /// The outcome of an operation that is at home here and was done.
    pub fn stored(&self, operation: OperationId) -> Option<&Outcome> {
        self.tables.operations.get(&operation.0)
    }
}

fn together(said: &[Said]) -> Transferred {
    outcome_of(said.iter().flat_map(|said| said.0.iter().cloned()))
}

fn locks(operation: OperationId, part: &Part<'_>) -> BTreeSet<Lock> {
    let mut locks: BTreeSet<Lock> = part.characters.iter().map(|id| Lock::Character(*id)).collect();
    if !part.only_looks() {
        locks.insert(Lock::Operation(operation.0));
    }
    locks.extend(part.banks.iter().map(|id| Lock::Bank(*id)));
    locks.extend(part.records.iter().map(|id| Lock::Record(*id)));
    locks.extend(part.items.iter().map(|id| Lock::Item(*id)));
    locks.extend(part.spots.iter().map(|spot| Lock::Place(spot.kind, spot.owner, spot.slot)));
    locks.extend(part.purses.iter().map(|id| Lock::Purse(*id)));
    locks
}

impl Tables {
    fn see(&self, part: &Part<'_>) -> Seen {
        let mut seen = Seen::default();
        let mut items = part.items.clone();
        for row in self.items.values() {
            let ends = (row.spot.kind as i16, row.spot.owner);
            if part.spots.contains(&row.spot) || part.ending.contains(&ends) {
                seen.lying.insert(row.spot, row.id);
            }
        }
        items.retain(|id| self.items.contains_key(id));
        for row in items.iter().filter_map(|id| self.items.get(id)) {
            let found = ItemSeen {
                bucket: row.bucket,
                kind: row.kind.into(),
                effects: row.effects.to_vec(),
                spot: row.spot,
            };
            seen.items.insert(row.id, found);
        }
        let known = |ids: &[i64]| ids.to_vec();
        seen.characters.extend(
            known(&part.characters).into_iter().filter_map(|id| Some((id, *self.characters.get(&id)?))),
        );
        seen.accounts
            .extend(known(&part.accounts).into_iter().filter_map(|id| Some((id, *self.accounts.get(&id)?))));
        for id in &part.records {
            let found = self.records.get(id).map(|row| RecordSeen { version: row.version, home: row.home });
            seen.records.extend(found.map(|found| (*id, found)));
        }
        for id in &part.purses {
            seen.purses.extend(self.purses.get(id).map(|balance| (*id, *balance)));
        }
        seen
    }

    fn write(&mut self, work: Work, outcome: Outcome) {
        let Work { operation, is_home, transfer, doings, .. } = work;
        for (character, gold) in doings.carried {
            self.characters.entry(character).and_modify(|seen| seen.gold = gold);
        }
        for (character, place) in doings.placed {
            self.characters.entry(character).and_modify(|seen| seen.place = place);
        }
        for (account, gold) in doings.banked {
            self.accounts.entry(account).and_modify(|seen| seen.cargo_gold = gold);
        }
        for (key, _, balance) in doings.purses {
            self.purses.insert(key, balance);
        }
        for id in doings.gone {
            self.items.remove(&id);
        }
        for row in doings.moved.into_iter().chain(doings.come) {
            self.items.insert(row.id, row);
        }
        for (row, _) in doings.put {
            self.records.insert(row.id, row);
        }
        for id in doings.ended {
            self.records.remove(&id);
        }
        if is_home {
            self.operations.insert(operation.0, outcome);
            self.performed.push(transfer);
        }
    }
}
