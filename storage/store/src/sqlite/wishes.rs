//! The cluster as its operator sees it, and wishes.

use super::{Fault, all, change, first, instances, now_ms, weights};
use crate::rows::{self, Fields, member_columns};
use model::calls::cluster::{
    ClusterReport, MakeWish, ReadCluster, WISHES_TOLD, Wish, WishGranted, WishRefusal, Wishes,
};
use model::calls::database::ReadClusterView;
use model::membership::ProcessName;
use placement::Judged;
use rusqlite::{Connection, params};

pub(super) fn report(connection: &Connection, _: &ReadCluster) -> Result<ClusterReport, Fault> {
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
    let sql = concat!("SELECT name FROM controller WHERE lease_until_ms > ", now_ms!());
    let controller = first(connection, sql, [], |row| row.text(0).map(ProcessName))?;
    let sql =
        "SELECT number, at_ms, by_whom, wish, before, after FROM wish_log ORDER BY number DESC LIMIT ?1";
    let mut log = all(connection, sql, [WISHES_TOLD], |row| rows::logged_wish(row))?;
    log.reverse();
    let table = super::membership::view(connection, &ReadClusterView)?.table;
    let now_ms = first(connection, concat!("SELECT ", now_ms!()), [], |row| row.int(0))?.unwrap_or_default();
    let (wishes, weights) = (wishes(connection)?, weights::read(connection)?);
    Ok(ClusterReport { members, controller, table, wishes, weights, log, now_ms })
}

fn wishes(connection: &Connection) -> Result<Wishes, Fault> {
    let version = first(connection, "SELECT version FROM wishes", [], |row| row.int(0))?;
    let drained = all(connection, "SELECT node FROM drained_nodes", [], |row| row.text(0).map(ProcessName))?;
    let placed =
        all(connection, "SELECT zone, node, hold FROM placed_zones", [], |row| rows::placed_zone(row))?;
    let cut = all(connection, "SELECT part, by_whom FROM cut_zones", [], |row| rows::cut_zone(row))?;
    let mut wishes = Wishes {
        version: version.unwrap_or_default() as u64,
        drained: drained.into_iter().collect(),
        placed: placed.into_iter().collect(),
        cut: cut.into_iter().collect(),
        ..Wishes::default()
    };
    instances::read(connection, &mut wishes)?;
    Ok(wishes)
}

pub(super) fn make(
    connection: &Connection,
    request: &MakeWish,
) -> Result<Result<WishGranted, WishRefusal>, Fault> {
    let report = report(connection, &ReadCluster)?;
    if let Wish::OpenInstance { operation, .. } = &request.wish
        && let Some(opened) = instances::opened_by(connection, *operation)?
    {
        return Ok(Ok(placement::opened_before(&report, opened)));
    }
    let Judged { wishes, granted } = match placement::judge(&report, &request.wish) {
        Ok(judged) => judged,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if granted.changed {
        change(connection, "UPDATE wishes SET version = ?1", [wishes.version as i64])?;
        change(connection, "DELETE FROM drained_nodes", [])?;
        for node in &wishes.drained {
            change(connection, "INSERT INTO drained_nodes (node) VALUES (?1)", [node.as_str()])?;
        }
        change(connection, "DELETE FROM placed_zones", [])?;
        for (zone, placed) in &wishes.placed {
            let row = params![zone, placed.node.as_str(), placed.hold.name()];
            change(connection, "INSERT INTO placed_zones (zone, node, hold) VALUES (?1, ?2, ?3)", row)?;
        }
        change(connection, "DELETE FROM cut_zones", [])?;
        for (part, by) in &wishes.cut {
            change(
                connection,
                "INSERT INTO cut_zones (part, by_whom) VALUES (?1, ?2)",
                params![part, by.name()],
            )?;
        }
        instances::write(connection, &report.wishes, &wishes)?;
        if request.wish == Wish::Rebalance {
            weights::recount(connection)?;
        }
        if let Wish::OpenInstance { operation, .. } = &request.wish {
            instances::remember(connection, *operation, wishes.last_instance)?;
        }
        let sql = concat!(
            "INSERT INTO wish_log (number, at_ms, by_whom, wish, before, after) VALUES (?1, ",
            now_ms!(),
            ", ?2, ?3, ?4, ?5)"
        );
        let wish = request.wish.to_string();
        let row = params![wishes.version as i64, request.by, wish, granted.before, granted.after];
        change(connection, sql, row)?;
    }
    Ok(Ok(granted))
}
