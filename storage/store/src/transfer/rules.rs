//! The rules that a transfer obeys by itself, before anything is looked at.

use super::part::Part;
use model::guild::{MEMBER, is_rank};
use model::id::{AccountId, CharacterId, ItemId};
use model::item::{CARGO_SLOTS, CARRY_SLOTS, EQUIP_SLOTS, GOLD_MAX};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{
    FENCES_MAX, GoldLocation, ItemLocation, MOVES_MAX, Move, REASON_MAX, RECORD_BODY_MAX, RECORD_CHANGES_MAX,
    RecordChange, RecordKey, STANDINGS_MAX, SoftWrite, Standing, Transfer, TransferRefusal,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The most that a lot, a parcel or cash holds.
const PURSE_MAX: i64 = 1 << 53;
/// Slots of a lot and of a parcel.
const RECORD_SLOTS: usize = 64;

/// The most that an account of gold holds.
pub(super) fn limit(account: &GoldAccount) -> i64 {
    match account {
        GoldAccount::Character(_) | GoldAccount::Cargo(_) | GoldAccount::Guild(_) => GOLD_MAX,
        _ => PURSE_MAX,
    }
}

/// True for the world's own accounts.
pub(super) fn is_world(account: &GoldAccount) -> bool {
    matches!(account, GoldAccount::Mint(_) | GoldAccount::Burn(_))
}

/// The record that a place belongs to.
pub(super) fn record_of_place(place: &ItemPlace) -> Option<RecordKey> {
    match place {
        ItemPlace::Lot(id, _) => Some(RecordKey::Lot(*id)),
        ItemPlace::Parcel(id, _) => Some(RecordKey::Parcel(*id)),
        ItemPlace::Ground(id) => Some(RecordKey::Ground(*id)),
        _ => None,
    }
}

/// The record that gold belongs to.
pub(super) fn record_of_gold(account: &GoldAccount) -> Option<RecordKey> {
    match account {
        GoldAccount::Lot(id) => Some(RecordKey::Lot(*id)),
        GoldAccount::Parcel(id) => Some(RecordKey::Parcel(*id)),
        _ => None,
    }
}

/// Where an item comes from and where it goes.
pub(super) fn item_ways(step: &Move) -> Option<(Option<ItemLocation>, Option<ItemLocation>)> {
    match step {
        Move::Item { from, to, .. } => Some((Some(*from), Some(*to))),
        Move::Birth { to, .. } => Some((None, Some(*to))),
        Move::Death { from, .. } => Some((Some(*from), None)),
        Move::Gold { .. } => None,
    }
}

/// Key and home of a change.
pub(super) fn named(change: &RecordChange) -> (RecordKey, AccountId) {
    match change {
        RecordChange::Put { record, .. } => (record.key, record.home),
        RecordChange::Remove { key, home, .. } => (*key, *home),
    }
}

/// A transfer that obeys the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    transfer: &'a Transfer,
    home: AccountId,
}

impl<'a> Plan<'a> {
    /// Checks what can be checked without looking at anything.
    pub(crate) fn of(transfer: &'a Transfer) -> Result<Self, TransferRefusal> {
        let plan = Self { transfer, home: home(transfer).ok_or("it does nothing").map_err(malformed)? };
        plan.check_limits().map_err(malformed)?;
        Rules::new(transfer).check().map_err(malformed)?;
        Ok(plan)
    }

    /// Where the outcome is stored.
    pub(crate) fn home(&self) -> AccountId {
        self.home
    }

