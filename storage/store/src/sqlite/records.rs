//! Records with what lies in them, banks of guilds, cash.

use super::{Fault, all, first};
use crate::ledger::purse_of;
use crate::rows::{self, Fields, PlaceKind, item_columns, record_columns};
use crate::transfer::{record_id, record_kind};
use model::calls::database::{Cargo, GetRecord, HeldRecord, ListRecords, LoadGuildBank, ReadCash};
use model::ledger::GoldAccount;
use model::transfer::Record;
use rusqlite::{Connection, params};

pub(super) fn list(connection: &Connection, request: &ListRecords) -> Result<Vec<HeldRecord>, Fault> {
    let sql = match request.scope {
        Some(_) => concat!(
            "SELECT ",
            record_columns!(),
            " FROM records WHERE kind = ?1 AND scope = ?2 AND id > ?3 AND (?4 IS NULL OR home = ?4) \
             ORDER BY id LIMIT ?5"
        ),
        None => concat!(
            "SELECT ",
            record_columns!(),
            " FROM records WHERE kind = ?1 AND ?2 IS NULL AND id > ?3 AND (?4 IS NULL OR home = ?4) \
             ORDER BY id LIMIT ?5"
        ),
    };
    let values = params![
        record_kind(request.kind),
        request.scope.map(|scope| scope as i64),
        i64::try_from(request.after).unwrap_or(i64::MAX),
        request.home.map(|home| home.0 as i64),
        rows::records_limit(request.limit)
    ];
    let records = all(connection, sql, values, |row| rows::record(row))?;
    records.into_iter().map(|record| hold(connection, record)).collect()
}

pub(super) fn get(connection: &Connection, request: &GetRecord) -> Result<Option<HeldRecord>, Fault> {
    let sql = concat!(
        "SELECT ",
        record_columns!(),
        " FROM records WHERE kind = ?1 AND id = ?2 AND (?3 IS NULL OR home = ?3)"
    );
    let (kind, id) = record_id(request.key);
    let values = params![kind, id, request.home.map(|home| home.0 as i64)];
    let record = first(connection, sql, values, |row| rows::record(row))?;
    record.map(|record| hold(connection, record)).transpose()
}

fn hold(connection: &Connection, record: Record) -> Result<HeldRecord, Fault> {
    let (kind, id) = record_id(record.key);
    let sql = concat!("SELECT ", item_columns!(), " FROM items WHERE place_owner = ?1 AND place_kind = ?2");
    let items = all(connection, sql, params![id, kind], |row| rows::placed_item(row))?;
    Ok(rows::held_record(record, &items, balance(connection, (kind, id))?)?)
}

fn balance(connection: &Connection, (kind, owner): (i16, i64)) -> Result<Option<i64>, Fault> {
    let sql = "SELECT balance FROM purses WHERE kind = ?1 AND owner = ?2";
    first(connection, sql, params![kind, owner], |row| row.int(0))
}

pub(super) fn guild_bank(connection: &Connection, request: &LoadGuildBank) -> Result<Cargo, Fault> {
    let guild = i64::from(request.guild.0);
    let sql = concat!("SELECT ", item_columns!(), " FROM items WHERE place_owner = ?1 AND place_kind = ?2");
    let items = all(connection, sql, params![guild, PlaceKind::Guild as u8], |row| rows::placed_item(row))?;
    let gold = purse_of(&GoldAccount::Guild(request.guild)).map(|purse| balance(connection, purse));
    Ok(rows::cargo(gold.transpose()?.flatten().unwrap_or_default(), items)?)
}

pub(super) fn cash(connection: &Connection, request: &ReadCash) -> Result<i64, Fault> {
    let purse = purse_of(&GoldAccount::Cash(request.account)).map(|purse| balance(connection, purse));
    Ok(purse.transpose()?.flatten().unwrap_or_default())
}
