//! The ledger as stored: its columns, the statements that write and read it, and its rows in words.
//!
//! The statements are the same for both databases; only the clock differs.

use crate::rows::{self, Fields, PlaceKind};
use model::calls::database::{Entry, Failure};
use model::calls::ledger::ENTRIES_MAX;
use model::id::{AccountId, CharacterId, ItemId, OperationId};
use model::item::ItemKind;
use model::ledger::{Actor, Change, GoldAccount, GoldSide, ItemPlace, ItemState};

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
         to_balance"
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

/// The newest entries of an item: item, limit.
pub(crate) const OF_ITEM: &str =
    concat!("SELECT ", ledger_columns!(), " FROM ledger WHERE item = $1 ORDER BY entry DESC LIMIT $2");
/// The newest entries of a character below a number: character, number, limit.
pub(crate) const OF_CHARACTER: &str = concat!(
    "SELECT ",
    ledger_columns!(),
    " FROM ledger WHERE entry IN (\
     SELECT entry FROM (SELECT entry FROM ledger WHERE from_owner = $1 AND from_kind IN (1, 2) AND entry < $2 \
     ORDER BY entry DESC LIMIT $3) AS given \
     UNION SELECT entry FROM (SELECT entry FROM ledger WHERE to_owner = $1 AND to_kind IN (1, 2) AND entry < $2 \
     ORDER BY entry DESC LIMIT $3) AS got) ORDER BY entry DESC LIMIT $3"
);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Spot {
    pub(crate) kind: i64,
    pub(crate) owner: i64,
    pub(crate) slot: i64,
}

/// What a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Item { item: u128, kind: i64, before: Option<(Vec<u8>, Spot)>, after: Option<(Vec<u8>, Spot)> },
    Gold { amount: i64, from: Option<(Spot, i64)>, to: Option<(Spot, i64)> },
}

/// A row of the ledger, not yet trusted.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) entry: i64,
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
                spot.map(|spot| Ok::<_, Failure>((spot, row.int(balance)?))).transpose()
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
        Ok(Self { entry, at_ms: row.int(1)?, operation, actor, reason: row.text(6)?, subject })
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
        other => return Err(Failure::Corrupt(format!("place kind {other}"))),
    };
    Ok(ItemState { effects: rows::effects(&effects)?, place })
}

fn gold_side(side: Option<(Spot, i64)>, world: impl FnOnce() -> GoldAccount) -> Result<GoldSide, Failure> {
    let Some((spot, balance)) = side else { return Ok(GoldSide { account: world(), balance: None }) };
    let account = match spot.kind {
        2 => GoldAccount::Character(CharacterId(spot.owner as u64)),
        3 => GoldAccount::Cargo(AccountId(spot.owner as u64)),
        other => return Err(Failure::Corrupt(format!("gold at place kind {other}"))),
    };
    Ok(GoldSide { account, balance: Some(balance) })
}
