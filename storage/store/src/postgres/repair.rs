//! Repairs: planned by the examiner, written while the bucket is closed to everybody else.

use super::Postgres;
use super::check::shelf;
use super::database::Step;
use super::fault::Fault;
use super::homes::{ENTER, bucket};
use super::names::Kind;
use super::values::{Id128, now_ms};
use crate::codec;
use crate::derive;
use crate::examine::around::Around;
use crate::examine::repair::{Fix, Write, account_in, plan};
use crate::examine::{Owner, REPAIR_KIND, holder};
use crate::ledger::{Written, actor_columns};
use crate::rows::Fields;
use crate::transfer::PART_KIND;
use deadpool_postgres::{Client, Transaction};
use model::calls::database::{
    CheckBuckets, CheckNames, Failure, RepairBucket, RepairNames, RepairStrays, Repaired,
};
use model::id::{AccountId, OperationId};
use model::ledger::Actor;
use tokio_postgres::types::ToSql;

type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Postgres {
    pub(super) async fn mend_bucket(&self, request: &RepairBucket) -> Result<Repaired, Failure> {
        // any account of that bucket finds its shard
        let account = account_in(request.bucket);
        let look = CheckBuckets { first: request.bucket, last: request.bucket };
        let (shelf, _) = self.shard(account).run(&look).await?;
        let around = self.around(request, account, &shelf).await?;
        let mending = Mending { order: request, around };
        let (mut fixes, accounts, characters) = self.shard(account).run(&mending).await?;
        for (kind, owners) in [(Kind::Account, accounts), (Kind::Character, characters)] {
            for owner in self.nameless(kind, &owners).await? {
                if request.dry_run || self.metadata.run(&GiveName { kind, owner }).await? {
                    fixes.push(format!("{} gets its name among the names of the cluster back", owner.name));
                }
            }
        }
        Ok(Repaired { fixes, next: None })
    }

    pub(super) async fn mend_strays(&self, request: &RepairStrays) -> Result<Repaired, Failure> {
        let mut fixes = Vec::new();
        for shard in self.atlas().serving() {
            let number = shard.index();
            for item in shard.run(request).await? {
                fixes.push(format!(
                    "item {item:032x}: its row on shard {number}, where its bucket is not, ends"
                ));
            }
            for (kind, id, own) in shard.run(&Misplaced { dry_run: request.dry_run }).await? {
                fixes.push(format!("{} goes to its own bucket {own}", holder(kind, id)));
            }
        }
        Ok(Repaired { fixes, next: None })
    }

    pub(super) async fn mend_names(&self, request: &RepairNames) -> Result<Repaired, Failure> {
        let mut fixes = Vec::new();
        if request.after.is_none() && !request.dry_run {
            let round = self.recover_once().await;
            if round.committed + round.rolled_back > 0 {
                let (committed, undone) = (round.committed, round.rolled_back);
                fixes.push(format!("prepared transactions: {committed} committed, {undone} rolled back"));
            }
        }
        let page = CheckNames { after: request.after.clone(), limit: request.limit };
        let (mut rowless, mut findings) = (Vec::new(), Vec::new());
        let (_, next) = self.rowless(&page, &mut rowless, &mut findings).await?;
        for (kind, held) in rowless {
            let free = FreeName { kind, key: &held.mark.key, id: held.id, operation: held.operation };
            if request.dry_run || self.metadata.run(&free).await? {
                fixes.push(format!("the name {} is free again: its row is not there", held.mark.key));
            }
        }
        Ok(Repaired { fixes, next })
    }
}

/// What was done, and who lives in the bucket.
type Mended = (Vec<String>, Vec<Owner>, Vec<Owner>);

/// The repair of a bucket, with what the others have.
struct Mending<'a> {
    order: &'a RepairBucket,
    around: Around,
}

impl Step for Mending<'_> {
    type Outcome = Mended;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Mended, Fault> {
        let transaction = client.transaction().await?;
        let (order, bucket) = (self.order, self.order.bucket as i16);
        // nobody else is in it from here on
        transaction.execute("SELECT close_buckets($1)", &[&vec![bucket]]).await?;
        if !is_home(&transaction, bucket).await? {
            return Err(Fault::Moved);
        }
        let sql = "SELECT outcome FROM operations WHERE operation = $1 AND bucket = $2 AND kind = $3";
        let stored = transaction.query_opt(sql, &[&Id128(order.operation.0), &bucket, &REPAIR_KIND]).await?;
        let shelf = shelf(&transaction, bucket, bucket, &[]).await?;
        let told = match stored {
            Some(row) => codec::decode_outcome(&row.bytes(0)?)?,
            None => order.mend(&transaction, &plan(&shelf, order, &self.around)).await?,
        };
        transaction.commit().await?;
        Ok((told, shelf.accounts, shelf.characters))
    }
}

