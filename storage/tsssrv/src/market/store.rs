//! How the market asks the store: the same transfer until its outcome is known, and the void that finds out, or
//! settles, that an operation was not done.

use model::calls::database::{Failure, Transfer, TransferRefusal, Transferred};
use model::calls::market::MarketRefusal;
use model::item::GOLD_MAX;
use model::ledger::{Actor, GoldAccount};
use model::transfer::{Fence, GoldLocation, Move};
use model::{Epoch, OperationId};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::planted::{self, Bug};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_000);

/// Nobody knows the outcome yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unknown;

/// What came of a transfer.
pub(super) type Outcome = Result<Transferred, TransferRefusal>;

/// The store, asked with patience.
#[derive(Clone)]
pub(super) struct Ledgered {
    pub(super) store: Arc<dyn Store>,
    pub(super) stop: CancellationToken,
}

impl Ledgered {
    /// Repeats the transfer until its outcome is known, or the deadline has passed.
    pub(super) async fn transfer(&self, transfer: &Transfer, within: Duration) -> Result<Outcome, Unknown> {
        self.repeat(transfer, Some(Instant::now() + within)).await
    }

    /// Repeats the transfer until its outcome is known, or the process stops.
    pub(super) async fn transfer_for_ever(&self, transfer: &Transfer) -> Result<Outcome, Unknown> {
        self.repeat(transfer, None).await
    }

    async fn repeat(&self, transfer: &Transfer, deadline: Option<Instant>) -> Result<Outcome, Unknown> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.store.transfer(transfer.clone()).await {
                Ok(outcome) => return Ok(outcome),
                Err(failure @ Failure::Unavailable(_)) => {
                    tracing::debug!(operation = %transfer.operation, %failure, "transfer not answered");
                }
                Err(failure @ Failure::Corrupt(_)) => {
                    tracing::error!(operation = %transfer.operation, %failure, "transfer not answered");
                }
            }
            let next = Instant::now() + pause;
            if deadline.is_some_and(|deadline| next >= deadline) {
                if planted::is(Bug::UnknownToldRefused) {
                    return Ok(Err(TransferRefusal::Malformed("nobody knows".to_owned())));
                }
                return Err(Unknown);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Unknown),
                () = tokio::time::sleep_until(next) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Finds out what came of an operation that this player's fence came first in; if nothing yet, nothing ever
    /// will. True when it was done.
    pub(super) async fn was_done(
        &self,
        operation: OperationId,
        first: Fence,
        within: Duration,
    ) -> Result<bool, Unknown> {
        Ok(self.transfer(&void(operation, first), within).await?.is_ok())
    }
}

/// A transfer that is always refused: nobody holds a character under epoch 0, nor carries so much gold. Under an
/// operation that was done it gets that outcome, under any other it takes the operation's place for ever.
fn void(operation: OperationId, first: Fence) -> Transfer {
    let home = first.account;
    let from = GoldLocation { home, account: GoldAccount::Character(first.character) };
    let to = GoldLocation { home, account: GoldAccount::Cargo(home) };
    Transfer {
        operation,
        actor: Actor::System("market".to_owned()),
        reason: "void".to_owned(),
        fences: vec![Fence { epoch: Epoch(0), ..first }],
        moves: vec![Move::Gold { amount: GOLD_MAX + 1, from, to }],
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

/// The market's word for a refusal of the store.
pub(super) fn refusal(refusal: TransferRefusal) -> MarketRefusal {
    match refusal {
        TransferRefusal::Stale(_) => MarketRefusal::Stale,
        TransferRefusal::ItemGone(_) => MarketRefusal::ItemGone,
        TransferRefusal::PlaceTaken(_) => MarketRefusal::NoRoom,
        TransferRefusal::NotEnough(_) => MarketRefusal::NotEnough,
        TransferRefusal::TooMuch(_) => MarketRefusal::TooMuch,
        TransferRefusal::Frozen(_) => MarketRefusal::Frozen,
        TransferRefusal::RecordChanged(_) => MarketRefusal::OfferChanged,
        TransferRefusal::NoSuchOwner(_) => MarketRefusal::BadRequest("no such account".to_owned()),
        TransferRefusal::Malformed(what) => MarketRefusal::BadRequest(what),
        refusal @ TransferRefusal::StandingChanged(_) => MarketRefusal::BadRequest(refusal.to_string()),
    }
}
