//! Where buckets are at home, as each shard says itself: the fence that keeps a process with an old map from
//! writing to the wrong shard, however slow it is.
//!
//! ```text
//!   writer   BEGIN; enter (shared lock, then: is it here?); its statements; COMMIT
//!   move            close (exclusive lock: waits for writers); ...; it is gone; COMMIT
//!   reader   its statements; then: is it here? What was read a moment ago was the truth then
//! ```
//! A transaction that is prepared keeps its locks, so a bucket never leaves while a two-phase commit is in doubt.

use super::database::Step;
use super::fault::Fault;
use deadpool_postgres::{Client, Transaction};
use futures::future::join;
use model::id::AccountId;

/// States of a bucket on a shard, as stored.
pub(super) mod state {
    /// Here.
    pub(crate) const HERE: i16 = 1;
    /// Here, and its changes are logged.
    pub(crate) const LEAVING: i16 = 2;
    /// Somewhere else; rows of it are still to be deleted.
    pub(crate) const GONE: i16 = 3;
    /// Somewhere else; it is being copied to this shard.
    pub(crate) const ARRIVING: i16 = 4;
}

/// The bucket of an account, as stored.
pub(super) fn bucket(account: AccountId) -> i16 {
    placement::bucket_of(account) as i16
}

/// The statement that enters buckets, sorted; see [`enter`].
pub(super) const ENTER: &str = "SELECT enter_buckets($1)";

/// Enters the buckets that a transaction writes, and asks `first` on the same way: one round trip for both. Every
/// transaction that writes on a shard begins so; `first` is answered as of a moment after it entered. Buckets
/// that are not here are [`Fault::Moved`].
pub(super) async fn enter<T>(
    transaction: &Transaction<'_>,
    buckets: &[i16],
    first: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    // in one order, so that two who enter several never wait for each other in a circle
    let mut wanted = buckets.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let statement = transaction.prepare_cached(ENTER).await?;
    let enter = async { transaction.execute(&statement, &[&wanted]).await };
    // polled in this order, so sent in this order; after an error the second only says that there was one
    let (entered, first) = join(enter, first).await;
    entered?;
    first
}

/// A step on what belongs to one bucket; `None` when the bucket is not here.
pub(super) struct InBucket<'a, S> {
    pub(super) step: &'a S,
    pub(super) bucket: i16,
}

impl<'a, S: Step> InBucket<'a, S> {
    /// A step that enters all its buckets itself.
    pub(super) fn entered(step: &'a S) -> Self {
        debug_assert!(S::ENTERS, "it must enter");
        Self { step, bucket: 0 }
    }
}

impl<S: Step> Step for InBucket<'_, S> {
    type Outcome = Option<S::Outcome>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let outcome = match self.step.run(client).await {
            Err(Fault::Moved) => return Ok(None),
            outcome => outcome?,
        };
        if S::ENTERS {
            return Ok(Some(outcome));
        }
        let sql = "SELECT 1 FROM bucket_homes WHERE bucket = $1 AND state <= 2";
        let statement = client.prepare_cached(sql).await?;
        let here = client.query_opt(&statement, &[&self.bucket]).await?;
        Ok(here.map(|_| outcome))
    }
}

/// A step that reads on each shard what is at home there; with the buckets that are, or `None` when that changed
/// meanwhile.
pub(super) struct AtHome<'a, S>(pub(super) &'a S);

impl<S: Step> Step for AtHome<'_, S> {
    type Outcome = Option<(Vec<i16>, S::Outcome)>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let before = homes(client).await?;
        let outcome = self.0.run(client).await?;
        let after = homes(client).await?;
        Ok((before == after).then_some((after, outcome)))
    }
}

async fn homes(client: &Client) -> Result<Vec<i16>, Fault> {
    let sql = "SELECT bucket FROM bucket_homes WHERE state <= 2 ORDER BY bucket";
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &[]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// A question about the ledger, put to entries of buckets that are at home: those that arrive, or left and are not
/// deleted yet, are told by another shard.
pub(super) fn entries_at_home(sql: &str) -> String {
    let here = "WHERE EXISTS (SELECT 1 FROM bucket_homes AS home WHERE home.bucket = ledger.bucket AND home.state <= 2) AND ";
    sql.replacen("WHERE ", here, 1)
}
