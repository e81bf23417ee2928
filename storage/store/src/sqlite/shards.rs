//! Shards: one file has none.

use model::calls::database::{ChangeShards, ReadShards, ShardsChanged, ShardsRefusal, ShardsReport};
use rusqlite::Connection;

use super::Fault;

pub(super) fn read(_: &Connection, _: &ReadShards) -> Result<ShardsReport, Fault> {
    Ok(ShardsReport::default())
}

pub(super) fn change(
    _: &Connection,
    _: &ChangeShards,
) -> Result<Result<ShardsChanged, ShardsRefusal>, Fault> {
    let why = "this cluster keeps everything in one SQLite file; shards need storage = \"postgres\"";
    Ok(Err(ShardsRefusal(why.into())))
}
