//! `fsck`: reads shelves for the examiner. Names need no look of their own: in one file they are a constraint.

use super::{Fault, all};
use crate::examine::{self, ItemRow, OperationRow, Owner, Shelf, examine};
use crate::ledger::Line;
use model::calls::database::{CheckBuckets, CheckDatabases, CheckNames, Checked, CheckedNames, Finding};
use rusqlite::Connection;

pub(super) fn buckets(connection: &Connection, request: &CheckBuckets) -> Result<Checked, Fault> {
    let range = [request.first, request.last];
    let shelf = Shelf {
        accounts: all(connection, examine::ACCOUNTS, range, |row| Owner::account(row))?,
        characters: all(connection, examine::CHARACTERS, range, |row| Owner::character(row))?,
        items: all(connection, examine::ITEMS, range, |row| ItemRow::read(row))?,
        operations: all(connection, examine::OPERATIONS, range, |row| OperationRow::read(row))?,
        lines: all(connection, examine::LINES, range, |row| Line::read(row))?,
    };
    Ok(examine(&shelf))
}

pub(super) fn names(_: &Connection, _: &CheckNames) -> Result<CheckedNames, Fault> {
    Ok(CheckedNames::default())
}

/// There are no prepared transactions in SQLite.
pub(super) fn databases(_: &Connection, _: &CheckDatabases) -> Result<Vec<Finding>, Fault> {
    Ok(Vec::new())
}
