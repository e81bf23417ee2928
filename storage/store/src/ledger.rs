//! The ledger as stored: its columns, the statements that write and read it, and its rows in words.
//!
//! The statements are the same for both databases; only the clock differs.

use crate::rows::{self, Fields, PlaceKind};
use model::calls::database::{Entry, Failure, ListedEntries};
use model::calls::ledger::{ENTRIES_MAX, LocatedItem, RETENTION};
use model::id::{AccountId, CharacterId, GroundId, GuildId, ItemId, LotId, OperationId, ParcelId};
use model::item::{Item, ItemKind};
use model::ledger::{Actor, Change, GoldAccount, GoldSide, ItemPlace, ItemState};

/// Kind of place of what is at home in another bucket.
pub(crate) const ELSEWHERE: i64 = 8;
/// Kind of purse of what was bought for money.
pub(crate) const CASH: i64 = 9;

/// Why a new character has what it has.
pub(crate) const STARTER: &str = "starter";
/// Why what a deleted character had is gone.
pub(crate) const DELETE: &str = "delete";
/// The reason of the entries that the migration wrote.
pub(crate) const OPENING: &str = "opening";

/// Columns that [`Line::read`] reads.
macro_rules! ledger_columns {
    () => {
        "entry, at_ms, operation, actor_kind, actor_id, actor_name, reason, item, kind, effects_before, \
         effects_after, from_kind, from_owner, from_slot, to_kind, to_owner, to_slot, amount, from_balance, \
         to_balance, bucket"
    };
}
/// Births of all that a character has: operation, account, reason, character; then the clock.
macro_rules! births {
    ($($now:tt)*) => {
        concat!(
            "INSERT INTO ledger (operation, actor_kind, actor_id, reason, bucket, item, kind, effects_after, \
             to_kind, to_owner, to_slot, at_ms) \
             SELECT $1, 1, $2, $3, bucket, id, kind, effects, place_kind, place_owner, place_slot, ",
            $($now)*,
            " FROM items WHERE place_owner = $4 AND place_kind IN (1, 2)"
        )
    };
}
/// Deaths of all that a character has: operation, account, reason, character; then the clock.
macro_rules! deaths {
    ($($now:tt)*) => {
        concat!(
            "INSERT INTO ledger (operation, actor_kind, actor_id, reason, bucket, item, kind, effects_before, \
             from_kind, from_owner, from_slot, at_ms) \
             SELECT $1, 1, $2, $3, bucket, id, kind, effects, place_kind, place_owner, place_slot, ",
            $($now)*,
            " FROM items WHERE place_owner = $4 AND place_kind IN (1, 2)"
        )
    };
}
/// A movement of gold: operation, account, reason, bucket, amount, both sides; then the clock.
macro_rules! gold {
    ($($now:tt)*) => {
        concat!(
            "INSERT INTO ledger (operation, actor_kind, actor_id, reason, bucket, amount, \
             from_kind, from_owner, from_balance, to_kind, to_owner, to_balance, at_ms) \
             VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, ",
            $($now)*,
            ")"
        )
    };
}
pub(crate) use {births, deaths, gold, ledger_columns};

/// True for entries that are not past the retention: they are removed a while after that.
macro_rules! within_retention {
    () => {
        "ledger.at_ms >= COALESCE((SELECT horizon.until_ms FROM ledger_horizons AS horizon \
         WHERE horizon.bucket = ledger.bucket), ledger.at_ms)"
    };
}
pub(crate) use within_retention;

/// The newest entries of an item: item, limit.
pub(crate) const OF_ITEM: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM ledger WHERE item = $1 AND ",
    within_retention!(),
    " ORDER BY entry DESC LIMIT $2"
);
/// What entries of an item led to that are past the retention, for [`base_line`]: item.
pub(crate) const BASE_OF_ITEM: &str = "SELECT base.item, base.bucket, base.kind, base.effects, base.place_kind, \
     base.place_owner, base.place_slot, horizon.until_ms FROM ledger_base_items AS base \
     JOIN ledger_horizons AS horizon ON horizon.bucket = base.bucket WHERE base.item = $1";