    /// What each shard has to do; the shard of the home is always among them.
    pub(crate) fn parts(&self, shard_of: impl Fn(AccountId) -> u16) -> BTreeMap<u16, Part<'a>> {
        let shards: BTreeSet<u16> = self.everyone().into_iter().map(&shard_of).collect();
        shards
            .into_iter()
            .map(|shard| (shard, Part::new(self.transfer, self.home, |account| shard_of(account) == shard)))
            .collect()
    }

    /// All accounts whose shards take part.
    fn everyone(&self) -> Vec<AccountId> {
        let transfer = self.transfer;
        let mut found = vec![self.home];
        found.extend(player(&transfer.actor));
        found.extend(transfer.fences.iter().map(|fence| fence.account));
        found.extend(transfer.standings.iter().map(|standing| standing.account));
        for step in &transfer.moves {
            match step {
                Move::Gold { from, to, .. } => found.extend([from.home, to.home]),
                other => {
                    let (from, to) = item_ways(other).unwrap_or_default();
                    found.extend(from.into_iter().chain(to).map(|location| location.home));
                }
            }
        }
        found.extend(transfer.records.iter().map(|change| named(change).1));
        found
    }

    fn check_limits(&self) -> Result<(), String> {
        let Transfer { moves, fences, records, softs, standings, reason, .. } = self.transfer;
        let within = [
            ("moves", moves.len(), MOVES_MAX),
            ("fences", fences.len(), FENCES_MAX),
            ("records", records.len(), RECORD_CHANGES_MAX),
            ("soft states", softs.len(), FENCES_MAX),
            ("standings", standings.len(), STANDINGS_MAX),
        ];
        for (what, found, most) in within {
            if found > most {
                return Err(format!("{found} {what}, at most {most}"));
            }
        }
        check_reason(reason)
    }
}

/// The player who does it.
pub(super) fn player(actor: &Actor) -> Option<AccountId> {
    match actor {
        Actor::Player(account) => Some(*account),
        _ => None,
    }
}

fn malformed(what: impl Into<String>) -> TransferRefusal {
    TransferRefusal::Malformed(what.into())
}

/// The first fence's account, else the home of the first location that a move names, else of the first record.
fn home(transfer: &Transfer) -> Option<AccountId> {
    let fence = transfer.fences.first().map(|fence| fence.account);
    let step = transfer.moves.first().map(|step| match step {
        Move::Item { from, .. } | Move::Death { from, .. } => from.home,
        Move::Birth { to, .. } => to.home,
        Move::Gold { from, .. } => from.home,
    });
    let Transfer { moves, records, softs, standings, .. } = transfer;
    let does_something =
        !(moves.is_empty() && records.is_empty() && softs.is_empty() && standings.is_empty());
    let record = transfer.records.first().map(|change| named(change).1);
    let standing = transfer.standings.first().map(|standing| standing.account);
    fence.or(step).or(record).or(standing).filter(|_| does_something)
}

fn check_reason(reason: &str) -> Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if reason.is_empty() || reason.len() > REASON_MAX || !reason.bytes().all(legal) {
        return Err(format!("the reason {reason:?}"));
    }
    Ok(())
}

/// What the rules remember on their way through a transfer.
struct Rules<'a> {
    transfer: &'a Transfer,
    fenced: HashMap<CharacterId, AccountId>,
    homes: HashMap<RecordKey, AccountId>,
    removed: HashSet<RecordKey>,
    items: HashSet<ItemId>,
    targets: HashSet<ItemPlace>,
}

impl<'a> Rules<'a> {
    fn new(transfer: &'a Transfer) -> Self {
        let (fenced, homes, removed) = Default::default();
        Self { transfer, fenced, homes, removed, items: HashSet::new(), targets: HashSet::new() }
    }

    fn check(mut self) -> Result<(), String> {
        for fence in &self.transfer.fences {
            if self.fenced.insert(fence.character, fence.account).is_some() {
                return Err(format!("character {} is fenced twice", fence.character));
            }
        }
        let mut told = HashSet::new();
        for SoftWrite { character, number, .. } in &self.transfer.softs {
            if *number == 0 {
                return Err(format!("soft state of character {character} without a number"));
            }
            if !self.fenced.contains_key(character) || !told.insert(*character) {
                return Err(format!("soft state of character {character}, which needs one fence"));
            }
        }
        self.check_standings()?;
        for change in &self.transfer.records {
            self.check_record(change)?;
        }
        for step in &self.transfer.moves {
            match step {
                Move::Item { item, from, to, .. } => {
                    self.check_item(item.id, [Some(from), Some(to)])?;
                    self.check_target(to)?;
                }
                Move::Birth { item, to } => {
                    self.check_item(item.id, [None, Some(to)])?;
                    self.check_target(to)?;
                }
                Move::Death { item, from } => self.check_item(item.id, [Some(from), None])?,
                Move::Gold { amount, from, to } => self.check_gold(*amount, from, to)?,
            }
        }
        self.check_ground()
    }

