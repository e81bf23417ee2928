//! Opening: schema, the stored map of buckets, and whether the operator's list of shards agrees with it.
//!
//! ```text
//!   first time:  metadata gets the cluster's id, the shards (not ready) and the map, in one transaction
//!                each shard gets its identity; then metadata marks it ready
//!   later:       as many shards listed as the cluster was made with, or also those added since; each ready
//!                shard must say that it is the one meant
//! ```
//! A crash in between leaves shards that are not ready: the next opening goes on with them.

use super::Postgres;
use super::atlas::Atlas;
use super::database::Database;
use super::options::{Dsn, PostgresOptions};
use super::shard::Shard;
use super::values::Id128;
use crate::error::{OpenError, migration_error};
use crate::rows::Fields;
use crate::two_phase::Unwatched;
use model::calls::database::Failure;
use parking_lot::Mutex;
use placement::{BUCKETS, BucketMap};
use refinery::Runner;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls, Row};

mod metadata {
    #![allow(missing_docs)]
    refinery::embed_migrations!("migrations/metadata");
}
mod shard {
    #![allow(missing_docs)]
    refinery::embed_migrations!("migrations/shard");
}

/// Whoever prepares a schema holds its advisory lock; the two may share a database, so they differ.
const PREPARING_METADATA: i64 = 0x7779_6462_7200;
const PREPARING_SHARD: i64 = 0x7779_6462_7201;
/// How long to wait for another process that is preparing it.
const PREPARING_WAIT: &str = "SET lock_timeout = '60s'; SET statement_timeout = 0";

/// How often what a crash left is looked for while shards are prepared.
const RECOVER_EVERY: Duration = Duration::from_secs(1);

/// How often it is asked on a silent connection whether the server is there.
const ALIVE: Duration = Duration::from_secs(10);

/// One of the two schemas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schema {
    /// What is about the whole cluster.
    Metadata,
    /// What is about the accounts of a shard.
    Shard,
}

impl Schema {
    fn runner(self) -> Runner {
        let (mut runner, table) = match self {
            Self::Metadata => (metadata::migrations::runner(), "wydbr_metadata_migrations"),
            Self::Shard => (shard::migrations::runner(), "wydbr_shard_migrations"),
        };
        runner.set_migration_table_name(table);
        runner
    }

    fn lock(self) -> i64 {
        match self {
            Self::Metadata => PREPARING_METADATA,
            Self::Shard => PREPARING_SHARD,
        }
    }
}

/// What the metadata database says about the shards.
struct Stored {
    cluster: u128,
    map: BucketMap,
    shards: Vec<Address>,
}

impl Postgres {
    /// Connects to the databases, brings their schemas up to date and reads the map. A shard that was in
    /// use before may be down: its accounts are unavailable until it is back.
    pub async fn open(options: PostgresOptions) -> Result<Self, OpenError> {
        options.check()?;
        let dsn = options.metadata.as_ref().unwrap_or(&options.shards[0]);
        let mut connected = Connected::to(dsn, options.connect_timeout).await?;
        connected.migrate(Schema::Metadata).await?;
        let stored = match connected.read().await? {
            Some(stored) => stored,
            None => connected.found(options.shards.len()).await?,
        };
        let addresses = stored.addresses(&options, dsn)?;
        let prepare =
            |database: &Dsn, reason: String| OpenError::Prepare { database: database.to_string(), reason };
        let shards = addresses.iter().map(|address| {
            let shard = Shard::of(address, stored.cluster, &stored.map, &options);
            shard.map(Arc::new).map_err(|error| prepare(dsn, error.to_string()))
        });
        let shards: Vec<Arc<Shard>> = shards.collect::<Result<_, _>>()?;
        let metadata = Database::new(dsn, options.metadata_pool_size, &options)
            .map_err(|error| prepare(dsn, error.to_string()))?;
        let reservation_ms = i64::try_from(options.reservation.as_millis()).unwrap_or(i64::MAX);
        let opened = Self {
            metadata,
            cluster: stored.cluster,
            atlas: Mutex::new(Arc::new(Atlas { map: stored.map, shards: shards.clone() })),
            refreshing: Default::default(),
            options,
            reservation_ms,
            table: Default::default(),
            probe: Default::default(),
            steps: Arc::new(Unwatched),
        };
        tokio::select! {
            checked = connected.check(&addresses, &shards) => checked?,
            // what a crash left holds its locks over any restart, and a migration may wait for them
            () = opened.recover_again_and_again() => {}
        }
        Ok(opened)
    }

    async fn recover_again_and_again(&self) {
        loop {
            let recovery = self.recover_once().await;
            if !recovery.away.is_empty() {
                tracing::debug!(away = ?recovery.away, "not all shards can be asked for what a crash left");
            }
            tokio::time::sleep(RECOVER_EVERY).await;
        }
    }
}

