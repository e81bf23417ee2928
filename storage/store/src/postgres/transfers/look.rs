//! What a shard sees of the parts of transfers that it has to do, locked in the same order by everybody.

use super::flight::{Flight, values};
use crate::ledger::Spot;
use crate::postgres::fault::Fault;
use crate::postgres::homes::ENTER;
use crate::postgres::values::Id128;
use crate::rows::{self, Fields};
use crate::transfer::{AccountSeen, CharacterSeen, ItemSeen, Part, RecordSeen, Seen};
use deadpool_postgres::Client;
use model::calls::database::Failure;
use tokio_postgres::Row;

/// What to do about a row that somebody else has locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Locked {
    /// Wait for it.
    Wait,
    /// Act as if it were not there.
    Skip,
}

/// A statement that locks what it reads, for both ways.
macro_rules! locking {
    ($locked:expr, $sql:expr $(, $rest:expr)?) => {
        match $locked {
            Locked::Wait => concat!($sql, " FOR NO KEY UPDATE" $(, $rest)?),
            Locked::Skip => concat!($sql, " FOR NO KEY UPDATE SKIP LOCKED" $(, $rest)?),
        }
    };
}

// Where a key has several columns, rows are looked up one named key after the other, in their order: a join might read
// the whole table beside the named keys. `LATERAL` with a lock or `OFFSET 0` cannot be made a join.

/// What becomes of the rows of a statement.
type Read = fn(&Row, &mut Seen) -> Result<(), Failure>;

/// Begins a transaction, locks and reads all that the parts name.
pub(super) async fn look(client: &Client, parts: &[&Part<'_>], locked: Locked) -> Result<Seen, Fault> {
    let mut looking = Looking { flight: Flight::new(client), reads: Vec::new(), locked };
    looking.enter(parts).await?;
    looking.people(parts).await?;
    looking.records(parts).await?;
    looking.items(parts).await?;
    let Looking { flight, reads, .. } = looking;
    let mut seen = Seen::default();
    for (rows, read) in flight.begin().await?.iter().zip(reads) {
        for row in rows {
            read(row, &mut seen)?;
        }
    }
    Ok(seen)
}

struct Looking<'a> {
    flight: Flight<'a>,
    reads: Vec<Read>,
    locked: Locked,
}

fn all<T: Clone>(parts: &[&Part<'_>], of: impl Fn(&Part<'_>) -> Vec<T>) -> Vec<T> {
    parts.iter().flat_map(|part| of(part)).collect()
}