async fn is_home(transaction: &Transaction<'_>, bucket: i16) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM bucket_homes WHERE bucket = $1 AND state <= 2";
    Ok(transaction.query_opt(sql, &[&bucket]).await?.is_some())
}

trait Mend {
    fn mend(
        &self,
        transaction: &Transaction<'_>,
        fixes: &[Fix],
    ) -> impl Future<Output = Result<Vec<String>, Fault>> + Send;
}

impl Mend for RepairBucket {
    async fn mend(&self, transaction: &Transaction<'_>, fixes: &[Fix]) -> Result<Vec<String>, Fault> {
        let told: Vec<String> = fixes.iter().map(|fix| fix.told.clone()).collect();
        if self.dry_run || fixes.is_empty() {
            return Ok(told);
        }
        let scribe = Scribe { transaction, order: self };
        for one in fixes.iter().flat_map(|fix| &fix.writes) {
            scribe.write(one).await?;
        }
        scribe.operation(self.operation, REPAIR_KIND, codec::encode_outcome(&told)?).await?;
        Ok(told)
    }
}

struct Scribe<'a> {
    transaction: &'a Transaction<'a>,
    order: &'a RepairBucket,
}

impl Scribe<'_> {
    async fn run(&self, sql: &str, values: Values<'_>) -> Result<(), Fault> {
        let statement = self.transaction.prepare_cached(sql).await?;
        self.transaction.execute(&statement, values).await?;
        Ok(())
    }

    async fn operation(&self, operation: OperationId, kind: &str, outcome: Vec<u8>) -> Result<(), Fault> {
        let sql = concat!(
            "INSERT INTO operations (operation, bucket, kind, outcome, at_ms) VALUES ($1, $2, $3, $4, ",
            now_ms!(),
            ") ON CONFLICT (operation, bucket) DO UPDATE SET kind = excluded.kind, outcome = excluded.outcome"
        );
        self.run(sql, &[&Id128(operation.0), &(self.order.bucket as i16), &kind, &outcome]).await
    }

    async fn write(&self, one: &Write) -> Result<(), Fault> {
        let bucket = self.order.bucket as i16;
        match one {
            Write::Insert(item) | Write::Update(item) => {
                let sql = match one {
                    Write::Insert(_) => {
                        "INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
                         VALUES ($1, $2, $3, $4, $5, $6, $7)"
                    }
                    _ => {
                        "UPDATE items SET kind = $3, effects = $4, place_kind = $5, place_owner = $6, \
                         place_slot = $7 WHERE id = $1 AND bucket = $2"
                    }
                };
                let (spot, kind) = (item.spot, item.kind as i32);
                let (place_kind, slot) = (spot.kind as i16, spot.slot as i32);
                let (id, effects) = (Id128(item.id), &item.effects);
                self.run(sql, &[&id, &bucket, &kind, effects, &place_kind, &spot.owner, &slot]).await
            }
            Write::Delete(id) => {
                self.run("DELETE FROM items WHERE id = $1 AND bucket = $2", &[&Id128(*id), &bucket]).await
            }
            Write::Rename(id, new) => {
                let sql = "UPDATE items SET id = $3 WHERE id = $1 AND bucket = $2";
                self.run(sql, &[&Id128(*id), &bucket, &Id128(*new)]).await
            }
            Write::Bank(account, gold) => {
                self.run("UPDATE accounts SET cargo_gold = $2 WHERE id = $1", &[account, gold]).await
            }
            Write::Purse(kind, owner, 0) => {
                let sql = "DELETE FROM purses WHERE kind = $1 AND owner = $2";
                self.run(sql, &[&(*kind as i16), owner]).await
            }
            Write::Purse(kind, owner, balance) => {
                let sql = "INSERT INTO purses (kind, owner, bucket, balance) VALUES ($1, $2, $3, $4)";
                self.run(sql, &[&(*kind as i16), owner, &bucket, balance]).await
            }
            Write::EndRecord(kind, id) => {
                self.run("DELETE FROM records WHERE kind = $1 AND id = $2", &[&(*kind as i16), id]).await
            }
            Write::RecordBucket(kind, id, own) => {
                let own = *own as i16;
                if !is_home(self.transaction, own).await? {
                    return Ok(()); // it stays a finding
                }
                self.run(ENTER, &[&vec![own]]).await?;
                let sql = "UPDATE records SET bucket = $3 WHERE kind = $1 AND id = $2";
                self.run(sql, &[&(*kind as i16), id, &own]).await
            }
            Write::Stale(character) => {
                self.run("UPDATE characters SET epoch = epoch + 1 WHERE id = $1", &[character]).await
            }
            Write::Operation(id) => {
                let outcome = codec::encode_outcome(&AccountId(0))?;
                self.operation(OperationId(*id), PART_KIND, outcome).await
            }
            Write::Line(operation, line) => {
                self.line(operation.map_or(self.order.operation, OperationId), line).await
            }
        }
    }

    async fn line(&self, operation: OperationId, line: &Written) -> Result<(), Fault> {
        let sql = concat!(
            "INSERT INTO ledger (operation, actor_kind, actor_id, actor_name, reason, bucket, item, kind, amount, \
             from_kind, from_owner, from_slot, effects_before, from_balance, \
             to_kind, to_owner, to_slot, effects_after, to_balance, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, ",
            now_ms!(),
            ")"
        );
        let actor = Actor::Operator(self.order.operator.clone());
        let (actor_kind, actor_id, actor_name) = actor_columns(&actor);
        let (from, to) = (line.from.as_ref(), line.to.as_ref());
        let effects = [from, to].map(|side| side.and_then(|side| side.effects).map(Vec::from));
        let values: [&(dyn ToSql + Sync); 19] = [
            &Id128(operation.0),
            &actor_kind,
            &actor_id,
            &actor_name,
            &line.reason,
            &line.bucket,
            &line.item.map(|(id, _)| Id128(id)),
            &line.item.map(|(_, kind)| kind),
            &line.amount,
            &from.map(|side| side.kind),
            &from.map(|side| side.owner),
            &from.and_then(|side| side.slot),
            &effects[0],
            &from.and_then(|side| side.balance),
            &to.map(|side| side.kind),
            &to.map(|side| side.owner),
            &to.and_then(|side| side.slot),
            &effects[1],
            &to.and_then(|side| side.balance),
        ];
        self.run(sql, &values).await
    }
}

