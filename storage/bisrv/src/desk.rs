//! One request at the store: asks until it answers, and finds out what became of an operation.
//!
//! What a change does depends on what lies in the bank, and that is another thing after it was done. So a repeat
//! cannot make the same transfer again; but it need not: the store does an operation id once, whatever is asked
//! under it, and every transfer under one id answers for the first.
//!
//! ```text
//!   compose ---- a transfer ----> store: done            -> Now, or Before when this is a repeat
//!      |                                 place taken     -> the next turn: another id, composed anew
//!      |                                 refused         -> refused
//!      '-- refused here --> first time: refused; nobody ever sent anything
//!                           repeat: an earlier try may be on its way still. A transfer that cannot be done takes
//!                           its id:      done            -> Before: the earlier try was in time
//!                                        refused         -> refused, and the earlier try will be
//! ```

use crate::derive;
use crate::places;
use model::calls::bank::{BankRefusal, Cargo};
use model::calls::database::{Failure, ListCharacters, LoadCargo};
use model::ledger::{Actor, GoldAccount};
use model::transfer::{Fence, RecordChange, RecordKey, Transfer, TransferRefusal, Transferred};
use model::{AccountId, Item, ItemKind, OperationId, ParcelId};
use std::future::Future;
use std::time::Duration;
use store::Store;
use store::planted::{self, Bug};
use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(400);
/// How often a free place is looked for when others are quicker.
pub(crate) const TURNS: u32 = 6;
/// No parcel has this number, see [`derive::parcel`]: what is to be taken from it cannot be done.
const NOWHERE: ParcelId = ParcelId(i64::MAX as u64);

/// Why a request has no ordinary answer.
#[derive(Debug)]
pub(crate) enum No {
    /// The rules say no.
    Refused(BankRefusal),
    /// The caller must say how this kind stacks.
    Kind(ItemKind),
    /// Nobody knows.
    Failed(Failure),
}

