//! What the store remembers of amendments: two records, which each part of one changes together with its moves.
//!
//! ```text
//!   of all        its version is raised by each part: what was planned before another part is refused, and planned anew
//!                 it says what the last part was, and whether its run goes on
//!   of a target   the parts by which it was taken back so far
//! ```
//! A transfer is answered once it is decided; that each database shows it may come later. So nobody plans, and no run goes
//! on, before all entries of the last part are to be seen; then those of all parts before it are, too.

use super::book::Reader;
use super::{AmendError, Clerk};
use crate::derive;
use crate::fsck::insist;
use model::calls::database::{Failure, GetRecord, HeldRecord};
use model::calls::ledger::EntriesOf;
use model::id::{AmendmentId, OperationId};
use model::transfer::{Move, Record, RecordChange, RecordKey};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// The record of all.
pub(super) const ALL: RecordKey = RecordKey::Amendment(AmendmentId::ALL);
/// How long another run may stand still between two parts, or a part not be seen; and how long runs that go on are waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_IN_ALL: Duration = Duration::from_secs(120);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// What is older is settled, and its entries may be past the retention.
const LONG_AGO_MS: i64 = 86_400_000;
/// The most parts of one target: so many ids fit into the body of a record.
pub(super) const PARTS_MAX: usize = 110;

/// The last part of any amendment. Stored as JSON, so that later fields can be added with a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Latest {
    /// Its operation, in hex.
    operation: String,
    /// The run that did it, in hex.
    run: String,
    /// How many entries of the ledger it wrote.
    pub(super) entries: usize,
    /// True when another part of the same plan was to follow.
    pub(super) more: bool,
    /// When, by the clock of the operator.
    pub(super) at_ms: i64,
}

impl Latest {
    pub(super) fn new(operation: OperationId, run: u128, moves: &[Move], more: bool, at_ms: i64) -> Self {
        let (operation, run) = (format!("{operation}"), format!("{run:x}"));
        Self { operation, run, entries: moves.iter().map(entries).sum(), more, at_ms }
    }

    pub(super) fn operation(&self) -> Result<OperationId, Failure> {
        self.operation.parse().map_err(|_| Failure::Corrupt(format!("the operation {:?}", self.operation)))
    }

    pub(super) fn is_of(&self, run: u128) -> bool {
        self.run == format!("{run:x}")
    }
}

/// What goes from bucket to bucket has an entry in each.
fn entries(step: &Move) -> usize {
    let (from, to) = match step {
        Move::Birth { .. } | Move::Death { .. } => return 1,
        Move::Item { from, to, .. } => (from.home, to.home),
        Move::Gold { from, to, .. } => (from.home, to.home),
    };
    if placement::bucket_of(from) == placement::bucket_of(to) { 1 } else { 2 }
}

/// The record of all, as it was before a plan was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Minutes {
    pub(super) version: u64,
    pub(super) latest: Option<Latest>,
}

impl Minutes {
    pub(super) fn read(held: Option<HeldRecord>) -> Result<Self, Failure> {
        let Some(HeldRecord { record, .. }) = held else { return Ok(Self::default()) };
        let latest = serde_json::from_slice(&record.body).map_err(|error| unreadable(ALL, &error))?;
        Ok(Self { version: record.version, latest: Some(latest) })
    }

    /// What a part changes, by its number in the plan.
    pub(super) fn put(&self, number: usize, latest: &Latest) -> Result<RecordChange, Failure> {
        let body = serde_json::to_vec(latest).map_err(|error| unreadable(ALL, &error))?;
        Ok(put(ALL, self.version + number as u64, body))
    }
}

/// The parts by which something was taken back so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    version: u64,
    pub(super) operations: Vec<OperationId>,
}

#[derive(Serialize, Deserialize)]
struct PartsBody {
    /// What is taken back, in hex.
    of: String,
    /// In hex.
    operations: Vec<String>,
}

impl Parts {
    pub(super) fn key(of: OperationId) -> RecordKey {
        RecordKey::Amendment(derive::amendment(of))
    }