/// Where a shard is, as stored.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// Its index in the map.
    pub(super) index: u16,
    /// True once its database has said that it is this shard.
    pub(super) ready: bool,
    /// Of a shard that was added to a running cluster; the others stand in the settings.
    pub(super) dsn: Option<Dsn>,
}

impl Address {
    /// What [`Address::read`] reads.
    pub(super) const SQL: &str = "SELECT shard, ready, dsn FROM shards ORDER BY shard";

    /// From [`Address::SQL`].
    pub(super) fn read(row: &Row) -> Result<Self, Failure> {
        let dsn = row.maybe_text(2)?.map(|dsn| Dsn::parse(&dsn)).transpose();
        let dsn = dsn.map_err(|error| Failure::Corrupt(error.to_string()))?;
        Ok(Self {
            index: row.number(0)?,
            ready: row.try_get(1).map_err(|error| Failure::Corrupt(error.to_string()))?,
            dsn,
        })
    }
}

impl Stored {
    /// The shards with their addresses: those of the settings, and those that were added since. An operator may
    /// enter added ones into the settings too; then the settings count.
    fn addresses(&self, options: &PostgresOptions, metadata: &Dsn) -> Result<Vec<Address>, OpenError> {
        let (listed, founded) =
            (options.shards.len(), self.shards.iter().filter(|shard| shard.dsn.is_none()));
        let founded = founded.count();
        if listed != founded && listed != self.shards.len() {
            let added = self.shards.len() - founded;
            let added =
                if added > 0 { format!(" (without or with the {added} added later)") } else { String::new() };
            return Err(OpenError::Shards {
                found: format!("{listed} addresses in the settings"),
                expected: format!("{founded} shards{added}, as stored in {metadata}"),
            });
        }
        let mut listed = options.shards.iter();
        let chosen = self.shards.iter().map(|shard| {
            let dsn = listed.next().cloned().or_else(|| shard.dsn.clone());
            Address { dsn, ..shard.clone() }
        });
        Ok(chosen.collect())
    }
}

/// A connection outside of the pools, for preparing a database; holds its advisory lock after
/// [`Connected::migrate`] and frees it when dropped.
pub(super) struct Connected {
    dsn: Dsn,
    client: Client,
}