impl From<BankRefusal> for No {
    fn from(refusal: BankRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for No {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// How an operation is done once.
pub(crate) struct Once {
    /// Under which id.
    pub(crate) operation: OperationId,
    /// True when an earlier try may have done it.
    pub(crate) again: bool,
    /// Whose bank it is about: the home of all that is sent under this id.
    pub(crate) account: AccountId,
    /// Who does it.
    pub(crate) actor: Actor,
    /// Characters that it names.
    pub(crate) fences: Vec<Fence>,
    /// How often another place is looked for.
    pub(crate) turns: u32,
}

/// An operation that is done.
pub(crate) enum Settled<P> {
    /// As planned.
    Now(Transferred, P),
    /// Maybe by an earlier try, which may have planned otherwise.
    Before(Transferred),
}

impl<P> Settled<P> {
    /// What it left.
    pub(crate) fn transferred(&self) -> &Transferred {
        match self {
            Self::Now(transferred, _) | Self::Before(transferred) => transferred,
        }
    }
}

/// One request at the store.
pub(crate) struct Desk<'a> {
    /// The store, for [`Desk::ask`].
    pub(crate) store: &'a dyn Store,
    deadline: Instant,
}

impl<'a> Desk<'a> {
    /// A request that may take so long.
    pub(crate) fn new(store: &'a dyn Store, time: Duration) -> Self {
        Self { store, deadline: Instant::now() + time }
    }

    /// Asks again while the store does not answer; every operation of the store may be repeated.
    pub(crate) async fn ask<T, F>(&self, mut operation: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut pause = FIRST_PAUSE;
        loop {
            let outcome = tokio::time::timeout_at(self.deadline, operation())
                .await
                .unwrap_or_else(|_| Err(Failure::Unavailable("no answer before the deadline".to_owned())));
            match outcome {
                Err(Failure::Unavailable(_)) if Instant::now() + pause < self.deadline => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                decided => return decided,
            }
        }
    }

    /// What an account keeps in the bank.
    pub(crate) async fn cargo(&self, account: AccountId) -> Result<Cargo, No> {
        let cargo = self.ask(|| self.store.load_cargo(LoadCargo { account })).await?;
        cargo.ok_or(No::Refused(BankRefusal::NoSuchAccount))
    }

    /// What a character carries, as stored.
    pub(crate) async fn carry(&self, of: Fence) -> Result<Vec<Option<Item>>, No> {
        let account = of.account;
        let all = self.ask(|| self.store.list_characters(ListCharacters { account })).await?;
        let found = all.into_iter().find(|character| character.id == of.character);
        found.map(|character| character.carry).ok_or(No::Refused(BankRefusal::Stale))
    }

    /// Sends a transfer until its outcome is known.
    pub(crate) async fn transfer(
        &self,
        transfer: &Transfer,
    ) -> Result<Result<Transferred, TransferRefusal>, Failure> {
        self.ask(|| self.store.transfer(transfer.clone())).await
    }

    /// Does an operation once. `compose` plans it from what is stored now, for the id that it is given.
    pub(crate) async fn settle<P, F>(
        &self,
        once: &Once,
        mut compose: impl FnMut(OperationId) -> F,
    ) -> Result<Settled<P>, No>
    where
        F: Future<Output = Result<(Transfer, P), No>>,
    {
        for turn in 0..once.turns {
            let operation = derive::turn(once.operation, turn);
            let (transfer, plan) = match compose(operation).await {
                Ok((transfer, plan)) => (transfer, Ok(plan)),
                Err(No::Refused(refusal)) if once.again && !planted::is(Bug::BankRepeatRefused) => {
                    (once.impossible(operation), Err(refusal))
                }
                Err(no) => return Err(no),
            };
            return match (self.transfer(&transfer).await?, plan) {
                (Ok(done), Ok(plan)) if !once.again || planted::is(Bug::BankToldThePlan) => {
                    Ok(Settled::Now(done, plan))
                }
                (Ok(done), _) => Ok(Settled::Before(done)),
                (Err(refusal), _) if meanwhile(&refusal, &once.fences) => continue,
                (Err(refusal), Err(planned)) if is_impossible(&refusal) => Err(No::Refused(planned)),
                (Err(refusal), _) => Err(No::Refused(refused(refusal))),
            };
        }
        Err(No::Refused(BankRefusal::Changed))
    }
}

impl Once {
    /// A transfer under its id, to be filled with what it does.
    pub(crate) fn transfer(&self, operation: OperationId, reason: &str) -> Transfer {
        Transfer {
            operation,
            actor: self.actor.clone(),
            reason: reason.to_owned(),
            fences: self.fences.clone(),
            moves: Vec::new(),
            records: Vec::new(),
            softs: Vec::new(),
            standings: Vec::new(),
        }
    }

    /// A transfer of the same home that the store refuses, so that nothing else can happen under its id.
    fn impossible(&self, operation: OperationId) -> Transfer {
        let (key, home) = (RecordKey::Parcel(NOWHERE), self.account);
        Transfer {
            moves: vec![places::pays(1, places::parcel_gold(NOWHERE, home), places::cargo_gold(home))],
            records: vec![RecordChange::Remove { key, home, expected: 1 }],
            ..self.transfer(operation, "bank-void")
        }
    }
}

fn is_impossible(refusal: &TransferRefusal) -> bool {
    matches!(
        refusal,
        TransferRefusal::RecordChanged(RecordKey::Parcel(NOWHERE))
            | TransferRefusal::NotEnough(GoldAccount::Parcel(NOWHERE))
    )
}

/// True when others were quicker, and another try may do it: a place, a record of a guild, another member's rank.
pub(crate) fn meanwhile(refusal: &TransferRefusal, fences: &[Fence]) -> bool {
    match refusal {
        TransferRefusal::PlaceTaken(_)
        | TransferRefusal::RecordChanged(
            RecordKey::Guild(_) | RecordKey::GuildName(_) | RecordKey::GuildMember(_),
        ) => true,
        TransferRefusal::StandingChanged(character) => {
            fences.iter().all(|fence| fence.character != *character)
        }
        _ => false,
    }
}

/// What a player is told of what the store refused.
pub(crate) fn refused(refusal: TransferRefusal) -> BankRefusal {
    match refusal {
        TransferRefusal::StandingChanged(_) => BankRefusal::GuildChanged,
        refusal if is_impossible(&refusal) => BankRefusal::Changed,
        TransferRefusal::Stale(_) => BankRefusal::Stale,
        TransferRefusal::ItemGone(_) => BankRefusal::ItemGone,
        TransferRefusal::NotEnough(_) => BankRefusal::NotEnough,
        TransferRefusal::TooMuch(_) => BankRefusal::TooMuch,
        TransferRefusal::NoSuchOwner(_) => BankRefusal::NoSuchAccount,
        TransferRefusal::Frozen(_) => BankRefusal::Frozen,
        TransferRefusal::RecordChanged(RecordKey::Parcel(_)) => BankRefusal::NoSuchParcel,
        TransferRefusal::RecordChanged(_) | TransferRefusal::PlaceTaken(_) => BankRefusal::Changed,
        TransferRefusal::Malformed(what) => {
            tracing::error!(what, "the store did not understand a transfer of the bank");
            BankRefusal::BadRequest(what)
        }
    }
}
