//! Reads what a planner wants, and does what it planned.

use super::book::{Book, Household, Want};
use super::compose::{Form, transfers};
use super::undo::{self, Target};
use super::{Plan, Regain, Stop};
use crate::fsck::insist;
use crate::{Store, derive};
use model::calls::database::{
    ChangeProgress, Failure, FoundCharacter, GetRecord, ItemHistory, ListCharacters, ListEntries, LoadCargo,
    LoadCharacter, LoadGuildBank, Locate, ReadCash, ReadProgress, SaveCharacter, SaveCharacters,
    StaleProgress,
};
use model::calls::ledger::{ENTRIES_MAX, EntriesOf, LOCATE_MAX, OPERATIONS_MAX};
use model::id::{AccountId, CharacterId, ItemId, OperationId};
use model::ledger::{Actor, Entry};
use model::membership::ProcessName;
use model::transfer::{Fence, Transfer, TransferRefusal};
use std::collections::{BTreeMap, BTreeSet};

/// How often a plan is made anew because somebody was quicker.
const ROUNDS: u32 = 12;
/// How often a planner may want more, and how much of it in all.
const READINGS: usize = 200;
const WANTS: usize = 20_000;

/// Why something could not be taken back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmendError {
    /// The store does not answer, or holds what cannot be right.
    #[error("{0}")]
    Store(#[from] Failure),
    /// It cannot be planned.
    #[error("{0}")]
    No(String),
    /// Others were quicker each time.
    #[error(
        "what is to be taken back keeps changing; {done} transfers were done, the last refusal is: {last}"
    )]
    Unsettled {
        /// Transfers that were done.
        done: usize,
        /// Why the last one was not.
        last: TransferRefusal,
    },
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amended {
    /// The operations that did it, in their order: each can be taken back like any other.
    pub operations: Vec<OperationId>,
    /// The steps that were done, and what stays as it is.
    pub plan: Plan,
}

/// Takes back in the name of an operator.
pub struct Clerk<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Who does it, for the ledger.
    pub operator: String,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