/// The newest entries of an owner below a number, at places of these kinds: owner, number, limit. Each side is read newest
/// first, by an index of its own; what both have is told by the first.
macro_rules! of_owner {
    ($kinds:literal) => {
        concat!(
            "SELECT * FROM (SELECT * FROM (SELECT ",
            ledger_columns!(),
            " FROM ledger WHERE from_owner = $1 AND from_kind IN (",
            $kinds,
            ") AND entry < $2 ORDER BY entry DESC LIMIT $3) AS given UNION ALL SELECT * FROM (SELECT ",
            ledger_columns!(),
            " FROM ledger WHERE to_owner = $1 AND to_kind IN (",
            $kinds,
            ") AND entry < $2 AND (from_owner IS DISTINCT FROM $1 OR from_kind NOT IN (",
            $kinds,
            ")) ORDER BY entry DESC LIMIT $3) AS got) AS both_sides ORDER BY entry DESC LIMIT $3"
        )
    };
}
/// The newest entries of a character below a number: character, number, limit.
pub(crate) const OF_CHARACTER: &str = of_owner!("1, 2");
/// The newest entries of a guild below a number: guild, number, limit.
pub(crate) const OF_GUILD: &str = of_owner!("7");

/// All that an operation did: operation, limit. Its rows in `operations` say where and when, so that no index of
/// the ledger by operation is needed.
pub(crate) const OF_OPERATION: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM ledger WHERE operation = $1 AND bucket IN (SELECT bucket FROM operations WHERE operation = $1) \
     AND at_ms BETWEEN (SELECT min(at_ms) FROM operations WHERE operation = $1) - 60000 \
     AND (SELECT max(at_ms) FROM operations WHERE operation = $1) + 60000 ORDER BY entry LIMIT $2"
);
/// What a holder got and gave since a moment: owner, its two kinds of place, moment, limit.
pub(crate) const OF_HOLDER: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM ledger WHERE ((from_owner = $1 AND from_kind IN ($2, $3)) OR (to_owner = $1 AND to_kind IN ($2, $3))) \
     AND at_ms >= $4 ORDER BY entry LIMIT $5"
);
/// Everything since a moment: moment, limit.
pub(crate) const SINCE: &str =
    concat!("SELECT ", ledger_columns!(), " FROM ledger WHERE at_ms >= $1 ORDER BY entry LIMIT $2");

/// Columns that [`located_item`] reads, of items named by an expression.
macro_rules! located_items {
    ($which:literal) => {
        concat!(
            "SELECT i.id, i.kind, i.effects, i.place_kind, i.place_owner, i.place_slot, \
             CASE WHEN i.place_kind IN (1, 2) THEN (SELECT c.account FROM characters AS c WHERE c.id = i.place_owner) \
             WHEN i.place_kind IN (3, 7) THEN i.place_owner \
             ELSE (SELECT r.home FROM records AS r WHERE r.kind = i.place_kind AND r.id = i.place_owner) END \
             FROM items AS i WHERE i.id ",
            $which
        )
    };
}
pub(crate) use located_items;

/// An item from [`located_items`]; `None` when its owner is not there.
pub(crate) fn located_item(row: &impl Fields) -> Result<Option<LocatedItem>, Failure> {
    let Some(home) = row.maybe(6, Fields::int)? else { return Ok(None) };
    let spot = Spot { kind: row.int(3)?, owner: row.int(4)?, slot: row.int(5)? };
    let ItemState { effects, place } = item_state((row.bytes(2)?, spot))?;
    let item = Item { id: ItemId(row.id128(0)?), kind: ItemKind(row.number(1)?), effects };
    Ok(Some(LocatedItem { item, home: AccountId(home as u64), place }))
}

/// The kinds of place of a holder, and its number.
pub(crate) fn holder(of: &GoldAccount) -> Option<(i16, i16, i64)> {
    let (kind, owner) = purse_of(of)?;
    // what a character carries and what it wears
    Some((kind, if kind == 2 { 1 } else { kind }, owner))
}

