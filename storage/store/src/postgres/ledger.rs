//! The ledger: entries written beside what they tell of, and questions about them.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::homes::entries_at_home;
use super::values::{Id128, now_ms};
use crate::ledger::{self, Line, Payment};
use crate::rows;
use deadpool_postgres::{Client, Transaction};
use model::calls::database::{
    Entry, Failure, FoundCharacter, GuildLedger, ItemHistory, ListEntries, ListedEntries, Locate, Located,
    PlayerLedger,
};
use model::calls::ledger::{EntriesOf, LOCATE_MAX, LocatedItem, OPERATIONS_MAX};
use model::id::{AccountId, OperationId};
use std::sync::LazyLock;
use tokio_postgres::types::ToSql;

/// Who does what is written, and why.
#[derive(Clone, Copy)]
pub(super) struct Scribe<'a> {
    pub(super) operation: OperationId,
    pub(super) account: AccountId,
    pub(super) reason: &'a str,
}

impl Scribe<'_> {
    /// All that a character has was born just now.
    pub(super) async fn births(&self, transaction: &Transaction<'_>, character: i64) -> Result<(), Fault> {
        self.items(transaction, ledger::births!(now_ms!()), character).await
    }

    /// All that a character has dies now.
    pub(super) async fn deaths(&self, transaction: &Transaction<'_>, character: i64) -> Result<(), Fault> {
        self.items(transaction, ledger::deaths!(now_ms!()), character).await
    }

    async fn items(&self, transaction: &Transaction<'_>, sql: &str, character: i64) -> Result<(), Fault> {
        let statement = transaction.prepare_cached(sql).await?;
        let (operation, account) = (Id128(self.operation.0), self.account.0 as i64);
        transaction.execute(&statement, &[&operation, &account, &self.reason, &character]).await?;
        Ok(())
    }

    /// Gold moves, if any does.
    pub(super) async fn gold(
        &self,
        transaction: &Transaction<'_>,
        payment: Option<Payment>,
    ) -> Result<(), Fault> {
        let Some(Payment { amount, from, to }) = payment else { return Ok(()) };
        let statement = transaction.prepare_cached(ledger::gold!(now_ms!())).await?;
        let values: [&(dyn ToSql + Sync); 11] = [
            &Id128(self.operation.0),
            &(self.account.0 as i64),
            &self.reason,
            &(placement::bucket_of(self.account) as i16),
            &amount,
            &from.kind,
            &from.owner,
            &from.balance,
            &to.kind,
            &to.owner,
            &to.balance,
        ];
        transaction.execute(&statement, &values).await?;
        Ok(())
    }
}

impl Postgres {
    /// An item may have been on any shard.
    pub(super) async fn life_of(&self, request: &ItemHistory) -> Result<Vec<Entry>, Failure> {
        let told = self.everywhere(request).await?.into_iter();
        let told = told.flat_map(|(shard, lines)| lines.into_iter().map(move |line| line.told(shard)));
        let mut entries: Vec<Entry> = told.collect::<Result<_, _>>()?;
        entries.sort_by_key(|entry| (entry.at_ms, entry.shard, entry.entry));
        let limit = ledger::limit(request.limit) as usize;
        Ok(entries.split_off(entries.len().saturating_sub(limit)))
    }

    pub(super) async fn entries_of(&self, request: &PlayerLedger) -> Result<Vec<Entry>, Failure> {
        let lines = self.shard(request.account).run(request).await?;
        let shard = self.atlas().map.shard_of(request.account);
        lines.into_iter().map(|line| line.told(shard)).collect()
    }

    pub(super) async fn entries_of_guild(&self, request: &GuildLedger) -> Result<Vec<Entry>, Failure> {
        let home = request.guild.home();
        let lines = self.shard(home).run(request).await?;
        let shard = self.atlas().map.shard_of(home);
        lines.into_iter().map(|line| line.told(shard)).collect()
    }
}

impl Postgres {
    pub(super) async fn entries_by(&self, request: &ListEntries) -> Result<ListedEntries, Failure> {
        let limit = ledger::limit(request.limit);
        let mut all = ListedEntries::default();
        for (shard, lines) in self.everywhere(request).await? {
            let told = lines.into_iter().map(|line| line.told(shard)).collect::<Result<Vec<_>, _>>()?;
            let ListedEntries { entries, more } = ledger::listed(told, limit);
            all.entries.extend(entries);
            all.more |= more;
        }
        all.entries.sort_by_key(|entry| (entry.at_ms, entry.shard, entry.entry));
        Ok(all)
    }

    pub(super) async fn whereabouts(&self, request: &Locate) -> Result<Located, Failure> {
        let mut all = Located::default();
        for (_, (items, characters)) in self.everywhere(request).await? {
            all.items.extend(items);
            all.characters.extend(characters);
        }
        Ok(all)
    }
}

