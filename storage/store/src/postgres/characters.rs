//! Characters: created, listed, deleted, taken over.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::homes::{bucket, enter};
use super::ledger::Scribe;
use super::names::{Kind, Name, Reserved};
use super::operations::{Conclude, Once, Stored};
use super::progress::remember;
use super::values::Id128;
use crate::codec;
use crate::ledger::{self, Payment};
use crate::rows::{
    self, CHARACTER_NUMBERS, Fields, PlaceKind, character_columns, item_columns, loaded_columns,
};
use crate::transfer::record_kind;
use deadpool_postgres::{Client, GenericClient, Transaction};
use model::Character;
use model::calls::database::{
    CreateCharacter, CreateCharacterRefusal, DeleteCharacter, Failure, FindCharacter, FoundCharacter,
    ListCharacters, LoadCharacter, LoadedCharacter, NoSuchCharacter,
};
use model::ledger::Actor;
use model::transfer::RecordKind;
use std::sync::LazyLock;
use tokio_postgres::types::ToSql;

type Born = Result<(), CreateCharacterRefusal>;
type Buried = Result<(), NoSuchCharacter>;

impl Postgres {
    pub(super) async fn bear(&self, request: &CreateCharacter) -> Result<Born, Failure> {
        let character = &request.character;
        let (shard, key) = (self.shard(character.account), character.name.key());
        let once =
            Once { operation: request.operation, kind: "create_character", account: character.account };
        if let Some(outcome) = shard.run(&Stored::<Born>::of(once)).await? {
            return Ok(outcome);
        }
        let name = Name {
            kind: Kind::Character,
            key: &key,
            account: character.account,
            id: character.id.0,
            operation: request.operation,
        };
        match self.reserve(name).await? {
            Reserved::Done => Ok(Ok(())),
            Reserved::Taken => {
                let refusal = self.why_not(character).await?;
                shard.run(&Conclude { once, refusal: Err(refusal) }).await
            }
            Reserved::Ours => {
                let (outcome, done_now) = shard.run(&Insert { once, character }).await?;
                self.finish_creation(name, outcome.is_ok(), done_now).await;
                Ok(outcome)
            }
        }
    }

    /// The account is missed before the name is.
    async fn why_not(&self, character: &Character) -> Result<CreateCharacterRefusal, Failure> {
        let request = model::calls::database::GetAccount { account: character.account };
        Ok(match self.account_by_id(&request).await? {
            Some(_) => CreateCharacterRefusal::NameTaken,
            None => CreateCharacterRefusal::NoSuchAccount,
        })
    }

    pub(super) async fn bury(&self, request: &DeleteCharacter) -> Result<Buried, Failure> {
        let shard = self.shard(request.account);
        let once = Once { operation: request.operation, kind: "delete_character", account: request.account };
        let mut name = Name {
            kind: Kind::Character,
            key: &request.key,
            account: request.account,
            id: 0,
            operation: request.operation,
        };
        if let Some(outcome) = shard.run(&Stored::<Buried>::of(once)).await? {
            self.finish_freeing(name, outcome.is_ok()).await;
            return Ok(outcome);
        }
        let Some(id) = shard.run(&FindByName(request)).await? else {
            return shard.run(&Conclude { once, refusal: Err(NoSuchCharacter) }).await;
        };
        name.id = id as u64;
        self.start_freeing(name).await?;
        let outcome = shard.run(&Delete { once, id }).await?;
        self.finish_freeing(name, outcome.is_ok()).await;
        Ok(outcome)
    }

    pub(super) async fn character_by_name(
        &self,
        request: &FindCharacter,
    ) -> Result<Option<FoundCharacter>, Failure> {
        match self.account_of(Kind::Character, &request.key).await? {
            Some(account) => self.shard(account).run(request).await,
            None => Ok(None),
        }
    }

    pub(super) async fn characters_of(&self, request: &ListCharacters) -> Result<Vec<Character>, Failure> {
        self.shard(request.account).run(request).await
    }

    pub(super) async fn take(
        &self,
        request: &LoadCharacter,
    ) -> Result<Result<LoadedCharacter, NoSuchCharacter>, Failure> {
        self.shard(request.account).run(request).await
    }
}

/// The outcome, and whether it was done now and not before.
struct Insert<'a> {
    once: Once,
    character: &'a Character,
}

