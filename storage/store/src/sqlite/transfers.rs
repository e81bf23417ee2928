//! Transfers: everything is read, judged, and written in one transaction of the one writer.

use super::characters;
use super::operations::Once;
use super::progress::remember;
use super::{Fault, all, change, first, now_ms};
use crate::ledger::{Spot, Written, WrittenSide, actor_columns};
use crate::rows::{self, Fields};
use crate::transfer::{
    AccountSeen, CharacterSeen, Doings, ItemRow, ItemSeen, KIND, PART_KIND, Part, Plan, RecordSeen, Seen,
    SoftRow, outcome,
};
use model::calls::database::{Failure, Transfer, TransferRefusal, Transferred};
use model::id::{AccountId, OperationId};
use model::ledger::Actor;
use rusqlite::{Connection, params};

type Outcome = Result<Transferred, TransferRefusal>;

pub(super) fn transfer(connection: &Connection, request: &Transfer) -> Result<Outcome, Fault> {
    let plan = match Plan::of(request) {
        Ok(plan) => plan,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let home = plan.home();
    let once = Once { operation: request.operation, kind: KIND, account: home };
    if let Some(outcome) = once.stored(connection)? {
        return Ok(outcome);
    }
    // one file is one shard
    let Some(part) = plan.parts(|_| 0).remove(&0) else {
        return Err(Failure::Corrupt("a transfer without a part".to_owned()).into());
    };
    let seen = see(connection, &part)?;
    match part.judge(&seen)? {
        Err(no) => {
            let refused: Outcome = Err(no.refusal);
            once.store(connection, placement::bucket_of(home), &refused)?;
            Ok(refused)
        }
        Ok(doings) => {
            write(connection, &doings)?;
            for (character, place) in &doings.placed {
                let sql = "UPDATE characters SET guild = ?2, guild_rank = ?3 WHERE id = ?1";
                change(connection, sql, params![character, place.guild.0, place.rank])?;
                remember(connection, *character, request.operation, &request.actor, &request.reason)?;
            }
            for line in &doings.lines {
                write_line(connection, request.operation, &request.actor, line)?;
            }
            let done: Outcome = Ok(outcome([&doings]));
            store_claims(connection, once, &part, &done)?;
            Ok(done)
        }
    }
}

fn store_claims(connection: &Connection, once: Once, part: &Part<'_>, done: &Outcome) -> Result<(), Fault> {
    for claim in &part.claims {
        let bucket = claim.bucket as u16;
        if claim.is_home {
            once.store(connection, bucket, done)?;
        } else {
            Once { kind: PART_KIND, ..once }.store::<AccountId>(connection, bucket, &part.home)?;
        }
    }
    Ok(())
}

fn see(connection: &Connection, part: &Part<'_>) -> Result<Seen, Fault> {
    let mut seen = Seen::default();
    for id in &part.characters {
        let sql = "SELECT account, epoch, gold, guild, guild_rank FROM characters WHERE id = ?1";
        let found = first(connection, sql, [id], |row| {
            let place = rows::guild_place(row, 3)?;
            Ok(CharacterSeen { account: row.int(0)?, epoch: row.int(1)?, gold: row.int(2)?, place })
        })?;
        seen.characters.extend(found.map(|found| (*id, found)));
    }
    for id in &part.accounts {
        let sql = "SELECT frozen, cargo_gold FROM accounts WHERE id = ?1";
        let found = first(connection, sql, [id], |row| {
            Ok(AccountSeen { is_frozen: !row.is_null(0)?, cargo_gold: row.int(1)? })
        })?;
        seen.accounts.extend(found.map(|found| (*id, found)));
    }
    for id in &part.records {
        let sql = "SELECT version, home FROM records WHERE kind = ?1 AND id = ?2";
        let found = first(connection, sql, params![id.0, id.1], |row| {
            Ok(RecordSeen { version: row.int(0)?, home: row.int(1)? })
        })?;
        seen.records.extend(found.map(|found| (*id, found)));
    }
    for id in &part.purses {
        let sql = "SELECT balance FROM purses WHERE kind = ?1 AND owner = ?2";
        let found = first(connection, sql, params![id.0, id.1], |row| row.int(0))?;
        seen.purses.extend(found.map(|found| (*id, found)));
    }
    see_items(connection, part, &mut seen)?;
    Ok(seen)
}

fn see_items(connection: &Connection, part: &Part<'_>, seen: &mut Seen) -> Result<(), Fault> {
    for id in &part.items {
        let sql =
            "SELECT bucket, kind, effects, place_kind, place_owner, place_slot FROM items WHERE id = ?1";
        let found = first(connection, sql, [id.to_be_bytes()], |row| {
            Ok(ItemSeen {
                bucket: row.number(0)?,
                kind: row.int(1)?,
                effects: row.bytes(2)?,
                spot: Spot { kind: row.int(3)?, owner: row.int(4)?, slot: row.int(5)? },
            })
        })?;
        seen.items.extend(found.map(|found| (*id, found)));
    }
    for spot in &part.spots {
        let sql = "SELECT id FROM items WHERE place_owner = ?1 AND place_kind = ?2 AND place_slot = ?3";
        let place = params![spot.owner, spot.kind, spot.slot];
        let found = first(connection, sql, place, |row| row.id128(0))?;
        seen.lying.extend(found.map(|found| (*spot, found)));
    }
    for (kind, owner) in &part.ending {
        let sql = "SELECT place_slot, id FROM items WHERE place_owner = ?1 AND place_kind = ?2";
        let (kind, owner) = (i64::from(*kind), *owner);
        let lying = all(connection, sql, params![owner, kind], |row| {
            Ok((Spot { kind, owner, slot: row.int(0)? }, row.id128(1)?))
        })?;
        seen.lying.extend(lying);
    }
    Ok(())
}

fn write(connection: &Connection, doings: &Doings) -> Result<(), Fault> {
    for (character, gold) in &doings.carried {
        change(connection, "UPDATE characters SET gold = ?2 WHERE id = ?1", params![character, gold])?;
    }
    for SoftRow { character, epoch, number, soft } in &doings.softs {
        characters::write_soft(connection, *character, *epoch, *number, soft)?;
    }
    for (account, gold) in &doings.banked {
        change(connection, "UPDATE accounts SET cargo_gold = ?2 WHERE id = ?1", params![account, gold])?;
    }
    for ((kind, owner), bucket, balance) in &doings.purses {
        if *balance == 0 {
            let sql = "DELETE FROM purses WHERE kind = ?1 AND owner = ?2";
            change(connection, sql, params![kind, owner])?;
        } else {
            let sql = "INSERT INTO purses (kind, owner, bucket, balance) VALUES (?1, ?2, ?3, ?4) \
                       ON CONFLICT (kind, owner) DO UPDATE SET balance = excluded.balance";
            change(connection, sql, params![kind, owner, bucket, balance])?;
        }
    }
    for (record, _) in &doings.put {
        let sql = "INSERT OR REPLACE INTO records (kind, id, home, bucket, version, scope, until_ms, body) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (kind, id) = record.id;
        let (home, bucket) = (record.home, record.bucket);
        let values =
            params![kind, id, home, bucket, record.version, record.scope, record.until_ms, record.body];
        change(connection, sql, values)?;
    }
    for (kind, id) in &doings.ended {
        change(connection, "DELETE FROM records WHERE kind = ?1 AND id = ?2", params![kind, id])?;
    }
    write_items(connection, doings)
}

/// The places are free before anything is put there, so that items can swap them.
fn write_items(connection: &Connection, doings: &Doings) -> Result<(), Fault> {
    for id in doings.gone.iter().chain(doings.moved.iter().map(|row| &row.id)) {
        change(connection, "DELETE FROM items WHERE id = ?1", [id.to_be_bytes()])?;
    }
    for ItemRow { id, bucket, kind, effects, spot } in doings.moved.iter().chain(&doings.come) {
        let sql = "INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let values = params![id.to_be_bytes(), bucket, kind, effects, spot.kind, spot.owner, spot.slot];
        change(connection, sql, values)?;
    }
    Ok(())
}

/// Writes one entry.
pub(super) fn write_line(
    connection: &Connection,
    operation: OperationId,
    actor: &Actor,
    line: &Written,
) -> Result<(), Fault> {
    let sql = concat!(
        "INSERT INTO ledger (operation, actor_kind, actor_id, actor_name, reason, bucket, item, kind, amount, \
         from_kind, from_owner, from_slot, effects_before, from_balance, \
         to_kind, to_owner, to_slot, effects_after, to_balance, at_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ",
        now_ms!(),
        ")"
    );
    let (actor_kind, actor_id, actor_name) = actor_columns(actor);
    let from = line.from.as_ref();
    let to = line.to.as_ref();
    let values = params![
        operation.0.to_be_bytes(),
        actor_kind,
        actor_id,
        actor_name,
        line.reason,
        line.bucket,
        line.item.map(|(id, _)| id.to_be_bytes()),
        line.item.map(|(_, kind)| kind),
        line.amount,
        from.map(|side: &WrittenSide| side.kind),
        from.map(|side| side.owner),
        from.and_then(|side| side.slot),
        from.and_then(|side| side.effects),
        from.and_then(|side| side.balance),
        to.map(|side: &WrittenSide| side.kind),
        to.map(|side| side.owner),
        to.and_then(|side| side.slot),
        to.and_then(|side| side.effects),
        to.and_then(|side| side.balance)
    ];
    change(connection, sql, values).map(drop)
}