/// The answer of a database, with what one row too many says.
pub(crate) fn listed(mut entries: Vec<Entry>, limit: i64) -> ListedEntries {
    let more = entries.len() as i64 > limit;
    entries.truncate(limit as usize);
    ListedEntries { entries, more }
}

/// What stands for the entries of an item that are past the retention, from [`BASE_OF_ITEM`].
pub(crate) fn base_line(row: &impl Fields) -> Result<Line, Failure> {
    let spot = Spot { kind: row.int(4)?, owner: row.int(5)?, slot: row.int(6)? };
    let after = Some((row.bytes(3)?, spot));
    Ok(Line {
        entry: 0,
        bucket: row.int(1)?,
        at_ms: row.int(7)?,
        operation: None,
        actor: Actor::System(RETENTION.to_owned()),
        reason: RETENTION.to_owned(),
        subject: Subject::Item { item: row.id128(0)?, kind: row.int(2)?, before: None, after },
    })
}

/// The limit of a question within its bounds.
pub(crate) fn limit(asked: u32) -> i64 {
    asked.clamp(1, ENTRIES_MAX).into()
}

/// The number below which entries are wanted.
pub(crate) fn below(before: Option<u64>) -> i64 {
    before.and_then(|entry| i64::try_from(entry).ok()).unwrap_or(i64::MAX)
}

/// One side of a movement of gold as stored; all `None` for the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Purse {
    pub(crate) kind: Option<i16>,
    pub(crate) owner: Option<i64>,
    pub(crate) balance: Option<i64>,
}

/// A movement between the world and what a character carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) amount: i64,
    pub(crate) from: Purse,
    pub(crate) to: Purse,
}

impl Payment {
    /// What a change left; `None` when nothing moved.
    pub(crate) fn of(character: i64, delta: i64, balance: i64) -> Option<Self> {
        let purse =
            Purse { kind: Some(PlaceKind::Carry as i16), owner: Some(character), balance: Some(balance) };
        let world = Purse::default();
        let (from, to) = if delta < 0 { (purse, world) } else { (world, purse) };
        (delta != 0).then_some(Self { amount: delta.saturating_abs(), from, to })
    }
}

/// A place as stored; gold has no slot, it is 0 then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Spot {
    pub(crate) kind: i64,
    pub(crate) owner: i64,
    pub(crate) slot: i64,
}

impl Spot {
    /// A place of an item.
    pub(crate) fn of(place: &ItemPlace) -> Self {
        let (kind, owner, slot) = match place {
            ItemPlace::Equip(CharacterId(id), slot) => (1, *id, *slot),
            ItemPlace::Carry(CharacterId(id), slot) => (2, *id, *slot),
            ItemPlace::Cargo(AccountId(id), slot) => (3, *id, *slot),
            ItemPlace::Lot(LotId(id), slot) => (4, *id, *slot),
            ItemPlace::Parcel(ParcelId(id), slot) => (5, *id, *slot),
            ItemPlace::Ground(GroundId(id)) => (6, *id, 0),
            ItemPlace::Guild(GuildId(id), slot) => (7, (*id).into(), *slot),
            ItemPlace::Elsewhere(home) => return Self::elsewhere(*home),
        };
        Self { kind, owner: owner as i64, slot: slot.into() }
    }

    /// In the bucket of that account.
    pub(crate) fn elsewhere(home: AccountId) -> Self {
        Self { kind: ELSEWHERE, owner: home.0 as i64, slot: 0 }
    }
}

/// Kind and owner of what holds gold, as stored; `None` for the world.
pub(crate) fn purse_of(account: &GoldAccount) -> Option<(i16, i64)> {
    let (kind, owner) = match account {
        GoldAccount::Mint(_) | GoldAccount::Burn(_) => return None,
        GoldAccount::Character(CharacterId(id)) => (2, *id),
        GoldAccount::Cargo(AccountId(id)) => (3, *id),
        GoldAccount::Lot(LotId(id)) => (4, *id),
        GoldAccount::Parcel(ParcelId(id)) => (5, *id),
        GoldAccount::Guild(GuildId(id)) => (7, (*id).into()),
        GoldAccount::Elsewhere(AccountId(id)) => (ELSEWHERE as i16, *id),
        GoldAccount::Cash(AccountId(id)) => (CASH as i16, *id),
    };
    Some((kind, owner as i64))
}

