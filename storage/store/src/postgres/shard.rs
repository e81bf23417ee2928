//! One shard: a database that says of itself which shard of which cluster it is.
//!
//! It is checked before its first use, not only when the store is opened: a shard that was down then is
//! brought up to date and checked when it is back.

use super::database::{Database, Held, Step};
use super::homes::state::HERE;
use super::open::{Address, Connected, Schema};
use super::options::{Dsn, PostgresOptions};
use super::retention::make_ahead;
use super::transfers::Lanes;
use super::values::Id128;
use crate::error::OpenError;
use model::calls::database::Failure;
use placement::BucketMap;
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

/// How long an operation waits for a shard that is being checked.
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
    connect_timeout: Duration,
    checked: OnceCell<()>,
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
        Ok(Self {
            database,
            beside,
            identity,
            connect_timeout: options.connect_timeout,
            checked: OnceCell::new(),
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
        if self.checked.initialized() {
            return Ok(());
        }
        let check = tokio::time::timeout(CHECK, self.check()).await;
        let late = || Failure::Unavailable(format!("{} does not answer", self.database.dsn()));
        check.map_err(|_| late())?.map_err(|error| self.refuse(&error))
    }

    /// Brings its schema up to date and makes sure that it is the shard that the map means.
    pub(super) async fn check(&self) -> Result<(), OpenError> {
        self.checked.get_or_try_init(|| self.prepare()).await.copied()
    }

    async fn prepare(&self) -> Result<(), OpenError> {
        let dsn = self.database.dsn();
        let mut connected = Connected::to(dsn, self.connect_timeout).await?;
        connected.migrate(Schema::Shard).await?;
        connected.warn_if_volatile().await;
        let Identity { cluster, index, ready, has_siblings, .. } = self.identity;
        if has_siblings {
            connected.can_prepare().await?;
        }
        let client = connected.client();
        let row = client.query_opt("SELECT cluster, shard FROM shard_identity", &[]).await;
        match row.map_err(|error| connected.failed(&error))? {
            Some(row) => {
                let found: (Id128, i16) = (row.get(0), row.get(1));
                if found == (Id128(cluster), index as i16) {
                    make_ahead(connected.client()).await;
                    return self.settle(&mut connected).await;
                }
                Err(OpenError::Shards {
                    found: format!("{dsn} is shard {} of cluster {:032x}", found.1, found.0.0),
                    expected: format!("shard {index} of cluster {cluster:032x} at this place of the list"),
                })
            }
            None if ready => Err(OpenError::Shards {
                found: format!("{dsn} holds no shard"),
                expected: format!("the database of shard {index} of cluster {cluster:032x}"),
            }),
            None => {
                let insert = "INSERT INTO shard_identity (cluster, shard) VALUES ($1, $2)";
                let written = client.execute(insert, &[&Id128(cluster), &(index as i16)]).await;
                written.map_err(|error| connected.failed(&error))?;
                self.settle(&mut connected).await
            }
        }
    }

    /// Writes once which buckets are at home here; from then on only moves change that, and nothing moves before.
    async fn settle(&self, connected: &mut Connected) -> Result<(), OpenError> {
        let written = async {
            let transaction = connected.client_mut().transaction().await?;
            let row = transaction.query_one("SELECT homed FROM shard_identity FOR UPDATE", &[]).await?;
            if row.try_get(0)? {
                return Ok(());
            }
            let insert = "INSERT INTO bucket_homes (bucket, state) SELECT bucket, $2 FROM unnest($1::smallint[]) AS bucket";
            transaction.execute(insert, &[&self.identity.buckets, &HERE]).await?;
            transaction.execute("UPDATE shard_identity SET homed = true", &[]).await?;
            transaction.commit().await
        };
        let written: Result<(), tokio_postgres::Error> = written.await;
        written.map_err(|error| connected.failed(&error))
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
