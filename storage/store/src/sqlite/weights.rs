//! What zones cost, and what they are counted as.

use super::{Fault, all, change};
use crate::rows::{self, Fields};
use model::calls::database::{Counts, KeepCosts};
use model::calls::weights::Weights;
use model::membership::ProcessName;
use rusqlite::{Connection, params};

pub(super) fn read(connection: &Connection) -> Result<Weights, Fault> {
    let measured = all(connection, "SELECT zone, cost FROM zone_costs", [], |row| rows::zone_cost(row))?;
    let zones =
        all(connection, "SELECT zone, cost, node FROM counted_zones", [], |row| rows::counted_zone(row))?;
    let nodes = all(connection, "SELECT node FROM counted_nodes", [], |row| row.text(0).map(ProcessName))?;
    let counts = Counts { zones: zones.into_iter().collect(), nodes: nodes.into_iter().collect() };
    Ok(Weights { measured: measured.into_iter().collect(), counts })
}

pub(super) fn keep(connection: &Connection, request: &KeepCosts) -> Result<(), Fault> {
    change(connection, "DELETE FROM zone_costs", [])?;
    for (zone, cost) in &request.measured {
        change(connection, "INSERT INTO zone_costs (zone, cost) VALUES (?1, ?2)", params![zone, cost])?;
    }
    if request.recount { recount(connection) } else { Ok(()) }
}

/// Has the controller count zones anew.
pub(super) fn recount(connection: &Connection) -> Result<(), Fault> {
    change(connection, "DELETE FROM counted_nodes", [])?;
    Ok(())
}

/// Keeps what zones were counted as for a table, together with it.
pub(super) fn write(connection: &Connection, counts: &Counts) -> Result<(), Fault> {
    change(connection, "DELETE FROM counted_zones", [])?;
    for (zone, counted) in &counts.zones {
        let row = params![zone, counted.cost, counted.placed.as_ref().map(ProcessName::as_str)];
        change(connection, "INSERT INTO counted_zones (zone, cost, node) VALUES (?1, ?2, ?3)", row)?;
    }
    recount(connection)?;
    for node in &counts.nodes {
        change(connection, "INSERT INTO counted_nodes (node) VALUES (?1)", [node.as_str()])?;
    }
    Ok(())
}
