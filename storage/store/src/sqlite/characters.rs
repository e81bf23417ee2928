//! Characters and what they carry. Fencing: a write names the epoch that its writer loaded with.

use super::ledger::Scribe;
use super::operations::Once;
use super::{Fault, all, change, first, progress};
use crate::codec;
use crate::gold;
use crate::ledger::{self, Payment};
use crate::planted::{self, Bug};
use crate::rows::{self, Fields, PlaceKind, character_columns, is_newer, item_columns, loaded_columns};
use crate::transfer::record_kind;
use model::Character;
use model::calls::database::{
    ChangeGold, ChangeGoldRefusal, CreateCharacter, CreateCharacterRefusal, DeleteCharacter, FindCharacter,
    FoundCharacter, ListCharacters, LoadCharacter, LoadedCharacter, NoSuchCharacter, SaveCharacter,
    SaveCharacters, SaveOutcome,
};
use model::ledger::Actor;
use model::transfer::RecordKind;
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

type Created = Result<(), CreateCharacterRefusal>;

pub(super) fn create(connection: &Connection, request: &CreateCharacter) -> Result<Created, Fault> {
    let character = &request.character;
    let once = Once { operation: request.operation, kind: "create_character", account: character.account };
    once.run(connection, || {
        let (account, key) = (character.account.0 as i64, character.name.key());
        let exists = |sql, values: &[Value]| {
            Ok::<_, Fault>(first(connection, sql, params_from_iter(values), |_| Ok(()))?.is_some())
        };
        if !exists("SELECT 1 FROM accounts WHERE id = ?1", &[account.into()])? {
            return Ok(Err(CreateCharacterRefusal::NoSuchAccount));
        }
        if exists("SELECT 1 FROM characters WHERE name_key = ?1", &[key.into()])? {
            return Ok(Err(CreateCharacterRefusal::NameTaken));
        }
        let slot = i64::from(character.slot);
        if exists(
            "SELECT 1 FROM characters WHERE account = ?1 AND slot = ?2",
            &[account.into(), slot.into()],
        )? {
            return Ok(Err(CreateCharacterRefusal::SlotTaken));
        }
        insert(connection, character)?;
        let scribe =
            Scribe { operation: request.operation, account: character.account, reason: ledger::STARTER };
        let (id, gold) = (character.id.0 as i64, character.hard.gold);
        scribe.births(connection, id)?;
        scribe.gold(connection, Payment::of(id, gold, gold))?;
        let actor = Actor::Player(character.account);
        progress::remember(connection, id, request.operation, &actor, ledger::STARTER)?;
        Ok(Ok(()))
    })
}

fn insert(connection: &Connection, character: &Character) -> Result<(), Fault> {
    let mut values: Vec<Value> = rows::character_numbers(character).into_iter().map(Value::from).collect();
    let bucket = placement::bucket_of(character.account);
    values.push(codec::encode_soft(&character.soft)?.into());
    values.push(character.name.as_str().to_owned().into());
    values.push(character.name.key().into());
    values.push(bucket.into());
    let sql = concat!(
        "INSERT INTO characters (",
        character_columns!(),
        ", name_key, bucket) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    change(connection, sql, params_from_iter(values))?;
    for placed in rows::items_of(character)? {
        change(
            connection,
            "INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                placed.item.id.0.to_be_bytes(),
                bucket,
                placed.item.kind.0,
                rows::effect_bytes(&placed.item),
                placed.kind as u8,
                placed.owner,
                placed.slot as i64
            ],
        )?;
    }
    Ok(())
}

pub(super) fn delete(
    connection: &Connection,
    request: &DeleteCharacter,
) -> Result<Result<(), NoSuchCharacter>, Fault> {
    let once = Once { operation: request.operation, kind: "delete_character", account: request.account };
    once.run(connection, || {
        let found = first(
            connection,
            "SELECT id, gold FROM characters WHERE account = ?1 AND slot = ?2 AND name_key = ?3",
            params![request.account.0 as i64, request.slot, request.key],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )?;
        let Some((id, gold)) = found else { return Ok(Err(NoSuchCharacter)) };
        let scribe =
            Scribe { operation: request.operation, account: request.account, reason: ledger::DELETE };
        scribe.deaths(connection, id)?;
        scribe.gold(connection, Payment::of(id, -gold, 0))?;
        change(
            connection,
            "DELETE FROM items WHERE place_owner = ?1 AND place_kind IN (?2, ?3)",
            params![id, PlaceKind::Equip as u8, PlaceKind::Carry as u8],
        )?;
        change(connection, "DELETE FROM characters WHERE id = ?1", [id])?;
        // who is no more is nobody's friend, whoever gets the name
        let friends = record_kind(RecordKind::Friends);
        change(connection, "DELETE FROM records WHERE kind = ?1 AND id = ?2", params![friends, id])?;
        Ok(Ok(()))
    })
}