/// One side of an entry to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrittenSide {
    pub(crate) kind: i16,
    pub(crate) owner: i64,
    /// Of an item.
    pub(crate) slot: Option<i32>,
    /// Of an item.
    pub(crate) effects: Option<[u8; 6]>,
    /// Of gold that is not elsewhere.
    pub(crate) balance: Option<i64>,
}

impl WrittenSide {
    /// An item and where it is.
    pub(crate) fn item(spot: Spot, effects: [u8; 6]) -> Self {
        let (kind, slot) = (spot.kind as i16, Some(spot.slot as i32));
        Self { kind, owner: spot.owner, slot, effects: Some(effects), balance: None }
    }

    /// Gold and what is there then.
    pub(crate) fn gold((kind, owner): (i16, i64), balance: i64) -> Self {
        Self { kind, owner, slot: None, effects: None, balance: Some(balance) }
    }

    /// Gold in the bucket of that account.
    pub(crate) fn elsewhere(home: AccountId) -> Self {
        Self { kind: ELSEWHERE as i16, owner: home.0 as i64, slot: None, effects: None, balance: None }
    }
}

/// An entry to write: of an item or of gold. No side is the world outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) bucket: i16,
    pub(crate) reason: String,
    /// The item and its kind.
    pub(crate) item: Option<(u128, i32)>,
    /// How much gold.
    pub(crate) amount: Option<i64>,
    pub(crate) from: Option<WrittenSide>,
    pub(crate) to: Option<WrittenSide>,
}

/// The columns `actor_kind, actor_id, actor_name`.
pub(crate) fn actor_columns(actor: &Actor) -> (i16, Option<i64>, Option<&str>) {
    match actor {
        Actor::Player(account) => (1, Some(account.0 as i64), None),
        Actor::Operator(name) => (2, None, Some(name)),
        Actor::System(name) => (3, None, Some(name)),
    }
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Item {
        item: u128,
        kind: i64,
        before: Option<(Vec<u8>, Spot)>,
        after: Option<(Vec<u8>, Spot)>,
    },
    /// What is elsewhere has the balance 0.
    Gold {
        amount: i64,
        from: Option<(Spot, i64)>,
        to: Option<(Spot, i64)>,
    },
}

/// A row of the ledger, not yet trusted.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) entry: i64,
    pub(crate) bucket: i64,
    pub(crate) at_ms: i64,
    pub(crate) operation: Option<u128>,
    pub(crate) actor: Actor,
    pub(crate) reason: String,
    pub(crate) subject: Subject,
}

impl Line {
    /// From [`ledger_columns`].
    pub(crate) fn read(row: &impl Fields) -> Result<Self, Failure> {
        let entry = row.int(0)?;
        let actor = match row.int(3)? {
            1 => Actor::Player(AccountId(row.int(4)? as u64)),
            2 => Actor::Operator(row.text(5)?),
            3 => Actor::System(row.text(5)?),
            other => return Err(Failure::Corrupt(format!("entry {entry} has an actor of kind {other}"))),
        };
        let spot = |first: usize| {
            row.maybe(first, |row, _| {
                let slot = row.maybe(first + 2, Fields::int)?.unwrap_or(0);
                Ok(Spot { kind: row.int(first)?, owner: row.int(first + 1)?, slot })
            })
        };
        let (from, to) = (spot(11)?, spot(14)?);
        let subject = if row.is_null(7)? {
            let with = |spot: Option<Spot>, balance: usize| {
                let balance = |spot: &Spot| if spot.kind == ELSEWHERE { Ok(0) } else { row.int(balance) };
                spot.map(|spot| Ok::<_, Failure>((spot, balance(&spot)?))).transpose()
            };
            Subject::Gold { amount: row.int(17)?, from: with(from, 18)?, to: with(to, 19)? }
        } else {
            let with = |spot: Option<Spot>, effects: usize| {
                spot.map(|spot| Ok::<_, Failure>((row.bytes(effects)?, spot))).transpose()
            };
            Subject::Item {
                item: row.id128(7)?,
                kind: row.int(8)?,
                before: with(from, 9)?,
                after: with(to, 10)?,
            }
        };
        let operation = row.maybe(2, Fields::id128)?;
        let (at_ms, bucket) = (row.int(1)?, row.int(20)?);
        Ok(Self { entry, bucket, at_ms, operation, actor, reason: row.text(6)?, subject })
    }