impl Connected {
    /// Connects within the time given.
    pub(super) async fn to(dsn: &Dsn, within: Duration) -> Result<Self, OpenError> {
        let unreachable = |reason: String| OpenError::Unreachable { database: dsn.to_string(), reason };
        let mut config = dsn.config().clone();
        // a migration takes as long as it takes, but nobody waits for a server that is gone
        config
            .keepalives_idle(ALIVE)
            .keepalives_interval(ALIVE)
            .keepalives_retries(3)
            .tcp_user_timeout(ALIVE * 4);
        let (client, connection) = tokio::time::timeout(within, config.connect(NoTls))
            .await
            .map_err(|_| unreachable(format!("no connection within {} s", within.as_secs_f32())))?
            .map_err(|error| unreachable(described(&error)))?;
        // ends when the client is dropped
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        });
        Ok(Self { dsn: dsn.clone(), client })
    }

    /// The connection, for a transaction.
    pub(super) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// The connection.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// What an error means while preparing.
    pub(super) fn failed(&self, error: &tokio_postgres::Error) -> OpenError {
        let (database, reason) = (self.dsn.to_string(), described(error));
        // another process is preparing it, maybe for long
        let is_busy = error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
        if error.is_closed() || is_busy {
            OpenError::Unreachable { database, reason }
        } else {
            OpenError::Prepare { database, reason }
        }
    }

    /// Waits for its turn and brings the schema up to date.
    pub(super) async fn migrate(&mut self, schema: Schema) -> Result<(), OpenError> {
        let runner = schema.runner();
        let turn = format!("{PREPARING_WAIT}; SELECT pg_advisory_lock({})", schema.lock());
        self.client.batch_execute(&turn).await.map_err(|error| self.failed(&error))?;
        let newest = runner.get_migrations().iter().map(|migration| migration.version()).max().unwrap_or(0);
        let ran = runner.run_async(&mut self.client).await;
        ran.map(drop).map_err(|error| match locked(&error) {
            Some(error) => self.failed(error),
            None => migration_error(&self.dsn.to_string(), newest.into(), &error),
        })
    }

    /// Tells the operator when the server does not sync what it commits.
    pub(super) async fn warn_if_volatile(&self) {
        let sql =
            "SELECT name FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') AND setting = 'off'";
        for row in self.client.query(sql, &[]).await.unwrap_or_default() {
            let (database, setting): (_, String) = (&self.dsn, row.get(0));
            tracing::warn!(%database, setting, "is off: what was acknowledged may be lost when the host dies");
        }
    }

    /// Refuses a server that cannot do its part of what touches several shards.
    pub(super) async fn can_prepare(&self) -> Result<(), OpenError> {
        let sql = "SELECT setting FROM pg_settings WHERE name = 'max_prepared_transactions'";
        let row = self.client.query_one(sql, &[]).await.map_err(|error| self.failed(&error))?;
        let found: String = row.get(0);
        if found.parse::<u32>().is_ok_and(|most| most > 0) {
            return Ok(());
        }
        Err(OpenError::Setting {
            database: self.dsn.to_string(),
            setting: "max_prepared_transactions",
            found,
            expected: "64 or more, as there are several shards".into(),
        })
    }

    async fn read(&self) -> Result<Option<Stored>, OpenError> {
        let failed = |error| self.failed(&error);
        let row =
            self.client.query_opt("SELECT cluster, map_version FROM cluster", &[]).await.map_err(failed)?;
        let Some(row) = row else { return Ok(None) };
        let (cluster, version): (Id128, i64) = (row.get(0), row.get(1));
        let rows = self.client.query(Address::SQL, &[]).await.map_err(failed)?;
        let shards: Vec<Address> =
            rows.iter().map(Address::read).collect::<Result<_, _>>().map_err(|error| OpenError::Prepare {
                database: self.dsn.to_string(),
                reason: error.to_string(),
            })?;
        let rows =
            self.client.query("SELECT shard FROM buckets ORDER BY bucket", &[]).await.map_err(failed)?;
        let owner: Vec<u16> = rows.iter().map(|row| row.get::<_, i16>(0) as u16).collect();
        if owner.len() != usize::from(BUCKETS)
            || owner.iter().any(|shard| usize::from(*shard) >= shards.len())
        {
            return Err(OpenError::Shards {
                found: format!("{} buckets on {} shards stored in {}", owner.len(), shards.len(), self.dsn),
                expected: format!("{BUCKETS} buckets, each on one of the shards"),
            });
        }
        Ok(Some(Stored { cluster: cluster.0, map: BucketMap { version: version as u64, owner }, shards }))
    }

    /// Makes a new cluster over that many shards.
    async fn found(&mut self, shards: usize) -> Result<Stored, OpenError> {
        let names: Vec<(String, u32)> = (0..shards).map(|index| (format!("shard-{index}"), 1)).collect();
        let map = BucketMap::propose(&names);
        let cluster: u128 = rand::random();
        let written = async {
            let transaction = self.client.transaction().await?;
            let version = map.version as i64;
            let insert = "INSERT INTO cluster (cluster, map_version) VALUES ($1, $2)";
            transaction.execute(insert, &[&Id128(cluster), &version]).await?;
            for (index, (name, _)) in names.iter().enumerate() {
                let insert = "INSERT INTO shards (shard, name) VALUES ($1, $2)";
                transaction.execute(insert, &[&(index as i16), name]).await?;
            }
            let owner: Vec<i16> = map.owner.iter().map(|shard| *shard as i16).collect();
            let insert = "INSERT INTO buckets (bucket, shard) \
                          SELECT number - 1, shard FROM unnest($1::smallint[]) WITH ORDINALITY AS map (shard, number)";
            transaction.execute(insert, &[&owner]).await?;
            transaction.commit().await
        };
        let written: Result<(), tokio_postgres::Error> = written.await;
        written.map_err(|error| self.failed(&error))?;
        tracing::info!(cluster = format!("{cluster:032x}"), shards, "made a new cluster");
        let shards =
            (0..shards).map(|index| Address { index: index as u16, ready: false, dsn: None }).collect();
        Ok(Stored { cluster, map, shards })
    }

    /// Prepares all shards, and notes those that are made.
    async fn check(&self, addresses: &[Address], shards: &[Arc<Shard>]) -> Result<(), OpenError> {
        for (index, (address, shard)) in addresses.iter().zip(shards).enumerate() {
            match shard.check().await {
                Ok(()) if !address.ready => self.mark_ready(index).await?,
                Ok(()) => {}
                Err(error @ OpenError::Unreachable { .. }) if address.ready => {
                    tracing::warn!(shard = index, %error, "going on without a shard");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn mark_ready(&self, index: usize) -> Result<(), OpenError> {
        let update = "UPDATE shards SET ready = true WHERE shard = $1";
        let written = self.client.execute(update, &[&(index as i16)]).await;
        written.map(drop).map_err(|error| self.failed(&error))
    }
}

/// The error of a migration that has waited for a lock in vain: it is to be tried again.
fn locked(error: &refinery::Error) -> Option<&tokio_postgres::Error> {
    let refinery::error::Kind::Connection(_, source) = error.kind() else { return None };
    let error: &tokio_postgres::Error = source.downcast_ref()?;
    (error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)).then_some(error)
}

/// An error with its cause, without rows or addresses with passwords in it.
pub(super) fn described(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(database), _) => database.message().to_owned(),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}
