//! What an operator orders. An order is a row in the metadata database; whoever moves carries it out.

use super::super::Postgres;
use super::super::open::{Address, Connected};
use super::super::options::Dsn;
use super::super::shard::Shard;
use super::super::values::Id128;
use super::Trouble;
use crate::OpenError;
use crate::rows::Fields;
use model::calls::database::{ChangeShards, Failure, ShardsChanged, ShardsRefusal};
use placement::{BUCKETS, BucketMap, Shift};
use std::collections::BTreeMap;
use tokio_postgres::{Client, Transaction};

/// Orders are given one after the other; the lock of the metadata database for it.
const ORDERING: i64 = 0x7779_6462_7203;

/// How an order ended that is not followed.
enum No {
    Refused(String),
    Trouble(Trouble),
}

impl<T: Into<Trouble>> From<T> for No {
    fn from(trouble: T) -> Self {
        Self::Trouble(trouble.into())
    }
}

fn refused<T>(why: impl Into<String>) -> Result<T, No> {
    Err(No::Refused(why.into()))
}

impl Postgres {
    pub(in super::super) async fn order(
        &self,
        request: &ChangeShards,
    ) -> Result<Result<ShardsChanged, ShardsRefusal>, Failure> {
        self.follow_map().await?;
        match self.try_order(request).await {
            Ok(changed) => {
                self.follow_map().await?;
                Ok(Ok(changed))
            }
            Err(No::Refused(why)) => Ok(Err(ShardsRefusal(why))),
            Err(No::Trouble(trouble)) => Err(Failure::Unavailable(trouble.to_string())),
        }
    }

    async fn try_order(&self, request: &ChangeShards) -> Result<ShardsChanged, No> {
        let dsn = self.options.metadata.as_ref().unwrap_or(&self.options.shards[0]);
        let mut connected = Connected::to(dsn, self.options.connect_timeout).await?;
        let client = connected.client_mut();
        client.batch_execute("SET lock_timeout = '2s'; SET statement_timeout = '10s'").await?;
        client.execute("SELECT pg_advisory_lock($1)", &[&ORDERING]).await?;
        match request {
            ChangeShards::Add { dsn } => self.add(client, dsn.expose()).await,
            ChangeShards::Move { buckets, to } => self.move_buckets(client, buckets, *to).await,
            ChangeShards::Drain { shard } => self.drain(client, *shard).await,
            ChangeShards::Stop { number } => change(client, *number, "stopping", &["going"]).await,
            ChangeShards::Go { number } => change(client, *number, "going", &["stopped", "failed"]).await,
            ChangeShards::Back { number } => {
                change(client, *number, "backing", &["going", "stopping", "stopped", "failed", "done"]).await
            }
        }
    }

    async fn add(&self, client: &mut Client, text: &str) -> Result<ShardsChanged, No> {
        let dsn = match Dsn::parse(text) {
            Ok(dsn) => dsn,
            Err(error) => return refused(error.to_string()),
        };
        let atlas = self.atlas();
        let next = atlas.shards.len() as u16;
        if next >= BUCKETS {
            return refused(format!("there are {next} shards already"));
        }
        // from now on something may span shards, on each of them
        for shard in atlas.serving() {
            let connected = Connected::to(shard.dsn(), self.options.connect_timeout).await?;
            can_prepare(&connected).await?;
        }
        let added = match self.known(&dsn).await? {
            Some(shard) if usize::from(shard) < atlas.shards.len() => shard,
            _ => {
                let address = Address { index: next, ready: false, dsn: Some(dsn) };
                let shard = Shard::of(&address, self.cluster, &atlas.map, &self.options)?;
                match shard.check().await {
                    Err(
                        error @ (OpenError::Shards { .. }
                        | OpenError::Setting { .. }
                        | OpenError::Schema { .. }),
                    ) => {
                        return refused(error.to_string());
                    }
                    checked => checked?,
                }
                let transaction = client.transaction().await?;
                let sql = "INSERT INTO shards (shard, name, ready, dsn) VALUES ($1, $2, true, $3)";
                let name = format!("shard-{next}");
                transaction.execute(sql, &[&(next as i16), &name, &text]).await?;
                transaction.execute("UPDATE cluster SET map_version = map_version + 1", &[]).await?;
                transaction.commit().await?;
                next
            }
        };
        self.follow_map().await?;
        let map = settled_map(client).await?;
        let moves = insert(client, &map.plan_join(added)).await?;
        Ok(ShardsChanged { added: Some(added), moves })
    }

    /// Which shard of this cluster a database is.
    async fn known(&self, dsn: &Dsn) -> Result<Option<u16>, No> {
        let connected = Connected::to(dsn, self.options.connect_timeout).await?;
        can_prepare(&connected).await?;
        let client = connected.client();
        let exists = client.query_one("SELECT to_regclass('shard_identity') IS NOT NULL", &[]).await?;
        if !exists.try_get::<_, bool>(0)? {
            return Ok(None);
        }
        let sql = "SELECT shard FROM shard_identity WHERE cluster = $1";
        let row = client.query_opt(sql, &[&Id128(self.cluster)]).await?;
        Ok(row.map(|row| row.number(0)).transpose()?)
    }