    fn check_standings(&self) -> Result<(), String> {
        let mut told = HashSet::new();
        for Standing { account, character, before, after } in &self.transfer.standings {
            if !told.insert(*character) {
                return Err(format!("two standings of character {character}"));
            }
            let legal = is_rank(after.rank) && (after.guild.0 != 0 || after.rank == MEMBER);
            if before != after && !legal {
                return Err(format!("the rank {} in guild {}", after.rank, after.guild));
            }
            if self.fenced.contains_key(character) {
                self.check_fence(*character, *account)?;
            }
        }
        Ok(())
    }

    fn check_record(&mut self, change: &RecordChange) -> Result<(), String> {
        let (key, home) = named(change);
        if i64::try_from(key.number()).is_err() || key.number() == 0 {
            return Err(format!("the number of record {key:?}"));
        }
        if self.homes.insert(key, home).is_some() {
            return Err(format!("record {key:?} is changed twice"));
        }
        let expected = match change {
            RecordChange::Put { record, expected } => {
                if record.body.len() > RECORD_BODY_MAX {
                    return Err(format!("a record of {} bytes", record.body.len()));
                }
                *expected
            }
            RecordChange::Remove { expected, .. } => {
                self.removed.insert(key);
                *expected
            }
        };
        if expected >= i64::MAX as u64 {
            return Err(format!("version {expected} of record {key:?}"));
        }
        Ok(())
    }

    fn check_item(&mut self, item: ItemId, ways: [Option<&ItemLocation>; 2]) -> Result<(), String> {
        if !self.items.insert(item) {
            return Err(format!("item {item} is named twice"));
        }
        ways.into_iter().flatten().try_for_each(|location| self.check_place(location))
    }

    fn check_target(&mut self, to: &ItemLocation) -> Result<(), String> {
        if !self.targets.insert(to.place) {
            return Err(format!("two items go to {}", to.place));
        }
        self.check_stays(record_of_place(&to.place))
    }

    fn check_stays(&self, key: Option<RecordKey>) -> Result<(), String> {
        match key.filter(|key| self.removed.contains(key)) {
            Some(key) => Err(format!("something goes to record {key:?}, which ends")),
            None => Ok(()),
        }
    }

    fn check_place(&mut self, ItemLocation { home, place }: &ItemLocation) -> Result<(), String> {
        let (slot, slots) = match place {
            ItemPlace::Equip(character, slot) => {
                self.check_fence(*character, *home)?;
                (*slot, EQUIP_SLOTS)
            }
            ItemPlace::Carry(character, slot) => {
                self.check_fence(*character, *home)?;
                (*slot, CARRY_SLOTS)
            }
            ItemPlace::Cargo(account, slot) => {
                check_home(*account, *home)?;
                (*slot, CARGO_SLOTS)
            }
            ItemPlace::Guild(guild, slot) => {
                check_home(guild.home(), *home)?;
                (*slot, CARGO_SLOTS)
            }
            ItemPlace::Lot(_, slot) | ItemPlace::Parcel(_, slot) => (*slot, RECORD_SLOTS),
            ItemPlace::Ground(_) => (0, 1),
            ItemPlace::Elsewhere(_) => return Err("only the store writes elsewhere".to_owned()),
        };
        if usize::from(slot) >= slots {
            return Err(format!("there is no {place}"));
        }
        record_of_place(place).map_or(Ok(()), |key| self.check_record_home(key, *home))
    }

