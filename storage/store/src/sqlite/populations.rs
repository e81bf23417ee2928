//! The creatures of zones, kept for who plays them next.

use super::{Fault, all, change, now_ms};
use crate::population::{self, Answer};
use model::calls::population::{HeldPopulations, KeepPopulation, ReadPopulations, SCOPES_MAX};
use rusqlite::{Connection, params};

pub(super) fn keep(connection: &Connection, request: &KeepPopulation) -> Result<bool, Fault> {
    let (version, body) = population::body(request)?;
    let sql = concat!(
        "DELETE FROM populations WHERE at_ms < ",
        now_ms!(),
        " - CASE WHEN zone >= ?1 THEN ?2 ELSE ?3 END"
    );
    let bounds = [population::FIRST_INSTANCE, population::INSTANCE_KEPT_MS, population::KEPT_MS];
    change(connection, sql, bounds)?;
    let sql = concat!(
        "INSERT INTO populations (zone, scope, epoch, at_ms, version, body) VALUES (?1, ?2, ?3, ",
        now_ms!(),
        ", ?4, ?5) ON CONFLICT (zone) DO UPDATE SET scope = excluded.scope, epoch = excluded.epoch, \
         at_ms = excluded.at_ms, version = excluded.version, body = excluded.body \
         WHERE populations.epoch <= excluded.epoch"
    );
    let of = &request.population;
    let row = params![of.zone.0, request.scope as i64, of.epoch.0 as i64, version, body];
    Ok(change(connection, sql, row)? > 0)
}

pub(super) fn read(connection: &Connection, request: &ReadPopulations) -> Result<HeldPopulations, Fault> {
    let sql = concat!(
        "SELECT version, body, ",
        now_ms!(),
        " - at_ms FROM populations WHERE scope = ?1 ORDER BY zone"
    );
    let mut answer = Answer::default();
    for (at, scope) in request.scopes.iter().enumerate() {
        if at >= SCOPES_MAX || !answer.has_room() {
            answer.leave_out(*scope);
            continue;
        }
        answer.take_in(all(connection, sql, [*scope as i64], |row| population::row(row))?);
    }
    Ok(answer.held())
}