impl Looking<'_> {
    /// First of all: none of these buckets leaves this shard before the transaction ends.
    async fn enter(&mut self, parts: &[&Part<'_>]) -> Result<(), Fault> {
        let mut buckets = all(parts, |part| part.buckets());
        buckets.sort_unstable();
        buckets.dedup();
        self.reads.push(|_, _| Ok(()));
        self.flight.add(ENTER, values![buckets]).await
    }

    async fn people(&mut self, parts: &[&Part<'_>]) -> Result<(), Fault> {
        let banks = all(parts, |part| part.banks.clone());
        let mut accounts = all(parts, |part| part.accounts.clone());
        accounts.retain(|account| !banks.contains(account));
        if !accounts.is_empty() {
            self.reads.push(account);
            let sql = "SELECT id, frozen IS NOT NULL, cargo_gold FROM accounts WHERE id = ANY ($1)";
            self.flight.add(sql, values![accounts]).await?;
        }
        if !banks.is_empty() {
            self.reads.push(account);
            let sql = locking!(
                self.locked,
                "SELECT id, frozen IS NOT NULL, cargo_gold FROM accounts WHERE id = ANY ($1) ORDER BY id"
            );
            self.flight.add(sql, values![banks]).await?;
        }
        let characters = all(parts, |part| part.characters.clone());
        if !characters.is_empty() {
            self.reads.push(character);
            let sql = locking!(
                self.locked,
                "SELECT id, account, epoch, gold, guild, guild_rank FROM characters WHERE id = ANY ($1) ORDER BY id"
            );
            self.flight.add(sql, values![characters]).await?;
        }
        Ok(())
    }

    async fn records(&mut self, parts: &[&Part<'_>]) -> Result<(), Fault> {
        let (kinds, ids): (Vec<i16>, Vec<i64>) = all(parts, |part| part.records.clone()).into_iter().unzip();
        if !ids.is_empty() {
            self.reads.push(record);
            let sql = locking!(
                self.locked,
                "SELECT r.kind, r.id, r.version, r.home \
                 FROM (SELECT * FROM unnest($1::smallint[], $2::bigint[]) ORDER BY 1, 2) AS named (kind, id) \
                 CROSS JOIN LATERAL (SELECT * FROM records WHERE kind = named.kind AND id = named.id",
                ") AS r"
            );
            self.flight.add(sql, values![kinds, ids]).await?;
        }
        let (kinds, owners): (Vec<i16>, Vec<i64>) =
            all(parts, |part| part.purses.clone()).into_iter().unzip();
        if !owners.is_empty() {
            self.reads.push(purse);
            let sql = locking!(
                self.locked,
                "SELECT p.kind, p.owner, p.balance \
                 FROM (SELECT * FROM unnest($1::smallint[], $2::bigint[]) ORDER BY 1, 2) AS named (kind, owner) \
                 CROSS JOIN LATERAL (SELECT * FROM purses WHERE kind = named.kind AND owner = named.owner",
                ") AS p"
            );
            self.flight.add(sql, values![kinds, owners]).await?;
        }
        Ok(())
    }

    async fn items(&mut self, parts: &[&Part<'_>]) -> Result<(), Fault> {
        let items: Vec<Id128> = all(parts, |part| part.items.clone()).into_iter().map(Id128).collect();
        if !items.is_empty() {
            self.reads.push(item);
            let sql = locking!(
                self.locked,
                "SELECT id, bucket, kind, effects, place_kind, place_owner, place_slot FROM items \
                 WHERE id = ANY ($1) ORDER BY id"
            );
            self.flight.add(sql, values![items]).await?;
        }
        let spots = all(parts, |part| part.spots.clone());
        if !spots.is_empty() {
            self.reads.push(lying);
            let sql = "SELECT i.place_kind, i.place_owner, i.place_slot, i.id \
                       FROM unnest($1::smallint[], $2::bigint[], $3::integer[]) AS named (kind, owner, slot) \
                       CROSS JOIN LATERAL (SELECT * FROM items WHERE place_owner = named.owner \
                       AND place_kind = named.kind AND place_slot = named.slot OFFSET 0) AS i";
            let kinds: Vec<i16> = spots.iter().map(|spot| spot.kind as i16).collect();
            let owners: Vec<i64> = spots.iter().map(|spot| spot.owner).collect();
            let slots: Vec<i32> = spots.iter().map(|spot| spot.slot as i32).collect();
            self.flight.add(sql, values![kinds, owners, slots]).await?;
        }
        let (kinds, owners): (Vec<i16>, Vec<i64>) =
            all(parts, |part| part.ending.clone()).into_iter().unzip();
        if !owners.is_empty() {
            self.reads.push(lying);
            let sql = "SELECT i.place_kind, i.place_owner, i.place_slot, i.id \
                       FROM unnest($1::smallint[], $2::bigint[]) AS named (kind, owner) \
                       CROSS JOIN LATERAL (SELECT * FROM items WHERE place_owner = named.owner \
                       AND place_kind = named.kind OFFSET 0) AS i";
            self.flight.add(sql, values![kinds, owners]).await?;
        }
        Ok(())
    }
}

fn account(row: &Row, seen: &mut Seen) -> Result<(), Failure> {
    let is_frozen = row.try_get(1).map_err(|error| Failure::Corrupt(error.to_string()))?;
    seen.accounts.insert(row.int(0)?, AccountSeen { is_frozen, cargo_gold: row.int(2)? });
    Ok(())
}

fn character(row: &Row, seen: &mut Seen) -> Result<(), Failure> {
    let place = rows::guild_place(row, 4)?;
    let found = CharacterSeen { account: row.int(1)?, epoch: row.int(2)?, gold: row.int(3)?, place };
    seen.characters.insert(row.int(0)?, found);
    Ok(())
}

fn record(row: &Row, seen: &mut Seen) -> Result<(), Failure> {
    let found = RecordSeen { version: row.int(2)?, home: row.int(3)? };
    seen.records.insert((row.number(0)?, row.int(1)?), found);
    Ok(())
}

fn purse(row: &Row, seen: &mut Seen) -> Result<(), Failure> {
    seen.purses.insert((row.number(0)?, row.int(1)?), row.int(2)?);
    Ok(())
}

fn spot(row: &Row, first: usize) -> Result<Spot, Failure> {
    Ok(Spot { kind: row.int(first)?, owner: row.int(first + 1)?, slot: row.int(first + 2)? })
}

fn item(row: &Row, seen: &mut Seen) -> Result<(), Failure> {
    let (bucket, kind, effects) = (row.number(1)?, row.int(2)?, row.bytes(3)?);
    seen.items.insert(row.id128(0)?, ItemSeen { bucket, kind, effects, spot: spot(row, 4)? });
    Ok(())
}

fn lying(row: &Row, seen: &mut Seen) -> Result<(), Failure> {
    seen.lying.insert(spot(row, 0)?, row.id128(3)?);
    Ok(())
}
