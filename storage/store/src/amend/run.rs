//! Does what a planner says: fences the characters concerned, sends the transfers, plans anew what is refused.

use super::book::Book;
use super::compose::{Form, Part, parts};
use super::gold::stays;
use super::minutes::Minutes;
use super::undo::{self, Target};
use super::{Ending, Plan, Regain, Step, Stop};
use crate::fsck::insist;
use crate::{Store, derive};
use model::calls::database::{
    ChangeProgress, Failure, FoundCharacter, LoadCharacter, SaveCharacter, SaveCharacters, StaleProgress,
};
use model::calls::ledger::EntriesOf;
use model::id::{CharacterId, OperationId};
use model::ledger::{Actor, GoldAccount};
use model::membership::ProcessName;
use model::transfer::{Fence, RecordKey, Transfer, TransferRefusal};
use std::collections::BTreeMap;

/// How often a plan is made anew because somebody was quicker.
const ROUNDS: u32 = 12;
/// How often because another amendment was: each time one of them got on.
const OTHERS: u32 = 256;

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
        self.read_and(|book| undo::plan(book, target)).await.map(|(plan, _)| plan)
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
        let (of, reason, number) = (target.id(), target.reason(), rand::random());
        let mut run = Run { of, reason, number, attempt: 0, hold: Hold::default() };
        let done = self.rounds(&mut run, |book| undo::plan(book, target)).await;
        self.release(&run.hold).await;
        done
    }

    /// Does what a planner says, until it says that there is nothing more to do.
    async fn rounds(
        &self,
        run: &mut Run,
        planner: impl Fn(&Book) -> Result<Plan, Stop>,
    ) -> Result<Amended, AmendError> {
        let mut amended = Amended::default();
        let mut last = None;
        let (mut rounds, mut others) = (0, 0);
        while rounds < ROUNDS && others < OTHERS {
            let minutes = self.minutes(run.number).await?;
            let (plan, book) = self.read_and(&planner).await?;
            if plan.steps.is_empty() && plan.endings.is_empty() && plan.regain.is_none() {
                amended.plan.left = plan.left;
                return Ok(amended);
            }
            // who stands still now is looked at once more before anything is done
            if self.fence(&mut run.hold, &plan).await? {
                rounds += 1;
                continue;
            }
            let mut refused = self.perform(run, &minutes, &plan, &book, &mut amended).await?;
            if let Some(regain) = plan.regain.filter(|_| refused.is_none()) {
                refused = self.regain(run, &regain).await?;
                amended.plan.regain = Some(regain).filter(|_| refused.is_none()).or(amended.plan.regain);
            }
            match refused {
                // somebody else got on with theirs
                Some(TransferRefusal::RecordChanged(RecordKey::Amendment(_))) => others += 1,
                _ => rounds += 1,
            }
            last = refused.or(last);
        }
        match last {
            Some(last) => Err(AmendError::Unsettled { done: amended.operations.len(), last }),
            None => Err(AmendError::No("it changes with each look at it".to_owned())),
        }
    }

    /// Does the parts of a plan; a refusal means that it has to be made anew.
    ///
    /// Where somebody else has a character by now, but parts are done, the character is taken again and the others are
    /// repeated: a new plan would not know how much of the gold is still to go back.
    async fn perform(
        &self,
        run: &mut Run,
        minutes: &Minutes,
        plan: &Plan,
        book: &Book,
        amended: &mut Amended,
    ) -> Result<Option<TransferRefusal>, AmendError> {
        let mut work = Work { done: Vec::new(), left: &plan.steps, endings: &plan.endings };
        let mut tries = 0;
        loop {
            (tries, run.attempt) = (tries + 1, run.attempt + 1);
            let form = Form {
                of: run.of,
                run: run.number,
                attempt: run.attempt,
                minutes,
                done: &work.done,
                operator: &self.operator,
                reason: run.reason,
                now_ms: self.now_ms,
                fences: &run.hold.fences,
            };
            let parts = parts(plan, &form)?;
            let Some((refusal, transfer)) = self.send(parts, &mut work, amended).await? else {
                return Ok(None);
            };
            tracing::info!(%refusal, "somebody was quicker");
            let taken = run.hold.forget(&refusal, &transfer);
            let Some(character) = taken.filter(|_| !work.done.is_empty() && tries < ROUNDS) else {
                return Ok(Some(refusal));
            };
            self.fence(&mut run.hold, plan).await?;
            if !run.hold.fences.contains_key(&character) || !self.is_still_there(book, &work).await? {
                return Ok(Some(refusal));
            }
        }
    }

    /// Does parts until one is refused.
    async fn send(
        &self,
        parts: Vec<Part>,
        work: &mut Work<'_>,
        amended: &mut Amended,
    ) -> Result<Option<(TransferRefusal, Transfer)>, AmendError> {
        for Part { transfer, latest } in parts {
            if let Err(refusal) = insist(|| self.store.transfer(transfer.clone())).await? {
                return Ok(Some((refusal, transfer)));
            }
            let steps;
            (steps, work.left) = work.left.split_at(transfer.moves.len().min(work.left.len()));
            amended.plan.steps.extend_from_slice(steps);
            let endings;
            (endings, work.endings) = work.endings.split_at(transfer.standings.len().min(work.endings.len()));
            amended.plan.endings.extend_from_slice(endings);
            amended.operations.push(transfer.operation);
            work.done.push(transfer.operation);
            if latest.more {
                self.until_seen(&latest).await?;
            }
        }
        Ok(None)
    }

    /// True when the gold is still there that the steps left take from characters, though these acted meanwhile.
    async fn is_still_there(&self, book: &Book, work: &Work<'_>) -> Result<bool, AmendError> {
        let mut owed: BTreeMap<&GoldAccount, i64> = BTreeMap::new();
        for step in work.left {
            if let Step::Pay { amount, from, .. } = step
                && matches!(from.account, GoldAccount::Character(_))
            {
                *owed.entry(&from.account).or_default() += amount;
            }
        }
        for (purse, owed) in owed {
            let mut readings = book.holders.iter().filter(|((of, _), _)| of == purse);
            let Some(((_, since_ms), before)) = readings.next() else { return Ok(false) };
            let now = match self.entries(EntriesOf::Holder(purse.clone()), *since_ms).await {
                Err(AmendError::No(_)) => return Ok(false),
                now => now?,
            };
            if !stays(owed, purse, before, &now, &work.done) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets a character become what it was; nothing but the character itself is refused.
    async fn regain(&self, run: &mut Run, regain: &Regain) -> Result<Option<TransferRefusal>, AmendError> {
        let Regain { character, account, to, .. } = *regain;
        let Some(Fence { epoch, .. }) = run.hold.fences.get(&character).copied() else {
            return Ok(Some(TransferRefusal::Stale(character)));
        };
        // the epoch is that of one loading: each is refused for good
        let parts: [&[u8]; 3] = [&run.of.0.to_le_bytes(), &run.number.to_le_bytes(), &epoch.0.to_le_bytes()];
        let change = ChangeProgress {
            operation: derive::operation("regain", &parts),
            account,
            character,
            epoch,
            actor: Actor::Operator(self.operator.clone()),
            reason: run.reason.to_owned(),
            progress: to,
        };
        match insist(|| self.store.change_progress(change.clone())).await? {
            Ok(()) => Ok(None),
            Err(StaleProgress) => {
                run.hold.fences.remove(&character);
                Ok(Some(TransferRefusal::Stale(character)))
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
}

/// One undo or restore.
struct Run {
    /// What is taken back.
    of: OperationId,
    reason: &'static str,
    /// No two runs have the same.
    number: u128,
    attempt: u32,
    hold: Hold,
}

/// How far the parts of a plan are.
struct Work<'a> {
    done: Vec<OperationId>,
    /// Steps of the others.
    left: &'a [Step],
    /// Guilds that end in the others.
    endings: &'a [Ending],
}

/// Characters that the operator has.
#[derive(Default)]
struct Hold {
    fences: BTreeMap<CharacterId, Fence>,
    /// By which they are given up.
    saves: BTreeMap<CharacterId, SaveCharacter>,
}

impl Hold {
    /// Somebody else has a character now; which.
    fn forget(&mut self, refusal: &TransferRefusal, transfer: &Transfer) -> Option<CharacterId> {
        let TransferRefusal::Stale(character) = refusal else { return None };
        let is_ours = transfer.fences.iter().any(|fence| fence.character == *character);
        is_ours.then(|| self.fences.remove(character)).flatten().map(|fence| fence.character)
    }
}
