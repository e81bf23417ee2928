//! Durable work that zones ask for.
//!
//! A job of a player holds the player's lock of writing from before it is sent until its outcome is known: the
//! last state waits for it, and nothing is begun once that is being written. Without an answer the same operation
//! is repeated until there is one; who leaves meanwhile, or a node that stops, waits for it a bounded time.

mod bank_work;
mod remote;
pub(crate) mod transfer;

pub(crate) use remote::ask_market;

use crate::host::Order;
use crate::node::Node;
use crate::session::{Note, Session};
use model::calls::database::{Failure, ListCharacters, Transfer, TransferRefusal, Transferred};
use model::calls::{bank, market};
use model::ledger::GoldAccount;
use model::transfer::Fence;
use model::{Character, Epoch, ZoneId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use world::{Input, Job, JobOutcome, Plan, Possessions, Who, Work};

/// How often an operation is repeated for which somebody waits who wants to go.
const TRIES: u32 = 40;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Does a job and brings its outcome to the zone.
pub(crate) async fn run(node: Arc<Node>, zone: ZoneId, job: Job) {
    node.metrics.jobs_running.inc();
    let outcome = match (&job.work, job.who) {
        (Work::Market(work), None) => {
            remote::end(&node, work).await;
            return node.metrics.jobs_running.dec();
        }
        (Work::Bank(_), None) => JobOutcome::Failed,
        (work, Some(who)) => of_player(&node, zone, who, work).await,
        (Work::Transfer(plan), None) => of_zone(&node, zone, plan).await,
    };
    node.metrics.jobs_running.dec();
    let label = match outcome {
        JobOutcome::Transferred { .. } => "done",
        JobOutcome::Bank { reply: bank::Reply::Refused(_), .. } | JobOutcome::Refused { .. } => "refused",
        JobOutcome::Market { ref reply, .. } if matches!(**reply, market::Reply::Refused(_)) => "refused",
        JobOutcome::Bank { .. } | JobOutcome::Market { .. } => "done",
        JobOutcome::Failed => "failed",
    };
    node.metrics.jobs.with_label_values(&[label]).inc();
    node.order(zone, Order::Input(zone, Input::JobDone { job: job.id, outcome })).await;
}

async fn of_player(node: &Node, zone: ZoneId, who: Who, work: &Work) -> JobOutcome {
    let Some(session) = node.sessions.get(who.session) else { return JobOutcome::Failed };
    let _writing = session.writing.lock().await;
    let Some(epoch) = session.epoch.get().copied() else { return JobOutcome::Failed };
    if session.parting.load(Ordering::SeqCst) {
        return JobOutcome::Failed;
    }
    let fence = Fence { account: who.account, character: who.character, epoch };
    match work {
        Work::Transfer(plan) => transferred(node, zone, &session, (who, epoch), plan).await,
        Work::Bank(work) => bank_work::run(node, &session, fence, work).await,
        Work::Market(work) => remote::market(node, &session, fence, work).await,
    }
}

async fn transferred(
    node: &Node,
    zone: ZoneId,
    session: &Session,
    (who, epoch): (Who, Epoch),
    plan: &Plan,
) -> JobOutcome {
    let Some((transfer, born)) = transfer::of_plan(plan, Some((who, epoch)), zone) else {
        tracing::error!(session = %session.id, reason = plan.reason, "a plan that is no transfer");
        return JobOutcome::Failed;
    };
    match insist(node, Some(session), &transfer).await {
        Some(Ok(transferred)) => {
            if let Some(soft) = &plan.soft {
                session.paid.lock().done(soft.soft.tile);
            }
            let gold = transferred.balance(&GoldAccount::Character(who.character));
            JobOutcome::Transferred { born, gold }
        }
        Some(Err(TransferRefusal::Stale(_))) => {
            session.note(Note::Fenced);
            JobOutcome::Failed
        }
        Some(Err(refusal)) => {
            let fresh = if contradicts(&refusal) { possessions(node, session).await } else { None };
            tracing::warn!(session = %session.id, operation = %transfer.operation, reason = plan.reason,
                %refusal, reread = fresh.is_some(), "the store refused what a zone allowed");
            JobOutcome::Refused { refusal, fresh: fresh.map(Box::new) }
        }
        None => {
            unknown(session, &transfer);
            JobOutcome::Failed
        }
    }
}

/// What is stored is right, whatever it is; this copy of the character may not be.
fn unknown(session: &Session, transfer: &Transfer) {
    tracing::error!(session = %session.id, operation = %transfer.operation,
        "it is not known whether a transfer was done");
    session.note(Note::Fenced);
}

async fn of_zone(node: &Node, zone: ZoneId, plan: &Plan) -> JobOutcome {
    let Some((transfer, born)) = transfer::of_plan(plan, None, zone) else { return JobOutcome::Failed };
    match insist(node, None, &transfer).await {
        Some(Ok(_)) => JobOutcome::Transferred { born, gold: None },
        Some(Err(refusal)) => JobOutcome::Refused { refusal, fresh: None },
        None => JobOutcome::Failed,
    }
}

/// True when a refusal says that the zone's copy of the player is not what is stored.
fn contradicts(refusal: &TransferRefusal) -> bool {
    matches!(
        refusal,
        TransferRefusal::ItemGone(_)
            | TransferRefusal::PlaceTaken(_)
            | TransferRefusal::NotEnough(_)
            | TransferRefusal::TooMuch(_)
    )
}

/// What the player of a session has. Its lock of writing is held, so nothing of it is under way.
async fn possessions(node: &Node, session: &Session) -> Option<Possessions> {
    let permit = node.store_permits.acquire().await;
    let answer = node.store.list_characters(ListCharacters { account: session.account }).await;
    drop(permit);
    let all = answer.inspect_err(|failure| tracing::warn!(session = %session.id, %failure, "cannot re-read"));
    let found = all.ok()?.into_iter().find(|character| character.id == session.character)?;
    let Character { equip, carry, hard, .. } = found;
    Some(Possessions { equip, carry, gold: hard.gold })
}

/// Asks until the store says what came of it.
async fn insist(
    node: &Node,
    session: Option<&Session>,
    transfer: &Transfer,
) -> Option<Result<Transferred, TransferRefusal>> {
    let mut patience = Patience::default();
    loop {
        let permit = node.store_permits.acquire().await;
        let answer = node.store.transfer(transfer.clone()).await;
        drop(permit);
        let failure = match answer {
            Ok(outcome) => return Some(outcome),
            Err(failure) => failure,
        };
        tracing::warn!(operation = %transfer.operation, reason = transfer.reason, %failure, "not transferred yet");
        if !patience.wait(node, session, matches!(failure, Failure::Corrupt(_))).await {
            return None;
        }
    }
}

/// How long an answer is waited for: without end while the player plays on, else a bounded time.
struct Patience {
    left: u32,
    pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { left: TRIES, pause: PAUSE_MIN }
    }
}

impl Patience {
    /// For what can be asked anew.
    fn short() -> Self {
        Self { left: 3, pause: PAUSE_MIN }
    }

    /// Waits before the next try; false when there shall be none. `limited`: waiting longer helps nobody.
    async fn wait(&mut self, node: &Node, session: Option<&Session>, limited: bool) -> bool {
        let stays = session.is_some_and(|session| !session.leaving.load(Ordering::SeqCst));
        if !stays || limited || node.closing.is_cancelled() {
            self.left -= 1;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        self.left > 0
    }
}
