//! The ledger: entries written beside what they tell of, and questions about them.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::homes::entries_at_home;
use super::values::{Id128, now_ms};
use crate::ledger::{self, Line, Payment};
use deadpool_postgres::{Client, Transaction};
use model::calls::database::{Entry, Failure, ItemHistory, PlayerLedger};
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
