//! Idempotency: the first outcome of an operation is stored in the transaction that did it.

use super::{Fault, change, first, now_ms};
use crate::codec;
use crate::planted::{self, Bug};
use crate::rows::Fields;
use model::calls::database::Failure;
use model::id::{AccountId, OperationId};
use rusqlite::{Connection, params};
use serde::{Serialize, de::DeserializeOwned};

/// What names an operation.
#[derive(Clone, Copy)]
pub(super) struct Once {
    /// Its id.
    pub(super) operation: OperationId,
    /// Its name, so that an id used for two things is found out.
    pub(super) kind: &'static str,
    /// The account that it is about.
    pub(super) account: AccountId,
}

impl Once {
    /// Does `work` and stores its outcome, or gives the outcome of the first time.
    pub(super) fn run<T: Serialize + DeserializeOwned>(
        self,
        connection: &Connection,
        work: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if let Some(outcome) = self.stored(connection)? {
            return Ok(outcome);
        }
        let outcome = work()?;
        self.store(connection, placement::bucket_of(self.account), &outcome)?;
        Ok(outcome)
    }

    /// The outcome of the first time, if there was one.
    pub(super) fn stored<T: DeserializeOwned>(self, connection: &Connection) -> Result<Option<T>, Fault> {
        if planted::is(Bug::OutcomeNotLookedFor) {
            return Ok(None);
        }
        // of a transfer the row with the outcome sorts first
        let stored = first(
            connection,
            "SELECT kind, outcome FROM operations WHERE operation = ?1 ORDER BY kind LIMIT 1",
            params![self.operation.0.to_be_bytes()],
            |row| Ok((row.text(0)?, row.bytes(1)?)),
        )?;
        match stored {
            Some((kind, outcome)) if kind == self.kind => Ok(Some(codec::decode_outcome(&outcome)?)),
            Some((kind, _)) => {
                let ours = self.kind;
                Err(Failure::Corrupt(format!("operation {} was a {kind}, not a {ours}", self.operation))
                    .into())
            }
            None => Ok(None),
        }
    }

    /// Stores an outcome in a bucket.
    pub(super) fn store<T: Serialize>(
        self,
        connection: &Connection,
        bucket: u16,
        outcome: &T,
    ) -> Result<(), Fault> {
        if planted::is(Bug::OutcomeNotStored) {
            return Ok(());
        }
        let sql = concat!(
            "INSERT INTO operations (operation, bucket, kind, outcome, at_ms) VALUES (?1, ?2, ?3, ?4, ",
            now_ms!(),
            ")"
        );
        let outcome = codec::encode_outcome(outcome)?;
        change(connection, sql, params![self.operation.0.to_be_bytes(), bucket, self.kind, outcome]).map(drop)
    }
}
