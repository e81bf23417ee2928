//! Preparing a shard: its schema is brought up to date, and it says which shard of which cluster it is.
//!
//! One task of its own does it, however long a migration takes. Whoever needs the shard meanwhile waits a moment for it and
//! is told that it is not there yet; the task goes on, and while it does no second one begins. After one that failed the
//! next who needs the shard begins another.

use super::homes::state::HERE;
use super::open::{Connected, Schema};
use super::options::Dsn;
use super::retention::make_ahead;
use super::shard::Identity;
use super::values::Id128;
use crate::error::OpenError;
use parking_lot::Mutex;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::watch;

/// What the task says at its end; nothing before.
type Told = watch::Receiver<Option<Result<(), OpenError>>>;

/// Preparing one shard.
pub(super) struct Preparation {
    work: Work,
    last: Mutex<Option<Told>>,
    done: OnceLock<()>,
}

impl Preparation {
    /// Nothing is done before it is asked for.
    pub(super) fn new(dsn: &Dsn, identity: &Identity, connect_timeout: Duration) -> Self {
        let work = Work { dsn: dsn.clone(), identity: identity.clone(), connect_timeout };
        Self { work, last: Mutex::default(), done: OnceLock::new() }
    }

    /// True when the shard may be used.
    pub(super) fn is_done(&self) -> bool {
        self.done.get().is_some()
    }

    /// Waits for the end of it, and begins it unless it is under way. Nothing happens to it when nobody waits any more.
    pub(super) async fn done(&self) -> Result<(), OpenError> {
        if self.is_done() {
            return Ok(());
        }
        let mut told = self.under_way();
        let ended = told.wait_for(Option::is_some).await;
        let ended = ended.ok().and_then(|ended| ended.clone());
        ended.unwrap_or_else(|| {
            let (database, reason) = (self.work.dsn.to_string(), "its preparation broke off".to_owned());
            Err(OpenError::Prepare { database, reason })
        })?;
        self.done.get_or_init(|| ());
        Ok(())
    }

    fn under_way(&self) -> Told {
        let mut last = self.last.lock();
        if let Some(told) = last.as_ref().filter(|told| is_of_use(told)) {
            return told.clone();
        }
        let (tell, told) = watch::channel(None);
        let work = self.work.clone();
        tokio::spawn(async move { tell.send_replace(Some(work.prepare().await)) });
        *last = Some(told.clone());
        told
    }
}

/// False for a task that failed or ended without a word.
fn is_of_use(told: &Told) -> bool {
    match &*told.borrow() {
        Some(ended) => ended.is_ok(),
        None => told.has_changed().is_ok(),
    }
}

/// What is to be prepared.
#[derive(Clone)]
struct Work {
    dsn: Dsn,
    identity: Identity,
    connect_timeout: Duration,
}

impl Work {
    async fn prepare(&self) -> Result<(), OpenError> {
        let dsn = &self.dsn;
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
}
