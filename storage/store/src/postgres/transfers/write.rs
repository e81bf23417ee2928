//! Writes what transfers do on a shard: the rows, the entries of the ledger and the operations, in one flight with the
//! end of the transaction.

use super::flight::{Flight, values};
use crate::codec;
use crate::ledger::{WrittenSide, actor_columns};
use crate::postgres::fault::Fault;
use crate::postgres::values::{Id128, now_ms};
use crate::rows::{is_newer, progress_columns};
use crate::transfer::{Doings, ItemRow, KIND, PART_KIND, Part, RecordRow, Seen, SoftRow};
use deadpool_postgres::Client;
use model::calls::database::{Failure, TransferRefusal, Transferred};
use tokio_postgres::error::SqlState;

/// One part and what it does.
pub(super) struct Done<'a> {
    pub(super) part: &'a Part<'a>,
    pub(super) doings: &'a Doings,
    /// Of the whole transfer.
    pub(super) outcome: &'a Result<Transferred, TransferRefusal>,
}

/// Why nothing was written.
pub(super) enum Unwritten {
    /// An operation of these was done before.
    Repeated,
    /// Anything else.
    Fault(Fault),
}

impl From<Fault> for Unwritten {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Failure> for Unwritten {
    fn from(failure: Failure) -> Self {
        Self::Fault(failure.into())
    }
}

impl Unwritten {
    fn of(error: tokio_postgres::Error) -> Self {
        let constraint = error
            .as_db_error()
            .filter(|error| *error.code() == SqlState::UNIQUE_VIOLATION)
            .and_then(|error| error.constraint());
        match constraint {
            Some("operations_pkey") => Self::Repeated,
            // it was not there when we looked
            Some(constraint) => Self::Fault(Fault::Again(format!("{constraint} changed meanwhile"))),
            None => Self::Fault(error.into()),
        }
    }
}

/// Writes and ends the transaction by that statement. The parts have nothing in common. Updates name their rows twice:
/// `ANY` keeps them from reading the whole table beside the rows given.
pub(super) async fn write(
    client: &Client,
    seen: &Seen,
    done: &[Done<'_>],
    by: &str,
) -> Result<(), Unwritten> {
    let mut writing = Writing { flight: Flight::new(client), seen, done };
    writing.people().await?;
    writing.purses().await?;
    writing.items().await?;
    writing.records().await?;
    writing.lines().await?;
    writing.operations().await?;
    writing.flight.end(by).await.map_err(Unwritten::of)
}

struct Writing<'a> {
    flight: Flight<'a>,
    seen: &'a Seen,
    done: &'a [Done<'a>],
}

