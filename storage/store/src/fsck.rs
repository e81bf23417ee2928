//! `fsck`: walks through a whole store, piece by piece, while it is in use.
//!
//! A piece is a range of buckets read at one moment; an account with all that belongs to it lies in one
//! bucket, so nothing is seen half done. Ranges grow and shrink with what they hold, so that memory and the
//! time of a call stay bounded. Works on any [`Store`], the remote one too.

use crate::Store;
use model::calls::database::{CheckBuckets, CheckDatabases, CheckNames, Checked, Failure};
use model::calls::ledger::FINDINGS_MAX;
use placement::BUCKETS;
use std::time::Duration;

/// Buckets of the first piece.
const FIRST_RANGE: u16 = 16;
/// Rows of a piece: a range that holds more is halved the next time, one that holds a quarter is doubled.
const ROWS: u64 = 20_000;
/// Names of a page.
const NAMES: u32 = 2_000;
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
}

impl Report {
    /// True when nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.checked.findings.is_empty() && self.checked.findings_left_out == 0
    }
}

/// Examines everything; fails when a part of it cannot be read.
pub async fn run(store: &dyn Store) -> Result<Report, Failure> {
    let mut report = Report::default();
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
                add(&mut report.checked, insist(|| store.check_buckets(request)).await?);
            }
            other => {
                let piece = other?;
                let rows = piece.accounts + piece.characters + piece.items + piece.operations + piece.entries;
                range = match rows {
                    rows if rows > ROWS => 1.max(range / 2),
                    rows if rows < ROWS / 4 => BUCKETS.min(range * 2),
                    _ => range,
                };
                add(&mut report.checked, piece);
            }
        }
        first = last + 1;
    }
    let mut after = None;
    loop {
        let request = CheckNames { after, limit: NAMES };
        let page = insist(|| store.check_names(request.clone())).await?;
        report.names += page.names;
        add(&mut report.checked, Checked { findings: page.findings, ..Checked::default() });
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let findings = insist(|| store.check_databases(CheckDatabases)).await?;
    add(&mut report.checked, Checked { findings, ..Checked::default() });
    Ok(report)
}

async fn insist<T, F: Future<Output = Result<T, Failure>>>(ask: impl Fn() -> F) -> Result<T, Failure> {
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
    sum.gold_held = sum.gold_held.saturating_add(piece.gold_held);
    sum.gold_minted = sum.gold_minted.saturating_add(piece.gold_minted);
    sum.gold_burned = sum.gold_burned.saturating_add(piece.gold_burned);
}