    /// In words.
    pub(crate) fn told(self, shard: u16) -> Result<Entry, Failure> {
        let change = match self.subject {
            Subject::Item { item, kind, before, after } => Change::Item {
                item: ItemId(item),
                kind: ItemKind(
                    u16::try_from(kind).map_err(|_| Failure::Corrupt(format!("an item of kind {kind}")))?,
                ),
                before: before.map(item_state).transpose()?,
                after: after.map(item_state).transpose()?,
            },
            Subject::Gold { amount, from, to } => Change::Gold {
                amount,
                from: gold_side(from, || GoldAccount::Mint(self.reason.clone()))?,
                to: gold_side(to, || GoldAccount::Burn(self.reason.clone()))?,
            },
        };
        Ok(Entry {
            shard,
            entry: self.entry as u64,
            at_ms: self.at_ms,
            operation: self.operation.map(OperationId),
            actor: self.actor,
            reason: self.reason,
            change,
        })
    }
}

fn item_state((effects, spot): (Vec<u8>, Spot)) -> Result<ItemState, Failure> {
    let slot = u8::try_from(spot.slot).map_err(|_| Failure::Corrupt(format!("the slot {}", spot.slot)))?;
    let place = match spot.kind {
        1 => ItemPlace::Equip(CharacterId(spot.owner as u64), slot),
        2 => ItemPlace::Carry(CharacterId(spot.owner as u64), slot),
        3 => ItemPlace::Cargo(AccountId(spot.owner as u64), slot),
        4 => ItemPlace::Lot(LotId(spot.owner as u64), slot),
        5 => ItemPlace::Parcel(ParcelId(spot.owner as u64), slot),
        6 => ItemPlace::Ground(GroundId(spot.owner as u64)),
        7 => ItemPlace::Guild(guild(spot.owner)?, slot),
        ELSEWHERE => ItemPlace::Elsewhere(AccountId(spot.owner as u64)),
        other => return Err(Failure::Corrupt(format!("place kind {other}"))),
    };
    Ok(ItemState { effects: rows::effects(&effects)?, place })
}

fn gold_side(side: Option<(Spot, i64)>, world: impl FnOnce() -> GoldAccount) -> Result<GoldSide, Failure> {
    let Some((spot, balance)) = side else { return Ok(GoldSide { account: world(), balance: None }) };
    let account = match spot.kind {
        2 => GoldAccount::Character(CharacterId(spot.owner as u64)),
        3 => GoldAccount::Cargo(AccountId(spot.owner as u64)),
        4 => GoldAccount::Lot(LotId(spot.owner as u64)),
        5 => GoldAccount::Parcel(ParcelId(spot.owner as u64)),
        7 => GoldAccount::Guild(guild(spot.owner)?),
        CASH => GoldAccount::Cash(AccountId(spot.owner as u64)),
        ELSEWHERE => {
            let account = GoldAccount::Elsewhere(AccountId(spot.owner as u64));
            return Ok(GoldSide { account, balance: None });
        }
        other => return Err(Failure::Corrupt(format!("gold at place kind {other}"))),
    };
    Ok(GoldSide { account, balance: Some(balance) })
}

fn guild(owner: i64) -> Result<GuildId, Failure> {
    u16::try_from(owner).map(GuildId).map_err(|_| Failure::Corrupt(format!("the guild {owner}")))
}