impl Step for Insert<'_> {
    type Outcome = (Born, bool);
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let transaction = client.transaction().await?;
        let buckets = [bucket(self.character.account)];
        let outcome = enter(&transaction, &buckets, self.allowed(&transaction)).await?;
        if !self.once.claim(&transaction, &outcome).await? {
            transaction.rollback().await?;
            return Ok((self.once.first_outcome(client).await?, false));
        }
        if outcome.is_ok() {
            self.insert(&transaction).await?;
            let Character { id, account, .. } = *self.character;
            let scribe = Scribe { operation: self.once.operation, account, reason: ledger::STARTER };
            let gold = self.character.hard.gold;
            scribe.births(&transaction, id.0 as i64).await?;
            scribe.gold(&transaction, Payment::of(id.0 as i64, gold, gold)).await?;
            let actor = Actor::Player(account);
            remember(&transaction, id.0 as i64, scribe.operation, &actor, scribe.reason).await?;
        }
        transaction.commit().await?;
        Ok((outcome, true))
    }
}

impl Insert<'_> {
    /// Locks the account, so that its slots do not change meanwhile.
    async fn allowed(&self, transaction: &Transaction<'_>) -> Result<Born, Fault> {
        let (account, slot) = (self.character.account.0 as i64, i16::from(self.character.slot));
        let statement = transaction.prepare_cached("SELECT 1 FROM accounts WHERE id = $1 FOR UPDATE").await?;
        if transaction.query_opt(&statement, &[&account]).await?.is_none() {
            return Ok(Err(CreateCharacterRefusal::NoSuchAccount));
        }
        let sql = "SELECT 1 FROM characters WHERE account = $1 AND slot = $2";
        let statement = transaction.prepare_cached(sql).await?;
        if transaction.query_opt(&statement, &[&account, &slot]).await?.is_some() {
            return Ok(Err(CreateCharacterRefusal::SlotTaken));
        }
        Ok(Ok(()))
    }

    async fn insert(&self, transaction: &Transaction<'_>) -> Result<(), Fault> {
        static SQL: LazyLock<String> = LazyLock::new(|| {
            let numbers: Vec<String> =
                (1..=CHARACTER_NUMBERS).map(|number| format!("${number}::bigint")).collect();
            let [soft, name, key, bucket] = [1, 2, 3, 4].map(|more| CHARACTER_NUMBERS + more);
            format!(
                "INSERT INTO characters ({}, name_key, bucket) VALUES ({}, ${soft}, ${name}, ${key}, ${bucket})",
                character_columns!(),
                numbers.join(", ")
            )
        });
        let character = self.character;
        let statement = transaction.prepare_cached(&SQL).await?;
        let numbers = rows::character_numbers(character);
        let (soft, bucket) =
            (codec::encode_soft(&character.soft)?, placement::bucket_of(character.account) as i16);
        let (name, key) = (character.name.as_str(), character.name.key());
        let mut values: Vec<&(dyn ToSql + Sync)> = numbers.iter().map(|number| number as _).collect();
        values.extend([&soft as &(dyn ToSql + Sync), &name, &key, &bucket]);
        transaction.execute(&statement, &values).await?;

        let items = rows::items_of(character)?;
        let sql = "INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
                   SELECT id, $2, kind, effects, place_kind, $3, place_slot \
                   FROM unnest($1::uuid[], $4::integer[], $5::bytea[], $6::smallint[], $7::integer[]) \
                   AS given (id, kind, effects, place_kind, place_slot)";
        let statement = transaction.prepare_cached(sql).await?;
        let ids: Vec<Id128> = items.iter().map(|placed| Id128(placed.item.id.0)).collect();
        let kinds: Vec<i32> = items.iter().map(|placed| placed.item.kind.0.into()).collect();
        let effects: Vec<Vec<u8>> =
            items.iter().map(|placed| rows::effect_bytes(&placed.item).to_vec()).collect();
        let places: Vec<i16> = items.iter().map(|placed| placed.kind as i16).collect();
        let slots: Vec<i32> = items.iter().map(|placed| placed.slot as i32).collect();
        let owner = character.id.0 as i64;
        transaction.execute(&statement, &[&ids, &bucket, &owner, &kinds, &effects, &places, &slots]).await?;
        Ok(())
    }
}

struct FindByName<'a>(&'a DeleteCharacter);

impl Step for FindByName<'_> {
    type Outcome = Option<i64>;

    async fn run(&self, client: &mut Client) -> Result<Option<i64>, Fault> {
        let sql = "SELECT id FROM characters WHERE account = $1 AND slot = $2 AND name_key = $3";
        let statement = client.prepare_cached(sql).await?;
        let (account, slot) = (self.0.account.0 as i64, i16::from(self.0.slot));
        let row = client.query_opt(&statement, &[&account, &slot, &self.0.key]).await?;
        Ok(row.map(|row| row.int(0)).transpose()?)
    }
}

struct Delete {
    once: Once,
    id: i64,
}