impl Step for RepairStrays {
    /// The items whose rows ended, or would.
    type Outcome = Vec<u128>;

    async fn run(&self, client: &mut Client) -> Result<Vec<u128>, Fault> {
        let of = "FROM items WHERE id = ANY ($1) \
                  AND NOT EXISTS (SELECT 1 FROM bucket_homes AS home WHERE home.bucket = items.bucket)";
        let sql = match self.dry_run {
            true => format!("SELECT id {of}"),
            false => format!("DELETE {of} RETURNING id"),
        };
        let items: Vec<Id128> = self.items.iter().map(|item| Id128(item.0)).collect();
        let rows = client.query(&sql, &[&items]).await?;
        Ok(rows.iter().map(|row| row.id128(0)).collect::<Result<_, _>>()?)
    }
}

/// Puts records that lie in a bucket of which this shard knows nothing into their own one, if that is here.
struct Misplaced {
    dry_run: bool,
}

impl Step for Misplaced {
    /// Kind, number, and own bucket.
    type Outcome = Vec<(i64, i64, i16)>;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let transaction = client.transaction().await?;
        let sql = "SELECT kind, id, home FROM records \
                   WHERE NOT EXISTS (SELECT 1 FROM bucket_homes AS home WHERE home.bucket = records.bucket)";
        let mut found = Vec::new();
        for row in transaction.query(sql, &[]).await? {
            let (kind, id) = (row.int(0)?, row.int(1)?);
            let own = bucket(AccountId(row.int(2)? as u64));
            if !is_home(&transaction, own).await? {
                continue;
            }
            found.push((kind, id, own));
            if !self.dry_run {
                transaction.execute(ENTER, &[&vec![own]]).await?;
                let sql = "UPDATE records SET bucket = $3 WHERE kind = $1 AND id = $2";
                transaction.execute(sql, &[&(kind as i16), &id, &own]).await?;
            }
        }
        transaction.commit().await?;
        Ok(found)
    }
}

/// Gives a row its name back, unless somebody else has it.
struct GiveName<'a> {
    kind: Kind,
    owner: &'a Owner,
}

impl Step for GiveName<'_> {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let sql = "INSERT INTO names (kind, key, account, id, state, operation, until_ms) \
                   VALUES ($1, $2, $3, $4, 2, $5, 0) ON CONFLICT DO NOTHING";
        let (kind, owner) = (self.kind as i16, self.owner);
        let account = owner.account.unwrap_or(owner.id);
        let operation = Id128(derive::operation("repair-name", &[owner.key.as_bytes()]).0);
        let values: [&(dyn ToSql + Sync); 5] = [&kind, &owner.key, &account, &owner.id, &operation];
        Ok(client.execute(sql, &values).await? > 0)
    }
}

/// Frees a name that nothing happened to since it was looked at.
struct FreeName<'a> {
    kind: Kind,
    key: &'a str,
    id: u64,
    operation: OperationId,
}

impl Step for FreeName<'_> {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let sql =
            "DELETE FROM names WHERE kind = $1 AND key = $2 AND id = $3 AND operation = $4 AND state = 2";
        let values: [&(dyn ToSql + Sync); 4] =
            [&(self.kind as i16), &self.key, &(self.id as i64), &Id128(self.operation.0)];
        Ok(client.execute(sql, &values).await? > 0)
    }
}
