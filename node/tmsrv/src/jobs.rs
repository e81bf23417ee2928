//! Durable work that zones ask for.

use crate::host::Order;
use crate::node::Node;
use crate::session::Note;
use model::calls::database::{ChangeGold, ChangeGoldRefusal};
use model::{OperationId, ZoneId};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use world::{Input, Job, JobOutcome, Work};

/// How often an operation is repeated that got no answer. It carries an id, so it happens once.
const TRIES: u32 = 40;
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Does a job and brings its outcome to the zone.
pub(crate) async fn run(node: Arc<Node>, zone: ZoneId, job: Job) {
    node.metrics.jobs_running.inc();
    let outcome = work(&node, &job).await;
    node.metrics.jobs_running.dec();
    let label = match outcome {
        JobOutcome::Gold(_) => "done",
        JobOutcome::NotEnoughGold => "refused",
        JobOutcome::Failed => "failed",
    };
    node.metrics.jobs.with_label_values(&[label]).inc();
    let done = Input::JobDone { session: job.session, job: job.id, outcome };
    node.order(zone, Order::Input(zone, done)).await;
}

async fn work(node: &Node, job: &Job) -> JobOutcome {
    let Work::ChangeGold { delta, reason } = job.work;
    let Some(session) = node.sessions.get(job.session) else { return JobOutcome::Failed };
    // the last state of the player waits for the outcome, and nothing is paid once that is being written
    let _writing = session.writing.lock().await;
    let Some(epoch) = session.epoch.get().copied() else { return JobOutcome::Failed };
    if session.parting.load(Ordering::SeqCst) {
        return JobOutcome::Failed;
    }
    let request = ChangeGold {
        operation: OperationId(rand::random()),
        account: job.account,
        character: job.character,
        epoch,
        delta,
        reason: reason.to_owned(),
        soft: Some(job.soft.clone()),
    };
    match insist(node, &request).await {
        Some(Ok(gold)) => {
            session.paid.lock().done(job.soft.tile);
            JobOutcome::Gold(gold)
        }
        Some(Err(ChangeGoldRefusal::NotEnough)) => JobOutcome::NotEnoughGold,
        Some(Err(ChangeGoldRefusal::TooMuch)) => JobOutcome::Failed,
        Some(Err(ChangeGoldRefusal::Stale)) => {
            session.note(Note::Fenced);
            JobOutcome::Failed
        }
        None => {
            tracing::error!(session = %job.session, operation = %request.operation, "it is not known whether gold changed");
            // what is stored is right, whatever it is; this copy of the character may not be
            session.note(Note::Fenced);
            JobOutcome::Failed
        }
    }
}

/// Asks until the store says what came of it.
async fn insist(node: &Node, request: &ChangeGold) -> Option<Result<i64, ChangeGoldRefusal>> {
    let mut pause = PAUSE_MIN;
    for _ in 0..TRIES {
        let permit = node.store_permits.acquire().await;
        let answer = node.store.change_gold(request.clone()).await;
        drop(permit);
        match answer {
            Ok(outcome) => return Some(outcome),
            Err(failure) => {
                tracing::warn!(character = %request.character, %failure, "gold could not be changed yet");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
    None
}
