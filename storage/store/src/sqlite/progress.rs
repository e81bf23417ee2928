//! What characters have become: every change leaves a row.

use super::operations::Once;
use super::{Fault, all, change, first, now_ms};
use crate::ledger::actor_columns;
use crate::rows::{self, Fields, own_columns, progress_columns};
use model::calls::database::{ChangeProgress, ProgressThen, ReadProgress, StaleProgress};
use model::id::OperationId;
use model::ledger::Actor;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

/// Writes what a character has become now. A clock that went back does not put it before what was.
pub(super) fn remember(
    connection: &Connection,
    character: i64,
    operation: OperationId,
    actor: &Actor,
    reason: &str,
) -> Result<(), Fault> {
    let sql = concat!(
        "INSERT INTO character_states (character, since_ms, bucket, operation, actor_kind, actor_id, actor_name, \
         reason, ",
        progress_columns!(),
        ") SELECT id, max(",
        now_ms!(),
        ", COALESCE((SELECT max(since_ms) + 1 FROM character_states WHERE character = ?1), 0)), bucket, \
         ?2, ?3, ?4, ?5, ?6, ",
        progress_columns!(),
        " FROM characters WHERE id = ?1"
    );
    let (kind, id, name) = actor_columns(actor);
    let values = params![character, operation.0.to_be_bytes(), kind, id, name, reason];
    change(connection, sql, values).map(drop)
}

pub(super) fn change_it(
    connection: &Connection,
    request: &ChangeProgress,
) -> Result<Result<(), StaleProgress>, Fault> {
    let once = Once { operation: request.operation, kind: "change_progress", account: request.account };
    once.run(connection, || {
        let id = request.character.0 as i64;
        let mut values: Vec<Value> =
            [id, request.account.0 as i64, request.epoch.0 as i64].map(Value::from).into();
        values.extend(rows::own_numbers(&request.progress).map(Value::from));
        let sql = concat!(
            "UPDATE characters SET (",
            own_columns!(),
            ") = (?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
             WHERE id = ?1 AND account = ?2 AND epoch = ?3"
        );
        if change(connection, sql, params_from_iter(values))? == 0 {
            return Ok(Err(StaleProgress));
        }
        remember(connection, id, request.operation, &request.actor, &request.reason)?;
        Ok(Ok(()))
    })
}

pub(super) fn then(connection: &Connection, request: &ReadProgress) -> Result<ProgressThen, Fault> {
    let id = request.character.0 as i64;
    let sql = concat!(
        "SELECT ",
        progress_columns!(),
        " FROM character_states WHERE character = ?1 AND since_ms <= ?2 ORDER BY since_ms DESC LIMIT 1"
    );
    let then = first(connection, sql, params![id, request.at_ms], |row| rows::progress(row))?;
    let sql = "SELECT since_ms, reason FROM character_states WHERE character = ?1 ORDER BY since_ms LIMIT 1";
    let earliest = first(connection, sql, [id], |row| Ok((row.int(0)?, row.text(1)?)))?;
    let sql = "SELECT since_ms FROM character_states WHERE character = ?1 ORDER BY since_ms DESC LIMIT 1";
    let newest_ms = first(connection, sql, [id], |row| row.int(0))?.unwrap_or_default();
    let sql = "SELECT until_ms FROM ledger_horizons WHERE bucket = ?1";
    let horizon = all(connection, sql, [placement::bucket_of(request.account)], |row| row.int(0))?;
    Ok(ProgressThen { then, first: earliest, newest_ms, horizon_ms: horizon.first().copied() })
}