impl<'a> Writing<'a> {
    fn all<T: 'a>(&self, of: impl Fn(&'a Doings) -> &'a [T]) -> impl Iterator<Item = &'a T> {
        self.done.iter().flat_map(move |done| of(done.doings))
    }

    async fn people(&mut self) -> Result<(), Fault> {
        let (ids, gold): (Vec<i64>, Vec<i64>) = self.all(|doings| &doings.carried).copied().unzip();
        if !ids.is_empty() {
            let sql = "UPDATE characters SET gold = given.gold FROM unnest($1::bigint[], $2::bigint[]) \
                       AS given (id, gold) WHERE characters.id = ANY ($1) AND characters.id = given.id";
            self.flight.add(sql, values![ids, gold]).await?;
        }
        self.softs().await?;
        self.placed().await?;
        let (ids, gold): (Vec<i64>, Vec<i64>) = self.all(|doings| &doings.banked).copied().unzip();
        if !ids.is_empty() {
            let sql = "UPDATE accounts SET cargo_gold = given.gold FROM unnest($1::bigint[], $2::bigint[]) \
                       AS given (id, gold) WHERE accounts.id = ANY ($1) AND accounts.id = given.id";
            self.flight.add(sql, values![ids, gold]).await?;
        }
        Ok(())
    }

    async fn softs(&mut self) -> Result<(), Fault> {
        let rows: Vec<&SoftRow> = self.all(|doings| &doings.softs).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.character).collect();
        let epochs: Vec<i64> = rows.iter().map(|row| row.epoch).collect();
        let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
        let softs: Vec<&[u8]> = rows.iter().map(|row| row.soft.as_slice()).collect();
        let sql = concat!(
            "UPDATE characters SET soft_version = $1::bigint, soft = given.soft, soft_epoch = given.epoch, \
             soft_number = given.number \
             FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[]) AS given (id, epoch, number, soft) \
             WHERE characters.id = ANY ($2) AND characters.id = given.id AND ",
            is_newer!("given.epoch", "given.number")
        );
        self.flight.add(sql, values![codec::SOFT_VERSION, ids, epochs, numbers, softs]).await
    }

    /// Guilds and ranks, and what the characters have become by that.
    async fn placed(&mut self) -> Result<(), Fault> {
        let (mut ids, mut guilds, mut ranks) = (Vec::new(), Vec::new(), Vec::new());
        let (mut operations, mut reasons) = (Vec::new(), Vec::new());
        let (mut kinds, mut actors, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for Done { part, doings, .. } in self.done {
            let transfer = part.transfer();
            let (kind, id, name) = actor_columns(&transfer.actor);
            for (character, place) in &doings.placed {
                ids.push(*character);
                guilds.push(i32::from(place.guild.0));
                ranks.push(i16::from(place.rank));
                operations.push(Id128(transfer.operation.0));
                reasons.push(transfer.reason.as_str());
                kinds.push(kind);
                actors.push(id);
                names.push(name);
            }
        }
        if ids.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE characters SET guild = given.guild, guild_rank = given.rank \
                   FROM unnest($1::bigint[], $2::integer[], $3::smallint[]) AS given (id, guild, rank) \
                   WHERE characters.id = ANY ($1) AND characters.id = given.id";
        self.flight.add(sql, values![ids.clone(), guilds, ranks]).await?;
        let sql = concat!(
            "INSERT INTO character_states (character, since_ms, bucket, operation, actor_kind, actor_id, actor_name, \
             reason, ",
            progress_columns!(),
            ") SELECT id, GREATEST(",
            now_ms!(),
            ", (SELECT max(since_ms) + 1 FROM character_states WHERE character = id)), bucket, \
             by_operation, by_kind, by_id, by_name, by_reason, ",
            progress_columns!(),
            " FROM unnest($1::bigint[], $2::uuid[], $3::smallint[], $4::bigint[], $5::text[], $6::text[]) \
             AS given (given_id, by_operation, by_kind, by_id, by_name, by_reason) \
             JOIN characters ON characters.id = given_id"
        );
        self.flight.add(sql, values![ids, operations, kinds, actors, names, reasons]).await
    }

    /// A purse that is empty has no row. One that was not there is inserted, never overwritten.
    async fn purses(&mut self) -> Result<(), Fault> {
        let (mut new, mut full, mut empty) = (Vec::new(), Vec::new(), Vec::new());
        for purse in self.all(|doings| &doings.purses) {
            match (self.seen.purses.contains_key(&purse.0), purse.2) {
                (true, 0) => empty.push(purse),
                (true, _) => full.push(purse),
                (false, 0) => {}
                (false, _) => new.push(purse),
            }
        }
        for (purses, sql) in [
            (
                new,
                "INSERT INTO purses (kind, owner, bucket, balance) \
                 SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::bigint[])",
            ),
            (
                full,
                "UPDATE purses SET balance = given.balance, bucket = given.bucket \
                 FROM unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::bigint[]) \
                 AS given (kind, owner, bucket, balance) \
                 WHERE purses.kind = given.kind AND purses.owner = given.owner",
            ),
            (
                empty,
                "DELETE FROM purses USING unnest($1::smallint[], $2::bigint[], $3::smallint[], $4::bigint[]) \
                 AS given (kind, owner, bucket, balance) \
                 WHERE purses.kind = given.kind AND purses.owner = given.owner",
            ),
        ] {
            if purses.is_empty() {
                continue;
            }
            let (kinds, owners): (Vec<i16>, Vec<i64>) = purses.iter().map(|purse| purse.0).unzip();
            let (buckets, balances): (Vec<i16>, Vec<i64>) =
                purses.iter().map(|(_, bucket, balance)| (*bucket, *balance)).unzip();
            self.flight.add(sql, values![kinds, owners, buckets, balances]).await?;
        }
        Ok(())
    }

    /// First those that go, so that others may take their places.
    async fn items(&mut self) -> Result<(), Fault> {
        let gone: Vec<Id128> = self.all(|doings| &doings.gone).map(|id| Id128(*id)).collect();
        if !gone.is_empty() {
            self.flight.add("DELETE FROM items WHERE id = ANY ($1)", values![gone]).await?;
        }
        let moved: Vec<&ItemRow> = self.all(|doings| &doings.moved).collect();
        let sql = "UPDATE items SET bucket = given.bucket, kind = given.kind, effects = given.effects, \
                   place_kind = given.place_kind, place_owner = given.place_owner, place_slot = given.place_slot \
                   FROM unnest($1::uuid[], $2::smallint[], $3::integer[], $4::bytea[], $5::smallint[], $6::bigint[], \
                   $7::integer[]) AS given (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
                   WHERE items.id = ANY ($1) AND items.id = given.id";
        self.item_rows(sql, &moved).await?;
        let come: Vec<&ItemRow> = self.all(|doings| &doings.come).collect();
        let sql = "INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
                   SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::integer[], $4::bytea[], $5::smallint[], \
                   $6::bigint[], $7::integer[])";
        self.item_rows(sql, &come).await
    }

    async fn item_rows(&mut self, sql: &str, rows: &[&'a ItemRow]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<Id128> = rows.iter().map(|row| Id128(row.id)).collect();
        let buckets: Vec<i16> = rows.iter().map(|row| row.bucket).collect();
        let kinds: Vec<i32> = rows.iter().map(|row| row.kind).collect();
        let effects: Vec<&[u8]> = rows.iter().map(|row| row.effects.as_slice()).collect();
        let place_kinds: Vec<i16> = rows.iter().map(|row| row.spot.kind as i16).collect();
        let owners: Vec<i64> = rows.iter().map(|row| row.spot.owner).collect();
        let slots: Vec<i32> = rows.iter().map(|row| row.spot.slot as i32).collect();
        self.flight.add(sql, values![ids, buckets, kinds, effects, place_kinds, owners, slots]).await
    }

    async fn records(&mut self) -> Result<(), Fault> {
        let (kinds, ids): (Vec<i16>, Vec<i64>) = self.all(|doings| &doings.ended).copied().unzip();
        if !ids.is_empty() {
            let sql = "DELETE FROM records USING unnest($1::smallint[], $2::bigint[]) AS given (kind, id) \
                       WHERE records.kind = given.kind AND records.id = given.id";
            self.flight.add(sql, values![kinds, ids]).await?;
        }
        let (new, changed): (Vec<_>, Vec<_>) =
            self.all(|doings| &doings.put).partition(|(_, is_new)| *is_new);
        let sql = "INSERT INTO records (kind, id, home, bucket, version, scope, until_ms, body) \
                   SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], \
                   $6::bigint[], $7::bigint[], $8::bytea[])";
        self.record_rows(sql, &new).await?;
        let sql = "UPDATE records SET version = given.version, scope = given.scope, until_ms = given.until_ms, \
                   body = given.body \
                   FROM unnest($1::smallint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[], \
                   $7::bigint[], $8::bytea[]) AS given (kind, id, home, bucket, version, scope, until_ms, body) \
                   WHERE records.kind = given.kind AND records.id = given.id";
        self.record_rows(sql, &changed).await
    }

    async fn record_rows(&mut self, sql: &str, rows: &[&'a (RecordRow, bool)]) -> Result<(), Fault> {
        if rows.is_empty() {
            return Ok(());
        }
        let (kinds, ids): (Vec<i16>, Vec<i64>) = rows.iter().map(|(row, _)| row.id).unzip();
        let homes: Vec<i64> = rows.iter().map(|(row, _)| row.home).collect();
        let buckets: Vec<i16> = rows.iter().map(|(row, _)| row.bucket).collect();
        let versions: Vec<i64> = rows.iter().map(|(row, _)| row.version).collect();
        let scopes: Vec<i64> = rows.iter().map(|(row, _)| row.scope).collect();
        let untils: Vec<i64> = rows.iter().map(|(row, _)| row.until_ms).collect();
        let bodies: Vec<&[u8]> = rows.iter().map(|(row, _)| row.body.as_slice()).collect();
        self.flight.add(sql, values![kinds, ids, homes, buckets, versions, scopes, untils, bodies]).await
    }

    async fn lines(&mut self) -> Result<(), Fault> {
        let lines = Lines::of(self.done);
        if lines.operations.is_empty() {
            return Ok(());
        }
        let sql = concat!(
            "INSERT INTO ledger (operation, actor_kind, actor_id, actor_name, reason, bucket, item, kind, amount, \
             effects_before, from_kind, from_owner, from_slot, from_balance, \
             effects_after, to_kind, to_owner, to_slot, to_balance, at_ms) \
             SELECT *, ",
            now_ms!(),
            " FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::smallint[], $7::uuid[], \
             $8::integer[], $9::bigint[], $10::bytea[], $11::smallint[], $12::bigint[], $13::integer[], $14::bigint[], \
             $15::bytea[], $16::smallint[], $17::bigint[], $18::integer[], $19::bigint[])"
        );
        let Lines { operations, actor_kinds, actor_ids, actor_names, reasons, buckets, .. } = lines;
        let Lines { items, kinds, amounts, from, to, .. } = lines;
        let values = values![
            operations,
            actor_kinds,
            actor_ids,
            actor_names,
            reasons,
            buckets,
            items,
            kinds,
            amounts,
            from.effects,
            from.kinds,
            from.owners,
            from.slots,
            from.balances,
            to.effects,
            to.kinds,
            to.owners,
            to.slots,
            to.balances,
        ];
        self.flight.add(sql, values).await
    }

    async fn operations(&mut self) -> Result<(), Unwritten> {
        let (mut ids, mut buckets, mut kinds, mut outcomes) = (vec![], vec![], vec![], vec![]);
        for Done { part, outcome, .. } in self.done {
            for claim in &part.claims {
                ids.push(Id128(part.transfer().operation.0));
                buckets.push(claim.bucket);
                kinds.push(if claim.is_home { KIND } else { PART_KIND });
                outcomes.push(match claim.is_home {
                    true => codec::encode_outcome(outcome)?,
                    false => codec::encode_outcome(&part.home)?,
                });
            }
        }
        if ids.is_empty() {
            return Ok(());
        }
        let sql = concat!(
            "INSERT INTO operations (operation, bucket, kind, outcome, at_ms) SELECT *, ",
            now_ms!(),
            " FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bytea[])"
        );
        Ok(self.flight.add(sql, values![ids, buckets, kinds, outcomes]).await?)
    }
}

/// Columns of the entries.
#[derive(Default)]
struct Lines<'a> {
    operations: Vec<Id128>,
    actor_kinds: Vec<i16>,
    actor_ids: Vec<Option<i64>>,
    actor_names: Vec<Option<&'a str>>,
    reasons: Vec<&'a str>,
    buckets: Vec<i16>,
    items: Vec<Option<Id128>>,
    kinds: Vec<Option<i32>>,
    amounts: Vec<Option<i64>>,
    from: Sides<'a>,
    to: Sides<'a>,
}