    async fn move_buckets(&self, client: &mut Client, buckets: &[u16], to: u16) -> Result<ShardsChanged, No> {
        if usize::from(to) >= self.atlas().shards.len() {
            return refused(format!("there is no shard {to}"));
        }
        if let Some(bucket) = buckets.iter().find(|bucket| **bucket >= BUCKETS) {
            return refused(format!("there is no bucket {bucket}; they go from 0 to {}", BUCKETS - 1));
        }
        let map = settled_map(client).await?;
        let mut by_source: BTreeMap<u16, Vec<u16>> = BTreeMap::new();
        for bucket in buckets {
            let from = map.owner[usize::from(*bucket)];
            if from != to {
                by_source.entry(from).or_default().push(*bucket);
            }
        }
        let shifts: Vec<Shift> = by_source
            .into_iter()
            .map(|(from, mut buckets)| {
                buckets.sort_unstable();
                buckets.dedup();
                Shift { from, to, buckets }
            })
            .collect();
        Ok(ShardsChanged { added: None, moves: insert(client, &shifts).await? })
    }

    async fn drain(&self, client: &mut Client, shard: u16) -> Result<ShardsChanged, No> {
        let shards = self.atlas().shards.len();
        if usize::from(shard) >= shards {
            return refused(format!("there is no shard {shard}"));
        }
        let map = settled_map(client).await?;
        // a shard that holds nothing was drained before, and may be switched off
        let held = map.held(shards);
        let others: Vec<u16> =
            (0..shards as u16).filter(|other| *other != shard && held[usize::from(*other)] > 0).collect();
        let Some(shifts) = map.plan_drain(shard, &others) else {
            return refused(format!("shard {shard} holds everything; add another one first"));
        };
        Ok(ShardsChanged { added: None, moves: insert(client, &shifts).await? })
    }
}

async fn can_prepare(connected: &Connected) -> Result<(), No> {
    match connected.can_prepare().await {
        Err(error @ OpenError::Setting { .. }) => refused(error.to_string()),
        checked => Ok(checked?),
    }
}

/// The stored map, when no move is on: plans are made from what will be, and that must be sure.
async fn settled_map(client: &Client) -> Result<BucketMap, No> {
    let sql =
        "SELECT array_agg(move ORDER BY move) FROM moves WHERE state IN ('going', 'stopping', 'backing')";
    if let Some(moves) = client.query_one(sql, &[]).await?.try_get::<_, Option<Vec<i64>>>(0)? {
        return refused(format!("moves {moves:?} have not ended; wait for them or stop them"));
    }
    let version = client.query_one("SELECT map_version FROM cluster", &[]).await?.int(0)? as u64;
    let rows = client.query("SELECT shard FROM buckets ORDER BY bucket", &[]).await?;
    let owner = rows.iter().map(|row| row.number(0)).collect::<Result<_, Failure>>()?;
    Ok(BucketMap { version, owner })
}

/// Enters moves; their numbers.
async fn insert(client: &mut Client, shifts: &[Shift]) -> Result<Vec<u64>, No> {
    let transaction: Transaction<'_> = client.transaction().await?;
    let mut numbers = Vec::new();
    for Shift { from, to, buckets } in shifts {
        let sql = "INSERT INTO moves (from_shard, to_shard, buckets, state, started_ms) \
                   VALUES ($1, $2, $3, 'going', (extract(epoch from clock_timestamp()) * 1000)::bigint) RETURNING move";
        let buckets: Vec<i16> = buckets.iter().map(|bucket| *bucket as i16).collect();
        let row = transaction.query_one(sql, &[&(*from as i16), &(*to as i16), &buckets]).await?;
        numbers.push(row.number(0)?);
    }
    transaction.commit().await?;
    Ok(numbers)
}

/// Another state for a move that is in one of some states, or in the wanted one already.
async fn change(client: &Client, number: u64, to: &str, from: &[&str]) -> Result<ShardsChanged, No> {
    let number = number as i64;
    let sql = "SELECT state, buckets, EXISTS (SELECT 1 FROM moves AS o WHERE o.move <> m.move \
               AND o.buckets && m.buckets AND (o.state IN ('going', 'stopping', 'backing') OR o.move > m.move)) \
               FROM moves AS m WHERE move = $1";
    let Some(row) = client.query_opt(sql, &[&number]).await? else {
        return refused(format!("there is no move {number}"));
    };
    let state = row.text(0)?;
    if state != to {
        if !from.contains(&state.as_str()) {
            return refused(format!("move {number} is {state}"));
        }
        if row.try_get(2)? {
            return refused(format!("buckets of move {number} are in another move since"));
        }
        let sql = "UPDATE moves SET state = $2, ended_ms = NULL, error = NULL WHERE move = $1 AND state = $3";
        if client.execute(sql, &[&number, &to, &state]).await? == 0 {
            return refused(format!("move {number} is not {state} any more"));
        }
    }
    Ok(ShardsChanged { added: None, moves: vec![number as u64] })
}
