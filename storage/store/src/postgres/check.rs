//! `fsck`: reads shelves for the examiner, compares names with rows across databases, and looks for prepared
//! transactions that nobody ended.
//!
//! Names and rows are in two databases that cannot be read at one moment, so what is missing is looked at
//! again in the order in which it must have been there:
//!
//! ```text
//!   row, no name:   the row is read, the name is read, the row is still there: the name was there all
//!                   that time, since it is reserved before the row and freed after it; ids never return
//!   name, no row:   the name is held, the row is read, the name is still held for the same operation
//! ```

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::names::{Exists, Find, HELD, Kind, Name};
use crate::examine::base::{self, Horizon, SumRow};
use crate::examine::{self, Base, ItemRow, OperationRow, Owner, PurseRow, RecordRow, Shelf, examine, find};
use crate::ledger::Line;
use crate::rows::Fields;
use crate::two_phase::Attempt;
use deadpool_postgres::{Client, GenericClient, Transaction};
use model::calls::database::{
    CheckBuckets, CheckDatabases, CheckNames, Checked, CheckedNames, Failure, Finding,
};
use model::calls::ledger::{ENTRIES_MAX, NameMark, Wrong};
use model::id::{AccountId, CharacterId, OperationId};
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::IsolationLevel;
use tokio_postgres::types::ToSql;

impl Postgres {
    pub(super) async fn examine_buckets(&self, request: &CheckBuckets) -> Result<Checked, Failure> {
        let mut all = Checked::default();
        for (shard, (shelf, strays)) in self.everywhere(request).await? {
            let mut report = examine(&shelf);
            for owner in strays {
                let what = format!("{} lies on shard {shard}, which does not own its bucket", owner.name);
                find(&mut report, owner.finding(Wrong::Row, what));
            }
            self.examine_names_of(Kind::Account, &shelf.accounts, &mut report).await?;
            self.examine_names_of(Kind::Character, &shelf.characters, &mut report).await?;
            crate::fsck::add(&mut all, report);
        }
        Ok(all)
    }

    async fn examine_names_of(
        &self,
        kind: Kind,
        owners: &[Owner],
        report: &mut Checked,
    ) -> Result<(), Failure> {
        for owner in self.nameless(kind, owners).await? {
            let what = format!("{} has no name among the names of the cluster", owner.name);
            find(report, owner.finding(Wrong::Name, what));
        }
        Ok(())
    }

    /// Rows without a name.
    pub(super) async fn nameless<'a>(
        &self,
        kind: Kind,
        owners: &'a [Owner],
    ) -> Result<Vec<&'a Owner>, Failure> {
        let mut found = Vec::new();
        if owners.is_empty() {
            return Ok(found);
        }
        let keys: Vec<&str> = owners.iter().map(|owner| owner.key.as_str()).collect();
        let names = self.metadata.run(&NamesOf { kind, keys: &keys }).await?;
        for owner in owners.iter().filter(|owner| names.get(&owner.key) != Some(&owner.id)) {
            let account = AccountId(owner.account.unwrap_or(owner.id) as u64);
            if self.shard(account).run(&Exists { kind, id: owner.id as u64 }).await? {
                found.push(owner);
            }
        }
        Ok(found)
    }

    pub(super) async fn examine_names(&self, request: &CheckNames) -> Result<CheckedNames, Failure> {
        let (mut findings, mut rowless) = (Vec::new(), Vec::new());
        let (names, next) = self.rowless(request, &mut rowless, &mut findings).await?;
        findings.extend(rowless.iter().map(|(kind, name)| name.without_row(*kind)));
        Ok(CheckedNames { findings, names, next })
    }

    /// Names of a page without a row; what is no name at all is a finding. The number of names, and the next page.
    pub(super) async fn rowless(
        &self,
        request: &CheckNames,
        rowless: &mut Vec<(Kind, Held)>,
        findings: &mut Vec<Finding>,
    ) -> Result<(u64, Option<NameMark>), Failure> {
        let page = self.metadata.run(request).await?;
        let limit = request.limit.clamp(1, ENTRIES_MAX) as usize;
        let next = page.last().filter(|_| page.len() == limit).map(|last| last.mark.clone());
        let mut by_shard: BTreeMap<(u16, i16), Vec<&Held>> = BTreeMap::new();
        let atlas = self.atlas();
        for name in page.iter().filter(|name| name.state == HELD) {
            by_shard.entry((atlas.map.shard_of(name.account), name.mark.kind)).or_default().push(name);
        }
        for ((shard, kind), held) in by_shard {
            let Some(kind) = Kind::of(kind) else {
                let what = |name: &Held| format!("the name {} is of kind {kind}", name.mark.key);
                findings.extend(held.iter().map(|name| Finding::new(Wrong::Name, what(name))));
                continue;
            };
            let ids = held.iter().map(|name| name.id as i64).collect();
            let rows = atlas.shards[usize::from(shard)].run(&KeysOf { kind, ids }).await?;
            for name in held {
                let id = name.id as i64;
                if rows.get(&id) == Some(&name.mark.key) {
                    continue;
                }
                // its bucket may have moved since the map was read
                let again = KeysOf { kind, ids: vec![id] };
                if self.shard(name.account).run(&again).await?.get(&id) != Some(&name.mark.key)
                    && self.is_still_held(kind, name).await?
                {
                    rowless.push((kind, name.clone()));
                }
            }
        }
        Ok((page.len() as u64, next))
    }

    pub(super) async fn is_still_held(&self, kind: Kind, held: &Held) -> Result<bool, Failure> {
        let Held { mark: NameMark { key, .. }, account, id, operation, .. } = held;
        let name = Name { kind, key, account: *account, id: *id, operation: *operation };
        let found = self.metadata.run(&Find(name)).await?;
        Ok(found.is_some_and(|found| found.is_held_by(*id, *operation)))
    }

    pub(super) async fn left_behind(&self, request: &CheckDatabases) -> Result<Vec<Finding>, Failure> {
        let mut found = Vec::new();
        for shard in self.atlas().serving() {
            found.extend(shard.run(request).await?);
        }
        // the metadata may share the database of a shard: what is there is told once
        for (what, gid) in self.metadata.run(request).await? {
            if found.iter().all(|(_, other)| *other != gid) {
                found.push((what, gid));
            }
        }
        Ok(found.into_iter().map(|(what, _)| Finding::new(Wrong::Prepared, what)).collect())
    }
}