#[derive(Default)]
struct Sides<'a> {
    effects: Vec<Option<&'a [u8]>>,
    kinds: Vec<Option<i16>>,
    owners: Vec<Option<i64>>,
    slots: Vec<Option<i32>>,
    balances: Vec<Option<i64>>,
}

impl<'a> Lines<'a> {
    fn of(done: &'a [Done<'a>]) -> Self {
        let mut lines = Self::default();
        for Done { part, doings, .. } in done {
            let transfer = part.transfer();
            let (actor_kind, actor_id, actor_name) = actor_columns(&transfer.actor);
            for line in &doings.lines {
                lines.operations.push(Id128(transfer.operation.0));
                lines.actor_kinds.push(actor_kind);
                lines.actor_ids.push(actor_id);
                lines.actor_names.push(actor_name);
                lines.reasons.push(&line.reason);
                lines.buckets.push(line.bucket);
                lines.items.push(line.item.map(|(item, _)| Id128(item)));
                lines.kinds.push(line.item.map(|(_, kind)| kind));
                lines.amounts.push(line.amount);
                lines.from.push(line.from.as_ref());
                lines.to.push(line.to.as_ref());
            }
        }
        lines
    }
}

impl<'a> Sides<'a> {
    fn push(&mut self, side: Option<&'a WrittenSide>) {
        self.effects.push(side.and_then(|side| side.effects.as_ref()).map(|effects| effects.as_slice()));
        self.kinds.push(side.map(|side| side.kind));
        self.owners.push(side.map(|side| side.owner));
        self.slots.push(side.and_then(|side| side.slot));
        self.balances.push(side.and_then(|side| side.balance));
    }
}