impl Clerk<'_> {
    /// What an undo would do.
    pub async fn plan_undo(&self, target: &Target) -> Result<Plan, AmendError> {
        self.read_and(|book| undo::plan(book, target)).await
    }

    /// What a restore of a character to a moment would do.
    ///
    /// # Errors
    /// A moment in the future, or of which nothing is known.
    pub async fn plan_restore(&self, player: FoundCharacter, at_ms: i64) -> Result<Plan, AmendError> {
        self.check_past(at_ms)?;
        self.plan_undo(&Target::Restore { at_ms, player }).await
    }

    /// Restores a character to a moment: plans it anew until there is nothing more to do.
    ///
    /// # Errors
    /// A moment in the future, or of which nothing is known.
    pub async fn restore(&self, player: FoundCharacter, at_ms: i64) -> Result<Amended, AmendError> {
        self.check_past(at_ms)?;
        self.undo(&Target::Restore { at_ms, player }).await
    }

    fn check_past(&self, at_ms: i64) -> Result<(), AmendError> {
        if at_ms <= self.now_ms {
            return Ok(());
        }
        let now_ms = self.now_ms;
        Err(AmendError::No(format!(
            "found the time {at_ms}, expected one before now, {now_ms} (milliseconds since 1970)"
        )))
    }

    /// Does an undo: plans it anew until there is nothing more to do.
    pub async fn undo(&self, target: &Target) -> Result<Amended, AmendError> {
        self.settle(target.id(), target.reason(), |book| undo::plan(book, target)).await
    }

    /// Does what a planner says, until it says that there is nothing more to do.
    pub(super) async fn settle(
        &self,
        of: OperationId,
        reason: &str,
        planner: impl Fn(&Book) -> Result<Plan, Stop>,
    ) -> Result<Amended, AmendError> {
        let mut hold = Hold::default();
        let done = self.rounds(&mut hold, of, reason, planner).await;
        self.release(&hold).await;
        done
    }

    async fn rounds(
        &self,
        hold: &mut Hold,
        of: OperationId,
        reason: &str,
        planner: impl Fn(&Book) -> Result<Plan, Stop>,
    ) -> Result<Amended, AmendError> {
        let mut amended = Amended::default();
        let mut last = None;
        let mut number = 0;
        for _ in 0..ROUNDS {
            let mut plan = self.read_and(&planner).await?;
            if plan.steps.is_empty() && plan.regain.is_none() {
                amended.plan.left = plan.left;
                return Ok(amended);
            }
            // who stands still now is looked at once more before anything is done
            if self.fence(hold, &plan).await? {
                continue;
            }
            number = plan.next_part.max(number);
            plan.next_part = number;
            let form =
                Form { of, operator: &self.operator, reason, now_ms: self.now_ms, fences: &hold.fences };
            let mut steps = plan.steps.iter();
            let mut is_done = true;
            for transfer in transfers(&plan, &form)? {
                number += 1;
                let count = transfer.moves.len();
                match insist(|| self.store.transfer(transfer.clone())).await? {
                    Ok(_) => {
                        amended.operations.push(transfer.operation);
                        amended.plan.steps.extend(steps.by_ref().take(count).cloned());
                    }
                    Err(refusal) => {
                        tracing::info!(%refusal, "somebody was quicker: planned anew");
                        hold.forget(&refusal, &transfer);
                        last = Some(refusal);
                        is_done = false;
                        break;
                    }
                }
            }
            if let Some(regain) = plan.regain.filter(|_| is_done) {
                match self.regain(hold, of, reason, &regain).await? {
                    Ok(()) => amended.plan.regain = Some(regain),
                    Err(refusal) => last = Some(refusal),
                }
            }
        }
        match last {
            Some(last) => Err(AmendError::Unsettled { done: amended.operations.len(), last }),
            None => Err(AmendError::No("it changes with each look at it".to_owned())),
        }
    }

    /// Lets a character become what it was; nothing but the character itself is refused.
    async fn regain(
        &self,
        hold: &mut Hold,
        of: OperationId,
        reason: &str,
        regain: &Regain,
    ) -> Result<Result<(), TransferRefusal>, AmendError> {
        let Regain { character, account, since_ms, to, .. } = *regain;
        let Some(Fence { epoch, .. }) = hold.fences.get(&character).copied() else {
            return Ok(Err(TransferRefusal::Stale(character)));
        };
        // each state is left once
        let parts: [&[u8]; 2] = [&of.0.to_le_bytes(), &since_ms.to_le_bytes()];
        let change = ChangeProgress {
            operation: derive::operation("regain", &parts),
            account,
            character,
            epoch,
            actor: Actor::Operator(self.operator.clone()),
            reason: reason.to_owned(),
            progress: to,
        };
        match insist(|| self.store.change_progress(change.clone())).await? {
            Ok(()) => Ok(Ok(())),
            Err(StaleProgress) => {
                hold.fences.remove(&character);
                Ok(Err(TransferRefusal::Stale(character)))
            }
        }
    }

    /// Takes all characters of a plan: their nodes' copies are stale from then on. True when that was new for one.
    async fn fence(&self, hold: &mut Hold, plan: &Plan) -> Result<bool, Failure> {
        let mut is_new = false;
        for (character, account) in plan.characters() {
            if hold.fences.contains_key(&character) {
                continue;
            }
            is_new = true;
            let owner = ProcessName(format!("operator {}", self.operator));
            let request = LoadCharacter { account, character, owner };
            // one that is gone meanwhile is not in the next plan
            if let Ok(loaded) = insist(|| self.store.load_character(request.clone())).await? {
                let fence = Fence { account, character, epoch: loaded.epoch };
                hold.fences.insert(character, fence);
                // the state stays that of its last owner, who may have had a newer one
                let (epoch, number, soft) = (loaded.epoch, 0, loaded.character.soft);
                hold.saves.insert(
                    character,
                    SaveCharacter { account, character, epoch, number, soft, release: true },
                );
            }
        }
        Ok(is_new)
    }

    /// Gives the characters up; who was attached anew meanwhile has another owner, and nothing happens.
    async fn release(&self, hold: &Hold) {
        let saves: Vec<SaveCharacter> = hold.saves.values().cloned().collect();
        if !saves.is_empty()
            && let Err(failure) =
                insist(|| self.store.save_characters(SaveCharacters { saves: saves.clone() })).await
        {
            tracing::warn!(%failure, "characters stay with the operator until they are loaded");
        }
    }

    /// Reads until a planner has all that it wants.
    pub(super) async fn read_and(
        &self,
        planner: impl Fn(&Book) -> Result<Plan, Stop>,
    ) -> Result<Plan, AmendError> {
        let mut book = Book::default();
        let mut wanted = 0;
        for _ in 0..READINGS {
            let wants = match planner(&book) {
                Ok(plan) => return Ok(plan),
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

    async fn entries(&self, of: EntriesOf, since_ms: i64) -> Result<Vec<Entry>, AmendError> {
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
                let held = insist(|| self.store.get_record(GetRecord { key, home: None })).await?;
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

/// Characters that the operator has.
#[derive(Default)]
struct Hold {
    fences: BTreeMap<CharacterId, Fence>,
    /// By which they are given up.
    saves: BTreeMap<CharacterId, SaveCharacter>,
}

impl Hold {
    /// Somebody else has a character now.
    fn forget(&mut self, refusal: &TransferRefusal, transfer: &Transfer) {
        if let TransferRefusal::Stale(character) = refusal
            && transfer.fences.iter().any(|fence| fence.character == *character)
        {
            self.fences.remove(character);
        }
    }
}