    /// As far as the reader has them; `Err` says why they cannot be read.
    pub(super) fn of(reader: &Reader<'_>, of: OperationId) -> Result<Self, String> {
        let key = Self::key(of);
        let Some(held) = reader.record(key) else { return Ok(Self::default()) };
        let unreadable = |what: &dyn std::fmt::Display| format!("record {key:?} cannot be read: {what}");
        let body: PartsBody =
            serde_json::from_slice(&held.record.body).map_err(|error| unreadable(&error))?;
        if body.of != format!("{of}") {
            return Err(unreadable(&format!("it is about {}, not about {of}", body.of)));
        }
        let operations = body.operations.iter().map(|id| id.parse());
        let operations = operations.collect::<Result<_, _>>().map_err(|error| unreadable(&error))?;
        Ok(Self { version: held.record.version, operations })
    }

    /// What the last of some parts of one plan changes.
    pub(super) fn put(&self, of: OperationId, plan: &[OperationId]) -> Result<RecordChange, Failure> {
        let key = Self::key(of);
        let operations = self.operations.iter().chain(plan).map(ToString::to_string).collect();
        let body = serde_json::to_vec(&PartsBody { of: of.to_string(), operations })
            .map_err(|error| unreadable(key, &error))?;
        Ok(put(key, self.version + plan.len().saturating_sub(1) as u64, body))
    }
}

fn unreadable(key: RecordKey, error: &serde_json::Error) -> Failure {
    Failure::Corrupt(format!("record {key:?}: {error}"))
}

fn put(key: RecordKey, expected: u64, body: Vec<u8>) -> RecordChange {
    let (home, until_ms) = (AmendmentId::home(), i64::MAX);
    RecordChange::Put { record: Record { key, home, version: 0, scope: 0, until_ms, body }, expected }
}

impl Clerk<'_> {
    /// The record of all amendments, once all of the last one is to be seen and no other run is between two parts; one
    /// that stands still there is waited for in vain.
    pub(super) async fn minutes(&self, run: u128) -> Result<Minutes, AmendError> {
        let end = Instant::now() + PATIENCE_IN_ALL;
        let mut deadline = Instant::now() + PATIENCE;
        let mut minutes = self.read_minutes().await?;
        loop {
            let is_new = |latest: &&Latest| latest.at_ms >= self.now_ms.saturating_sub(LONG_AGO_MS);
            let Some(latest) = minutes.latest.as_ref().filter(is_new) else { return Ok(minutes) };
            let is_seen = self.is_seen(latest).await?;
            let is_late = Instant::now() >= deadline.min(end);
            if is_seen && (is_late || !latest.more || latest.is_of(run)) {
                return Ok(minutes);
            }
            if is_late {
                return Err(unseen(latest)?.into());
            }
            tokio::time::sleep(PAUSE).await;
            let now = self.read_minutes().await?;
            if now.version != minutes.version {
                deadline = Instant::now() + PATIENCE;
            }
            minutes = now;
        }
    }

    async fn read_minutes(&self) -> Result<Minutes, Failure> {
        let request = GetRecord { key: ALL, home: Some(AmendmentId::home()) };
        Minutes::read(insist(|| self.store.get_record(request)).await?)
    }

    async fn is_seen(&self, latest: &Latest) -> Result<bool, AmendError> {
        let of = EntriesOf::Operations(vec![latest.operation()?]);
        Ok(self.entries(of, 0).await?.len() >= latest.entries)
    }

    /// Waits until each database shows a part.
    pub(super) async fn until_seen(&self, latest: &Latest) -> Result<(), AmendError> {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_seen(latest).await? {
            if Instant::now() >= deadline {
                return Err(unseen(latest)?.into());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }
}

fn unseen(latest: &Latest) -> Result<Failure, Failure> {
    let operation = latest.operation()?;
    Ok(Failure::Unavailable(format!(
        "operation {:032x} of an operator is decided and not in all databases yet: see what `wydbr fsck` says of prepared \
         transactions, and ask again",
        operation.0
    )))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use model::transfer::RECORD_BODY_MAX;

    #[test]
    fn as_many_parts_as_there_may_be_fit_into_a_record() {
        let widest = OperationId(u128::MAX);
        let parts = Parts { version: 4, operations: vec![widest; PARTS_MAX - 3] };
        let RecordChange::Put { record, expected } = parts.put(widest, &[widest; 3]).unwrap() else {
            panic!("not put");
        };
        assert_eq!(expected, 6, "two were done before it");
        assert!(record.body.len() <= RECORD_BODY_MAX, "{}", record.body.len());
    }
}
