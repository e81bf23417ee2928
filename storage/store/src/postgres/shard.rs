//! One shard: a database that says of itself which shard of which cluster it is.
//!
//! It is checked before its first use, not only when the store is opened: a shard that was down then is
//! brought up to date and checked when it is back.

use super::database::{Database, Held, Step};
use super::open::Address;
use super::options::{Dsn, PostgresOptions};
use super::preparation::Preparation;
use super::transfers::Lanes;
use crate::error::OpenError;
use model::calls::database::Failure;
use placement::BucketMap;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long an operation waits for a shard that is being prepared.
const CHECK: Duration = Duration::from_secs(3);
/// Connections for who only watches, made when they are used, and how long one look may take.
const WATCHERS: usize = 2;
const WATCHING: Duration = Duration::from_secs(10);

/// What the stored map says about a shard.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// The cluster that it belongs to.
    pub(super) cluster: u128,
    /// Its index in the map.
    pub(super) index: u16,
    /// True once its database has said that it is this shard.
    pub(super) ready: bool,
    /// True when there are others: what touches several is prepared on each.
    pub(super) has_siblings: bool,
    /// Its buckets, for a shard that does not keep them itself yet.
    pub(super) buckets: Vec<i16>,
}

/// One shard.
pub(super) struct Shard {
    database: Database,
    /// For who only watches: whatever happens to it, others do not notice.
    beside: Database,
    identity: Identity,
    preparation: Preparation,
    lanes: Lanes,
    patient: Semaphore,
    wait: Duration,
}

impl Shard {
    /// Connects at the first use.
    pub(super) fn new(dsn: &Dsn, identity: Identity, options: &PostgresOptions) -> Result<Self, Failure> {
        let database = Database::new(dsn, options.pool_size, options)?;
        let patient = PostgresOptions { transaction_timeout: WATCHING, ..options.clone() };
        let beside = Database::new(dsn, WATCHERS, &patient)?;
        let preparation = Preparation::new(dsn, &identity, options.connect_timeout);
        Ok(Self {
            database,
            beside,
            identity,
            preparation,
            lanes: Lanes::default(),
            patient: Semaphore::new((options.pool_size / 2).max(1)),
            wait: options.wait_timeout,
        })
    }

    /// A shard that was added, or that the settings name.
    pub(super) fn of(
        address: &Address,
        cluster: u128,
        map: &BucketMap,
        options: &PostgresOptions,
    ) -> Result<Self, Failure> {
        let Address { index, ready, dsn } = address;
        let Some(dsn) = dsn else {
            return Err(Failure::Corrupt(format!("shard {index} is stored without an address")));
        };
        let owned = map.owner.iter().enumerate().filter(|(_, owner)| *owner == index);
        let buckets = owned.map(|(bucket, _)| bucket as i16).collect();
        let has_siblings = *index > 0 || options.shards.len() > 1;
        Self::new(dsn, Identity { cluster, index: *index, ready: *ready, has_siblings, buckets }, options)
    }

    /// Where it is.
    pub(super) fn dsn(&self) -> &Dsn {
        self.database.dsn()
    }

    /// Its index in the map.
    pub(super) fn index(&self) -> u16 {
        self.identity.index
    }

    /// The cluster that it belongs to.
    pub(super) fn cluster(&self) -> u128 {
        self.identity.cluster
    }

    /// Where transfers wait for each other.
    pub(super) fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The right to wait for locks with a connection in hand: half of the connections are left to those who do not.
    pub(super) async fn be_patient(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let permit = tokio::time::timeout(self.wait, self.patient.acquire()).await;
        let busy = || Failure::Unavailable(format!("{}: too many wait for each other", self.database.dsn()));
        permit.map_err(|_| busy())?.map_err(|_| busy())
    }

    /// Does one step on it.
    pub(super) async fn run<S: Step>(&self, step: &S) -> Result<S::Outcome, Failure> {
        self.be_checked().await?;
        self.database.run(step).await
    }

    /// Does one step that makes sure by itself that this is the shard that the map means, whatever its schema: a migration may have to
    /// wait for it.
    pub(super) async fn run_unprepared<S: Step>(&self, step: &S) -> Result<S::Outcome, Failure> {
        self.database.run(step).await
    }

    /// Does one step that only watches.
    pub(super) async fn run_beside<S: Step>(&self, step: &S) -> Result<S::Outcome, Failure> {
        self.be_checked().await?;
        self.beside.run(step).await
    }

    /// A connection for steps that belong together.
    pub(super) async fn hold(&self) -> Result<Held<'_>, Failure> {
        self.be_checked().await?;
        self.database.hold().await
    }

    async fn be_checked(&self) -> Result<(), Failure> {
        if self.preparation.is_done() {
            return Ok(());
        }
        let check = tokio::time::timeout(CHECK, self.check()).await;
        let late = || Failure::Unavailable(format!("{} is not ready yet", self.database.dsn()));
        check.map_err(|_| late())?.map_err(|error| self.refuse(&error))
    }

    /// Waits until its schema is up to date and it has said that it is the shard that the map means.
    pub(super) async fn check(&self) -> Result<(), OpenError> {
        self.preparation.done().await
    }

    fn refuse(&self, error: &OpenError) -> Failure {
        match error {
            OpenError::Unreachable { .. } => Failure::Unavailable(error.to_string()),
            _ => {
                tracing::error!(shard = self.identity.index, %error, "a shard cannot be used");
                Failure::Corrupt(error.to_string())
            }
        }
    }
}
