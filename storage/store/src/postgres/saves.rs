//! Writes of soft state, many in one statement for each shard, and gold. All fenced by the epoch.

use super::Postgres;
use super::atlas::Search;
use super::database::Step;
use super::fault::Fault;
use super::homes::{bucket, enter};
use super::ledger::Scribe;
use super::operations::Once;
use super::shard::Shard;
use crate::ledger::Payment;
use crate::rows::{Fields, is_newer};
use crate::{codec, gold};
use deadpool_postgres::Client;
use futures::future::{join, join_all};
use model::calls::database::{
    ChangeGold, ChangeGoldRefusal, Failure, SaveCharacter, SaveCharacters, SaveOutcome,
};
use model::id::AccountId;
use std::collections::{BTreeMap, HashMap};
use tokio_postgres::types::ToSql;

/// Characters of one statement.
const BATCH: usize = 1_000;

/// What a save is fenced by: character, account, epoch, as stored.
type Fence = (i64, i64, i64);

fn fence(save: &SaveCharacter) -> Fence {
    (save.character.0 as i64, save.account.0 as i64, save.epoch.0 as i64)
}

impl Postgres {
    pub(super) async fn save(&self, request: &SaveCharacters) -> Result<Vec<SaveOutcome>, Failure> {
        let mut outcomes = HashMap::new();
        let mut left: Vec<&SaveCharacter> = request.saves.iter().collect();
        let mut search = Search::new();
        loop {
            let atlas = self.atlas();
            let mut by_shard: BTreeMap<u16, Vec<&SaveCharacter>> = BTreeMap::new();
            for save in left {
                by_shard.entry(atlas.map.shard_of(save.account)).or_default().push(save);
            }
            let written = join_all(by_shard.iter().map(|(index, saves)| {
                let shard = &atlas.shards[usize::from(*index)];
                save_on(shard, saves)
            }));
            left = Vec::new();
            for on_shard in written.await {
                let (written, moved) = on_shard?;
                outcomes.extend(written);
                left.extend(moved);
            }
            if left.is_empty() {
                break;
            }
            if let Err(failure) = search.look_again(self, &atlas).await {
                tracing::warn!(characters = left.len(), %failure, "characters were not saved");
                outcomes.extend(left.iter().map(|save| (fence(save), SaveOutcome::Unavailable)));
                break;
            }
        }
        let outcome = |save| outcomes.get(&fence(save)).copied().unwrap_or(SaveOutcome::Stale);
        Ok(request.saves.iter().map(outcome).collect())
    }

    pub(super) async fn alter_gold(
        &self,
        request: &ChangeGold,
    ) -> Result<Result<i64, ChangeGoldRefusal>, Failure> {
        self.shard(request.account).run(request).await
    }
}