impl Step for CheckBuckets {
    /// What is at home here, and what is here though its bucket is neither at home nor moving.
    type Outcome = (Shelf, Vec<Owner>);

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let transaction = one_moment(client).await?;
        let client = &transaction;
        // what arrives or is still to be deleted is examined on the shard where it is at home
        let sql = "SELECT bucket FROM bucket_homes WHERE bucket BETWEEN $1 AND $2 AND state > 2";
        let statement = client.prepare_cached(sql).await?;
        let (first, last) = (self.first as i16, self.last as i16);
        let range: [&(dyn ToSql + Sync); 2] = [&first, &last];
        let rows = client.query(&statement, &range).await?;
        let moving: Vec<i16> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let shelf = shelf(client, first, last, &moving).await?;
        let mut strays = read(client, &stray(examine::ACCOUNTS), &range, Owner::account).await?;
        strays.extend(read(client, &stray(examine::CHARACTERS), &range, Owner::character).await?);
        transaction.commit().await?;
        Ok((shelf, strays))
    }
}

/// A transaction that sees the ledger, and what months that are gone led to, as of one moment. That is the first question;
/// were the ledger not locked before it, a month that is removed after it would be missing, and not yet in the base.
/// Whoever removes one waits for a moment only, and tries again.
pub(super) async fn one_moment(client: &mut Client) -> Result<Transaction<'_>, Fault> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    let transaction = builder.read_only(true).start().await?;
    transaction.batch_execute("LOCK TABLE ledger IN ACCESS SHARE MODE").await?;
    Ok(transaction)
}

/// Everything of some buckets without those that are moving.
pub(super) async fn shelf(
    client: &impl GenericClient,
    first: i16,
    last: i16,
    moving: &[i16],
) -> Result<Shelf, Fault> {
    let here: [&(dyn ToSql + Sync); 3] = [&first, &last, &moving];
    Ok(Shelf {
        accounts: read(client, &at_home(examine::ACCOUNTS), &here, Owner::account).await?,
        characters: read(client, &at_home(examine::CHARACTERS), &here, Owner::character).await?,
        strangers: read(client, &at_home(examine::STRANGERS), &here, |row| row.int(0)).await?,
        items: read(client, &at_home(examine::ITEMS), &here, ItemRow::read).await?,
        purses: read(client, &at_home(examine::PURSES), &here, PurseRow::read).await?,
        records: read(client, &at_home(examine::RECORDS), &here, RecordRow::read).await?,
        operations: read(client, &at_home(examine::OPERATIONS), &here, OperationRow::read).await?,
        base: Base {
            horizons: read(client, &at_home(base::HORIZONS), &here, Horizon::read).await?,
            items: read(client, &at_home(base::BASE_ITEMS), &here, ItemRow::read).await?,
            purses: read(client, &at_home(base::BASE_PURSES), &here, PurseRow::read).await?,
            sums: read(client, &at_home(base::BASE_SUMS), &here, SumRow::read).await?,
        },
        lines: read(client, &at_home(examine::LINES), &here, Line::read).await?,
    })
}

