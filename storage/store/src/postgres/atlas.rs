//! The map of buckets as this process knows it, and the way from an account to its shard.
//!
//! What is known may be old; the shards themselves say what is true (see [`super::homes`]), and who is told so
//! reads the map again and goes on at the right shard.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::homes::{self, AtHome, InBucket};
use super::open::Address;
use super::shard::Shard;
use crate::rows::Fields;
use deadpool_postgres::Client;
use futures::future::try_join_all;
use model::calls::database::Failure;
use model::id::AccountId;
use placement::{BUCKETS, BucketMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_postgres::IsolationLevel;

/// How long an operation follows a bucket that is on its way.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Pauses between two looks at a map that did not change: the first one and the longest.
const PAUSE: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// The map at one version, and the shards that it speaks of by their index.
pub(super) struct Atlas {
    pub(super) map: BucketMap,
    pub(super) shards: Vec<Arc<Shard>>,
}

impl Atlas {
    /// The shard of an account.
    pub(super) fn shard(&self, account: AccountId) -> &Arc<Shard> {
        &self.shards[usize::from(self.map.shard_of(account))]
    }

    /// Shards that have a bucket; a shard that was drained may be switched off.
    pub(super) fn serving(&self) -> impl Iterator<Item = &Arc<Shard>> {
        self.shards.iter().filter(|shard| self.map.owner.contains(&shard.index()))
    }
}

/// The shard of an account, wherever its bucket moves.
#[derive(Clone, Copy)]
pub(super) struct Home<'a> {
    store: &'a Postgres,
    account: AccountId,
}

impl Home<'_> {
    /// Does one step there; a step that writes must have [`Step::ENTERS`].
    pub(super) async fn run<S: Step>(&self, step: &S) -> Result<S::Outcome, Failure> {
        let step = InBucket { step, bucket: homes::bucket(self.account) };
        let mut search = Search::new();
        loop {
            let atlas = self.store.atlas();
            if let Some(outcome) = atlas.shard(self.account).run(&step).await? {
                return Ok(outcome);
            }
            search.look_again(self.store, &atlas).await?;
        }
    }
}

/// Patience of an operation whose bucket was not where the map says.
pub(super) struct Search {
    until: Instant,
    pause: Duration,
}

impl Search {
    pub(super) fn new() -> Self {
        Self { until: Instant::now() + PATIENCE, pause: PAUSE }
    }

    /// Reads the map again; waits a little when it did not change, and fails when it took too long.
    pub(super) async fn look_again(&mut self, store: &Postgres, known: &Atlas) -> Result<(), Failure> {
        if store.refresh(known).await? {
            return Ok(());
        }
        if Instant::now() >= self.until {
            return Err(Failure::Unavailable("its bucket is on its way to another shard".into()));
        }
        tokio::time::sleep(self.pause).await;
        self.pause = PAUSE_MAX.min(self.pause * 2);
        Ok(())
    }
}

impl Postgres {
    /// The map as known now.
    pub(super) fn atlas(&self) -> Arc<Atlas> {
        Arc::clone(&self.atlas.lock())
    }

    /// The shard of an account.
    pub(super) fn shard(&self, account: AccountId) -> Home<'_> {
        Home { store: self, account }
    }

    /// Reads the map if another one than that is stored; true when a newer one is known now.
    pub(super) async fn refresh(&self, known: &Atlas) -> Result<bool, Failure> {
        let _one_at_a_time = self.refreshing.lock().await;
        let current = self.atlas();
        if current.map.version > known.map.version {
            return Ok(true);
        }
        let Some(read) = self.metadata.run(&ReadMap { known: current.map.version as i64 }).await? else {
            return Ok(false);
        };
        let mut shards = current.shards.clone();
        for address in read.shards.iter().skip(shards.len()) {
            let shard = Shard::of(address, self.cluster, &read.map, &self.options)?;
            shards.push(Arc::new(shard));
        }
        let (version, count) = (read.map.version, shards.len());
        if read.map.owner.iter().any(|owner| usize::from(*owner) >= count) {
            return Err(Failure::Corrupt(format!("map {version} speaks of a shard that is not there")));
        }
        tracing::debug!(version, shards = count, "a new map of the buckets");
        *self.atlas.lock() = Arc::new(Atlas { map: read.map, shards });
        Ok(true)
    }

    /// Asks every shard about what is at home there. Each bucket is asked exactly once, also while some move.
    pub(super) async fn everywhere<S: Step>(&self, step: &S) -> Result<Vec<(u16, S::Outcome)>, Failure> {
        let mut search = Search::new();
        loop {
            let atlas = self.atlas();
            let asked = atlas.serving().map(async |shard| {
                shard.run(&AtHome(step)).await.map(|told| told.map(|told| (shard.index(), told)))
            });
            let told: Option<Vec<_>> = try_join_all(asked).await?.into_iter().collect();
            if let Some(told) = told {
                let mut seen: Vec<i16> =
                    told.iter().flat_map(|(_, (homes, _))| homes.iter().copied()).collect();
                seen.sort_unstable();
                if seen.iter().copied().eq(0..BUCKETS as i16) {
                    return Ok(told.into_iter().map(|(shard, (_, outcome))| (shard, outcome)).collect());
                }
            }
            search.look_again(self, &atlas).await?;
        }
    }

    /// How many accounts hash to each shard, of 4096: for logs and operators.
    pub fn buckets_by_shard(&self) -> Vec<usize> {
        let atlas = self.atlas();
        let held =
            |shard: usize| atlas.map.owner.iter().filter(|owner| usize::from(**owner) == shard).count();
        (0..atlas.shards.len()).map(held).collect()
    }

    /// Follows the stored map: DBSrv does so several times a second.
    pub async fn follow_map(&self) -> Result<(), Failure> {
        self.refresh(&self.atlas()).await.map(drop)
    }
}

/// What the metadata database says.
pub(super) struct Read {
    map: BucketMap,
    shards: Vec<Address>,
}

struct ReadMap {
    known: i64,
}

impl Step for ReadMap {
    type Outcome = Option<Read>;

    async fn run(&self, client: &mut Client) -> Result<Option<Read>, Fault> {
        let statement = client.prepare_cached("SELECT map_version FROM cluster").await?;
        if client.query_one(&statement, &[]).await?.int(0)? == self.known {
            return Ok(None);
        }
        let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let transaction = builder.read_only(true).start().await?;
        let version = transaction.query_one("SELECT map_version FROM cluster", &[]).await?.int(0)?;
        let rows = transaction.query(Address::SQL, &[]).await?;
        let shards = rows.iter().map(Address::read).collect::<Result<_, _>>()?;
        let rows = transaction.query("SELECT shard FROM buckets ORDER BY bucket", &[]).await?;
        let owner: Vec<u16> = rows.iter().map(|row| row.number(0)).collect::<Result<_, Failure>>()?;
        if owner.len() != usize::from(BUCKETS) {
            return Err(Failure::Corrupt(format!("{} buckets are stored", owner.len())).into());
        }
        transaction.commit().await?;
        Ok(Some(Read { map: BucketMap { version: version as u64, owner }, shards }))
    }
}