/// What was written, or could not be, and what is on another shard; what is not named was stale.
async fn save_on<'a>(
    shard: &Shard,
    saves: &[&'a SaveCharacter],
) -> Result<(HashMap<Fence, SaveOutcome>, Vec<&'a SaveCharacter>), Failure> {
    let (mut outcomes, mut moved) = (HashMap::new(), Vec::new());
    for saves in saves.chunks(BATCH) {
        match shard.run(&Batch::new(saves)?).await {
            Ok(Some(written)) => {
                outcomes.extend(written.into_iter().map(|fence| (fence, SaveOutcome::Saved)));
            }
            Ok(None) => moved.extend_from_slice(saves),
            Err(Failure::Unavailable(reason)) => {
                tracing::warn!(
                    shard = shard.index(),
                    characters = saves.len(),
                    reason,
                    "characters were not saved"
                );
                outcomes.extend(saves.iter().map(|save| (fence(save), SaveOutcome::Unavailable)));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok((outcomes, moved))
}

/// Columns of one statement; where two saves have the same fence the newer one counts, of equal ones the last.
#[derive(Default)]
struct Batch {
    characters: Vec<i64>,
    accounts: Vec<i64>,
    epochs: Vec<i64>,
    numbers: Vec<i64>,
    softs: Vec<Vec<u8>>,
    releases: Vec<bool>,
}

impl Batch {
    fn new(saves: &[&SaveCharacter]) -> Result<Self, Failure> {
        let mut newest: BTreeMap<Fence, (&SaveCharacter, bool)> = BTreeMap::new();
        for save in saves {
            let (kept, release) = newest.entry(fence(save)).or_insert((save, save.release));
            *release |= save.release;
            if save.number >= kept.number {
                *kept = save;
            }
        }
        let mut batch = Self::default();
        for ((character, account, epoch), (save, release)) in newest {
            batch.characters.push(character);
            batch.accounts.push(account);
            batch.epochs.push(epoch);
            batch.numbers.push(save.number as i64);
            batch.softs.push(codec::encode_soft(&save.soft)?);
            batch.releases.push(release);
        }
        Ok(batch)
    }
}

impl Step for Batch {
    /// `None` when a bucket is not here.
    type Outcome = Option<Vec<Fence>>;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let sql = concat!(
            "UPDATE characters SET soft_version = CASE WHEN ",
            is_newer!("given.epoch", "given.number"),
            " THEN $1::bigint ELSE soft_version END, soft = CASE WHEN ",
            is_newer!("given.epoch", "given.number"),
            " THEN given.soft ELSE characters.soft END, soft_number = CASE WHEN ",
            is_newer!("given.epoch", "given.number"),
            " THEN given.number ELSE soft_number END, soft_epoch = CASE WHEN ",
            is_newer!("given.epoch", "given.number"),
            " THEN given.epoch ELSE soft_epoch END, \
             former_owner = CASE WHEN given.release AND given.number > 0 THEN NULL ELSE former_owner END, \
             owner = CASE WHEN given.release THEN NULL ELSE owner END \
             FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[], $7::boolean[]) \
             AS given (id, account, epoch, number, soft, release) \
             WHERE characters.id = ANY ($2) AND characters.id = given.id AND characters.account = given.account \
             AND characters.epoch = given.epoch \
             RETURNING characters.id, characters.account, characters.epoch"
        );
        let transaction = client.transaction().await?;
        let statement = transaction.prepare_cached(sql).await?;
        let Self { characters, accounts, epochs, numbers, softs, releases } = self;
        let version = codec::SOFT_VERSION;
        let values: [&(dyn ToSql + Sync); 7] =
            [&version, characters, accounts, epochs, numbers, softs, releases];
        let write = async { Ok(transaction.query(&statement, &values).await?) };
        let buckets: Vec<i16> = accounts.iter().map(|account| bucket(AccountId(*account as u64))).collect();
        let rows = match enter(&transaction, &buckets, write).await {
            Err(Fault::Moved) => return Ok(None),
            rows => rows?,
        };
        transaction.commit().await?;
        let fences = rows.iter().map(|row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)));
        Ok(Some(fences.collect::<Result<_, Failure>>()?))
    }
}

impl Step for ChangeGold {
    type Outcome = Result<i64, ChangeGoldRefusal>;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let once = Once { operation: self.operation, kind: "change_gold", account: self.account };
        let transaction = client.transaction().await?;
        let (id, account, epoch) = (self.character.0 as i64, self.account.0 as i64, self.epoch.0 as i64);
        let sql = "SELECT gold FROM characters WHERE id = $1 AND account = $2 AND epoch = $3 FOR UPDATE";
        let statement = transaction.prepare_cached(sql).await?;
        let look = async { Ok(transaction.query_opt(&statement, &[&id, &account, &epoch]).await?) };
        let row = enter(&transaction, &[bucket(self.account)], look).await?;
        let outcome = gold::after(row.map(|row| row.int(0)).transpose()?, self.delta);
        if !once.claim(&transaction, &outcome).await? {
            transaction.rollback().await?;
            return once.first_outcome(client).await;
        }
        if let Ok(gold) = outcome {
            let sql = "UPDATE characters SET gold = $2 WHERE id = $1";
            let statement = transaction.prepare_cached(sql).await?;
            let values: [&(dyn ToSql + Sync); 2] = [&id, &gold];
            let update = transaction.execute(&statement, &values);
            let scribe = Scribe { operation: self.operation, account: self.account, reason: &self.reason };
            // both are on their way before the first is answered, whose error counts first
            let entry = scribe.gold(&transaction, Payment::of(id, self.delta, gold));
            let (updated, entered) = join(update, entry).await;
            updated?;
            entered?;
        }
        transaction.commit().await?;
        Ok(outcome)
    }
}