pub(super) fn find(
    connection: &Connection,
    request: &FindCharacter,
) -> Result<Option<FoundCharacter>, Fault> {
    let sql = "SELECT account, id, name FROM characters WHERE name_key = ?1";
    first(connection, sql, [&request.key], |row| rows::found_character(row))
}

pub(super) fn list(connection: &Connection, request: &ListCharacters) -> Result<Vec<Character>, Fault> {
    let sql = concat!("SELECT ", character_columns!(), " FROM characters WHERE account = ?1 ORDER BY slot");
    let mut characters = all(connection, sql, [request.account.0 as i64], |row| rows::character(row))?;
    dress(connection, &mut characters)?;
    Ok(characters)
}

fn dress(connection: &Connection, characters: &mut [Character]) -> Result<(), Fault> {
    let sql =
        concat!("SELECT ", item_columns!(), " FROM items WHERE place_owner = ?1 AND place_kind IN (?2, ?3)");
    let (equip, carry) = (PlaceKind::Equip as u8, PlaceKind::Carry as u8);
    let mut items = Vec::new();
    for character in characters.iter() {
        let owner = character.id.0 as i64;
        items.extend(all(connection, sql, params![owner, equip, carry], |row| rows::placed_item(row))?);
    }
    Ok(rows::hand_out(characters, items)?)
}

pub(super) fn load(
    connection: &Connection,
    request: &LoadCharacter,
) -> Result<Result<LoadedCharacter, NoSuchCharacter>, Fault> {
    let sql = concat!(
        "UPDATE characters SET epoch = epoch + ?4, owner = ?3, former_owner = COALESCE(owner, former_owner) \
         WHERE id = ?1 AND account = ?2 RETURNING ",
        loaded_columns!()
    );
    let raised = i64::from(!planted::is(Bug::LoadEpochKept));
    let taken = first(
        connection,
        sql,
        params![request.character.0 as i64, request.account.0 as i64, request.owner.as_str(), raised],
        |row| rows::loaded(row),
    )?;
    let Some(mut loaded) = taken else { return Ok(Err(NoSuchCharacter)) };
    dress(connection, std::slice::from_mut(&mut loaded.character))?;
    Ok(Ok(loaded))
}

pub(super) fn save(connection: &Connection, request: &SaveCharacters) -> Result<Vec<SaveOutcome>, Fault> {
    request.saves.iter().map(|save| save_one(connection, save)).collect()
}

fn save_one(connection: &Connection, save: &SaveCharacter) -> Result<SaveOutcome, Fault> {
    let (id, epoch, number) = (save.character.0 as i64, save.epoch.0 as i64, save.number as i64);
    let changed = change(
        connection,
        "UPDATE characters SET former_owner = CASE WHEN ?4 AND ?5 > 0 THEN NULL ELSE former_owner END, \
         owner = CASE WHEN ?4 THEN NULL ELSE owner END WHERE id = ?1 AND account = ?2 AND epoch = ?3",
        params![id, save.account.0 as i64, epoch, save.release, number],
    )?;
    if changed == 0 && !planted::is(Bug::SaveNotFenced) {
        return Ok(SaveOutcome::Stale);
    }
    write_soft(connection, id, epoch, number, &codec::encode_soft(&save.soft)?)?;
    Ok(SaveOutcome::Saved)
}

/// Writes a soft state unless one as new is there; that its owner may write is known.
pub(super) fn write_soft(
    connection: &Connection,
    id: i64,
    epoch: i64,
    number: i64,
    soft: &[u8],
) -> Result<(), Fault> {
    let sql = concat!(
        "UPDATE characters SET soft_version = ?4, soft = ?5, soft_epoch = ?2, soft_number = ?3 WHERE id = ?1 AND ",
        is_newer!("?2", "?3")
    );
    change(connection, sql, params![id, epoch, number, codec::SOFT_VERSION, soft])?;
    Ok(())
}

pub(super) fn change_gold(
    connection: &Connection,
    request: &ChangeGold,
) -> Result<Result<i64, ChangeGoldRefusal>, Fault> {
    let once = Once { operation: request.operation, kind: "change_gold", account: request.account };
    once.run(connection, || {
        let id = request.character.0 as i64;
        let carried = first(
            connection,
            "SELECT gold FROM characters WHERE id = ?1 AND account = ?2 AND epoch = ?3",
            params![id, request.account.0 as i64, request.epoch.0 as i64],
            |row| row.int(0),
        )?;
        let outcome = gold::after(carried, request.delta);
        if let Ok(gold) = outcome {
            change(connection, "UPDATE characters SET gold = ?2 WHERE id = ?1", params![id, gold])?;
            let scribe =
                Scribe { operation: request.operation, account: request.account, reason: &request.reason };
            scribe.gold(connection, Payment::of(id, request.delta, gold))?;
        }
        Ok(outcome)
    })
}
