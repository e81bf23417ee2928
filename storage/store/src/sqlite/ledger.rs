//! The ledger: entries written beside what they tell of, and questions about them.

use super::{Fault, all, change, first, now_ms};
use crate::ledger::{self, Line, Payment};
use crate::rows;
use model::calls::database::{
    Entry, GuildLedger, ItemHistory, ListEntries, ListedEntries, Locate, Located, PlayerLedger,
};
use model::calls::ledger::{EntriesOf, LOCATE_MAX, OPERATIONS_MAX};
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

pub(super) fn of_guild(connection: &Connection, request: &GuildLedger) -> Result<Vec<Entry>, Fault> {
    let values = params![request.guild.0, ledger::below(request.before), ledger::limit(request.limit)];
    all(connection, ledger::OF_GUILD, values, |row| Line::read(row)?.told(0))
}

pub(super) fn list(connection: &Connection, request: &ListEntries) -> Result<ListedEntries, Fault> {
    let limit = ledger::limit(request.limit);
    let one_more = limit + 1;
    let told = |row: &rusqlite::Row<'_>| Line::read(row)?.told(0);
    let entries = match &request.of {
        EntriesOf::Operations(operations) => {
            let mut entries = Vec::new();
            for operation in operations.iter().take(OPERATIONS_MAX) {
                let values = params![operation.0.to_be_bytes(), one_more];
                entries.extend(all(connection, ledger::OF_OPERATION, values, told)?);
            }
            entries
        }
        EntriesOf::Holder(of) => {
            let Some((kind, other, owner)) = ledger::holder(of) else { return Ok(ListedEntries::default()) };
            let values = params![owner, kind, other, request.since_ms, one_more];
            all(connection, ledger::OF_HOLDER, values, told)?
        }
        EntriesOf::All => all(connection, ledger::SINCE, params![request.since_ms, one_more], told)?,
    };
    Ok(ledger::listed(entries, limit))
}

pub(super) fn locate(connection: &Connection, request: &Locate) -> Result<Located, Fault> {
    let mut located = Located::default();
    for item in request.items.iter().take(LOCATE_MAX) {
        let sql = ledger::located_items!("= ?1");
        let found = first(connection, sql, [item.0.to_be_bytes()], |row| ledger::located_item(row))?;
        located.items.extend(found.flatten());
    }
    for character in request.characters.iter().take(LOCATE_MAX) {
        let sql = "SELECT account, id, name FROM characters WHERE id = ?1";
        located
            .characters
            .extend(first(connection, sql, [character.0 as i64], |row| rows::found_character(row))?);
    }
    Ok(located)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sqlite::embedded;

    #[test]
    fn questions_by_owner_are_led_by_the_indexes_of_both_sides() {
        let mut connection = Connection::open_in_memory().unwrap();
        embedded::migrations::runner().run(&mut connection).unwrap();
        for sql in [ledger::OF_CHARACTER, ledger::OF_GUILD] {
            let mut asked = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps = asked.query_map(params![7, i64::MAX, 10], |row| row.get::<_, String>(3)).unwrap();
            let steps: Vec<String> = steps.map(Result::unwrap).collect();
            for index in ["ledger_from (from_owner=? AND entry<?)", "ledger_to (to_owner=? AND entry<?)"] {
                assert!(steps.iter().any(|step| step.contains(index)), "{index} is not used: {steps:#?}");
            }
            assert!(!steps.iter().any(|step| step.starts_with("SCAN ledger")), "{steps:#?}");
        }
    }
}
