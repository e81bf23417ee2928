//! What characters have become: every change leaves a row.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::homes::{bucket, enter};
use super::operations::Once;
use super::values::{Id128, now_ms};
use crate::ledger::actor_columns;
use crate::rows::{self, Fields, OWN_NUMBERS, own_columns, progress_columns};
use deadpool_postgres::{Client, Transaction};
use model::calls::database::{ChangeProgress, Failure, ProgressThen, ReadProgress, StaleProgress};
use model::id::OperationId;
use model::ledger::Actor;
use std::sync::LazyLock;
use tokio_postgres::types::ToSql;

type Changed = Result<(), StaleProgress>;

impl Postgres {
    pub(super) async fn alter_progress(&self, request: &ChangeProgress) -> Result<Changed, Failure> {
        self.shard(request.account).run(request).await
    }

    pub(super) async fn progress_then(&self, request: &ReadProgress) -> Result<ProgressThen, Failure> {
        self.shard(request.account).run(request).await
    }
}

/// Writes what a character has become now. A clock that went back does not put it before what was.
pub(super) async fn remember(
    transaction: &Transaction<'_>,
    character: i64,
    operation: OperationId,
    actor: &Actor,
    reason: &str,
) -> Result<(), Fault> {
    let sql = concat!(
        "INSERT INTO character_states (character, since_ms, bucket, operation, actor_kind, actor_id, actor_name, \
         reason, ",
        progress_columns!(),
        ") SELECT id, GREATEST(",
        now_ms!(),
        ", (SELECT max(since_ms) + 1 FROM character_states WHERE character = $1)), bucket, \
         $2::uuid, $3::smallint, $4::bigint, $5::text, $6::text, ",
        progress_columns!(),
        " FROM characters WHERE id = $1"
    );
    let statement = transaction.prepare_cached(sql).await?;
    let (kind, id, name) = actor_columns(actor);
    let values: [&(dyn ToSql + Sync); 6] = [&character, &Id128(operation.0), &kind, &id, &name, &reason];
    transaction.execute(&statement, &values).await?;
    Ok(())
}

impl Step for ChangeProgress {
    type Outcome = Changed;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Changed, Fault> {
        static SQL: LazyLock<String> = LazyLock::new(|| {
            let numbers: Vec<String> =
                (0..OWN_NUMBERS).map(|number| format!("${}::bigint", number + 4)).collect();
            format!(
                "UPDATE characters SET ({}) = ROW({}) WHERE id = $1 AND account = $2 AND epoch = $3",
                own_columns!(),
                numbers.join(", ")
            )
        });
        let once = Once { operation: self.operation, kind: "change_progress", account: self.account };
        let transaction = client.transaction().await?;
        let statement = transaction.prepare_cached(&SQL).await?;
        let (id, account, epoch) = (self.character.0 as i64, self.account.0 as i64, self.epoch.0 as i64);
        let numbers = rows::own_numbers(&self.progress);
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&id, &account, &epoch];
        values.extend(numbers.iter().map(|number| number as &(dyn ToSql + Sync)));
        let update = async { Ok(transaction.execute(&statement, &values).await?) };
        let changed = enter(&transaction, &[bucket(self.account)], update).await?;
        let outcome = if changed == 0 { Err(StaleProgress) } else { Ok(()) };
        if !once.claim(&transaction, &outcome).await? {
            transaction.rollback().await?;
            return once.first_outcome(client).await;
        }
        if outcome.is_ok() {
            remember(&transaction, id, self.operation, &self.actor, &self.reason).await?;
        }
        transaction.commit().await?;
        Ok(outcome)
    }
}

impl Step for ReadProgress {
    type Outcome = ProgressThen;

    async fn run(&self, client: &mut Client) -> Result<ProgressThen, Fault> {
        let id = self.character.0 as i64;
        let sql = concat!(
            "SELECT ",
            progress_columns!(),
            " FROM character_states WHERE character = $1 AND since_ms <= $2 ORDER BY since_ms DESC LIMIT 1"
        );
        let statement = client.prepare_cached(sql).await?;
        let then = client.query_opt(&statement, &[&id, &self.at_ms]).await?;
        let sql =
            "SELECT since_ms, reason FROM character_states WHERE character = $1 ORDER BY since_ms LIMIT 1";
        let statement = client.prepare_cached(sql).await?;
        let first = client.query_opt(&statement, &[&id]).await?;
        let sql = "SELECT since_ms FROM character_states WHERE character = $1 ORDER BY since_ms DESC LIMIT 1";
        let statement = client.prepare_cached(sql).await?;
        let newest = client.query_opt(&statement, &[&id]).await?;
        let sql = "SELECT until_ms FROM ledger_horizons WHERE bucket = $1";
        let statement = client.prepare_cached(sql).await?;
        let horizon = client.query_opt(&statement, &[&bucket(self.account)]).await?;
        Ok(ProgressThen {
            then: then.map(|row| rows::progress(&row)).transpose()?,
            first: first.map(|row| Ok::<_, Failure>((row.int(0)?, row.text(1)?))).transpose()?,
            newest_ms: newest.map(|row| row.int(0)).transpose()?.unwrap_or_default(),
            horizon_ms: horizon.map(|row| row.int(0)).transpose()?,
        })
    }
}
