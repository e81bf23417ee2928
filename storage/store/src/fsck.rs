//! `fsck`: walks through a whole store, piece by piece, while it is in use.
//!
//! A piece is a range of buckets read at one moment; an account with all that belongs to it lies in one
//! bucket, so nothing is seen half done. Ranges grow and shrink with what they hold, so that memory and the
//! time of a call stay bounded. What went from bucket to bucket is compared over all of them; what was on its way
//! while they were read is looked at again before it is called lost. So are guilds, of which the records lie in other
//! buckets than their members. Works on any [`Store`], the remote one too.

mod friends;
mod guilds;
mod repair;

pub use repair::{Mended, repair};

use crate::Store;
use crate::examine::base::Sums;
use crate::examine::crossings::{self, Unmatched, operations_of};
use model::calls::database::{
    CheckBuckets, CheckDatabases, CheckItems, CheckNames, Checked, Failure, Finding, ListCrossings,
};
use model::calls::ledger::FINDINGS_MAX;
use model::id::OperationId;
use placement::BUCKETS;
use std::time::{Duration, Instant};

/// Buckets of the first piece.
const FIRST_RANGE: u16 = 16;
/// Rows of a piece: a range that holds more is halved the next time, one that holds a quarter is doubled.
const ROWS: u64 = 20_000;
/// Names of a page.
const NAMES: u32 = 2_000;
/// Items of a page.
const ITEMS: u32 = 10_000;
/// How long something may be on its way from bucket to bucket before it is called lost.
const ON_ITS_WAY: Duration = Duration::from_secs(10);
/// Tries of one piece that cannot be made smaller, and the pause between them.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// What was looked at in all, and everything that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows, gold, and findings.
    pub checked: Checked,
    /// Names of the cluster.
    pub names: u64,
    /// Guilds, those that have ended too.
    pub guilds: u64,
}

/// A report, and what of it repairs need.
struct Look {
    report: Report,
    /// What left a bucket and did not arrive, or the other way round.
    lost: Unmatched,
    /// Guilds with what is wrong with them.
    halls: Vec<guilds::Hall>,
}

impl Report {
    /// True when nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.checked.findings.is_empty() && self.checked.findings_left_out == 0
    }
}

/// Examines everything; fails when a part of it cannot be read.
pub async fn run(store: &dyn Store) -> Result<Report, Failure> {
    look(store).await.map(|look| look.report)
}