impl Step for Delete {
    type Outcome = Buried;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Buried, Fault> {
        let transaction = client.transaction().await?;
        let statement =
            transaction.prepare_cached("DELETE FROM characters WHERE id = $1 RETURNING gold").await?;
        let delete = async { Ok(transaction.query_opt(&statement, &[&self.id]).await?) };
        let deleted = enter(&transaction, &[bucket(self.once.account)], delete).await?;
        let gold = deleted.map(|row| row.int(0)).transpose()?;
        let outcome = if gold.is_some() { Ok(()) } else { Err(NoSuchCharacter) };
        if !self.once.claim(&transaction, &outcome).await? {
            transaction.rollback().await?;
            return self.once.first_outcome(client).await;
        }
        if let Some(gold) = gold {
            let Once { operation, account, .. } = self.once;
            let scribe = Scribe { operation, account, reason: ledger::DELETE };
            scribe.deaths(&transaction, self.id).await?;
            scribe.gold(&transaction, Payment::of(self.id, -gold, 0)).await?;
        }
        let sql = "DELETE FROM items WHERE place_owner = $1 AND place_kind IN ($2, $3)";
        let statement = transaction.prepare_cached(sql).await?;
        let (equip, carry) = (PlaceKind::Equip as i16, PlaceKind::Carry as i16);
        transaction.execute(&statement, &[&self.id, &equip, &carry]).await?;
        // who is no more is nobody's friend, whoever gets the name
        let statement = transaction.prepare_cached("DELETE FROM records WHERE kind = $1 AND id = $2").await?;
        transaction.execute(&statement, &[&record_kind(RecordKind::Friends), &self.id]).await?;
        transaction.commit().await?;
        Ok(outcome)
    }
}

impl Step for FindCharacter {
    type Outcome = Option<FoundCharacter>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let sql = "SELECT account, id, name FROM characters WHERE name_key = $1";
        let statement = client.prepare_cached(sql).await?;
        let row = client.query_opt(&statement, &[&self.key]).await?;
        Ok(row.map(|row| rows::found_character(&row)).transpose()?)
    }
}

impl Step for ListCharacters {
    type Outcome = Vec<Character>;

    async fn run(&self, client: &mut Client) -> Result<Vec<Character>, Fault> {
        let sql =
            concat!("SELECT ", character_columns!(), " FROM characters WHERE account = $1 ORDER BY slot");
        let statement = client.prepare_cached(sql).await?;
        let found = client.query(&statement, &[&(self.account.0 as i64)]).await?;
        let mut characters = found.iter().map(rows::character).collect::<Result<Vec<_>, _>>()?;
        dress(&*client, &mut characters).await?;
        Ok(characters)
    }
}

/// Reads what characters wear and carry.
async fn dress(client: &impl GenericClient, characters: &mut [Character]) -> Result<(), Fault> {
    let sql = concat!(
        "SELECT ",
        item_columns!(),
        " FROM items WHERE place_owner = ANY ($1) AND place_kind IN ($2, $3)"
    );
    let statement = client.prepare_cached(sql).await?;
    let owners: Vec<i64> = characters.iter().map(|character| character.id.0 as i64).collect();
    let (equip, carry) = (PlaceKind::Equip as i16, PlaceKind::Carry as i16);
    let items = client.query(&statement, &[&owners, &equip, &carry]).await?;
    let items = items.iter().map(rows::placed_item).collect::<Result<Vec<_>, _>>()?;
    Ok(rows::hand_out(characters, items)?)
}

impl Step for LoadCharacter {
    type Outcome = Result<LoadedCharacter, NoSuchCharacter>;
    const ENTERS: bool = true;

    /// The items are read by a statement of its own, after the row is locked: what the former owner
    /// committed while this waited for the lock is in it.
    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let transaction = client.transaction().await?;
        let sql = concat!(
            "UPDATE characters SET epoch = epoch + 1, owner = $3, former_owner = COALESCE(owner, former_owner) \
             WHERE id = $1 AND account = $2 RETURNING ",
            loaded_columns!()
        );
        let statement = transaction.prepare_cached(sql).await?;
        let (id, account) = (self.character.0 as i64, self.account.0 as i64);
        let owner = self.owner.as_str();
        let take = async { Ok(transaction.query_opt(&statement, &[&id, &account, &owner]).await?) };
        let taken = enter(&transaction, &[bucket(self.account)], take).await?;
        let Some(row) = taken else { return Ok(Err(NoSuchCharacter)) };
        let mut loaded = rows::loaded(&row)?;
        dress(&transaction, std::slice::from_mut(&mut loaded.character)).await?;
        transaction.commit().await?;
        Ok(Ok(loaded))
    }
}
