//! Two-phase commit: what touches several shards happens on all of them or on none, whoever dies when.
//!
//! The protocol knows neither SQL nor the network: databases are behind [`Participant`], [`Site`] and
//! [`Decisions`].
//!
//! ```text
//!   coordinator                                            decisions
//!   execute on each shard, ascending    any "no": roll back
//!   open the attempt              ------------------------> none -> open
//!   prepare on all shards               any failure: roll back
//!   decide                        ------------------------> open -> commit     the moment of truth
//!   answer; commit on all shards
//!
//!   recoverer, for what stays prepared too long
//!   settle                        ------------------------> open -> none; commit stays
//!   commit what is decided, roll back what is not
//!   forget                        ------------------------> commit -> none, when nothing is prepared any more
//! ```
//!
//! * Only the coordinator of an attempt can decide `commit`, only from `open`, and an attempt is opened once, before
//!   anything of it is prepared. So an attempt without a row can never commit any more: rolling it back is right,
//!   however long its coordinator slept. That is why an abort needs no row (presumed abort).
//! * Row locks are taken in ascending order of the shards by everybody, so attempts never wait for each other in a
//!   circle over several shards. Preparing takes no locks and is done everywhere at once.
//! * The answer is given once the decision is durable. A shard that died meanwhile is told by the recoverer.

mod attempt;
mod recovery;
#[cfg(test)]
mod tests;

pub use attempt::Attempt;
pub use recovery::{Doubt, Recovery, Rules, Site, recover};

use crate::planted::{self, Bug};
use async_trait::async_trait;
use futures::future::join_all;
use model::calls::database::Failure;

/// What was decided about an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It happens on all shards.
    Commit,
    /// It happens on none.
    Abort,
}

/// Where attempts are decided: one durable place for all shards.
pub trait Decisions: Sync {
    /// Enters an attempt that may be decided later. Need not be durable: what is lost is aborted.
    fn open(&self, attempt: &Attempt, shards: &[u16]) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Decides to commit, durably, unless it is too late; what stands. May be repeated by the coordinator.
    fn decide(&self, attempt: &Attempt) -> impl Future<Output = Result<Decision, Failure>> + Send;

    /// What stands for each of these, durably: those that are open never commit from now on.
    fn settle(&self, attempts: &[Attempt]) -> impl Future<Output = Result<Vec<Decision>, Failure>> + Send;

    /// Decisions to commit that are older than that, with their shards; takes out what was opened before then and
    /// never decided.
    fn old(&self, age_ms: i64) -> impl Future<Output = Result<Vec<(Attempt, Vec<u16>)>, Failure>> + Send;

    /// Takes out decisions to commit of which nothing is prepared any more.
    fn forget(&self, attempts: &[Attempt]) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// One shard's part of an attempt, for its coordinator.
pub trait Participant: Send {
    /// What a part that can be done says.
    type Said: Send + Sync;
    /// Why a part cannot be done.
    type Refusal: Send;

    /// On which shard.
    fn shard(&self) -> u16;

    /// Does the part without making it last; what it touches stays locked.
    fn execute(&mut self) -> impl Future<Output = Result<Result<Self::Said, Self::Refusal>, Failure>> + Send;

    /// Makes sure that the part can be committed whatever happens; `said` is what all parts said, by shard.
    fn prepare(&mut self, gid: &str, said: &[Self::Said])
    -> impl Future<Output = Result<(), Failure>> + Send;

    /// Commits what was prepared; doing it twice is doing it once.
    fn commit(&mut self, gid: &str) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Takes it back, prepared or not; doing it twice is doing it once.
    fn rollback(&mut self, gid: &str) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A moment in the life of a coordinator, before it does the next thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Before a part is executed.
    Execute(u16),
    /// Before the attempt is opened.
    Open,
    /// Before a part is prepared; the others go on.
    Prepare(u16),
    /// Before the decision; all is prepared.
    Decide,
    /// Before a part is committed; the others go on.
    Commit(u16),
    /// Before the answer; all is committed.
    Answer,
}

/// The coordinator is to stop here as if its process had died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Died;

/// Watches coordinators: for tests and simulations, which kill somebody at a step.
#[async_trait]
pub trait Steps: Send + Sync {
    /// Called before each step; the coordinator goes on when it returns.
    async fn before(&self, operation: &Attempt, step: Step) -> Result<(), Died>;
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

#[async_trait]
impl Steps for Unwatched {
    async fn before(&self, _: &Attempt, _: Step) -> Result<(), Died> {
        Ok(())
    }
}

/// How an attempt ended, if that is known.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<S, R> {
    /// It happens on all shards; what each part said.
    Done(Vec<S>),
    /// Some parts refused, for these reasons: it happens on none.
    Refused(Vec<R>),
}

/// Does the parts, which are in ascending order of their shards, all or none. A failure means that nobody knows yet
/// what became of them, or that nothing did: a further attempt finds out.
pub async fn run<P: Participant, D: Decisions>(
    decisions: &D,
    attempt: &Attempt,
    parts: &mut [P],
    steps: &dyn Steps,
) -> Result<Ended<P::Said, P::Refusal>, Failure> {
    debug_assert!(parts.windows(2).all(|pair| pair[0].shard() < pair[1].shard()), "in ascending order");
    let said = match execute(attempt, parts, steps).await {
        Ok(Ok(said)) => said,
        Ok(Err(refusals)) if planted::is(Bug::RefusalIgnored) => {
            drop(prepare(decisions, attempt, parts, &[], steps).await);
            drop(decisions.decide(attempt).await);
            drop(commit(attempt, parts, steps).await);
            return Ok(Ended::Refused(refusals));
        }
        Ok(Err(refusals)) => {
            take_back(attempt, parts).await;
            return Ok(Ended::Refused(refusals));
        }
        Err(failed) => return failed.end(attempt, parts).await,
    };
    if planted::is(Bug::CommittedBeforePrepared)
        && let Some(first) = parts.first_mut()
    {
        drop(first.prepare(&attempt.gid(first.shard()), &said).await);
        drop(first.commit(&attempt.gid(first.shard())).await);
    }
    match prepare(decisions, attempt, parts, &said, steps).await {
        Err(_) if planted::is(Bug::UnpreparedCommitted) => {}
        Err(failed) => return failed.end(attempt, parts).await,
        Ok(()) => {}
    }
    steps.before(attempt, Step::Decide).await.map_err(Failed::from)?;
    let decision = match planted::is(Bug::Undecided) {
        true => Decision::Commit,
        false => decisions.decide(attempt).await?,
    };
    match decision {
        Decision::Commit => {}
        Decision::Abort if planted::is(Bug::AbortIgnored) => {}
        Decision::Abort => {
            let late =
                Failed::Known(Failure::Unavailable(format!("{attempt} took too long and was aborted")));
            return late.end(attempt, parts).await;
        }
    }
    commit(attempt, parts, steps).await?;
    Ok(Ended::Done(said))
}

/// Why an attempt does not go on.
enum Failed {
    /// Nothing of it will happen.
    Known(Failure),
    /// The coordinator is dead, and does nothing more.
    Dead,
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self::Known(failure)
    }
}

