//! Idempotency on a shard: the row of an operation is claimed in the transaction that does it, together
//! with its outcome. Whoever comes second waits for the first, finds the row, undoes its own doing, and
//! gives the outcome of the first.

use super::database::Step;
use super::fault::Fault;
use super::homes::{bucket, enter};
use super::values::{Id128, now_ms};
use crate::codec;
use crate::rows::Fields;
use deadpool_postgres::{Client, Transaction};
use model::calls::database::Failure;
use model::id::{AccountId, OperationId};
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

/// What names an operation.
#[derive(Clone, Copy)]
pub(super) struct Once {
    /// Its id.
    pub(super) operation: OperationId,
    /// Its name, so that an id used for two things is found out.
    pub(super) kind: &'static str,
    /// The account that it is about.
    pub(super) account: AccountId,
}

impl Once {
    /// Stores the outcome in this transaction; false when the operation was done before: then this
    /// transaction must be rolled back and [`Once::first_outcome`] given.
    pub(super) async fn claim<T: Serialize>(
        &self,
        transaction: &Transaction<'_>,
        outcome: &T,
    ) -> Result<bool, Fault> {
        let sql = concat!(
            "INSERT INTO operations (operation, bucket, kind, outcome, at_ms) VALUES ($1, $2, $3, $4, ",
            now_ms!(),
            ") ON CONFLICT DO NOTHING"
        );
        let statement = transaction.prepare_cached(sql).await?;
        let (id, bucket) = (Id128(self.operation.0), placement::bucket_of(self.account) as i16);
        let outcome = codec::encode_outcome(outcome)?;
        Ok(transaction.execute(&statement, &[&id, &bucket, &self.kind, &outcome]).await? > 0)
    }

    /// The stored outcome, if there is one.
    pub(super) async fn stored<T: DeserializeOwned>(&self, client: &Client) -> Result<Option<T>, Fault> {
        let sql = "SELECT kind, outcome FROM operations WHERE operation = $1 AND bucket = $2";
        let statement = client.prepare_cached(sql).await?;
        let (id, bucket) = (Id128(self.operation.0), placement::bucket_of(self.account) as i16);
        let Some(row) = client.query_opt(&statement, &[&id, &bucket]).await? else {
            return Ok(None);
        };
        let kind = row.text(0)?;
        if kind != self.kind {
            let (id, ours) = (self.operation, self.kind);
            return Err(Failure::Corrupt(format!("operation {id} was a {kind}, not a {ours}")).into());
        }
        Ok(Some(codec::decode_outcome(&row.bytes(1)?)?))
    }

    /// The outcome of an operation that was done before.
    pub(super) async fn first_outcome<T: DeserializeOwned>(&self, client: &Client) -> Result<T, Fault> {
        let stored = self.stored(client).await?;
        stored.ok_or_else(|| Fault::Again(format!("operation {} was taken back", self.operation)))
    }
}

/// Looks whether an operation was done.
pub(super) struct Stored<T> {
    once: Once,
    outcome: PhantomData<fn() -> T>,
}

impl<T> Stored<T> {
    /// Of that operation.
    pub(super) fn of(once: Once) -> Self {
        Self { once, outcome: PhantomData }
    }
}

impl<T: DeserializeOwned + Send> Step for Stored<T> {
    type Outcome = Option<T>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        self.once.stored(client).await
    }
}

/// Ends an operation with a refusal unless it was done before; gives what it ended with.
pub(super) struct Conclude<T> {
    /// Which.
    pub(super) once: Once,
    /// How it ends if it has not ended yet.
    pub(super) refusal: T,
}

impl<T: Serialize + DeserializeOwned + Clone + Send + Sync> Step for Conclude<T> {
    type Outcome = T;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<T, Fault> {
        let transaction = client.transaction().await?;
        let claim = self.once.claim(&transaction, &self.refusal);
        if enter(&transaction, &[bucket(self.once.account)], claim).await? {
            transaction.commit().await?;
            return Ok(self.refusal.clone());
        }
        transaction.rollback().await?;
        self.once.first_outcome(client).await
    }
}