    fn check_fence(&self, character: CharacterId, home: AccountId) -> Result<(), String> {
        match self.fenced.get(&character) {
            Some(account) if *account == home => Ok(()),
            Some(account) => Err(format!("character {character} is of account {account}, not of {home}")),
            None => Err(format!("character {character} is touched and not fenced")),
        }
    }

    fn check_record_home(&mut self, key: RecordKey, home: AccountId) -> Result<(), String> {
        if i64::try_from(key.number()).is_err() || key.number() == 0 {
            return Err(format!("the number of record {key:?}"));
        }
        match self.homes.insert(key, home) {
            Some(other) if other != home => Err(format!("record {key:?} with two homes, {other} and {home}")),
            _ => Ok(()),
        }
    }

    fn check_gold(&mut self, amount: i64, from: &GoldLocation, to: &GoldLocation) -> Result<(), String> {
        if !(1..=PURSE_MAX).contains(&amount) {
            return Err(format!("{amount} gold"));
        }
        if matches!(from.account, GoldAccount::Burn(_)) || matches!(to.account, GoldAccount::Mint(_)) {
            return Err(format!("gold from {} to {}", from.account, to.account));
        }
        let (from_world, to_world) = (is_world(&from.account), is_world(&to.account));
        if from.account == to.account || (from_world && to_world) {
            return Err(format!("gold from {} to {}", from.account, to.account));
        }
        let is_cash = |account: &GoldAccount| matches!(account, GoldAccount::Cash(_));
        if !from_world && !to_world && is_cash(&from.account) != is_cash(&to.account) {
            return Err(format!("cash and gold meet: from {} to {}", from.account, to.account));
        }
        if (from_world || to_world) && from.home != to.home {
            return Err(format!("the world at home with {}, not with {}", from.home, to.home));
        }
        self.check_gold_place(from)?;
        self.check_gold_place(to)?;
        self.check_stays(record_of_gold(&to.account))
    }

    fn check_gold_place(&mut self, GoldLocation { home, account }: &GoldLocation) -> Result<(), String> {
        match account {
            GoldAccount::Mint(reason) | GoldAccount::Burn(reason) => check_reason(reason),
            GoldAccount::Character(character) => self.check_fence(*character, *home),
            GoldAccount::Cargo(owner) | GoldAccount::Cash(owner) => check_home(*owner, *home),
            GoldAccount::Guild(guild) => check_home(guild.home(), *home),
            GoldAccount::Lot(_) | GoldAccount::Parcel(_) => {
                record_of_gold(account).map_or(Ok(()), |key| self.check_record_home(key, *home))
            }
            GoldAccount::Elsewhere(_) => Err("only the store writes elsewhere".to_owned()),
        }
    }

    /// A record of the ground begins with its item and ends with it.
    fn check_ground(&self) -> Result<(), String> {
        let is_ground = |key: &RecordKey| matches!(key, RecordKey::Ground(_));
        for (from, to) in self.transfer.moves.iter().filter_map(item_ways) {
            let key = |way: Option<ItemLocation>| way.and_then(|way| record_of_place(&way.place));
            if let Some(key) = key(from).filter(is_ground)
                && key_differs(key, to)
                && !self.removed.contains(&key)
            {
                return Err(format!("an item leaves record {key:?}, which does not end"));
            }
        }
        for change in &self.transfer.records {
            let RecordChange::Put { record, expected: 0 } = change else { continue };
            let RecordKey::Ground(ground) = record.key else { continue };
            if !self.targets.contains(&ItemPlace::Ground(ground)) {
                return Err(format!("record {:?} without an item", record.key));
            }
        }
        Ok(())
    }
}

fn key_differs(key: RecordKey, to: Option<ItemLocation>) -> bool {
    to.and_then(|to| record_of_place(&to.place)) != Some(key)
}

fn check_home(owner: AccountId, home: AccountId) -> Result<(), String> {
    if owner == home { Ok(()) } else { Err(format!("{owner} at home with {home}")) }
}