async fn look(store: &dyn Store) -> Result<Look, Failure> {
    let mut report = Report::default();
    examine_buckets(store, &mut report.checked).await?;
    let sums = std::mem::take(&mut report.checked.crossings);
    let (lost, mut findings) = find_lost(store, &sums).await?;
    findings.extend(lost.findings());
    examine_names(store, &mut report).await?;
    let mut after = None;
    loop {
        let page = insist(|| store.check_items(CheckItems { after, limit: ITEMS })).await?;
        findings.extend(page.findings);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    findings.extend(insist(|| store.check_databases(CheckDatabases)).await?);
    findings.extend(friends::examine(store).await?);
    let (halls, count) = guilds::examine(store, Instant::now() + ON_ITS_WAY).await?;
    findings.extend(halls.iter().flat_map(guilds::Hall::findings));
    report.guilds = count;
    add(&mut report.checked, Checked { findings, ..Checked::default() });
    Ok(Look { report, lost, halls })
}

async fn examine_buckets(store: &dyn Store, sum: &mut Checked) -> Result<(), Failure> {
    let (mut first, mut range) = (0, FIRST_RANGE);
    while first < BUCKETS {
        let last = first.saturating_add(range).min(BUCKETS) - 1;
        match store.check_buckets(CheckBuckets { first, last }).await {
            Err(Failure::Unavailable(reason)) if range > 1 => {
                tracing::debug!(first, last, reason, "a smaller piece");
                range = 1.max(range / 4);
                continue;
            }
            Err(Failure::Unavailable(_)) => {
                let request = CheckBuckets { first, last };
                add(sum, insist(|| store.check_buckets(request)).await?);
            }
            other => {
                let piece = other?;
                let rows = piece.accounts
                    + piece.characters
                    + piece.items
                    + piece.operations
                    + piece.entries
                    + piece.base;
                range = match rows {
                    rows if rows > ROWS => 1.max(range / 2),
                    rows if rows < ROWS / 4 => BUCKETS.min(range * 2),
                    _ => range,
                };
                add(sum, piece);
            }
        }
        first = last + 1;
    }
    Ok(())
}

async fn examine_names(store: &dyn Store, report: &mut Report) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let request = CheckNames { after, limit: NAMES };
        let page = insist(|| store.check_names(request.clone())).await?;
        report.names += page.names;
        add(&mut report.checked, Checked { findings: page.findings, ..Checked::default() });
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Names what left a bucket and arrived in none, and the other way round, where the sums say that there is such a
/// thing. The buckets were read one after the other: what is whole when it is looked at again was on its way.
/// What is past the retention cannot always be named: findings of it come beside.
async fn find_lost(store: &dyn Store, sums: &Sums) -> Result<(Unmatched, Vec<Finding>), Failure> {
    let deadline = Instant::now() + ON_ITS_WAY;
    let (mut unmatched, mut findings) = (Unmatched::default(), Vec::new());
    for class in sums.keys() {
        let mut found = unmatched_of(store, operations_of(*class), true).await?;
        let mut old = found.split_old();
        // entries may have gone past the retention while the ranges of one class were read
        while !old.adds_up() && Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
            found = unmatched_of(store, operations_of(*class), true).await?;
            old = found.split_old();
        }
        findings.extend(old.finding());
        unmatched.join(found);
    }
    while !unmatched.is_empty() && Instant::now() < deadline {
        tokio::time::sleep(PAUSE).await;
        for operation in unmatched.operations() {
            if Instant::now() < deadline {
                let still = unmatched_of(store, (operation, operation), false).await?;
                unmatched.forget(operation);
                unmatched.join(still);
            }
        }
    }
    Ok((unmatched, findings))
}

/// What is unmatched among some operations, asked for in ranges that fit into an answer.
async fn unmatched_of(
    store: &dyn Store,
    (first, last): (OperationId, OperationId),
    mut with_folded: bool,
) -> Result<Unmatched, Failure> {
    let mut found = Unmatched::default();
    let mut ranges = vec![(first.0, last.0)];
    while let Some((first, last)) = ranges.pop() {
        let request = ListCrossings { first: OperationId(first), last: OperationId(last), with_folded };
        let mut answer = insist(|| store.list_crossings(request)).await?;
        if answer.more && first < last {
            let middle = first + (last - first) / 2;
            ranges.extend([(middle + 1, last), (first, middle)]);
            answer.sides.clear();
        }
        // told once
        with_folded = false;
        found.extend(&answer);
    }
    Ok(found)
}

pub(crate) async fn insist<T, F: Future<Output = Result<T, Failure>>>(
    ask: impl Fn() -> F,
) -> Result<T, Failure> {
    for _ in 1..TRIES {
        match ask().await {
            Err(Failure::Unavailable(_)) => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    ask().await
}

/// Adds a piece to what was seen so far; more findings than an answer holds are only counted.
pub(crate) fn add(sum: &mut Checked, piece: Checked) {
    let room = FINDINGS_MAX.saturating_sub(sum.findings.len());
    sum.findings_left_out += piece.findings_left_out + piece.findings.len().saturating_sub(room) as u64;
    sum.findings.extend(piece.findings.into_iter().take(room));
    sum.accounts += piece.accounts;
    sum.characters += piece.characters;
    sum.items += piece.items;
    sum.operations += piece.operations;
    sum.entries += piece.entries;
    sum.base += piece.base;
    sum.gold_held = sum.gold_held.saturating_add(piece.gold_held);
    sum.gold_minted = sum.gold_minted.saturating_add(piece.gold_minted);
    sum.gold_burned = sum.gold_burned.saturating_add(piece.gold_burned);
    sum.cash_held = sum.cash_held.saturating_add(piece.cash_held);
    sum.cash_minted = sum.cash_minted.saturating_add(piece.cash_minted);
    sum.cash_burned = sum.cash_burned.saturating_add(piece.cash_burned);
    sum.records += piece.records;
    for (class, digest) in piece.crossings {
        crossings::add(&mut sum.crossings, class, digest);
    }
}
