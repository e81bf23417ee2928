//! What a crash left: prepared transactions are ended as it was decided, whoever prepared them.
//!
//! Any number of recoverers may run at once: what one has ended the others do not find any more.

use super::{Attempt, Decision, Decisions};
use crate::planted::{self, Bug};
use futures::future::join_all;
use model::calls::database::Failure;
use std::collections::{BTreeMap, BTreeSet};

/// A prepared transaction that nobody has ended yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Of which attempt.
    pub attempt: Attempt,
    /// How long it has been prepared, by the clock of its shard.
    pub age_ms: i64,
}

/// One shard, for a recoverer.
pub trait Site: Sync {
    /// Its index.
    fn shard(&self) -> u16;
    /// All of our prepared transactions there.
    fn in_doubt(&self) -> impl Future<Output = Result<Vec<Doubt>, Failure>> + Send;
    /// Commits a prepared transaction, if it is still there.
    fn commit(&self, gid: &str) -> impl Future<Output = Result<(), Failure>> + Send;
    /// Rolls back a prepared transaction, if it is still there.
    fn rollback(&self, gid: &str) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// How patient a recoverer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Younger ones are left to their coordinator.
    pub in_doubt_ms: i64,
    /// How long a decision is kept at least.
    pub retention_ms: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { in_doubt_ms: 3_000, retention_ms: 60_000 }
    }
}

/// What one round found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Prepared transactions that are there still, young ones too.
    pub in_doubt: usize,
    /// The age of the oldest of them.
    pub oldest_ms: i64,
    /// Committed, as it was decided.
    pub committed: usize,
    /// Rolled back, since nothing was decided.
    pub rolled_back: usize,
    /// Decisions that nobody needs any more.
    pub forgotten: usize,
    /// Shards that did not answer; the decisions, too, may be away.
    pub away: Vec<String>,
}

/// Does one round over all shards; those that are away are left for the next one.
pub async fn recover<D: Decisions, S: Site>(decisions: &D, sites: &[S], rules: Rules) -> Recovery {
    let mut recovery = Recovery::default();
    // read first: whatever is decided was prepared before, so the lists of the shards show it if it is there still
    let old = decisions.old(rules.retention_ms).await;
    let heard = join_all(sites.iter().map(Site::in_doubt)).await;
    let mut present = BTreeMap::new();
    for (site, doubts) in sites.iter().zip(heard) {
        match doubts {
            Ok(doubts) => drop(present.insert(site.shard(), doubts)),
            Err(failure) => recovery.away.push(format!("shard {}: {failure}", site.shard())),
        }
    }
    match old {
        Ok(old) => forget(decisions, old, &present, &mut recovery).await,
        Err(failure) => recovery.away.push(format!("decisions: {failure}")),
    }
    settle(decisions, sites, &present, rules, &mut recovery).await;
    recovery
}

async fn forget<D: Decisions>(
    decisions: &D,
    old: Vec<(Attempt, Vec<u16>)>,
    present: &BTreeMap<u16, Vec<Doubt>>,
    recovery: &mut Recovery,
) {
    let is_over = |attempt: &Attempt, shard: &u16| {
        if planted::is(Bug::ForgottenTooEarly) {
            return true;
        }
        present.get(shard).is_some_and(|doubts| doubts.iter().all(|doubt| doubt.attempt != *attempt))
    };
    let over = old.into_iter().filter(|(attempt, shards)| shards.iter().all(|shard| is_over(attempt, shard)));
    let over: Vec<Attempt> = over.map(|(attempt, _)| attempt).collect();
    if over.is_empty() {
        return;
    }
    match decisions.forget(&over).await {
        Ok(()) => recovery.forgotten = over.len(),
        Err(failure) => recovery.away.push(format!("decisions: {failure}")),
    }
}

/// Ends what is in doubt for too long.
async fn settle<D: Decisions, S: Site>(
    decisions: &D,
    sites: &[S],
    present: &BTreeMap<u16, Vec<Doubt>>,
    rules: Rules,
    recovery: &mut Recovery,
) {
    recovery.in_doubt = present.values().map(Vec::len).sum();
    recovery.oldest_ms = present.values().flatten().map(|doubt| doubt.age_ms).max().unwrap_or(0);
    let stuck = |doubt: &&Doubt| doubt.age_ms >= rules.in_doubt_ms;
    let attempts: BTreeSet<Attempt> =
        present.values().flatten().filter(stuck).map(|doubt| doubt.attempt).collect();
    if attempts.is_empty() {
        return;
    }
    let attempts: Vec<Attempt> = attempts.into_iter().collect();
    let settled = match decisions.settle(&attempts).await {
        Ok(settled) => attempts.into_iter().zip(settled).collect::<BTreeMap<_, _>>(),
        Err(failure) => return recovery.away.push(format!("decisions: {failure}")),
    };
    let ended = join_all(sites.iter().map(async |site| {
        let doubts = present.get(&site.shard()).into_iter().flatten().filter(stuck);
        end_on(site, doubts, &settled).await
    }));
    for (site, (committed, rolled_back, failure)) in sites.iter().zip(ended.await) {
        recovery.committed += committed;
        recovery.rolled_back += rolled_back;
        recovery.in_doubt -= committed + rolled_back;
        recovery.away.extend(failure.map(|failure| format!("shard {}: {failure}", site.shard())));
    }
}

/// How many were committed and rolled back on a shard, and why it was left.
async fn end_on<S: Site>(
    site: &S,
    doubts: impl Iterator<Item = &Doubt>,
    settled: &BTreeMap<Attempt, Decision>,
) -> (usize, usize, Option<Failure>) {
    let (mut committed, mut rolled_back) = (0, 0);
    for Doubt { attempt, age_ms } in doubts {
        let gid = attempt.gid(site.shard());
        let ended = match settled.get(attempt) {
            Some(Decision::Abort) if planted::is(Bug::RecovererGuesses) => {
                site.commit(&gid).await.map(|()| committed += 1)
            }
            Some(Decision::Commit) if planted::is(Bug::RecovererTakesBack) => {
                site.rollback(&gid).await.map(|()| rolled_back += 1)
            }
            Some(Decision::Commit) => site.commit(&gid).await.map(|()| committed += 1),
            Some(Decision::Abort) => site.rollback(&gid).await.map(|()| rolled_back += 1),
            None => continue,
        };
        if let Err(failure) = ended {
            return (committed, rolled_back, Some(failure));
        }
        let decision = settled.get(attempt);
        tracing::info!(gid, age_ms, ?decision, "ended a transaction that a crash left");
    }
    (committed, rolled_back, None)
}
