//! `fsck`: reads shelves for the examiner. Names need no look of their own: in one file they are a constraint.

use super::{Fault, all};
use crate::examine::{
    self, Base, ItemRow, OperationRow, Owner, PurseRow, RecordRow, Shelf,
    base::{self, Horizon, SumRow},
    crossings::{SIDES, listed, with_folded},
    examine,
};
use crate::guild;
use crate::ledger::Line;
use crate::rows::Fields;
use model::calls::database::{
    Belonging, CheckBuckets, CheckDatabases, CheckItems, CheckNames, Checked, CheckedItems, CheckedNames,
    Crossings, Finding, ListBelonging, ListCrossings,
};
use model::calls::ledger::{CROSSINGS_MAX, ENTRIES_MAX};
use placement::BUCKETS;
use rusqlite::{Connection, params};

pub(super) fn buckets(connection: &Connection, request: &CheckBuckets) -> Result<Checked, Fault> {
    Ok(examine(&shelf(connection, [request.first, request.last])?))
}

/// Everything of some buckets.
pub(super) fn shelf(connection: &Connection, range: [u16; 2]) -> Result<Shelf, Fault> {
    Ok(Shelf {
        accounts: all(connection, examine::ACCOUNTS, range, |row| Owner::account(row))?,
        characters: all(connection, examine::CHARACTERS, range, |row| Owner::character(row))?,
        strangers: all(connection, examine::STRANGERS, range, |row| row.int(0))?,
        items: all(connection, examine::ITEMS, range, |row| ItemRow::read(row))?,
        purses: all(connection, examine::PURSES, range, |row| PurseRow::read(row))?,
        records: all(connection, examine::RECORDS, range, |row| RecordRow::read(row))?,
        operations: all(connection, examine::OPERATIONS, range, |row| OperationRow::read(row))?,
        base: Base {
            horizons: all(connection, base::HORIZONS, range, |row| Horizon::read(row))?,
            items: all(connection, base::BASE_ITEMS, range, |row| ItemRow::read(row))?,
            purses: all(connection, base::BASE_PURSES, range, |row| PurseRow::read(row))?,
            sums: all(connection, base::BASE_SUMS, range, |row| SumRow::read(row))?,
        },
        lines: all(connection, examine::LINES, range, |row| Line::read(row))?,
    })
}

pub(super) fn names(_: &Connection, _: &CheckNames) -> Result<CheckedNames, Fault> {
    Ok(CheckedNames::default())
}

/// One file has one row for an item.
pub(super) fn items(_: &Connection, _: &CheckItems) -> Result<CheckedItems, Fault> {
    Ok(CheckedItems::default())
}

pub(super) fn crossings(connection: &Connection, request: &ListCrossings) -> Result<Crossings, Fault> {
    let range = params![request.first.0.to_be_bytes(), request.last.0.to_be_bytes(), CROSSINGS_MAX];
    let answer = listed(&all(connection, SIDES, range, |row| Line::read(row))?)?;
    if !request.with_folded {
        return Ok(answer);
    }
    let horizons = all(connection, base::HORIZONS, [0, BUCKETS - 1], |row| Horizon::read(row))?;
    Ok(with_folded(answer, request.first, &horizons))
}

pub(super) fn belonging(connection: &Connection, request: &ListBelonging) -> Result<Vec<Belonging>, Fault> {
    let sql = "SELECT id, account, name, guild, guild_rank FROM characters WHERE id > ?1 AND guild <> 0 \
               ORDER BY id LIMIT ?2";
    let after = i64::try_from(request.after.0).unwrap_or(i64::MAX);
    let values = params![after, request.limit.clamp(1, ENTRIES_MAX)];
    all(connection, sql, values, |row| guild::belonging(row))
}

/// There are no prepared transactions in SQLite.
pub(super) fn databases(_: &Connection, _: &CheckDatabases) -> Result<Vec<Finding>, Fault> {
    Ok(Vec::new())
}
