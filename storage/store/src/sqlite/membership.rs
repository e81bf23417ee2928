//! Who is in the cluster, who controls it, and the slot table. Leases end by the database's clock.

use super::{Fault, all, change, first, now_ms, weights};
use crate::lease;
use crate::planted::{self, Bug};
use crate::rows::{self, Fields, member_columns};
use model::Incarnation;
use model::calls::database::{
    HoldController, JoinMember, LeaveMember, NewerRun, ReadClusterView, RenewMember, SlotsChanged, WriteSlots,
};
use model::membership::{ClusterView, SlotTable};
use rusqlite::{Connection, params};

pub(super) fn join(connection: &Connection, request: &JoinMember) -> Result<Result<(), NewerRun>, Fault> {
    let member = &request.member;
    let changed = change(
        connection,
        concat!(
            "INSERT INTO members (",
            member_columns!(),
            ", lease_until_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 + ",
            now_ms!(),
            ") ON CONFLICT (name) DO UPDATE SET role = excluded.role, incarnation = excluded.incarnation, \
             link = excluded.link, http = excluded.http, weight = excluded.weight, \
             content_hash = excluded.content_hash, lease_until_ms = excluded.lease_until_ms \
             WHERE members.incarnation <= excluded.incarnation OR members.lease_until_ms <= ",
            now_ms!()
        ),
        params![
            member.name.as_str(),
            member.role.label(),
            member.incarnation.0 as i64,
            member.link.to_string(),
            member.http.to_string(),
            member.weight,
            member.content_hash as i64,
            lease::milliseconds(request.lease_ms)
        ],
    )?;
    if changed > 0 {
        return Ok(Ok(()));
    }
    let sql = "SELECT incarnation FROM members WHERE name = ?1";
    let found = first(connection, sql, [member.name.as_str()], |row| row.int(0))?.unwrap_or_default();
    Ok(Err(NewerRun { found: Incarnation(found as u64) }))
}

pub(super) fn renew(connection: &Connection, request: &RenewMember) -> Result<bool, Fault> {
    let changed = change(
        connection,
        concat!(
            "UPDATE members SET lease_until_ms = ?3 + ",
            now_ms!(),
            " WHERE name = ?1 AND incarnation = ?2 AND lease_until_ms > ",
            now_ms!()
        ),
        params![request.name.as_str(), request.incarnation.0 as i64, lease::milliseconds(request.lease_ms)],
    )?;
    Ok(changed > 0)
}

pub(super) fn leave(connection: &Connection, request: &LeaveMember) -> Result<(), Fault> {
    let run = params![request.name.as_str(), request.incarnation.0 as i64];
    change(connection, "DELETE FROM members WHERE name = ?1 AND incarnation = ?2", run)?;
    change(connection, "DELETE FROM controller WHERE name = ?1 AND incarnation = ?2", run)?;
    Ok(())
}

pub(super) fn view(connection: &Connection, _: &ReadClusterView) -> Result<ClusterView, Fault> {
    let members = all(
        connection,
        concat!(
            "SELECT ",
            member_columns!(),
            ", lease_until_ms - ",
            now_ms!(),
            " FROM members ORDER BY name"
        ),
        [],
        |row| rows::leased(row),
    )?;
    let (members, lapsed) = rows::by_lease(members);
    let version = version(connection)?;
    let named_zones = all(
        connection,
        "SELECT name, min_x, min_y, max_x, max_y FROM named_zones ORDER BY position",
        [],
        |row| rows::named_zone(row),
    )?;
    let slots =
        all(connection, "SELECT zone, owner, epoch FROM slots ORDER BY zone", [], |row| rows::slot(row))?;
    Ok(ClusterView { members, lapsed, table: SlotTable { version, named_zones, slots } })
}

fn version(connection: &Connection) -> Result<u64, Fault> {
    let found = first(connection, "SELECT version FROM slot_table", [], |row| row.int(0))?;
    Ok(found.unwrap_or_default() as u64)
}

pub(super) fn hold_controller(connection: &Connection, request: &HoldController) -> Result<bool, Fault> {
    let changed = change(
        connection,
        concat!(
            "INSERT INTO controller (one, name, incarnation, lease_until_ms) VALUES (1, ?1, ?2, ?3 + ",
            now_ms!(),
            ") ON CONFLICT (one) DO UPDATE SET name = excluded.name, incarnation = excluded.incarnation, \
             lease_until_ms = excluded.lease_until_ms WHERE controller.lease_until_ms <= ",
            now_ms!(),
            " OR (controller.name = excluded.name AND controller.incarnation = excluded.incarnation)"
        ),
        params![request.name.as_str(), request.incarnation.0 as i64, lease::milliseconds(request.lease_ms)],
    )?;
    Ok(changed > 0)
}

pub(super) fn write_slots(
    connection: &Connection,
    request: &WriteSlots,
) -> Result<Result<u64, SlotsChanged>, Fault> {
    let found = version(connection)?;
    if found != request.expected_version && !planted::is(Bug::TableOverwritten) {
        return Ok(Err(SlotsChanged { found }));
    }
    let version = found + 1;
    change(connection, "UPDATE slot_table SET version = ?1", [version as i64])?;
    change(connection, "DELETE FROM named_zones", [])?;
    for (position, zone) in request.named_zones.iter().enumerate() {
        change(
            connection,
            "INSERT INTO named_zones (position, name, min_x, min_y, max_x, max_y) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                position as i64,
                zone.name,
                zone.area.min.x,
                zone.area.min.y,
                zone.area.max.x,
                zone.area.max.y
            ],
        )?;
    }
    change(connection, "DELETE FROM slots", [])?;
    for slot in &request.slots {
        change(
            connection,
            "INSERT INTO slots (zone, owner, epoch) VALUES (?1, ?2, ?3)",
            params![slot.zone.0, slot.owner.as_ref().map(|owner| owner.as_str()), slot.epoch.0 as i64],
        )?;
    }
    if let Some(counts) = &request.counts {
        weights::write(connection, counts)?;
    }
    Ok(Ok(version))
}
