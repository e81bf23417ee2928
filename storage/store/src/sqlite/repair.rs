//! Repairs: planned by the examiner, written here in one transaction of the one writer.

use super::operations::Once;
use super::transfers::write_line;
use super::{Fault, all, change, check, now_ms};
use crate::codec;
use crate::examine::around::{Around, BASE_OF, LINES_OF, in_question};
use crate::examine::repair::{Write, plan};
use crate::examine::{ItemRow, REPAIR_KIND, Shelf};
use crate::ledger::Line;
use crate::transfer::PART_KIND;
use model::calls::database::{RepairBucket, RepairNames, RepairStrays, Repaired};
use model::id::{AccountId, OperationId};
use model::ledger::Actor;
use rusqlite::{Connection, params};

pub(super) fn bucket(connection: &Connection, request: &RepairBucket) -> Result<Repaired, Fault> {
    let once = Once { operation: request.operation, kind: REPAIR_KIND, account: AccountId(0) };
    if let Some(fixes) = once.stored(connection)? {
        return Ok(Repaired { fixes, next: None });
    }
    let shelf = check::shelf(connection, [request.bucket, request.bucket])?;
    let fixes = plan(&shelf, request, &around(connection, request, &shelf)?);
    let told: Vec<String> = fixes.iter().map(|fix| fix.told.clone()).collect();
    if !request.dry_run && !fixes.is_empty() {
        for one in fixes.iter().flat_map(|fix| &fix.writes) {
            write(connection, request, one)?;
        }
        once.store(connection, request.bucket, &told)?;
    }
    Ok(Repaired { fixes: told, next: None })
}

/// What other buckets have of what is not right in this one.
fn around(connection: &Connection, request: &RepairBucket, shelf: &Shelf) -> Result<Around, Fault> {
    let items = in_question(shelf, request);
    let mut around = Around::new(request.bucket, &items);
    for item in items {
        let id = item.to_be_bytes();
        let others = "SELECT 1 FROM items WHERE id = ?1 AND bucket <> ?2";
        if !all(connection, others, params![id, request.bucket], |_| Ok(()))?.is_empty() {
            around.row(item);
        }
        let lines = all(connection, &format!("{LINES_OF} = ?1 ORDER BY entry"), [id], |row| Line::read(row))?;
        let base = all(connection, &format!("{BASE_OF} = ?1"), [id], |row| ItemRow::read(row))?;
        around.ledger(base, lines);
    }
    Ok(around)
}

fn write(connection: &Connection, request: &RepairBucket, one: &Write) -> Result<(), Fault> {
    let bucket = request.bucket;
    match one {
        Write::Insert(item) => {
            let sql = "INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let spot = item.spot;
            let (id, kind, effects) = (item.id.to_be_bytes(), item.kind, &item.effects);
            change(connection, sql, params![id, bucket, kind, effects, spot.kind, spot.owner, spot.slot])?;
        }
        Write::Update(item) => {
            let sql = "UPDATE items SET kind = ?3, effects = ?4, place_kind = ?5, place_owner = ?6, place_slot = ?7 \
                       WHERE id = ?1 AND bucket = ?2";
            let spot = item.spot;
            let (id, kind, effects) = (item.id.to_be_bytes(), item.kind, &item.effects);
            change(connection, sql, params![id, bucket, kind, effects, spot.kind, spot.owner, spot.slot])?;
        }
        Write::Delete(id) => {
            let sql = "DELETE FROM items WHERE id = ?1 AND bucket = ?2";
            change(connection, sql, params![id.to_be_bytes(), bucket])?;
        }
        Write::Rename(id, new) => {
            let sql = "UPDATE items SET id = ?3 WHERE id = ?1 AND bucket = ?2";
            change(connection, sql, params![id.to_be_bytes(), bucket, new.to_be_bytes()])?;
        }
        Write::Bank(account, gold) => {
            change(connection, "UPDATE accounts SET cargo_gold = ?2 WHERE id = ?1", params![account, gold])?;
        }
        Write::Purse(kind, owner, 0) => {
            change(connection, "DELETE FROM purses WHERE kind = ?1 AND owner = ?2", params![kind, owner])?;
        }
        Write::Purse(kind, owner, balance) => {
            let sql = "INSERT OR REPLACE INTO purses (kind, owner, bucket, balance) VALUES (?1, ?2, ?3, ?4)";
            change(connection, sql, params![kind, owner, bucket, balance])?;
        }
        Write::EndRecord(kind, id) => {
            change(connection, "DELETE FROM records WHERE kind = ?1 AND id = ?2", params![kind, id])?;
        }
        Write::RecordBucket(kind, id, own) => {
            let sql = "UPDATE records SET bucket = ?3 WHERE kind = ?1 AND id = ?2";
            change(connection, sql, params![kind, id, own])?;
        }
        Write::Stale(character) => {
            change(connection, "UPDATE characters SET epoch = epoch + 1 WHERE id = ?1", [character])?;
        }
        Write::Operation(id) => {
            let sql = concat!(
                "INSERT INTO operations (operation, bucket, kind, outcome, at_ms) VALUES (?1, ?2, ?3, ?4, ",
                now_ms!(),
                ") ON CONFLICT (operation, bucket) DO UPDATE SET kind = excluded.kind, outcome = excluded.outcome"
            );
            let outcome = codec::encode_outcome(&AccountId(0))?;
            change(connection, sql, params![id.to_be_bytes(), bucket, PART_KIND, outcome])?;
        }
        Write::Line(operation, line) => {
            let operation = operation.map_or(request.operation, OperationId);
            write_line(connection, operation, &Actor::Operator(request.operator.clone()), line)?;
        }
    }
    Ok(())
}

/// One file has one row for an item.
pub(super) fn strays(_: &Connection, _: &RepairStrays) -> Result<Repaired, Fault> {
    Ok(Repaired::default())
}

/// In one file names are a column.
pub(super) fn names(_: &Connection, _: &RepairNames) -> Result<Repaired, Fault> {
    Ok(Repaired::default())
}