impl From<Died> for Failed {
    fn from(_: Died) -> Self {
        Self::Dead
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Known(failure) => failure,
            Failed::Dead => Self::Unavailable("the coordinator died".into()),
        }
    }
}

impl Failed {
    async fn end<P: Participant, T>(self, attempt: &Attempt, parts: &mut [P]) -> Result<T, Failure> {
        if matches!(self, Self::Known(_)) {
            take_back(attempt, parts).await;
        }
        Err(self.into())
    }
}

/// A refusal does not stop the others: the caller weighs all of them.
async fn execute<P: Participant>(
    attempt: &Attempt,
    parts: &mut [P],
    steps: &dyn Steps,
) -> Result<Result<Vec<P::Said>, Vec<P::Refusal>>, Failed> {
    let (mut said, mut refusals) = (Vec::with_capacity(parts.len()), Vec::new());
    for part in parts {
        steps.before(attempt, Step::Execute(part.shard())).await?;
        match part.execute().await? {
            Ok(word) => said.push(word),
            Err(refusal) => refusals.push(refusal),
        }
    }
    Ok(if refusals.is_empty() { Ok(said) } else { Err(refusals) })
}

async fn prepare<P: Participant, D: Decisions>(
    decisions: &D,
    attempt: &Attempt,
    parts: &mut [P],
    said: &[P::Said],
    steps: &dyn Steps,
) -> Result<(), Failed> {
    steps.before(attempt, Step::Open).await?;
    let shards: Vec<u16> = parts.iter().map(Participant::shard).collect();
    decisions.open(attempt, &shards).await?;
    let prepared = join_all(parts.iter_mut().map(async |part| {
        steps.before(attempt, Step::Prepare(part.shard())).await?;
        Ok(part.prepare(&attempt.gid(part.shard()), said).await?)
    }));
    // who is dead is dead, whatever else failed
    let (dead, others): (Vec<_>, Vec<_>) =
        prepared.await.into_iter().partition(|prepared| matches!(prepared, Err(Failed::Dead)));
    dead.into_iter().chain(others).collect()
}

/// From here on nothing can stop it: what fails is left to the recoverer.
async fn commit<P: Participant>(attempt: &Attempt, parts: &mut [P], steps: &dyn Steps) -> Result<(), Failed> {
    if planted::is(Bug::DecisionTakenBack) {
        for index in 0..parts.len() {
            let gid = attempt.gid(parts[index].shard());
            if parts[index].commit(&gid).await.is_err() {
                take_back(attempt, &mut parts[index..]).await;
                return Ok(());
            }
        }
    }
    let committed = join_all(parts.iter_mut().map(async |part| {
        steps.before(attempt, Step::Commit(part.shard())).await?;
        if let Err(failure) = part.commit(&attempt.gid(part.shard())).await {
            tracing::warn!(%attempt, shard = part.shard(), %failure, "decided, and left to the recoverer");
        }
        Ok::<_, Failed>(())
    }));
    committed.await.into_iter().collect::<Result<(), _>>()?;
    Ok(steps.before(attempt, Step::Answer).await?)
}

/// Nobody has decided to commit, and nobody else can: rolling back is right.
async fn take_back<P: Participant>(attempt: &Attempt, parts: &mut [P]) {
    join_all(parts.iter_mut().map(async |part| {
        if let Err(failure) = part.rollback(&attempt.gid(part.shard())).await {
            tracing::debug!(%attempt, shard = part.shard(), %failure, "rolled back by the recoverer, if need be");
        }
    }))
    .await;
}
