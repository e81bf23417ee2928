//! Instances that are open, and the operations that opened them.

use super::{Fault, all, change, first, now_ms};
use crate::rows::{self, Fields};
use model::OperationId;
use model::calls::cluster::Wishes;
use model::calls::database::Failure;
use rusqlite::{Connection, params};

/// How long it is remembered which operation opened which instance.
const REMEMBERED_MS: i64 = 86_400_000;

/// How long the log keeps births and deaths of instances: there may be many.
const LOGGED_MS: i64 = 30 * 86_400_000;

/// Adds what is stored of instances to the other wishes.
pub(super) fn read(connection: &Connection, wishes: &mut Wishes) -> Result<(), Fault> {
    let sql = "SELECT last, open_max, per_player_max, life_max_s, empty_s FROM instance_rules";
    let rules = first(connection, sql, [], |row| rows::instance_rules(row))?;
    (wishes.last_instance, wishes.limits) =
        rules.ok_or_else(|| Failure::Corrupt("there are no rules of instances".into()))?;
    let sql = "SELECT instance, place, opened_ms, until_ms FROM instances";
    wishes.instances = all(connection, sql, [], |row| rows::instance(row))?.into_iter().collect();
    let sql = "SELECT instance, character, name FROM instance_guests ORDER BY instance, position";
    for (instance, guest) in all(connection, sql, [], |row| rows::guest(row))? {
        if let Some(instance) = wishes.instances.get_mut(&instance) {
            instance.guests.push(guest);
        }
    }
    Ok(())
}

/// The instance that an operation has opened, within the last day.
pub(super) fn opened_by(connection: &Connection, operation: OperationId) -> Result<Option<u64>, Fault> {
    let sql = "SELECT instance FROM instance_openings WHERE operation = ?1";
    first(connection, sql, params![operation.0.to_be_bytes()], |row| row.number(0))
}

/// Remembers what an operation has opened.
pub(super) fn remember(connection: &Connection, operation: OperationId, instance: u64) -> Result<(), Fault> {
    let sql = concat!("DELETE FROM instance_openings WHERE at_ms < ", now_ms!(), " - ?1");
    change(connection, sql, [REMEMBERED_MS])?;
    let sql = concat!("DELETE FROM wish_log WHERE wish LIKE 'instance %' AND at_ms < ", now_ms!(), " - ?1");
    change(connection, sql, [LOGGED_MS])?;
    let sql = concat!(
        "INSERT INTO instance_openings (operation, instance, at_ms) VALUES (?1, ?2, ",
        now_ms!(),
        ")"
    );
    change(connection, sql, params![operation.0.to_be_bytes(), instance as i64]).map(drop)
}

/// Writes what differs from before.
pub(super) fn write(connection: &Connection, before: &Wishes, wishes: &Wishes) -> Result<(), Fault> {
    let limits = wishes.limits;
    if (before.last_instance, before.limits) != (wishes.last_instance, limits) {
        let row = params![
            wishes.last_instance as i64,
            limits.open_max,
            limits.per_player_max,
            limits.life_max_s,
            limits.empty_s
        ];
        let sql = "UPDATE instance_rules SET last = ?1, open_max = ?2, per_player_max = ?3, life_max_s = ?4, empty_s = ?5";
        change(connection, sql, row)?;
    }
    for gone in before.instances.keys().filter(|id| !wishes.instances.contains_key(id)) {
        change(connection, "DELETE FROM instance_guests WHERE instance = ?1", [*gone as i64])?;
        change(connection, "DELETE FROM instances WHERE instance = ?1", [*gone as i64])?;
    }
    for (id, new) in wishes.instances.iter().filter(|(id, _)| !before.instances.contains_key(id)) {
        let sql = "INSERT INTO instances (instance, place, opened_ms, until_ms) VALUES (?1, ?2, ?3, ?4)";
        change(connection, sql, params![*id as i64, new.place, new.opened_ms, new.until_ms])?;
        for (position, guest) in new.guests.iter().enumerate() {
            let sql =
                "INSERT INTO instance_guests (instance, position, character, name) VALUES (?1, ?2, ?3, ?4)";
            let row = params![*id as i64, position as i64, guest.character.0 as i64, guest.name];
            change(connection, sql, row)?;
        }
    }
    Ok(())
}
