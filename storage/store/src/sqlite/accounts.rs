//! Accounts and their banks.

use super::operations::Once;
use super::{Fault, all, change, first};
use crate::rows::{self, Fields, PlaceKind, account_columns, item_columns};
use model::Account;
use model::calls::database::{
    AccountChange, Cargo, ChangeAccount, CreateAccount, FindAccount, GetAccount, LoadCargo, NameTaken,
};
use rusqlite::{Connection, params};

pub(super) fn create(
    connection: &Connection,
    request: &CreateAccount,
) -> Result<Result<(), NameTaken>, Fault> {
    let account = &request.account;
    let once = Once { operation: request.operation, kind: "create_account", account: account.id };
    once.run(connection, || {
        let key = account.name.key();
        let taken = first(connection, "SELECT 1 FROM accounts WHERE name_key = ?1", [&key], |_| Ok(()))?;
        if taken.is_some() {
            return Ok(Err(NameTaken));
        }
        change(
            connection,
            "INSERT INTO accounts (id, bucket, name, name_key, password_hash, pin_hash, blocked, created_ms) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                account.id.0 as i64,
                placement::bucket_of(account.id),
                account.name.as_str(),
                key,
                account.password_hash,
                account.pin_hash,
                account.blocked,
                account.created_ms
            ],
        )?;
        Ok(Ok(()))
    })
}

pub(super) fn find(connection: &Connection, request: &FindAccount) -> Result<Option<Account>, Fault> {
    let sql = concat!("SELECT ", account_columns!(), " FROM accounts WHERE name_key = ?1");
    first(connection, sql, [&request.key], |row| rows::account(row))
}

pub(super) fn get(connection: &Connection, request: &GetAccount) -> Result<Option<Account>, Fault> {
    let sql = concat!("SELECT ", account_columns!(), " FROM accounts WHERE id = ?1");
    first(connection, sql, [request.account.0 as i64], |row| rows::account(row))
}

pub(super) fn change_row(connection: &Connection, request: &ChangeAccount) -> Result<bool, Fault> {
    let id = request.account.0 as i64;
    let changed = match &request.change {
        AccountChange::Password(hash) => {
            change(connection, "UPDATE accounts SET password_hash = ?2 WHERE id = ?1", params![id, hash])
        }
        AccountChange::Pin(hash) => {
            change(connection, "UPDATE accounts SET pin_hash = ?2 WHERE id = ?1", params![id, hash])
        }
        AccountChange::Blocked(reason) => {
            change(connection, "UPDATE accounts SET blocked = ?2 WHERE id = ?1", params![id, reason])
        }
        AccountChange::Frozen(reason) => {
            change(connection, "UPDATE accounts SET frozen = ?2 WHERE id = ?1", params![id, reason])
        }
    };
    Ok(changed? > 0)
}

pub(super) fn cargo(connection: &Connection, request: &LoadCargo) -> Result<Option<Cargo>, Fault> {
    let id = request.account.0 as i64;
    let gold = first(connection, "SELECT cargo_gold FROM accounts WHERE id = ?1", [id], |row| row.int(0))?;
    let Some(gold) = gold else { return Ok(None) };
    let sql = concat!("SELECT ", item_columns!(), " FROM items WHERE place_owner = ?1 AND place_kind = ?2");
    let items = all(connection, sql, params![id, PlaceKind::Cargo as u8], |row| rows::placed_item(row))?;
    Ok(Some(rows::cargo(gold, items)?))
}