/// The statement without some buckets.
fn at_home(sql: &str) -> String {
    sql.replacen("bucket BETWEEN $1 AND $2", "bucket BETWEEN $1 AND $2 AND bucket <> ALL ($3)", 1)
}

/// The statement for what belongs to buckets of which this shard knows nothing.
fn stray(sql: &str) -> String {
    format!("{sql} AND NOT EXISTS (SELECT 1 FROM bucket_homes AS home WHERE home.bucket = {}.bucket)", {
        let from = sql.split(" FROM ").nth(1).unwrap_or_default();
        from.split(' ').next().unwrap_or_default()
    })
}

async fn read<T>(
    client: &impl GenericClient,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
    of: impl Fn(&tokio_postgres::Row) -> Result<T, Failure>,
) -> Result<Vec<T>, Fault> {
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, values).await?;
    Ok(rows.iter().map(of).collect::<Result<_, _>>()?)
}

/// Ids by name.
struct NamesOf<'a> {
    kind: Kind,
    keys: &'a [&'a str],
}

impl Step for NamesOf<'_> {
    type Outcome = HashMap<String, i64>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let sql = "SELECT key, id FROM names WHERE kind = $1 AND key = ANY ($2)";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&(self.kind as i16), &self.keys]).await?;
        Ok(rows.iter().map(|row| Ok((row.text(0)?, row.int(1)?))).collect::<Result<_, Failure>>()?)
    }
}

/// Names of rows by their ids.
struct KeysOf {
    kind: Kind,
    ids: Vec<i64>,
}

impl Step for KeysOf {
    type Outcome = HashMap<i64, String>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let sql = match self.kind {
            Kind::Account => "SELECT id, name_key FROM accounts WHERE id = ANY ($1)",
            Kind::Character => "SELECT id, name_key FROM characters WHERE id = ANY ($1)",
        };
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&self.ids]).await?;
        Ok(rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?))).collect::<Result<_, Failure>>()?)
    }
}

/// A row of `names`.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) mark: NameMark,
    account: AccountId,
    pub(super) id: u64,
    state: i16,
    pub(super) operation: OperationId,
}

impl Held {
    fn without_row(&self, kind: Kind) -> Finding {
        let what = format!("the name {} is held, and its row is not there", self.mark.key);
        let character = (kind == Kind::Character).then_some(CharacterId(self.id));
        let (account, operation) = (Some(self.account), Some(self.operation));
        Finding { character, account, operation, ..Finding::new(Wrong::Name, what) }
    }
}

impl Step for CheckNames {
    type Outcome = Vec<Held>;

    async fn run(&self, client: &mut Client) -> Result<Vec<Held>, Fault> {
        let sql = "SELECT kind, key, account, id, state, operation FROM names \
                   WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3";
        let statement = client.prepare_cached(sql).await?;
        let (kind, key) = self.after.as_ref().map_or((0, ""), |mark| (mark.kind, mark.key.as_str()));
        let limit = i64::from(self.limit.clamp(1, ENTRIES_MAX));
        let rows = client.query(&statement, &[&kind, &key, &limit]).await?;
        let held = rows.iter().map(|row| {
            Ok(Held {
                mark: NameMark { kind: row.number(0)?, key: row.text(1)? },
                account: AccountId(row.int(2)? as u64),
                id: row.int(3)? as u64,
                state: row.number(4)?,
                operation: OperationId(row.id128(5)?),
            })
        });
        Ok(held.collect::<Result<_, Failure>>()?)
    }
}

impl Step for CheckDatabases {
    /// What to tell, and the name of the transaction.
    type Outcome = Vec<(String, String)>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        // a young one of ours is an operation under way
        let sql = "SELECT database::text, gid FROM pg_prepared_xacts WHERE database = current_database() \
                   AND NOT (starts_with(gid, $1) AND prepared > clock_timestamp() - interval '10 seconds')";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&Attempt::OURS]).await?;
        let told = rows.iter().map(|row| {
            let (database, gid) = (row.text(0)?, row.text(1)?);
            Ok((format!("the prepared transaction {gid:?} in database {database} was never ended"), gid))
        });
        Ok(told.collect::<Result<_, Failure>>()?)
    }
}
