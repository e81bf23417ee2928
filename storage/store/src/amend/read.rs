//! Reads what a planner wants into its book.

use super::book::{Book, Household, Want};
use super::{AmendError, Clerk, Plan, Stop};
use crate::fsck::insist;
use model::calls::database::{
    Failure, GetRecord, ItemHistory, ListCharacters, ListEntries, LoadCargo, LoadGuildBank, Locate, ReadCash,
    ReadProgress,
};
use model::calls::ledger::{ENTRIES_MAX, EntriesOf, LOCATE_MAX, OPERATIONS_MAX};
use model::id::{AccountId, AmendmentId, CharacterId, ItemId, OperationId};
use model::ledger::Entry;
use model::transfer::RecordKey;
use std::collections::BTreeSet;

/// How often a planner may want more, and how much of it in all.
const READINGS: usize = 200;
const WANTS: usize = 20_000;

impl Clerk<'_> {
    /// Reads until a planner has all that it wants; the plan, and what it was made from.
    pub(super) async fn read_and(
        &self,
        planner: impl Fn(&Book) -> Result<Plan, Stop>,
    ) -> Result<(Plan, Book), AmendError> {
        let mut book = Book::default();
        let mut wanted = 0;
        for _ in 0..READINGS {
            let wants = match planner(&book) {
                Ok(plan) => return Ok((plan, book)),
                Err(Stop::No(why)) => return Err(AmendError::No(why)),
                Err(Stop::Wants(wants)) => wants,
            };
            wanted += wants.len();
            if wanted > WANTS {
                break;
            }
            self.read(&mut book, wants).await?;
        }
        Err(AmendError::No("it touches too much to be planned at once: name less".to_owned()))
    }

    async fn read(&self, book: &mut Book, wants: BTreeSet<Want>) -> Result<(), AmendError> {
        let (mut operations, mut items, mut characters) = (Vec::new(), Vec::new(), Vec::new());
        for want in wants {
            match want {
                Want::Operation(operation) => operations.push(operation),
                Want::Item(item) => items.push(item),
                Want::Character(character) => characters.push(character),
                other => self.one(book, other).await?,
            }
        }
        for some in operations.chunks(OPERATIONS_MAX) {
            self.operations(book, some).await?;
        }
        for some in items.chunks(LOCATE_MAX) {
            self.locate(book, some, &[]).await?;
        }
        for some in characters.chunks(LOCATE_MAX) {
            self.locate(book, &[], some).await?;
        }
        Ok(())
    }

    async fn operations(&self, book: &mut Book, some: &[OperationId]) -> Result<(), AmendError> {
        for operation in some {
            book.operations.insert(*operation, Vec::new());
        }
        for entry in self.entries(EntriesOf::Operations(some.to_vec()), 0).await? {
            if let Some(entries) = entry.operation.and_then(|operation| book.operations.get_mut(&operation)) {
                entries.push(entry);
            }
        }
        Ok(())
    }

    pub(super) async fn entries(&self, of: EntriesOf, since_ms: i64) -> Result<Vec<Entry>, AmendError> {
        let request = ListEntries { of, since_ms, limit: ENTRIES_MAX };
        let listed = insist(|| self.store.list_entries(request.clone())).await?;
        if listed.more {
            let what =
                format!("more than {ENTRIES_MAX} entries of {:?}: name less, or a later moment", request.of);
            return Err(AmendError::No(what));
        }
        Ok(listed.entries)
    }

    async fn locate(
        &self,
        book: &mut Book,
        items: &[ItemId],
        characters: &[CharacterId],
    ) -> Result<(), Failure> {
        let request = Locate { items: items.to_vec(), characters: characters.to_vec() };
        let located = insist(|| self.store.locate(request.clone())).await?;
        book.items.extend(items.iter().map(|item| (*item, None)));
        book.items.extend(located.items.into_iter().map(|found| (found.item.id, Some(found))));
        book.characters.extend(characters.iter().map(|character| (*character, None)));
        book.characters.extend(located.characters.into_iter().map(|found| (found.character, Some(found))));
        Ok(())
    }

    async fn one(&self, book: &mut Book, want: Want) -> Result<(), AmendError> {
        match want {
            Want::Life(item) => {
                let request = ItemHistory { item, limit: ENTRIES_MAX };
                let life = insist(|| self.store.item_history(request)).await?;
                book.lives.insert(item, life);
            }
            Want::Holder(of, since_ms) => {
                let entries = self.entries(EntriesOf::Holder(of.clone()), since_ms).await?;
                book.holders.insert((of, since_ms), entries);
            }
            Want::Everything(since_ms) => {
                let entries = self.entries(EntriesOf::All, since_ms).await?;
                book.since.insert(since_ms, entries);
            }
            Want::Account(account) => {
                let household = self.household(account).await?;
                book.accounts.insert(account, household);
            }
            Want::Guild(guild) => {
                let cargo = insist(|| self.store.load_guild_bank(LoadGuildBank { guild })).await?;
                book.guilds.insert(guild, cargo);
            }
            Want::Record(key) => {
                let home = matches!(key, RecordKey::Amendment(_)).then(AmendmentId::home);
                let held = insist(|| self.store.get_record(GetRecord { key, home })).await?;
                book.records.insert(key, held);
            }
            Want::Cash(account) => {
                let cash = insist(|| self.store.read_cash(ReadCash { account })).await?;
                book.cash.insert(account, cash);
            }
            Want::Progress(account, character, at_ms) => {
                let request = ReadProgress { account, character, at_ms };
                let found = insist(|| self.store.read_progress(request)).await?;
                book.progress.insert((character, at_ms), found);
            }
            Want::Operation(_) | Want::Item(_) | Want::Character(_) => {}
        }
        Ok(())
    }

    async fn household(&self, account: AccountId) -> Result<Option<Household>, Failure> {
        let Some(cargo) = insist(|| self.store.load_cargo(LoadCargo { account })).await? else {
            return Ok(None);
        };
        let characters = insist(|| self.store.list_characters(ListCharacters { account })).await?;
        Ok(Some(Household { characters, cargo }))
    }
}
