//! Questions about records, banks of guilds and cash.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use crate::ledger::CASH;
use crate::rows::{self, Fields, PlaceKind, PlacedItem, item_columns, record_columns};
use crate::transfer::{record_id, record_kind};
use deadpool_postgres::Client;
use model::calls::database::{Cargo, Failure, GetRecord, HeldRecord, ListRecords, LoadGuildBank, ReadCash};
use model::transfer::{Record, RecordKey};
use std::collections::HashMap;
use tokio_postgres::IsolationLevel;
use tokio_postgres::types::ToSql;

impl Postgres {
    pub(super) async fn do_list_records(&self, request: &ListRecords) -> Result<Vec<HeldRecord>, Failure> {
        let page = Page {
            kind: record_kind(request.kind),
            scope: request.scope.map(|scope| scope as i64),
            home: request.home.map(|home| home.0 as i64),
            // a number above all has none after it
            after: i64::try_from(request.after).unwrap_or(i64::MAX),
            limit: rows::records_limit(request.limit),
        };
        if let Some(home) = request.home {
            return self.shard(home).run(&page).await;
        }
        let pages = self.everywhere(&page).await?;
        let mut all: Vec<HeldRecord> = pages.into_iter().flat_map(|(_, page)| page).collect();
        all.sort_by_key(|held| held.record.key.number());
        all.truncate(page.limit as usize);
        Ok(all)
    }

    pub(super) async fn do_get_record(&self, request: &GetRecord) -> Result<Option<HeldRecord>, Failure> {
        let one = One { key: request.key };
        let found = match request.home {
            Some(home) => self.shard(home).run(&one).await?.filter(|held| held.record.home == home),
            None => {
                let asked = self.everywhere(&one).await?;
                asked.into_iter().find_map(|(_, found)| found)
            }
        };
        Ok(found)
    }

    pub(super) async fn do_load_guild_bank(&self, request: &LoadGuildBank) -> Result<Cargo, Failure> {
        self.shard(request.guild.home()).run(request).await
    }

    pub(super) async fn do_read_cash(&self, request: &ReadCash) -> Result<i64, Failure> {
        self.shard(request.account).run(request).await
    }
}

struct Page {
    kind: i16,
    scope: Option<i64>,
    home: Option<i64>,
    after: i64,
    limit: i64,
}

impl Step for Page {
    type Outcome = Vec<HeldRecord>;

    async fn run(&self, client: &mut Client) -> Result<Vec<HeldRecord>, Fault> {
        // without a scope the planner must not be asked to look for one
        let sql = match self.scope {
            Some(_) => concat!(
                "SELECT ",
                record_columns!(),
                " FROM records WHERE kind = $1 AND scope = $2 AND ($3::bigint IS NULL OR home = $3) AND id > $4 \
                 ORDER BY id LIMIT $5"
            ),
            None => concat!(
                "SELECT ",
                record_columns!(),
                " FROM records WHERE kind = $1 AND $2::bigint IS NULL AND ($3::bigint IS NULL OR home = $3) AND id > $4 \
                 ORDER BY id LIMIT $5"
            ),
        };
        let values: [&(dyn ToSql + Sync); 5] =
            [&self.kind, &self.scope, &self.home, &self.after, &self.limit];
        held(client, sql, &values, self.kind).await
    }
}

struct One {
    key: RecordKey,
}

impl Step for One {
    type Outcome = Option<HeldRecord>;

    async fn run(&self, client: &mut Client) -> Result<Option<HeldRecord>, Fault> {
        let sql = concat!("SELECT ", record_columns!(), " FROM records WHERE kind = $1 AND id = $2");
        let (kind, id) = record_id(self.key);
        Ok(held(client, sql, &[&kind, &id], kind).await?.pop())
    }
}

/// Records with what lies in them, all of one moment.
async fn held(
    client: &mut Client,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
    kind: i16,
) -> Result<Vec<HeldRecord>, Fault> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    let transaction = builder.read_only(true).start().await?;
    let statement = transaction.prepare_cached(sql).await?;
    let found = transaction.query(&statement, values).await?;
    let records = found.iter().map(rows::record).collect::<Result<Vec<Record>, Failure>>()?;
    let owners: Vec<i64> = records.iter().map(|record| record.key.number() as i64).collect();
    let sql =
        concat!("SELECT ", item_columns!(), " FROM items WHERE place_owner = ANY ($1) AND place_kind = $2");
    let statement = transaction.prepare_cached(sql).await?;
    let mut items: HashMap<i64, Vec<PlacedItem>> = HashMap::new();
    for row in transaction.query(&statement, &[&owners, &kind]).await? {
        let placed = rows::placed_item(&row)?;
        items.entry(placed.owner).or_default().push(placed);
    }
    let sql = "SELECT owner, balance FROM purses WHERE kind = $1 AND owner = ANY ($2)";
    let statement = transaction.prepare_cached(sql).await?;
    let purses = transaction.query(&statement, &[&kind, &owners]).await?;
    let gold = purses.iter().map(|row| Ok((row.int(0)?, row.int(1)?)));
    let gold = gold.collect::<Result<HashMap<i64, i64>, Failure>>()?;
    transaction.commit().await?;
    let whole = records.into_iter().map(|record| {
        let owner = record.key.number() as i64;
        rows::held_record(record, &items.remove(&owner).unwrap_or_default(), gold.get(&owner).copied())
    });
    Ok(whole.collect::<Result<_, _>>()?)
}

impl Step for LoadGuildBank {
    type Outcome = Cargo;

    async fn run(&self, client: &mut Client) -> Result<Cargo, Fault> {
        let (kind, guild) = (PlaceKind::Guild as i16, i64::from(self.guild.0));
        let gold = balance(client, kind, guild).await?;
        let sql =
            concat!("SELECT ", item_columns!(), " FROM items WHERE place_owner = $1 AND place_kind = $2");
        let statement = client.prepare_cached(sql).await?;
        let items = client.query(&statement, &[&guild, &kind]).await?;
        let items = items.iter().map(rows::placed_item).collect::<Result<_, _>>()?;
        Ok(rows::cargo(gold, items)?)
    }
}

impl Step for ReadCash {
    type Outcome = i64;

    async fn run(&self, client: &mut Client) -> Result<i64, Fault> {
        balance(client, CASH as i16, self.account.0 as i64).await
    }
}

async fn balance(client: &Client, kind: i16, owner: i64) -> Result<i64, Fault> {
    let statement =
        client.prepare_cached("SELECT balance FROM purses WHERE kind = $1 AND owner = $2").await?;
    let row = client.query_opt(&statement, &[&kind, &owner]).await?;
    Ok(row.map(|row| row.int(0)).transpose()?.unwrap_or_default())
}