static OF_OPERATION: LazyLock<String> = LazyLock::new(|| entries_at_home(ledger::OF_OPERATION));
static OF_HOLDER: LazyLock<String> = LazyLock::new(|| entries_at_home(ledger::OF_HOLDER));
static SINCE: LazyLock<String> = LazyLock::new(|| entries_at_home(ledger::SINCE));

impl Step for ListEntries {
    type Outcome = Vec<Line>;

    async fn run(&self, client: &mut Client) -> Result<Vec<Line>, Fault> {
        let limit = ledger::limit(self.limit) + 1;
        let rows = match &self.of {
            EntriesOf::Operations(operations) => {
                let statement = client.prepare_cached(&OF_OPERATION).await?;
                let mut rows = Vec::new();
                for operation in operations.iter().take(OPERATIONS_MAX) {
                    rows.extend(client.query(&statement, &[&Id128(operation.0), &limit]).await?);
                }
                rows
            }
            EntriesOf::Holder(of) => {
                let Some((kind, other, owner)) = ledger::holder(of) else { return Ok(Vec::new()) };
                let statement = client.prepare_cached(&OF_HOLDER).await?;
                let values: [&(dyn ToSql + Sync); 5] = [&owner, &kind, &other, &self.since_ms, &limit];
                client.query(&statement, &values).await?
            }
            EntriesOf::All => {
                let statement = client.prepare_cached(&SINCE).await?;
                client.query(&statement, &[&self.since_ms, &limit]).await?
            }
        };
        Ok(rows.iter().map(Line::read).collect::<Result<_, _>>()?)
    }
}

impl Step for Locate {
    type Outcome = (Vec<LocatedItem>, Vec<FoundCharacter>);

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let items: Vec<Id128> = self.items.iter().take(LOCATE_MAX).map(|item| Id128(item.0)).collect();
        let statement = client.prepare_cached(ledger::located_items!("= ANY ($1)")).await?;
        let rows = client.query(&statement, &[&items]).await?;
        let items = rows.iter().filter_map(|row| ledger::located_item(row).transpose());
        let items = items.collect::<Result<_, _>>()?;
        let characters: Vec<i64> = self.characters.iter().take(LOCATE_MAX).map(|id| id.0 as i64).collect();
        let sql = "SELECT account, id, name FROM characters WHERE id = ANY ($1)";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&characters]).await?;
        Ok((items, rows.iter().map(rows::found_character).collect::<Result<_, _>>()?))
    }
}

/// What arrives here, or is not deleted here yet, is told by the shard where it is at home.
static OF_ITEM: LazyLock<String> = LazyLock::new(|| entries_at_home(ledger::OF_ITEM));
/// Bases arrive with the bucket itself, but for what is cleaned up.
static BASE_OF_ITEM: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} AND EXISTS (SELECT 1 FROM bucket_homes AS home WHERE home.bucket = base.bucket AND home.state <= 2)",
        ledger::BASE_OF_ITEM
    )
});

impl Step for ItemHistory {
    type Outcome = Vec<Line>;

    async fn run(&self, client: &mut Client) -> Result<Vec<Line>, Fault> {
        let statement = client.prepare_cached(&OF_ITEM).await?;
        let rows = client.query(&statement, &[&Id128(self.item.0), &ledger::limit(self.limit)]).await?;
        let mut lines = rows.iter().map(Line::read).collect::<Result<Vec<_>, _>>()?;
        let statement = client.prepare_cached(&BASE_OF_ITEM).await?;
        for row in client.query(&statement, &[&Id128(self.item.0)]).await? {
            lines.push(ledger::base_line(&row)?);
        }
        Ok(lines)
    }
}

impl Step for PlayerLedger {
    type Outcome = Vec<Line>;

    async fn run(&self, client: &mut Client) -> Result<Vec<Line>, Fault> {
        let statement = client.prepare_cached(ledger::OF_CHARACTER).await?;
        let values: [&(dyn ToSql + Sync); 3] =
            [&(self.character.0 as i64), &ledger::below(self.before), &ledger::limit(self.limit)];
        let rows = client.query(&statement, &values).await?;
        Ok(rows.iter().map(Line::read).collect::<Result<_, _>>()?)
    }
}

impl Step for GuildLedger {
    type Outcome = Vec<Line>;

    async fn run(&self, client: &mut Client) -> Result<Vec<Line>, Fault> {
        let statement = client.prepare_cached(ledger::OF_GUILD).await?;
        let values: [&(dyn ToSql + Sync); 3] =
            [&i64::from(self.guild.0), &ledger::below(self.before), &ledger::limit(self.limit)];
        let rows = client.query(&statement, &values).await?;
        Ok(rows.iter().map(Line::read).collect::<Result<_, _>>()?)
    }
}
