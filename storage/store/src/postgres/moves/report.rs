//! What an operator sees of shards and moves.

use super::super::Postgres;
use super::super::database::Step;
use super::super::fault::Fault;
use crate::rows::Fields;
use deadpool_postgres::Client;
use futures::future::join_all;
use model::calls::database::{Failure, ReadShards, ShardsReport};
use model::calls::shards::{MoveInfo, MoveState, ShardHeld, ShardInfo};
use tokio_postgres::Row;

/// Ended moves of a report.
const ENDED: i64 = 20;

impl Postgres {
    pub(in super::super) async fn report_shards(&self, _: &ReadShards) -> Result<ShardsReport, Failure> {
        self.follow_map().await?;
        let atlas = self.atlas();
        let shards = join_all(atlas.shards.iter().map(async |shard| ShardInfo {
            shard: shard.index(),
            address: shard.dsn().to_string(),
            held: shard.run(&Held).await.ok(),
        }));
        let (shards, moves) = (shards.await, self.metadata.run(&Moves).await?);
        Ok(ShardsReport {
            sharded: true,
            map_version: atlas.map.version,
            owner: atlas.map.owner.clone(),
            shards,
            moves,
        })
    }
}

struct Held;

impl Step for Held {
    type Outcome = ShardHeld;

    async fn run(&self, client: &mut Client) -> Result<ShardHeld, Fault> {
        let sql = "SELECT (SELECT count(*) FROM accounts), pg_database_size(current_database())";
        let row = client.query_one(sql, &[]).await?;
        Ok(ShardHeld { accounts: row.number(0)?, bytes: row.number(1)? })
    }
}

/// All moves that have not ended, and the newest that have.
pub(super) struct Moves;

impl Step for Moves {
    type Outcome = Vec<MoveInfo>;

    async fn run(&self, client: &mut Client) -> Result<Vec<MoveInfo>, Fault> {
        let sql = "SELECT move, from_shard, to_shard, cardinality(buckets), \
                   (SELECT count(*) FROM buckets AS b WHERE b.bucket = ANY (m.buckets) AND b.shard = m.to_shard), \
                   state, step, mover, rows_copied, pauses_ms, started_ms, ended_ms, error FROM moves AS m \
                   WHERE state IN ('going', 'stopping', 'backing') \
                   OR move IN (SELECT move FROM moves ORDER BY move DESC LIMIT $1) ORDER BY move";
        let rows = client.query(sql, &[&ENDED]).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }
}

fn read(row: &Row) -> Result<MoveInfo, Failure> {
    let corrupt = |error: tokio_postgres::Error| Failure::Corrupt(error.to_string());
    let state = row.text(5)?;
    let pauses: Vec<f32> = row.try_get(9).map_err(corrupt)?;
    Ok(MoveInfo {
        number: row.number(0)?,
        from: row.number(1)?,
        to: row.number(2)?,
        buckets: row.number(3)?,
        moved: row.number(4)?,
        state: MoveState::of(&state).ok_or_else(|| Failure::Corrupt(format!("a move is {state:?}")))?,
        step: row.text(6)?,
        mover: row.maybe_text(7)?,
        rows: row.number(8)?,
        pauses_us: pauses.iter().map(|pause| (pause * 1_000.0) as u64).collect(),
        started_ms: row.int(10)?,
        ended_ms: row.maybe(11, Fields::int)?,
        error: row.maybe_text(12)?,
    })
}
