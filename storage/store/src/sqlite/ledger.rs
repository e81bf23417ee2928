//! The ledger: entries written beside what they tell of, and questions about them.

use super::{Fault, all, change, now_ms};
use crate::ledger::{self, Line, Payment};
use model::calls::database::{Entry, ItemHistory, PlayerLedger};
use model::id::{AccountId, OperationId};
use rusqlite::{Connection, params};

/// Who does what is written, and why.
#[derive(Clone, Copy)]
pub(super) struct Scribe<'a> {
    pub(super) operation: OperationId,
    pub(super) account: AccountId,
    pub(super) reason: &'a str,
}

impl Scribe<'_> {
    /// All that a character has was born just now.
    pub(super) fn births(&self, connection: &Connection, character: i64) -> Result<(), Fault> {
        self.items(connection, ledger::births!(now_ms!()), character)
    }

    /// All that a character has dies now.
    pub(super) fn deaths(&self, connection: &Connection, character: i64) -> Result<(), Fault> {
        self.items(connection, ledger::deaths!(now_ms!()), character)
    }

    fn items(&self, connection: &Connection, sql: &str, character: i64) -> Result<(), Fault> {
        let (operation, account) = (self.operation.0.to_be_bytes(), self.account.0 as i64);
        change(connection, sql, params![operation, account, self.reason, character]).map(drop)
    }

    /// Gold moves, if any does.
    pub(super) fn gold(&self, connection: &Connection, payment: Option<Payment>) -> Result<(), Fault> {
        let Some(Payment { amount, from, to }) = payment else { return Ok(()) };
        let values = params![
            self.operation.0.to_be_bytes(),
            self.account.0 as i64,
            self.reason,
            placement::bucket_of(self.account),
            amount,
            from.kind,
            from.owner,
            from.balance,
            to.kind,
            to.owner,
            to.balance
        ];
        change(connection, ledger::gold!(now_ms!()), values).map(drop)
    }
}

pub(super) fn of_item(connection: &Connection, request: &ItemHistory) -> Result<Vec<Entry>, Fault> {
    let values = params![request.item.0.to_be_bytes(), ledger::limit(request.limit)];
    let mut entries = all(connection, ledger::OF_ITEM, values, |row| Line::read(row)?.told(0))?;
    let item = [request.item.0.to_be_bytes()];
    entries.extend(all(connection, ledger::BASE_OF_ITEM, item, |row| ledger::base_line(row)?.told(0))?);
    entries.sort_by_key(|entry| entry.entry);
    let limit = ledger::limit(request.limit) as usize;
    Ok(entries.split_off(entries.len().saturating_sub(limit)))
}

pub(super) fn of_character(connection: &Connection, request: &PlayerLedger) -> Result<Vec<Entry>, Fault> {
    let values =
        params![request.character.0 as i64, ledger::below(request.before), ledger::limit(request.limit)];
    all(connection, ledger::OF_CHARACTER, values, |row| Line::read(row)?.told(0))
}
